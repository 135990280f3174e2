//! TensorBoard's event files: framed as TensorBoard wants it, the same while training, afterwards and after a resume.

use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;

use initlab::record::run_dir::Existing;

use super::compare::STUDY;
use super::{CNN, MLP, Work, initlab, records};

fn event_file(dir: &Path) -> PathBuf {
    let names = fs::read_dir(dir).unwrap().map(|entry| entry.unwrap().path());
    let found: Vec<_> = names.filter(|path| path.to_str().unwrap().contains("events.out.tfevents.")).collect();
    assert_eq!(found.len(), 1, "{found:?}");
    found[0].clone()
}

/// The fields of a message: number and bytes, or the number itself.
fn fields(mut bytes: &[u8]) -> Vec<(u64, Vec<u8>)> {
    fn varint(bytes: &mut &[u8]) -> u64 {
        let mut value = 0;
        for shift in (0..).step_by(7) {
            let (&byte, rest) = bytes.split_first().expect("a number ends");
            *bytes = rest;
            value |= u64::from(byte & 0x7f) << shift;
            if byte < 0x80 {
                break;
            }
        }
        value
    }
    let mut found = Vec::new();
    while !bytes.is_empty() {
        let key = varint(&mut bytes);
        let length = match key & 7 {
            0 => {
                found.push((key >> 3, varint(&mut bytes).to_le_bytes().to_vec()));
                continue;
            }
            1 => 8,
            2 => varint(&mut bytes) as usize,
            5 => 4,
            other => panic!("wire type {other}"),
        };
        let (field, rest) = bytes.split_at(length);
        found.push((key >> 3, field.to_vec()));
        bytes = rest;
    }
    found
}

/// Every event's step and the values of its summary, without those that hold times.
pub fn events(path: &Path) -> Vec<(u64, Vec<Vec<u8>>)> {
    let bytes = fs::read(path).unwrap();
    let (mut at, mut events) = (0, Vec::new());
    while at < bytes.len() {
        let length = u64::from_le_bytes(bytes[at..at + 8].try_into().unwrap()) as usize;
        let event = fields(&bytes[at + 12..at + 12 + length]);
        at += length + 16;
        let field = |n: u64| event.iter().find(|(number, _)| *number == n).map(|(_, bytes)| bytes.clone());
        let step = field(2).map_or(0, |bytes| u64::from_le_bytes(bytes.try_into().unwrap()));
        let values = fields(&field(5).unwrap_or_default()).into_iter().map(|(_, value)| value);
        let timeless = |value: &Vec<u8>| !fields(value)[0].1.starts_with(b"_hparams_");
        events.push((step, values.filter(timeless).collect()));
    }
    assert_eq!(at, bytes.len());
    events
}

#[test]
fn events_are_the_same_live_from_records_and_after_a_resume() {
    for net in [MLP, CNN] {
        let work = Work::new();
        work.config(&format!("{net}\n[record]\ntensorboard = true\n"));
        assert_eq!(work.train("run", &[]).code, Some(0));
        let live = events(&event_file(&work.path("run")));
        assert!(live.len() > 8 && live.iter().any(|(_, values)| values.len() > 20), "{live:?}");
        let ran = initlab(["report", "--tensorboard", work.path("run").to_str().unwrap()]);
        assert_eq!(ran.code, Some(0), "{ran:?}");
        let path = event_file(&work.path("run"));
        assert_eq!(ran.stdout.trim(), path.to_str().unwrap());
        assert!(events(&path) == live, "from the records");
        work.run("stopped", Existing::Keep, 4, || true).unwrap();
        assert_eq!(work.train("stopped", &["--resume"]).code, Some(0));
        assert!(events(&event_file(&work.path("stopped"))) == live, "after a resume");
    }
}

/// Every histogram's step with its tag's layer, its ends, and the sum of its counts.
fn histograms(path: &Path) -> Vec<(u64, String, [f64; 3])> {
    let mut found = Vec::new();
    for (step, values) in events(path) {
        for value in values {
            let value = fields(&value);
            let part = |n: u64| value.iter().find(|(number, _)| *number == n).map(|(_, bytes)| bytes.clone());
            let (Some(tag), Some(histogram)) = (part(1), part(5)) else { continue };
            let numbers = fields(&histogram);
            let number =
                |n: u64| f64::from_le_bytes(numbers.iter().find(|f| f.0 == n).unwrap().1[..].try_into().unwrap());
            found.push((step, String::from_utf8(tag).unwrap(), [number(1), number(2), number(3)]));
        }
    }
    found
}

