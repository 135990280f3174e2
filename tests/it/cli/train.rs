//! The switches of training, and what goes to stdout and to stderr.

use std::fs;

use super::{MLP, Work, files_of, json};

/// A column of a CSV file, read as numbers; empty fields are NaN.
fn column(work: &Work, file: &str, name: &str) -> Vec<f64> {
    let text = fs::read_to_string(work.path(file)).unwrap();
    let mut lines = text.lines().map(|line| line.split(',').collect::<Vec<_>>());
    let at = lines.next().unwrap().iter().position(|&header| header == name).unwrap();
    lines.map(|fields| fields[at].parse().unwrap_or(f64::NAN)).collect()
}

#[test]
fn a_reached_target_ends_the_run_early() {
    let work = Work::new();
    work.config(MLP);
    let sets = ["--set", "train.evaluate_every=2", "--set", "train.target_accuracy=0.9", "--set", "train.epochs=100"];
    let ran = work.train("run", &sets);
    assert!(ran.code == Some(0) && ran.stdout.contains("reached its target at step"), "{ran:?}");
    let run = json(&work.path("run/run.json"));
    assert!(run["reached_target"] == true && run["outcome"] == "finished" && run["planned_steps"] == 500, "{run}");
    let accuracies = column(&work, "run/epochs.csv", "test_accuracy");
    let (last, before) = accuracies.split_last().unwrap();
    assert!(*last >= 0.9 && before.iter().all(|&accuracy| accuracy < 0.9), "{accuracies:?}");
    assert_eq!(run["test_accuracy"].as_f64(), Some(*last));
    assert_eq!(run["steps"].as_f64(), column(&work, "run/epochs.csv", "step").last().copied());
    assert_eq!(column(&work, "run/steps.csv", "step").len() as u64, run["steps"].as_u64().unwrap());
}

#[test]
fn evaluations_come_after_each_epoch_or_as_often_as_asked_and_at_the_end() {
    let work = Work::new();
    work.config(MLP);
    for (out, set, steps) in [
        ("epochs", "train.epochs=2", &[5.0, 10.0][..]),
        ("three", "train.evaluate_every=3", &[3.0, 6.0, 9.0, 10.0]),
        ("rarely", "train.evaluate_every=50", &[10.0]),
    ] {
        let ran = work.train(out, &["--set", set]);
        assert_eq!(ran.code, Some(0), "{ran:?}");
        assert_eq!(column(&work, &format!("{out}/epochs.csv"), "step"), steps, "{set}");
        assert_eq!(ran.stderr.lines().count(), steps.len(), "a line on stderr for each evaluation: {}", ran.stderr);
    }
    // Whatever is measured, the training is the same.
    let model = |out: &str| fs::read(work.path(out).join("model.safetensors")).unwrap();
    assert!(model("epochs") == model("three") && model("three") == model("rarely"));
}

#[test]
fn layers_are_recorded_as_often_as_asked_and_training_does_not_notice() {
    let work = Work::new();
    work.config(MLP);
    for (out, every, train_rows) in [("often", "1", 30), ("some", "4", 9), ("never", "0", 0)] {
        let every = format!("stats.every={every}");
        assert_eq!(work.train(out, &["--set", &every, "--set", "stats.histogram_every=0"]).code, Some(0));
        let text = fs::read_to_string(work.path(out).join("layers.csv")).unwrap();
        assert_eq!(text.lines().filter(|line| line.contains(",train,")).count(), train_rows, "{every}");
        assert!(!work.path(out).join("histograms.safetensors").exists());
        for file in ["steps.csv", "epochs.csv", "model.safetensors"] {
            let read = |out: &str| fs::read(work.path(out).join(file)).unwrap();
            assert!(read(out) == read("often"), "{every} changes {file}");
        }
    }
}

#[test]
fn clipping_limits_the_step_but_not_the_recorded_norm() {
    let work = Work::new();
    work.config(MLP);
    let sets = ["--set", "train.clip_norm=0.01", "--set", "stats.every=1"];
    assert_eq!(work.train("run", &sets).code, Some(0));
    assert!(column(&work, "run/steps.csv", "gradient_norm").iter().all(|&norm| norm > 0.02));
    let clipped = column(&work, "run/layers.csv", "weight_gradient_norm");
    assert!(clipped.iter().filter(|norm| norm.is_finite()).all(|&norm| norm > 0.0 && norm <= 0.01), "{clipped:?}");
    assert!(clipped.iter().filter(|norm| norm.is_finite()).count() >= 30);
}

