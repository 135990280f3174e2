//! The way to a first config: a file that is called nearly so is named, and so is the command that a file is for.

use std::fs;
use std::path::Path;
use std::process::Command;

use super::{MLP, Ran};

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
