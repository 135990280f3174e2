//! Coloured images, from their files to the end of a run on every path.

use std::fs;
use std::path::Path;
use std::sync::Arc;
use std::sync::atomic::AtomicBool;

use candle_core::Device;
use initlab::config::Experiment;
use initlab::data::idx::header;
use initlab::data::{Choice, Dataset, Images, Part, Prepared, Request, Split, files, load};
use initlab::model::cpu::CpuModel;
use initlab::probe::{Probe, probe};
use initlab::record::run_dir::Existing;
use initlab::record::summary::Summary;
use initlab::train::engine::Compute;
use initlab::train::{Plan, train};

use crate::cli::initlab;

/// Coloured images whose brightest channel tells their class.
fn images(n: usize) -> Images {
    let (channels, rows, cols) = (3, 8, 9);
    let value = |i: usize| {
        let (image, channel) = (i / (channels * rows * cols), i / (rows * cols) % channels);
        ((i * 37 + image * 11) % 97 + 40 * channel + if image % 3 == channel { 60 } else { 0 }) as u8
    };
    let labels = (0..n).map(|i| (i % 3) as u8).collect();
    Images { pixels: (0..n * channels * rows * cols).map(value).collect(), labels, channels, rows, cols }
}

fn set() -> Dataset {
    let (train, test) = (images(96), images(30));
    Dataset { name: "coloured".into(), sha256: String::new(), classes: 3, train, test }
}

const TRAIN: &str = "
optimizer = { lr = 0.05, momentum = 0.9 }
train = { steps = 12, batch_size = 24, evaluate_every = 6 }
";
const CNN: &str = "model = { kind = 'cnn', stages = [{ channels = 6, stride = 2 }, { channels = 8, stride = 2 }] }";
const MLP: &str = "model = { kind = 'mlp', widths = [20, 12] }";
const NORMED: &str =
    "model = { kind = 'cnn', norm = 'batch', stages = [{ channels = 6 }, { channels = 8, stride = 2 }] }";

fn run(net: &str, data: &str, compute: &Compute) -> (Summary, Vec<u8>) {
    let experiment = Experiment::parse("net.toml", &format!("{net}\n{TRAIN}\n{data}"), &[]).unwrap();
    let prepared = experiment.data.prepare(set()).unwrap();
    let dir = tempfile::tempdir().unwrap();
    let out = dir.path().join("run");
    let plan = Plan::new(experiment, prepared).unwrap();
    let summary = train(&plan, compute, &out, Existing::Keep, &AtomicBool::new(false), |_| {}).unwrap();
    (summary, fs::read(out.join("model.safetensors")).unwrap())
}

#[test]
fn coloured_images_train_alike_on_every_path() {
    let cpu = |threads| Compute::Cpu { threads };
    for net in [CNN, MLP, NORMED] {
        for data in ["", "data = { moments = 'of_all' }", "data = { range = [-1, 1] }"] {
            let (one, weights) = run(net, data, &cpu(1));
            assert_eq!(one.channels, 3);
            assert_eq!(run(net, data, &cpu(3)).1, weights, "{net} {data}: threads change the weights");
            let device = run(net, data, &Compute::Device(Device::Cpu)).0;
            let losses = [one.test_loss.unwrap(), device.test_loss.unwrap()];
            assert!((losses[0] - losses[1]).abs() < 1e-4 * losses[0], "{net} {data}: {losses:?}");
            assert!(losses[0] < 1.0, "{net} {data}: it learns nothing: {losses:?}");
        }
    }
}

#[test]
fn a_probe_sees_coloured_images_as_a_run_does() {
    // One image in all places: whichever the probe takes, it is this one.
    let mut set = set();
    let len = set.train.pixels.len() / set.train.labels.len();
    set.train.pixels = set.train.pixels[..len].repeat(set.train.labels.len());
    let experiment =
        Experiment::parse("net.toml", &format!("{CNN}\n{TRAIN}\ndata = {{ range = [-1, 1] }}"), &[]).unwrap();
    let data = experiment.data.prepare(set).unwrap();
    let found = probe(&experiment, &data, Probe { seeds: 1, pairs: 4, threads: 1 }, || {}).unwrap();
    let plan = Plan::new(experiment, data.clone()).unwrap();
    let mut model = CpuModel::new(Arc::new(plan.network.with_activations_apart()), 1);
    plan.start.iter().enumerate().for_each(|(i, values)| model.set_param(i, values));
    let mut image = vec![0.0; len];
    data.gather(Part::Train, &[0], &mut image);
    let mut outputs = Vec::new();
    model.look(&image, |_, output| {
        outputs.push(output.iter().map(|&z| f64::from(z).powi(2)).sum::<f64>() / output.len() as f64)
    });
    let probed = found.layers[0].z_second_moment.median.unwrap();
    assert!((probed / outputs[0] - 1.0).abs() < 1e-5, "{probed} in the probe, {} in a run", outputs[0]);
}

