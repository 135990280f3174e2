//! Coordinate checks: sizes against PyTorch's, exponents against theory's, whatever the number of threads.

use initlab::config::Experiment;
use initlab::data::{Dataset, Images, Prepared, Split};
use initlab::model::Role;
use initlab::train::Plan;
use initlab::width::coordinates::coordinates;
use initlab::width::record::Growth;
use initlab::width::{WidthCheck, WidthError, WidthRecord, check};

/// Images of 4×4 pixels in four classes: a bright quadrant on noise. So few inputs leave room for widths far above them.
fn small() -> Prepared {
    let mut state = 1u32;
    let mut noise = move || {
        state = state.wrapping_mul(1_664_525).wrapping_add(1_013_904_223);
        (state >> 24) as u8
    };
    let mut images = |n: usize| {
        let labels: Vec<u8> = (0..n).map(|i| (i % 4) as u8).collect();
        let places = labels.iter().flat_map(|&label| (0..16u8).map(move |i| (label, (i / 8) * 2 + (i % 4) / 2)));
        let pixels = places.map(|(label, quadrant)| noise() / 2 + if label == quadrant { 100 } else { 0 }).collect();
        Images { pixels, labels, channels: 1, rows: 4, cols: 4 }
    };
    prepared(images(1024), images(16))
}

fn prepared(train: Images, test: Images) -> Prepared {
    let dataset = Dataset { name: "small".into(), sha256: String::new(), classes: 4, train, test };
    Prepared::new(dataset, Split::Usual).unwrap()
}

fn experiment(sets: &[&str]) -> Experiment {
    let text =
        "model = { kind = 'mlp', widths = [64, 64] }\noptimizer.lr = 0.001\ntrain = { steps = 100, batch_size = 64 }";
    let sets: Vec<String> = sets.iter().map(|set| (*set).into()).collect();
    Experiment::parse("width", text, &sets).unwrap()
}

/// A check on so many threads.
fn checked(sets: &[&str], widths: &[usize], seeds: usize, threads: usize) -> Result<WidthRecord, WidthError> {
    let pool = rayon::ThreadPoolBuilder::new().num_threads(threads).build().unwrap();
    let options = WidthCheck { widths: widths.to_vec(), seeds, steps: 2 };
    pool.install(|| check(&experiment(sets), &small(), &options, || ()))
}

fn rules(record: &WidthRecord) -> Vec<&str> {
    record.findings.iter().map(|finding| finding.rule.as_str()).collect()
}

const MUP: [&str; 3] = ["init.parametrisation='mup'", "init.base_width=4", "optimizer.lr=0.05"];

#[test]
fn sizes_are_those_of_torch() {
    const ROWS: usize = 20;
    let golden: serde_json::Value = serde_json::from_str(include_str!("../reference/width.json")).unwrap();
    let labels: Vec<u8> = (0..ROWS).map(|i| ((3 * i + i / 4) % 4) as u8).collect();
    let pixels = (0..ROWS * 16).map(|i| ((37 * i * i + 11 * i) % 256) as u8).collect();
    let images = Images { pixels, labels, channels: 1, rows: 4, cols: 4 };
    // A batch of all images has one mean gradient in any order.
    let data = prepared(images.clone(), images).in_range(Some([-1.0, 1.0]));
    for (kind, width) in [("sgd", 12), ("sgd", 24), ("adam", 12), ("adam", 24)] {
        let model = format!("model={{kind='mlp',widths=[{width},{width}],activation='tanh'}}");
        let optimizer = format!("optimizer={{kind='{kind}',lr=0.05}}");
        let sets = [&*model, &optimizer, "init.parametrisation='mup'", "init.base_width=6", "train.batch_size=20"];
        let mut plan = Plan::new(experiment(&sets), data.clone()).unwrap();
        for (j, param) in plan.network.params.iter().enumerate() {
            let value = |k: usize| match param.role {
                Role::Weight => 1.5 / (param.fan_in as f64).sqrt() * (1.7 * k as f64 + j as f64).sin(),
                Role::Bias | Role::NormWeight | Role::NormBias | Role::Scalar(_) => 0.1 * ((k + j) as f64).cos(),
            };
            plan.start[j] = (0..param.len()).map(|k| value(k) as f32).collect();
        }
        let found = coordinates(&plan, 3).unwrap();
        let golden = &golden[format!("{kind} {width}")];
        let start: Vec<f64> = serde_json::from_value(golden["start"].clone()).unwrap();
        let changes: Vec<Vec<f64>> = serde_json::from_value(golden["changes"].clone()).unwrap();
        let found = found.start.iter().chain(found.changes.iter().flatten());
        for (found, torch) in found.zip(start.iter().chain(changes.iter().flatten())) {
            let found = found.unwrap();
            assert!((found / torch - 1.0).abs() < 1e-3, "{kind} {width}: {found}, {torch} by torch");
        }
    }
}

