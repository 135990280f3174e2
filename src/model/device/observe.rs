//! Statistics of the observed layers, taken on the device.
//!
//! Kernels of our own take those of all layers in two launches. Without them layers of equal shape are stacked and reduced
//! together: a deep net costs one copy for each of its tensors and some twenty launches more, not twenty for every layer.

use std::ops::Range;
use std::sync::Arc;

use candle_core::{DType, Result, Tensor};

use crate::cpu::activation::Observation;
use crate::cpu::live::live_interval;
use crate::cpu::moments::{HIGHER, Sums};
use crate::gpu::cuda;
use crate::gpu::reduce::{by_pixel, powers};
use crate::model::device::pass::{Kept, Trace};
use crate::model::device::transfer::Transfer;
use crate::model::layer::Layer;
use crate::model::network::Network;
use crate::model::observe::Observe;

/// Tensors of the observed layers, by layer.
pub struct Seen<'a> {
    observe: &'a Observe,
    layers: Vec<Option<LayerSeen>>,
    gradients: Vec<Option<Tensor>>,
}

struct LayerSeen {
    z: Tensor,
    h: Tensor,
}

/// Where each layer's numbers will lie after the copy.
pub struct Packed {
    layers: Vec<PackedLayer>,
}

struct PackedLayer {
    z: Place,
    h: Place,
    gradient: Option<Place>,
    live: Marks,
    ends: Ends,
    /// The bins of each run.
    histogram: Range<usize>,
    runs: usize,
    units: usize,
    /// Values of one run.
    values: u64,
}

/// Where the sums of a tensor lie: for each a start, with the runs following.
#[derive(Clone, Copy, Default)]
struct Place {
    sums: [usize; 5],
    /// Places of Σx³ and Σx⁴, which candle's tensors take of pre-activations where asked for, and our own kernels never.
    higher: Option<[usize; HIGHER]>,
}

/// Ends of a layer's live interval in each run; absent where every unit is alive whatever its z.
type Ends = Option<Vec<(f64, f64)>>;

/// The live interval of an activation whose slope never vanishes.
const EVERYWHERE: (f64, f64) = (f64::NEG_INFINITY, f64::INFINITY);

/// Where the marks of a layer's live units lie, a number for each unit of each run; absent likewise.
type Marks = Option<Range<usize>>;

/// A stack may have this many values: copies in `f64` and a few more of them must fit beside the network.
const STACK_VALUES: usize = 1 << 27;

impl<'a> Seen<'a> {
    pub fn new(network: &Network, observe: &'a Observe) -> Self {
        let n = if observe.statistics { network.observed.len() } else { 0 };
        Self { observe, layers: (0..n).map(|_| None).collect(), gradients: vec![None; n] }
    }

    /// True if dL/dh of a layer is asked for.
    pub fn wants(&self, layer: &Layer) -> bool {
        layer.observation.is_some_and(|i| i < self.gradients.len())
    }

    /// Keeps dL/dh of a layer.
    pub fn gradient(&mut self, layer: &Layer, gradient: &Tensor) {
        if let Some(slot) = layer.observation.and_then(|i| self.gradients.get_mut(i)) {
            *slot = Some(gradient.clone());
        }
    }

    /// Keeps z and h of all observed layers.
    pub fn forward(&mut self, layers: &[Layer], traces: &[Trace]) {
        for (layer, trace) in layers.iter().zip(traces) {
            if let Kept::Body(traces) = &trace.kept {
                self.forward(layer.body(), traces);
            }
            if let Some(slot) = layer.observation.and_then(|i| self.layers.get_mut(i)) {
                *slot = Some(LayerSeen { z: trace.z.clone(), h: trace.out().clone() });
            }
        }
    }

