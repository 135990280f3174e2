//! Studies in parts: killed and gone on with, spread over shards, tuned in rounds; in the end always the same bytes.

use std::collections::BTreeMap;
use std::fs;
use std::process::{Child, Command, Stdio};
use std::time::Duration;

use super::{Ran, Work, assert_same, json};

/// Twelve runs of a few hundred steps.
pub(super) const STUDY: &str = "
seeds = 3
targets = [{ test_accuracy = 0.9 }]
[base]
model = { kind = 'mlp', widths = [16] }
optimizer = { lr = 0.05, momentum = 0.9 }
train = { steps = 300, batch_size = 64, evaluate_every = 20 }
stats = { every = 20, histogram_every = 0 }
[[arms]]
name = 'kaiming'
[[arms]]
name = 'xavier'
set.init.preset = 'xavier'
[[arms]]
name = 'torch'
set.init.preset = 'torch'
[[arms]]
name = 'lsuv'
set.init.lsuv = { images = 100 }
";

impl Work {
    pub(super) fn parts(&self, text: &str) {
        let data = self.path("blobs");
        fs::write(self.path("study.toml"), text.replace("[base]", &format!("[base]\ndata.dataset = {data:?}")))
            .unwrap();
    }

    fn begin(&self, out: &str, more: &[&str]) -> Child {
        let mut command = Command::new(env!("CARGO_BIN_EXE_initlab"));
        command.arg("compare").arg(self.path("study.toml")).arg("--out").arg(self.path(out)).args(more);
        command.stdout(Stdio::piped()).stderr(Stdio::piped()).spawn().unwrap()
    }

    pub(super) fn finish(&self, out: &str, more: &[&str]) -> Ran {
        Ran::from(self.begin(out, more).wait_with_output().unwrap())
    }

    /// Runs that have ended in a study's directory.
    fn ended(&self, out: &str) -> usize {
        let Ok(runs) = fs::read_dir(self.path(out).join("runs")) else { return 0 };
        runs.filter(|run| run.as_ref().unwrap().path().join("run.json").exists()).count()
    }
}

/// The study's own files.
fn results(work: &Work, out: &str) -> BTreeMap<String, Vec<u8>> {
    let files = files_of_top(work, out);
    assert!(
        files.keys().map(String::as_str).eq([
            "comparison.csv",
            "index.md",
            "plan.json",
            "report.html",
            "runs.csv",
            "study.json"
        ]),
        "{:?}",
        files.keys()
    );
    files
}

fn files_of_top(work: &Work, out: &str) -> BTreeMap<String, Vec<u8>> {
    let entries = fs::read_dir(work.path(out)).unwrap().map(|entry| entry.unwrap());
    let files = entries.filter(|entry| entry.path().is_file());
    files.map(|entry| (entry.file_name().into_string().unwrap(), fs::read(entry.path()).unwrap())).collect()
}

#[test]
fn a_study_that_is_killed_again_and_again_ends_with_the_bytes_of_one_that_was_not() {
    let work = Work::new();
    work.parts(STUDY);
    assert_eq!(work.finish("whole", &[]).code, Some(0));
    let mut kills = 0;
    for round in 0..12u64 {
        let mut child = work.begin("killed", &["--threads", "2"]);
        // Moments that fall into different parts of different runs.
        std::thread::sleep(Duration::from_millis(20 + 37 * round % 90));
        kills += usize::from(child.try_wait().unwrap().is_none());
        child.kill().unwrap();
        child.wait().unwrap();
    }
    let ran = work.finish("killed", &[]);
    assert!(ran.code == Some(0) && kills > 0, "{kills} {ran:?}");
    assert_same(&results(&work, "killed"), &results(&work, "whole"), "killed");
}

#[test]
fn ctrl_c_and_term_keep_what_is_done_and_say_how_to_go_on() {
    for (signal, code) in [("-INT", 130), ("-TERM", 143)] {
        let work = Work::new();
        work.parts(&STUDY.replace("steps = 300", "steps = 3000"));
        let child = work.begin("out", &["--threads", "2"]);
        while work.ended("out") < 2 {
            std::thread::sleep(Duration::from_millis(2));
        }
        assert!(Command::new("kill").args([signal, &child.id().to_string()]).status().unwrap().success());
        let ran = Ran::from(child.wait_with_output().unwrap());
        assert!(ran.code == Some(code) && ran.message().contains("go on with the same command"), "{ran:?}");
        let ended = work.ended("out");
        assert!(ended >= 2 && files_of_top(&work, "out").keys().eq(["plan.json"]), "{ended}");
    }
}

