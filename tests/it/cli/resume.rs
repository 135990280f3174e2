//! Runs that are stopped and go on: the records are those of a run that never stopped.

use std::fs;
use std::path::Path;
use std::process::{Child, Command, Stdio};
use std::time::Duration;

use initlab::record::run_dir::Existing;
use initlab::record::summary::Outcome;

use super::{BATCH_NORM, CNN, DROPOUT, MLP, RESIDUAL, Work, assert_same, files_of, images, json, records};

fn copy(from: &Path, to: &Path) {
    fs::create_dir(to).unwrap();
    for (name, bytes) in files_of(from) {
        fs::write(to.join(name), bytes).unwrap();
    }
}

#[test]
fn a_run_that_goes_on_after_a_stop_or_a_crash_leaves_the_bytes_of_one_that_never_stopped() {
    let checkpoints = "[record]\ncheckpoint_every = 2\njson_lines = true\n";
    let adam = MLP.replace("lr = 0.1", "kind = 'adamw'\nlr = 0.01");
    let lion = adam.replace("adamw", "lion");
    let muon = adam.replace("adamw", "muon");
    let nesterov = MLP.replace("lr = 0.1", "lr = 0.1\nmomentum = 0.8\nnesterov = true");
    #[rustfmt::skip]
    let cases = [
        ("plain, before the first checkpoint", MLP, 0),
        ("plain, inside an epoch", MLP, 7),
        ("plain, at the end of an epoch", MLP, 4),
        ("plain, before the last step", MLP, 8),
        ("Nesterov", &nesterov, 6),
        ("AdamW", &adam, 6),
        ("Lion", &lion, 6),
        ("Muon", &muon, 6),
        ("Muon on convolutions", &CNN.replace("adam", "muon"), 4),
        ("Adam after LSUV's shifts", CNN, 4),
        ("momentum and batch norm", BATCH_NORM, 9),
        ("dropout", DROPOUT, 5),
        ("RMSprop, clipped, in fixup blocks", RESIDUAL, 8),
    ];
    for (name, net, step) in cases {
        let work = Work::new();
        work.config(&format!("{net}{checkpoints}"));
        let copied = || {
            copy(&work.path("whole"), &work.path("crashed"));
            false
        };
        let whole = work.run("whole", Existing::Keep, step, copied).unwrap();
        assert_eq!(whole.outcome, Outcome::Finished, "{name}");
        let stopped = work.run("stopped", Existing::Keep, step, || true).unwrap();
        assert_eq!((stopped.outcome, stopped.steps), (Outcome::Interrupted, step + 1), "{name}");
        assert!(work.path("stopped").join("checkpoint.safetensors").exists(), "{name}");
        for out in ["stopped", "crashed"] {
            let ran = work.train(out, &["--resume", "--threads", "2", "--no-report"]);
            assert_eq!(ran.code, Some(0), "{name}, {out}: {ran:?}");
            assert_same(&records(&work.path(out)), &records(&work.path("whole")), &format!("{name}, {out}"));
        }
    }
}

#[test]
fn a_run_can_be_stopped_after_every_step() {
    let work = Work::new();
    work.config(BATCH_NORM);
    work.run("whole", Existing::Keep, 0, || false).unwrap();
    for step in 0..12 {
        assert_eq!(work.run("parts", Existing::Resume, step, || true).unwrap().steps, step + 1);
    }
    work.run("parts", Existing::Resume, 12, || false).unwrap();
    assert_same(&records(&work.path("parts")), &records(&work.path("whole")), "in thirteen parts");
}

/// Thousands of steps: long enough to be met by a signal.
const LONG: &str = "
[model]
kind = 'mlp'
widths = [16]
[optimizer]
lr = 0.01
momentum = 0.9
[train]
steps = 6000
batch_size = 64
evaluate_every = 1000
[stats]
every = 100
[record]
checkpoint_every = 150
";

