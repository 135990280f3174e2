//! A place to call the command in, again and again, and what its calls leave there.

use std::collections::BTreeMap;
use std::fs;
use std::path::{Path, PathBuf};
use std::process::{Command, Output};

use initlab::data::files;

use super::syscalls::{Answer, Call, watch};
use crate::cli::{images, tensorboard};

/// Every file below a directory, by its path from there.
pub type Files = BTreeMap<String, Vec<u8>>;

/// Statistics, histograms, checkpoints and event files within six steps of a tiny net.
const NET: &str = "
[model]
kind = 'mlp'
widths = [6]
[optimizer]
lr = 0.1
momentum = 0.9
[train]
steps = 6
batch_size = 20
evaluate_every = 3
[stats]
every = 2
histogram_every = 3
histogram_bins = 10
[record]
checkpoint_every = 2
tensorboard = true
[data]
dataset = '../blobs'
";

/// Two arms over two seeds, whose rates are looked for first.
const STUDY: &str = "
base = 'net.toml'
seeds = 2
targets = [{ test_accuracy = 0.5 }]
learning_rate = { tune = { low = 0.05, high = 0.2, points = 2, seeds = 1 } }
set.train.steps = 4
set.record.checkpoint_every = 3
[[arms]]
name = 'kaiming'
[[arms]]
name = 'xavier'
set.init.preset = 'xavier'
";

/// Data and configs, and a directory for each case, where calls write to `out`.
pub struct Stage {
    root: tempfile::TempDir,
}

impl Stage {
    pub fn new() -> Self {
        let root = tempfile::tempdir().unwrap();
        files::write(&root.path().join("blobs"), &images(60, 1), &images(20, 2)).unwrap();
        fs::write(root.path().join("net.toml"), NET).unwrap();
        fs::write(root.path().join("study.toml"), STUDY).unwrap();
        Self { root }
    }

    /// An empty directory for a case, as the kernel calls it.
    pub fn case(&self, name: &str) -> PathBuf {
        let dir = self.root.path().canonicalize().unwrap().join(name);
        if dir.exists() {
            fs::remove_dir_all(&dir).unwrap();
        }
        fs::create_dir(&dir).unwrap();
        dir
    }
}

/// The command; `INITLAB` may name another build of it.
pub fn binary() -> PathBuf {
    std::env::var_os("INITLAB").unwrap_or_else(|| env!("CARGO_BIN_EXE_initlab").into()).into()
}

/// A call of the command from within a case's directory.
pub fn initlab(case: &Path, arguments: &str) -> Command {
    let mut command = Command::new(binary());
    command.current_dir(case).args(arguments.split_whitespace());
    command
}

/// A call whose system calls on what lies in the case's directory are answered by `answer`.
pub fn faulty(case: &Path, arguments: &str, answer: impl FnMut(&Call) -> Answer) -> Output {
    watch(&mut initlab(case, arguments), case, answer).unwrap()
}

/// Copies what lies in one case to another.
pub fn copy(from: &Path, to: &Path) {
    for entry in fs::read_dir(from).unwrap() {
        let entry = entry.unwrap();
        let to = to.join(entry.file_name());
        if entry.file_type().unwrap().is_dir() {
            fs::create_dir(&to).unwrap();
            copy(&entry.path(), &to);
        } else {
            fs::copy(entry.path(), to).unwrap();
        }
    }
}

/// Files in `out` without what the clock wrote: the `timing` of `run.json`, and times in event files, their names and sums.
pub fn left(case: &Path) -> Files {
    let mut files = Files::new();
    let out = case.join("out");
    if out.exists() {
        gather(&out, "", &mut files);
    }
    files
}

fn gather(dir: &Path, prefix: &str, files: &mut Files) {
    for entry in fs::read_dir(dir).unwrap() {
        let entry = entry.unwrap();
        let (path, name) = (entry.path(), entry.file_name().into_string().unwrap());
        if entry.file_type().unwrap().is_dir() {
            files.insert(format!("{prefix}{name}/"), Vec::new());
            gather(&path, &format!("{prefix}{name}/"), files);
        } else if name.contains(EVENTS) {
            // Half a file is no list of events.
            let events = std::panic::catch_unwind(|| tensorboard::events(&path));
            let timeless =
                events.map_or_else(|_| fs::read(&path).unwrap(), |events| format!("{events:?}").into_bytes());
            let names = [EVENTS.to_string(), format!("another {EVENTS}")].map(|name| format!("{prefix}{name}"));
            let [first, second] = names;
            let name = if files.contains_key(&first) { second } else { first };
            files.insert(name, timeless);
        } else {
            let bytes = fs::read(&path).unwrap();
            let bytes = if name == "run.json" { without_times(&bytes) } else { bytes };
            files.insert(format!("{prefix}{name}"), bytes);
        }
    }
}

const EVENTS: &str = "events.out.tfevents";

/// A run's summary without what the clock decides.
pub fn without_times(run: &[u8]) -> Vec<u8> {
    fn forget(value: &mut serde_json::Value) {
        match value {
            serde_json::Value::Object(fields) => {
                fields.retain(|name, _| name != "timing" && !name.contains(EVENTS));
                fields.values_mut().for_each(forget);
            }
            serde_json::Value::Array(items) => {
                items.retain(|item| !item.to_string().contains(EVENTS));
                items.iter_mut().for_each(forget);
            }
            serde_json::Value::Null
            | serde_json::Value::Bool(_)
            | serde_json::Value::Number(_)
            | serde_json::Value::String(_) => {}
        }
    }
    match serde_json::from_slice(run) {
        Ok(mut run) => {
            forget(&mut run);
            run.to_string().into_bytes()
        }
        Err(_) => run.to_vec(),
    }
}

/// Names of the files that differ, or are in one place only.
pub fn difference(found: &Files, expected: &Files) -> Option<String> {
    let names = found.keys().chain(expected.keys().filter(|name| !found.contains_key(*name)));
    let different: Vec<_> = names.filter(|name| found.get(*name) != expected.get(*name)).collect();
    let how = |name: &&String| match (found.get(*name), expected.get(*name)) {
        (Some(_), None) => format!("{name} is too much"),
        (None, _) => format!("{name} is missing"),
        (Some(found), Some(expected)) => format!("{name} differs ({} bytes for {})", found.len(), expected.len()),
    };
    (!different.is_empty()).then(|| different.iter().map(how).collect::<Vec<_>>().join(", "))
}