#[test]
fn shards_in_directories_of_their_own_and_in_a_shared_one_give_the_bytes_of_one_run() {
    let work = Work::new();
    work.parts(STUDY);
    assert_eq!(work.finish("whole", &[]).code, Some(0));
    for shard in 0..3 {
        let ran = work.finish(&format!("part{shard}"), &["--shard", &format!("{shard}/3")]);
        assert!(
            ran.code == Some(0) && ran.stdout.is_empty() && ran.message().contains("4 of 12 runs are done"),
            "{ran:?}"
        );
        assert_eq!(work.ended(&format!("part{shard}")), 4);
        for run in fs::read_dir(work.path(&format!("part{shard}/runs"))).unwrap() {
            let run = run.unwrap();
            fs::create_dir_all(work.path("merged/runs")).unwrap();
            fs::rename(run.path(), work.path("merged/runs").join(run.file_name())).unwrap();
        }
    }
    let ran = work.finish("merged", &["--report-only"]);
    assert_eq!(ran.code, Some(0), "{ran:?}");
    assert_same(&results(&work, "merged"), &results(&work, "whole"), "merged");

    let shards: Vec<Child> = (0..3).map(|i| work.begin("shared", &["--shard", &format!("{i}/3")])).collect();
    for shard in shards {
        assert_eq!(shard.wait_with_output().unwrap().status.code(), Some(0));
    }
    assert_eq!(work.finish("shared", &["--report-only"]).code, Some(0));
    assert_same(&results(&work, "shared"), &results(&work, "whole"), "shared");
}

#[test]
fn two_calls_at_the_same_time_do_not_get_into_each_others_way() {
    let work = Work::new();
    work.parts(STUDY);
    assert_eq!(work.finish("whole", &[]).code, Some(0));
    let both = [work.begin("both", &[]), work.begin("both", &[])];
    for child in both {
        let ran = Ran::from(child.wait_with_output().unwrap());
        assert_eq!(ran.code, Some(0), "{ran:?}");
    }
    assert_eq!(work.finish("both", &[]).code, Some(0));
    assert_same(&results(&work, "both"), &results(&work, "whole"), "both");
}

#[test]
fn each_arm_gets_its_own_best_rate_from_images_that_the_verdict_never_sees() {
    let work = Work::new();
    // The best rate of both lies above the grid.
    let grid = "seeds = 2\nlearning_rate = { tune = { low = 1e-5, high = 1e-3, points = 3, seeds = 2 } }";
    // The base has no rate, for it would never be used.
    let study = STUDY.replace("seeds = 3", grid).replace("steps = 300", "steps = 60");
    work.parts(
        &study
            .replace("lr = 0.05, ", "kind = 'sgd', ")
            .replace("'xavier'\n[[", "'xavier'\nset.optimizer = { kind = 'rmsprop', eps = 1.0, momentum = 0.9 }\n[["),
    );
    let ran = work.finish("out", &[]);
    assert!(ran.code == Some(0) && ran.stdout.contains("learning rates, found on the last sixth"), "{ran:?}");
    let study = json(&work.path("out/study.json"));
    let (tuning, runs) = (study["tuning"].as_array().unwrap(), study["runs"].as_array().unwrap());
    assert_eq!((tuning.len(), runs.len()), (4, 8));
    for arm in tuning {
        let tried = arm["tried"].as_array().unwrap();
        assert!(tried.len() > 3 && tried.len() <= 6 && arm["best"].as_f64() > Some(1e-3), "widened: {arm}");
        let own = runs.iter().filter(|run| run["arm"] == arm["arm"]);
        assert!(own.clone().all(|run| run["learning_rate"] == arm["best"]) && own.count() == 2, "{study}");
    }
    // The verdict's runs train and test on the usual images, the tuning's on parts of the training images.
    let mut splits = BTreeMap::new();
    for run in fs::read_dir(work.path("out/runs")).unwrap() {
        let run = json(&run.unwrap().path().join("run.json"));
        splits
            .entry(run["split"].as_str().unwrap().to_owned())
            .or_insert_with(Vec::new)
            .push(run["seed"].as_u64().unwrap());
    }
    let tuned = &splits["validation"];
    assert!(splits["usual"].len() == 8 && splits["usual"].iter().all(|seed| *seed < 2), "{splits:?}");
    assert!(tuned.iter().all(|seed| *seed >= 2) && splits.len() == 2, "{splits:?}");
    let again = results(&work, "out");
    assert!(work.finish("out", &[]).stderr.is_empty());
    assert_same(&results(&work, "out"), &again, "again");
}

#[test]
fn a_base_without_a_rate_takes_those_of_a_list() {
    let work = Work::new();
    work.parts(&STUDY.replace("optimizer = { lr = 0.05, momentum = 0.9 }\n", "").replace("steps = 300", "steps = 3"));
    let ran = work.finish("out", &["--set", "learning_rate=[0.1, 0.2]", "--set", "seeds=1"]);
    assert!(ran.code == Some(0) && ran.stdout.contains("learning_rate = 0.2"), "{ran:?}");
    let ran = work.finish("none", &[]);
    assert!(ran.code == Some(2) && ran.message().contains("missing key `optimizer.lr`"), "{ran:?}");
}

