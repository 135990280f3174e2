//! Weight initialisation: how networks start, what every layer shows, and which start trains sooner.
//!
//! The crate is three things. Each works without the others.
//!
//! # Any start for your own candle model
//!
//! [`Start`] hands out an ordinary `VarBuilder` that draws each parameter from a stream of its own name: Kaiming, Xavier, orthogonal,
//! looks-linear and the other [rules](WeightInit), presets of other frameworks, aims from theory. The model's code stays as it is, and
//! the same seed gives the same numbers whatever the order, the device or the type.
//!
//! ```
//! use candle_core::{DType, Device, Tensor};
//! use candle_nn::{Module, Optimizer, SGD, VarMap, linear, loss::cross_entropy};
//! use initlab::{Activation, Preset, Start, Watch};
//!
//! let (varmap, watch) = (VarMap::new(), Watch::new());
//! let start = Start::preset(Preset::Kaiming).activation(Activation::Relu).seed(0).last("fc2.*");
//! let vb = start.var_builder(&varmap, DType::F32, &Device::Cpu);
//! let (fc1, fc2) = (linear(784, 50, vb.pp("fc1"))?, linear(50, 10, vb.pp("fc2"))?);
//! println!("{}", start.table(&varmap)?);
//!
//! let mut sgd = SGD::new(varmap.all_vars(), 0.1)?;
//! # let (images, labels) = (Tensor::ones((8, 784), DType::F32, &Device::Cpu)?, Tensor::zeros(8, DType::U32, &Device::Cpu)?);
//! let h = watch.activation("fc1", &fc1.forward(&images)?, Activation::Relu)?;
//! let logits = watch.tap("fc2", &fc2.forward(&h)?)?;
//! let grads = cross_entropy(&logits, &labels)?.backward()?;
//! watch.step(&varmap, &grads)?;
//! sgd.step(&grads)?;
//! println!("{}", watch.table()?);
//! # Ok::<(), Box<dyn std::error::Error>>(())
//! ```
//!
//! # Every layer's statistics, forwards and backwards
//!
//! [`Watch`] taps tensors in a forward pass: moments, extremes, dead units and histograms of activations, and of their gradients, which
//! candle drops; norms of weights, gradients and updates. [`Lsuv`] rescales layers by what data shows of them, [`Probe`] measures a
//! start over seeds beside what [`theory`] predicts. Rows go to tables, CSV, TensorBoard and reports with charts.
//!
//! # Networks and training of its own
//!
//! [`Experiment`](config::Experiment) describes MLPs and CNNs, which train on the CPU faster than frameworks with every layer
//! recorded; [`Trained::to_candle`] gives a trained network as a `candle_nn` module. The `initlab` command runs the same from config
//! files, compares starts over seeds with intervals, and draws reports.
//!
//! ```
//! use initlab::config::Experiment;
//! use initlab::data::{Choice, Prepared};
//! use initlab::Preset;
//!
//! let data = Prepared::load(Choice::Digits)?;
//! let trained = Experiment::mlp([784, 50, 10]).init(Preset::Xavier).sgd(0.1).steps(10).on(data)?.run()?;
//! println!("loss {}", trained.steps[9].loss);
//! # Ok::<(), Box<dyn std::error::Error>>(())
//! ```
//!
//! # Features
//!
//! `cli` (default) is the `initlab` command, `fetch` (default) downloads data sets, `cuda` trains on GPUs. With
//! `default-features = false` the crate is a library that builds candle-core, candle-nn and little more.

// What cannot be written to a terminal must not end the work: `cli::output` says how lines are printed.
#![deny(clippy::print_stdout, clippy::print_stderr)]
// Whoever adds a variant is to be told every place that must know it.
#![deny(clippy::wildcard_enum_match_arm)]

// For users.
pub mod activation;
pub mod config;
pub mod data;
pub mod init;
pub mod loss;
pub mod model;
pub mod optim;
pub mod start;
pub mod theory;
pub mod train;
pub mod watch;

// For the command, tests and benchmarks: these change without notice.
#[cfg(feature = "cli")]
#[doc(hidden)]
pub mod cli;
#[doc(hidden)]
pub mod cluster;
#[doc(hidden)]
pub mod cpu;
#[doc(hidden)]
pub mod findings;
#[doc(hidden)]
pub mod gpu;
#[doc(hidden)]
pub mod inference;
#[doc(hidden)]
pub mod lesson;
#[doc(hidden)]
pub mod numerals;
#[doc(hidden)]
pub mod papers;
#[doc(hidden)]
pub mod probe;
#[doc(hidden)]
pub mod record;
#[doc(hidden)]
pub mod report;
#[doc(hidden)]
pub mod rng;
#[doc(hidden)]
pub mod study;
#[doc(hidden)]
pub mod width;

mod spelling;

pub use crate::activation::Activation;
#[cfg(feature = "candle-datasets")]
pub use crate::gpu::dataset::to_candle as dataset_to_candle;
pub use crate::init::{Aim, BiasInit, FanMode, Gain, InitRule, Preset, WeightInit};
pub use crate::model::CandleNetwork;
pub use crate::record::row::{Row, Rows};
pub use crate::record::rows::{EpochRow, StepRow};
pub use crate::record::summary::Summary;
pub use crate::start::{Start, StartError};
pub use crate::train::Trained;
pub use crate::watch::{Lsuv, Probe, Watch, WatchError};
