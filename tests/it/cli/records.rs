//! The records of a run: the same bytes for the same seed, and where a run breaks or the disk is full.

use std::fs;
use std::process::Command;

use initlab::train::train_unrecorded;

use super::{BATCH_NORM, CNN, DROPOUT, MLP, RESIDUAL, Ran, Work, assert_same, initlab, json, records};

const FILES: [&str; 10] = [
    "config.toml",
    "epochs.csv",
    "histograms.safetensors",
    "index.md",
    "init.safetensors",
    "layers.csv",
    "model.safetensors",
    "report.html",
    "run.json",
    "steps.csv",
];

#[test]
fn the_same_seed_gives_the_same_bytes_with_any_number_of_threads() {
    for (name, net) in
        [("MLP", MLP), ("CNN", CNN), ("batch norm", BATCH_NORM), ("residual", RESIDUAL), ("dropout", DROPOUT)]
    {
        let work = Work::new();
        work.config(net);
        for (out, threads) in [("a", "1"), ("b", "1"), ("c", "2"), ("d", "3")] {
            let ran = work.train(out, &["--threads", threads]);
            assert_eq!(ran.code, Some(0), "{name}: {ran:?}");
            assert_same(&records(&work.path(out)), &records(&work.path("a")), &format!("{name}, {threads} threads"));
        }
        assert_eq!(records(&work.path("a")).into_keys().collect::<Vec<_>>(), FILES, "{name}");
        assert_eq!(work.train("other", &["--seed", "1"]).code, Some(0));
        let (a, other) = (records(&work.path("a")), records(&work.path("other")));
        for file in FILES {
            assert_ne!(a[file], other[file], "{name}: {file} does not depend on the seed");
        }
    }
}

#[test]
fn a_config_from_a_run_repeats_the_run() {
    let work = Work::new();
    work.config(CNN);
    for seed in ["7", &u64::MAX.to_string()] {
        let (first, second) = (format!("first{seed}"), work.path(&format!("second{seed}")));
        let ran = work.train(&first, &["--seed", seed]);
        assert_eq!(ran.code, Some(0), "seed {seed}: {ran:?}");
        let config = work.path(&first).join("config.toml");
        let ran = initlab(["train", config.to_str().unwrap(), "--out", second.to_str().unwrap()]);
        assert_eq!(ran.code, Some(0), "{ran:?}");
        assert_same(&records(&second), &records(&work.path(&first)), "from its own config.toml");
    }
}

#[test]
fn divergence_is_a_result_with_its_step_and_layer_however_often_layers_are_recorded() {
    for net in [MLP, CNN, BATCH_NORM] {
        let work = Work::new();
        work.config(net);
        let mut found = Vec::new();
        for every in ["1", "0", "7"] {
            let (every, out) = (format!("stats.every={every}"), format!("every{every}"));
            let sets = ["--set", "optimizer.lr=1e30", "--set", &every, "--set", "stats.histogram_every=0"];
            let ran = work.train(&out, &sets);
            assert_eq!(ran.code, Some(0), "{ran:?}");
            let run = json(&work.path(&out).join("run.json"));
            assert_eq!(run["outcome"], "diverged", "{net}{every}: {run}");
            let at = run["diverged"].clone();
            assert!(at["step"].as_u64() == run["steps"].as_u64() && at["layer"].is_string(), "{net}{every}: {run}");
            let sentence = format!("diverged at step {}", at["step"]);
            assert!(ran.stdout.contains(&sentence) && ran.stdout.contains(at["layer"].as_str().unwrap()), "{ran:?}");
            let steps = fs::read_to_string(work.path(&out).join("steps.csv")).unwrap();
            assert_eq!(steps.lines().count() as u64, at["step"].as_u64().unwrap() + 2, "a line for the step as well");
            assert!(!work.path(&out).join("checkpoint.safetensors").exists());
            found.push((at["step"].clone(), at["layer"].clone()));
        }
        assert!(found.iter().all(|place| *place == found[0]), "{net}{found:?}");
    }
}

