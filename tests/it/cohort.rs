//! Runs that train together on a candle device: each as if it had trained alone. The CPU device stands for any other.

use std::path::Path;
use std::sync::atomic::{AtomicBool, Ordering};

use candle_core::Device;
use initlab::config::Experiment;
use initlab::data::{Dataset, Prepared, Split};
use initlab::record::RunDir;
use initlab::record::run_dir::Existing;
use initlab::record::summary::{Outcome, Summary};
use initlab::study::attempt::Attempt;
use initlab::study::execute::Manner;
use initlab::study::place::Growth;
use initlab::study::plan::Shard;
use initlab::study::{Campaign, Study};
use initlab::train::engine::Compute;
use initlab::train::{Event, Member, Plan, TrainError, train, train_together};

use crate::cli::{BATCH_NORM, CNN, DROPOUT, MLP, RESIDUAL, assert_same, images, records};

const CPU: Compute = Compute::Device(Device::Cpu);

fn dataset() -> Dataset {
    Dataset {
        name: "blobs".into(),
        sha256: "of the blobs".into(),
        classes: 4,
        train: images(300, 1),
        test: images(100, 2),
    }
}

pub fn plan(config: &str, sets: &[&str]) -> Plan {
    let sets: Vec<String> = sets.iter().map(|set| (*set).into()).collect();
    let experiment = Experiment::parse("cohort.toml", config, &sets).unwrap();
    Plan::new(experiment, Prepared::new(dataset(), Split::Usual).unwrap()).unwrap()
}

/// Configs with what their runs differ in.
const COHORTS: [(&str, [&[&str]; 3]); 5] = [
    (MLP, [&[], &["seed=1", "optimizer.lr=0.03"], &["model.activation={kind='leaky_relu',leak=0.1}"]]),
    (
        CNN,
        [
            &["seed=3"],
            &["schedule.kind=cosine"],
            &["model.activation={kind='general_relu',leak=0.1,shift=0.2,max=3.0}"],
        ],
    ),
    (BATCH_NORM, [&["init.preset=xavier"], &["seed=2"], &["schedule.warmup_steps=3"]]),
    (DROPOUT, [&[], &["seed=4"], &["seed=6", "optimizer.lr=0.02"]]),
    (RESIDUAL, [&["optimizer.lr=0.002"], &[], &["seed=5", "init.preset=lecun"]]),
];

/// Loss and layers' sizes of every step, and the test losses.
type Curves = Vec<f64>;

fn follow(curves: &mut Curves, event: &Event<'_>) {
    match event {
        Event::Step { row, observed, .. } => {
            curves.push(row.loss);
            curves.extend(observed.observations.iter().map(|w| w.activation.sum_of_squares / w.activation.n as f64));
            curves
                .extend(observed.observations.iter().map(|w| (w.gradient.sum_of_squares / w.gradient.n as f64).sqrt()));
        }
        Event::Evaluated { row, .. } => curves.push(row.test_loss),
        Event::Begin { .. } => {}
    }
}

fn alone(plan: &Plan, compute: &Compute, dir: &Path) -> Curves {
    let mut curves = Vec::new();
    train(plan, compute, dir, Existing::Keep, &AtomicBool::new(false), |event| follow(&mut curves, &event)).unwrap();
    curves
}

/// A directory for each of `n` runs.
fn opened(n: usize, dir: &Path, existing: Existing) -> Vec<RunDir> {
    (0..n).map(|i| RunDir::open(&dir.join(i.to_string()), existing).unwrap()).collect()
}

fn members<'a>(plans: &'a [Plan], dirs: &'a [RunDir]) -> Vec<Member<'a>> {
    plans.iter().zip(dirs).map(|(plan, dir)| Member { plan, dir }).collect()
}

fn together(plans: &[Plan], dir: &Path, compute: &Compute) -> Vec<Result<Summary, TrainError>> {
    let dirs = opened(plans.len(), dir, Existing::Resume);
    train_together(&members(plans, &dirs), compute, &AtomicBool::new(false), |_, _| {})
}

#[test]
fn each_run_of_a_cohort_follows_the_curves_of_the_run_alone() {
    check_curves(&CPU);
}

