//! How many bytes a network takes on the CPU while it trains, from its plan alone.
//!
//! This counts the buffers of [`CpuModel`](crate::model::cpu::CpuModel) and its workspaces; what is small beside them is left
//! out. Sums saturate, so that no config can make them wrap.

use crate::model::cpu::policy::{is_transposed, shards};
use crate::model::layer::{Layer, Op};
use crate::model::layers::{self, conv2d};
use crate::model::network::Network;
use crate::model::param::Param;

/// Bytes of a value.
const F32: u64 = 4;

/// Bytes of three sets of sums over a layer's values: each has a count, two sums, two extremes and a count of near zeros.
const SUMS: u64 = 3 * 6 * 8;

/// Bytes of a network in training, by what they are for.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct HostMemory {
    /// The parameters, as the layers read them too, and batch norm's estimates.
    pub parameters: u64,
    /// The parameters' gradients, once for each shard of a batch.
    pub gradients: u64,
    /// The samples' values that the layers keep, once for each thread.
    pub activations: u64,
    /// The layers' statistics, once for each shard.
    pub statistics: u64,
}

impl HostMemory {
    /// All together.
    pub fn total(&self) -> u64 {
        let Self { parameters, gradients, activations, statistics } = *self;
        [parameters, gradients, activations, statistics].into_iter().fold(0, u64::saturating_add)
    }
}

/// Estimates the bytes of `network` on `threads` cores, with `rows` in a training batch, `evaluated` in an evaluation, `bins` a histogram.
pub fn host(network: &Network, rows: usize, evaluated: usize, threads: usize, bins: usize) -> HostMemory {
    let parameters = bytes(network.parameters());
    let transposed: usize = network.params.iter().filter(|param| is_transposed(param)).map(Param::len).sum();
    let (shards, rows_of_shard) = cut(network, rows);
    let rows_at_once = rows_of_shard.max(cut(network, evaluated).1);
    // A buffer that grows from training to evaluation lies beside its old self for a moment.
    let growing = if rows_at_once > rows_of_shard { largest(&network.flat_layers()) } else { 0 };
    let grown = F32.saturating_mul(growing).saturating_mul(rows_of_shard as u64);
    let all_shards = shards.max(cut(network, evaluated).0) as u64;
    // Shards go to the workers in shares of equal size.
    let workers = shards.div_ceil(shards.div_ceil(threads.max(1)).max(1)) as u64;
    let seen = |units: usize| SUMS + units as u64 / 8 + 8 * (bins as u64 + 2);
    let observations = network.observed.iter().map(|observed| seen(observed.units)).fold(0, u64::saturating_add);
    HostMemory {
        parameters: parameters.saturating_add(bytes(transposed)).saturating_add(bytes(network.running_len())),
        gradients: parameters.saturating_mul(shards as u64),
        activations: workspace(network, rows_at_once).saturating_mul(workers).saturating_add(grown),
        // Two sets more: what the last batch has shown, and what waits unused.
        statistics: observations.saturating_mul(all_shards.saturating_add(2)),
    }
}

fn bytes(values: usize) -> u64 {
    F32.saturating_mul(values as u64)
}

/// Shards of a batch, and the rows of the largest.
fn cut(network: &Network, rows: usize) -> (usize, usize) {
    let count = shards(network, rows);
    (count, rows.div_ceil(count))
}

/// Bytes that one worker keeps of `rows` samples.
fn workspace(network: &Network, rows: usize) -> u64 {
    let kept = of_layers(&network.layers).saturating_add(network.input.len() as u64);
    // The gradient of a layer's output and of its input; each residual block keeps one more, and a wide layer its product.
    let widest = network.flat_layers().iter().map(|layer| layer.output.len().max(layer.input.len())).max().unwrap_or(0);
    let passing = (2 + depth(&network.layers)).saturating_mul(widest as u64);
    let spread = network.flat_layers().into_iter().filter_map(spread).max().unwrap_or(0);
    F32.saturating_mul((rows as u64).saturating_mul(kept.saturating_add(passing)).saturating_add(spread))
}

/// Values of a sample in the largest buffer of a layer.
fn largest(layers: &[&Layer]) -> u64 {
    layers.iter().map(|layer| layers::kept(layer).max(layer.output.len() as u64)).max().unwrap_or(0)
}

/// Values that the layers keep of a sample.
fn of_layers(layers: &[Layer]) -> u64 {
    layers.iter().map(of_layer).fold(0, u64::saturating_add)
}

fn of_layer(layer: &Layer) -> u64 {
    if layer.passes_through() {
        return 0;
    }
    let output = layer.output.len() as u64;
    let apart = if layer.activation.slope_from_output() { 0 } else { output };
    output.saturating_add(apart).saturating_add(layers::kept(layer)).saturating_add(of_layers(layer.body()))
}

/// Values that a convolution keeps of a sample.
pub fn convolution(layer: &Layer) -> Option<u64> {
    matches!(layer.op, Op::Conv2d(_)).then(|| of_layer(layer))
}

/// Values of the padded outputs that a convolution's backward pass needs at once.
fn spread(layer: &Layer) -> Option<u64> {
    if let Op::Conv2d(shape) = &layer.op { Some(conv2d::spread(shape)) } else { None }
}

/// Residual blocks within each other.
fn depth(layers: &[Layer]) -> u64 {
    let of = |layer: &Layer| if let Op::Residual(body) = &layer.op { 1 + depth(body) } else { 0 };
    layers.iter().map(of).max().unwrap_or(0)
}
