//! The exact law of one input's length in a network of finite width: ReLU or linear layers without biases, Gaussian weights.
//!
//! Given the layer before it, a layer's n pre-activations are independent N(0, σ_w²·m), m being the mean square of its inputs. A ReLU
//! lets a number B ~ Bin(n, ½) of them through, so the mean square behind it is m·(σ_w²/n)·χ²_B, of a linear layer m·(σ_w²/n)·χ²_n, and
//! over layers these factors are independent (Hanin & Nica 2018, Burkholz & Dubatovka 2019). With B = 0 all is 0 from there on: the
//! network is dead for this input.
//!
//! The logarithm of a product is a sum, so its characteristic function is the product of the layers', which are known:
//! `E[(χ²_k)^{it}]` = 2^{it}·Γ(k/2 + it)/Γ(k/2). The distribution function follows by the midpoint rule on Gil-Pelaez' integral, which
//! is exact but for what lies further from the point than 2π over the step: the step is chosen by Chernoff's bound so that this has a
//! probability below e⁻⁴⁰. What is left is rounding, about 1e-13 of probability; an independent computation agrees to 1e-9
//! (`tests/reference/norm_law.json`).

use std::collections::BTreeMap;
use std::f64::consts::PI;

use crate::theory::complex::Complex;

/// Logarithm of a probability that counts as none.
const NEGLIGIBLE: f64 = 40.0;
/// Binomial weights below this are left out.
const LEAST_WEIGHT: f64 = 1e-20;
/// Size of a characteristic function below which its integral ends.
const LEAST_SIZE: f64 = 1e-18;
/// Points of the integral at most: those of a single unit need about 300, and every added layer or unit needs fewer.
const MOST_POINTS: usize = 1 << 16;

/// A layer without bias and with independent Gaussian weights.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct NormStep {
    /// σ_w² = fan_in·Var(w).
    pub variance_w: f64,
    /// Units, at least 1.
    pub width: usize,
    /// True if a ReLU follows, false if nothing does.
    pub rectified: bool,
}

/// The law of the mean square behind some layers, over that before them.
#[derive(Clone, Debug)]
pub struct NormLaw {
    dead: f64,
    /// Between these logarithms all lies that is not dead, but for a probability of e⁻⁴⁰.
    ends: (f64, f64),
    /// φ(t)/(j + ½) at t = (j + ½)·`step`, φ being the characteristic function of the logarithm where the network lives.
    points: Vec<Complex>,
    step: f64,
}

impl NormLaw {
    /// The law behind `steps`, one after the other.
    ///
    /// # Panics
    /// There is no step, a width is 0, or a variance is not finite and above 0.
    pub fn new(steps: &[NormStep]) -> Self {
        assert!(!steps.is_empty(), "a law needs at least one layer");
        let layers = distinct(steps);
        let ends = ends(&layers);
        let step = 2.0 * PI / (ends.1 - ends.0);
        let mut points = Vec::new();
        let least = LEAST_SIZE * (1.0 - dead(steps));
        for j in 0..MOST_POINTS {
            let place = j as f64 + 0.5;
            let t = place * step;
            let value = layers.iter().fold(Complex::new(1.0, 0.0), |product, (layer, times)| {
                product * layer.characteristic(t).power(*times)
            });
            points.push(value.times(1.0 / place));
            // The characteristic function's size falls with t.
            if value.square() <= least * least {
                break;
            }
        }
        Self { dead: dead(steps), ends, points, step }
    }

    /// Probability that all is 0: the network is dead for its input.
    pub fn dead(&self) -> f64 {
        self.dead
    }

    /// Probability that the mean square is at most `ratio` times that of the input.
    pub fn at_most(&self, ratio: f64) -> f64 {
        if ratio < 0.0 {
            return 0.0;
        }
        self.dead + self.living_below(ratio.ln())
    }

    /// The ratio that a share `p` of networks does not exceed; 0 where the dead alone are that many.
    pub fn quantile(&self, p: f64) -> f64 {
        if p <= self.dead {
            return 0.0;
        }
        let (mut low, mut high) = self.ends;
        for _ in 0..64 {
            let middle = 0.5 * (low + high);
            if self.dead + self.living_below(middle) < p { low = middle } else { high = middle }
        }
        (0.5 * (low + high)).exp()
    }

    /// The ratios between which a share `confidence` of networks lies, with as many below as above.
    pub fn interval(&self, confidence: f64) -> (f64, f64) {
        let outside = 0.5 * (1.0 - confidence);
        (self.quantile(outside), self.quantile(1.0 - outside))
    }

    /// Probability of a living network whose logarithm is below `y`.
    fn living_below(&self, y: f64) -> f64 {
        let living = 1.0 - self.dead;
        if y <= self.ends.0 {
            return 0.0;
        }
        if y >= self.ends.1 {
            return living;
        }
        // Sines and cosines one by one: rotations in a row would lose digits over thousands of points.
        let sum: f64 = self
            .points
            .iter()
            .enumerate()
            .map(|(j, point)| {
                let (sin, cos) = ((j as f64 + 0.5) * self.step * y).sin_cos();
                point.im * cos - point.re * sin
            })
            .sum();
        (0.5 * living - sum / PI).clamp(0.0, living)
    }
}

