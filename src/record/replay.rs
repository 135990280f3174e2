//! Event files of runs that have ended, from their records.

use std::path::{Path, PathBuf};

use crate::record::RecordError;
use crate::record::histograms::Histograms;
use crate::record::read::{Columns, RunRecords};
use crate::record::rows::{EpochRow, StepRow};
use crate::record::tensorboard::{EventFile, EventSummary, needed};

/// Writes the event file of the run in `dir`; `wall_s` gives the time at which a step is said to have been taken.
///
/// # Errors
/// A record is damaged, or the file cannot be written.
pub fn write_events(dir: &Path, wall_s: impl Fn(u64) -> f64) -> Result<PathBuf, RecordError> {
    let mut events = replay(dir, None, &wall_s)?;
    if let Some(summary) = RunRecords::read(dir, &[])?.summary {
        events.end(wall_s(summary.steps), &summary)?;
    }
    events.flush()?;
    Ok(events.path().into())
}

/// An event file with everything that the run in `dir` has recorded so far, to which more can be added. `histograms`
/// stand in for the directory's.
///
/// # Errors
/// A record is damaged, or the file cannot be written.
pub fn replay(
    dir: &Path,
    histograms: Option<&Histograms>,
    wall_s: &impl Fn(u64) -> f64,
) -> Result<EventFile, RecordError> {
    let run = RunRecords::read(dir, &needed())?;
    let histograms = histograms.or(run.histograms.as_ref());
    let mut events = EventFile::begin(dir, wall_s(0), &run.config)?;
    let (steps, epochs) = (step_rows(&run.steps), epoch_rows(&run.epochs));
    let mut places = vec![0; run.layers.len()];
    let (mut next, mut evaluations) = (0, epochs.into_iter().peekable());
    for row in &steps {
        let mut summary = EventSummary::default();
        summary.step(row);
        let seen = histogram_at(histograms, &mut next, row.step);
        for (i, layer) in run.layers.iter().enumerate() {
            if layer.train.steps.get(places[i]) != Some(&row.step) {
                continue;
            }
            let numbers = layer.train.numbers(places[i]);
            summary.layer(&layer.name, &numbers);
            if let Some((histograms, row)) = seen
                && let Some(l) = histograms.layers().iter().position(|name| *name == layer.name)
            {
                let counts = histograms.rows(l).nth(row).expect("every layer has a row for each step");
                let counts: Vec<u64> = counts.iter().map(|&n| n as u64).collect();
                summary.histogram(&layer.name, &counts, histograms.range(), &numbers);
            }
            places[i] += 1;
        }
        events.event(wall_s(row.step), row.step, &summary)?;
        // An evaluation counts the steps done: that of step 9 bears the number 10.
        while let Some(evaluation) = evaluations.next_if(|e| e.step <= row.step + 1) {
            let mut summary = EventSummary::default();
            summary.evaluation(&evaluation);
            events.event(wall_s(evaluation.step), evaluation.step, &summary)?;
        }
    }
    Ok(events)
}

/// The histograms with their row for `step`, if there is one; `next` is the first row that was not asked for yet.
fn histogram_at<'a>(
    histograms: Option<&'a Histograms>,
    next: &mut usize,
    step: u64,
) -> Option<(&'a Histograms, usize)> {
    let histograms = histograms?;
    let row = *next;
    if *histograms.steps().get(row)? != step as i64 {
        return None;
    }
    *next += 1;
    Some((histograms, row))
}

fn step_rows(steps: &Columns) -> Vec<StepRow> {
    let [step, epoch, images, lr, loss, accuracy, norm] =
        ["step", "epoch", "images", "lr", "loss", "accuracy", "gradient_norm"].map(|name| steps.get(name));
    let row = |i: usize| StepRow {
        step: step[i] as u64,
        epoch: epoch[i] as u64,
        images: images[i] as u64,
        lr: lr[i],
        loss: loss[i],
        accuracy: accuracy[i],
        gradient_norm: Some(norm[i]).filter(|norm| !norm.is_nan()),
    };
    (0..steps.len()).map(row).collect()
}

fn epoch_rows(epochs: &Columns) -> Vec<EpochRow> {
    let [epoch, step, train_loss, train_accuracy, test_loss, test_accuracy] =
        ["epoch", "step", "train_loss", "train_accuracy", "test_loss", "test_accuracy"].map(|name| epochs.get(name));
    let row = |i: usize| EpochRow {
        epoch: epoch[i],
        step: step[i] as u64,
        train_loss: train_loss[i],
        train_accuracy: train_accuracy[i],
        test_loss: test_loss[i],
        test_accuracy: test_accuracy[i],
    };
    (0..epochs.len()).map(row).collect()
}
