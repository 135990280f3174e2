//! `layers.csv`: one line for each observed layer and recorded step or evaluation.

use std::io::Write;

use crate::cpu::activation::Observation;
use crate::record::RecordError;
use crate::record::csv::{BUFFER, CsvFile};
use crate::record::manifest::FileSum;
use crate::record::statistics::{Norms, STATISTICS};

/// One layer in a recorded step (phase `train`) or an evaluation (phase `test`).
#[derive(Clone, Copy, Debug)]
pub struct LayerRow<'a> {
    /// Steps done before.
    pub step: u64,
    /// `train` or `test`.
    pub phase: &'static str,
    /// The layer's place among the observed ones.
    pub layer: usize,
    /// The layer's statistics in this pass.
    pub observation: &'a Observation,
    /// Norms of the layer's weight, in a step that moved it.
    pub norms: Option<Norms>,
}

/// Numbers of a line of `layers.csv`, after step, phase and layer.
pub const NUMBERS: usize = STATISTICS.len();

/// Columns before the numbers.
pub const KEYS: [&str; 3] = ["step", "phase", "layer"];

/// Header of `layers.csv`.
pub fn header() -> String {
    let names: Vec<&str> = KEYS.into_iter().chain(STATISTICS.iter().map(|statistic| statistic.name)).collect();
    names.join(",")
}

impl LayerRow<'_> {
    /// The numbers of its line, in the header's order; absent where nothing was measured.
    pub fn numbers(&self) -> [Option<f32>; NUMBERS] {
        std::array::from_fn(|i| STATISTICS[i].value(self.observation, self.norms).map(|x| x as f32))
    }
}

/// A [`LayerRow`] that outlives its step.
#[derive(Clone, Debug)]
pub struct LayerSeen {
    /// Steps done before.
    pub step: u64,
    /// `train` or `test`.
    pub phase: &'static str,
    /// The layer's place among the observed ones.
    pub layer: usize,
    /// The layer's statistics in this pass.
    pub observation: Observation,
    /// Norms of the layer's weight, in a step that moved it.
    pub norms: Option<Norms>,
}

impl LayerSeen {
    /// Keeps a row.
    pub fn of(row: LayerRow<'_>) -> Self {
        let LayerRow { step, phase, layer, observation, norms } = row;
        Self { step, phase, layer, observation: observation.clone(), norms }
    }

    /// The row, whose numbers are those of `layers.csv`.
    pub fn row(&self) -> LayerRow<'_> {
        let Self { step, phase, layer, ref observation, norms } = *self;
        LayerRow { step, phase, layer, observation, norms }
    }
}

/// The text of a whole `layers.csv` for observed layers of these `names`.
pub fn text<'r>(names: &[String], rows: impl Iterator<Item = LayerRow<'r>>) -> Vec<u8> {
    let mut text = header().into_bytes();
    text.push(b'\n');
    for row in rows {
        write!(text, "{},{},{}", row.step, row.phase, names[row.layer]).expect("memory takes everything");
        write_numbers(&row.numbers(), &mut text);
    }
    text
}

/// `layers.csv` while it grows. Lines wait as numbers until there are many: what makes text of them is then near, which it is not
/// just after a training step.
#[derive(Debug)]
pub struct LayerFile {
    csv: CsvFile,
    /// How many of the numbers its lines have: an earlier version's file goes on with the columns that it began with.
    written: usize,
    names: Vec<String>,
    waiting: Vec<Line>,
    text: Vec<u8>,
}

#[derive(Clone, Copy, Debug)]
struct Line {
    step: u64,
    phase: &'static str,
    layer: usize,
    numbers: [Option<f32>; NUMBERS],
}

/// Lines that wait.
const WAITING: usize = 64;

impl LayerFile {
    /// A file with the header, or with lines already, for the observed layers of these names.
    pub fn new(csv: CsvFile, names: Vec<String>) -> Self {
        let longest = names.iter().map(String::len).max().unwrap_or_default();
        let text = Vec::with_capacity(BUFFER + WAITING * (longest + 32 + NUMBERS * (1 + LONGEST)));
        let written = (csv.columns() - KEYS.len()).min(NUMBERS);
        Self { csv, written, names, waiting: Vec::with_capacity(WAITING), text }
    }

    /// Appends a line.
    ///
    /// # Errors
    /// The disk is full, or the file went away.
    pub fn push(&mut self, row: &LayerRow<'_>) -> Result<(), RecordError> {
        let LayerRow { step, phase, layer, .. } = *row;
        self.waiting.push(Line { step, phase, layer, numbers: row.numbers() });
        if self.waiting.len() == WAITING {
            self.write();
            if self.text.len() >= BUFFER {
                self.hand_over()?;
            }
        }
        Ok(())
    }

    /// Puts everything on the disk and gives length, rows and sum so far.
    ///
    /// # Errors
    /// The disk is full.
    pub fn sync(&mut self) -> Result<FileSum, RecordError> {
        self.write();
        self.hand_over()?;
        self.csv.sync()?;
        Ok(self.csv.sum())
    }

    fn hand_over(&mut self) -> Result<(), RecordError> {
        self.csv.row(&self.text)?;
        self.text.clear();
        Ok(())
    }

    /// Makes text of the lines that wait.
    fn write(&mut self) {
        let Self { written, names, waiting, text, .. } = self;
        // The last line's step and phase, and where they stand.
        let (mut of, mut start) = (None, 0..0);
        for Line { step, phase, layer, numbers } in waiting.drain(..) {
            let begin = text.len();
            if of == Some((step, phase)) {
                text.extend_from_within(start.clone());
            } else {
                write!(text, "{step},{phase},").expect("memory takes everything");
                of = Some((step, phase));
            }
            start = begin..text.len();
            text.extend_from_slice(names[layer].as_bytes());
            write_numbers(&numbers[..*written], text);
        }
    }
}