    /// Reduces everything and lets `transfer` take the results along.
    pub fn pack(self, networks: &[Arc<Network>], rows: usize, transfer: &mut Transfer) -> Result<Packed> {
        let layers: Vec<&LayerSeen> = self.layers.iter().map(|l| l.as_ref().expect("every layer ran")).collect();
        let settings = &self.observe.settings;
        let (near, gradient_near) = (f64::from(settings.near_zero), f64::from(settings.gradient_near_zero));
        let mut tensors: Vec<(&Tensor, f64)> = layers.iter().map(|layer| (&layer.z, near)).collect();
        tensors.extend(layers.iter().map(|layer| (&layer.h, near)));
        tensors.extend(self.gradients.iter().flatten().map(|gradient| (gradient, gradient_near)));
        let ends = live_ends(networks);
        let (places, live) = match cuda::observe(&tensors, &ends)? {
            Some((sums, live)) => places_of(&sums, live.as_ref(), &layers, &ends, transfer)?,
            None => {
                let (z, others) = tensors.split_at(layers.len());
                let mut places = reduce_all(z, settings.higher, rows, transfer)?;
                places.extend(reduce_all(others, false, rows, transfer)?);
                (places, live_units(&layers, &ends, rows, transfer)?)
            }
        };
        let mut gradients = places[2 * layers.len()..].iter().copied();
        let mut packed = Vec::with_capacity(layers.len());
        for (i, ((layer, live), ends)) in layers.iter().zip(live).zip(ends).enumerate() {
            let (runs, all, units) = layer.h.dims3()?;
            let histogram = match self.observe.histogram_bins {
                0 => 0..0,
                bins => transfer.add(&histogram(&layer.h, rows, bins, settings.histogram_range)?)?,
            };
            packed.push(PackedLayer {
                z: places[i],
                h: places[layers.len() + i],
                gradient: self.gradients[i].is_some().then(|| gradients.next().expect("each has a place")),
                live,
                ends,
                histogram,
                runs,
                units,
                values: (all * units) as u64,
            });
        }
        Ok(Packed { layers: packed })
    }
}

impl Packed {
    /// The statistics of one run.
    pub fn unpack(&self, numbers: &[f64], run: usize) -> Vec<Observation> {
        let part = |range: &Range<usize>, len: usize| &numbers[range.start + run * len..][..len];
        let observation = |layer: &PackedLayer| {
            let bins = layer.histogram.len() / layer.runs;
            Observation {
                pre_activation: layer.z.pre_activation_sums(numbers, run, layer.values),
                activation: layer.h.sums(numbers, run, layer.values),
                gradient: layer.gradient.map_or_else(Sums::default, |place| place.sums(numbers, run, layer.values)),
                live: match (&layer.live, &layer.ends) {
                    (Some(range), Some(ends)) if ends[run] != EVERYWHERE => {
                        part(range, layer.units).iter().map(|&x| x > 0.0).collect()
                    }
                    // A run beside others whose units may die has marks, but not even NaN kills its units.
                    _ => std::iter::repeat_n(true, layer.units).collect(),
                },
                histogram: part(&layer.histogram, bins).iter().map(|&x| x as u64).collect(),
            }
        };
        self.layers.iter().map(observation).collect()
    }
}

impl Place {
    fn sums(&self, numbers: &[f64], run: usize, n: u64) -> Sums {
        let [sum, sum_of_squares, min, max, near_zero] = self.sums.map(|start| numbers[start + run]);
        let mut sums = Sums { n, sum, sum_of_squares, near_zero: near_zero as u64, ..Sums::default() };
        sums.join_extremes(min as f32, max as f32);
        sums
    }

    fn pre_activation_sums(&self, numbers: &[f64], run: usize, n: u64) -> Sums {
        let sums = self.sums(numbers, run, n);
        match self.higher {
            Some(starts) => Sums { higher: starts.map(|start| numbers[start + run]), higher_n: n, ..sums },
            None => sums,
        }
    }
}

/// The ends of each layer.
fn live_ends(networks: &[Arc<Network>]) -> Vec<Ends> {
    let of_layer = |i: usize| {
        let interval = |network: &Arc<Network>| live_interval(network.observed[i].activation);
        let ends: Vec<_> = networks.iter().map(interval).map(|(low, high)| (f64::from(low), f64::from(high))).collect();
        ends.iter().any(|&ends| ends != EVERYWHERE).then_some(ends)
    };
    (0..networks[0].observed.len()).map(of_layer).collect()
}

