//! Refusals of a study on a cluster, before anything is submitted: with the reason, and what to do.

use std::fs;
use std::process::Command;

use initlab::cluster::plan_file::PlanFile;
use initlab::data::files;

use super::compare_parts::STUDY;
use super::{Ran, Work, images};

#[test]
fn wrong_calls_are_refused_before_anything_is_written() {
    let work = Work::new();
    work.parts(STUDY);
    fs::write(work.path("file"), "").unwrap();
    #[rustfmt::skip]
    let cases: [(&[&str], i32, &str); 14] = [
        (&["--shards", "0"], 2, "--shards 0: expected at least 1"),
        (&["--shards", "1001"], 2, "--shards 1001: initlab takes at most 1000"),
        (&["--shards", "13"], 2, "the plan has 12 runs"),
        (&["--shards", "2", "--minutes", "5"], 2, "cannot be used with"),
        (&["--time", "1h"], 2, "--time 1h: expected a time as Slurm writes it"),
        (&["--cohort", "4"], 2, "--cohort: runs train at once on a GPU only"),
        (&["--prelude", "nowhere"], 2, "--prelude: nowhere cannot be read"),
        (&["--set", "seeds=0"], 2, "gives no seed"),
        (&["--", "--array=0-3"], 2, "--array=0-3: --array of sbatch is set by this command; the plan"),
        (&["--", "-p", "main", "-o", "x"], 2, "-o: --output of sbatch is set by this command; logs go to"),
        (&["--", "--dep=afterok:3"], 2, "--dependency of sbatch is set by this command"),
        (&["--dry-run"], 2, "cannot be used with"),
        (&["--out", "a\"b"], 2, "cannot be used multiple times"),
        (&["--data", "nowhere", "--dataset", "mnist"], 1, "nowhere"),
    ];
    for (more, code, part) in cases {
        let ran = work.submit("out", &[&["--plan-only"], more].concat());
        let told = ran.stderr.replace("\n  ", " ");
        assert!(ran.code == Some(code) && told.contains(part), "{more:?}: {part}\n{ran:?}");
        assert!(!work.path("out").exists(), "{more:?}");
    }
    let ran = work.submit("file/below", &["--plan-only"]);
    assert!(ran.code == Some(1) && ran.message().contains("file/below"), "{ran:?}");
    let ran = work.submit("a\"b", &["--plan-only"]);
    assert!(ran.code == Some(2) && ran.message().contains("a quotation mark"), "{ran:?}");
}

#[test]
fn without_slurm_the_alternatives_are_named_and_a_dry_run_goes_on() {
    let work = Work::new();
    work.parts(STUDY);
    let without = |more: &[&str]| Ran::from(work.submission("out", more).env("PATH", work.path("")).output().unwrap());
    let ran = without(&["--shards", "2"]);
    assert!(ran.code == Some(1) && ran.message().contains("sbatch is not on the path"), "{ran:?}");
    for part in ["login node", "--dry-run", "--plan-only", "initlab compare"] {
        assert!(ran.message().contains(part), "{part}: {ran:?}");
    }
    let ran = without(&["--dry-run", "--at-once", "1", "--cpus", "3", "--time", "2:00:00", "--shards", "2"]);
    assert_eq!(ran.code, Some(0), "{ran:?}");
    let script = ran.stdout.lines().map(|line| line.trim_start_matches("#SBATCH --")).collect::<Vec<_>>();
    for line in [
        "#!/bin/bash",
        "array=0,1%1",
        "cpus-per-task=3",
        "time=2:00:00",
        "open-mode=append",
        "requeue",
        "signal=B:TERM@60",
    ] {
        assert!(script.contains(&line), "{line}: {script:?}");
    }
    assert!(
        script.last().unwrap().starts_with("exec ")
            && script.last().unwrap().ends_with("--shard \"$SLURM_ARRAY_TASK_ID/2\"")
    );
    assert!(!work.path("out").exists());
}

