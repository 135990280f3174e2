//! The kernels alone, on a shard of 64 images: `cargo bench --bench kernels [-- FILTER]`.

use std::path::Path;

use divan::counter::ItemsCount;
use divan::{Bencher, black_box};
use initlab::activation::Activation;
use initlab::cpu::activation::{self, Observation, ObserveSettings, Scratch};
use initlab::cpu::buffer::Buffer;
use initlab::cpu::conv::{ConvPlan, ConvShape};
use initlab::cpu::gemm::{Matrix, matmul};
use initlab::cpu::histogram;
use initlab::cpu::live::{LiveUnits, mark_live};
use initlab::cpu::update;
use initlab::record::csv::CsvFile;
use initlab::record::layers::{LayerFile, LayerRow, header};

fn main() {
    divan::main();
}

/// Images of a shard.
const IMAGES: usize = 64;

/// The lesson's convolutions: input size, channels in and out, kernel; stride 2.
const CONVOLUTIONS: [(usize, usize, usize, usize); 4] = [(28, 1, 8, 5), (14, 8, 16, 3), (7, 16, 32, 3), (4, 32, 32, 3)];

fn wave(n: usize) -> Buffer {
    Buffer::from(&*(0..n).map(|i| (i as f32 * 0.37).sin()).collect::<Vec<_>>())
}

struct Convolution {
    plan: ConvPlan,
    padded: Buffer,
    images: Buffer,
    weights: Buffer,
    outputs: Buffer,
    multiplications: usize,
}

impl Convolution {
    fn new((size, in_channels, out_channels, kernel): (usize, usize, usize, usize)) -> Self {
        let (stride, padding) = (2, kernel / 2);
        let output = [(size + 2 * padding - kernel) / stride + 1; 2];
        let (kernel, input) = ([kernel; 2], [size; 2]);
        let shape = ConvShape { in_channels, out_channels, kernel, stride, padding, input, output };
        let plan = ConvPlan::new(&shape);
        let images = wave(IMAGES * shape.input_len());
        let mut padded = Buffer::zeros(IMAGES * plan.padded_len());
        plan.pad(&images, &mut padded);
        let weights = wave(out_channels * shape.patch());
        let outputs = wave(IMAGES * shape.windows() * out_channels);
        let multiplications = outputs.len() * shape.patch();
        Self { plan, padded, images, weights, outputs, multiplications }
    }
}

/// Items are multiplications with their additions.
#[divan::bench(args = CONVOLUTIONS)]
fn conv_forward(bencher: Bencher, geometry: (usize, usize, usize, usize)) {
    let mut c = Convolution::new(geometry);
    bencher
        .counter(ItemsCount::new(c.multiplications))
        .bench_local(|| c.plan.forward(black_box(&c.padded), &c.weights, &mut c.outputs));
}

#[divan::bench(args = CONVOLUTIONS)]
fn conv_weight_gradient(bencher: Bencher, geometry: (usize, usize, usize, usize)) {
    let mut c = Convolution::new(geometry);
    bencher
        .counter(ItemsCount::new(c.multiplications))
        .bench_local(|| c.plan.weight_gradient(black_box(&c.padded), &c.outputs, 0, &mut c.weights));
}

#[divan::bench(args = CONVOLUTIONS)]
fn conv_input_gradient(bencher: Bencher, geometry: (usize, usize, usize, usize)) {
    let (mut c, mut spread) = (Convolution::new(geometry), Buffer::default());
    bencher
        .counter(ItemsCount::new(c.multiplications))
        .bench_local(|| c.plan.input_gradient(black_box(&c.outputs), &c.weights, &mut spread, &mut c.images));
}

/// Rows, columns and terms of the products of a linear layer.
#[divan::bench(args = [(64, 100, 100), (64, 50, 784), (256, 1024, 1024)])]
fn product(bencher: Bencher, (m, n, k): (usize, usize, usize)) {
    let (a, b, mut out) = (wave(m * k), wave(n * k), wave(m * n));
    bencher.counter(ItemsCount::new(m * n * k)).bench_local(|| {
        matmul(&mut out, Matrix::new(black_box(&a), m, k), Matrix::new(&b, k, n), false, 1);
    });
}