/// Probability that a network of these layers is dead for one input: some layer lets nothing through, 1 − Π(1 − 2⁻ⁿ) (Lu et al. 2020,
/// theorem 3.3).
pub fn dead(steps: &[NormStep]) -> f64 {
    let rectified = steps.iter().filter(|step| step.rectified);
    let log_living: f64 = rectified.map(|step| (-dead_layer(step.width)).ln_1p()).sum();
    log_living.exp_m1().abs()
}

/// Probability that a ReLU layer of `width` units, without biases and with symmetric weights, lets nothing of one input through: 2⁻ⁿ.
pub fn dead_layer(width: usize) -> f64 {
    0.5f64.powi(i32::try_from(width).unwrap_or(i32::MAX))
}

/// A layer as a mixture: χ² of so many degrees of freedom, each with its weight, times a scale.
struct Mixture {
    /// ln(2σ_w²/n): the 2 is that of `E[(χ²_k)^s]`.
    log_scale: f64,
    /// The least degrees of freedom.
    first: usize,
    /// Weights of `first`, `first` + 1, … degrees; they sum to the probability that the layer lives.
    weights: Vec<f64>,
}

impl Mixture {
    fn of(step: &NormStep) -> Self {
        let NormStep { variance_w, width: n, rectified } = *step;
        assert!(n > 0, "a layer has at least one unit");
        assert!(variance_w > 0.0 && variance_w.is_finite(), "a weight variance is finite and above 0");
        let log_scale = (2.0 * variance_w / n as f64).ln();
        if !rectified {
            return Self { log_scale, first: n, weights: vec![1.0] };
        }
        // From the middle outwards by ratios, which keeps every digit.
        let middle = n.div_ceil(2);
        let mut weights = BTreeMap::from([(middle, 1.0)]);
        let mut weight = 1.0;
        for k in middle..n {
            weight *= (n - k) as f64 / (k + 1) as f64;
            weights.insert(k + 1, weight);
        }
        weight = 1.0;
        for k in (1..=middle).rev() {
            weight *= k as f64 / (n - k + 1) as f64;
            weights.insert(k - 1, weight);
        }
        let sum: f64 = weights.values().sum();
        weights.remove(&0);
        weights.retain(|_, weight| *weight >= LEAST_WEIGHT * sum);
        let first = *weights.keys().next().expect("the middle stays");
        Self { log_scale, first, weights: weights.into_values().map(|weight| weight / sum).collect() }
    }

    /// `E[X^{it}]` where X is not 0.
    fn characteristic(&self, t: f64) -> Complex {
        let turned = Complex::new(0.0, self.log_scale * t).exp();
        // Γ(k/2 + it)/Γ(k/2) for the first two degrees; the others follow by Γ(z + 1) = z·Γ(z).
        let of = |k: usize| {
            let half = 0.5 * k as f64;
            (Complex::new(half, t).ln_gamma() - Complex::new(half, 0.0).ln_gamma()).exp()
        };
        let mut ratios = [of(self.first), of(self.first + 1)];
        let mut sum = Complex::default();
        for (i, weight) in self.weights.iter().enumerate() {
            let ratio = &mut ratios[i % 2];
            sum = sum + ratio.times(*weight);
            let half = 0.5 * (self.first + i) as f64;
            *ratio = *ratio * Complex::new(1.0, t / half);
        }
        sum * turned
    }

    /// ln `E[X^s]` where X is not 0, for s above −`first`/2.
    fn log_moment(&self, s: f64) -> f64 {
        let term = |(i, weight): (usize, &f64)| {
            let half = 0.5 * (self.first + i) as f64;
            weight.ln() + libm::lgamma(half + s) - libm::lgamma(half)
        };
        let terms: Vec<f64> = self.weights.iter().enumerate().map(term).collect();
        let largest = terms.iter().copied().fold(f64::NEG_INFINITY, f64::max);
        s * self.log_scale + largest + terms.iter().map(|term| (term - largest).exp()).sum::<f64>().ln()
    }
}

/// The layers' mixtures, each with the number of layers that share it.
fn distinct(steps: &[NormStep]) -> Vec<(Mixture, usize)> {
    let mut counted: Vec<(&NormStep, usize)> = Vec::new();
    for step in steps {
        match counted.iter_mut().find(|(known, _)| *known == step) {
            Some((_, times)) => *times += 1,
            None => counted.push((step, 1)),
        }
    }
    counted.into_iter().map(|(step, times)| (Mixture::of(step), times)).collect()
}

