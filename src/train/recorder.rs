//! The records of one run: what each step and evaluation adds to its directory, and where it stands.

use std::path::Path;
use std::time::Instant;

use crate::activation::Activation;
use crate::cpu::loss::LossSums;
use crate::data::Part;
use crate::model::ObservedLayer;
use crate::model::observe::Observed;
use crate::record::RecordError;
use crate::record::checkpoint::{CSV, Checkpoint, FILE as CHECKPOINT, Progress, Weights};
use crate::record::csv::CsvFile;
use crate::record::histograms::Histograms;
use crate::record::layers::{self, LayerFile, LayerRow};
use crate::record::manifest::{FileSum, Manifest};
use crate::record::replay::replay;
use crate::record::rows::{EPOCHS, EpochRow, STEPS, StepRow};
use crate::record::run_dir::RunDir;
use crate::record::summary::{self, Divergence, Outcome, Summary, Timing};
use crate::record::tensorboard::{EventFile, EventSummary, now};
use crate::record::tensors;
use crate::record::whole::{is_there, text_if_there};
use crate::train::engine::Compute;
use crate::train::prepare::{Plan, TrainError};
use crate::train::step::{Batch, Updated};
use crate::train::steps::{Batches, epoch_row};

/// Written when the run begins, and not changed from then on.
const START: [&str; 2] = ["config.toml", "init.safetensors"];
const HISTOGRAMS: &str = "histograms.safetensors";
const MODEL: &str = "model.safetensors";

/// How a run ended.
pub enum End {
    /// All steps were taken.
    Finished,
    /// It reached its target accuracy.
    Target,
    /// It met numbers that are not finite.
    Diverged(Divergence),
    /// Someone stopped it.
    Stopped,
}

/// One run's records while it trains.
pub struct Recorder<'a> {
    /// What is trained.
    pub plan: &'a Plan,
    dir: &'a RunDir,
    steps: CsvFile,
    layers: LayerFile,
    epochs: CsvFile,
    histograms: Histograms,
    /// TensorBoard's file, if one is wanted.
    events: Option<EventFile>,
    /// Sums of the files that were whole from the beginning.
    start: Manifest,
    progress: Progress,
    sums: LossSums,
    last: Option<EpochRow>,
    best: Option<f64>,
    batches: Batches,
    line: String,
    device: &'static str,
    threads: usize,
    begun: Instant,
}

