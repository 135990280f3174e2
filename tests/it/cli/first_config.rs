//! The way to a first config: a file that is called nearly so is named, and so is the command that a file is for.

use std::fs;
use std::path::Path;
use std::process::Command;

use super::{CNN, MLP, Ran, Work, assert_same, records};

/// `initlab …` called in `directory`.
fn called_in(directory: &Path, arguments: &[&str]) -> Ran {
    Command::new(env!("CARGO_BIN_EXE_initlab")).args(arguments).current_dir(directory).output().unwrap().into()
}

const STUDY: &str = "seeds = 1\ntargets = [{ test_accuracy = 0.5 }]\nbase = 'configs/net.toml'\n[[arms]]\nname = 'a'\n";

#[test]
fn a_file_that_is_called_nearly_so_and_the_command_that_a_file_is_for_are_named() {
    let work = tempfile::tempdir().unwrap();
    for (name, text) in [
        ("configs/net.toml", MLP),
        ("configs/lesson_cnn.toml", MLP),
        ("configs/answer/shift.toml", STUDY),
        ("my study.toml", STUDY),
        ("runs/net-seed0/config.toml", MLP),
    ] {
        let path = work.path().join(name);
        fs::create_dir_all(path.parent().unwrap()).unwrap();
        fs::write(path, text).unwrap();
    }
    let cases: [(&[&str], &str); 15] = [
        (&["train", "lesson_cnn"], "lesson_cnn: cannot read the config: No such file"),
        (&["train", "lesson_cnn"], "did you mean configs/lesson_cnn.toml?"),
        (&["train", "lesson_cnn.toml"], "did you mean configs/lesson_cnn.toml?"),
        (&["train", "configs/lesson_cn.toml"], "did you mean configs/lesson_cnn.toml?"),
        (&["train", "lesson-cnn.tml"], "did you mean configs/lesson_cnn.toml?"),
        (&["compare", "shift"], "did you mean configs/answer/shift.toml?"),
        (&["probe", "nett"], "did you mean configs/net.toml?"),
        (&["train", "runs/net-seed0"], "did you mean runs/net-seed0/config.toml?"),
        (&["train", "something_else"], "give the path of a .toml file"),
        (&["train", "configs/answer/shift.toml"], "is a study of many runs"),
        (&["train", "configs/answer/shift.toml"], "`initlab compare configs/answer/shift.toml` carries it out"),
        (&["lr-find", "my study.toml"], "`initlab compare 'my study.toml'`"),
        (&["model", "my study.toml"], "is a study of many runs"),
        (&["compare", "configs/net.toml"], "is the config of one run, not a study"),
        (&["compare", "configs/net.toml"], "`initlab train configs/net.toml` trains it"),
    ];
    for (arguments, expected) in cases {
        let ran = called_in(work.path(), arguments);
        let message = ran.stderr.replace("\n  ", " ");
        assert!(ran.code == Some(2) && message.contains(expected), "{arguments:?}\n{expected}\n{message}");
    }
}

#[test]
fn all_that_a_first_study_lacks_is_told_at_once() {
    let work = tempfile::tempdir().unwrap();
    fs::write(work.path().join("s.toml"), "").unwrap();
    let ran = called_in(work.path(), &["compare", "s.toml"]);
    let message = ran.stderr.replace("\n  ", " ");
    assert!(message.contains("missing keys: `arms`, `seeds`, `targets`, `base`"), "{message}");
    fs::write(work.path().join("s.toml"), "[[arms]]\n[[arms]]\nname = 'a'\n[base.model]\nkind = 'mlp'\n").unwrap();
    let ran = called_in(work.path(), &["compare", "s.toml"]);
    let message = ran.stderr.replace("\n  ", " ");
    assert!(message.contains("missing keys: `arms.0.name`, `seeds`, `targets`"), "{message}");
}