/// Compares a cohort's curves with those of its runs alone, on the same device and on the kernels.
pub fn check_curves(compute: &Compute) {
    for (config, sets) in COHORTS {
        let plans = sets.map(|sets| plan(config, sets));
        let dir = tempfile::tempdir().unwrap();
        let mut curves = vec![Vec::new(); plans.len()];
        let dirs = opened(plans.len(), dir.path(), Existing::Keep);
        let results = train_together(&members(&plans, &dirs), compute, &AtomicBool::new(false), |i, event| {
            follow(&mut curves[i], &event);
        });
        for (i, (plan, got)) in plans.iter().zip(&curves).enumerate() {
            assert_eq!(results[i].as_ref().unwrap().outcome, Outcome::Finished);
            let device = alone(plan, compute, &dir.path().join(format!("{i}-device")));
            let host = alone(plan, &Compute::Cpu { threads: 1 }, &dir.path().join(format!("{i}-host")));
            for (want, tolerance) in [(device, 1e-5), (host, 1e-3)] {
                assert_eq!(got.len(), want.len());
                for (at, (got, want)) in got.iter().zip(&want).enumerate() {
                    let limit = tolerance * want.abs().max(1e-3);
                    assert!((got - want).abs() <= limit, "run {i} of {config} at {at}: {got}, alone {want}");
                }
            }
        }
    }
}

#[test]
fn a_run_of_100_steps_follows_the_kernels() {
    check_hundred_steps(&CPU);
}

/// Compares 100 losses on a device with those of the kernels.
pub fn check_hundred_steps(compute: &Compute) {
    for (config, _) in COHORTS {
        let plan = plan(config, &["train={steps=100,batch_size=64}"]);
        let dir = tempfile::tempdir().unwrap();
        let losses = |name: &str, compute: &Compute| {
            let mut losses = Vec::new();
            train(&plan, compute, &dir.path().join(name), Existing::Keep, &AtomicBool::new(false), |event| {
                if let Event::Step { row, .. } = event {
                    losses.push(row.loss);
                }
            })
            .unwrap();
            losses
        };
        let (got, want) = (losses("device", compute), losses("host", &Compute::Cpu { threads: 1 }));
        assert_eq!((got.len(), want.len()), (100, 100));
        let apart: Vec<f64> = got.iter().zip(&want).map(|(got, want)| (got - want).abs() / want.max(1e-2)).collect();
        let far = apart.iter().position(|&apart| apart > 1e-3);
        assert!(far.is_none(), "{config} at step {far:?}; relative differences at every step: {apart:?}");
    }
}

#[test]
fn a_run_that_ends_early_changes_no_bit_of_the_others() {
    check_ends(&CPU);
}

/// Compares runs beside one that diverges, or reaches its target, with the same beside one that does not.
pub fn check_ends(compute: &Compute) {
    for (config, sets) in COHORTS {
        let dir = tempfile::tempdir().unwrap();
        let end_early = [("optimizer.lr=1e38", Outcome::Diverged), ("train.target_accuracy=0.0", Outcome::Finished)];
        let mut with = [sets[1]].into_iter().chain(end_early.iter().map(|(set, _)| std::slice::from_ref(set)));
        let all = [0, 1, 2].map(|case| {
            let plans = [sets[0], with.next().unwrap(), sets[2]].map(|sets| plan(config, sets));
            let dir = dir.path().join(case.to_string());
            let results = together(&plans, &dir, compute);
            if case > 0 {
                let (set, outcome) = end_early[case - 1];
                let summary = results[1].as_ref().unwrap();
                assert!(summary.outcome == outcome && summary.steps < summary.planned_steps, "{config} {set}");
                let single = dir.join("single");
                train(&plans[1], compute, &single, Existing::Keep, &AtomicBool::new(false), |_| {}).unwrap();
                let alone: Summary = serde_json::from_slice(&std::fs::read(single.join("run.json")).unwrap()).unwrap();
                assert_eq!((alone.steps, &alone.diverged), (summary.steps, &summary.diverged), "{config} {set}");
            }
            [records(&dir.join("0")), records(&dir.join("2"))]
        });
        for (case, found) in all.iter().enumerate().skip(1) {
            for (found, expected) in found.iter().zip(&all[0]) {
                assert_same(found, expected, &format!("{config} beside {}", end_early[case - 1].0));
            }
        }
    }
}

#[test]
fn a_stopped_cohort_goes_on_as_if_nothing_had_happened() {
    check_resume(&CPU);
}