impl<'a> Recorder<'a> {
    /// Opens the records of a run that begins, or goes on in `dir` where its checkpoint stands, and gives the weights to
    /// begin with.
    ///
    /// # Errors
    /// The records cannot be written or read, or are of another run.
    pub fn open(plan: &'a Plan, compute: &Compute, dir: &'a RunDir) -> Result<(Self, Weights<'a>), TrainError> {
        let config = plan.experiment.to_toml();
        let stats = &plan.experiment.stats;
        let names: Vec<_> = plan.network.observed.iter().map(|observed| observed.name.clone()).collect();
        let mut histograms = Histograms::new(names.clone(), stats.histogram_bins, stats.histogram_range);
        let checkpoint_path = dir.file(CHECKPOINT);
        if dir.goes_on() {
            check_config(dir.path(), &config)?;
        }
        let checkpoint = if dir.goes_on() && is_there(&checkpoint_path)? {
            let checkpoint = Checkpoint::read(&checkpoint_path, &mut histograms)?;
            check_same(dir, &checkpoint, &config, plan)?;
            Some(checkpoint)
        } else {
            None
        };
        let (csv, progress, weights, mut start) = match checkpoint {
            Some(checkpoint) => {
                checkpoint.files.verify(dir.path(), CHECKPOINT)?;
                let progress = &checkpoint.progress;
                let open =
                    |name: &str, i: usize| CsvFile::resume(&dir.file(name), progress.csv_bytes[i], progress.csv_sum(i));
                let mut csv = [open(CSV[0], 0)?, open(CSV[1], 1)?, open(CSV[2], 2)?];
                // Nothing was changed so far, and from here on the run is whole again.
                dir.reopen()?;
                csv.iter_mut().try_for_each(CsvFile::cut)?;
                (csv, checkpoint.progress, checkpoint.weights, checkpoint.files)
            }
            None => {
                dir.reopen()?;
                let running = plan.network.initial_running();
                let weights = Weights { params: plan.initial_params().collect(), running, ..Weights::default() };
                dir.write("config.toml", &config)?;
                let start = plan.state_dict(plan.initial_params(), &weights.running, 0);
                tensors::write(&dir.file("init.safetensors"), &start, &plan.about())?;
                let create = |name: &str, header: &str| CsvFile::create(&dir.file(name), header);
                let csv = [create(CSV[0], STEPS)?, create(CSV[1], &layers::header())?, create(CSV[2], EPOCHS)?];
                (csv, Progress::default(), weights, Manifest::default())
            }
        };
        if start.is_empty() {
            START.iter().try_for_each(|name| FileSum::of(&dir.file(name)).map(|sum| start.add(name, sum)))?;
        }
        let events = match (plan.experiment.record.tensorboard, progress.step) {
            (false, _) => None,
            (true, 0) => Some(EventFile::begin(dir.path(), now(), &config)?),
            (true, _) => Some(replay(dir.path(), Some(&histograms), &|_| now())?),
        };
        let [steps, layers, epochs] = csv;
        let (last, best) = progress.evaluations();
        let threads = match compute {
            Compute::Cpu { threads } => *threads,
            Compute::Device(_) => 1,
        };
        let recorder = Self {
            plan,
            dir,
            steps,
            layers: LayerFile::new(layers, names),
            epochs,
            histograms,
            events,
            start,
            sums: progress.sums(),
            progress,
            last,
            best,
            batches: Batches::new(),
            line: String::new(),
            device: compute.name(),
            threads,
            begun: Instant::now(),
        };
        Ok((recorder, weights))
    }

    /// Steps done.
    pub fn step(&self) -> u64 {
        self.progress.step
    }

    /// Makes the batch of the step in progress ready.
    pub fn prepare_batch(&mut self) {
        self.batches.prepare(self.plan, self.progress.step);
    }

