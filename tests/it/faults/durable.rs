//! Files after a loss of power: only what was synced before stays. Followed on the system calls of an undisturbed call.

use std::collections::BTreeSet;
use std::path::{Path, PathBuf};

use super::syscalls::{Call, Kind};

/// Changes that are not on the disk yet.
#[derive(Default)]
pub struct Volatile {
    /// Files whose content was written since they were last synced.
    contents: BTreeSet<PathBuf>,
    /// Files that their directory names since it was last synced.
    names: BTreeSet<PathBuf>,
    /// Summaries that their directory no longer names since then.
    gone: BTreeSet<PathBuf>,
    /// Broken promises: files that stand on the disk although what they promise may not.
    pub broken: Vec<String>,
}

impl Volatile {
    /// A call is about to be carried out.
    pub fn follow(&mut self, call: &Call) {
        let path = &call.path;
        match call.kind {
            Kind::Write | Kind::Truncate => self.changes(path),
            Kind::Create | Kind::MakeDir => {
                self.names.insert(path.clone());
            }
            Kind::Remove => {
                self.contents.remove(path);
                self.names.remove(path);
                if name(path) == SUMMARY && path.exists() {
                    self.gone.insert(path.clone());
                }
            }
            Kind::Rename | Kind::Link => {
                let to = call.to.clone().expect("leads somewhere");
                self.appears(path, &to);
                if self.contents.remove(path) {
                    self.contents.insert(to.clone());
                }
                self.names.remove(path);
                self.gone.remove(&to);
                self.names.insert(to);
            }
            Kind::Sync => {
                self.contents.remove(path);
                self.names.retain(|file| file.parent() != Some(path));
                self.gone.retain(|file| file.parent() != Some(path));
            }
            Kind::Open | Kind::Read | Kind::List | Kind::Stat | Kind::Lock | Kind::Mode | Kind::Thread => {}
        }
    }

    /// The content of a file is about to change.
    fn changes(&mut self, path: &Path) {
        if is_record(path) && self.gone.contains(&path.with_file_name(SUMMARY)) {
            self.broken.push(format!("{} changes while its old summary may still stand on the disk", path.display()));
        }
        self.contents.insert(path.into());
    }

    /// `to` is about to appear, which makes a promise about what lies beside it.
    fn appears(&mut self, from: &Path, to: &Path) {
        if is_record(to) && self.contents.contains(from) {
            self.broken.push(format!("{} appears before its content", to.display()));
        }
        let promised: fn(&str) -> bool = match name(to) {
            SUMMARY => |_| true,
            "checkpoint.safetensors" => |name| name.ends_with(".csv"),
            _ => return,
        };
        let of = |what: &BTreeSet<PathBuf>, part: &str| {
            let beside =
                what.iter().filter(|file| file.parent() == to.parent() && is_record(file) && promised(name(file)));
            beside.map(|file| format!("{} appears before {part} {}", to.display(), name(file))).collect::<Vec<_>>()
        };
        let early = [of(&self.contents, "the content of"), of(&self.names, "the name of")].concat();
        self.broken.extend(early);
    }

    /// The call has ended: what it made below `dir` is to stay.
    pub fn end(&mut self, dir: &Path) {
        for (what, part) in [(&self.contents, "content"), (&self.names, "name")] {
            let left = what.iter().filter(|path| path.starts_with(dir) && is_record(path));
            self.broken.extend(left.map(|path| format!("in the end {} has no {part} on the disk", path.display())));
        }
    }
}

const SUMMARY: &str = "run.json";

/// True if it is more than a scratch file, and more than what `initlab report` makes again from records.
fn is_record(path: &Path) -> bool {
    let hidden = path.components().any(|part| part.as_os_str().to_string_lossy().starts_with(".initlab-"));
    !hidden
        && !name(path).contains("tfevents")
        && !["report.html", "index.md"].contains(&name(path))
        && !name(path).ends_with(".lock")
}

fn name(path: &Path) -> &str {
    path.file_name().and_then(|name| name.to_str()).unwrap_or_default()
}
