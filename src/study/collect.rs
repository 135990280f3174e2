//! From the directory of a finished run to its line in the study.

use std::path::Path;

use crate::data::Part;
use crate::record::RecordError;
use crate::record::csv::read_columns;
use crate::record::finding::Severity;
use crate::record::run_dir::RunDir;
use crate::record::summary::{Outcome, Summary};
use crate::study::check::StudyData;
use crate::study::curve::Courses;
use crate::study::file::Study;
use crate::study::plan::PlannedRun;
use crate::study::record::RunRecord;

/// The record of `run`, whose summary was read from the study's directory `dir`. What was left behind there goes.
///
/// # Errors
/// A file of the run is absent or not as it was written.
pub fn collect(
    study: &Study,
    data: &StudyData,
    run: &PlannedRun,
    summary: Summary,
    dir: &Path,
) -> Result<RunRecord, RecordError> {
    let files = run.dir(dir);
    summary.verify(&files).map_err(RecordError::in_study)?;
    RunDir::tidy(&files)?;
    let [loss] = read_columns(&files.join("steps.csv"), ["loss"])?;
    let [evaluated, test_accuracy] = read_columns(&files.join("epochs.csv"), ["step", "test_accuracy"])?;
    let courses = Courses { loss, evaluated, test_accuracy };
    let finished = summary.outcome == Outcome::Finished;
    let cell = &study.cells[run.cell];
    let train = run.experiment.train;
    let images = data.of(&run.experiment.data);
    let images_to_learn = images.len(Part::Train);
    let steps_per_epoch = images_to_learn.div_ceil(train.batch_size) as u64;
    let whole = finished && summary.steps == summary.planned_steps;
    // A run that diverged has not converged, whatever it reached on its way.
    let steps_to = |target| if finished { courses.steps_to(target) } else { None };
    let lost = |target| if finished { courses.lost(target) } else { None };
    let faults = summary.findings.iter().filter(|finding| finding.severity != Severity::Note);
    Ok(RunRecord {
        arm: study.arms[cell.arm].clone(),
        point: study.labels(&cell.point),
        seed: run.experiment.seed,
        learning_rate: run.experiment.optimizer.lr,
        dir: run.relative_dir(dir),
        device: summary.device,
        outcome: summary.outcome,
        diverged: summary.diverged,
        steps: summary.steps,
        planned_steps: summary.planned_steps,
        steps_per_epoch,
        evaluate_every: train.evaluate_every.map_or(steps_per_epoch, |steps| steps as u64),
        parameters: summary.parameters,
        test_accuracy: summary.test_accuracy,
        best_test_accuracy: summary.best_test_accuracy,
        test_loss: summary.test_loss,
        mean_loss: if whole { courses.mean_loss() } else { None },
        steps_to_target: study.targets.iter().map(steps_to).collect(),
        curve: courses.thinned(summary.planned_steps),
        lost: study.targets.iter().map(lost).collect(),
        batch_size: train.batch_size,
        test_images: images.len(Part::Test),
        chance: 1.0 / images.classes().max(1) as f64,
        faults: faults.map(|finding| finding.rule.clone()).collect(),
    })
}