/// Where sums `[tensor, sum, run]` and marks of live units will lie, as the kernels leave them.
fn places_of(
    sums: &Tensor,
    live: Option<&Tensor>,
    layers: &[&LayerSeen],
    ends: &[Ends],
    transfer: &mut Transfer,
) -> Result<(Vec<Place>, Vec<Marks>)> {
    let (tensors, kinds, runs) = sums.dims3()?;
    let start = transfer.add(sums)?.start;
    let place = |t: usize| Place { sums: std::array::from_fn(|kind| start + (t * kinds + kind) * runs), higher: None };
    let mut next = live.map_or(Ok(0..0), |live| transfer.add(live))?.start;
    let mut marks = Vec::with_capacity(layers.len());
    for (layer, ends) in layers.iter().zip(ends) {
        let len = runs * layer.z.dim(2)?;
        marks.push(ends.as_ref().map(|_| next..next + len));
        next += ends.as_ref().map_or(0, |_| len);
    }
    Ok(((0..tensors).map(place).collect(), marks))
}

/// The sums of all tensors, each with its threshold, in stacks of equal shape; the higher ones if they are asked for.
fn reduce_all(tensors: &[(&Tensor, f64)], higher: bool, rows: usize, transfer: &mut Transfer) -> Result<Vec<Place>> {
    let mut places = vec![Place::default(); tensors.len()];
    for group in groups(&tensors.iter().map(|(t, _)| *t).collect::<Vec<_>>()) {
        let members: Vec<_> = group.iter().map(|&i| tensors[i]).collect();
        for (&i, place) in group.iter().zip(reduce(&members, higher, rows, transfer)?) {
            places[i] = place;
        }
    }
    Ok(places)
}

/// Indices of tensors of equal shape, in stacks that are not too large.
fn groups(tensors: &[&Tensor]) -> Vec<Vec<usize>> {
    let mut groups: Vec<Vec<usize>> = Vec::new();
    for (i, tensor) in tensors.iter().enumerate() {
        let room = |group: &&mut Vec<usize>| {
            tensors[group[0]].dims() == tensor.dims() && (group.len() + 1) * tensor.elem_count() <= STACK_VALUES
        };
        match groups.iter_mut().find(room) {
            Some(group) => group.push(i),
            None => groups.push(vec![i]),
        }
    }
    groups
}

/// Σx, Σx², min, max and the count of near zeros of each tensor `[run, row·pixel, unit]` with its threshold, and Σx³ and Σx⁴.
fn reduce(tensors: &[(&Tensor, f64)], higher: bool, rows: usize, transfer: &mut Transfer) -> Result<Vec<Place>> {
    let stack = Tensor::stack(&tensors.iter().map(|(t, _)| *t).collect::<Vec<_>>(), 0)?;
    let (k, runs) = (tensors.len(), stack.dim(1)?);
    // In two stages, a row's values and then the rows: [tensor, run, row, value].
    let stack = stack.reshape((k, runs, rows, ()))?;
    let wide = stack.to_dtype(DType::F64)?;
    let limits: Vec<f64> = tensors.iter().map(|(_, limit)| *limit).collect();
    let limits = Tensor::from_vec(limits, (k, 1, 1, 1), stack.device())?;
    let near = wide.abs()?.broadcast_lt(&limits)?.to_dtype(DType::F64)?;
    let squares = wide.sqr()?;
    let starts = [
        wide.sum(3)?.sum(2)?,
        squares.sum(3)?.sum(2)?,
        stack.min(3)?.min(2)?,
        stack.max(3)?.max(2)?,
        near.sum(3)?.sum(2)?,
    ];
    let mut places = vec![Place::default(); k];
    for (i, numbers) in starts.iter().enumerate() {
        let start = transfer.add(numbers)?.start;
        places.iter_mut().enumerate().for_each(|(member, place)| place.sums[i] = start + member * runs);
    }
    if higher {
        let mut starts = [0; HIGHER];
        for (start, power) in starts.iter_mut().zip(powers(&wide, &squares)?) {
            *start = transfer.add(&power.sum(3)?.sum(2)?)?.start;
        }
        for (member, place) in places.iter_mut().enumerate() {
            place.higher = Some(starts.map(|start| start + member * runs));
        }
    }
    Ok(places)
}

