//! Findings about made runs: each fault is found where it was made, and nowhere else.

use std::collections::BTreeMap;
use std::fs;
use std::sync::atomic::AtomicBool;

use initlab::config::Experiment;
use initlab::data::{Choice, Images, Prepared, Request, Split, files, load};
use initlab::findings::{NEEDED, RULES, of_run, table};
use initlab::record::finding::{Finding, Severity};
use initlab::record::read::RunRecords;
use initlab::record::run_dir::Existing;
use initlab::train::engine::Compute;
use initlab::train::{Plan, train};

const MLP: &str = "
model = { kind = 'mlp', width = 64, depth = 5 }
optimizer = { kind = 'sgd', lr = 0.05, momentum = 0.9 }
train = { steps = 150, batch_size = 64, evaluate_every = 50 }
";

const CNN: &str = "
model = { kind = 'cnn', stages = [{ channels = 8, stride = 2 }, { channels = 16, stride = 2 }, { channels = 16, stride = 2 }] }
optimizer = { kind = 'sgd', lr = 0.05, momentum = 0.9 }
train = { steps = 150, batch_size = 64, evaluate_every = 50 }
";

/// A run, and what is to be found in it.
struct Made {
    name: &'static str,
    config: &'static str,
    sets: &'static [&'static str],
    faults: &'static [&'static str],
}

impl Made {
    /// A rate that kills units may leave the net at chance, or not; chance decides.
    fn may_follow(&self, fault: &str) -> bool {
        self.faults.contains(&"rate_too_high") && fault == "stuck_at_chance"
    }
}

