//! Notebooks 06, 07 and 07a: the training runs.

use super::draws::{Numbers, listed};
use super::images::LessonImages;
use super::lsuv::shift_first;
use crate::config::Experiment;
use crate::config::experiment::Budget;
use crate::record::rows::EpochRow;
use crate::train::{Plan, TrainError, train_unrecorded};

const CNN: &str = include_str!("cnn.toml");

/// Five stages instead of four, the gain for a leak of 0.1 that the notebooks give a plain ReLU, and the long schedule.
const FIVE_STAGES: &[&str] =
    &["model.stages=[{channels=8,kernel=5,stride=2},{channels=16,stride=2},{channels=32,stride=2},\
     {channels=64,stride=2},{channels=64,stride=2}]"];
const GAIN_OF_LEAK: &[&str] = &["init.weight={kind='kaiming_normal',gain=1.4071950894605838}"];
const SCHEDULED: &[&str] = &["optimizer.lr=1.0", "schedule.kind=lesson", "train.epochs=8"];

/// A training result: the lesson's CNN with values replaced.
pub struct Training {
    /// The result.
    pub id: &'static str,
    /// The values, as `--set` takes them, in groups.
    sets: &'static [&'static [&'static str]],
    /// True if the lesson's LSUV goes before.
    lsuv: bool,
}

/// Every training result.
pub const TRAININGS: [Training; 10] = [
    plain("train_default_lr04", &[&["init.preset=torch", "optimizer.lr=0.4", "train.epochs=3"]]),
    plain("train_default_lr09", &[&["init.preset=torch"]]),
    plain("train_kaiming_lr09", &[]),
    plain(
        "train_general_relu_lr09",
        &[&["model.activation={kind='general_relu',leak=0.1,shift=0.4,max=6.0}", "train.epochs=1"]],
    ),
    plain("train_scheduled_normal", &[GAIN_OF_LEAK, SCHEDULED]),
    plain("train_scheduled_uniform", &[SCHEDULED, &["init.weight={kind='kaiming_uniform',gain=1.4071950894605838}"]]),
    plain("train_no_batchnorm_lr04", &[FIVE_STAGES, GAIN_OF_LEAK, &["optimizer.lr=0.4"]]),
    plain(
        "train_batchnorm_lr10",
        &[
            FIVE_STAGES,
            GAIN_OF_LEAK,
            &["model.bias=output", "model.norm={kind='batch',position='after'}", "optimizer.lr=1.0", "train.epochs=3"],
        ],
    ),
    plain("train_before_lsuv_lr06", &[FIVE_STAGES, GAIN_OF_LEAK, &["optimizer.lr=0.6"]]),
    Training { id: "train_after_lsuv_lr06", sets: &[FIVE_STAGES, GAIN_OF_LEAK, &["optimizer.lr=0.6"]], lsuv: true },
];

const fn plain(id: &'static str, sets: &'static [&'static [&'static str]]) -> Training {
    Training { id, sets, lsuv: false }
}

/// Epochs of all of them together, once each.
pub fn epochs() -> usize {
    let of = |training: &Training| match training.experiment(0).train.budget {
        Budget::Epochs(epochs) => epochs,
        Budget::Steps(_) => 1,
    };
    TRAININGS.iter().map(of).sum()
}

impl Training {
    /// The training result called `id`.
    pub fn of(id: &str) -> Option<&'static Self> {
        TRAININGS.iter().find(|training| training.id == id)
    }

    /// The run's config.
    ///
    /// # Panics
    /// If the built-in texts are broken, which a test rules out.
    pub fn experiment(&self, seed: u64) -> Experiment {
        let sets: Vec<String> = self.sets.concat().into_iter().map(str::to_owned).collect();
        let experiment = Experiment::parse("lesson8.toml", CNN, &sets).expect("the built-in config is valid");
        Experiment { seed, ..experiment }
    }

    /// The network and its start.
    ///
    /// # Errors
    /// LSUV cannot rescale a layer on this data.
    pub fn plan(&self, images: &LessonImages, seed: u64) -> Result<Plan, TrainError> {
        let mut plan = Plan::new(self.experiment(seed), images.data.clone())?;
        if self.lsuv {
            shift_first(&mut plan, images)?;
        }
        Ok(plan)
    }

    /// Trains with one thread; `epoch_done` is called after each epoch. An epoch that was not reached because the run
    /// diverged has NaN.
    ///
    /// # Errors
    /// As [`Training::plan`].
    pub fn run(&self, images: &LessonImages, seed: u64, epoch_done: impl Fn()) -> Result<Numbers, TrainError> {
        let plan = self.plan(images, seed)?;
        let rows = &train_unrecorded(&plan, 1, |_| epoch_done())?;
        let epochs = plan.total_steps().div_ceil(plan.evaluate_every()) as usize;
        let column = |of: fn(&EpochRow) -> f64| (0..epochs).map(move |i| rows.get(i).map_or(f64::NAN, of));
        let accuracies: Vec<f64> = column(|row| row.test_accuracy).collect();
        let losses: Vec<f64> = column(|row| row.train_loss).collect();
        let mut numbers = vec![(format!("{}.valid_accuracy_last", self.id), accuracies[epochs - 1])];
        numbers.extend(listed(&format!("{}.valid_accuracy", self.id), accuracies));
        numbers.extend(listed(&format!("{}.train_loss", self.id), losses));
        Ok(numbers)
    }
}
