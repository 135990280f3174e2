//! The two ways of running a network give the same numbers, and the kernels give the same bits for any number of threads.
//!
//! The kernels in `f32` are compared with candle tensors in `f64` that hold the same `f32` parameters and samples, on
//! nets and batches large enough that the batch is cut into shards. A ReLU whose z is rounding noise may open in one
//! and stay shut in the other, which no tolerance should cover: so samples are multiples of 1/16 and weights multiples
//! of 1/64, the z of a first layer is then exact in both, and kinks and max pools stand in or right after first layers.

use std::ops::Range;
use std::sync::Arc;

use candle_core::{DType, Device, Tensor};
use initlab::activation::Activation;
use initlab::cpu::activation::{Observation, ObserveSettings};
use initlab::cpu::moments::Sums;
use initlab::model::Role;
use initlab::model::cpu::{CpuModel, policy};
use initlab::model::device::DeviceModel;
use initlab::model::draws::Draws;
use initlab::model::objective::{Loss, Targets};
use initlab::model::observe::{Observe, Observed};
use initlab::model::{Activations, LayerSpec, Network, Shape};
use initlab::record::statistics::dead_fraction;
use initlab::rng;

const OBSERVE: Observe = Observe {
    statistics: true,
    histogram_bins: 20,
    noise: false,
    settings: ObserveSettings { near_zero: 0.05, gradient_near_zero: 0.05, histogram_range: (-2.0, 2.0), higher: true },
};

const DRAWS: Draws = Draws { seed: 5, step: 17 };
const DIGIT: Shape = Shape::Image { channels: 1, height: 12, width: 12 };
const COLOUR: Shape = Shape::Image { channels: 3, height: 9, width: 11 };
const RELU: LayerSpec = LayerSpec::Activation(Activation::Relu);
const TANH: LayerSpec = LayerSpec::Activation(Activation::Tanh);
const GELU: LayerSpec = LayerSpec::Activation(Activation::Gelu);
const SILU: LayerSpec = LayerSpec::Activation(Activation::Silu);
const SOFTPLUS: LayerSpec = LayerSpec::Activation(Activation::Softplus);
const FLATTEN: LayerSpec = LayerSpec::Flatten;
const POOL: LayerSpec = LayerSpec::MaxPool { kernel: 3, stride: 2, padding: 1 };
const AVERAGE: LayerSpec = LayerSpec::AvgPool { kernel: 2, stride: 2 };
const GLOBAL: LayerSpec = LayerSpec::GlobalAvgPool { flatten: true };
const BATCH_NORM: LayerSpec = LayerSpec::BatchNorm { eps: 1e-5, momentum: 0.1 };
const LAYER_NORM: LayerSpec = LayerSpec::LayerNorm { eps: 1e-5 };
const DROPOUT: LayerSpec = LayerSpec::Dropout { p: 0.3 };
/// Doubles what it keeps, so that the z of a layer behind it stays exact.
const HALF: LayerSpec = LayerSpec::Dropout { p: 0.5 };
const SCALE: LayerSpec = LayerSpec::Scale { start: 1.0, lr_scale: 1.0 };
const SHIFT: LayerSpec = LayerSpec::Shift { lr_scale: 1.0 };

fn linear(out: usize) -> LayerSpec {
    LayerSpec::Linear { out, bias: true }
}

fn conv(out: usize, kernel: usize, stride: usize, padding: usize) -> LayerSpec {
    LayerSpec::Conv2d { out, kernel: [kernel; 2], stride, padding, bias: true }
}

fn residual<const N: usize>(body: [LayerSpec; N]) -> LayerSpec {
    LayerSpec::Residual(body.into())
}

fn deep_mlp() -> Vec<LayerSpec> {
    let mut layers = vec![linear(50), RELU];
    (0..10).for_each(|_| layers.extend([linear(50), TANH]));
    layers.push(linear(10));
    layers
}