const fn mlp(name: &'static str, sets: &'static [&'static str], faults: &'static [&'static str]) -> Made {
    Made { name, config: MLP, sets, faults }
}

const fn cnn(name: &'static str, sets: &'static [&'static str], faults: &'static [&'static str]) -> Made {
    Made { name, config: CNN, sets, faults }
}

#[rustfmt::skip]
const RUNS: &[Made] = &[
    mlp("healthy", &[], &[]),
    mlp("healthy, another seed", &["seed=7"], &[]),
    mlp("healthy, 10 layers", &["model.depth=10", "optimizer.lr=0.02"], &[]),
    mlp("healthy, 20 layers", &["model.depth=20", "optimizer.lr=0.01"], &[]),
    mlp("tanh, xavier", &["model.activation='tanh'", "init.preset='xavier'"], &[]),
    mlp("tanh, critical, 20 layers", &["model.activation='tanh'", "init.preset='critical'", "model.depth=20"], &[]),
    mlp("gelu, moment-matched", &["model.activation='gelu'", "init.preset='moment-matched'"], &[]),
    mlp("selu, lecun, 10 layers", &["model.activation='selu'", "init.preset='lecun'", "model.depth=10", "optimizer.lr=0.01"], &[]),
    mlp("orthogonal, 20 layers", &["init.preset='orthogonal'", "model.depth=20", "optimizer.lr=0.01"], &[]),
    mlp("looks linear, 20 layers", &["init.preset='looks-linear'", "model.depth=20", "optimizer.lr=0.01"], &[]),
    mlp("batch norm, 10 layers", &["model.norm='batch'", "model.depth=10"], &[]),
    mlp("layer norm, 10 layers", &["model.norm='layer'", "model.depth=10"], &[]),
    mlp("lsuv of activations", &["init.lsuv={}", "model.activation='shifted_relu'"], &[]),
    mlp("lsuv of pre-activations", &["init.lsuv={of='pre_activation'}"], &[]),
    mlp("rezero", &["model.residual='rezero'", "model.depth=10"], &[]),
    mlp("fixup", &["model.residual='fixup'", "model.depth=10"], &[]),
    mlp("adam", &["optimizer={kind='adam',lr=1e-3}"], &[]),
    mlp("dropout", &["model.dropout=0.2"], &[]),
    mlp("squared error", &["train.loss='mse'"], &[]),
    cnn("cnn", &[], &[]),
    cnn("cnn, batch norm", &["model.norm='batch'"], &[]),
    cnn("cnn, lesson's lsuv", &["init.lsuv={}", "model.activation='shifted_relu'"], &[]),
    cnn("cnn, torch", &["init.preset='torch'"], &["fading_signal"]),
    mlp("torch, 5 layers", &["init.preset='torch'"], &["fading_signal"]),
    mlp("xavier, 10 layers", &["init.preset='xavier'", "model.depth=10"], &["fading_signal"]),
    mlp("xavier, 30 layers", &["init.preset='xavier'", "model.depth=30"], &["vanishing_signal", "vanishing_gradient", "stuck_at_chance", "dead_units"]),
    mlp("torch, 20 layers", &["init.preset='torch'", "model.depth=20"], &["vanishing_gradient", "stuck_at_chance", "dead_units"]),
    mlp("sigmoid, 10 layers", &["model.activation='sigmoid'", "init.preset='xavier'", "model.depth=10"], &["vanishing_gradient", "stuck_at_chance"]),
    mlp("gain 2, 10 layers", &["init.weight={kind='kaiming_normal',gain=2}", "model.depth=10"], &["growing_signal", "diverged"]),
    mlp("gain 4, 10 layers", &["init.weight={kind='kaiming_normal',gain=4}", "model.depth=10"], &["exploding_signal", "exploding_gradient", "diverged"]),
    mlp("raw, 50 layers", &["init.preset='lesson-raw'", "model.depth=50"], &["diverged_at_start"]),
    mlp("weights of 0", &["init.weight='zeros'"], &["no_signal", "stuck_at_chance"]),
    mlp("tanh, weights five times too large", &["model.activation='tanh'", "init.weight={kind='kaiming_normal',gain=8}"], &["saturated"]),
    mlp("biases of -3", &["init.bias={kind='constant',value=-3}"], &["dead_units", "stuck_at_chance"]),
    mlp("biases of -5 in one layer", &["init.first={bias={kind='constant',value=-5}}"], &["dead_layer", "departs_from_prediction"]),
    mlp("rate 0.2", &["optimizer.lr=0.2"], &["diverged"]),
    mlp("rate 1", &["optimizer.lr=1"], &["diverged"]),
    mlp("rate 10", &["optimizer.lr=10"], &["diverged"]),
    mlp("rate 1e30", &["optimizer.lr=1e30"], &["diverged"]),
    mlp("adam, rate 0.3", &["optimizer={kind='adam',lr=0.3}"], &["rate_too_high", "dead_units"]),
    mlp("adam, rate 1", &["optimizer={kind='adam',lr=1}"], &["rate_too_high", "dead_units"]),
    mlp("rate 1e-5", &["optimizer.lr=1e-5"], &["rate_too_low"]),
    mlp("adam, rate 1e-6", &["optimizer={kind='adam',lr=1e-6}"], &["rate_too_low"]),
    mlp("200 images, many steps", &["optimizer={kind='adam',lr=2e-3}", "train.steps=600"], &["overfits"]),
    mlp("lsuv that is easily content", &["init.lsuv={tolerance=0.5}"], &["lsuv_missed"]),
    mlp("clipped", &["train.clip_norm=0.1"], &[]),
];

fn first(images: &Images, n: usize) -> Images {
    let pixels = images.pixels[..n * images.rows * images.cols].to_vec();
    Images { pixels, labels: images.labels[..n].to_vec(), channels: 1, rows: images.rows, cols: images.cols }
}

/// A part of the built-in digits as a set of its own.
fn digits(train: usize) -> Prepared {
    let dir = tempfile::tempdir().unwrap();
    let digits = load(&Request::new(Choice::Digits)).unwrap().dataset;
    files::write(dir.path(), &first(&digits.train, train), &first(&digits.test, 500)).unwrap();
    let part = load(&Request::new(Choice::Directory(dir.path().into()))).unwrap().dataset;
    Prepared::new(part, Split::Usual).unwrap()
}

fn found(made: &Made, data: &Prepared) -> Vec<Finding> {
    let sets: Vec<String> = made.sets.iter().map(|set| (*set).to_owned()).collect();
    let experiment = Experiment::parse("made.toml", made.config, &sets).unwrap();
    let plan = Plan::new(experiment, data.clone()).unwrap_or_else(|error| panic!("{}: {error}", made.name));
    let dir = tempfile::tempdir().unwrap();
    let stop = AtomicBool::new(false);
    let run = dir.path().join("run");
    train(&plan, &Compute::Cpu { threads: 1 }, &run, Existing::Keep, &stop, |_| {}).unwrap().findings
}

#[test]
fn each_fault_of_made_runs_is_found_where_it_is_and_nowhere_else() {
    let (many, few) = (digits(4000), digits(200));
    let (mut hits, mut missed, mut alarms) = (BTreeMap::new(), Vec::new(), Vec::new());
    for made in RUNS {
        let data = if made.name.starts_with("200 images") { &few } else { &many };
        let findings = found(made, data);
        let faults: Vec<&str> =
            findings.iter().filter(|f| f.severity != Severity::Note).map(|f| f.rule.as_str()).collect();
        println!("{}: {}", made.name, faults.join(", "));
        for finding in &findings {
            println!("    {}: {} => {}", finding.severity.name(), finding.text, finding.advice);
        }
        for fault in made.faults {
            *hits.entry(*fault).or_insert(0) += usize::from(faults.contains(fault));
            if !faults.contains(fault) {
                missed.push(format!("{}: {fault}", made.name));
            }
        }
        let others = faults.iter().filter(|fault| !made.faults.contains(fault) && !made.may_follow(fault));
        alarms.extend(others.map(|fault| format!("{}: {fault}", made.name)));
    }
    println!("{} runs, {} rules, hits {hits:?}", RUNS.len(), RULES.len());
    assert!(missed.is_empty() && alarms.is_empty(), "missed: {missed:#?}\nfalse alarms: {alarms:#?}");
}

/// Changes of a config, and the notes that its run must and must not have.
type Noted = (&'static [&'static str], &'static [&'static str], &'static [&'static str]);

#[test]
fn notes_stand_where_they_are_true_and_nowhere_else() {
    #[rustfmt::skip]
    let runs: &[Noted] = &[
        (&[], &["learns", "signal_holds", "as_predicted"], &["clipped"]),
        (&["train.clip_norm=0.1"], &["clipped", "learns"], &[]),
        (&["train.clip_norm=1e9"], &["learns"], &["clipped"]),
        (&["optimizer.lr=0.003"], &["still_falls"], &["clipped"]),
        (&["init.preset='torch'", "model.depth=20"], &["as_predicted"], &["learns", "signal_holds", "still_falls"]),
        (&["init.preset='xavier'", "model.depth=30"], &["as_predicted"], &["learns", "signal_holds", "still_falls"]),
        (&["optimizer={kind='adam',lr=2e-3}", "train.steps=600"], &["learns", "signal_holds"], &["clipped"]),
        (&["optimizer.lr=10"], &[], &["learns", "still_falls"]),
    ];
    let data = digits(4000);
    for (sets, has, lacks) in runs {
        let notes = found(&mlp("notes", sets, &[]), &data);
        let notes: Vec<&str> = notes.iter().filter(|f| f.severity == Severity::Note).map(|f| &*f.rule).collect();
        assert!(has.iter().all(|note| notes.contains(note)), "{sets:?}: {has:?} are wanted of {notes:?}");
        assert!(!lacks.iter().any(|note| notes.contains(note)), "{sets:?}: none of {lacks:?} is wanted of {notes:?}");
    }
}

/// Findings of a run whose records were changed: a departure from theory cannot be made by a config, for which theory
/// holds.
#[test]
fn a_start_that_is_not_as_predicted_is_said_to_be_so() {
    let experiment = Experiment::parse("made.toml", MLP, &["train.steps=2".into()]).unwrap();
    let plan = Plan::new(experiment, digits(200)).unwrap();
    let dir = tempfile::tempdir().unwrap();
    let run = dir.path().join("run");
    let stop = AtomicBool::new(false);
    let mut summary = train(&plan, &Compute::Cpu { threads: 1 }, &run, Existing::Keep, &stop, |_| {}).unwrap();
    let layers = fs::read_to_string(run.join("layers.csv")).unwrap();
    let place = layers.lines().next().unwrap().split(',').position(|name| name == "pre_second_moment").unwrap();
    for (factor, expected) in [(1.0, "as_predicted"), (100.0, "departs_from_prediction")] {
        let line = |line: &str| {
            let mut fields: Vec<String> = line.split(',').map(str::to_owned).collect();
            if fields[2] == "linear4" {
                fields[place] = (fields[place].parse::<f64>().unwrap() * factor).to_string();
            }
            fields.join(",") + "\n"
        };
        fs::write(run.join("layers.csv"), layers.lines().map(line).collect::<String>()).unwrap();
        summary.findings.clear();
        let records = RunRecords::of_ended(&run, summary.clone(), &NEEDED).unwrap();
        let names: Vec<String> = of_run(&records).into_iter().map(|finding| finding.rule).collect();
        assert!(names.iter().any(|name| name == expected), "{factor}: {names:?}");
    }
}

#[test]
fn the_page_of_rules_is_that_of_the_tables() {
    let page = fs::read_to_string(concat!(env!("CARGO_MANIFEST_DIR"), "/docs/findings.md")).unwrap();
    for (which, table) in [
        ("runs", table(RULES)),
        ("studies", table(initlab::study::findings::RULES)),
        ("starts", table(initlab::probe::rules::RULES)),
        ("range tests", table(initlab::study::range_rules::RULES)),
        ("replays", table(initlab::lesson::rules::RULES)),
        ("coordinate checks", table(initlab::width::rules::RULES)),
    ] {
        assert!(page.contains(&table), "docs/findings.md: the table of rules about {which} is\n{table}");
    }
}
