//! `initlab probe` from outside: tables that fit a terminal, one object whatever the threads, errors that help.

use std::fs;

use initlab::data::{Images, files};
use initlab::probe::ProbeRecord;

use super::{BATCH_NORM, CNN, MLP, RESIDUAL, Ran, Work, images, initlab};

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
        let report: ProbeRecord = serde_json::from_str(&one).unwrap();
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
    assert!(ran.code == Some(2) && ran.message().contains("cannot be done"), "{ran:?}");
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

/// The verdict of a probe of `net`, changed by `sets`, without line breaks.
fn verdict(work: &Work, net: &str, sets: &[&str]) -> String {
    let config = work.config(net);
    let sets = sets.iter().flat_map(|set| ["--set", set]);
    let ran = initlab(["probe", config.to_str().unwrap(), "--seeds", "2", "--pairs", "6"].into_iter().chain(sets));
    assert_eq!(ran.code, Some(0), "{ran:?}");
    let text = ran.stdout.split_once("verdict: ").unwrap().1;
    text.split_whitespace().collect::<Vec<_>>().join(" ")
}

#[test]
fn what_is_zero_by_design_is_named_with_its_reason_and_is_no_underflow() {
    let work = Work::new();
    let deep = |widths: usize, more: &str| {
        let widths = vec!["12"; widths].join(", ");
        format!("model = {{ kind = 'mlp', widths = [{widths}]{more} }}\noptimizer.lr = 0.1\ntrain.epochs = 1\n")
    };
    let rezero = ", residual = 'rezero'";
    let one_branch = "gradients of linear2 and linear3 are exactly 0, not vanished: alpha of residual1 starts at 0; of this branch \
                      the first step moves only alpha";
    let two_branches = "gradients of linear2, linear3, linear4 and linear5 are exactly 0, not vanished: alpha of residual1 and \
                        residual2 starts at 0; of these branches the first step moves only alpha";
    let three_branches = "gradients of linear2, linear3, linear4 and 3 more are exactly 0";
    let (off, constant) = ("init.bias={kind='constant',value=-100}", "init.weight={kind='constant',value=0}");
    #[rustfmt::skip]
    let cases: [(String, &[&str], &[&str]); 13] = [
        (deep(3, rezero), &[], &["holds forwards and holds backwards", one_branch, "note: nothing to change"]),
        (deep(4, rezero), &[], &["holds forwards and holds backwards", one_branch, "note: nothing to change"]),
        (deep(5, rezero), &[], &["holds forwards and holds backwards", two_branches, "note: nothing to change"]),
        (deep(7, rezero), &[], &["holds forwards and holds backwards", three_branches, "note: nothing to change"]),
        (deep(5, rezero), &["init.weight=zeros"], &["is 0 forwards and is 0 backwards", "nothing comes in there that could move them"]),
        (deep(5, ", residual = 'plain'"), &["init.weight=zeros"], &["the weights of linear1 start at 0", "=> no signal reaches the output"]),
        (deep(5, ", residual = 'fixup'"), &[], &[
            "holds forwards and is 0 backwards", "the weights of linear6 start at 0; the first step moves those",
            "pre-activations of linear3, linear5 and linear6 are exactly 0", "note: nothing to change",
        ]),
        (deep(3, ""), &["init.weight=zeros"], &["is 0 forwards and is 0 backwards", "of linear1, linear2, linear3 and linear4 are exactly 0"]),
        (deep(3, ""), &[constant], &["is 0 forwards and is 0 backwards"]),
        (deep(3, ""), &["init.weight=zeros", "model.activation=softplus"], &["the first step moves those, and gradients come through"]),
        (deep(3, ""), &["init.last.weight=zeros"], &["holds forwards and is 0 backwards", "the weights of linear4 start at 0"]),
        (deep(3, ""), &[off], &["no unit of linear3 passes anything on", "=> let units of linear3 be on"]),
        (deep(0, ""), &["init.weight=zeros"], &[]),
    ];
    for (net, sets, parts) in cases {
        let text = verdict(&work, &net, sets);
        parts.iter().for_each(|part| assert!(text.contains(part), "{sets:?}\n{part}\n{text}"));
        assert!(!text.contains("range of floats") && !text.contains("vanishes"), "{sets:?}\n{text}");
        // 0 = 0 is inside a band.
        if let Some((_, counted)) =
            text.split_once(" measured numbers").map(|(before, _)| before.rsplit_once(": ").unwrap())
        {
            let (inside, checked) = counted.split_once(" of ").unwrap();
            assert_eq!(inside, checked, "{sets:?}\n{text}");
        }
    }
}