/// Larger nets: input, layers, loss.
fn nets() -> Vec<(Shape, Vec<LayerSpec>, Loss)> {
    vec![
        (Shape::Flat(100), deep_mlp(), Loss::CrossEntropy),
        (Shape::Flat(37), vec![linear(130), GELU, linear(65), SILU, linear(7)], Loss::Mse),
        (Shape::Flat(64), vec![linear(33), RELU, linear(1)], Loss::Mse),
        (DIGIT, vec![conv(8, 3, 1, 1), RELU, POOL, conv(16, 5, 2, 2), TANH, FLATTEN, linear(10)], Loss::CrossEntropy),
        (COLOUR, vec![conv(12, 3, 2, 1), SOFTPLUS, AVERAGE, conv(10, 2, 1, 0), GELU, GLOBAL], Loss::CrossEntropy),
        (DIGIT, vec![LayerSpec::MaxPool { kernel: 2, stride: 2, padding: 0 }, FLATTEN, linear(10)], Loss::CrossEntropy),
        (DIGIT, vec![conv(3, 1, 1, 2), RELU, conv(4, 3, 3, 2), TANH, FLATTEN, linear(10)], Loss::CrossEntropy),
        (COLOUR, vec![conv(8, 3, 1, 1), RELU, BATCH_NORM, conv(8, 3, 2, 1), BATCH_NORM, TANH, GLOBAL], Loss::Mse),
        (Shape::Flat(40), vec![linear(64), BATCH_NORM, TANH, linear(10)], Loss::CrossEntropy),
        (COLOUR, vec![conv(6, 3, 1, 1), RELU, LAYER_NORM, conv(9, 3, 2, 1), LAYER_NORM, TANH, GLOBAL], Loss::Mse),
        (Shape::Flat(40), vec![linear(48), LAYER_NORM, SILU, linear(10)], Loss::CrossEntropy),
        (Shape::Flat(40), vec![linear(64), RELU, DROPOUT, linear(50), TANH, DROPOUT, linear(10)], Loss::CrossEntropy),
        (COLOUR, vec![HALF, conv(6, 3, 2, 1), RELU, DROPOUT, FLATTEN, DROPOUT, linear(7)], Loss::Mse),
        (
            COLOUR,
            vec![
                conv(6, 3, 2, 1),
                TANH,
                residual([SHIFT, conv(6, 3, 1, 1), GELU, SHIFT, conv(6, 3, 1, 1), SCALE, SHIFT]),
                residual([residual([conv(6, 1, 1, 0), TANH, SCALE]), SHIFT]),
                GLOBAL,
            ],
            Loss::CrossEntropy,
        ),
    ]
}

/// A net whose weights are so wide that it takes the whole batch, with threads inside the products.
fn wide() -> (Shape, Vec<LayerSpec>, Loss) {
    (Shape::Flat(520), vec![linear(520), RELU, linear(530), TANH, linear(10)], Loss::CrossEntropy)
}

/// A batch in PyTorch's order, with a label for each row.
struct Batch {
    input: Shape,
    samples: Vec<f32>,
    labels: Vec<u8>,
}

impl Batch {
    fn new(input: Shape, rows: usize, classes: usize) -> Self {
        let mut stream = rng::rng(rows as u64, "samples");
        let normals = rng::standard_normals(&mut stream, rows * input.len());
        let samples = normals.into_iter().map(|x| ((x * 16.0).round() / 16.0) as f32).collect();
        let labels = (0..rows).map(|_| rng::below(&mut stream, classes.max(2) as u32) as u8).collect();
        Self { input, samples, labels }
    }

    fn rows(&self) -> usize {
        self.labels.len()
    }

    fn targets(&self) -> Targets<'_> {
        Targets::Labels(&self.labels)
    }

    fn tensor(&self) -> Tensor {
        let shape = [vec![1, self.rows()], self.input.dims()].concat();
        Tensor::from_slice(&self.samples, shape, &Device::Cpu).unwrap().to_dtype(DType::F64).unwrap()
    }

    /// Writes rows as the kernels want them.
    fn fill(&self) -> impl Fn(Range<usize>, &mut [f32]) + Sync {
        let (n, last) = (self.input.len(), self.input.channels_last(&self.samples));
        move |rows, out| out.copy_from_slice(&last[rows.start * n..rows.end * n])
    }
}

