//! `events.jsonl`, where it is wanted: a line for each step and each evaluation, handed over at once, for programs that read along.
//!
//! A line is a JSON object: `event` (`step` or `evaluation`), the columns of `steps.csv` or `epochs.csv`, and `layers`, which has for
//! each observed layer the columns of `layers.csv`, or nothing where no statistics were due. All digits are those of the CSV files. JSON
//! has no numbers that are not finite: they are the strings "NaN", "inf" and "-inf". What a CSV file leaves empty is null.

use std::fmt::Write;

use crate::record::csv::CsvFile;
use crate::record::manifest::FileSum;
use crate::record::rows::{EPOCHS, STEPS};
use crate::record::run_dir::RunDir;
use crate::record::statistics::STATISTICS;
use crate::train::prepare::TrainError;
use crate::train::sinks::listen::{Begin, Ended, Evaluation, Kept, Seen, Sink, Step};
use crate::train::sinks::table;
use crate::train::start::{Start, layer_names};

const NAME: &str = "events.jsonl";

struct JsonLines {
    file: CsvFile,
    layers: Vec<String>,
    /// The line of the CSV file, and what becomes of it.
    row: String,
    line: String,
}

pub fn open<'a>(dir: &'a RunDir, start: &Start<'_>) -> Result<Option<Begin<'a>>, TrainError> {
    if !start.plan.experiment.record.json_lines {
        return Ok(None);
    }
    let found = table::look(dir, NAME, start)?;
    Ok(Some(Box::new(move |start| {
        let file = match found {
            Some(mut file) => file.cut().map(|()| file)?,
            None => CsvFile::without_header(&dir.file(NAME))?,
        };
        let layers = layer_names(start.plan);
        Ok(Box::new(JsonLines { file, layers, row: String::new(), line: String::new() }))
    })))
}

impl JsonLines {
    /// Appends the line of an event whose row is in `row`.
    fn push<Row>(&mut self, event: &str, header: &str, seen: &Seen<'_, Row>) -> Result<(), TrainError> {
        let Self { file, layers, row, line, .. } = self;
        line.clear();
        write!(line, "{{\"event\":\"{event}\"").expect("strings take everything");
        for (name, digits) in header.split(',').zip(row.trim_end().split(',')) {
            line.push(',');
            member(name, digits, line);
        }
        line.push_str(",\"layers\":{");
        let mut digits = zmij::Buffer::new();
        for (i, of) in seen.layers().enumerate() {
            write!(line, "{}\"{}\":{{", if i > 0 { "," } else { "" }, layers[of.layer])
                .expect("strings take everything");
            for (j, (statistic, number)) in STATISTICS.iter().zip(of.numbers()).enumerate() {
                line.push_str(if j > 0 { "," } else { "" });
                member(statistic.name, number.map_or("", |x| digits.format(x)), line);
            }
            line.push('}');
        }
        line.push_str("}}\n");
        file.row(&*line)?;
        Ok(file.flush()?)
    }

    /// Length and sum; what rows are, a CSV file alone says.
    fn sum(&mut self) -> Result<FileSum, TrainError> {
        self.file.sync()?;
        Ok(FileSum { rows: None, ..self.file.sum() })
    }
}

/// A member of an object, from a field of a CSV file.
fn member(name: &str, digits: &str, to: &mut String) {
    let is_number = digits.trim_start_matches('-').starts_with(|c: char| c.is_ascii_digit());
    let written = match digits {
        "" => write!(to, "\"{name}\":null"),
        number if is_number => write!(to, "\"{name}\":{number}"),
        word => write!(to, "\"{name}\":\"{word}\""),
    };
    written.expect("strings take everything");
}

impl Sink for JsonLines {
    fn step(&mut self, step: &Step<'_>) -> Result<(), TrainError> {
        self.row.clear();
        step.row.write(&mut self.row);
        self.push("step", STEPS, step)
    }

    fn evaluation(&mut self, evaluation: &Evaluation<'_>) -> Result<(), TrainError> {
        self.row.clear();
        evaluation.row.write(&mut self.row);
        self.push("evaluation", EPOCHS, evaluation)
    }

    fn checkpoint<'s>(&'s mut self, kept: &mut Kept<'s>) -> Result<(), TrainError> {
        kept.progress.keep(NAME, self.sum()?);
        Ok(())
    }

    fn finish(&mut self, ended: &mut Ended<'_>) -> Result<(), TrainError> {
        ended.files.add(NAME, self.sum()?);
        Ok(())
    }
}
