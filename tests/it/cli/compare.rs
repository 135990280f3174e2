//! Studies: many runs of one file, resumed, repeated, and refused before anything runs.

use std::ffi::OsStr;
use std::fs;
use std::path::Path;

use super::{MLP, Ran, Work, assert_same, initlab, json, records};

/// Three arms, one of which diverges, at two depths, with three seeds.
pub(super) const STUDY: &str = "
base = 'net.toml'
seeds = 3
baseline = 'kaiming'
targets = [{ test_accuracy = 0.9 }, { train_loss = 0.9 }]
set.train.evaluate_every = 2
set.stats.every = 5
[[grid]]
name = 'widths'
path = 'model.widths'
values = [[12, 9], [8]]
[[arms]]
name = 'kaiming'
[[arms]]
name = 'xavier, small'
set = { init.preset = 'xavier', optimizer.lr = 0.02 }
[[arms]]
name = 'too fast'
set.optimizer.lr = 1e30
";

impl Work {
    /// Writes `net.toml` and `study.toml`.
    pub(super) fn study(&self, text: &str) {
        self.config(MLP);
        fs::write(self.path("study.toml"), text).unwrap();
    }

    /// `initlab compare study.toml --out OUT …`.
    pub(super) fn compare(&self, out: &str, more: &[&str]) -> Ran {
        let (study, out) = (self.path("study.toml"), self.path(out));
        let own = ["compare", study.to_str().unwrap(), "--out", out.to_str().unwrap()];
        initlab(own.iter().chain(more))
    }
}

#[test]
fn a_study_gives_the_same_bytes_for_any_number_of_threads_and_runs_nothing_twice() {
    let work = Work::new();
    work.study(STUDY);
    for (out, threads) in [("one", "1"), ("three", "3")] {
        let ran = work.compare(out, &["--threads", threads]);
        assert_eq!(ran.code, Some(0), "{ran:?}");
        let lines = ran.stderr.lines().filter(|line| line.contains(" passed"));
        assert_eq!(lines.count(), 18, "a line for each run: {}", ran.stderr);
        let said = ran.stderr.lines().filter(|line| line.starts_with("so far, with 3 of 3 seeds, widths = ")).count();
        assert!(said == 1 && !ran.stdout.contains("so far"), "{ran:?}");
        assert!(ran.stdout.lines().all(|line| line.chars().count() <= 80 || line.contains("records in")), "{ran:?}");
    }
    for name in fs::read_dir(work.path("one/runs")).unwrap().map(|entry| entry.unwrap().file_name()) {
        let [one, three] = ["one/runs", "three/runs"].map(|out| records(&work.path(out).join(&name)));
        assert!(!one.is_empty() && !name.to_str().unwrap().starts_with('.'), "{name:?}");
        assert_same(&one, &three, name.to_str().unwrap());
    }
    let results = |out: &str| {
        ["study.json", "runs.csv", "comparison.csv"].map(|name| fs::read_to_string(work.path(out).join(name)).unwrap())
    };
    assert!(results("one") == results("three"));
    let before = results("one");
    let ran = work.compare("one", &[]);
    assert!(ran.code == Some(0) && ran.stderr.is_empty(), "{ran:?}");
    assert!(results("one") == before);
    // A run that is gone is made again, and only that one.
    let lost = json(&work.path("one/study.json"))["runs"][7]["dir"].as_str().unwrap().to_owned();
    fs::remove_dir_all(work.path("one").join(lost)).unwrap();
    let ran = work.compare("one", &["--report-only"]);
    assert!(ran.code == Some(1) && ran.message().contains("1 of 18 runs are missing"), "{ran:?}");
    let ran = work.compare("one", &[]);
    assert!(ran.code == Some(0) && ran.stderr.lines().count() == 1, "{ran:?}");
    assert!(results("one") == before);
}

