//! Whatever happens to a call of the command, nothing is lost: it is killed at any system call, or any system call fails; then it
//! has said so, and the same call again leaves the bytes of one that nothing happened to.

mod durable;
mod scene;
mod stage;
mod syscalls;

use std::path::Path;
use std::process::Command;

use durable::Volatile;
use scene::{Fault, Scene};
use stage::Stage;
use syscalls::{Answer, Kind};

const SCENES: &[Scene] = &[
    Scene {
        name: "a run",
        before: None,
        call: "train ../net.toml --out out --threads 1 --json",
        again: &[
            "train ../net.toml --out out --threads 1 --json --resume",
            "train ../net.toml --out out --threads 1 --json",
        ],
    },
    Scene {
        name: "a run that goes on after a kill",
        before: Some(("train ../net.toml --out out --threads 1", Answer::Kill)),
        call: "train ../net.toml --out out --threads 1 --json --resume",
        again: &["train ../net.toml --out out --threads 1 --json --resume"],
    },
    Scene {
        name: "a run that goes on after a stop",
        before: Some(("train ../net.toml --out out --threads 1", Answer::Interrupt)),
        call: "train ../net.toml --out out --threads 1 --json --resume",
        again: &["train ../net.toml --out out --threads 1 --json --resume"],
    },
    Scene {
        name: "a run in place of another",
        before: Some(("train ../net.toml --out out --threads 1 --seed 3", Answer::Carry)),
        call: "train ../net.toml --out out --threads 1 --json --overwrite",
        again: &[
            "train ../net.toml --out out --threads 1 --json --resume",
            "train ../net.toml --out out --threads 1 --json --overwrite",
        ],
    },
    Scene {
        name: "a run's report",
        before: Some(("train ../net.toml --out out --threads 1 --no-report", Answer::Carry)),
        call: "report out",
        again: &["report out"],
    },
    Scene {
        name: "a study",
        before: None,
        call: "compare ../study.toml --out out --threads 2 --json",
        again: &["compare ../study.toml --out out --threads 2 --json"],
    },
    Scene {
        name: "a study that is done",
        before: Some(("compare ../study.toml --out out", Answer::Carry)),
        call: "compare ../study.toml --out out --report-only --json",
        again: &["compare ../study.toml --out out --report-only --json"],
    },
    Scene {
        name: "a study in place of another",
        before: Some(("compare ../study.toml --out out --set seeds=1", Answer::Carry)),
        call: "compare ../study.toml --out out --threads 2 --json --overwrite",
        again: &["compare ../study.toml --out out --threads 2 --json --overwrite"],
    },
    Scene {
        name: "a plan",
        before: None,
        call: "submit ../study.toml --out out --plan-only --shards 2",
        again: &["submit ../study.toml --out out --plan-only --shards 2"],
    },
    Scene {
        name: "a probe",
        before: None,
        call: "probe ../net.toml --out out --seeds 2 --pairs 4 --threads 1 --json",
        again: &["probe ../net.toml --out out --seeds 2 --pairs 4 --threads 1 --json"],
    },
];

#[rustfmt::skip]
const FAULTS: &[Fault] = &[
    Fault { name: "killed before change", answer: Answer::Kill, lasts: false, at: Kind::changes },
    Fault { name: "killed within write", answer: Answer::Tear, lasts: false, at: |kind| kind == Kind::Write },
    Fault { name: "an I/O error at call", answer: Answer::Fail(libc::EIO), lasts: false, at: |kind| !matches!(kind, Kind::Lock | Kind::Thread) },
    Fault { name: "I/O errors from call", answer: Answer::Fail(libc::EIO), lasts: true, at: |kind| matches!(kind, Kind::Read | Kind::Write | Kind::Sync) },
    Fault { name: "a full disk from call", answer: Answer::Fail(libc::ENOSPC), lasts: true, at: takes_space },
    Fault { name: "a full disk at call", answer: Answer::Fail(libc::ENOSPC), lasts: false, at: takes_space },
    Fault { name: "no permission at call", answer: Answer::Fail(libc::EACCES), lasts: false, at: |kind| matches!(kind, Kind::Open | Kind::Create | Kind::MakeDir | Kind::Remove | Kind::Rename) },
    Fault { name: "no threads from call", answer: Answer::Fail(libc::EAGAIN), lasts: true, at: |kind| kind == Kind::Thread },
    Fault { name: "no descriptors from call", answer: Answer::Fail(libc::EMFILE), lasts: true, at: |kind| matches!(kind, Kind::Open | Kind::Create) },
];

