//! The training loop: step, record, evaluate, keep a checkpoint; end when done, diverged or stopped.

use std::path::Path;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Instant;

use crate::activation::Activation;
use crate::data::{Part, epoch_order};
use crate::kernels::activation::WatchSettings;
use crate::kernels::loss::LossSums;
use crate::kernels::moments::Sums;
use crate::model::Watched;
use crate::model::host::{Observe, Observed};
use crate::record::checkpoint::{Checkpoint, Progress};
use crate::record::csv::CsvFile;
use crate::record::histograms::Histograms;
use crate::record::rows::{EPOCHS, EpochRow, LAYERS, LayerRow, STEPS, StepRow};
use crate::record::run_dir::{Existing, RunDir};
use crate::record::summary::{Divergence, Outcome, Summary, Timing};
use crate::record::tensors;
use crate::train::engine::{Batch, Compute, Engine, Updated};
use crate::train::prepare::{Plan, TrainError};

/// What happens during a run, for whoever shows it.
#[derive(Clone, Copy, Debug)]
pub enum Event<'a> {
    /// The run begins, or goes on, at this step of so many.
    Begin {
        /// Steps done before.
        step: u64,
        /// Steps of the whole run.
        total: u64,
        /// Steps of an epoch.
        per_epoch: u64,
    },
    /// A step was taken.
    Step {
        /// What was recorded.
        row: &'a StepRow,
        /// Images of the batch.
        images: usize,
        /// The layers' statistics, if they were due.
        observed: &'a Observed,
    },
    /// The test images were evaluated; the layers' statistics on them stand beside their names.
    Evaluated {
        /// What was recorded.
        row: &'a EpochRow,
        /// The watched layers.
        layers: &'a [Watched],
        /// What was seen in them.
        observed: &'a Observed,
    },
}

/// Images that are evaluated at a time.
const EVALUATION_BATCH: usize = 512;

/// Trains as planned and keeps the records in `dir`. `stop` ends the run after the step in progress, with a checkpoint.
///
/// # Errors
/// The records cannot be written, or the device fails. Divergence is no error but a result.
pub fn train(
    plan: &Plan,
    compute: &Compute,
    dir: &Path,
    existing: Existing,
    stop: &AtomicBool,
    mut show: impl FnMut(Event<'_>),
) -> Result<Summary, TrainError> {
    let dir = RunDir::open(dir, existing)?;
    let mut run = Run::open(plan, compute, dir, existing == Existing::Resume)?;
    let total = plan.total_steps();
    show(Event::Begin { step: run.progress.step, total, per_epoch: plan.steps_per_epoch() });
    let end = run.steps(total, stop, &mut show)?;
    run.finish(end)
}

/// How the loop ended.
enum End {
    Finished,
    Target,
    Diverged(Divergence),
    Stopped,
}

struct Run<'a> {
    plan: &'a Plan,
    engine: Engine,
    dir: RunDir,
    steps: CsvFile,
    layers: CsvFile,
    epochs: CsvFile,
    histograms: Histograms,
    progress: Progress,
    sums: LossSums,
    last: Option<EpochRow>,
    best: Option<f64>,
    /// The order of the epoch in progress.
    order: (u64, Vec<u32>),
    labels: Vec<u8>,
    line: String,
    device: &'static str,
    threads: usize,
    begun: Instant,
}