#[test]
fn the_record_holds_every_run_with_what_it_reached() {
    let work = Work::new();
    work.study(STUDY);
    let ran = work.compare("out", &["--json", "--set", "seeds=[4, 9]"]);
    assert_eq!(ran.code, Some(0), "{ran:?}");
    let study: serde_json::Value = serde_json::from_str(&ran.stdout).unwrap();
    assert_eq!(study, json(&work.path("out/study.json")));
    assert!(study["command"].as_str().unwrap().ends_with("study.toml --set 'seeds=[4, 9]'"), "{study}");
    let runs = study["runs"].as_array().unwrap();
    assert_eq!(runs.len(), 12);
    for run in runs {
        let dir = work.path("out").join(run["dir"].as_str().unwrap());
        let summary = json(&dir.join("run.json"));
        assert!(summary["seed"] == run["seed"] && summary["test_accuracy"] == run["test_accuracy"], "{run}");
        let diverged = run["arm"] == "too fast";
        assert_eq!(run["outcome"], if diverged { "diverged" } else { "finished" });
        // What reached its target did so at an evaluation; what diverged reached nothing.
        match run["steps_to_target"][0].as_u64() {
            Some(steps) => {
                let epochs = fs::read_to_string(dir.join("epochs.csv")).unwrap();
                let line = epochs.lines().find(|line| line.split(',').nth(1) == Some(&steps.to_string())).unwrap();
                assert!(!diverged && line.split(',').next_back().unwrap().parse::<f64>().unwrap() >= 0.9, "{line}");
            }
            None => assert!(diverged || run["best_test_accuracy"].as_f64() < Some(0.9), "{run}"),
        }
    }
    // Two arms against the baseline at two points.
    let comparisons = study["comparisons"].as_array().unwrap();
    assert!(comparisons.len() == 4 && comparisons.iter().all(|c| c["verdict"] == "neither_reaches"), "{study}");
    // Two pairs say nothing of what differs at the end, and none is left of an arm that diverged.
    for comparison in comparisons {
        let judged = &comparison["test_accuracy"]["judged"]["verdict"];
        assert!(judged == "too_few_seeds" || comparison["arm"] == "too fast" && judged.is_null(), "{comparison}");
    }
    let csv = fs::read_to_string(work.path("out/comparison.csv")).unwrap();
    let fields = |line: &str| line.replace("xavier, small", "").split(',').count();
    assert!(csv.lines().count() == 9 && csv.lines().all(|line| fields(line) == fields(csv.lines().next().unwrap())));
    let csv = fs::read_to_string(work.path("out/runs.csv")).unwrap();
    assert_eq!(csv.lines().count(), 13);
    assert!(csv.lines().nth(3).unwrap().starts_with("\"xavier, small\",12-9,4,0.02,cpu,finished,,10,10,"), "{csv}");
}

#[test]
fn all_arms_of_a_seed_see_the_same_batches_and_draw_the_same_numbers() {
    let work = Work::new();
    work.study(
        "
base = 'net.toml'
seeds = 1
targets = [{ test_accuracy = 0.9 }]
[[arms]]
name = 'kaiming'
[[arms]]
name = 'double'
set.init.weight = { kind = 'kaiming_normal', gain = 2.8284271247461903 }
",
    );
    assert_eq!(work.compare("out", &[]).code, Some(0));
    let runs = json(&work.path("out/study.json"))["runs"].clone();
    let start = |i: usize| {
        let dir = work.path("out").join(runs[i]["dir"].as_str().unwrap());
        initlab::record::tensors::read(&dir.join("init.safetensors")).unwrap().0
    };
    let (one, double) = (start(0), start(1));
    let initlab::record::tensors::Values::F32(one) = &one["1.weight"].values else { panic!("weights are floats") };
    let initlab::record::tensors::Values::F32(double) = &double["1.weight"].values else {
        panic!("weights are floats")
    };
    let ratios = || one.iter().zip(double.iter()).map(|(a, b)| b / a);
    assert!(ratios().all(|ratio| (ratio - 2.0).abs() < 1e-5), "{:?}", ratios().take(9).collect::<Vec<_>>());
}