/// Parameters in PyTorch's order: weights of about Kaiming's size, the rest near where it starts.
fn parameters(network: &Network) -> Vec<Vec<f32>> {
    let draw = |param: &initlab::model::Param| {
        let normals = rng::standard_normals(&mut rng::rng(3, &param.name), param.len());
        let (mean, std) = match param.role {
            Role::Weight => (0.0, (1.5 / param.fan_in as f64).sqrt()),
            Role::Bias | Role::NormBias => (0.0, 0.2),
            Role::NormWeight | Role::Scalar(_) => (1.0, 0.2),
        };
        normals.into_iter().map(|x| (((mean + std * x) * 64.0).round() / 64.0) as f32).collect()
    };
    network.params.iter().map(draw).collect()
}

fn host(network: &Arc<Network>, threads: usize) -> CpuModel {
    let mut model = CpuModel::new(Arc::clone(network), threads);
    model.set_draws(Some(DRAWS));
    parameters(network).iter().enumerate().for_each(|(i, values)| model.set_param(i, values));
    model
}

fn device(network: &Arc<Network>) -> DeviceModel {
    let mut model = DeviceModel::new(Arc::clone(network), Device::Cpu, DType::F64).unwrap();
    model.set_draws(vec![DRAWS]);
    for (i, values) in parameters(network).into_iter().enumerate() {
        let shape = network.params[i].shape.clone();
        let value = Tensor::from_vec(values, shape, &Device::Cpu).unwrap().to_dtype(DType::F64).unwrap();
        model.set_param(0, i, &value).unwrap();
    }
    model
}

/// How far the paths may be apart: rounding of a unit in each of `layers` layers, and as much on the way back, some
/// units each.
struct Tolerance {
    relative: f64,
}

impl Tolerance {
    fn of(network: &Network) -> Self {
        Self { relative: 16.0 * f64::from(f32::EPSILON) * network.flat_layers().len() as f64 }
    }

    fn close(&self, what: &str, got: f64, want: f64, scale: f64) {
        let limit = self.relative * scale;
        assert!((got - want).abs() <= limit, "{what}: kernels {got}, candle {want} (limit {limit:e})");
    }

    /// How many of `n` values of size about 1 may lie on different sides of a threshold: few lie so near to it.
    fn strays(&self, n: u64) -> u64 {
        1 + (4.0 * self.relative * n as f64) as u64
    }

    fn tensors(&self, what: &str, got: &[f32], want: &[f64]) {
        assert_eq!(got.len(), want.len(), "{what}: length");
        let largest = want.iter().fold(0f64, |m, x| m.max(x.abs()));
        for (i, (&g, &w)) in got.iter().zip(want).enumerate() {
            // A gradient that vanishes by construction (a bias before batch norm) is noise of the terms' size.
            self.close(&format!("{what}[{i}]"), f64::from(g), w, largest.max(1e-2));
        }
    }

