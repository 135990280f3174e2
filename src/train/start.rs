//! Where a run begins: anew, or where its checkpoint stands.

use std::path::Path;

use crate::activation::Activation;
use crate::model::ObservedLayer;
use crate::record::RecordError;
use crate::record::checkpoint::{Checkpoint, FILE as CHECKPOINT, Progress, Weights};
use crate::record::histograms::Histograms;
use crate::record::run_dir::RunDir;
use crate::record::whole::{is_there, text_if_there};
use crate::train::prepare::{Plan, TrainError};

/// Where a run begins.
pub struct Start<'a> {
    /// Plan of the run.
    pub plan: &'a Plan,
    /// Its complete config.
    pub config: String,
    /// The state at the checkpoint, if the run goes on from one.
    pub checkpoint: Option<Checkpoint<'static>>,
    /// The histograms so far.
    pub histograms: Histograms,
}

impl<'a> Start<'a> {
    /// A run that begins.
    pub fn anew(plan: &'a Plan) -> Self {
        let stats = &plan.experiment.stats;
        let histograms = Histograms::new(layer_names(plan), stats.histogram_bins, stats.histogram_range);
        Self { plan, config: plan.experiment.to_toml(), checkpoint: None, histograms }
    }

    /// A run that goes on in `dir` if it should and there is a checkpoint, and begins otherwise. Only looks.
    ///
    /// # Errors
    /// The directory's records cannot be read, or are of another run.
    pub fn in_directory(plan: &'a Plan, dir: &RunDir) -> Result<Self, TrainError> {
        let mut start = Self::anew(plan);
        if !dir.goes_on() {
            return Ok(start);
        }
        check_config(dir.path(), &start.config)?;
        let path = dir.file(CHECKPOINT);
        if is_there(&path)? {
            let checkpoint = Checkpoint::read(&path, &mut start.histograms)?;
            check_same(dir, &checkpoint, &start.config, plan)?;
            checkpoint.files.verify(dir.path(), CHECKPOINT)?;
            start.checkpoint = Some(checkpoint);
        }
        Ok(start)
    }

    /// Where the run stands.
    pub fn progress(&self) -> Progress {
        self.checkpoint.as_ref().map_or_else(Progress::default, |checkpoint| checkpoint.progress.clone())
    }

    /// The weights to begin with.
    pub fn weights(self) -> Weights<'a> {
        match self.checkpoint {
            Some(checkpoint) => checkpoint.weights,
            None => {
                let running = self.plan.network.initial_running();
                Weights { params: self.plan.initial_params().collect(), running, ..Weights::default() }
            }
        }
    }
}

/// Names of the observed layers.
pub fn layer_names(plan: &Plan) -> Vec<String> {
    plan.network.observed.iter().map(|observed| observed.name.clone()).collect()
}

/// Every observed layer's activation, as a checkpoint holds it: LSUV moves shifts, which no config has.
pub fn activations(plan: &Plan) -> serde_json::Value {
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