/// Logarithms beyond which a living network's ratio lies with a probability below e^−[`NEGLIGIBLE`] on each side: P(Y > y) ≤
/// `E[e^{sY}]`·e^{−sy} for every s.
fn ends(layers: &[(Mixture, usize)]) -> (f64, f64) {
    let log_moment = |s: f64| layers.iter().map(|(layer, times)| *times as f64 * layer.log_moment(s)).sum::<f64>();
    // Of those that live, however few these are.
    let living = log_moment(0.0);
    let bound = |s: f64| (log_moment(s) - living + NEGLIGIBLE) / s;
    let powers = || (-12..24).map(|i| 2f64.powf(0.5 * f64::from(i)));
    let high = powers().map(bound).fold(f64::INFINITY, f64::min);
    // A moment of the inverse exists up to half the least degrees of freedom.
    let most = 0.48 * layers.iter().map(|(layer, _)| layer.first).min().unwrap_or(1) as f64;
    let low = powers().filter(|s| *s < most).chain([most]).map(|s| bound(-s)).fold(f64::NEG_INFINITY, f64::max);
    (low, high)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::rng::{rng, standard_normals};

    fn relu(width: usize, depth: usize) -> Vec<NormStep> {
        vec![NormStep { variance_w: 2.0, width, rectified: true }; depth]
    }

    #[test]
    fn it_is_that_of_an_independent_computation() {
        let all: serde_json::Value =
            serde_json::from_str(include_str!("../../tests/reference/norm_law.json")).expect("valid JSON");
        for case in all.as_array().expect("a list") {
            let number = |key: &str| case[key].as_f64().expect("a number");
            let mut steps = relu(number("width") as usize, number("depth") as usize);
            let output = number("output") as usize;
            steps.extend((output > 0).then_some(NormStep { variance_w: 2.0, width: output, rectified: false }));
            let law = NormLaw::new(&steps);
            assert!((law.dead() - number("dead")).abs() < 1e-14, "{case}");
            for pair in case["at_most"].as_array().expect("a list") {
                let (ratio, share) = (pair[0].as_f64().expect("a ratio"), pair[1].as_f64().expect("a share"));
                let found = law.at_most(ratio);
                assert!((found - share).abs() < 1e-9, "{case}: at {ratio} {found}");
                if share > law.dead() + 1e-3 && share < 0.9995 {
                    assert!((law.quantile(share) / ratio - 1.0).abs() < 1e-5, "{case}: {share}");
                }
            }
        }
    }

    #[test]
    fn two_units_have_the_law_in_closed_form() {
        // One unit alive: χ²₁, both: χ²₂, whose distribution functions are erf(√(x/2)) and 1 − e^{−x/2}.
        let law = NormLaw::new(&relu(2, 1));
        for x in [1e-6f64, 0.01, 0.4, 2.0, 9.0] {
            let exact = 0.25 + 0.5 * libm::erf((0.5 * x).sqrt()) + 0.25 * -(-0.5 * x).exp_m1();
            assert!((law.at_most(x) - exact).abs() < 1e-12, "{x}: {} {exact}", law.at_most(x));
        }
        assert_eq!((law.at_most(-1.0), law.quantile(0.2)), (0.0, 0.0));
        assert!((law.at_most(0.0) - 0.25).abs() < 1e-15);
    }

    #[test]
    fn simulated_networks_follow_it() {
        const NETS: usize = 4000;
        for (width, depth) in [(3, 4), (20, 10), (100, 5)] {
            let law = NormLaw::new(&relu(width, depth));
            let mut draws = rng(5, &format!("norm law {width} {depth}"));
            let mut one = || {
                (0..depth).fold(1.0, |m, _| {
                    let z = standard_normals(&mut draws, width);
                    2.0 * m * z.iter().filter(|z| **z > 0.0).map(|z| z * z).sum::<f64>() / width as f64
                })
            };
            let found: Vec<f64> = (0..NETS).map(|_| one()).collect();
            for p in [0.01, 0.1, 0.5, 0.9, 0.99] {
                let at = law.quantile(p);
                let (share, expected) =
                    (found.iter().filter(|x| **x <= at).count() as f64 / NETS as f64, law.at_most(at));
                let error = (expected * (1.0 - expected) / NETS as f64).sqrt();
                assert!((share - expected).abs() < 4.5 * error, "{width} {depth} {p}: {share} {expected}");
            }
        }
    }

    #[test]
    fn the_dead_are_counted_layer_by_layer() {
        for (width, share) in [(2, 0.924_915), (3, 0.699_338), (5, 0.248_545), (10, 0.008_755)] {
            assert!((dead(&relu(width, 9)) - share).abs() < 1e-5, "{width}: {}", dead(&relu(width, 9)));
        }
        assert_eq!((dead_layer(1), dead_layer(2000)), (0.5, 0.0));
    }

    #[test]
    fn wide_layers_have_the_log_normal_band_and_narrow_ones_do_not() {
        use crate::theory::finite_width::LogNormalBand;
        for (width, depth, close) in [(2000, 10, true), (10, 10, false)] {
            let exact = NormLaw::new(&relu(width, depth)).interval(0.999);
            let band = LogNormalBand::of_kept_length(5.0, &vec![width; depth]).interval(0.999);
            let off = (exact.0 / band.0).ln().abs().max((exact.1 / band.1).ln().abs());
            assert_eq!(off < 0.05 * band.1.ln(), close, "{width} {depth}: {exact:?} {band:?}");
        }
    }
}
