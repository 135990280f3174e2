//! The command from outside: small data sets on disk, runs in temporary directories, every file compared.

mod batches;
mod browser;
pub mod cluster;
mod cluster_large;
mod cluster_refusals;
#[cfg(unix)]
mod cluster_slurm;
mod compare;
mod compare_parts;
mod compare_words;
mod config;
mod config_errors;
mod first_config;
mod json_lines;
mod lesson8;
mod lr_find;
mod memory;
mod model;
mod output;
mod ownership;
mod papers;
mod probe;
mod python;
mod records;
mod report;
mod resume;
pub mod tensorboard;
mod train;
mod width;
mod wrong_inputs;

use std::collections::BTreeMap;
use std::ffi::OsStr;
use std::fs;
use std::path::{Path, PathBuf};
use std::process::{Command, Output};

use initlab::config::Experiment;
use initlab::data::{Choice, Images, Request, files, load};
use initlab::record::run_dir::Existing;
use initlab::record::summary::Summary;
use initlab::train::engine::Compute;
use initlab::train::{Event, Plan, TrainError, train};

/// Images of 8×8 pixels in four classes: a bright quadrant on noise.
pub fn images(n: usize, mut state: u32) -> Images {
    let mut noise = move || {
        state = state.wrapping_mul(1_664_525).wrapping_add(1_013_904_223);
        (state >> 24) as u8
    };
    let labels: Vec<u8> = (0..n).map(|i| (i % 4) as u8).collect();
    let pixels = labels.iter().flat_map(|&label| (0..64u8).map(move |i| (label, (i / 32) * 2 + (i % 8) / 4)));
    let pixels = pixels.map(|(label, quadrant)| noise() / 2 + if label == quadrant { 60 } else { 0 }).collect();
    Images { pixels, labels, channels: 1, rows: 8, cols: 8 }
}

/// A temporary directory with a data set and room for configs and runs.
struct Work {
    root: tempfile::TempDir,
}

impl Work {
    /// 300 training and 100 test images.
    fn new() -> Self {
        let work = Self { root: tempfile::tempdir().unwrap() };
        files::write(&work.path("blobs"), &images(300, 1), &images(100, 2)).unwrap();
        work
    }

    fn path(&self, name: &str) -> PathBuf {
        self.root.path().join(name)
    }

    /// Writes `net.toml`, which names the data set.
    fn config(&self, text: &str) -> PathBuf {
        let path = self.path("net.toml");
        let data = self.path("blobs");
        fs::write(&path, format!("{text}\n[data]\ndataset = {:?}\n", data.to_str().unwrap())).unwrap();
        path
    }

    /// The plan that the command would train from `net.toml`.
    fn plan(&self) -> Plan {
        let path = self.path("net.toml");
        let text = fs::read_to_string(&path).unwrap();
        let experiment = Experiment::parse(path.to_str().unwrap(), &text, &[]).unwrap();
        let loaded = load(&Request::new(Choice::Directory(self.path("blobs")))).unwrap();
        let data = experiment.data.prepare(loaded.dataset).unwrap();
        Plan::new(experiment, data).unwrap()
    }

    /// Trains in this process; after step `at`, `then` is called and may ask for an end.
    fn run(
        &self,
        out: &str,
        existing: Existing,
        at: u64,
        mut then: impl FnMut() -> bool,
    ) -> Result<Summary, TrainError> {
        let stop = std::sync::atomic::AtomicBool::new(false);
        train(&self.plan(), &Compute::Cpu { threads: 1 }, &self.path(out), existing, &stop, |event| {
            if matches!(event, Event::Step { row, .. } if row.step == at) && then() {
                stop.store(true, std::sync::atomic::Ordering::Relaxed);
            }
        })
    }

    /// `initlab train net.toml --out OUT …`.
    fn train(&self, out: &str, more: &[&str]) -> Ran {
        let (config, out) = (self.path("net.toml"), self.path(out));
        let own = ["train", config.to_str().unwrap(), "--out", out.to_str().unwrap()];
        initlab(own.iter().chain(more))
    }
}

