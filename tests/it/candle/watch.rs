//! Watching models on candle: rows beside the engine's, taps, outputs, LSUV, probes, errors.

use std::sync::atomic::AtomicBool;

use candle_core::{DType, Device, Tensor};
use candle_nn::{Module, Optimizer, SGD, VarBuilder, VarMap, conv2d, linear, loss::cross_entropy};
use initlab::config::Experiment;
use initlab::data::{Choice, Part, Prepared, Request, Split, batches, epoch_order, load};
use initlab::record::statistics::STATISTICS;
use initlab::rng::{rng, standard_normals};
use initlab::train::engine::Compute;
use initlab::train::sinks::memory::{Memory, Rows};
use initlab::train::{Plan, train_into};
use initlab::{Activation, Lsuv, Preset, Probe, Start, Watch};

use super::twins::{Cnn, Mlp, lesson_cnn};

const CPU: Device = Device::Cpu;
const STEPS: usize = 10;
const BATCH: usize = 64;
const LR: f64 = 0.02;

fn digits() -> Prepared {
    Prepared::new(load(&Request::new(Choice::Digits)).unwrap().dataset, Split::Usual).unwrap()
}

/// The batches of a run's first steps, as tensors.
fn first_batches(data: &Prepared, seed: u64) -> Vec<(Tensor, Tensor)> {
    let order = epoch_order(seed, 0, data.len(Part::Train));
    let batch = |indices: &[u32]| {
        let (mut pixels, mut labels) = (vec![0.0; indices.len() * data.values_per_image()], vec![0; indices.len()]);
        data.gather(Part::Train, indices, &mut pixels);
        data.gather_labels(Part::Train, indices, &mut labels);
        let labels: Vec<u32> = labels.into_iter().map(u32::from).collect();
        let images = Tensor::from_vec(pixels, (indices.len(), data.values_per_image()), &CPU).unwrap();
        (images, Tensor::new(labels, &CPU).unwrap())
    };
    batches(&order, BATCH).take(STEPS).map(batch).collect()
}

/// The engine's rows of the first steps.
fn engine_rows(config: &str, data: &Prepared) -> (Vec<String>, Rows) {
    let text =
        format!("{config}\n[optimizer]\nkind = 'sgd'\nlr = {LR}\n[train]\nsteps = {STEPS}\nbatch_size = {BATCH}\n");
    let plan = Plan::new(Experiment::parse("net.toml", &text, &[]).unwrap(), data.clone()).unwrap();
    let mut rows = Rows::default();
    let memory = Memory::new(&mut rows);
    train_into(&plan, &Compute::Cpu { threads: 1 }, vec![Box::new(memory)], &AtomicBool::new(false), |_| {}).unwrap();
    (plan.network.observed.iter().map(|layer| layer.name.clone()).collect(), rows)
}