    fn sums(&self, what: &str, got: &Sums, want: &Sums) {
        assert_eq!(got.n, want.n, "{what}: number of values");
        // Σ|x| ≤ √(n·Σx²).
        self.close(&format!("{what}: sum"), got.sum, want.sum, (want.n as f64 * want.sum_of_squares).sqrt());
        self.close(&format!("{what}: squares"), got.sum_of_squares, want.sum_of_squares, 2.0 * want.sum_of_squares);
        // The kernels of our own on a GPU do not take these.
        if want.higher_n > 0 && got.higher_n > 0 {
            assert_eq!((got.higher_n, want.higher_n), (want.n, want.n), "{what}: number of higher values");
            let [cubes, fourths] = want.higher;
            // Σ|x³| ≤ √(Σx²·Σx⁴).
            let size = (want.sum_of_squares * fourths).sqrt();
            self.close(&format!("{what}: cubes"), got.higher[0], cubes, 3.0 * size);
            self.close(&format!("{what}: fourth powers"), got.higher[1], fourths, 4.0 * fourths);
        }
        let largest = f64::from(want.min.abs().max(want.max.abs()));
        if want.n > 0 {
            self.close(&format!("{what}: min"), f64::from(got.min), f64::from(want.min), largest);
            self.close(&format!("{what}: max"), f64::from(got.max), f64::from(want.max), largest);
        }
        let apart = got.near_zero.abs_diff(want.near_zero);
        assert!(apart <= self.strays(want.n), "{what}: near zero {} and {}", got.near_zero, want.near_zero);
    }

    fn observations(&self, about: &str, network: &Network, got: &[Observation], want: &[Observation]) {
        assert_eq!((got.len(), want.len()), (network.observed.len(), network.observed.len()), "{about}: observations");
        for ((got, want), observed) in got.iter().zip(want).zip(&network.observed) {
            let what = format!("{about}: {}", observed.name);
            self.sums(&format!("{what}: pre-activation"), &got.pre_activation, &want.pre_activation);
            assert!(got.pre_activation.kurtosis().is_some(), "{what}: kurtosis");
            self.sums(&format!("{what}: activation"), &got.activation, &want.activation);
            self.sums(&format!("{what}: gradient"), &got.gradient, &want.gradient);
            assert_eq!(got.live, want.live, "{what}: live units");
            let total = |counts: &[u64]| counts.iter().sum::<u64>();
            let moved: u64 = got.histogram.iter().zip(&want.histogram).map(|(g, w)| g.abs_diff(*w)).sum();
            assert_eq!(got.histogram.len(), OBSERVE.histogram_bins + 2, "{what}: bins");
            assert_eq!(total(&got.histogram), got.activation.n, "{what}: values in the histogram");
            let limit = 2 * got.histogram.len() as u64 * self.strays(want.activation.n);
            assert!(moved <= limit, "{what}: histograms {:?} and {:?}", got.histogram, want.histogram);
        }
    }

    fn observed(&self, about: &str, network: &Network, got: &Observed, want: &Observed) {
        let rows = want.loss.rows;
        assert_eq!((got.loss.rows, got.loss.correct), (rows, want.loss.correct), "{about}: rows and right answers");
        self.close(&format!("{about}: loss"), got.loss.loss, want.loss.loss, want.loss.loss.abs() + rows as f64);
        self.observations(about, network, &got.observations, &want.observations);
    }
}

/// The observations of a cohort's only run.
fn only(observed: Vec<Observed>) -> Observed {
    observed.into_iter().next().unwrap()
}

fn f64s(t: &Tensor) -> Vec<f64> {
    t.flatten_all().unwrap().to_vec1().unwrap()
}