#[test]
fn a_dry_run_tells_runs_time_and_disk_and_leaves_nothing_behind() {
    let work = Work::new();
    work.parts(STUDY);
    let ran = work.finish("out", &["--dry-run", "--threads", "2", "--shard", "1/3"]);
    assert!(ran.code == Some(0) && ran.stderr.is_empty() && !work.path("out").exists(), "{ran:?}");
    for part in
        ["study: 4 runs in", "4 arms × 1 grid points × 3 seeds", "4 still to be made", "2 side by side", "on disk"]
    {
        assert!(ran.stdout.contains(part), "{part}: {}", ran.stdout);
    }
    assert_eq!(work.finish("out", &["--shard", "1/3"]).code, Some(0));
    let ran = work.finish("out", &["--dry-run", "--shard", "1/3"]);
    assert!(ran.stdout.ends_with("0 still to be made:\n"), "{ran:?}");
}

#[test]
fn a_dry_run_of_runs_that_may_end_early_gives_a_range_and_what_it_rests_on() {
    let work = Work::new();
    work.parts(STUDY);
    let early = ["--set", "set.train.target_accuracy=0.2"];
    let planned = |more: &[&str]| work.finish("out", &[&["--dry-run"], more].concat()).stdout;
    let (none, all) = ("if no run reaches the target accuracy", "(12) reach it at the first evaluation");
    let text = planned(&early);
    assert!(
        text.contains(none) && text.contains(all) && text.contains("up to") && !text.contains("that are there"),
        "{text}"
    );
    assert!(!planned(&[]).contains(none));
    assert_eq!(work.finish("out", &[&early[..], &["--shard", "1/3"]].concat()).code, Some(0));
    let text = planned(&early);
    assert!(text.contains("(8) reach it") && text.contains("if they end as early as the 4 that are there"), "{text}");
}

#[test]
fn a_wrong_shard_and_a_wrong_grid_of_rates_are_refused() {
    let work = Work::new();
    #[rustfmt::skip]
    let cases: [(&str, &str, &[&str], &str); 10] = [
        ("", "", &["--shard", "3/3"], "expected i/K with i from 0 to K − 1"),
        ("", "", &["--shard", "0/0"], "expected i/K"),
        ("", "", &["--set", "learning_rate={tune={low=1,high=2,seeds=1000000}}"], "`learning_rate` at the top level makes 20000000 runs"),
        ("", "", &["--set", "learning_rate={tune={low=1,high=1.001}}"], "`points` in [learning_rate.tune] makes rates that are the same in three digits"),
        ("", "", &["--shard", "1"], "expected i/K"),
        ("", "", &["--dry-run", "--report-only"], "cannot be used with"),
        ("seeds = 3", "seeds = 3\nlearning_rate = { tune = { low = 1, high = 0.1 } }", &[], "`high` in [learning_rate.tune] must be above `low`"),
        ("seeds = 3", "seeds = 3\nlearning_rate = { tune = { low = 1, high = 2, points = 1 } }", &[], "`points` in [learning_rate.tune] must be from 2"),
        ("seeds = 3", "seeds = 3\nlearning_rate = { tune = { low = 1 } }", &[], "missing key `high` in [learning_rate.tune]"),
        ("stats =", "data.split = 'lesson'\nstats =", &["--set", "learning_rate={tune={low=1,high=2}}"], "`learning_rate` at the top level can only be tuned"),
    ];
    for (from, to, more, part) in cases {
        work.parts(&STUDY.replacen(from, to, 1));
        let ran = work.finish("out", more);
        assert!(ran.code == Some(2) && ran.stderr.replace("\n  ", " ").contains(part), "{part}\n{ran:?}");
        assert!(!work.path("out").exists(), "{part}");
    }
}

#[test]
fn a_large_grid_is_shown_as_maps_with_the_depth_that_theory_expects() {
    let work = Work::new();
    let grid = "[[grid]]\npath = 'model.depth'\nvalues = [1, 9, 25, 30]\n[[grid]]\nname = 'gain'\n\
                path = 'init.weight.gain'\nvalues = [1.0, 1.4]\n[[arms]]";
    let study = STUDY.replace("widths = [16]", "width = 12, depth = 1").replace("steps = 300", "steps = 6");
    let study = study.replacen("[[arms]]", grid, 1).replacen("name = 'kaiming'", "name = 'given'", 1);
    let study = study.split("[[arms]]\nname = 'xavier'").next().unwrap().to_owned();
    work.parts(&study.replace("seeds = 3", "seeds = 1\nset.init.weight = { kind = 'kaiming_normal' }"));
    let ran = work.finish("out", &[]);
    assert!(ran.code == Some(0) && ran.stdout.contains("model.depth \\ gain"), "{ran:?}");
    let row = |depth: &str| ran.stdout.lines().find(|line| line.starts_with(depth)).unwrap().to_owned();
    // σ_w² = 1 halves the signal in each layer: 2^-22 meets the limit after 23; σ_w² = 1.96 is nearly critical.
    let marks = ["1 ", "9 ", "25 ", "30 "].map(|depth| row(depth).matches('*').count());
    assert_eq!(marks, [0, 0, 1, 1], "{}", ran.stdout);
    assert!(ran.stdout.lines().all(|line| line.chars().count() <= 80 || line.contains("records in")), "{}", ran.stdout);
}
