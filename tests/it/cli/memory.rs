//! Memory and threads: what a run takes is told before it begins, and what the system refuses is no crash.

use std::fs;
use std::process::Command;

use super::{MLP, Ran, Work};

fn initlab(work: &Work, mebibytes: &str, arguments: &[&str]) -> Ran {
    let mut command = Command::new(env!("CARGO_BIN_EXE_initlab"));
    command.args(arguments).current_dir(work.path("")).env("INITLAB_MEMORY_MIB", mebibytes);
    command.output().unwrap().into()
}

/// Each has one thing that takes more than 100 MiB, in which of these calls, and where it stands.
const TOO_LARGE: [(&str, &str, &[&str], &str, &str); 4] = [
    (
        "widths = [12, 9]",
        "widths = [6000, 6000]",
        &["train", "lr-find", "probe", "init", "compare"],
        "4:10:",
        "`widths` in [model]",
    ),
    (
        "kind = 'mlp'\nwidths = [12, 9]",
        "kind = 'cnn'\nstages = [{ channels = 1 }, { channels = 1, padding = 400 }]",
        &["train", "lr-find", "probe", "compare"],
        "4:",
        "`padding` in [model.stages.1]",
    ),
    (
        "histogram_every = 5",
        "histogram_every = 1\nhistogram_bins = 10000",
        &["train", "compare"],
        "12:19:",
        "`histogram_every` in [stats]",
    ),
    ("epochs = 200", "epochs = 2000000", &["train", "compare"], "12:19:", "`histogram_every` in [stats]"),
];

#[test]
fn a_run_that_has_no_room_is_refused_at_its_line_before_anything_is_written() {
    let work = Work::new();
    let study = "base = 'net.toml'\nseeds = 1\ntargets = [{ test_accuracy = 0.5 }]\n[[arms]]\nname = 'a'\n";
    fs::write(work.path("study.toml"), study).unwrap();
    let calls: [&[&str]; 6] = [
        &["train", "net.toml", "--out", "run"],
        &["lr-find", "net.toml"],
        &["probe", "net.toml"],
        &["init", "net.toml", "-o", "run"],
        &["compare", "study.toml", "--out", "run"],
        &["compare", "study.toml", "--out", "run", "--dry-run"],
    ];
    let long = MLP.replace("epochs = 2\n", "epochs = 200\n");
    for (old, new, refused, line, key) in TOO_LARGE {
        assert_eq!(long.matches(old).count(), 1, "{old}");
        work.config(&long.replace(old, new));
        for call in calls.iter().filter(|call| refused.contains(&call[0])) {
            let ran = initlab(&work, "100", call);
            let message = ran.stderr.replace("\n  ", " ");
            assert_eq!(ran.code, Some(2), "{new} {call:?}: {ran:?}");
            for part in [&format!("net.toml:{line}"), key, "takes about", "INITLAB_MEMORY_MIB leaves 105 MB"] {
                assert!(message.contains(part), "{new} {call:?}: {part}: {message}");
            }
            assert!(!work.path("run").exists(), "{new} {call:?}: something was written");
        }
        let shown = initlab(&work, "100", &["model", "net.toml"]).stdout;
        assert!(shown.contains("takes about"), "{shown}");
    }
}

#[test]
fn a_study_with_too_many_runs_side_by_side_says_how_many_fit() {
    let work = Work::new();
    work.config(&MLP.replace("widths = [12, 9]", "widths = [800, 800]"));
    let study = "base = 'net.toml'\nseeds = 9\ntargets = [{ test_accuracy = 0.5 }]\n[[arms]]\nname = 'a'\n";
    fs::write(work.path("study.toml"), study).unwrap();
    let call = ["compare", "study.toml", "--out", "run", "--threads", "8"];
    let ran = initlab(&work, "60", &call);
    assert!(ran.code == Some(2) && ran.message().contains("--threads 8: so many runs side by side take"), "{ran:?}");
    assert!(ran.message().contains("; take --threads ") && !work.path("run").exists(), "{ran:?}");
    let ran = initlab(&work, "4000", &[&call[..], &["--dry-run"]].concat());
    assert!(ran.code == Some(0) && ran.stdout.contains("MB of memory"), "{ran:?}");
}