/// The twin's rows beside the engine's, to 1e-5 of each tensor's own size.
fn compare(config: &str, forward: impl Fn(&VarBuilder<'_>, &Watch) -> Box<dyn Fn(&Tensor) -> Tensor>) {
    let data = digits();
    let (names, engine) = engine_rows(config, &data);
    let (varmap, watch) = (VarMap::new(), Watch::new());
    let last = names.last().unwrap();
    let start = Start::from_toml(config).unwrap().last(&format!("{last}.*"));
    let model = forward(&start.var_builder(&varmap, DType::F32, &CPU), &watch);
    let mut sgd = SGD::new(varmap.all_vars(), LR).unwrap();
    for (images, labels) in first_batches(&data, 0) {
        let grads = cross_entropy(&model(&images), &labels).unwrap().backward().unwrap();
        watch.step(&varmap, &grads).unwrap();
        sgd.step(&grads).unwrap();
    }
    assert_eq!(watch.layers(), names);
    let rows = watch.rows().unwrap();
    let trained: Vec<_> = engine.layers.iter().filter(|seen| seen.phase == "train").collect();
    assert_eq!(rows.len(), trained.len());
    for (row, seen) in rows.iter().zip(trained) {
        assert_eq!((row.step, &row.layer), (seen.step, &names[seen.layer]));
        let expected = seen.row().numbers().map(|x| x.map(f64::from));
        let size = |side: &str| expected[STATISTICS.iter().position(|s| s.name == format!("{side}_std")).unwrap()];
        for ((name, found), expected) in row.iter().zip(expected) {
            let what = format!("{name} of {} in step {}", row.layer, row.step);
            let (Some(found), Some(expected)) = (found, expected) else {
                assert_eq!(found.is_some(), expected.is_some(), "{what}: {found:?} and {expected:?}");
                continue;
            };
            let of_tensor = name.split('_').next().filter(|side| ["pre", "act", "grad"].contains(side)).and_then(size);
            let share = name.contains("near_zero") || name == "dead";
            let scale = if share { 1.0 } else { of_tensor.unwrap_or(0.0).max(expected.abs()) };
            // A value within rounding of a threshold counts on either side of it.
            let allowed = if share { 3.0 / (BATCH as f64 * 10.0) } else { 1e-5 * scale };
            assert!((found - expected).abs() <= allowed, "{what}: {found}, not {expected}");
        }
    }
}

#[test]
fn rows_of_an_mlp_on_candle_are_the_engines() {
    for activation in ["relu", "tanh", "shifted_relu", "gelu"] {
        let config = format!(
            "[model]\nkind = 'mlp'\nwidths = [50, 40]\nactivation = '{activation}'\n[init]\npreset = 'kaiming'"
        );
        let phi = Activation::from_name(activation).unwrap();
        compare(&config, |vb, watch| {
            let (model, watch) = (Mlp::new(&[784, 50, 40, 10], vb).unwrap(), watch.clone());
            Box::new(move |images| model.watched(&watch, images, phi).unwrap())
        });
    }
}

#[test]
fn rows_of_a_cnn_on_candle_are_the_engines() {
    compare(&format!("{}\n[init]\npreset = 'kaiming'", lesson_cnn()), |vb, watch| {
        let (model, watch) = (Cnn::new(vb).unwrap(), watch.clone());
        Box::new(move |images| model.watched(&watch, images, Activation::Relu).unwrap())
    });
}

/// A net of two layers, its VarMap and a batch.
struct Small {
    varmap: VarMap,
    watch: Watch,
    net: Mlp,
    images: Tensor,
    labels: Tensor,
}

impl Small {
    fn new(watch: Watch, dtype: DType) -> Self {
        let varmap = VarMap::new();
        let net = Mlp::new(&[6, 5, 3], &Start::preset(Preset::Kaiming).var_builder(&varmap, dtype, &CPU)).unwrap();
        let images = Tensor::arange(0f32, 48.0, &CPU).unwrap().sin().unwrap().reshape((8, 6)).unwrap();
        let labels = Tensor::new(&[0u32, 1, 2, 0, 1, 2, 0, 1], &CPU).unwrap();
        Self { varmap, watch, net, images: images.to_dtype(dtype).unwrap(), labels }
    }

    fn forward(&self) -> Tensor {
        let h = self.watch.tap("linear1", &self.net.layers[0].forward(&self.images).unwrap().relu().unwrap()).unwrap();
        self.watch.tap("linear2", &self.net.layers[1].forward(&h).unwrap()).unwrap()
    }

    fn step(&self) {
        let loss = cross_entropy(&self.forward().to_dtype(DType::F32).unwrap(), &self.labels).unwrap();
        let grads = loss.backward().unwrap();
        self.watch.step(&self.varmap, &grads).unwrap();
        SGD::new(self.varmap.all_vars(), 0.1).unwrap().step(&grads).unwrap();
    }
}

#[test]
fn every_so_many_steps_are_watched_and_no_others() {
    let small = Small::new(Watch::new().every(3), DType::F32);
    (0..7).for_each(|_| small.step());
    let rows = small.watch.rows().unwrap();
    assert_eq!(rows.iter().map(|row| row.step).collect::<Vec<_>>(), [0, 0, 3, 3, 6, 6]);
    assert!(rows.iter().all(|row| row.get("grad_std").unwrap() > 0.0 && row.get("update_ratio").unwrap() > 0.0));
    let off = Small::new(Watch::new().every(0), DType::F32);
    (0..3).for_each(|_| off.step());
    assert!(off.watch.rows().unwrap().is_empty() && off.watch.table().is_err());
}

#[test]
fn an_update_is_the_rate_times_the_gradient() {
    let small = Small::new(Watch::new(), DType::F32);
    (0..3).for_each(|_| small.step());
    for row in small.watch.rows().unwrap() {
        let of = |name| row.get(name).unwrap();
        let expected = 0.1 * of("weight_gradient_norm") / of("weight_norm");
        assert!((of("update_ratio") / expected - 1.0).abs() < 1e-4, "{row:?}");
    }
}

#[test]
fn watching_changes_no_weight() {
    let (watched, off) = (Small::new(Watch::new(), DType::F32), Small::new(Watch::new().every(0), DType::F32));
    for small in [&watched, &off] {
        (0..4).for_each(|_| small.step());
    }
    for i in 0..2 {
        let [a, b] = [&watched, &off].map(|small| small.net.layers[i].weight().flatten_all().unwrap());
        assert_eq!(a.to_vec1::<f32>().unwrap(), b.to_vec1::<f32>().unwrap());
    }
}

#[test]
fn looks_and_pauses_leave_the_steps_alone() {
    let small = Small::new(Watch::new(), DType::F32);
    let first = small.forward();
    let look = small.watch.look(|| Ok(small.forward())).unwrap();
    small.watch.paused(|| small.forward());
    let grads = cross_entropy(&first, &small.labels).unwrap().backward().unwrap();
    small.watch.step(&small.varmap, &grads).unwrap();
    let rows = small.watch.rows().unwrap();
    assert_eq!(rows.len(), 2);
    for (row, look) in rows.iter().zip(&look.rows) {
        assert_eq!(row.get("act_std"), look.get("act_std"));
        assert!(row.get("grad_std").is_some() && look.get("grad_std").is_none());
    }
}

#[test]
fn half_precision_is_watched_too() {
    let small = Small::new(Watch::new(), DType::BF16);
    let single = Small::new(Watch::new(), DType::F32);
    for small in [&small, &single] {
        let _ = small.watch.look(|| Ok(small.forward())).unwrap();
    }
    let [half, whole] =
        [&small, &single].map(|small| small.watch.look(|| Ok(small.forward())).unwrap().rows[0].get("act_std"));
    assert!((half.unwrap() / whole.unwrap() - 1.0).abs() < 0.02, "{half:?} and {whole:?}");
}

#[test]
fn dead_units_are_those_that_answer_alike_to_every_sample() {
    let small = Small::new(Watch::new(), DType::F32);
    let bias = small.varmap.data().lock().unwrap()["linear1.bias"].clone();
    bias.set(&Tensor::new(&[-100f32, 0.0, -100.0, 0.0, 0.0], &CPU).unwrap()).unwrap();
    let dead = small.watch.look(|| Ok(small.forward())).unwrap().rows[0].get("dead").unwrap();
    let h = small.net.layers[0].forward(&small.images).unwrap().relu().unwrap().to_vec2::<f32>().unwrap();
    let off = (0..5).filter(|&unit| h.iter().all(|row| row[unit] == 0.0)).count();
    assert!(off >= 2 && dead == off as f64 / 5.0, "{dead}, {off} off");
}

#[test]
fn weights_without_a_tap_have_rows_of_their_own() {
    let (varmap, watch) = (VarMap::new(), Watch::new());
    let vb = Start::preset(Preset::Kaiming).var_builder(&varmap, DType::F32, &CPU);
    let conv = conv2d(1, 2, 3, Default::default(), vb.pp("body.0")).unwrap();
    let fc = linear(8, 3, vb.pp("head")).unwrap();
    let images = Tensor::ones((2, 1, 4, 4), DType::F32, &CPU).unwrap();
    for _ in 0..2 {
        let out = fc.forward(&conv.forward(&images).unwrap().flatten_from(1).unwrap()).unwrap();
        let grads = out.sqr().unwrap().mean_all().unwrap().backward().unwrap();
        watch.step(&varmap, &grads).unwrap();
        SGD::new(varmap.all_vars(), 0.1).unwrap().step(&grads).unwrap();
    }
    assert_eq!(watch.layers(), ["body.0", "head"]);
    let rows = watch.rows().unwrap();
    assert!(rows.iter().all(|row| row.get("update_ratio").unwrap() > 0.0 && row.get("dead").is_none()), "{rows:?}");
}

#[test]
fn rows_go_to_a_table_a_csv_a_report_and_tensorboard() {
    let small = Small::new(Watch::new().histograms(1, 20, (-3.0, 3.0)), DType::F32);
    (0..3).for_each(|_| small.step());
    let dir = tempfile::tempdir().unwrap();
    let table = small.watch.table().unwrap().to_string();
    assert!(table.starts_with("layer") && table.contains("linear2") && table.contains("update"), "{table}");
    assert!(table.lines().all(|line| line.chars().count() <= 100), "{table}");
    small.watch.write_csv(dir.path().join("layers.csv")).unwrap();
    let csv = std::fs::read_to_string(dir.path().join("layers.csv")).unwrap();
    assert!(csv.starts_with("step,phase,layer,pre_mean") && csv.lines().count() == 7, "{csv}");
    small.watch.write_report(dir.path().join("mine.html")).unwrap();
    let page = std::fs::read_to_string(dir.path().join("mine.html")).unwrap();
    for part in ["<title>mine", "Dead units", "Standard deviation of the activations", "colourful"] {
        assert!(page.contains(part), "{part}");
    }
    let events = small.watch.write_tensorboard(dir.path().join("events")).unwrap();
    let bytes = std::fs::read(events).unwrap();
    for tag in ["linear1/act_std", "linear2/update_ratio", "linear1/activations"] {
        assert!(bytes.windows(tag.len()).any(|part| part == tag.as_bytes()), "{tag}");
    }
}

#[test]
fn what_is_wrong_names_the_layer() {
    let small = Small::new(Watch::new(), DType::F32);
    small.step();
    let error = |result: Result<Option<f64>, initlab::WatchError>| result.unwrap_err().to_string();
    assert!(error(small.watch.value("linear3", "act_std", 0)).contains("no layer is called `linear3`; did you mean"));
    let tap = |name: &str, shape: &[usize]| {
        small.watch.tap(name, &Tensor::zeros(shape, DType::F32, &CPU).unwrap()).unwrap_err().to_string()
    };
    assert!(tap("linear1", &[8, 7]).contains("`linear1` had 5 units and now has 7"));
    assert!(tap("scalar", &[4]).contains("`scalar`: a tensor of shape [4] has no units"));
    assert!(tap("empty", &[0, 4]).contains("`empty`: a tensor of shape [0, 4]"));
    let nothing = Watch::new().write_report(tempfile::tempdir().unwrap().path().join("x.html")).unwrap_err();
    assert!(nothing.to_string().contains("nothing was watched yet: tap layers"), "{nothing}");
}

#[test]
fn values_that_are_not_finite_are_warned_of_from_the_step_on() {
    let small = Small::new(Watch::new(), DType::F32);
    small.step();
    small.varmap.data().lock().unwrap()["linear2.weight"].set(&Tensor::full(f32::NAN, (3, 5), &CPU).unwrap()).unwrap();
    small.step();
    let warnings = small.watch.table().unwrap().warnings;
    assert!(
        warnings.iter().any(|w| w == "`linear2` has activations that are not finite from step 1 on"),
        "{warnings:?}"
    );
}

#[test]
fn lsuv_brings_every_layer_to_unit_variance() {
    for (lsuv, statistic) in [(Lsuv::new().centred(), "pre_std"), (Lsuv::new().of_activations(), "act_std")] {
        let (varmap, watch) = (VarMap::new(), Watch::new());
        let start = Start::preset(Preset::Orthogonal).seed(4);
        let net = Mlp::new(&[784, 50, 50, 10], &start.var_builder(&varmap, DType::F32, &CPU)).unwrap();
        let (images, _) = &first_batches(&digits(), 0)[0];
        let forward = |x: &Tensor| net.watched(&watch, x, Activation::Relu);
        let done = lsuv.run(&varmap, &watch, &["linear1", "linear2", "linear3"], forward, images).unwrap();
        assert!(done.iter().all(|layer| (layer.std_after - 1.0).abs() <= 1e-3), "{done:?}");
        for row in watch.look(|| net.watched(&watch, images, Activation::Relu)).unwrap().rows {
            assert!((row.get(statistic).unwrap() - 1.0).abs() <= 2e-3, "{row:?}");
            assert!(statistic != "pre_std" || row.get("pre_mean").unwrap().abs() < 1e-5, "{row:?}");
        }
    }
}

#[test]
fn lsuv_names_the_layer_that_it_cannot_do() {
    let small = Small::new(Watch::new(), DType::F32);
    let lsuv = |order: &[&str], images: &Tensor| {
        let forward = |x: &Tensor| {
            let h = small.watch.tap("linear1", &small.net.layers[0].forward(x)?.relu()?)?;
            small.watch.tap("relu", &h)
        };
        Lsuv::new().run(&small.varmap, &small.watch, order, forward, images).unwrap_err().to_string()
    };
    assert!(lsuv(&["linear9"], &small.images).contains("no layer is called `linear9`"));
    assert!(lsuv(&["relu"], &small.images).contains("`relu` has no `relu.weight` in the VarMap"));
    let zeros = small.images.zeros_like().unwrap();
    assert!(lsuv(&["linear1"], &zeros).contains("linear1"));
}

#[test]
fn a_probe_finds_what_theory_predicts_for_a_chain() {
    // A loss whose gradient does not depend on the weights, as theory takes it.
    let noise = |name: &str, shape: (usize, usize)| {
        let values: Vec<f32> =
            standard_normals(&mut rng(0, name), shape.0 * shape.1).into_iter().map(|x| x as f32).collect();
        Tensor::from_vec(values, shape, &CPU).unwrap()
    };
    let (images, directions) = (noise("images", (64, 200)), noise("directions", (64, 10)));
    for (preset, activation) in
        [(Preset::Kaiming, Activation::Relu), (Preset::Torch, Activation::Relu), (Preset::Xavier, Activation::Tanh)]
    {
        let last = Activation::Identity;
        let chain = [("linear1", activation), ("linear2", activation), ("linear3", activation), ("linear4", last)];
        let probe =
            Probe::new(Start::preset(preset).activation(activation).last("linear4.*"), 12).chain(&images, &chain);
        let probed = probe
            .run(DType::F32, &CPU, |vb, watch| {
                let net = Mlp::new(&[200, 150, 150, 150, 10], &vb)?;
                net.watched(watch, &images, activation)?.mul(&directions)?.mean_all()
            })
            .unwrap();
        for row in &probed.rows {
            let ratio = row.act_second_moment.0 / row.act_predicted.unwrap();
            assert!((0.8..1.25).contains(&ratio), "{preset}: {ratio} in\n{probed}");
            let ratio = row.grad_second_moment.unwrap().0 / row.grad_predicted.unwrap();
            assert!((0.8..1.25).contains(&ratio), "{preset}: gradient {ratio} in\n{probed}");
        }
    }
    let probe = Probe::new(Start::preset(Preset::Kaiming), 1).chain(&images, &[("conv1", Activation::Relu)]);
    let error = probe.run(DType::F32, &CPU, |vb, watch| {
        Mlp::new(&[200, 10], &vb)?.watched(watch, &images, Activation::Relu)?.sqr()?.mean_all()
    });
    assert!(error.unwrap_err().to_string().contains("no layer is called `conv1`; the chain names it"));
}

#[test]
fn a_config_names_the_chain() {
    let images = Tensor::randn(0f32, 1.0, (40, 200), &CPU).unwrap();
    let config = "[model]\nkind = 'mlp'\nwidths = [30, 20]\nactivation = 'tanh'";
    let (tanh, last) = (Activation::Tanh, Activation::Identity);
    let by_hand = [("linear1", tanh), ("linear2", tanh), ("linear3", last)];
    let start = || Start::from_toml(config).unwrap().last("linear3.*");
    let [listed, from_config] = [
        Probe::new(start(), 2).chain(&images, &by_hand),
        Probe::new(start(), 2).chain_from_toml(&images, config).unwrap(),
    ]
    .map(|probe| {
        let pass =
            |vb, watch: &Watch| Mlp::new(&[200, 30, 20, 10], &vb)?.watched(watch, &images, tanh)?.sqr()?.mean_all();
        probe.run(DType::F32, &CPU, pass).unwrap()
    });
    assert!(listed.rows.iter().all(|row| row.act_predicted.is_some()), "{listed}");
    assert_eq!(listed, from_config);
}

#[test]
fn a_config_that_is_no_plain_chain_is_refused() {
    let image = Tensor::zeros((2, 1, 8, 8), DType::F32, &CPU).unwrap();
    for (config, part) in [
        ("seed = 1", "[model]"),
        ("[model]\nkind = 'mlp'\nwidth = [5]", "width"),
        ("[model]\nkind = 'mlp'\nwidths = [5]\nnorm = 'batch'", "`batch_norm1` stands between"),
        ("[model]\nkind = 'mlp'\nwidths = [5]\ndropout = 0.5", "`dropout1` stands between"),
        ("[model]\nkind = 'cnn'\nstages = [{ channels = 4, pool = { kind = 'max', kernel = 2 } }]", "stands between"),
    ] {
        let probe = Probe::new(Start::preset(Preset::Kaiming), 1).chain_from_toml(&image, config);
        let error = probe.map(|_| ()).unwrap_err().to_string();
        assert!(error.contains(part), "{part}\n{error}");
    }
}