/// True if the interval comes within 0.1 of the range, as far as finite widths are from their limit, and is narrow enough to tell it from
/// the other exponents, which are multiples of a half.
fn is_near(growth: &Growth, [least, most]: [f64; 2]) -> bool {
    growth.interval.is_some_and(|[low, high]| low < most + 0.1 && high > least - 0.1 && high - low < 0.6)
}

#[test]
fn the_standard_parametrisation_has_the_exponents_of_its_optimiser() {
    let adam = &["optimizer.kind='adam'", "optimizer.lr=1e-5"];
    for (sets, wanted) in [
        (&[][..], [[-0.5, -0.5], [0.5, 0.5], [1.0, 1.0]]),
        // The logits' change has two parts, of the output's own weights and of the layers before: at these widths they are alike in size.
        (adam, [[0.0, 0.0], [1.0, 1.0], [1.0, 1.5]]),
    ] {
        let record = checked(sets, &[64, 128, 256, 512, 1024], 8, 2).unwrap();
        for (layer, wanted) in record.layers.iter().zip(wanted) {
            assert_eq!(layer.changes[0].theory, Some(wanted[1]));
            assert!(is_near(&layer.changes[0], wanted), "{}, {wanted:?}: {:?}", layer.name, layer.changes[0]);
            assert!(is_near(&layer.start, [0.0; 2]), "{}: {:?}", layer.name, layer.start);
        }
        assert!(rules(&record).contains(&"logits_grow"), "{:?}", record.findings);
    }
}

#[test]
fn under_mup_no_change_grows_with_the_width() {
    for kind in ["optimizer.kind='sgd'", "optimizer.kind='adam'"] {
        let record = checked(&[&MUP[..], &[kind]].concat(), &[64, 128, 256, 512, 1024], 8, 2).unwrap();
        for layer in &record.layers {
            for growth in &layer.changes {
                assert_eq!(growth.theory, Some(0.0));
                assert!(is_near(growth, [0.0; 2]), "{kind}, {}: {growth:?}", layer.name);
            }
        }
        assert_eq!(record.logits().start.theory, Some(-0.5));
        let wrong = ["logits_grow", "layers_grow", "start_follows_width", "runs_diverged"];
        assert!(!rules(&record).iter().any(|rule| wrong.contains(rule)), "{kind}: {:?}", record.findings);
    }
}

#[test]
fn a_check_does_not_depend_on_the_number_of_threads() {
    let found = |threads| checked(&["model.dropout=0.2"], &[8, 16, 32], 2, threads).unwrap();
    let one = found(1);
    assert_eq!(one, found(2));
    assert_eq!((one.inputs, one.images, &one.seeds[..]), (16, 64, &[0, 1][..]));
    assert!(rules(&one).contains(&"narrower_than_inputs"));
}

#[test]
fn logits_that_start_at_0_move_alone_in_the_first_step() {
    let record = checked(&[&MUP[..], &["init.last.weight='zeros'"]].concat(), &[32, 64, 128], 2, 1).unwrap();
    let [hidden, logits] = [&record.layers[1], &record.layers[2]];
    assert!(logits.start.sizes.iter().flatten().all(|size| *size == Some(0.0)));
    assert!(hidden.changes[0].sizes.iter().flatten().all(|size| *size == Some(0.0)));
    assert!(hidden.changes[1].mean.is_some() && logits.changes[0].mean.is_some());
    assert_eq!((logits.start.theory, logits.changes[0].theory), (None, Some(0.0)));
}

#[test]
fn convolutions_are_scaled_with_their_channels() {
    let cnn = "model={kind='cnn',stages=[{channels=8},{channels=16}],hidden=[8]}";
    let record = checked(&[cnn], &[16, 32, 64], 2, 1).unwrap();
    let names: Vec<&str> = record.layers.iter().map(|layer| layer.name.as_str()).collect();
    assert_eq!((names, record.inputs), (vec!["conv1", "conv2", "linear1", "linear2"], 9));
    let sizes = record.layers.iter().flat_map(|layer| layer.changes[1].sizes.iter().flatten());
    assert!(sizes.clone().count() == 4 * 3 * 2 && sizes.flatten().all(|&size| size > 0.0));
}

#[test]
fn runs_that_diverge_have_no_size_and_are_told() {
    let record = checked(&["optimizer.lr=1e30"], &[16, 32, 64], 2, 1).unwrap();
    assert!(record.logits().changes[1].sizes.iter().flatten().all(Option::is_none));
    assert_eq!(record.findings[0].rule, "runs_diverged");
}

#[test]
fn a_width_that_breaks_a_layer_and_a_network_without_one_are_refused() {
    let broken = checked(&["model.widths=[64, 48]"], &[16, 32, 33], 1, 1).unwrap_err().to_string();
    assert!(broken.contains("width 33") && broken.contains("48 units to 24.75"), "{broken}");
    let none = checked(&["model.widths=[]"], &[16, 32, 64], 1, 1).unwrap_err().to_string();
    assert!(none.contains("no hidden layer"), "{none}");
}
