//! The memory that a run takes, told before it begins.

use std::fmt;

use crate::config::Experiment;
use crate::config::experiment::Budget;
use crate::config::model::{Body, ModelConfig};
use crate::data::{Part, Prepared};
use crate::model::Network;
use crate::model::memory::{HostMemory, convolution, host};
use crate::model::sharpness::PASS;
use crate::train::machine::{self, Available};
use crate::train::step::EVALUATION_BATCH;

/// Vectors in `f64` that a measurement of the sharpness works with, and products that it commonly takes, each with a vector in `f32`.
const VECTORS: u64 = 7;
const PRODUCTS: u64 = 20;

/// Images of a data set, as far as its memory goes.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct DataSize {
    /// Training images.
    pub train: usize,
    /// Test images.
    pub test: usize,
    /// Values of an image.
    pub pixels: usize,
}

impl DataSize {
    /// MNIST, Fashion-MNIST and the built-in digits.
    pub const KNOWN: Self = Self { train: 60_000, test: 10_000, pixels: 28 * 28 };

    /// Both parts of `data`.
    pub fn of(data: &Prepared) -> Self {
        Self { train: data.len(Part::Train), test: data.len(Part::Test), pixels: data.values_per_image() }
    }
}

/// Bytes that a run takes on the CPU, without the data, which all runs of a process share.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct RunMemory {
    /// The network.
    pub network: HostMemory,
    /// The starting weights, and the optimiser's state.
    pub optimizer: u64,
    /// Histograms and the order of an epoch, which are kept.
    pub records: u64,
    /// Largest part of it.
    pub most: Most,
}

/// Largest part of a run's memory, so that an error can point at it.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Most {
    /// The sizes of the network.
    #[default]
    Model,
    /// The images around the convolutions of this stage.
    Stage(usize),
    /// The shards of a large batch.
    Batch,
    /// Histograms.
    Histograms,
}

impl RunMemory {
    /// All together.
    pub fn total(&self) -> u64 {
        [self.network.total(), self.optimizer, self.records].into_iter().fold(0, u64::saturating_add)
    }
}

impl fmt::Display for RunMemory {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { network, optimizer, records, most: _ } = self;
        let parts = [
            (network.parameters, "parameters"),
            (*optimizer, "start and optimiser"),
            (network.gradients, "gradients"),
            (network.activations, "activations"),
            (network.statistics.saturating_add(*records), "statistics"),
        ];
        let parts = parts.into_iter().filter(|(bytes, _)| *bytes > 0);
        let parts: Vec<String> = parts.map(|(bytes, what)| format!("{what} {}", size(bytes))).collect();
        write!(f, "{} ({})", size(self.total()), parts.join(", "))
    }
}

impl RunMemory {
    /// So many of the same beside each other.
    #[must_use]
    pub fn times(self, n: usize) -> Self {
        let times = |bytes: u64| bytes.saturating_mul(n.max(1) as u64);
        let HostMemory { parameters, gradients, activations, statistics } = self.network;
        let network = HostMemory {
            parameters: times(parameters),
            gradients: times(gradients),
            activations: times(activations),
            statistics: times(statistics),
        };
        Self { network, optimizer: times(self.optimizer), records: times(self.records), most: self.most }
    }
}

/// `bytes` for a reader, rounded up.
pub fn size(bytes: u64) -> String {
    match bytes {
        0..1_000_000 => format!("{} kB", bytes.div_ceil(1_000)),
        1_000_000..1_000_000_000 => format!("{} MB", bytes.div_ceil(1_000_000)),
        _ => format!("{:.1} GB", (bytes as f64 / 1e8).ceil() / 10.0),
    }
}

