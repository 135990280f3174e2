//! Studies cut into shards that tasks make from a plan, under any scheduler or none: in the end the bytes of one machine.

use std::collections::BTreeMap;
use std::fs;
use std::path::Path;
use std::process::{Child, Command, Stdio};
use std::time::Duration;

use initlab::record::checkpoint::FILE as CHECKPOINT;

use super::compare_parts::STUDY;
use super::{Ran, Work, assert_same, json, records};

impl Work {
    /// `initlab submit study.toml --out OUT …`.
    pub(super) fn submit(&self, out: &str, more: &[&str]) -> Ran {
        Ran::from(self.submission(out, more).output().unwrap())
    }

    pub(super) fn submission(&self, out: &str, more: &[&str]) -> Command {
        let mut command = Command::new(env!("CARGO_BIN_EXE_initlab"));
        command.arg("submit").arg(self.path("study.toml")).arg("--out").arg(self.path(out)).args(more);
        command
    }

    /// `initlab compare --plan OUT/plan.jsonl …`.
    pub(super) fn task(&self, out: &str, more: &[&str]) -> Command {
        let mut command = Command::new(env!("CARGO_BIN_EXE_initlab"));
        command.arg("compare").arg("--plan").arg(self.path(out).join("plan.jsonl")).args(more);
        command.stdout(Stdio::piped()).stderr(Stdio::piped());
        command
    }

    pub(super) fn shard(&self, out: &str, shard: &str) -> Ran {
        Ran::from(self.task(out, &["--shard", shard, "--threads", "2"]).output().unwrap())
    }

    pub(super) fn report_of_plan(&self, out: &str) -> Ran {
        Ran::from(self.task(out, &["--report-only"]).output().unwrap())
    }

    pub(super) fn status(&self, out: &str) -> Ran {
        let mut command = Command::new(env!("CARGO_BIN_EXE_initlab"));
        Ran::from(command.arg("status").arg(self.path(out)).output().unwrap())
    }
}

/// The files on which one machine and many must agree: the study's summaries, and every run's records.
pub fn whole(dir: &Path) -> BTreeMap<String, Vec<u8>> {
    let summaries = ["study.json", "runs.csv", "comparison.csv", "report.html", "plan.json"];
    let mut files: BTreeMap<String, Vec<u8>> =
        summaries.iter().map(|name| ((*name).into(), fs::read(dir.join(name)).unwrap())).collect();
    for run in fs::read_dir(dir.join("runs")).unwrap() {
        let run = run.unwrap();
        let name = run.file_name().into_string().unwrap();
        files.extend(records(&run.path()).into_iter().map(|(file, bytes)| (format!("{name}/{file}"), bytes)));
    }
    files
}

#[test]
fn shards_of_a_plan_give_the_bytes_of_one_machine_whatever_becomes_of_the_study_file() {
    let work = Work::new();
    work.parts(STUDY);
    assert_eq!(work.finish("whole", &[]).code, Some(0));
    let ran = work.submit("out", &["--plan-only", "--shards", "3"]);
    assert!(ran.code == Some(0) && ran.stdout.contains("12 runs in 3 shards"), "{ran:?}");
    let study = fs::read(work.path("study.toml")).unwrap();
    fs::write(work.path("study.toml"), "no study").unwrap();
    for shard in ["2/3", "0/3"] {
        let ran = work.shard("out", shard);
        assert!(
            ran.code == Some(0) && ran.stdout.is_empty() && ran.message().contains("4 of 4 runs are done"),
            "{ran:?}"
        );
    }
    let ran = work.status("out");
    assert!(ran.code == Some(0) && ran.stdout.contains("done         8"), "{ran:?}");
    assert!(ran.stdout.contains("missing      4") && ran.stdout.contains("of the shards 1:"), "{ran:?}");
    let ran = work.report_of_plan("out");
    assert!(ran.code == Some(1) && ran.message().contains("4 of 12 runs are missing"), "{ran:?}");
    assert_eq!(work.shard("out", "1/3").code, Some(0));
    let ran = work.report_of_plan("out");
    assert_eq!(ran.code, Some(0), "{ran:?}");
    assert_same(&whole(&work.path("out")), &whole(&work.path("whole")), "by shards");
    assert!(work.status("out").stdout.contains("the report is in"));
    fs::write(work.path("study.toml"), study).unwrap();
    let ran = work.submit("out", &["--plan-only"]);
    assert!(ran.code == Some(0) && ran.stdout.contains("all 12 runs are there"), "{ran:?}");
}