/// How a call of the command ended.
#[derive(Debug)]
pub struct Ran {
    pub code: Option<i32>,
    pub stdout: String,
    pub stderr: String,
}

/// Joins the lines of a message that were folded at 80 columns.
pub fn unfolded(stderr: &str) -> String {
    stderr.replace("\n  ", " ")
}

impl Ran {
    /// Joins the folded lines of stderr.
    pub fn message(&self) -> String {
        unfolded(&self.stderr)
    }
}

impl From<Output> for Ran {
    fn from(output: Output) -> Self {
        let text = |bytes| String::from_utf8(bytes).unwrap();
        Self { code: output.status.code(), stdout: text(output.stdout), stderr: text(output.stderr) }
    }
}

pub fn initlab(arguments: impl IntoIterator<Item = impl AsRef<OsStr>>) -> Ran {
    Command::new(env!("CARGO_BIN_EXE_initlab")).args(arguments).output().unwrap().into()
}

/// Every file of a directory with its bytes.
fn files_of(dir: &Path) -> BTreeMap<String, Vec<u8>> {
    let entries = fs::read_dir(dir).unwrap().map(|entry| entry.unwrap());
    entries.map(|entry| (entry.file_name().into_string().unwrap(), fs::read(entry.path()).unwrap())).collect()
}

fn json(path: &Path) -> serde_json::Value {
    serde_json::from_str(&fs::read_to_string(path).unwrap()).unwrap()
}

/// Every file of a run, without what may differ between two runs: the `timing` of `run.json`.
pub fn records(dir: &Path) -> BTreeMap<String, Vec<u8>> {
    let mut files = files_of(dir);
    let mut run = json(&dir.join("run.json"));
    run.as_object_mut().unwrap().remove("timing").expect("a run takes time");
    files.insert("run.json".into(), run.to_string().into_bytes());
    files
}

/// Names the files that differ instead of printing their bytes.
pub fn assert_same(found: &BTreeMap<String, Vec<u8>>, expected: &BTreeMap<String, Vec<u8>>, case: &str) {
    let names = |files: &BTreeMap<String, Vec<u8>>| files.keys().cloned().collect::<Vec<_>>();
    assert_eq!(names(found), names(expected), "{case}");
    let different: Vec<_> = found.iter().filter(|(name, bytes)| expected[*name] != **bytes).map(|(n, _)| n).collect();
    assert!(different.is_empty(), "{case}: {different:?} differ");
}

pub const MLP: &str = "
[model]
kind = 'mlp'
widths = [12, 9]
[optimizer]
lr = 0.1
[train]
epochs = 2
batch_size = 64
[stats]
every = 3
histogram_every = 5
";

pub const CNN: &str = "
[model]
kind = 'cnn'
stages = [{ channels = 4, stride = 2 }, { channels = 6, pool = { kind = 'max' } }]
activation = 'shifted_relu'
[init.lsuv]
images = 100
[optimizer]
kind = 'adam'
lr = 0.01
[schedule]
kind = 'one_cycle'
[train]
epochs = 2
batch_size = 128
[stats]
every = 2
histogram_every = 4
";

pub const BATCH_NORM: &str = "
[model]
kind = 'mlp'
width = 10
depth = 3
norm = 'batch'
[optimizer]
lr = 0.1
momentum = 0.9
[train]
steps = 13
batch_size = 128
evaluate_every = 4
";

pub const DROPOUT: &str = "
[model]
kind = 'cnn'
stages = [{ channels = 4, stride = 2 }, { channels = 6 }]
head = 'flatten'
hidden = [20, 12]
activation = 'tanh'
dropout = 0.3
[optimizer]
lr = 0.05
[train]
steps = 11
batch_size = 150
[stats]
every = 2
";

pub const RESIDUAL: &str = "
[model]
kind = 'mlp'
width = 10
depth = 4
residual = 'fixup'
norm = 'none'
[optimizer]
kind = 'rmsprop'
lr = 0.001
momentum = 0.5
[train]
steps = 11
batch_size = 50
clip_norm = 0.5
";