#[test]
fn json_on_stdout_is_the_file_and_progress_goes_to_stderr() {
    let work = Work::new();
    work.config(MLP);
    let ran = work.train("run", &["--json"]);
    assert_eq!((ran.code, ran.stdout.as_bytes()), (Some(0), &fs::read(work.path("run/run.json")).unwrap()[..]));
    assert!(ran.stderr.lines().count() == 2 && ran.stderr.starts_with("epoch 1"), "{}", ran.stderr);
    let ran = work.train("tables", &[]);
    assert!(ran.stdout.contains("test accuracy") && !ran.stdout.contains("img/s"), "{}", ran.stdout);
    assert!(ran.stdout.lines().all(|line| line.chars().count() <= 80 || line.contains("records in")), "{}", ran.stdout);
    for escape in [&ran.stdout, &ran.stderr] {
        assert!(!escape.contains('\u{1b}'), "colours in a file: {escape:?}");
    }
}

#[test]
fn a_number_of_epochs_without_end_does_not_wrap_around() {
    let work = Work::new();
    work.config(MLP);
    // Five steps an epoch: the product passes 2^64 by 4.
    let sets = ["--set", "train.epochs=3689348814741910324", "--set", "train.target_accuracy=0.3"];
    assert_eq!(work.train("run", &sets).code, Some(0));
    let run = json(&work.path("run/run.json"));
    assert!(run["reached_target"] == true && run["planned_steps"].as_u64() == Some(u64::MAX), "{run}");
}

#[test]
fn the_kurtosis_of_pre_activations_is_recorded_at_some_steps_and_in_every_evaluation() {
    let work = Work::new();
    work.config(MLP);
    for (out, every, steps) in [("each", 1, vec![0, 16, 32]), ("some", 5, vec![0, 20]), ("few", 18, vec![0, 18, 36])] {
        let every = format!("stats.every={every}");
        let sets = ["--set=train={steps=40,batch_size=20}", "--set=stats.histogram_every=0", "--set", &every];
        assert_eq!(work.train(out, &sets).code, Some(0));
        let text = fs::read_to_string(work.path(out).join("layers.csv")).unwrap();
        assert!(text.lines().next().unwrap().ends_with(",pre_kurtosis"));
        let mut taken = Vec::new();
        for line in text.lines().skip(1) {
            let (rest, kurtosis) = line.rsplit_once(',').unwrap();
            if let Ok(kurtosis) = kurtosis.parse::<f64>() {
                assert!((1.0..100.0).contains(&kurtosis), "{line}");
                taken.push(rest.split(',').take(2).map(str::to_owned).collect::<Vec<_>>());
            } else {
                assert!(kurtosis.is_empty() && rest.contains(",train,"), "{line}");
            }
        }
        taken.dedup();
        let train = taken.iter().filter(|row| row[1] == "train").map(|row| row[0].parse().unwrap());
        assert_eq!(train.collect::<Vec<u64>>(), steps, "{out}");
    }
}

#[test]
fn a_run_without_weights_is_the_same_run_and_goes_on() {
    let work = Work::new();
    work.config(MLP);
    let without = ["--set", "record.weights=false", "--no-report"];
    assert_eq!(work.train("with", &["--no-report"]).code, Some(0));
    assert_eq!(work.train("without", &without).code, Some(0));
    let (with, mut left) = (files_of(&work.path("with")), files_of(&work.path("without")));
    for name in ["init.safetensors", "model.safetensors"] {
        assert!(with.contains_key(name) && !left.contains_key(name), "{name}");
    }
    for name in ["config.toml", "run.json"] {
        left.remove(name);
    }
    assert!(left.len() > 3 && left.iter().all(|(name, bytes)| with[name] == *bytes), "{:?}", left.keys());
    // Without a summary it is a run that was cut off.
    fs::remove_file(work.path("without/run.json")).unwrap();
    let again = work.train("without", &[&without[..], &["--resume"]].concat());
    assert!(again.code == Some(0) && files_of(&work.path("without")).contains_key("run.json"), "{again:?}");
    assert!(!work.path("without/model.safetensors").exists());
}

#[test]
fn the_outcome_of_a_run_fits_a_terminal_and_one_that_diverged_at_once_has_no_accuracy() {
    let work = Work::new();
    work.config(MLP);
    let name = "name='a name that is long enough to fill much of a line'";
    let sets = ["--set", name, "--set", "init={weight={kind='constant',value=1e30}}", "--set", "train.steps=20"];
    let ran = work.train("run", &sets);
    let outcome = ran.stdout.split("\n\n").nth(1).unwrap_or_else(|| panic!("{ran:?}"));
    let fits = |line: &str| line.chars().count() <= 80 || !line.trim().contains(' ');
    assert!(outcome.lines().all(fits) && outcome.contains("diverged at"), "{outcome}");
    assert!(outcome.contains("none, the run ended before its first evaluation"), "{outcome}");
    assert!(!outcome.contains("not measured"), "{outcome}");
}
