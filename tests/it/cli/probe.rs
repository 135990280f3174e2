//! `initlab probe` from outside: tables that fit a terminal, one object whatever the threads, errors that help.

use std::fs;

use initlab::probe::ProbeReport;

use super::{BATCH_NORM, CNN, MLP, RESIDUAL, Work, initlab};

#[test]
fn tables_fit_a_terminal_and_have_no_nan_for_any_network() {
    let work = Work::new();
    let deep = "model={kind='mlp',width=10,depth=60}";
    let cases: [(&str, &[&str]); 9] = [
        (MLP, &[]),
        (CNN, &[]),
        (CNN, &["init={preset='kaiming'}"]),
        (BATCH_NORM, &[]),
        (RESIDUAL, &[]),
        (MLP, &[deep, "init.preset=moment-matched"]),
        (MLP, &[deep, "init.preset=lesson-raw"]),
        (MLP, &["init.weight=zeros", "model.widths=[]"]),
        (MLP, &["train.loss=mse_digit", "model.activation=gelu", "init.preset=torch"]),
    ];
    for (net, sets) in cases {
        let config = work.config(net);
        let sets: Vec<&str> = sets.iter().flat_map(|set| ["--set", set]).collect();
        let ran = initlab([&["probe", config.to_str().unwrap(), "--seeds", "2", "--pairs", "6"], &sets[..]].concat());
        assert!(ran.code == Some(0) && ran.stderr.is_empty(), "{sets:?}: {ran:?}");
        let text = ran.stdout;
        assert!(text.lines().all(|line| line.chars().count() <= 80), "{sets:?}\n{text}");
        assert!(!text.contains("NaN") && !text.contains("inf") && text.contains("verdict: "), "{sets:?}\n{text}");
    }
}

#[test]
fn the_object_does_not_depend_on_threads_and_is_the_file_that_out_writes() {
    let work = Work::new();
    for net in [MLP, CNN, BATCH_NORM] {
        let config = work.config(net);
        let out = work.path("probe");
        let run = |more: &[&str]| {
            let ran = initlab([&["probe", config.to_str().unwrap(), "--seeds", "5", "--json"], more].concat());
            assert_eq!(ran.code, Some(0), "{ran:?}");
            ran.stdout
        };
        let one = run(&["--threads", "1"]);
        assert!(one == run(&["--threads", "3", "--out", out.to_str().unwrap()]), "{net}");
        assert_eq!(fs::read_to_string(out.join("probe.json")).unwrap(), one);
        let report: ProbeReport = serde_json::from_str(&one).unwrap();
        assert_eq!(report.seeds, [0, 1, 2, 3, 4]);
        assert!(report.layers.len() > 2 && report.layers.iter().all(|layer| layer.z_second_moment.measured.len() == 5));
    }
}

#[test]
fn every_start_of_a_study_is_a_line_and_learning_rates_are_none() {
    let work = Work::new();
    work.config(MLP);
    let study = work.path("study.toml");
    let text = "base = 'net.toml'\nseeds = 2\nlearning_rate = [0.1, 0.2]\ntargets = [{ test_accuracy = 0.9 }]\n\
                [[grid]]\nname = 'depth'\n\
                cases = [{ name = '2', set.model.widths = [9, 9] }, { name = '3', set.model.widths = [9, 9, 9] }]\n\
                [[arms]]\nname = 'kaiming'\n[[arms]]\nname = 'deep'\nset.init.preset = 'depth-aware'\n";
    fs::write(&study, text).unwrap();
    let out = work.path("out");
    let (study, out_text) = (study.to_str().unwrap(), out.to_str().unwrap());
    let ran = initlab(["probe", study, "--seeds", "2", "--pairs", "6", "--out", out_text]);
    assert!(ran.code == Some(0), "{ran:?}");
    for start in ["2 kaiming", "2 deep", "3 kaiming", "3 deep"] {
        assert_eq!(ran.stdout.matches(&format!("\n{start} ")).count(), 1, "{}", ran.stdout);
        assert!(out.join(start.replace(' ', "-")).join("probe.json").exists());
    }
    assert!(ran.stdout.lines().all(|line| line.chars().count() <= 80), "{}", ran.stdout);
    let ran = initlab(["probe", study, "--set", "arms.1.set.init.preset=tat"]);
    assert!(ran.code == Some(2) && ran.stderr.contains("cannot be done"), "{ran:?}");
}

#[test]
fn a_wrong_call_says_what_to_change() {
    let work = Work::new();
    let config = work.config(MLP);
    let config = config.to_str().unwrap();
    let file = work.path("file");
    fs::write(&file, "").unwrap();
    #[rustfmt::skip]
    let cases: [(&[&str], i32, &[&str]); 5] = [
        (&[config, "--seeds", "0"], 2, &["--seeds", "1..=10000"]),
        (&[config, "--pairs", "0"], 2, &["--pairs", "1..=2000"]),
        (&[config, "--set", "init.preset=tat"], 2, &["`preset` in [init] cannot be done", "at depth 2"]),
        (&[config, "--set", "init.weight=delta_orthogonal"], 2, &["a linear weight has no window"]),
        (&[config, "--out", file.to_str().unwrap()], 1, &["creating the directory failed", "--out"]),
    ];
    for (arguments, code, parts) in cases {
        let ran = initlab([&["probe"], arguments].concat());
        assert_eq!(ran.code, Some(code), "{arguments:?}: {ran:?}");
        let message = ran.stderr.replace("\n  ", " ");
        parts.iter().for_each(|part| assert!(message.contains(part), "{arguments:?}\n{part}\n{message}"));
    }
}