/// Characters of the longest `f32`, as in `-1.17549435e-38`, and one to spare.
const LONGEST: usize = 16;

/// The numbers with the digits of an `f32`, each after a comma, and the end of the line. Numbers of eight characters and more, most of
/// them, are copied as two words that may overlap.
fn write_numbers(numbers: &[Option<f32>], to: &mut Vec<u8>) {
    let mut bytes = [b','; NUMBERS * (1 + LONGEST)];
    let mut digits = zmij::Buffer::new();
    let mut len = 0;
    for number in numbers {
        let text = number.map_or("", |x| digits.format(x)).as_bytes();
        let end = len + 1 + text.len();
        let place = &mut bytes[len + 1..end];
        if let (Some(first), Some(last)) = (text.first_chunk::<8>(), text.last_chunk::<8>())
            && text.len() <= 16
        {
            *place.first_chunk_mut().expect("as long as the text") = *first;
            *place.last_chunk_mut().expect("as long as the text") = *last;
        } else {
            place.copy_from_slice(text);
        }
        len = end;
    }
    to.extend_from_slice(&bytes[..len]);
    to.push(b'\n');
}

#[cfg(test)]
mod tests {
    use super::*;

    /// The lines of one layer's rows, without the header.
    fn lines(rows: &[(&Observation, Option<[f64; 3]>)]) -> Vec<String> {
        let dir = tempfile::tempdir().unwrap();
        let path = dir.path().join("layers.csv");
        let mut file = LayerFile::new(CsvFile::create(&path, &header()).unwrap(), vec!["fc".into()]);
        for (step, (observation, norms)) in rows.iter().enumerate() {
            let row = LayerRow { step: step as u64, phase: "train", layer: 0, observation, norms: *norms };
            file.push(&row).unwrap();
        }
        let bytes = file.sync().unwrap().bytes;
        let text = std::fs::read_to_string(&path).unwrap();
        assert_eq!(text.len() as u64, bytes);
        text.lines().skip(1).map(String::from).collect()
    }

    #[test]
    fn the_columns_of_earlier_versions_keep_their_places() {
        let columns = "step,phase,layer,\
            pre_mean,pre_std,pre_second_moment,pre_near_zero,pre_min,pre_max,\
            act_mean,act_std,act_second_moment,act_near_zero,act_min,act_max,dead,\
            grad_mean,grad_std,grad_second_moment,grad_near_zero,grad_min,grad_max,\
            weight_norm,weight_gradient_norm,update_ratio,pre_kurtosis";
        assert!(header().starts_with(columns), "{}", header());
    }

    #[test]
    fn a_file_of_an_earlier_version_goes_on_with_its_own_columns() {
        let dir = tempfile::tempdir().unwrap();
        let path = dir.path().join("layers.csv");
        let earlier = header().rsplit_once(',').unwrap().0.to_owned();
        CsvFile::create(&path, &earlier).unwrap().sync().unwrap();
        let csv = CsvFile::resume(&path, earlier.len() as u64 + 1, None).unwrap();
        let mut file = LayerFile::new(csv, vec!["fc".into()]);
        let observation = &Observation::default();
        file.push(&LayerRow { step: 0, phase: "test", layer: 0, observation, norms: None }).unwrap();
        file.sync().unwrap();
        let text = std::fs::read_to_string(&path).unwrap();
        let columns: Vec<usize> = text.lines().map(|line| line.split(',').count()).collect();
        assert_eq!(columns, [KEYS.len() + NUMBERS - 1; 2], "{text}");
    }

    #[test]
    fn numbers_of_every_length_are_written_whole() {
        let mut observation = Observation::default();
        let numbers = [-1.175_494_4e-38, 0.1, f32::NAN, -3.402_823_5e38, 123_456.79, 1e-45, f32::NEG_INFINITY, 0.0];
        for x in numbers {
            (observation.pre_activation.n, observation.pre_activation.min, observation.pre_activation.max) = (1, x, -x);
            let [line] = &lines(&[(&observation, Some([f64::from(x); 3]))])[..] else { panic!("one line") };
            let fields: Vec<&str> = line.split(',').collect();
            assert_eq!(fields.len(), 3 + NUMBERS, "{line}");
            let same = |field: &str, x: f32| field.parse::<f32>().is_ok_and(|y| y == x || y.is_nan() && x.is_nan());
            assert!(same(fields[7], x) && same(fields[8], -x) && same(fields[22], x), "{x:e}: {line}");
        }
    }

    #[test]
    fn every_line_has_as_many_fields_as_the_header_and_its_own_step() {
        let observation = Observation { live: [false, true].into_iter().collect(), ..Observation::default() };
        let mut full = observation.clone();
        for sums in [&mut full.pre_activation, &mut full.activation, &mut full.gradient] {
            crate::cpu::observer::add_block(sums, &[1.0, f32::NAN], 0.1);
        }
        // More than wait at a time.
        let rows = [(&observation, None), (&full, Some([1.0, 2.0, 3.0])), (&full, None)].repeat(WAITING);
        let found = lines(&rows);
        assert_eq!(found.len(), rows.len());
        for (step, line) in found.iter().enumerate() {
            assert_eq!(line.split(',').count(), header().split(',').count(), "{line}");
            assert!(line.starts_with(&format!("{step},train,fc,")), "line {step}: {line}");
        }
    }
}