/// The largest memory of a call, in bytes, as its process shows it to the end.
#[cfg(target_os = "linux")]
fn peak(work: &Work, arguments: &[&str]) -> f64 {
    let mut child = Command::new(env!("CARGO_BIN_EXE_initlab"))
        .args(arguments)
        .current_dir(work.path(""))
        .stdout(std::process::Stdio::null())
        .spawn()
        .unwrap();
    let status = format!("/proc/{}/status", child.id());
    let mut peak = 0.0f64;
    while child.try_wait().unwrap().is_none() {
        let text = fs::read_to_string(&status).unwrap_or_default();
        let line = text.lines().find_map(|line| line.strip_prefix("VmHWM:"));
        let kibibytes: Option<f64> = line.and_then(|line| line.trim().trim_end_matches(" kB").parse().ok());
        peak = kibibytes.map_or(peak, |kibibytes| peak.max(1024.0 * kibibytes));
        std::thread::sleep(std::time::Duration::from_millis(2));
    }
    assert!(child.wait().unwrap().success());
    peak
}

/// The estimate leaves out the program itself, scratch of the kernels and what records are read for. Nets of some 100 MB show
/// the rest: within a quarter, and 50 MB for the program.
#[cfg(target_os = "linux")]
#[test]
fn the_estimate_is_what_runs_take() {
    for (name, old, new) in [
        ("wide", "widths = [12, 9]", "widths = [2500, 2500]"),
        (
            "adam",
            "widths = [12, 9]\n[optimizer]\nlr = 0.1",
            "widths = [2000, 2000]\nactivation = 'gelu'\n[optimizer]\nkind = 'adam'\nlr = 0.001",
        ),
        (
            "padding",
            "kind = 'mlp'\nwidths = [12, 9]",
            "kind = 'cnn'\nstages = [{ channels = 8 }, { channels = 4, stride = 60, padding = 90 }]",
        ),
        ("shards", "widths = [12, 9]", "width = 500\ndepth = 20"),
        ("dropout", "widths = [12, 9]", "width = 500\ndepth = 20\ndropout = 0.5"),
        ("norm", "widths = [12, 9]", "width = 511\ndepth = 80\nnorm = 'batch'\nresidual = 'plain'"),
    ] {
        let work = Work::new();
        let text = MLP.replace(old, new).replace("epochs = 2\nbatch_size = 64", "steps = 1\nbatch_size = 300");
        assert!(text.contains(new) && text.contains("batch_size = 300"), "{name}");
        work.config(&text);
        let plan = work.plan();
        let told = plan.memory(2).total() as f64;
        let found = peak(&work, &["train", "net.toml", "--threads", "2", "--out", "run", "--no-report"]);
        println!("{name}: told {:.1} MB, found {:.1} MB", told / 1e6, found / 1e6);
        assert!(told < 1.25 * found && found < 1.25 * told + 50e6, "{name}: told {told:e}, found {found:e}");
    }
}

#[cfg(target_os = "linux")]
#[test]
fn threads_that_the_system_refuses_are_done_without() {
    let work = Work::new();
    work.config(MLP);
    let study = "base = 'net.toml'\nseeds = 3\ntargets = [{ test_accuracy = 0.5 }]\n[[arms]]\nname = 'a'\n";
    fs::write(work.path("study.toml"), study).unwrap();
    assert_eq!(work.train("whole", &["--threads", "2"]).code, Some(0));
    let calls = [
        "train net.toml --threads 1000 --out run-LIMIT --no-report",
        "compare study.toml --threads 1000 --out study-LIMIT --no-report",
        "probe net.toml --threads 1000",
        "lr-find net.toml --threads 1000",
    ];
    // A thread's stack takes 2 MiB of the address space: some can be had, a thousand cannot.
    for (call, kibibytes) in calls.into_iter().flat_map(|call| ["700000", "400000"].map(|limit| (call, limit))) {
        let call = call.replace("LIMIT", kibibytes);
        let limited = format!("ulimit -v {kibibytes}; exec {} {call}", env!("CARGO_BIN_EXE_initlab"));
        let ran: Ran = Command::new("sh").args(["-c", &limited]).current_dir(work.path("")).output().unwrap().into();
        assert!(ran.code == Some(0) && !ran.message().contains("panicked"), "{call} in {kibibytes} KiB: {ran:?}");
    }
    let steps = |run: &str| fs::read(work.path(run).join("steps.csv")).unwrap();
    assert!(
        steps("run-700000") == steps("whole") && steps("run-400000") == steps("whole"),
        "the number of threads has changed the result"
    );
}