impl<'a> Run<'a> {
    fn open(plan: &'a Plan, compute: &Compute, dir: RunDir, resume: bool) -> Result<Self, TrainError> {
        let config = plan.experiment.to_toml();
        let stats = &plan.experiment.stats;
        let names = plan.network.watched.iter().map(|watched| watched.name.clone()).collect();
        let mut histograms = Histograms::new(names, stats.histogram_bins, stats.histogram_range);
        let checkpoint_path = dir.file("checkpoint.safetensors");
        if resume {
            check_config(dir.path(), &config)?;
        }
        let checkpoint = if resume && checkpoint_path.exists() {
            let checkpoint = Checkpoint::read(&checkpoint_path, &mut histograms)?;
            check_same(&dir, &checkpoint, &config, plan)?;
            Some(checkpoint)
        } else {
            None
        };
        let mut engine = Engine::new(plan.network.clone(), compute, plan.experiment.optimizer.rule, plan.loss)?;
        let (csv, progress) = match &checkpoint {
            Some(checkpoint) => {
                engine.set_weights(&checkpoint.weights)?;
                let open = |name: &str, i: usize| CsvFile::resume(&dir.file(name), checkpoint.progress.csv_bytes[i]);
                let mut csv = [open("steps.csv", 0)?, open("layers.csv", 1)?, open("epochs.csv", 2)?];
                // Nothing was changed so far, and from here on the run is whole again.
                dir.remove("run.json")?;
                csv.iter_mut().try_for_each(CsvFile::cut)?;
                (csv, checkpoint.progress.clone())
            }
            None => {
                dir.remove("run.json")?;
                let mut weights = engine.weights()?;
                weights.params.clone_from(&plan.start);
                engine.set_weights(&weights)?;
                dir.write("config.toml", &config)?;
                let start = plan.state_dict(&weights.params, &weights.running, 0);
                tensors::write(&dir.file("init.safetensors"), &start, &plan.about())?;
                let create = |name: &str, header: &str| CsvFile::create(&dir.file(name), header);
                let csv = [create("steps.csv", STEPS)?, create("layers.csv", LAYERS)?, create("epochs.csv", EPOCHS)?];
                (csv, Progress::default())
            }
        };
        let [steps, layers, epochs] = csv;
        let (last, best) = progress.evaluations();
        let threads = match compute {
            Compute::Host { threads } => *threads,
            Compute::Device(_) => 1,
        };
        Ok(Self {
            plan,
            engine,
            dir,
            steps,
            layers,
            epochs,
            histograms,
            sums: progress.sums(),
            progress,
            last,
            best,
            order: (u64::MAX, Vec::new()),
            labels: Vec::new(),
            line: String::new(),
            device: compute.name(),
            threads,
            begun: Instant::now(),
        })
    }