    /// The batch of the step in progress, once it is ready.
    pub fn batch(&self) -> Batch<'_> {
        self.batches.batch(self.plan, self.progress.step)
    }

    /// The learning rate of the step in progress.
    pub fn lr(&self) -> f64 {
        self.plan.lr(self.progress.step)
    }

    /// Records the step in progress, which counts as done unless it has `diverged`. It took `seconds`.
    ///
    /// # Errors
    /// The records cannot be written.
    pub fn record_step(
        &mut self,
        seen: &Observed,
        updated: Option<&Updated>,
        diverged: bool,
        seconds: f64,
    ) -> Result<StepRow, TrainError> {
        let (step, rows) = (self.progress.step, seen.loss.rows);
        let epoch = step / self.plan.steps_per_epoch();
        let row = StepRow {
            step,
            epoch,
            images: epoch * self.plan.data.len(Part::Train) as u64
                + self.plan.rows_of_epoch(self.progress.step).start as u64,
            lr: self.lr(),
            loss: seen.loss.loss / rows as f64,
            accuracy: seen.loss.correct as f64 / rows as f64,
            gradient_norm: updated.map(|updated| updated.gradient_norm),
        };
        self.line.clear();
        row.write(&mut self.line);
        self.steps.row(&self.line)?;
        let mut summary = self.events.is_some().then(EventSummary::default);
        if let Some(summary) = &mut summary {
            summary.step(&row);
        }
        let range = self.plan.experiment.stats.histogram_range;
        for (layer, (observed, observation)) in self.plan.network.observed.iter().zip(&seen.observations).enumerate() {
            let norms = updated.zip(observed.weight).and_then(|(updated, i)| updated.norms.get(i));
            let norms = norms.map(|n| [n.weight, n.gradient, n.update]);
            let layer = LayerRow { step, phase: "train", layer, observation, norms };
            self.layers.push(&layer)?;
            if let Some(summary) = &mut summary {
                layer.add_to(&observed.name, summary, range);
            }
        }
        if let (Some(events), Some(summary)) = (&mut self.events, &summary) {
            events.event(now(), step, summary)?;
        }
        if seen.observations.first().is_some_and(|observation| !observation.histogram.is_empty()) {
            self.histograms.push(step, seen.observations.iter().map(|observation| observation.histogram.as_slice()));
        }
        if !diverged {
            self.sums.merge(&seen.loss);
            self.progress.step += 1;
        }
        self.progress.images += rows as u64;
        self.progress.seconds[1] += seconds;
        Ok(row)
    }

    /// Records an evaluation of all test images after the last step.
    ///
    /// # Errors
    /// The records cannot be written.
    pub fn record_evaluation(&mut self, seen: &Observed) -> Result<EpochRow, TrainError> {
        let step = self.progress.step;
        let row = epoch_row(self.plan, step, &self.sums, &seen.loss);
        let test_accuracy = row.test_accuracy;
        self.sums = LossSums::default();
        self.last = Some(row);
        self.best = Some(self.best.map_or(test_accuracy, |best| best.max(test_accuracy)));
        self.line.clear();
        row.write(&mut self.line);
        self.epochs.row(&self.line)?;
        if let Some(events) = &mut self.events {
            let mut summary = EventSummary::default();
            summary.evaluation(&row);
            events.event(now(), step, &summary)?;
        }
        for (layer, observation) in seen.observations.iter().enumerate() {
            self.layers.push(&LayerRow { step, phase: "test", layer, observation, norms: None })?;
        }
        Ok(row)
    }

    /// Puts the lines so far on the disk and gives the files' lengths and sums.
    fn sync(&mut self) -> Result<[FileSum; 3], RecordError> {
        self.steps.sync()?;
        self.epochs.sync()?;
        Ok([self.steps.sum(), self.layers.sync()?, self.epochs.sum()])
    }

    /// Keeps everything that the run needs to go on from here.
    ///
    /// # Errors
    /// The records cannot be written.
    pub fn checkpoint(&mut self, weights: Weights<'_>) -> Result<(), TrainError> {
        self.progress.set_sums(self.sums);
        self.progress.set_evaluations(self.last, self.best);
        let sums = self.sync()?;
        self.progress.set_csv(sums);
        let before = self.progress.seconds[0];
        self.progress.seconds[0] += self.begun.elapsed().as_secs_f64();
        let checkpoint = Checkpoint {
            config: self.plan.experiment.to_toml(),
            data_sha256: self.plan.data.dataset().sha256.clone(),
            progress: self.progress.clone(),
            activations: activations(self.plan),
            weights,
            files: self.start.clone(),
        };
        self.progress.seconds[0] = before;
        // The tables that it continues are on the disk before it, names included.
        self.dir.sync()?;
        Ok(checkpoint.write(&self.dir.file(CHECKPOINT), &self.histograms)?)
    }

    /// Closes the records of a run that has ended with these weights.
    ///
    /// # Errors
    /// The records cannot be written.
    pub fn finish(mut self, end: End, weights: Weights<'_>) -> Result<Summary, TrainError> {
        let csv = self.sync()?;
        let model = self.plan.state_dict(weights.params, &weights.running, weights.batches_seen);
        tensors::write(&self.dir.file(MODEL), &model, &self.plan.about())?;
        if !self.histograms.is_empty() {
            self.histograms.write(&self.dir.file(HISTOGRAMS))?;
        }
        let (plan, experiment) = (self.plan, &self.plan.experiment);
        let [wall, train_s] = self.progress.seconds;
        let mut summary = Summary {
            name: experiment.name.clone(),
            outcome: match end {
                End::Finished | End::Target => Outcome::Finished,
                End::Diverged(_) => Outcome::Diverged,
                End::Stopped => Outcome::Interrupted,
            },
            reached_target: matches!(end, End::Target),
            diverged: if let End::Diverged(divergence) = end { Some(divergence) } else { None },
            dataset: plan.data.dataset().name.clone(),
            data_sha256: plan.data.dataset().sha256.clone(),
            split: plan.data.split().name().into(),
            seed: experiment.seed,
            device: self.device.into(),
            version: env!("CARGO_PKG_VERSION").into(),
            epochs: self.progress.step / plan.steps_per_epoch(),
            steps: self.progress.step,
            planned_steps: plan.total_steps(),
            train_loss: None,
            test_loss: None,
            test_accuracy: None,
            best_test_accuracy: None,
            parameters: plan.network.parameters(),
            timing: Timing {
                threads: self.threads,
                wall_s: wall + self.begun.elapsed().as_secs_f64(),
                train_s,
                images_per_s: self.progress.images as f64 / train_s.max(1e-9),
            },
            files: self.sums(csv)?,
        };
        if let Some(row) = &self.last {
            summary.take(row);
            summary.best_test_accuracy = self.best;
        }
        if let Some(events) = &mut self.events {
            events.end(now(), &summary)?;
        }
        // What run.json calls complete is on the disk before it, names included. In this order a crash in between leaves
        // a run that has ended, not one that must begin again.
        self.dir.sync()?;
        self.dir.write(summary::FILE, &summary.to_json())?;
        self.dir.sync()?;
        if summary.outcome != Outcome::Interrupted {
            self.dir.remove(CHECKPOINT)?;
        }
        Ok(summary)
    }

    /// Lengths and sums of the run's files. Not among them: the report and TensorBoard's file, which `initlab report` makes
    /// from the others.
    fn sums(&self, csv: [FileSum; 3]) -> Result<Manifest, RecordError> {
        let mut files = self.start.clone();
        CSV.into_iter().zip(csv).for_each(|(name, sum)| files.add(name, sum));
        files.add(MODEL, FileSum::of(&self.dir.file(MODEL))?);
        if !self.histograms.is_empty() {
            files.add(HISTOGRAMS, FileSum::of(&self.dir.file(HISTOGRAMS))?);
        }
        Ok(files)
    }
}