/// Starts the run and waits for its first checkpoint.
fn begun(work: &Work, out: &str) -> Child {
    let mut command = Command::new(env!("CARGO_BIN_EXE_initlab"));
    command.arg("train").arg(work.path("net.toml")).arg("--out").arg(work.path(out));
    let mut child = command.stdout(Stdio::piped()).stderr(Stdio::piped()).spawn().unwrap();
    let checkpoint = work.path(out).join("checkpoint.safetensors");
    for _ in 0..60_000 {
        if checkpoint.exists() {
            return child;
        }
        std::thread::sleep(Duration::from_millis(1));
    }
    child.kill().unwrap();
    panic!("no checkpoint within a minute: {:?}", child.wait());
}

#[test]
fn ctrl_c_ends_a_run_with_130_and_a_killed_run_goes_on_as_well() {
    let work = Work::new();
    work.config(LONG);
    assert_eq!(work.train("whole", &[]).code, Some(0));

    let child = begun(&work, "stopped");
    assert!(Command::new("kill").args(["-INT", &child.id().to_string()]).status().unwrap().success());
    let ran = super::Ran::from(child.wait_with_output().unwrap());
    assert_eq!(ran.code, Some(130), "{ran:?}");
    assert!(ran.stdout.contains("interrupted at step") && ran.message().contains("--resume"), "{ran:?}");
    let run = json(&work.path("stopped").join("run.json"));
    assert!(run["outcome"] == "interrupted" && run["steps"].as_u64() < Some(6000), "{run}");
    assert!(work.path("stopped").join("checkpoint.safetensors").exists());

    let mut child = begun(&work, "killed");
    child.kill().unwrap();
    child.wait().unwrap();
    assert!(!work.path("killed").join("run.json").exists());
    // As if it had been killed while writing a checkpoint.
    fs::write(work.path("killed").join(".initlab-abcdef"), "half").unwrap();
    fs::create_dir(work.path("killed").join(".initlab-fedcba")).unwrap();
    fs::write(work.path("killed").join(".initlab-fedcba/tensors"), "half").unwrap();

    for out in ["stopped", "killed"] {
        let ran = work.train(out, &["--resume"]);
        assert!(ran.code == Some(0) && ran.message().contains("going on at step"), "{ran:?}");
        assert_same(&records(&work.path(out)), &records(&work.path("whole")), out);
    }
}

#[test]
fn what_does_not_belong_together_does_not_go_on_and_nothing_is_changed() {
    type Harm = fn(&Work);
    fn cut(work: &Work, name: &str) {
        let path = work.path("run").join(name);
        let bytes = fs::read(&path).unwrap();
        fs::write(path, &bytes[..bytes.len() / 2]).unwrap();
    }
    let none: Harm = |_| {};
    let other_data: Harm = |work| {
        fs::remove_dir_all(work.path("blobs")).unwrap();
        initlab::data::files::write(&work.path("blobs"), &images(300, 3), &images(100, 2)).unwrap();
    };
    let other_file: Harm = |work| {
        let run = work.path("run");
        fs::copy(run.join("init.safetensors"), run.join("checkpoint.safetensors")).unwrap();
    };
    #[rustfmt::skip]
    let cases: [(&str, Harm, &[&str], &[&str]); 11] = [
        ("another rate", none, &["--set", "optimizer.lr=0.3"], &["cannot go on", "`lr = 0.1`, now `lr = 0.3`", "--overwrite"]),
        ("another seed", none, &["--seed", "4"], &["cannot go on", "`seed = 0`, now `seed = 4`"]),
        ("other histograms", none, &["--set", "stats.histogram_bins=9"], &["`histogram_bins = 70`, now `histogram_bins = 9`"]),
        ("another network", none, &["--set", "model.widths=[12]"], &["`widths = [12, 9]`, now `widths = [12]`"]),
        ("other data", other_data, &[], &["cannot go on", "the data of the run there differs"]),
        ("a cut checkpoint", |w| cut(w, "checkpoint.safetensors"), &[], &["checkpoint.safetensors: ", "damaged", "--overwrite"]),
        ("a file that is no checkpoint", other_file, &[], &["checkpoint.safetensors: lacks a part", "--overwrite"]),
        ("an empty checkpoint", |w| fs::write(w.path("run/checkpoint.safetensors"), "").unwrap(), &[], &["checkpoint.safetensors: ", "damaged"]),
        ("cut steps", |w| cut(w, "steps.csv"), &[], &["steps.csv: has", "at the checkpoint", "--overwrite"]),
        ("cut layers", |w| cut(w, "layers.csv"), &[], &["layers.csv: has", "at the checkpoint"]),
        ("lost epochs", |w| fs::remove_file(w.path("run/epochs.csv")).unwrap(), &[], &["epochs.csv: ", "No such file"]),
    ];
    for (name, harm, more, parts) in cases {
        let work = Work::new();
        work.config(MLP);
        work.run("run", Existing::Keep, 6, || true).unwrap();
        // As after a crash beyond the checkpoint.
        let steps = work.path("run").join("steps.csv");
        fs::write(&steps, fs::read_to_string(&steps).unwrap() + "a line too many\n").unwrap();
        harm(&work);
        let before = files_of(&work.path("run"));
        let ran = work.train("run", &[&["--resume"], more].concat());
        assert!(ran.code == Some(1) && ran.stdout.is_empty(), "{name}: {ran:?}");
        parts.iter().for_each(|part| assert!(ran.message().contains(part), "{name}: {part}: {ran:?}"));
        assert_same(&files_of(&work.path("run")), &before, name);
    }
}