    fn steps(&mut self, total: u64, stop: &AtomicBool, show: &mut impl FnMut(Event<'_>)) -> Result<End, TrainError> {
        let per_epoch = self.plan.steps_per_epoch();
        let train = self.plan.experiment.train;
        let evaluate_every = train.evaluate_every.map_or(per_epoch, |steps| steps as u64);
        let checkpoint_every = self.plan.experiment.record.checkpoint_every.map(|steps| steps as u64);
        while self.progress.step < total {
            if stop.load(Ordering::Relaxed) {
                self.checkpoint()?;
                return Ok(End::Stopped);
            }
            if let Some(divergence) = self.step(per_epoch, total, show)? {
                return Ok(End::Diverged(divergence));
            }
            let done = self.progress.step;
            let evaluated = done.is_multiple_of(evaluate_every) || done == total;
            if evaluated {
                let row = self.evaluate(per_epoch, show)?;
                if train.target_accuracy.is_some_and(|target| row.test_accuracy >= target) {
                    return Ok(End::Target);
                }
            }
            if done < total && checkpoint_every.map_or(evaluated, |every| done.is_multiple_of(every)) {
                self.checkpoint()?;
            }
        }
        Ok(End::Finished)
    }

    /// One training step. A step whose numbers are not finite changes no parameter.
    fn step(
        &mut self,
        per_epoch: u64,
        total: u64,
        show: &mut impl FnMut(Event<'_>),
    ) -> Result<Option<Divergence>, TrainError> {
        let begun = Instant::now();
        let plan = self.plan;
        let (step, train) = (self.progress.step, plan.experiment.train);
        let epoch = step / per_epoch;
        if self.order.0 != epoch {
            let n = plan.data.len(Part::Train);
            self.order = (epoch, epoch_order(plan.experiment.seed, epoch as usize, n));
        }
        let first = (step % per_epoch) as usize * train.batch_size;
        let indices = &self.order.1[first..(first + train.batch_size).min(self.order.1.len())];
        self.labels.resize(indices.len(), 0);
        plan.data.gather_labels(Part::Train, indices, &mut self.labels);
        let batch = Batch { data: &plan.data, part: Part::Train, indices, labels: &self.labels };

        let observe = observe(plan, step);
        let seen = self.engine.forward_backward(&batch, &observe)?;
        let rows = indices.len();
        let loss = seen.loss.loss / rows as f64;
        let lr = plan.experiment.optimizer.lr * plan.experiment.schedule.factor(step, total);
        let mut row = StepRow {
            step,
            epoch,
            images: epoch * plan.data.len(Part::Train) as u64 + first as u64,
            lr,
            loss,
            accuracy: seen.loss.correct as f64 / rows as f64,
            gradient_norm: None,
        };
        let mut updated = Updated::default();
        let mut divergence = bad_layer(&plan.network.watched, &seen, step);
        if divergence.is_none() && !loss.is_finite() {
            // Without this step's statistics, the batch is run again to find the layer.
            let all = Observe { statistics: true, histogram_bins: 0, ..observe };
            let again =
                if seen.watches.is_empty() { self.engine.forward_backward(&batch, &all)? } else { seen.clone() };
            divergence = bad_layer(&plan.network.watched, &again, step);
            divergence = divergence.or(Some(Divergence { step, layer: None, what: "loss".into() }));
        }
        if divergence.is_none() {
            updated = self.engine.update(lr, train.clip_norm, observe.statistics)?;
            row.gradient_norm = Some(updated.gradient_norm);
            if !updated.gradient_norm.is_finite() {
                let layer = self.engine.bad_gradient()?.map(|i| layer_of(&plan.network.params[i].name));
                divergence = Some(Divergence { step, layer, what: "weight gradient".into() });
            }
        }
        self.record_step(&row, &seen, &updated)?;
        if divergence.is_none() {
            self.sums.merge(&seen.loss);
            self.progress.step += 1;
        }
        self.progress.images += rows as u64;
        self.progress.seconds[1] += begun.elapsed().as_secs_f64();
        show(Event::Step { row: &row, images: rows, observed: &seen });
        Ok(divergence)
    }

    fn record_step(&mut self, row: &StepRow, seen: &Observed, updated: &Updated) -> Result<(), TrainError> {
        self.line.clear();
        row.write(&mut self.line);
        self.steps.row(&self.line)?;
        self.line.clear();
        for (watched, watch) in self.plan.network.watched.iter().zip(&seen.watches) {
            let norms = watched.weight.and_then(|i| updated.norms.get(i)).map(|n| [n.weight, n.gradient, n.update]);
            LayerRow { step: row.step, phase: "train", layer: &watched.name, watch, norms }.write(&mut self.line);
        }
        self.layers.row(&self.line)?;
        if seen.watches.first().is_some_and(|watch| !watch.histogram.is_empty()) {
            self.histograms.push(row.step, seen.watches.iter().map(|watch| watch.histogram.as_slice()));
        }
        Ok(())
    }

    fn evaluate(&mut self, per_epoch: u64, show: &mut impl FnMut(Event<'_>)) -> Result<EpochRow, TrainError> {
        let plan = self.plan;
        let wanted = Observe { histogram_bins: 0, statistics: plan.experiment.stats.every > 0, ..observe(plan, 0) };
        let indices: Vec<u32> = (0..plan.data.len(Part::Test) as u32).collect();
        let mut total = Observed::default();
        for indices in indices.chunks(EVALUATION_BATCH) {
            self.labels.resize(indices.len(), 0);
            plan.data.gather_labels(Part::Test, indices, &mut self.labels);
            let batch = Batch { data: &plan.data, part: Part::Test, indices, labels: &self.labels };
            let seen = self.engine.evaluate(&batch, &wanted)?;
            total.merge(&seen);
        }
        let mean = |sums: &LossSums| (sums.loss / sums.rows as f64, sums.correct as f64 / sums.rows as f64);
        let ((train_loss, train_accuracy), (test_loss, test_accuracy)) = (mean(&self.sums), mean(&total.loss));
        let step = self.progress.step;
        let epoch = step as f64 / per_epoch as f64;
        let row = EpochRow { epoch, step, train_loss, train_accuracy, test_loss, test_accuracy };
        self.sums = LossSums::default();
        self.last = Some(row);
        self.best = Some(self.best.map_or(test_accuracy, |best| best.max(test_accuracy)));
        self.line.clear();
        row.write(&mut self.line);
        self.epochs.row(&self.line)?;
        self.line.clear();
        for (watched, watch) in plan.network.watched.iter().zip(&total.watches) {
            LayerRow { step, phase: "test", layer: &watched.name, watch, norms: None }.write(&mut self.line);
        }
        self.layers.row(&self.line)?;
        show(Event::Evaluated { row: &row, layers: &plan.network.watched, observed: &total });
        Ok(row)
    }

    fn checkpoint(&mut self) -> Result<(), TrainError> {
        self.progress.set_sums(self.sums);
        self.progress.set_evaluations(self.last, self.best);
        self.progress.csv_bytes = [self.steps.flush()?, self.layers.flush()?, self.epochs.flush()?];
        let before = self.progress.seconds[0];
        self.progress.seconds[0] += self.begun.elapsed().as_secs_f64();
        let checkpoint = Checkpoint {
            config: self.plan.experiment.to_toml(),
            data_sha256: self.plan.data.dataset().sha256.clone(),
            progress: self.progress.clone(),
            activations: activations(self.plan),
            weights: self.engine.weights()?,
        };
        self.progress.seconds[0] = before;
        Ok(checkpoint.write(&self.dir.file("checkpoint.safetensors"), &self.histograms)?)
    }

    fn finish(mut self, end: End) -> Result<Summary, TrainError> {
        for csv in [&mut self.steps, &mut self.layers, &mut self.epochs] {
            csv.flush()?;
        }
        let weights = self.engine.weights()?;
        let model = self.plan.state_dict(&weights.params, &weights.running, weights.batches_seen);
        tensors::write(&self.dir.file("model.safetensors"), &model, &self.plan.about())?;
        if !self.histograms.is_empty() {
            self.histograms.write(&self.dir.file("histograms.safetensors"))?;
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
        };
        if let Some(row) = &self.last {
            summary.take(row);
            summary.best_test_accuracy = self.best;
        }
        // In this order a crash in between leaves a run that has ended, not one that must begin again.
        self.dir.write("run.json", &summary.to_json())?;
        if summary.outcome != Outcome::Interrupted {
            self.dir.remove("checkpoint.safetensors")?;
        }
        Ok(summary)
    }
}

/// What to look at in step `step`.
fn observe(plan: &Plan, step: u64) -> Observe {
    let stats = &plan.experiment.stats;
    let due = |every: usize| every > 0 && step.is_multiple_of(every as u64);
    let histogram = due(stats.histogram_every);
    let [low, high] = stats.histogram_range.map(|x| x as f32);
    Observe {
        statistics: due(stats.every) || histogram,
        histogram_bins: if histogram { stats.histogram_bins } else { 0 },
        settings: WatchSettings {
            near_zero: stats.near_zero as f32,
            gradient_near_zero: stats.gradient_near_zero as f32,
            histogram_range: (low, high),
        },
    }
}

/// The first layer whose numbers are not finite: forwards in execution order, then backwards from the loss.
fn bad_layer(watched: &[Watched], seen: &Observed, step: u64) -> Option<Divergence> {
    let bad = |sums: &Sums| !sums.is_finite();
    let layers = || watched.iter().zip(&seen.watches);
    let forward = layers().find(|(_, watch)| bad(&watch.pre_activation) || bad(&watch.activation));
    let found = forward.map(|(layer, _)| (layer, "pre-activation")).or_else(|| {
        let backward = layers().rev().find(|(_, watch)| bad(&watch.gradient));
        backward.map(|(layer, _)| (layer, "gradient"))
    });
    found.map(|(layer, what)| Divergence { step, layer: Some(layer.name.clone()), what: what.into() })
}

fn layer_of(param: &str) -> String {
    param.split('.').next().unwrap_or(param).into()
}

fn activations(plan: &Plan) -> serde_json::Value {
    let pair = |watched: &Watched| (watched.name.clone(), watched.activation);
    let all: Vec<(String, Activation)> = plan.network.watched.iter().map(pair).collect();
    serde_json::to_value(all).expect("activations are numbers and names")
}

/// Compares the config of the run in `dir`, if there is one, with `config`.
///
/// # Errors
/// They differ; says where.
pub fn check_config(dir: &Path, config: &str) -> Result<(), TrainError> {
    match std::fs::read_to_string(dir.join("config.toml")) {
        Ok(old) => same_config(dir, &old, config),
        Err(_) => Ok(()),
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
    Ok(())
}