#[test]
fn the_kernels_follow_candle_in_loss_gradients_and_statistics() {
    for (input, specs, loss) in nets().into_iter().chain([wide()]) {
        let network = Arc::new(Network::build(input, &specs, Activations::Fused).unwrap());
        let tolerance = Tolerance::of(&network);
        let (mut host, mut device) = (host(&network, 2), device(&network));
        // 200 rows make four shards; the second, smaller step finds buffers that are too large.
        for rows in [200, 70] {
            let about = format!("{rows} rows of {input} through {specs:?}");
            let batch = Batch::new(input, rows, network.output().len());
            assert_eq!(
                policy::shards(&network, rows),
                if policy::takes_whole_batch(&network) { 1 } else { rows.div_ceil(64) }
            );
            let got = host.forward_backward(rows, batch.fill(), batch.targets(), loss, &OBSERVE);
            let want = device.forward_backward(&batch.tensor(), batch.targets(), loss, &OBSERVE).unwrap();
            let want = only(want.observed);
            tolerance.observed(&about, &network, got, &want);
            for (i, param) in network.params.iter().enumerate() {
                let gradient = param.to_torch(&host.gradients_mut()[param.range()]);
                tolerance.tensors(
                    &format!("{about}: {}", param.name),
                    &gradient,
                    &f64s(&device.gradient(0, i).unwrap()),
                );
            }
            for (name, range) in &network.running {
                let want = &f64s(device.running().unwrap())[range.clone()];
                tolerance.tensors(&format!("{about}: {name}"), &host.running()[range.clone()], want);
            }
            assert_eq!(host.batches_seen(), device.batches_seen(), "{about}: batches seen");
        }
        let batch = Batch::new(input, 130, network.output().len());
        for training in [false, true] {
            let about = format!("evaluation, training {training}, of {specs:?}");
            let got = if training {
                host.forward_training(130, batch.fill(), batch.targets(), loss, &OBSERVE)
            } else {
                host.evaluate(130, batch.fill(), batch.targets(), loss, &OBSERVE)
            };
            let want = only(device.evaluate(&batch.tensor(), batch.targets(), loss, &OBSERVE, training).unwrap());
            tolerance.observed(&about, &network, got, &want);
        }
    }
}

/// Everything that a step leaves, as bits.
#[derive(Debug, PartialEq)]
struct Bits {
    gradients: Vec<u32>,
    running: Vec<u32>,
    loss: (u64, usize, usize),
    observations: Vec<Vec<u64>>,
}

fn bits(model: &mut CpuModel, observed: &Observed) -> Bits {
    let words = |values: &[f32]| values.iter().map(|x| x.to_bits()).collect();
    let sums = |s: &Sums| {
        let ends = [s.min, s.max].map(|x| u64::from(x.to_bits()));
        let higher = s.higher.map(f64::to_bits);
        [s.n, s.sum.to_bits(), s.sum_of_squares.to_bits(), ends[0], ends[1], s.near_zero, higher[0], higher[1]]
    };
    let observation = |w: &Observation| {
        let numbers = [&w.pre_activation, &w.activation, &w.gradient].into_iter().flat_map(sums);
        numbers.chain(w.live.iter().map(u64::from)).chain(w.histogram.iter().copied()).collect()
    };
    Bits {
        gradients: words(model.gradients_mut()),
        running: words(model.running()),
        loss: (observed.loss.loss.to_bits(), observed.loss.correct, observed.loss.rows),
        observations: observed.observations.iter().map(observation).collect(),
    }
}

fn step(model: &mut CpuModel, batch: &Batch, loss: Loss) -> Bits {
    let observed = model.forward_backward(batch.rows(), batch.fill(), batch.targets(), loss, &OBSERVE).clone();
    bits(model, &observed)
}

#[test]
fn no_bit_depends_on_the_number_of_threads_or_the_run() {
    for (input, specs, loss) in nets().into_iter().chain([wide()]) {
        let network = Arc::new(Network::build(input, &specs, Activations::Fused).unwrap());
        for rows in [1, 63, 65, 513] {
            let batch = Batch::new(input, rows, network.output().len());
            let one = step(&mut host(&network, 1), &batch, loss);
            for threads in [1, 2, 3] {
                let again = step(&mut host(&network, threads), &batch, loss);
                assert!(one == again, "{rows} rows of {input} with {threads} threads through {specs:?}");
            }
        }
    }
}

#[test]
fn no_bit_depends_on_the_steps_before() {
    for (input, specs, loss) in nets().into_iter().chain([wide()]) {
        let network = Arc::new(Network::build(input, &specs, Activations::Fused).unwrap());
        let mut used = host(&network, 2);
        let running = used.running().to_vec();
        for rows in [130, 1, 65, 257, 64] {
            let batch = Batch::new(input, rows, network.output().len());
            used.set_running(&running);
            let mut fresh = host(&network, 2);
            let (want, got) = (step(&mut fresh, &batch, loss), step(&mut used, &batch, loss));
            assert!(got == want, "{rows} rows of {input} after others through {specs:?}");
            // An evaluation between two steps leaves its own buffers behind.
            used.evaluate(rows, batch.fill(), batch.targets(), loss, &OBSERVE);
        }
    }
}

