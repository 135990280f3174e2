//! Gradient descent on slices, and sums over gradients.

use std::ops::Range;

use super::simd::{Kernel, LANES, Vector, vectorised_widely};

dispatch! {
    /// SGD without momentum or decay: p −= lr·g. The gradient stays, which saves writing it.
    pub fn descend(parameters: &mut [f32], gradient: &[f32], lr: f32) {
        parameters.iter_mut().zip(gradient).for_each(|(p, &g)| *p -= lr * g);
    }
}

/// [`descend`], and Σp² of the parameters before it.
pub fn descend_and_measure(parameters: &mut [f32], gradient: &[f32], lr: f32) -> f64 {
    assert_eq!(parameters.len(), gradient.len(), "each parameter has a gradient");
    let mut sums = [[0.0; LANES]; CHAINS];
    vectorised_widely(Descend { parameters, gradient, lr, sums: &mut sums });
    sums.iter().flatten().sum()
}

/// Sums side by side, so that none waits for the one before.
const CHAINS: usize = 4;

struct Descend<'a> {
    parameters: &'a mut [f32],
    gradient: &'a [f32],
    lr: f32,
    sums: &'a mut [[f64; LANES]; CHAINS],
}

impl Kernel for Descend<'_> {
    #[inline(always)]
    fn run<V: Vector>(mut self) {
        let len = self.parameters.len();
        let whole = len - len % (CHAINS * V::LANES);
        self.sweep::<V, CHAINS>(0..whole);
        self.sweep::<[f32; 1], 1>(whole..len);
    }
}

impl Descend<'_> {
    /// Values `range`, a whole number of times `N` vectors. Squares go to `f64` at once: the loop waits for memory anyway, and what a
    /// square in `f32` might lose could not be summed again.
    #[inline(always)]
    fn sweep<V: Vector, const N: usize>(&mut self, range: Range<usize>) {
        let (p, g, lr) = (self.parameters.as_mut_ptr(), self.gradient.as_ptr(), V::splat(self.lr));
        let mut sums = *self.sums;
        for first in range.step_by(N * V::LANES) {
            for (n, sums) in sums.iter_mut().take(N).enumerate() {
                let i = first + n * V::LANES;
                // SAFETY: `range` is a whole number of such steps within both slices.
                unsafe {
                    let before = V::load(p.add(i));
                    before.add_square_to(sums);
                    before.sub(lr.mul(V::load(g.add(i)))).store(p.add(i));
                }
            }
        }
        *self.sums = sums;
    }
}

dispatch! {
    /// total += part.
    pub fn accumulate(total: &mut [f32], part: &[f32]) {
        total.iter_mut().zip(part).for_each(|(t, &p)| *t += p);
    }
}

dispatch! {
    /// values ·= factor.
    pub fn scale(values: &mut [f32], factor: f32) {
        values.iter_mut().for_each(|v| *v *= factor);
    }
}

/// Σx². At most ten additions are in `f32`, the others in `f64`; all are where a square might leave the range of `f32`.
pub fn sum_of_squares(values: &[f32]) -> f64 {
    let mut sum = 0.0;
    vectorised_widely(Squares { values, sum: &mut sum });
    if (1e-20..1e30).contains(&sum) { sum } else { wide_sum_of_squares(values) }
}

struct Squares<'a> {
    values: &'a [f32],
    sum: &'a mut f64,
}

impl Kernel for Squares<'_> {
    #[inline(always)]
    fn run<V: Vector>(self) {
        /// Sums side by side, and how many squares each takes before it goes into `f64`.
        const SUMS: usize = 4;
        const CHAIN: usize = 8;
        let mut sums = [0.0; LANES];
        let chunks = self.values.chunks_exact(SUMS * CHAIN * V::LANES);
        let rest = chunks.remainder();
        for chunk in chunks {
            let mut chains = [V::splat(0.0); SUMS];
            for vectors in chunk.chunks_exact(SUMS * V::LANES) {
                for (i, chain) in chains.iter_mut().enumerate() {
                    // SAFETY: `SUMS` vectors are as long as a chunk of them.
                    let x = unsafe { V::load(vectors.as_ptr().add(i * V::LANES)) };
                    *chain = x.mul_add(x, *chain);
                }
            }
            chains[0].add(chains[1]).add(chains[2].add(chains[3])).add_to(&mut sums);
        }
        let rest = if rest.is_empty() { 0.0 } else { wide_sum_of_squares(rest) };
        *self.sum = sums.iter().sum::<f64>() + rest;
    }
}

dispatch! {
    /// Σx² in `f64`, in so many running sums that none waits for the one before.
    fn wide_sum_of_squares(values: &[f32]) -> f64 {
        const SUMS: usize = 32;
        let mut sums = [0f64; SUMS];
        let (chunks, rest) = values.as_chunks::<SUMS>();
        for chunk in chunks {
            sums.iter_mut().zip(chunk).for_each(|(s, &x)| *s += f64::from(x) * f64::from(x));
        }
        sums.iter_mut().zip(rest).for_each(|(s, &x)| *s += f64::from(x) * f64::from(x));
        sums.iter().sum()
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::cpu::simd::tests::with_every_form;

    #[test]
    fn sums_of_squares_are_those_of_the_definition_for_every_size_of_value() {
        for (n, scale) in [(0, 1.0), (7, 1.0), (1037, 1.0), (1037, 1e-30), (1037, 1e25), (5000, 1e-9)] {
            let values: Vec<f32> = (0..n).map(|i| scale * (i as f32).sin()).collect();
            let want: f64 = values.iter().map(|&x| f64::from(x).powi(2)).sum();
            with_every_form(|| {
                let found = sum_of_squares(&values);
                assert!((found - want).abs() <= 1e-6 * want, "{n} values of about {scale}: {found}, expected {want}");
            });
        }
        with_every_form(|| assert!(!sum_of_squares(&[1.0, f32::NAN]).is_finite()));
        with_every_form(|| assert!(!sum_of_squares(&[f32::INFINITY; 600]).is_finite()));
    }
}