/// Compares a cohort that was stopped with one that was not.
pub fn check_resume(compute: &Compute) {
    for (config, sets) in COHORTS {
        let plans = sets.map(|sets| plan(config, sets));
        let dir = tempfile::tempdir().unwrap();
        let (whole, parted) = (dir.path().join("whole"), dir.path().join("parted"));
        together(&plans, &whole, compute);
        for stop_at in [4, u64::MAX] {
            let stop = AtomicBool::new(false);
            let dirs = opened(plans.len(), &parted, Existing::Resume);
            train_together(&members(&plans, &dirs), compute, &stop, |i, event| {
                if i == 1 && matches!(event, Event::Step { row, .. } if row.step == stop_at) {
                    stop.store(true, Ordering::Relaxed);
                }
            });
        }
        for i in ["0", "1", "2"] {
            assert_same(&records(&parted.join(i)), &records(&whole.join(i)), &format!("run {i} of {config}"));
        }
    }
}

#[test]
fn a_run_whose_directory_holds_another_fails_alone() {
    let plans = COHORTS[0].1.map(|sets| plan(MLP, sets));
    let dir = tempfile::tempdir().unwrap();
    std::fs::create_dir(dir.path().join("1")).unwrap();
    std::fs::write(dir.path().join("1/config.toml"), "seed = 7").unwrap();
    let results = together(&plans, dir.path(), &CPU);
    assert!(results[0].is_ok() && results[2].is_ok());
    assert!(matches!(results[1], Err(TrainError::OtherRun { .. })));
}

#[test]
fn runs_train_together_unless_they_differ_in_shape_or_pace() {
    let base = plan(MLP, &[]);
    for (set, like) in [
        ("seed=7", true),
        ("optimizer.lr=0.5", true),
        ("init.preset=lecun", true),
        ("schedule.kind=cosine", true),
        ("train.target_accuracy=0.9", true),
        ("model.activation={kind='general_relu',leak=0.1,shift=0.4,max=6.0}", true),
        ("model.activation=tanh", false),
        ("model.widths=[12,8]", false),
        ("model.bias=false", false),
        ("optimizer.momentum=0.9", false),
        ("train.batch_size=32", false),
        ("train.epochs=3", false),
        ("train.loss=mse", false),
        ("train.clip_norm=1.0", false),
        ("stats.every=1", false),
    ] {
        assert_eq!(base.like(&plan(MLP, &[set])), like, "{set}");
    }
}

#[test]
fn a_study_in_cohorts_has_the_results_of_one_side_by_side() {
    const STUDY: &str = "
base = 'net.toml'
seeds = 3
set.train.evaluate_every = 5
arms = [
  { name = 'kaiming' },
  { name = 'leaky', set.model.activation = { kind = 'leaky_relu', leak = 0.2 } },
  { name = 'wider', set.model.widths = [14, 9] },
  { name = 'too fast', set.optimizer.lr = 1e38 },
]
baseline = 'kaiming'
targets = [{ train_loss = 0.9 }]
";
    let study = Study::parse("study.toml", STUDY, &[], &|_| Ok(MLP.into())).unwrap();
    let campaign = Campaign::new(study, dataset()).unwrap();
    let root = tempfile::tempdir().unwrap();
    let results = |name: &str, growth: Growth, manner: Manner| {
        let dir = root.path().join(name);
        let missing = || Shard::WHOLE.missing(&campaign.runs, &dir).unwrap();
        let all = missing();
        let attempts = campaign.execute(&all, (&dir, growth), &manner, &AtomicBool::new(false), |_, _| {});
        assert!(attempts.iter().all(|attempt| matches!(attempt, Attempt::Ended(_))), "{attempts:?}");
        assert!(missing().is_empty(), "nothing is left to run");
        campaign.runs.iter().map(|run| run.result(&dir).unwrap().unwrap()).collect::<Vec<_>>()
    };
    // Nine runs of one shape in cohorts of four, three of another.
    let cohorts = results("cohorts", Growth::Apart, Manner::Cohorts { compute: CPU, size: 4 });
    let single = results("single", Growth::Locked, Manner::SideBySide { threads: 1 });
    for (got, want) in cohorts.iter().zip(&single) {
        assert_eq!((got.outcome, got.steps, got.device.as_str()), (want.outcome, want.steps, "candle-cpu"));
        match (got.test_loss, want.test_loss) {
            (Some(got), Some(want)) => assert!((got - want).abs() < 1e-3 * want, "{got}, {want}"),
            (got, want) => assert_eq!(got, want),
        }
    }
}