fn takes_space(kind: Kind) -> bool {
    matches!(kind, Kind::Write | Kind::Create | Kind::MakeDir | Kind::Truncate)
}

/// Lets every fault happen to the scenes of these names, at `share` of its places; `beside` another process that makes the same call, or
/// alone. `INITLAB_FAULT` picks some by a part of "SCENE, FAULT".
fn sweep(names: &[&str], share: usize, beside: bool) {
    if let Some(hindrance) = syscalls::hindrance() {
        return eprintln!("skipped: {hindrance}");
    }
    let only = std::env::var("INITLAB_FAULT").unwrap_or_default();
    let (mut places, mut findings) = (0, Vec::new());
    for scene in SCENES.iter().filter(|scene| names.contains(&scene.name)) {
        let stage = Stage::new();
        let rehearsed = scene.rehearse(&stage);
        for fault in FAULTS {
            let name = format!("{}, {}", scene.name, fault.name);
            if !name.contains(&only) {
                continue;
            }
            let seen = scene.suffer(fault, beside, &rehearsed, share);
            eprintln!("{name}: {} places, {} findings", seen.places, seen.findings.len());
            seen.findings.iter().for_each(|finding| eprintln!("    {finding}"));
            places += seen.places;
            findings.extend(seen.findings);
        }
    }
    assert!(findings.is_empty(), "{} of {places}:\n{}", findings.len(), findings.join("\n"));
}

#[test]
fn a_run_survives_every_fault() {
    sweep(&["a run", "a run that goes on after a kill", "a run that goes on after a stop"], 5, false);
    sweep(&["a run in place of another"], 5, false);
}

#[test]
fn a_study_survives_every_fault() {
    sweep(&["a study", "a study that is done", "a study in place of another", "a plan"], 4, false);
}

#[test]
fn a_report_and_a_probe_survive_every_fault() {
    sweep(&["a run's report", "a probe"], 4, false);
}

#[test]
fn of_two_processes_at_once_one_may_meet_a_fault() {
    sweep(&["a run", "a study"], 3, true);
}

#[test]
#[ignore = "minutes: every system call of every scene, or so many of each kind as INITLAB_PLACES says"]
fn every_system_call_may_fail() {
    let names: Vec<_> = SCENES.iter().map(|scene| scene.name).collect();
    let share = std::env::var("INITLAB_PLACES").map_or(usize::MAX, |number| number.parse().unwrap());
    sweep(&names, share, false);
}

#[test]
#[ignore = "minutes: two processes at once, one of which meets a fault at hundreds of its system calls"]
fn every_system_call_of_one_of_two_processes_may_fail() {
    sweep(&["a run", "a run that goes on after a kill", "a study", "a study that is done"], 120, true);
}

#[test]
fn what_a_file_promises_is_on_the_disk_before_it() {
    if let Some(hindrance) = syscalls::hindrance() {
        return eprintln!("skipped: {hindrance}");
    }
    for scene in SCENES.iter().filter(|scene| scene.name.starts_with("a run") || scene.name == "a study") {
        let stage = Stage::new();
        let before = scene.rehearse(&stage).before;
        let case = stage.case("case");
        stage::copy(&before, &case);
        let mut volatile = Volatile::default();
        let output = stage::faulty(&case, scene.call, |call| {
            volatile.follow(call);
            Answer::Carry
        });
        assert!(output.status.success(), "{}: {output:?}", scene.name);
        volatile.end(&case.join("out"));
        assert!(volatile.broken.is_empty(), "{}:\n{}", scene.name, volatile.broken.join("\n"));
    }
}

/// A few cases of each kind; by hand they take thousands.
#[test]
fn the_scripts_that_fuzz_and_kill_find_nothing() {
    let python = |arguments: &[&str]| {
        let scripts = Path::new(env!("CARGO_MANIFEST_DIR")).join("scripts");
        let mut command = Command::new("python3");
        command.env("PYTHONDONTWRITEBYTECODE", "1").current_dir(scripts).args(arguments);
        command.output()
    };
    if python(&["--version"]).is_err() {
        return eprintln!("skipped: there is no python3");
    }
    let binary = stage::binary();
    let binary = binary.to_str().unwrap();
    for arguments in [["fuzz.py", "--count", "8", "--jobs", "1"], ["kill.py", "--kills", "5", "--rounds", "1"]] {
        let output = python(&[&arguments[..], &["--initlab", binary]].concat()).unwrap();
        let text = String::from_utf8_lossy(&output.stdout);
        assert!(
            output.status.success() && text.contains("\n0 findings"),
            "{text}{}",
            String::from_utf8_lossy(&output.stderr)
        );
    }
}