#[test]
fn two_tasks_at_one_shard_at_the_same_moment_make_it_once_or_twice_and_the_same() {
    let work = Work::new();
    work.parts(&STUDY.replace("seeds = 3", "seeds = 1").replace("steps = 300", "steps = 30"));
    assert_eq!(work.finish("whole", &[]).code, Some(0));
    let want = whole(&work.path("whole"));
    let mut twice = 0;
    for round in 0..100 {
        let out = format!("out{round}");
        assert_eq!(work.submit(&out, &["--plan-only", "--shards", "1"]).code, Some(0));
        let both = [(); 2].map(|()| work.task(&out, &["--shard", "0/1", "--threads", "2"]).spawn().unwrap());
        let made = both.map(|child| {
            let ran = Ran::from(child.wait_with_output().unwrap());
            assert!(ran.code == Some(0) && ran.message().contains("4 of 4 runs are done"), "{round}: {ran:?}");
            ran.stderr.lines().filter(|line| line.contains(" passed")).count()
        });
        twice += usize::from(made.iter().all(|made| *made > 0));
        assert_eq!(work.report_of_plan(&out).code, Some(0));
        assert_same(&whole(&work.path(&out)), &want, &out);
        let hidden = fs::read_dir(work.path(&out)).unwrap().map(|entry| entry.unwrap().file_name());
        let hidden: Vec<_> = hidden.filter(|name| name.to_str().unwrap().starts_with('.')).collect();
        assert!(hidden.is_empty(), "{hidden:?}");
        fs::remove_dir_all(work.path(&out)).unwrap();
    }
    assert!(twice > 0, "both were at it at least once");
}

/// Waits until something is so; a machine may be slow, but a minute long nothing happens only if nothing is to come.
pub(super) fn wait_for(what: &str, mut so: impl FnMut() -> bool) {
    for _ in 0..60_000 {
        if so() {
            return;
        }
        std::thread::sleep(Duration::from_millis(5));
    }
    panic!("waited in vain: {what}");
}

#[test]
fn a_task_that_is_told_to_end_or_killed_loses_no_whole_run_and_what_was_laid_aside_goes_on() {
    let work = Work::new();
    work.parts(
        &STUDY.replace("steps = 300", "steps = 3000").replace("stats =", "record = { checkpoint_every = 50 }\nstats ="),
    );
    assert_eq!(work.finish("whole", &[]).code, Some(0));
    assert_eq!(work.submit("out", &["--plan-only", "--shards", "1"]).code, Some(0));
    let runs = || {
        let runs = fs::read_dir(work.path("out/runs")).into_iter().flatten();
        runs.map(|run| run.unwrap().file_name().into_string().unwrap()).collect::<Vec<_>>()
    };
    let ended = || runs().iter().filter(|name| !name.starts_with('.')).count();
    let begin = || {
        let (child, before): (Child, usize) =
            (work.task("out", &["--shard", "0/1", "--threads", "2"]).spawn().unwrap(), ended());
        wait_for("a run to end", || ended() > before);
        // Runs of one length may all have ended: one that began since then is in its midst.
        let known = runs();
        let begun = |name: &String| !known.contains(name) && work.path("out/runs").join(name).join(CHECKPOINT).exists();
        wait_for("the next run to be under way", || runs().iter().any(begun));
        child
    };
    let mut killed = begin();
    killed.kill().unwrap();
    killed.wait().unwrap();
    let child = begin();
    assert!(Command::new("kill").args(["-TERM", &child.id().to_string()]).status().unwrap().success());
    let ran = Ran::from(child.wait_with_output().unwrap());
    assert_eq!(ran.code, Some(143), "{ran:?}");
    assert_eq!(json(&work.path("out/shards/0.json"))["stage"], "stopped");
    let stopped = runs().iter().filter(|name| name.starts_with(".stopped-")).count();
    let said = work.status("out").stdout;
    assert!((1..=2).contains(&stopped) && said.contains(&format!("({stopped} half done)")), "{stopped}: {said}");
    let ran = work.shard("out", "0/1");
    assert_eq!(ran.code, Some(0), "{ran:?}");
    assert_eq!(work.report_of_plan("out").code, Some(0));
    assert_same(&whole(&work.path("out")), &whole(&work.path("whole")), "after a kill and a stop");
}