/// Estimates the memory of a run of `experiment` on `threads` cores.
pub fn of_run(experiment: &Experiment, network: &Network, data: DataSize, threads: usize) -> RunMemory {
    let (train, stats) = (&experiment.train, &experiment.stats);
    let rows = train.batch_size.min(data.train).max(1);
    let evaluated = EVALUATION_BATCH.min(data.test).max(1);
    let bins = if stats.histogram_every > 0 { stats.histogram_bins } else { 0 };
    let parameters = 4 * network.parameters() as u64;
    let slots = experiment.optimizer.rule.rule().slots().len() as u64;
    let steps = match train.budget {
        Budget::Epochs(epochs) => (epochs as u64).saturating_mul(data.train.div_ceil(rows) as u64),
        Budget::Steps(steps) => steps as u64,
    };
    // A run that ends at a target may have any number of steps; nobody knows how many it will keep histograms of.
    let steps = if experiment.train.target_accuracy.is_some() { 0 } else { steps };
    let histograms = if stats.histogram_every > 0 { steps / stats.histogram_every as u64 } else { 0 };
    let row = 8 * (stats.histogram_bins as u64 + 2).saturating_mul(network.observed.len() as u64);
    let host = host(network, rows, evaluated, threads, bins);
    let records = histograms
        .saturating_mul(row)
        .saturating_add(4 * data.train as u64)
        .saturating_add(curvature(experiment, network, threads));
    // The gradients of one shard come with the parameters; those of the others with the batch.
    let own = host.parameters.saturating_add(parameters.saturating_mul(2 + slots));
    let most = [
        (own, Most::Model),
        (host.gradients.saturating_sub(parameters).saturating_add(host.statistics), Most::Batch),
        (host.activations, largest_stage(&experiment.model, network)),
        (records, Most::Histograms),
    ];
    RunMemory {
        network: host,
        // A checkpoint puts kernels in PyTorch's order, which takes a copy of them.
        optimizer: parameters.saturating_mul(1 + slots),
        records,
        most: most.into_iter().max_by_key(|(bytes, _)| *bytes).map_or(Most::Model, |(_, most)| most),
    }
}

/// Estimates the memory that measuring the sharpness takes: a network of its own, its images, and Lanczos' vectors.
fn curvature(experiment: &Experiment, network: &Network, threads: usize) -> u64 {
    if experiment.stats.sharpness_every == 0 {
        return 0;
    }
    let images = experiment.stats.sharpness_images;
    let samples = 4 * (images as u64).saturating_mul(network.input.len() as u64);
    let vectors = (8 * VECTORS + 4 * PRODUCTS).saturating_mul(network.parameters() as u64);
    let rows = if network.running.is_empty() { images.min(PASS) } else { images };
    host(network, rows, 1, threads, 0).total().saturating_add(samples).saturating_add(vectors)
}

/// Estimates the memory that it takes to draw a start and put it into a network.
pub fn of_start(network: &Network) -> RunMemory {
    let parameters = 4 * network.parameters() as u64;
    let network = HostMemory { parameters, ..HostMemory::default() };
    RunMemory { network, optimizer: parameters, ..RunMemory::default() }
}

/// Estimates the memory that it takes to send `images` forward and back through so many networks side by side.
pub fn of_probe(model: &ModelConfig, plan: &Network, images: usize, side_by_side: usize) -> RunMemory {
    let network = host(plan, images.max(1), 1, 1, 0);
    let own = network.parameters.saturating_add(network.gradients);
    let most = if network.activations > own { largest_stage(model, plan) } else { Most::Model };
    RunMemory { optimizer: network.parameters, network, most, ..RunMemory::default() }.times(side_by_side)
}

/// Estimates the memory of so many runs of `experiment` side by side, each with its network once more, to look at its layers with
/// `images`.
pub fn of_watched_runs(
    experiment: &Experiment,
    network: &Network,
    (data, images): (DataSize, usize),
    side_by_side: usize,
) -> RunMemory {
    let mut run = of_run(experiment, network, data, 1);
    let look = host(network, images.max(1), 1, 1, 0);
    run.network.parameters = run.network.parameters.saturating_add(look.parameters);
    // The values at the start stay beside those that are looked at.
    run.network.activations = run.network.activations.saturating_add(look.activations.saturating_mul(2));
    run.times(side_by_side)
}

/// The stage whose convolutions keep most of each image, if there are any.
fn largest_stage(model: &ModelConfig, network: &Network) -> Most {
    let Body::Cnn { stages, .. } = &model.body else { return Most::Model };
    let kept = network.flat_layers().into_iter().filter_map(convolution);
    // Convolutions follow each other in the order of the stages.
    let stage_of = stages.iter().enumerate().flat_map(|(at, stage)| std::iter::repeat_n(at, stage.layers));
    kept.zip(stage_of).max_by_key(|(kept, _)| *kept).map_or(Most::Model, |(_, stage)| Most::Stage(stage))
}

/// Counts the bytes of `data` in memory; labels are read twice.
pub fn of_data(data: DataSize) -> u64 {
    let images = (data.train as u64).saturating_add(data.test as u64);
    images.saturating_mul(data.pixels as u64 + 2)
}

/// More memory asked for than there is.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error(
    "takes about {}, and {} leaves {}; take a smaller network or batch, or less padding, or fewer threads{}",
    run, available.bound, size(available.bytes),
    if available.bound == machine::VARIABLE { "" } else { " (INITLAB_MEMORY_MIB tells what there is, where the system does not know)" }
)]
pub struct TooMuch {
    /// Memory that is needed.
    pub run: RunMemory,
    /// Bytes that there are.
    pub available: Available,
}