#[test]
fn a_taken_directory_is_kept_unless_it_may_be_replaced() {
    let work = Work::new();
    work.config(MLP);
    assert_eq!(work.train("run", &[]).code, Some(0));
    let before = super::files_of(&work.path("run"));
    let ran = work.train("run", &["--seed", "5"]);
    assert_eq!(ran.code, Some(1), "{ran:?}");
    for part in ["already holds a run", "--out", "--resume", "--overwrite"] {
        assert!(ran.message().contains(part), "{part}: {ran:?}");
    }
    assert_same(&super::files_of(&work.path("run")), &before, "after a refusal");
    // A mistake that shows before training must not cost the old run either.
    assert_eq!(work.train("run", &["--overwrite", "--dataset", "/no/such/place"]).code, Some(1));
    assert_same(&super::files_of(&work.path("run")), &before, "after an error");
    assert_eq!(work.train("run", &["--overwrite", "--seed", "5"]).code, Some(0));
    assert_eq!(work.train("new", &["--seed", "5"]).code, Some(0));
    assert_same(&records(&work.path("run")), &records(&work.path("new")), "replaced");
}

#[test]
fn a_directory_that_cannot_be_written_is_an_error_before_training() {
    let work = Work::new();
    work.config(MLP);
    fs::write(work.path("file"), "mine").unwrap();
    for out in ["file", "file/run"] {
        let ran = work.train(out, &[]);
        assert!(ran.code == Some(1) && ran.stdout.is_empty(), "{ran:?}");
        for part in [work.path(out).to_str().unwrap(), "creating the directory", "--out"] {
            assert!(ran.message().contains(part), "{part}: {ran:?}");
        }
    }
    assert_eq!(fs::read_to_string(work.path("file")).unwrap(), "mine");
}

/// Trains where no file may have more than `blocks` of 512 bytes, or of 1024 in some shells.
fn with_full_disk(work: &Work, out: &str, blocks: usize, more: &[&str]) -> Ran {
    let limited = format!("trap '' XFSZ; ulimit -f {blocks}; exec \"$0\" \"$@\"");
    let (config, out) = (work.path("net.toml"), work.path(out));
    let mut shell = Command::new("sh");
    shell.args(["-c", &limited, env!("CARGO_BIN_EXE_initlab"), "train"]).arg(config).arg("--out").arg(out);
    shell.args(more).output().unwrap().into()
}

#[test]
fn a_full_disk_is_an_error_that_names_the_file_and_the_run_goes_on_when_there_is_room() {
    let work = Work::new();
    let often = "[stats]\nevery = 1\nhistogram_every = 0\n[record]\ncheckpoint_every = 20\n[train]\nsteps = 400\n";
    work.config(&format!("{}{often}", MLP.split("[train]").next().unwrap()));
    assert_eq!(work.train("whole", &[]).code, Some(0));
    let wide = ["--set", "model.widths=[900]"];
    assert_eq!(work.train("wide", &wide).code, Some(0));
    let cases = [("long", "layers.csv", "whole", &[][..]), ("broad", "init.safetensors", "wide", &wide[..])];
    for (out, file, whole, more) in cases {
        let ran = with_full_disk(&work, out, 64, more);
        assert_eq!(ran.code, Some(1), "{ran:?}");
        let path = work.path(out).join(file);
        for part in [path.to_str().unwrap(), "failed", "free some space", "--resume"] {
            assert!(ran.message().contains(part), "{part}: {ran:?}");
        }
        assert!(ran.stdout.is_empty() && !work.path(out).join("run.json").exists(), "{ran:?}");
        let ran = work.train(out, &[more, &["--resume"]].concat());
        assert_eq!(ran.code, Some(0), "{ran:?}");
        assert_same(&records(&work.path(out)), &records(&work.path(whole)), out);
    }
}

#[test]
fn training_without_records_sees_the_same_epochs() {
    for net in [MLP, BATCH_NORM, RESIDUAL] {
        let work = Work::new();
        work.config(net);
        assert_eq!(work.train("run", &[]).code, Some(0));
        let mut rows = String::from("epoch,step,train_loss,train_accuracy,test_loss,test_accuracy\n");
        train_unrecorded(&work.plan(), 2, |row| row.write(&mut rows)).unwrap();
        assert_eq!(rows, fs::read_to_string(work.path("run").join("epochs.csv")).unwrap(), "{net}");
    }
}