#[test]
fn a_trace_moves_the_running_estimates_as_a_step_on_the_same_rows() {
    let (input, specs) = (Shape::Flat(20), [linear(8), BATCH_NORM, TANH, linear(3)]);
    let network = Arc::new(Network::build(input, &specs, Activations::Fused).unwrap());
    let (large, small) = (Batch::new(input, 100, 3), Batch::new(input, 5, 3));
    let (mut stepped, mut traced) = (host(&network, 1), host(&network, 1));
    step(&mut stepped, &large, Loss::CrossEntropy);
    step(&mut traced, &large, Loss::CrossEntropy);
    step(&mut stepped, &small, Loss::CrossEntropy);
    traced.trace(&small.samples, small.targets(), Loss::CrossEntropy);
    assert_eq!(stepped.running(), traced.running());
}

#[test]
fn observing_changes_no_bit_of_the_gradients() {
    for (input, specs, loss) in nets() {
        let network = Arc::new(Network::build(input, &specs, Activations::Fused).unwrap());
        let batch = Batch::new(input, 130, network.output().len());
        let gradients = |observe: &Observe| {
            let mut model = host(&network, 2);
            model.forward_backward(batch.rows(), batch.fill(), batch.targets(), loss, observe);
            (model.gradients_mut().to_vec(), model.seen().loss)
        };
        assert!(gradients(&OBSERVE) == gradients(&Observe::default()), "{input} through {specs:?}");
    }
}

/// A run that diverged must not be able to hide behind a pool or a ReLU.
#[test]
fn a_nan_among_the_samples_reaches_the_loss_on_both_paths() {
    for (input, specs, loss) in nets() {
        let network = Arc::new(Network::build(input, &specs, Activations::Fused).unwrap());
        // The first value, one in the middle, and the last, which is never the first of a pool's window.
        for place in [0, input.len() / 2, input.len() - 1] {
            let mut batch = Batch::new(input, 3, network.output().len());
            batch.samples[input.len() + place] = f32::NAN;
            let mut kernels = host(&network, 1);
            let kernels = kernels.forward_backward(3, batch.fill(), batch.targets(), loss, &OBSERVE);
            let candle = device(&network).forward_backward(&batch.tensor(), batch.targets(), loss, &OBSERVE).unwrap();
            let candle = only(candle.observed);
            let about = format!("value {place} of {input} through {specs:?}");
            // Windows that do not fill an axis leave its last pixels out.
            assert!(kernels.loss.loss.is_nan() || place == input.len() - 1, "kernels: {about}");
            assert_eq!(candle.loss.loss.is_nan(), kernels.loss.loss.is_nan(), "candle: {about}");
            assert_eq!(candle.loss.correct, kernels.loss.correct, "right answers: {about}");
            for (observed, (got, want)) in
                network.observed.iter().zip(candle.observations.iter().zip(&kernels.observations))
            {
                let sums = |observation: &Observation| {
                    [observation.pre_activation, observation.activation, observation.gradient]
                };
                for (got, want) in sums(got).into_iter().zip(sums(want)) {
                    let nan = [want.has_nan(), want.min.is_nan(), want.max.is_nan()];
                    assert!(nan == [nan[0]; 3], "extremes of {}: {about}: {want:?}", observed.name);
                    assert_eq!([got.has_nan(), got.min.is_nan(), got.max.is_nan()], nan, "{}: {about}", observed.name);
                }
                let [got, want] = [got, want].map(dead_fraction);
                assert!(
                    got == want || got.is_nan() && want.is_nan(),
                    "dead {got} and {want}: {}: {about}",
                    observed.name
                );
            }
        }
    }
}