#[test]
fn another_plan_and_one_that_changed_are_refused() {
    let work = Work::new();
    work.parts(STUDY);
    let begin = |out: &str| assert_eq!(work.submit(out, &["--plan-only", "--shards", "2"]).code, Some(0));
    begin("out");
    let ran = work.submit("out", &["--plan-only", "--shards", "3"]);
    assert!(ran.code == Some(2) && ran.message().contains("is cut into 2"), "{ran:?}");
    // A wider study goes on in the directory once the narrower is done.
    let ran = work.submit("out", &["--plan-only", "--set", "seeds=4"]);
    assert!(ran.code == Some(1) && ran.message().contains("holds another plan, which is not done"), "{ran:?}");
    let ran = work.submit("out", &["--plan-only", "--set", "seeds=2"]);
    assert!(ran.code == Some(1) && ran.message().contains("holds another study"), "{ran:?}");
    let task = |more: &[&str]| Ran::from(work.task("out", more).output().unwrap());
    for (more, code, part) in [
        (&["--shard", "0/3"][..], 1, "is cut into 2 shards, not 3"),
        (&["--shard", "0/2", "--plan-sum", "0123456789abcdef"], 1, "holds another plan"),
        (&[], 2, "--plan: give the shard to make"),
        (&["--shard", "0/2", "--set", "seeds=1"], 2, "cannot be used with"),
    ] {
        let ran = task(more);
        assert!(ran.code == Some(code) && ran.message().contains(part), "{more:?}: {part}\n{ran:?}");
    }
    for shard in ["0/2", "1/2"] {
        assert_eq!(work.shard("out", shard).code, Some(0));
    }
    let ran = work.submit("out", &["--plan-only", "--set", "seeds=4", "--shards", "4"]);
    assert!(ran.code == Some(0) && ran.stdout.contains("16 runs in 4 shards"), "{ran:?}");

    begin("old");
    let mut plan = PlanFile::read(&work.path("old")).unwrap().unwrap().plan;
    plan.header.version = "0.0.1".into();
    plan.write(&work.path("old")).unwrap();
    for ran in [work.shard("old", "0/2"), work.submit("old", &["--plan-only"])] {
        assert!(ran.code == Some(1) && ran.message().contains("was made by version 0.0.1"), "{ran:?}");
    }
    assert!(work.status("old").stdout.contains("was made by version 0.0.1"));

    begin("harmed");
    let path = work.path("harmed/plan.jsonl");
    let text = fs::read_to_string(&path).unwrap();
    fs::write(&path, text.replacen("\"seed\":1", "\"seed\":9", 1)).unwrap();
    for ran in [work.shard("harmed", "0/2"), work.submit("harmed", &["--plan-only"]), work.status("harmed")] {
        assert!(ran.code == Some(1) && ran.message().contains("does not fit its own sum"), "{ran:?}");
    }
    let ran = work.status("nowhere");
    assert!(ran.code == Some(1) && ran.message().contains("there is no plan"), "{ran:?}");
}

#[test]
fn a_task_that_finds_other_data_refuses_and_one_that_fails_tells_why_in_the_status() {
    let work = Work::new();
    work.parts(STUDY);
    assert_eq!(work.submit("out", &["--plan-only", "--shards", "2"]).code, Some(0));
    // What cannot be written to is a run that fails.
    fs::create_dir_all(work.path("out")).unwrap();
    fs::write(work.path("out/runs"), "").unwrap();
    let ran = work.shard("out", "0/2");
    assert!(ran.code == Some(1) && ran.message().contains("6 of 6 runs failed"), "{ran:?}");
    let said = work.status("out").stdout;
    assert!(
        said.contains("failed       6") && said.contains("missing      6") && said.contains("of the shards 0,1"),
        "{said}"
    );
    fs::remove_file(work.path("out/runs")).unwrap();
    fs::remove_dir_all(work.path("blobs")).unwrap();
    files::write(&work.path("blobs"), &images(300, 7), &images(100, 2)).unwrap();
    let ran = work.shard("out", "1/2");
    assert!(ran.code == Some(1) && ran.message().contains("is of other data"), "{ran:?}");
}

#[cfg(unix)]
#[test]
fn a_full_disk_is_told_before_anything_is_submitted() {
    let work = Work::new();
    work.parts(STUDY);
    let study = work.path("study.toml");
    // A limit on files stands for a disk: the plan is longer than it.
    let line = "trap '' XFSZ; ulimit -f 4; exec \"$0\" submit \"$1\" --out out --plan-only --shards 2";
    let mut shell = Command::new("bash");
    shell.current_dir(work.path("")).args(["-c", line, env!("CARGO_BIN_EXE_initlab"), study.to_str().unwrap()]);
    let ran = Ran::from(shell.output().unwrap());
    assert!(ran.code == Some(1) && ran.message().contains("plan.jsonl: writing the file failed"), "{ran:?}");
    assert!(ran.message().contains("free some space: the same command then goes on"), "{ran:?}");
    assert!(!work.path("out/plan.jsonl").exists());
    assert_eq!(work.submit("out", &["--plan-only", "--shards", "2"]).code, Some(0));
}