#[test]
fn data_of_one_class_teaches_nothing_and_the_probe_says_so() {
    let work = Work::new();
    let one = |n: usize, seed: u32| Images { labels: vec![0; n], ..images(n, seed) };
    fs::remove_dir_all(work.path("blobs")).unwrap();
    files::write(&work.path("blobs"), &one(60, 1), &one(20, 2)).unwrap();
    for sets in [&[][..], &["init.weight=zeros"], &["model={kind='mlp',width=12,depth=30}"]] {
        let text = verdict(&work, MLP, sets);
        for part in ["is 0 backwards", "no answer of the network changes the loss", "two classes or more"] {
            assert!(text.contains(part), "{sets:?}\n{part}\n{text}");
        }
        assert!(!text.contains("take wider") && !text.contains("backwards vanishes"), "{text}");
    }
}

#[test]
fn too_few_images_are_an_error_that_says_how_many_it_needs() {
    let work = Work::new();
    fs::remove_dir_all(work.path("blobs")).unwrap();
    let one = |n: usize, seed: u32| Images { labels: vec![0; n], ..images(n, seed) };
    for (n, code) in [(1, 1), (2, 0), (3, 0)] {
        let _ = fs::remove_dir_all(work.path("blobs"));
        files::write(&work.path("blobs"), &one(n, 1), &one(4, 2)).unwrap();
        let config = work.config("model = { kind = 'mlp', widths = [9] }\noptimizer.lr = 0.1\ntrain.epochs = 1\n");
        let study = work.path("study.toml");
        fs::write(&study, "base = 'net.toml'\nseeds = 1\ntargets = [{ test_accuracy = 0.9 }]\n[[arms]]\nname = 'a'\n")
            .unwrap();
        for file in [&config, &study] {
            let ran = initlab(["probe", file.to_str().unwrap(), "--seeds", "1"]);
            assert_eq!(ran.code, Some(code), "{n} images: {ran:?}");
            let told =
                ran.stderr.replace("\n  ", " ").contains(&format!("at least 2 training images, but blobs has {n}"));
            assert_eq!(told, code == 1, "{n} images: {ran:?}");
        }
    }
}

#[cfg(target_os = "linux")]
#[test]
fn a_thousand_layers_are_drawn_in_little_memory() {
    // ReLU with Xavier's weights halves the signal at every layer: predictions reach 1e-308, where floats end.
    let work = Work::new();
    let config = work.config("model = { kind = 'mlp', width = 4, depth = 1060 }\noptimizer.lr = 0.1\ntrain.epochs = 1\ninit.preset = 'xavier'\n");
    let out = work.path("probe");
    let limited = "ulimit -v 3000000 && exec \"$0\" probe \"$1\" --seeds 1 --pairs 1 --threads 1 --out \"$2\"";
    let ran: Ran = std::process::Command::new("sh")
        .args(["-c", limited, env!("CARGO_BIN_EXE_initlab"), config.to_str().unwrap(), out.to_str().unwrap()])
        .output()
        .unwrap()
        .into();
    assert_eq!(ran.code, Some(0), "{ran:?}");
    let page = fs::read_to_string(out.join("report.html")).unwrap();
    assert!(page.len() < 10_000_000, "{} bytes", page.len());
}