#[test]
fn files_of_four_dimensions_have_their_channels_first_or_last() {
    let (train, test) = (images(12), images(6));
    let dir = tempfile::tempdir().unwrap();
    let path = dir.path().join("first");
    files::write(&path, &train, &test).unwrap();
    let last = dir.path().join("last");
    fs::create_dir(&last).unwrap();
    for (name, images) in [("train", &train), ("t10k", &test)] {
        assert!(path.join(format!("{name}-images-idx4-ubyte")).is_file());
        let [channels, rows, cols] = images.dims();
        let plane = rows * cols;
        let value = |i: usize| {
            images.pixels[i / (channels * plane) * channels * plane + i % channels * plane + i / channels % plane]
        };
        let pixels: Vec<u8> = (0..images.pixels.len()).map(value).collect();
        let file = last.join(format!("{name}-images-idx4-ubyte"));
        fs::write(file, [header(&[images.len(), rows, cols, channels]), pixels].concat()).unwrap();
        let labels = format!("{name}-labels-idx1-ubyte");
        fs::copy(path.join(&labels), last.join(&labels)).unwrap();
    }
    let read = |path: &Path| load(&Request::new(Choice::Directory(path.into()))).unwrap().dataset;
    assert_eq!((&read(&path).train, &read(&last).train), (&train, &train));
    assert_eq!(read(&last).test, test);
    // Neither place has few enough.
    let wide = header(&[12, 5, 8, 9]);
    fs::write(last.join("train-images-idx4-ubyte"), [wide, vec![0; 12 * 5 * 72]].concat()).unwrap();
    let error = load(&Request::new(Choice::Directory(last))).unwrap_err().to_string();
    assert!(error.contains("channels: found sizes [5, 8, 9], expected 1 to 4 channels"), "{error}");
}

/// Files of CIFAR-10's form below `dir`, with five training images a batch.
fn cifar(dir: &Path) {
    let below = dir.join("cifar-10-batches-bin");
    fs::create_dir_all(&below).unwrap();
    for name in ["data_batch_1", "data_batch_2", "test_batch"] {
        let record =
            |i: u8| [vec![i % 10], (0..3072).map(|at| (at * usize::from(i + 1) % 251) as u8).collect()].concat();
        fs::write(below.join(format!("{name}.bin")), (0..5).flat_map(record).collect::<Vec<u8>>()).unwrap();
    }
}

#[test]
fn a_directory_of_cifars_files_is_shown_and_trained_and_is_not_taken_for_the_published_set() {
    let dir = tempfile::tempdir().unwrap();
    cifar(dir.path());
    let path = dir.path().to_str().unwrap();
    let shown = initlab(["data", "info", "--dataset", path]);
    assert!(shown.code == Some(0) && shown.stdout.contains("32 x 32 pixels of 3 values"), "{shown:?}");
    let config = dir.path().join("net.toml");
    fs::write(&config, format!("{CNN}\noptimizer.lr = 0.1\ntrain = {{ steps = 2, batch_size = 5 }}")).unwrap();
    let out = dir.path().join("run");
    let own = ["train", config.to_str().unwrap(), "--dataset", path, "--out", out.to_str().unwrap()];
    let ran = initlab(own);
    assert_eq!(ran.code, Some(0), "{ran:?}");
    let run: serde_json::Value = serde_json::from_str(&fs::read_to_string(out.join("run.json")).unwrap()).unwrap();
    assert_eq!((&run["channels"], &run["image_size"]), (&3.into(), &serde_json::json!([32, 32])));
    let ran = initlab(["train", config.to_str().unwrap(), "--dataset", "cifar-10", "--data", path, "--out", path]);
    let message = ran.stderr.replace("\n  ", " ");
    let expected = "expected 50000+10000 images of 32x32x3, 5000 and 1000 of each class, mean 0.4914 0.4822 0.4465";
    assert!(ran.code == Some(1) && message.contains(expected), "{ran:?}");
}

#[test]
fn coloured_digits_have_a_name() {
    let data = load(&Request::new(Choice::parse("colour-digits"))).unwrap().dataset;
    let prepared = Prepared::new(data, Split::Usual).unwrap();
    assert_eq!((prepared.image_dims(), prepared.classes(), prepared.normalization().len()), ([3, 28, 28], 10, 3));
}

#[cfg(feature = "fetch")]
#[test]
fn an_archive_without_the_published_sum_is_refused_and_leaves_nothing() {
    use crate::server::{Answer, start};
    let mirror = start(|path| {
        if path.ends_with("/cifar-10/cifar-10-binary.tar.gz") {
            Answer::Serves(b"an archive".to_vec())
        } else {
            Answer::HasNothing
        }
    });
    let work = tempfile::tempdir().unwrap();
    let output = crate::fetch::initlab(work.path(), &mirror, &crate::fetch::empty(), "60", &["fetch", "cifar-10"]);
    let message = String::from_utf8_lossy(&output.stderr).replace("\n  ", " ");
    assert!(output.status.code() == Some(1) && message.contains("MD5: found "), "{message}");
    assert!(message.contains("expected c32a1d4ab5d03f1284b67883e8d87530, as published"), "{message}");
    assert_eq!(fs::read_dir(work.path()).unwrap().count(), 0, "something was kept");
}
