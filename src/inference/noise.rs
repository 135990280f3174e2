//! The simple noise scale of a gradient (McCandlish et al. 2018, An Empirical Model of Large-Batch Training, eq. 2.9 and appendix A.1).
//!
//! A batch of B images is cut into S parts of n_s images; G_s is the mean gradient of a part, G_B that of the batch. With Σ the
//! covariance of one image's gradient among the N training images, and G their mean,
//!
//! tr Σ = E[Σ_s n_s|G_s|² − B|G_B|²] / (S − 1), and |G|² = E[|G_B|²] − tr Σ·(1/B − 1/N).
//!
//! With S equal parts this is the paper's pair of a small and a big batch. An epoch draws without replacement: hence 1/N, so that both
//! are exactly unbiased for the images at hand, and a batch of all images has no noise.

/// Estimates of one step, or their means over steps; each is unbiased, so that |G|² may come out below 0.
#[derive(Clone, Copy, Debug, Default, PartialEq)]
pub struct GradientNoise {
    /// tr Σ: variance of one image's gradient, over all its values.
    pub trace: f64,
    /// |G|²: squared length of the gradient of all training images.
    pub square: f64,
}

/// A batch and the parts it was cut into.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Cut {
    /// Number of parts; the noise needs 2.
    pub parts: usize,
    /// Images of the batch.
    pub batch: usize,
    /// Training images.
    pub all: usize,
}

impl GradientNoise {
    /// From `of_parts` = Σ_s n_s|G_s|² and `of_batch` = B|G_B|².
    pub fn of(of_parts: f64, of_batch: f64, cut: Cut) -> Self {
        let (batch, all) = (cut.batch as f64, cut.all as f64);
        let trace = (of_parts - of_batch) / (cut.parts as f64 - 1.0);
        Self { trace, square: of_batch / batch - trace * (1.0 / batch - 1.0 / all) }
    }

    /// The simple noise scale tr Σ/|G|², in images; absent where |G|² is not above 0.
    pub fn scale(&self) -> Option<f64> {
        Some(self.trace / self.square).filter(|scale| self.square > 0.0 && scale.is_finite())
    }

    /// The signal-to-noise ratio B·|G|²/tr Σ of a batch of so many images; absent where there is no noise.
    pub fn signal_to_noise(&self, images: usize) -> Option<f64> {
        Some(images as f64 * self.square / self.trace).filter(|ratio| self.trace > 0.0 && ratio.is_finite())
    }
}

/// A ratio of two means with its 95 % interval.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Ratio {
    /// The ratio of the means.
    pub value: f64,
    /// Lower end.
    pub low: f64,
    /// Upper end; infinite where the mean below may be 0.
    pub high: f64,
}

/// The noise scale of several steps: numerator and denominator are averaged apart, as the ratio of one step is biased (appendix A.1). The
/// interval is Fieller's (1954): all R for which the mean of tr Σ − R·|G|² is within 1.96 of its errors of 0.
pub fn scale_of(steps: &[GradientNoise]) -> Option<Ratio> {
    const Z: f64 = 1.959_963_984_540_054;
    let n = steps.len() as f64;
    let mean = |of: &dyn Fn(&GradientNoise) -> f64| steps.iter().map(of).sum::<f64>() / n;
    let (t, s) = (mean(&|step| step.trace), mean(&|step| step.square));
    if steps.len() < 2 || s <= 0.0 || t < 0.0 || !(t / s).is_finite() {
        return None;
    }
    let error = |of: &dyn Fn(&GradientNoise) -> f64| mean(of) / (n - 1.0) * Z * Z;
    let (tt, ss) = (error(&|step| (step.trace - t).powi(2)), error(&|step| (step.square - s).powi(2)));
    let ts = error(&|step| (step.trace - t) * (step.square - s));
    // (t − R·s)² = tt − 2R·ts + R²·ss.
    let (a, b, c) = (s * s - ss, t * s - ts, t * t - tt);
    let root = (b * b - a * c).max(0.0).sqrt();
    let value = t / s;
    if a <= 0.0 {
        let low = if b > 0.0 { c / (b + root) } else { 0.0 };
        return Some(Ratio { value, low: low.clamp(0.0, value), high: f64::INFINITY });
    }
    Some(Ratio { value, low: ((b - root) / a).max(0.0), high: (b + root) / a })
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Draws that are nearly normal: sums of twelve numbers from 0 to 1, less 6.
    fn normals(state: &mut u64, n: usize) -> Vec<f64> {
        let mut uniform = || {
            *state = state.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
            (*state >> 11) as f64 / (1u64 << 53) as f64
        };
        (0..n).map(|_| (0..12).map(|_| uniform()).sum::<f64>() - 6.0).collect()
    }

    /// Every cut of four gradients into two parts, of every pair and the whole: the means are tr Σ and |G|².
    #[test]
    fn estimates_are_unbiased_over_all_batches_without_replacement() {
        let gradients = [[1.0, 2.0], [0.5, -1.0], [3.0, 0.0], [-1.0, 4.0], [2.0, 2.0]];
        let mean =
            |rows: &[usize]| [0, 1].map(|d| rows.iter().map(|&i| gradients[i][d]).sum::<f64>() / rows.len() as f64);
        let square = |g: [f64; 2]| g[0] * g[0] + g[1] * g[1];
        let all = mean(&[0, 1, 2, 3, 4]);
        let trace: f64 = gradients.iter().map(|g| square([g[0] - all[0], g[1] - all[1]])).sum::<f64>() / 4.0;
        let (mut sum, mut batches) = (GradientNoise::default(), 0.0);
        for (a, b, c) in (0..125).map(|i| (i / 25, i / 5 % 5, i % 5)).filter(|(a, b, c)| a != b && b != c && a != c) {
            // Two parts of one image and of two.
            let of_parts = square(mean(&[a])) + 2.0 * square(mean(&[b, c]));
            let found = GradientNoise::of(of_parts, 3.0 * square(mean(&[a, b, c])), Cut { parts: 2, batch: 3, all: 5 });
            (sum.trace, sum.square, batches) = (sum.trace + found.trace, sum.square + found.square, batches + 1.0);
        }
        assert!((sum.trace / batches - trace).abs() < 1e-12 && (sum.square / batches - square(all)).abs() < 1e-12);
    }

    #[test]
    fn the_interval_holds_the_ratio_in_nineteen_of_twenty_samples() {
        let mut draws = 1;
        let inside = (0..2000).filter(|_| {
            let normals = normals(&mut draws, 60);
            let steps: Vec<GradientNoise> = normals
                .chunks(2)
                .map(|x| GradientNoise { trace: 8.0 + x[0], square: 2.0 + x[0] + 2.0 * x[1] })
                .collect();
            scale_of(&steps).is_some_and(|ratio| (ratio.low..=ratio.high).contains(&4.0))
        });
        let share = inside.count() as f64 / 2000.0;
        assert!((0.92..0.97).contains(&share), "{share}");
    }

    #[test]
    fn no_ratio_comes_of_a_gradient_that_is_lost_in_noise() {
        let step = |trace, square| GradientNoise { trace, square };
        assert_eq!(scale_of(&[step(1.0, -0.5), step(1.0, 0.2)]), None);
        assert_eq!(step(1.0, -0.5).scale(), None);
        let wide = scale_of(&[step(1.0, 1.0), step(1.0, -0.5)]).unwrap();
        assert!(wide.value == 4.0 && wide.low < 4.0 && wide.high.is_infinite(), "{wide:?}");
        assert_eq!(step(2.0, 0.5).signal_to_noise(8), Some(2.0));
    }
}
