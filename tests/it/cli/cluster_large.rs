//! A study of ten thousand runs, whose records are made up: it is planned, told of and summarised.

use std::fs;
use std::path::Path;
use std::time::Instant;

use initlab::cluster::plan_file::PlanFile;
use initlab::record::manifest::FileSum;
use initlab::record::summary::Summary;

use super::{Ran, Work, json};

/// Two activations, 25 depths, 20 gains, ten seeds.
const STUDY: &str = "
seeds = 10
targets = [{ test_accuracy = 0.9 }]
[base]
model = { kind = 'mlp', width = 8, depth = 1 }
optimizer = { lr = 0.05 }
train = { steps = 60, batch_size = 64, evaluate_every = 10 }
stats = { every = 20, histogram_every = 0 }
init.weight = { kind = 'kaiming_normal' }
[[arms]]
name = 'relu'
[[arms]]
name = 'tanh'
set.model.activation = 'tanh'
[[grid]]
path = 'model.depth'
values = [DEPTHS]
[[grid]]
path = 'init.weight.gain'
values = [GAINS]
";

/// Gives every other run of the plan the records of one of the first few, which were made.
fn make_up(dir: &Path) {
    let plan = PlanFile::read(dir).unwrap().unwrap().plan;
    let made: Vec<_> = plan.runs.iter().filter(|line| dir.join("runs").join(&line.run).exists()).collect();
    for (at, line) in plan.runs.iter().enumerate() {
        let run = dir.join("runs").join(&line.run);
        if run.exists() {
            continue;
        }
        fs::create_dir(&run).unwrap();
        let from = dir.join("runs").join(&made[at % made.len()].run);
        for file in fs::read_dir(&from).unwrap() {
            let file = file.unwrap();
            fs::copy(file.path(), run.join(file.file_name())).unwrap();
        }
        fs::write(run.join("config.toml"), &line.config).unwrap();
        let mut summary = Summary::read(&from).unwrap().unwrap();
        summary.seed = line.seed;
        summary.files.add("config.toml", FileSum::of_text(&line.config));
        fs::write(run.join("run.json"), summary.to_json()).unwrap();
    }
}

#[test]
#[ignore = "a minute: ten thousand made-up runs; prints how long each command takes"]
fn ten_thousand_runs_are_planned_told_of_and_summarised() {
    let work = Work::new();
    let list = |n: usize, number: &dyn Fn(usize) -> String| (1..=n).map(number).collect::<Vec<_>>().join(", ");
    let study = STUDY
        .replace("DEPTHS", &list(25, &|i| i.to_string()))
        .replace("GAINS", &list(20, &|i| format!("{:?}", i as f64 / 10.0)));
    work.parts(&study);
    let timed = |what: &str, command: &dyn Fn() -> Ran| {
        let begun = Instant::now();
        let ran = command();
        assert_eq!(ran.code, Some(0), "{what}: {ran:?}");
        eprintln!("{what}: {:.2} s", begun.elapsed().as_secs_f64());
        ran
    };
    timed("planned and scripted, nothing written", &|| work.submit("out", &["--dry-run", "--minutes", "10"]));
    let ran = timed("planned", &|| work.submit("out", &["--plan-only", "--shards", "1000"]));
    assert!(ran.stdout.starts_with("10000 runs in 1000 shards"), "{ran:?}");
    for shard in ["0/1000", "500/1000", "999/1000"] {
        timed("a shard of ten runs", &|| work.shard("out", shard));
    }
    make_up(&work.path("out"));
    let ran = timed("status", &|| work.status("out"));
    assert!(ran.stdout.contains("done     10000"), "{ran:?}");
    timed("summarised", &|| work.report_of_plan("out"));
    assert_eq!(json(&work.path("out/study.json"))["runs"].as_array().unwrap().len(), 10_000);
}