#[test]
fn each_mistake_is_an_error_at_its_line_before_anything_runs() {
    let work = Work::new();
    #[rustfmt::skip]
    let cases: [(&str, &str, &[&str]); 24] = [
        ("name = 'xavier, small'", "name = 'kaiming'", &["study.toml:15:8: `name` in [arms.1] is \"kaiming\", as another arm"]),
        ("seeds = 3", "seeds = 0", &["study.toml:3:9: `seeds`", "no seed"]),
        ("seeds = 3", "seeds = []", &["study.toml:3:9: `seeds`", "no seed"]),
        ("seeds = 3", "seeds = [1, 2, 1]", &["study.toml:3:9: `seeds`", "the seed 1 twice"]),
        ("seeds = 3", "seed = 3", &["missing key `seeds`", "did you mean `seeds`?"]),
        ("baseline = 'kaiming'", "baseline = 'kaimin'", &["study.toml:4:12: `baseline`", "unknown name", "did you mean \"kaiming\"?"]),
        ("'net.toml'", "'nett.toml'", &["study.toml:2:8: `base`", "nett.toml, which cannot be read"]),
        ("base = 'net.toml'", "", &["missing key `base`"]),
        ("targets = [", "targets = [] #", &["study.toml:5:11: `targets`", "is empty"]),
        ("test_accuracy = 0.9 ", "test_accuracy = 90", &["study.toml:5:30: `test_accuracy` in [targets.0]", "at most 1"]),
        ("test_accuracy = 0.9 ", "test_acuracy = 0.9 ", &["missing key `test_accuracy`", "did you mean `test_accuracy`?"]),
        ("set.stats.every = 5", "set.stats.evry = 5", &["study.toml:7:11: unknown key `evry` in [stats]", "`every`?"]),
        ("optimizer.lr = 0.02", "optimizer.lr = -1", &["study.toml:16:48: `lr` in [optimizer] must be above 0"]),
        ("init.preset = 'xavier'", "init.preset = 'xavir'", &["study.toml:16:23: `preset` in [init]", "\"xavier\"?"]),
        ("init.preset = 'xavier'", "init.weight = 'delta_orthogonal'", &["study.toml:16:23: `weight` in [init] cannot be done", "delta"]),
        ("[12, 9], [8]", "[12, 9], [0]", &["study.toml:11:20: `widths` in [model] cannot be built"]),
        ("[12, 9], [8]", "[12, 9], [12, 9]", &["`values` in [grid.0] has 12-9 twice"]),
        ("{ train_loss = 0.9 }", "{ test_accuracy = 0.9 }", &["study.toml:5:55: `test_accuracy` in [targets.1] is 0.9, as in another target"]),
        ("seeds = 3", "seeds = 3\nname = '..'", &["study.toml:4:8: `name`", "is \"..\"; expected one with a letter or a digit"]),
        ("seeds = 3", "seeds = [1, 18446744073709551616]", &["study.toml:3:13: `seeds.1`", "from 0 to 18446744073709551615"]),
        ("[12, 9], [8]", "", &["`values` in [grid.0] is empty"]),
        ("model.widths", "model.kind.widths", &["study.toml:11:11: `model.kind` is string \"mlp\""]),
        ("set.optimizer.lr = 1e30", "unset = ['optimizer.momentum']", &["study.toml:19:10: `unset.0` in [arms.2]", "not there"]),
        ("set.optimizer.lr = 1e30", "sett.optimizer.lr = 1e30", &["unknown key `sett` in [arms.2]", "did you mean `set`?"]),
    ];
    for (from, to, parts) in cases {
        assert!(STUDY.contains(from), "{from}");
        work.study(&STUDY.replacen(from, to, 1));
        let ran = work.compare("out", &[]);
        let message = ran.stderr.replace("\n  ", " ");
        assert!(ran.code == Some(2) && ran.stdout.is_empty() && message.starts_with("error: "), "{to}: {ran:?}");
        parts.iter().for_each(|part| assert!(message.contains(part), "{to}\n{part}\n{message}"));
        assert!(!work.path("out").exists(), "{to}");
    }
}

