//! Hanin & Nica 2018, Burkholz & Dubatovka 2019: the exact law of one input's length, and where the normal law fails.

use rayon::prelude::*;

use super::chain::{Chain, length};
use super::figure::{CONFIDENCE, Claim, Figure, Measured};
use super::outcome::Outcome;
use super::setting::Setting;
use crate::activation::normal_cdf;
use crate::inference::kolmogorov::kolmogorov_p;
use crate::inference::spread::sorted;
use crate::init::{BiasInit, FanMode, Gain, InitRule, WeightInit};
use crate::model::cpu::CpuModel;
use crate::rng::{rng, standard_normals};
use crate::theory::finite_width::LogNormalBand;
use crate::theory::norm_law::{NormLaw, NormStep};
use crate::train::TrainError;

/// Width and depth of each case.
const CASES: [(usize, usize); 7] = [(5, 1), (5, 10), (10, 3), (10, 20), (30, 10), (50, 5), (100, 2)];
/// Distance between the exact and the normal law from which on thousands of networks show that the normal one is not theirs.
const APART: f64 = 0.05;
/// Parts of a case's seeds that are tested one by one, to see how p-values spread.
const REPETITIONS: usize = 100;

const KAIMING: InitRule = InitRule {
    weight: WeightInit::KaimingNormal { mode: FanMode::FanIn, gain: Gain::Given(std::f64::consts::SQRT_2) },
    bias: BiasInit::Zeros,
};

pub(super) fn parts(_: usize) -> usize {
    CASES.len()
}

/// Tests of the lengths of every case.
pub(super) fn replay(setting: &Setting<'_>) -> Result<Outcome, TrainError> {
    let mut figures = Vec::new();
    let mut p_values = Vec::new();
    for (width, depth) in CASES {
        let lengths = lengths(width, depth, setting.seeds);
        let law = NormLaw::new(&vec![NormStep { variance_w: 2.0, width, rectified: true }; depth]);
        figures.extend(of_case(
            &format!("{width} units, {depth} layer{}", if depth == 1 { "" } else { "s" }),
            width,
            depth,
            &lengths,
            &law,
        ));
        let repetition = |part: &[f64]| living_p(part, &law);
        p_values.extend(lengths.chunks(setting.seeds.div_ceil(REPETITIONS).max(1)).map(repetition));
        (setting.done)();
    }
    let p_values = sorted(&p_values);
    let even = kolmogorov_p(&p_values, |p| p.clamp(0.0, 1.0));
    let even = Measured::PValue { p: even, of: p_values.len() };
    figures.push(Figure::claimed("p-values of 100 parts of each case are even", even, Claim::Agrees));
    Ok(Outcome { figures, table: None })
}

/// Mean squares behind the last layer of `seeds` networks, over that of the input.
fn lengths(width: usize, depth: usize, seeds: usize) -> Vec<f64> {
    let chain = Chain { inputs: width, width, depth, bias: false };
    let name = format!("exact-norm/{width}/{depth}");
    let one = |model: &mut CpuModel, seed: u64| {
        let input = standard_normals(&mut rng(seed, "papers/exact-norm/input"), width);
        let input: Vec<f32> = input.into_iter().map(|x| x as f32).collect();
        length(model, KAIMING, (seed, &name), &input)
    };
    (0..seeds as u64).into_par_iter().map_init(|| chain.model(), one).collect()
}

fn of_case(name: &str, width: usize, depth: usize, lengths: &[f64], law: &NormLaw) -> Vec<Figure> {
    let seeds = lengths.len();
    let living: Vec<f64> = sorted(lengths).into_iter().filter(|x| *x > 0.0).collect();
    let band = LogNormalBand::of_kept_length(5.0, &vec![width; depth]);
    let normal = |x: f64| normal_cdf((x.ln() - band.drift) / band.variance.sqrt());
    let within = |(low, high): (f64, f64)| {
        let hits = lengths.iter().filter(|x| (low..=high).contains(*x)).count();
        Measured::Share { hits, of: seeds }
    };
    let exact = law.interval(CONFIDENCE);
    // Where more are dead than a tail holds, no network is below the band.
    let expected = law.at_most(exact.1) - if exact.0 > 0.0 { law.at_most(exact.0) } else { 0.0 };
    let tested = |p| Measured::PValue { p, of: living.len() };
    let fails = if apart(law, normal) > APART { Claim::Rejected } else { Claim::Shown };
    let mut figures = vec![
        Figure::claimed(format!("{name}: exact law, p"), tested(living_p(lengths, law)), Claim::Agrees),
        Figure::claimed(format!("{name}: normal law, p"), tested(kolmogorov_p(&living, normal)), fails),
        Figure::exact(format!("{name}: inside the exact band"), expected, within(exact)),
        Figure::shown(format!("{name}: inside the normal band"), within(band.interval(CONFIDENCE))),
    ];
    if law.dead() * seeds as f64 > 1.0 {
        let dead = Measured::Share { hits: seeds - living.len(), of: seeds };
        figures.push(Figure::exact(format!("{name}: dead"), law.dead(), dead));
    }
    figures
}

/// Largest distance between the law of those that live and `normal`, over the quantiles in steps of 1/200.
fn apart(law: &NormLaw, normal: impl Fn(f64) -> f64) -> f64 {
    let quantile = |i: u32| f64::from(i) / 200.0;
    let distance = |share: f64| (normal(law.quantile(law.dead() + share * (1.0 - law.dead()))) - share).abs();
    (1..200).map(quantile).map(distance).fold(0.0, f64::max)
}

/// Kolmogorov's p of those that live against the law given that they do.
fn living_p(lengths: &[f64], law: &NormLaw) -> f64 {
    let living: Vec<f64> = sorted(lengths).into_iter().filter(|x| *x > 0.0).collect();
    kolmogorov_p(&living, |x| (law.at_most(x) - law.dead()) / (1.0 - law.dead()))
}