/// Values of the first layer of the lesson's CNN, with their eight channels.
const VALUES: usize = IMAGES * 14 * 14 * 8;
const SETTINGS: ObserveSettings =
    ObserveSettings { near_zero: 0.05, gradient_near_zero: 1e-8, histogram_range: (-7.0, 7.0), higher: false };

/// Of a convolution and a linear layer with as many units. Items are values.
#[divan::bench(args = [(VALUES, 8, false), (VALUES, 8, true), (IMAGES * 100, 100, false), (IMAGES * 100, 100, true)])]
fn relu_forward(bencher: Bencher, (len, units, observed): (usize, usize, bool)) {
    let (mut z, bias, mut scratch) = (wave(len), wave(units), Scratch::default());
    let mut observation = Observation { live: LiveUnits::none(units), ..Observation::default() };
    bencher.counter(ItemsCount::new(len)).bench_local(|| {
        let observation = observed.then_some((&mut observation, &SETTINGS));
        activation::forward(Activation::Relu, black_box(&mut z), None, units, Some(&bias), observation, &mut scratch);
    });
}

#[divan::bench(args = [false, true])]
fn relu_backward(bencher: Bencher, observed: bool) {
    let (mut gradient, h, mut scratch) = (wave(VALUES), wave(VALUES), Scratch::default());
    let (mut observation, mut bias) = (Observation::default(), [0.0; 8]);
    bencher.counter(ItemsCount::new(VALUES)).bench_local(|| {
        let observation = observed.then_some((&mut observation, &SETTINGS));
        activation::backward(
            Activation::Relu,
            black_box(&mut gradient),
            &h,
            8,
            Some(&mut bias),
            observation,
            &mut scratch,
        );
    });
}

/// Of any values, and of a ReLU's, as many as a convolution and a linear layer have.
#[divan::bench(args = [(VALUES, false), (VALUES, true), (IMAGES * 100, true)])]
fn histogram(bencher: Bencher, (len, rectified): (usize, bool)) {
    let (mut values, mut counts) = (wave(len), vec![0; 66]);
    if rectified {
        values.iter_mut().for_each(|x| *x = x.max(0.0));
    }
    bencher
        .counter(ItemsCount::new(len))
        .bench_local(|| histogram::histogram(&mut counts, black_box(&values), -7.0, 7.0));
}

/// A hundred units, of which every fourth is dead.
#[divan::bench]
fn dead_units(bencher: Bencher) {
    let (mut z, mut live) = (wave(IMAGES * 100), LiveUnits::none(100));
    let mut scratch = Buffer::default();
    z.iter_mut().enumerate().filter(|(i, _)| i % 4 == 0).for_each(|(_, z)| *z = -1.0);
    bencher.counter(ItemsCount::new(z.len())).bench_local(|| {
        live.reset(100);
        mark_live(&mut live, black_box(&z), 0.0, f32::INFINITY, &mut scratch);
    });
}

/// Lines of `layers.csv`, with what makes text of them; items are lines.
#[divan::bench]
fn layer_rows(bencher: Bencher) {
    let mut observation = Observation { live: std::iter::repeat_n(true, 100).collect(), ..Observation::default() };
    let csv = CsvFile::create(Path::new("/dev/null"), &header()).expect("it takes everything");
    let mut file = LayerFile::new(csv, vec!["linear12".into()]);
    let mut z = wave(VALUES);
    activation::forward(
        Activation::Relu,
        &mut z,
        None,
        100,
        None,
        Some((&mut observation, &SETTINGS)),
        &mut Scratch::default(),
    );
    observation.gradient = observation.pre_activation;
    let steps = 1000..2000;
    bencher.counter(ItemsCount::new(steps.end - steps.start)).bench_local(|| {
        for step in steps.clone() {
            let norms = Some([black_box(1.234), 0.0567, 8.9e-4]);
            file.push(&LayerRow { step, phase: "train", layer: 0, observation: black_box(&observation), norms })
                .expect("it takes all");
        }
    });
}

/// Items are values.
#[divan::bench(args = [2048, 2000, 100])]
fn sum_of_squares(bencher: Bencher, len: usize) {
    let values = wave(len);
    bencher.counter(ItemsCount::new(len)).bench_local(|| update::sum_of_squares(black_box(&values)));
}