/// Checks that `needed` bytes more can be had, as far as the system says.
///
/// # Errors
/// They cannot: both numbers, for a sentence.
pub fn check_bytes(needed: u64) -> Result<(), String> {
    match machine::available() {
        Some(available) if needed > available.bytes => {
            Err(format!("about {}, and {} leaves {}", size(needed), available.bound, size(available.bytes)))
        }
        _ => Ok(()),
    }
}

/// Checks that a run's memory can be had, as far as the system says.
///
/// # Errors
/// It cannot.
pub fn check(run: &RunMemory) -> Result<(), TooMuch> {
    match machine::available() {
        Some(available) if run.total() > available.bytes => Err(TooMuch { run: *run, available }),
        _ => Ok(()),
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;
    use crate::train::prepare::{network, outputs};

    fn experiment(model: &str, train: &str) -> Experiment {
        let text = format!("model = {{ {model} }}\noptimizer = {{ lr = 0.1 }}\ntrain = {{ {train} }}\n");
        Experiment::parse("test.toml", &text, &[]).unwrap()
    }

    fn of(experiment: &Experiment, threads: usize) -> RunMemory {
        let network = network(&experiment.model, [1, 28, 28], outputs(experiment, 10)).unwrap();
        of_run(experiment, &network, DataSize::KNOWN, threads)
    }

    #[test]
    fn a_large_batch_costs_gradients_and_threads_cost_activations() {
        let small = experiment("kind = 'mlp', widths = [100]", "epochs = 1, batch_size = 64");
        let large = experiment("kind = 'mlp', widths = [100]", "epochs = 1, batch_size = 60_000");
        let parameters = 4 * (784 * 100 + 100 + 1010);
        assert_eq!(of(&small, 4).network.gradients, parameters);
        assert_eq!(of(&large, 4).network.gradients, 938 * parameters);
        assert_eq!((of(&small, 1).most, of(&large, 1).most), (Most::Model, Most::Batch));
        // One shard goes to one worker; many go to all.
        assert_eq!(of(&small, 4).network.activations, of(&small, 1).network.activations);
        assert_eq!(of(&large, 4).network.activations, 4 * of(&large, 1).network.activations);
    }

    #[test]
    fn sizes_are_rounded_up_and_parts_are_named() {
        assert_eq!([1, 999_999, 1_000_001, 1_100_000_001].map(size), ["1 kB", "1000 kB", "2 MB", "1.2 GB"]);
        let text = of(&experiment("kind = 'mlp', widths = [100]", "epochs = 1"), 1).to_string();
        assert!(text.contains("parameters ") && text.contains("activations "), "{text}");
    }

    /// Sizes that fit, that hardly fit, and that no machine has.
    fn any_size() -> impl Strategy<Value = u64> {
        prop_oneof![
            1u64..50,
            1u64..100_000,
            Just(1u64 << 31),
            Just(1u64 << 32),
            Just(1u64 << 62),
            Just(i64::MAX as u64)
        ]
    }

    proptest! {
        #[test]
        fn no_size_in_a_config_overflows(
            [width, depth, channels, kernel, padding, stride] in proptest::array::uniform6(any_size()),
            [batch, epochs, bins, every, pool, layers] in proptest::array::uniform6(any_size()),
            flatten in any::<bool>(),
        ) {
            let head = if flatten { "flatten" } else { "global_average" };
            let mlp = format!("kind = 'mlp', width = {width}, depth = {}", depth.min(50));
            let cnn = format!(
                "kind = 'cnn', head = '{head}', hidden = [{width}], stages = [{{ channels = 3 }}, {{ channels = {channels}, \
                 layers = {}, kernel = {kernel}, padding = {padding}, stride = {stride}, pool = {{ kind = 'max', kernel = {pool}, \
                 padding = {padding} }} }}]", layers.min(20)
            );
            for model in [mlp, cnn] {
                let text = format!(
                    "model = {{ {model} }}\noptimizer = {{ kind = 'adam', lr = 0.1 }}\n\
                     train = {{ epochs = {epochs}, batch_size = {batch} }}\n\
                     stats = {{ histogram_bins = {}, histogram_every = {every} }}\n", bins.min(10_000)
                );
                let Ok(experiment) = Experiment::parse("test.toml", &text, &[]) else { continue };
                let Ok(network) = network(&experiment.model, [1, 28, 28], 10) else { continue };
                for threads in [1, 1024, usize::MAX] {
                    let memory = of_run(&experiment, &network, DataSize::KNOWN, threads);
                    prop_assert!(memory.total() >= 4 * network.parameters() as u64);
                    prop_assert!(!memory.to_string().is_empty());
                }
            }
        }
    }
}