#[test]
fn a_damaged_directory_is_named_with_what_to_do() {
    let work = Work::new();
    work.study(&STUDY.replace("seeds = 3", "seeds = 1"));
    assert_eq!(work.compare("whole", &[]).code, Some(0));
    let run = json(&work.path("whole/study.json"))["runs"][0]["dir"].as_str().unwrap().to_owned();
    fs::create_dir_all(work.path("file/csv/runs.csv")).unwrap();
    fs::write(work.path("file/out"), "").unwrap();
    let broken = |name: &str| {
        let to = work.path(&format!("{name}-of-run"));
        copy(&work.path("whole"), &to);
        to.join(&run).join(name)
    };
    fs::write(broken("steps.csv"), "step\n1\n").unwrap();
    fs::write(broken("epochs.csv"), "").unwrap();
    fs::write(broken("run.json"), "{").unwrap();
    fs::remove_file(broken("config.toml")).unwrap();
    #[rustfmt::skip]
    let cases = [
        ("steps.csv-of-run", "--threads=1", 1, ["steps.csv: has 7 bytes; lost is the loss of each step", "remove the run's directory: the same command"]),
        ("epochs.csv-of-run", "--report-only", 1, ["epochs.csv: has 0 bytes; lost is the evaluations", "bytes (5 rows), as run.json has it"]),
        ("run.json-of-run", "--report-only", 1, ["run.json: EOF", "lost is the run's result"]),
        ("run.json-of-run", "--threads=1", 1, ["run.json: EOF", "remove the run's directory: the same command"]),
        ("config.toml-of-run", "--threads=1", 1, ["config.toml: reading the file failed", "No such file"]),
        ("nothing", "--report-only", 1, ["6 of 6 runs are missing", "nothing"]),
        ("file/out", "--threads=1", 1, ["file/out: creating the directory failed: ", "--out"]),
        ("file/csv", "--threads=1", 1, ["runs.csv", "directory"]),
    ];
    for (out, more, code, parts) in cases {
        let ran = work.compare(out, &[more]);
        assert_eq!(ran.code, Some(code), "{out}: {ran:?}");
        parts.iter().for_each(|part| assert!(ran.message().contains(part), "{out}: {part}: {ran:?}"));
    }
    fs::write(work.path("study.toml"), [0xff]).unwrap();
    let ran = work.compare("nothing", &[]);
    assert!(ran.code == Some(2) && ran.message().contains("a config is a text file in UTF-8"), "{ran:?}");
    let ran = initlab([OsStr::new("compare"), work.root.path().as_os_str()]);
    assert!(ran.code == Some(2) && ran.message().contains("check that it is a readable file"), "{ran:?}");
}

fn copy(from: &Path, to: &Path) {
    fs::create_dir_all(to).unwrap();
    for entry in fs::read_dir(from).unwrap().map(|entry| entry.unwrap()) {
        let to = to.join(entry.file_name());
        if entry.path().is_dir() { copy(&entry.path(), &to) } else { fs::copy(entry.path(), to).map(drop).unwrap() }
    }
}

#[test]
fn a_run_that_fails_is_reported_and_the_others_go_on() {
    let work = Work::new();
    work.study(
        "
base = 'net.toml'
seeds = 2
targets = [{ test_accuracy = 0.9 }]
[[arms]]
name = 'plain'
[[arms]]
name = 'lsuv'
set.init.lsuv = { max_iterations = 1, tolerance = 1e-12 }
",
    );
    let ran = work.compare("out", &[]);
    assert!(
        ran.code == Some(1) && ran.message().contains("2 of 4 runs failed; the first, runs/lsuv-seed0-"),
        "{ran:?}"
    );
    assert!(ran.stdout.contains("plain") && ran.stdout.contains("1/2"), "{ran:?}");
    let study = json(&work.path("out/study.json"));
    assert!(
        study["runs"].as_array().unwrap().len() == 2 && study["failures"].as_array().unwrap().len() == 2,
        "{study}"
    );
}
