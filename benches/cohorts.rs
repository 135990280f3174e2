//! Training throughput on candle devices, alone and in cohorts, beside the CPU's kernels.
//!
//!     cargo bench --features cuda --bench cohorts -- --device cuda --cohorts 1,8,64,256
//!
//! A line of JSON for each measurement: images per second over all runs of the cohort, forward and backward pass,
//! optimiser step and (with `--statistics`) every layer's statistics; the median of five stretches. The images are noise:
//! what they show does not change the time.

use std::sync::Arc;
use std::time::{Duration, Instant};

use candle_core::Device;
use initlab::activation::Activation;
use initlab::data::{Dataset, Images, Part, Prepared, Split};
use initlab::init::Preset;
use initlab::model::objective::Loss;
use initlab::model::observe::Observe;
use initlab::model::{Activations, LayerSpec, Network, Role, Shape};
use initlab::optim::{Optimizer, Sgd};
use initlab::record::checkpoint::Weights;
use initlab::rng;
use initlab::train::engine::{Compute, Engine};
use initlab::train::step::{Batch, RunStep};
use serde_json::json;

/// The nets, as benches/gpu_peers.py has them: name, layers, rows of a batch.
fn works() -> Vec<(&'static str, Vec<LayerSpec>, usize)> {
    let linear = |out| LayerSpec::Linear { out, bias: true };
    let relu = LayerSpec::Activation(Activation::Relu);
    let mlp = |widths: &[usize]| {
        let hidden = widths.iter().flat_map(|&width| [linear(width), relu.clone()]);
        [LayerSpec::Flatten].into_iter().chain(hidden).chain([linear(10)]).collect::<Vec<_>>()
    };
    let conv = |(at, out): (usize, usize)| {
        let kernel = if at == 0 { 5 } else { 3 };
        [LayerSpec::Conv2d { out, kernel: [kernel; 2], stride: 2, padding: kernel / 2, bias: true }, relu.clone()]
    };
    let cnn: Vec<LayerSpec> = [8, 16, 32, 32]
        .into_iter()
        .enumerate()
        .flat_map(conv)
        .chain([LayerSpec::GlobalAvgPool { flatten: true }, linear(10)])
        .collect();
    vec![("mlp", mlp(&[50]), 512), ("small_batch", mlp(&[50]), 64), ("deep", mlp(&[100; 30]), 128), ("cnn", cnn, 512)]
}

/// Settings of the call.
struct Settings {
    device: String,
    cohorts: Vec<usize>,
    works: Vec<String>,
    statistics: bool,
    seconds: f64,
}

impl Settings {
    fn read() -> Result<Self, String> {
        let mut settings = Self {
            device: "cpu".into(),
            cohorts: vec![1, 8],
            works: works().iter().map(|(name, ..)| (*name).into()).collect(),
            statistics: false,
            seconds: 2.0,
        };
        // cargo bench adds --bench of its own.
        let mut arguments = std::env::args().skip(1).filter(|argument| argument != "--bench");
        while let Some(argument) = arguments.next() {
            let mut value = || arguments.next().ok_or(format!("{argument} needs a value"));
            match argument.as_str() {
                "--device" => settings.device = value()?,
                "--cohorts" => settings.cohorts = numbers(&value()?)?,
                "--work" => settings.works = value()?.split(',').map(Into::into).collect(),
                "--statistics" => settings.statistics = true,
                "--seconds" => settings.seconds = value()?.parse().map_err(|_| "--seconds needs a number")?,
                other => {
                    return Err(format!(
                        "{other}: expected --device kernels|cpu|cuda, --cohorts, --work, --statistics or --seconds"
                    ));
                }
            }
        }
        Ok(settings)
    }

    fn compute(&self) -> Result<Compute, String> {
        match self.device.as_str() {
            "kernels" => Ok(Compute::Cpu { threads: 1 }),
            "cpu" => Ok(Compute::Device(Device::Cpu)),
            "cuda" => Compute::cuda(0).map_err(text),
            other => Err(format!("--device {other}: expected kernels, cpu or cuda")),
        }
    }
}

fn numbers(list: &str) -> Result<Vec<usize>, String> {
    list.split(',').map(|n| n.parse().map_err(|_| format!("{n} is no number of runs"))).collect()
}