/// The units of each layer that let gradient through in some row; none for a layer where all do whatever their z.
fn live_units(layers: &[&LayerSeen], ends: &[Ends], rows: usize, transfer: &mut Transfer) -> Result<Vec<Marks>> {
    let some_die: Vec<usize> = (0..layers.len()).filter(|&i| ends[i].is_some()).collect();
    let mut found = vec![None; layers.len()];
    for group in groups(&some_die.iter().map(|&i| &layers[i].z).collect::<Vec<_>>()) {
        let group: Vec<usize> = group.into_iter().map(|place| some_die[place]).collect();
        let stack = Tensor::stack(&group.iter().map(|&i| &layers[i].z).collect::<Vec<_>>(), 0)?;
        let (k, runs, _, units) = stack.dims4()?;
        let ends: Vec<(f64, f64)> = group.iter().flat_map(|&i| ends[i].iter().flatten().copied()).collect();
        let limits = |of: fn(&(f64, f64)) -> f64| {
            let limits: Vec<f64> = ends.iter().map(of).collect();
            Tensor::from_vec(limits, (k, runs, 1, 1), stack.device())?.to_dtype(stack.dtype())
        };
        let mut live = stack.broadcast_gt(&limits(|ends| ends.0)?)?;
        if ends.iter().any(|ends| ends.1 < f64::INFINITY) {
            live = (live * stack.broadcast_lt(&limits(|ends| ends.1)?)?)?;
        }
        let mut any = by_pixel(&live.reshape((k * runs, (), units))?, rows)?;
        any = if any.dim(2)? == 1 { any.squeeze(2)? } else { any.max(2)? }.max(1)?;
        let start = transfer.add(&any)?.start;
        for (member, &i) in group.iter().enumerate() {
            let from = start + member * runs * units;
            found[i] = Some(from..from + runs * units);
        }
    }
    Ok(found)
}

/// Counts of h in equal bins over `[low, high]`, with one bin more on either side, `[run, bin]`: see
/// [`crate::cpu::histogram::histogram`].
fn histogram(h: &Tensor, rows: usize, bins: usize, (low, high): (f32, f32)) -> Result<Tensor> {
    let (low, high) = (f64::from(low), f64::from(high));
    if let Some(counts) = cuda::histogram(h, bins, (low, high))? {
        return Ok(counts);
    }
    let runs = h.dim(0)?;
    let position = h.affine(1.0, -low)?.affine(bins as f64 / (high - low), 0.0)?.floor()?;
    let bin = position.affine(1.0, 1.0)?.clamp(0f64, (bins + 1) as f64)?;
    // The last bin is closed.
    let bin = h.le(high)?.where_cond(&bin.minimum(bins as f64)?, &bin)?.to_dtype(DType::U32)?;
    // Each row counts for itself, so that a GPU counts rows in parallel.
    let bin = bin.reshape((runs * rows, ()))?;
    let ones = Tensor::ones(bin.shape(), DType::F32, h.device())?;
    let counts = Tensor::zeros((runs * rows, bins + 2), DType::F32, h.device())?.scatter_add(&bin, &ones, 1)?;
    counts.to_dtype(DType::F64)?.reshape((runs, rows, bins + 2))?.sum(1)
}

#[cfg(test)]
mod tests {
    use candle_core::Device;

    use super::*;

    #[test]
    fn histograms_close_their_last_bin_as_the_kernels_do() {
        for (bins, low, high) in [(4, -2.0f32, 2.0f32), (70, -7.0, 7.0), (200, -2.0, 0.0), (49, 0.1, 0.7)] {
            let values: Vec<f32> = [low, high, high, high, high.next_up(), f32::INFINITY, low.next_down(), f32::NAN]
                .into_iter()
                .chain((0..24).map(|i| low + (high - low) * i as f32 / 23.5))
                .collect();
            let mut want = vec![0; bins + 2];
            crate::cpu::histogram::histogram(&mut want, &values, low, high);
            let h = Tensor::from_vec(values, (1, 8, 4), &Device::Cpu).unwrap();
            let got = histogram(&h, 8, bins, (low, high)).unwrap().to_vec2::<f64>().unwrap();
            assert_eq!(got[0].iter().map(|&n| n as u64).collect::<Vec<_>>(), want, "{bins} bins from {low} to {high}");
        }
    }
}
