//! `noise.csv`, where it is wanted: the noise of every layer's gradient, and of all together.

use crate::data::Part;
use crate::inference::noise::{Cut, GradientNoise};
use crate::record::noise::{ALL, FILE, HEADER, NoiseRow};
use crate::record::run_dir::RunDir;
use crate::train::prepare::TrainError;
use crate::train::sinks::listen::{Begin, Ended, Kept, Sink, Step};
use crate::train::sinks::table::Table;
use crate::train::start::Start;

struct Noise(Table);

pub fn open<'a>(dir: &'a RunDir, start: &Start<'_>) -> Result<Option<Begin<'a>>, TrainError> {
    if start.plan.experiment.stats.noise_every == 0 {
        return Ok(None);
    }
    Table::open(dir, start, (FILE, HEADER), Noise)
}

/// Calls `see` with the rows of a step: each layer with parameters, then all; none where the noise was not taken.
pub(super) fn rows<'p>(
    step: &Step<'p>,
    mut see: impl FnMut(NoiseRow<'p>) -> Result<(), TrainError>,
) -> Result<(), TrainError> {
    let (images, found) = (step.observed.loss.rows, &step.observed.parts);
    let cut = Cut { parts: found.parts, batch: images, all: step.plan.data.len(Part::Train) };
    let mut row = |layer, [of_parts, of_batch]: [f64; 2]| {
        let noise = GradientNoise::of(of_parts, of_batch, cut);
        see(NoiseRow { step: step.at, layer, images, parts: cut.parts, noise })
    };
    if found.parts < 2 {
        return Ok(());
    }
    let (mut all, mut rest) = ([0.0; 2], &found.squares[..]);
    for params in step.plan.network.params.chunk_by(|a, b| layer(&a.name) == layer(&b.name)) {
        let (own, others) = rest.split_at(params.len());
        let sum = own.iter().fold([0.0; 2], |[a, b], [x, y]| [a + x, b + y]);
        row(layer(&params[0].name), sum)?;
        all = [all[0] + sum[0], all[1] + sum[1]];
        rest = others;
    }
    row(ALL, all)
}

/// The layer of a parameter: `conv2` of `conv2.weight`.
fn layer(param: &str) -> &str {
    param.split('.').next().unwrap_or(param)
}

impl Sink for Noise {
    fn step(&mut self, step: &Step<'_>) -> Result<(), TrainError> {
        rows(step, |row| self.0.row(|line| row.write(line)))
    }

    fn checkpoint<'s>(&'s mut self, kept: &mut Kept<'s>) -> Result<(), TrainError> {
        kept.progress.keep(FILE, self.0.sync()?);
        Ok(())
    }

    fn finish(&mut self, ended: &mut Ended<'_>) -> Result<(), TrainError> {
        ended.files.add(FILE, self.0.sync()?);
        Ok(())
    }
}