#[test]
fn the_short_options_of_train_are_overrides_whose_errors_name_them() {
    let work = Work::new();
    let started = "[init]\nweight = 'orthogonal'\nbias = 'zeros'\n";
    work.config(&MLP.replace("epochs = 2", "steps = 4").replace("widths = [12, 9]", "width = 8\ndepth = 2"));
    let text = fs::read_to_string(work.path("net.toml")).unwrap();
    fs::write(work.path("net.toml"), format!("{started}{text}")).unwrap();
    let short = ["--lr", "0.05", "--epochs", "1", "--init", "torch", "--activation", "relu - 0.25", "--depth", "3"];
    let sets = [
        "optimizer.lr=0.05",
        "train.epochs=1",
        "init={preset='torch'}",
        "model.activation={kind='shifted_relu',shift=0.25}",
        "model.depth=3",
    ];
    assert_eq!(work.train("short", &short).code, Some(0));
    let long: Vec<&str> = sets.iter().flat_map(|set| ["--set", *set]).collect();
    assert_eq!(work.train("long", &long).code, Some(0));
    assert_same(&records(&work.path("short")), &records(&work.path("long")), "short options");
    let config = fs::read_to_string(work.path("short/config.toml")).unwrap();
    assert!(config.contains("kaiming_uniform") && config.contains("shift = 0.25"), "{config}");
    #[rustfmt::skip]
    let cases: [(&[&str], &str); 9] = [
        (&["--lr", "fast"], "--lr fast: `lr` in [optimizer] must be a number, found string \"fast\""),
        (&["--lr", "-1"], "--lr -1: `lr` in [optimizer] must be above 0, found -1"),
        (&["--epochs", "0"], "--epochs 0: `epochs` in [train] must be at least 1, found 0"),
        (&["--steps", "0"], "--steps 0: `steps` in [train] must be at least 1, found 0"),
        (&["--init", "kaimin"], "--init kaimin: `preset` in [init] has the unknown name \"kaimin\"; did you mean \"kaiming\"?"),
        (&["--activation", "rleu"], "--activation rleu: `activation` in [model] has the unknown name \"rleu\"; did you mean \"relu\"?"),
        (&["--activation", "tanh - 1"], "--activation tanh - 1: `activation` in [model] cannot be read: `tanh` takes no shift"),
        (&["--depth", "x"], "--depth x: `depth` in [model] must be a non-negative integer, found string \"x\""),
        (&["--epoch", "3"], "a similar argument exists: '--epochs'"),
    ];
    for (options, expected) in cases {
        let ran = work.train("wrong", options);
        let message = ran.stderr.replace("\n  ", " ");
        assert!(ran.code == Some(2) && message.contains(expected), "{options:?}\n{expected}\n{message}");
    }
    let cnn = Work::new();
    cnn.config(CNN);
    let ran = cnn.train("run", &["--depth", "3"]);
    assert!(ran.code == Some(2) && ran.message().contains("--depth 3: unknown key `depth` in [model]"), "{ran:?}");
}

#[test]
fn a_new_config_trains_as_it_is_and_replaces_nothing() {
    let work = Work::new();
    let blobs = format!("data.dataset={:?}", work.path("blobs").to_str().unwrap());
    let in_base = format!("base.data.dataset={:?}", work.path("blobs").to_str().unwrap());
    let cases: [(&str, &[&str]); 3] = [
        ("mlp", &["train", "f.toml", "--out", "run", "--set", &blobs, "--epochs", "1"]),
        (
            "cnn",
            &["train", "f.toml", "--out", "run", "--set", &blobs, "--epochs", "1", "--set", "train.batch_size=100"],
        ),
        (
            "study",
            &["compare", "f.toml", "--set", &in_base, "--set", "seeds=1", "--set", "base.train.evaluate_every=1"],
        ),
    ];
    for (kind, call) in cases {
        let place = work.path(kind);
        fs::create_dir(&place).unwrap();
        let made = called_in(&place, &["new", kind, "-o", "f.toml"]);
        assert!(made.code == Some(0) && made.stdout.is_empty(), "{made:?}");
        assert_eq!(made.stderr, format!("f.toml is written; next: initlab {} f.toml\n", call[0]));
        assert_eq!(called_in(&place, &["new", kind]).stdout, fs::read_to_string(place.join("f.toml")).unwrap());
        let ran = called_in(&place, call);
        assert_eq!(ran.code, Some(0), "{ran:?}");
        let again = called_in(&place, &["new", kind, "-o", "f.toml"]);
        assert!(again.code == Some(2) && again.stderr.contains("is there already"), "{again:?}");
    }
}