#[test]
fn where_values_are_no_numbers_records_say_so_and_there_is_no_histogram() {
    let work = Work::new();
    work.config(&format!("{MLP}[record]\ntensorboard = true\n").replace("histogram_every = 5", "histogram_every = 1"));
    // The first step makes weights so large that the second gives NaN.
    assert_eq!(work.train("run", &["--set", "optimizer.lr=1e38"]).code, Some(0));
    let live = histograms(&event_file(&work.path("run")));
    let layers: Vec<&str> = live.iter().filter(|(step, ..)| *step == 0).map(|(_, tag, _)| tag.as_str()).collect();
    assert_eq!(layers, ["linear1/activations", "linear2/activations", "linear3/activations"]);
    assert_eq!(live.len(), 3, "of step 1 there is none: {live:?}");
    assert!(live.iter().all(|(_, _, [min, max, n])| min < max && *n > 0.0), "{live:?}");
    let ran = initlab(["report", "--tensorboard", work.path("run").to_str().unwrap()]);
    assert!(ran.code == Some(0) && histograms(&event_file(&work.path("run"))) == live, "{ran:?}");

    let text = fs::read_to_string(work.path("run/layers.csv")).unwrap();
    let header: Vec<&str> = text.lines().next().unwrap().split(',').collect();
    let lines = text.lines().filter(|line| line.starts_with("1,train,"));
    let rows: Vec<Vec<&str>> = lines.map(|line| line.split(',').collect()).collect();
    let field = |row: &[&str], column: &str| row[header.iter().position(|name| *name == column).unwrap()].to_string();
    // Infinities are extremes; what comes of them in the layers behind is none.
    let ends = ["pre_min", "pre_max", "act_min", "act_max", "grad_min", "grad_max"];
    let extremes: Vec<Vec<String>> = rows.iter().map(|row| ends.map(|end| field(row, end)).to_vec()).collect();
    assert_eq!(extremes, [["-inf", "inf", "0.0", "inf", "NaN", "NaN"], ["NaN"; 6], ["NaN"; 6]], "{text}");
    // A ReLU's units without a number are not known to be dead; an output without φ has a slope whatever it holds.
    let dead: Vec<String> = rows.iter().map(|row| field(row, "dead")).collect();
    assert_eq!(dead[1..], ["NaN", "0.0"]);
    let steps = fs::read_to_string(work.path("run/steps.csv")).unwrap();
    assert!(steps.lines().last().unwrap().ends_with(",NaN,0.0,"), "NaN is right about nothing: {steps}");
}

#[test]
fn event_files_come_when_asked_for_and_change_nothing_else() {
    let work = Work::new();
    work.config(MLP);
    assert_eq!(work.train("plain", &[]).code, Some(0));
    assert!(records(&work.path("plain")).keys().all(|name| !name.contains("tfevents")));
    assert_eq!(work.train("told", &["--tensorboard"]).code, Some(0));
    let (mut told, plain) = (records(&work.path("told")), records(&work.path("plain")));
    told.retain(|name, _| !name.contains("tfevents"));
    for name in ["steps.csv", "layers.csv", "epochs.csv", "model.safetensors", "init.safetensors"] {
        assert!(told[name] == plain[name], "{name}");
    }
    assert_eq!(work.train("told", &["--overwrite"]).code, Some(0));
    assert!(records(&work.path("told")).keys().all(|name| !name.contains("tfevents")), "replaced with the run");
}

/// Python with these modules, if there is one: `INITLAB_PYTHON`, or `python3`.
pub fn python_with(modules: &str) -> Option<String> {
    let python = std::env::var("INITLAB_PYTHON").unwrap_or_else(|_| "python3".into());
    let found = Command::new(&python).args(["-c", &format!("import {modules}")]).output();
    if found.is_ok_and(|output| output.status.success()) {
        return Some(python);
    }
    eprintln!("skipped: {python} has not all of {modules}; name one that has with INITLAB_PYTHON");
    None
}

#[test]
fn the_real_tensorboard_reads_what_the_records_say() {
    let Some(python) = python_with("tensorboard, safetensors, numpy") else { return };
    let script = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/tools/check_tensorboard.py");
    for (net, more) in [(MLP, &[][..]), (CNN, &[]), (MLP, &["--set", "optimizer.lr=1e30"])] {
        let work = Work::new();
        work.config(net);
        assert_eq!(work.train("run", &[&["--tensorboard"], more].concat()).code, Some(0));
        let checked = Command::new(&python).arg(&script).arg(work.path("run")).output().unwrap();
        assert!(checked.status.success(), "{}", String::from_utf8_lossy(&checked.stderr));
    }
}

#[test]
fn a_study_s_arms_stand_side_by_side_in_the_hparams_tab() {
    let work = Work::new();
    work.study(STUDY);
    assert_eq!(work.compare("study", &["--no-report"]).code, Some(0));
    let study = work.path("study");
    let ran = initlab(["report", "--tensorboard", study.to_str().unwrap()]);
    assert_eq!((ran.code, ran.stdout.lines().count()), (Some(0), 18 + 1), "{ran:?}");
    assert_eq!(ran.stdout.lines().last(), event_file(&study).to_str());
    assert!(!study.join("report.html").exists(), "event files instead of the page");
    let logged = work.compare("logged", &["--no-report", "--set", "set.record.tensorboard=true"]);
    assert_eq!(logged.code, Some(0), "{logged:?}");
    let Some(python) = python_with("tensorboard, numpy") else { return };
    let script = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/tools/check_hparams.py");
    let differing =
        ["name", "model.widths", "optimizer.lr", "init.weight.kind", "init.weight.mode", "init.weight.gain"];
    for study in [study, work.path("logged")] {
        let checked = Command::new(&python).arg(&script).arg(&study).args(differing).output().unwrap();
        assert!(checked.status.success(), "{}", String::from_utf8_lossy(&checked.stderr));
    }
}