#[test]
fn a_run_without_a_checkpoint_is_begun_again_only_with_its_own_config() {
    let work = Work::new();
    work.config(MLP);
    work.run("run", Existing::Keep, 0, || true).unwrap();
    fs::remove_file(work.path("run").join("checkpoint.safetensors")).unwrap();
    let before = files_of(&work.path("run"));
    let ran = work.train("run", &["--resume", "--seed", "3"]);
    assert!(ran.code == Some(1) && ran.message().contains("`seed = 0`, now `seed = 3`"), "{ran:?}");
    assert_same(&files_of(&work.path("run")), &before, "another seed");
    assert_eq!(work.train("run", &["--resume"]).code, Some(0));
    assert_eq!(work.train("whole", &[]).code, Some(0));
    assert_same(&records(&work.path("run")), &records(&work.path("whole")), "begun again");
}

#[test]
fn a_finished_run_has_nothing_to_go_on_with() {
    let work = Work::new();
    work.config(MLP);
    assert_eq!(work.train("run", &[]).code, Some(0));
    let before = files_of(&work.path("run"));
    let ran = work.train("run", &["--resume"]);
    assert!(ran.code == Some(0) && ran.message().contains("has ended already"), "{ran:?}");
    assert!(ran.stdout.contains("finished after 10 steps"), "{ran:?}");
    let ran = work.train("run", &["--resume", "--json"]);
    assert_eq!((ran.code, ran.stdout.as_bytes()), (Some(0), &before["run.json"][..]));
    // Its result must not pass for that of another config.
    let ran = work.train("run", &["--resume", "--seed", "3"]);
    assert!(ran.code == Some(1) && ran.message().contains("`seed = 0`, now `seed = 3`"), "{ran:?}");
    let ran = work.train("run", &["--resume", "--set", "train.epochs=3"]);
    for part in ["is 2 epochs long, now 3 epochs", "--out", "--overwrite"] {
        assert!(ran.code == Some(2) && ran.message().contains(part), "{part}: {ran:?}");
    }
    assert_same(&files_of(&work.path("run")), &before, "after five calls");
}

#[test]
fn a_run_that_is_not_there_cannot_go_on() {
    let work = Work::new();
    work.config(MLP);
    let ran = work.train("nowhere", &["--resume"]);
    assert!(ran.code == Some(2) && ran.message().contains("there is no run in"), "{ran:?}");
    assert!(!work.path("nowhere").exists());
}