fn activations(plan: &Plan) -> serde_json::Value {
    let pair = |observed: &ObservedLayer| (observed.name.clone(), observed.activation);
    let all: Vec<(String, Activation)> = plan.network.observed.iter().map(pair).collect();
    serde_json::to_value(all).expect("activations are numbers and names")
}

/// Compares the config of the run in `dir`, if there is one, with `config`.
///
/// # Errors
/// They differ; says where.
pub fn check_config(dir: &Path, config: &str) -> Result<(), TrainError> {
    let path = dir.join("config.toml");
    match text_if_there(&path).map_err(RecordError::io(&path, "reading the file"))? {
        Some(old) => same_config(dir, &old, config),
        None => Ok(()),
    }
}

fn same_config(dir: &Path, old: &str, new: &str) -> Result<(), TrainError> {
    if old == new {
        return Ok(());
    }
    let mut lines = old.lines().zip(new.lines());
    let line = lines.find(|(old, new)| old != new).map(|(old, new)| format!("`{old}`, now `{new}`"));
    let what = format!("the config ({})", line.unwrap_or_else(|| "its length".into()));
    Err(TrainError::OtherRun { path: dir.display().to_string(), what })
}

/// A checkpoint goes on only with the run that wrote it.
fn check_same(dir: &RunDir, checkpoint: &Checkpoint, config: &str, plan: &Plan) -> Result<(), TrainError> {
    same_config(dir.path(), &checkpoint.config, config)?;
    let other = |what: &str| TrainError::OtherRun { path: dir.path().display().to_string(), what: what.into() };
    if checkpoint.data_sha256 != plan.data.dataset().sha256 {
        return Err(other("the data"));
    }
    if checkpoint.activations != activations(plan) {
        return Err(other("the network's activations"));
    }
    let (step, total) = (checkpoint.progress.step, plan.total_steps());
    if step > total {
        return Err(other(&format!("the length ({step} steps are done, {total} are asked for)")));
    }
    Ok(())
}