fn main() -> Result<(), String> {
    let settings = Settings::read()?;
    let compute = settings.compute()?;
    let data = noise(if settings.seconds < 1.0 { 2_000 } else { 60_000 });
    for (name, specs, rows) in works().into_iter().filter(|(name, ..)| settings.works.iter().any(|work| work == name)) {
        for &runs in &settings.cohorts {
            let mut bench = Bench::new(&specs, rows, runs, &compute, &data, settings.statistics)?;
            let images_per_s = bench.measure(Duration::from_secs_f64(settings.seconds))?;
            println!(
                "{}",
                json!({
                    "program": "initlab",
                    "device": settings.device,
                    "work": name,
                    "runs": runs,
                    "statistics": settings.statistics,
                    "images_per_s": images_per_s.round(),
                })
            );
        }
    }
    Ok(())
}

fn noise(images: usize) -> Prepared {
    let mut stream = rng::rng(0, "bench");
    let pixels = (0..images * 784).map(|_| rng::below(&mut stream, 256) as u8).collect();
    let labels = (0..images).map(|i| (i % 10) as u8).collect();
    let part = Images { pixels, labels, channels: 1, rows: 28, cols: 28 };
    let dataset = Dataset { name: "noise".into(), sha256: String::new(), classes: 10, train: part.clone(), test: part };
    Prepared::new(dataset, Split::Usual).expect("there are enough images")
}

/// A cohort in training.
struct Bench<'a> {
    engine: Box<dyn Engine>,
    data: &'a Prepared,
    rows: usize,
    runs: usize,
    observe: Observe,
    step: usize,
}

impl<'a> Bench<'a> {
    fn new(
        specs: &[LayerSpec],
        rows: usize,
        runs: usize,
        compute: &Compute,
        data: &'a Prepared,
        statistics: bool,
    ) -> Result<Self, String> {
        let input = Shape::Image { channels: 1, height: 28, width: 28 };
        let network = Arc::new(Network::build(input, specs, Activations::Fused).map_err(|error| error.to_string())?);
        let sgd = Optimizer::Sgd(Sgd::PLAIN);
        let mut engine = compute.engine(vec![Arc::clone(&network); runs], sgd, Loss::CrossEntropy).map_err(text)?;
        for run in 0..runs {
            let rule = Preset::Kaiming.rule().weight;
            let values = network.params.iter().map(|param| match param.role {
                Role::Weight => rule.sample(run as u64, &param.name, &param.shape, param.activation).expect("fans fit"),
                _ => vec![0.0; param.len()],
            });
            engine
                .set_weights(run, &Weights { params: values.map(Into::into).collect(), ..Weights::default() })
                .map_err(text)?;
        }
        let observe = Observe { statistics, ..Observe::default() };
        Ok(Self { engine, data, rows, runs, observe, step: 0 })
    }

    /// Images per second: the median of five stretches of a fifth of `time` each, after a warm-up.
    fn measure(&mut self, time: Duration) -> Result<f64, String> {
        (0..3).try_for_each(|_| self.take_step())?;
        let mut rates = Vec::new();
        for _ in 0..5 {
            let (begun, mut steps) = (Instant::now(), 0);
            while begun.elapsed() < time / 5 || steps == 0 {
                self.take_step()?;
                steps += 1;
            }
            rates.push((steps * self.rows * self.runs) as f64 / begun.elapsed().as_secs_f64());
        }
        rates.sort_by(f64::total_cmp);
        Ok(rates[2])
    }

    fn take_step(&mut self) -> Result<(), String> {
        let images = self.data.len(Part::Train);
        let of_run = |run: usize| -> Vec<u32> {
            (0..self.rows).map(|row| ((self.step * self.rows + run * 997 + row * 31) % images) as u32).collect()
        };
        let indices: Vec<Vec<u32>> = (0..self.runs).map(of_run).collect();
        let labels: Vec<Vec<u8>> = indices
            .iter()
            .map(|all| all.iter().map(|&i| self.data.labels(Part::Train)[i as usize]).collect())
            .collect();
        let batch = |(indices, labels)| Batch { data: self.data, part: Part::Train, indices, labels, draws: None };
        let mut batches = indices.iter().map(Vec::as_slice).zip(labels.iter().map(Vec::as_slice)).map(batch);
        self.engine.forward_backward(&mut batches, &self.observe).map_err(text)?;
        let steps = vec![RunStep { lr: 1e-3, moves: true }; self.runs];
        self.engine.update(&steps, None, self.observe.statistics).map_err(text)?;
        self.step += 1;
        Ok(())
    }
}

fn text(error: candle_core::Error) -> String {
    error.to_string()
}