#[test]
fn learning_rates_are_looked_for_in_rounds_each_of_which_is_a_plan() {
    let work = Work::new();
    let grid = "seeds = 2\nlearning_rate = { tune = { low = 1e-3, high = 1e-2, points = 3, seeds = 1 } }";
    let study = STUDY.replace("seeds = 3", grid).replace("steps = 300", "steps = 40");
    work.parts(&study.replace("lr = 0.05, ", "kind = 'sgd', "));
    assert_eq!(work.finish("whole", &[]).code, Some(0));
    let mut rounds = 0;
    while !work.path("out/study.json").exists() {
        let ran = work.submit("out", &["--plan-only", "--shards", "2"]);
        assert_eq!(ran.code, Some(0), "{ran:?}");
        if ran.stdout.contains("are there") {
            assert_eq!(work.report_of_plan("out").code, Some(0));
            break;
        }
        assert_eq!(work.shard("out", "0/2").code, Some(0));
        // The plan stays while it is not done, though some cells could go on.
        let plan = fs::read(work.path("out/plan.jsonl")).unwrap();
        assert_eq!(work.submit("out", &["--plan-only"]).code, Some(0));
        assert!(plan == fs::read(work.path("out/plan.jsonl")).unwrap());
        assert_eq!(work.shard("out", "1/2").code, Some(0));
        rounds += 1;
        assert!(rounds < 10);
    }
    assert!(rounds >= 2, "{rounds}");
    assert_same(&whole(&work.path("out")), &whole(&work.path("whole")), "in rounds");
}

#[test]
fn shards_for_a_gpu_have_whole_cohorts_and_ask_for_one() {
    let work = Work::new();
    work.parts(&STUDY.replace("'xavier'\n[[", "'xavier'\nset.model.widths = [8]\n[["));
    let script = |more: &[&str]| {
        let ran = work.submit("out", &[&["--dry-run", "--device", "cuda", "--cohort", "3"], more].concat());
        assert_eq!(ran.code, Some(0), "{ran:?}");
        ran.stdout
    };
    let text = script(&["--shards", "4"]);
    for part in ["#SBATCH --gres=gpu:1\n", "#SBATCH --array=0-3\n", "--device cuda --cohort 3 --shard"] {
        assert!(text.contains(part), "{part}: {text}");
    }
    let own = script(&["--shards", "2", "--", "--gres=gpu:a100:1"]);
    assert!(!own.contains("gres"), "{own}");
    let ran = work.submit("out", &["--plan-only", "--device", "cuda", "--cohort", "3", "--shards", "4"]);
    assert_eq!(ran.code, Some(0), "{ran:?}");
    let plan = fs::read_to_string(work.path("out/plan.jsonl")).unwrap();
    let lines = plan.lines().skip(1).filter_map(|line| serde_json::from_str::<serde_json::Value>(line).ok());
    let mut shards: BTreeMap<u64, Vec<bool>> = BTreeMap::new();
    for line in lines.filter(|line| line.get("shard").is_some()) {
        shards.entry(line["shard"].as_u64().unwrap()).or_default().push(line["arm"] == "xavier");
    }
    // Nine runs of one shape and three of another, three at a time.
    assert!(shards.len() == 4 && shards.values().all(|runs| runs.len() == 3), "{shards:?}");
    assert!(shards.values().all(|runs| runs.iter().all(|other| *other == runs[0])), "{shards:?}");
    let ran = work.submit("other", &["--plan-only", "--device", "cuda", "--cohort", "3", "--shards", "5"]);
    assert!(ran.code == Some(2) && ran.message().contains("4 cohorts"), "{ran:?}");
}

#[test]
fn gnu_parallel_makes_the_shards_of_a_plan() {
    if Command::new("parallel").arg("--version").output().is_err() {
        return eprintln!("skipped: there is no parallel");
    }
    let work = Work::new();
    work.parts(STUDY);
    assert_eq!(work.finish("whole", &[]).code, Some(0));
    assert_eq!(work.submit("out", &["--plan-only", "--shards", "4"]).code, Some(0));
    // The line of docs/cluster.md, without its machines.
    let line =
        "parallel --joblog j.log --resume-failed \"$0\" compare --plan out/plan.jsonl --shard {}/4 ::: $(seq 0 3)";
    let mut shell = Command::new("sh");
    shell.current_dir(work.path("")).args(["-c", line, env!("CARGO_BIN_EXE_initlab")]).stdin(Stdio::null());
    let ran = Ran::from(shell.output().unwrap());
    assert_eq!(ran.code, Some(0), "{ran:?}");
    assert_eq!(work.report_of_plan("out").code, Some(0));
    assert_same(&whole(&work.path("out")), &whole(&work.path("whole")), "by GNU parallel");
}
