//! Dropout (Srivastava et al. 2014), inverted: in training a value is kept with probability 1 − p and then divided by it, so
//! that its expectation stays; elsewhere nothing happens.
//!
//! Whether a value is kept depends on the run's seed, the layer's name, the step and the value's place in the batch alone.
//! Threads, shards and the other runs of a cohort change no mask, and a step that is repeated has the same one again.

use candle_core::Tensor;

use crate::cpu::buffer::Buffer;
use crate::model::cpu::pass::{Back, Pass, State};
use crate::model::device::pass::{self as device, At, Gradient, Kept, Trace};
use crate::model::device::prepared::Prepared;
use crate::model::error::NetworkError;
use crate::model::layer::{Layer, Op};
use crate::rng::Places;

pub fn plan(layer: &mut Layer, p: f64) -> Result<(), NetworkError> {
    if !(0.0..1.0).contains(&p) {
        let range = "from 0 up to but not including 1";
        return Err(NetworkError::Number { layer: layer.name.clone(), what: "p", range, found: p.to_string() });
    }
    layer.op = Op::Dropout { p };
    Ok(())
}

/// The factors of the values from place `first` of a batch on: 0 with probability p, to 2⁻⁵³ of it, and 1/(1 − p) otherwise.
fn draw(p: f64, places: Places, first: u64, factors: &mut [f32]) {
    let (kept, dropped_below) = ((1.0 / (1.0 - p)) as f32, (p * 2f64.powi(64)) as u64);
    for (place, factor) in (first..).zip(factors) {
        // A product: a branch that goes either way at random costs three times as much.
        *factor = kept * f32::from(u8::from(places.at(place) >= dropped_below));
    }
}

pub fn forward(layer: &Layer, p: f64, pass: &Pass<'_>, State { out, mask, .. }: &mut State, x: &[f32]) {
    let Some(draws) = pass.draws else { return out.copy_from_slice(x) };
    mask.resize(x.len());
    draw(p, draws.of(&layer.name), (pass.first_row * layer.output.len()) as u64, mask);
    // A product and no choice, so that NaN stays NaN.
    out.iter_mut().zip(x).zip(&**mask).for_each(|((o, &x), &factor)| *o = x * factor);
}

pub fn backward(layer: &Layer, pass: &Pass<'_>, state: &State, Back { mut gradient, .. }: Back<'_>) -> Buffer {
    if pass.draws.is_some() {
        let dy = &mut gradient[..pass.rows * layer.output.len()];
        dy.iter_mut().zip(&*state.mask).for_each(|(g, &factor)| *g *= factor);
    }
    gradient
}

/// The mask is the CPU's, drawn on the host.
pub fn forward_on_device(
    layer: &Layer,
    p: f64,
    prepared: &Prepared,
    pass: &device::Pass<'_>,
    input: Tensor,
) -> candle_core::Result<Trace> {
    if pass.draws.is_empty() {
        let z = input.clone();
        return Trace::new(prepared, input, &z, Kept::Nothing);
    }
    let of_run = pass.rows * layer.output.len();
    let mut factors = vec![0.0; pass.draws.len() * of_run];
    for (draws, factors) in pass.draws.iter().zip(factors.chunks_exact_mut(of_run)) {
        draw(p, draws.of(&layer.name), 0, factors);
    }
    let mask = Tensor::from_vec(factors, input.shape(), input.device())?.to_dtype(input.dtype())?;
    let out = (&input * &mask)?;
    Trace::new(prepared, input, &out, Kept::Mask(mask))
}

pub fn backward_on_device(at: At<'_>, back: &device::Back<'_>) -> candle_core::Result<Gradient> {
    let dy = back.dz(at)?;
    Ok(Gradient::of_output(if let Kept::Mask(mask) = &at.trace.kept { (dy * mask)? } else { dy }))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_mask_keeps_the_share_that_it_should_with_mean_1_and_the_variance_of_its_odds() {
        const N: usize = 1 << 20;
        for p in [0.0, 1e-3, 0.2, 0.5, 0.9] {
            let mut factors = vec![0f32; N];
            draw(p, Places::new(3, format_args!("p{p}")), 0, &mut factors);
            let dropped = factors.iter().filter(|&&factor| factor == 0.0).count() as f64 / N as f64;
            // Five standard errors of a binomial share; factors are such a share, scaled.
            let error = 5.0 * (p * (1.0 - p) / N as f64).sqrt();
            assert!((dropped - p).abs() <= error, "{p}: {dropped} dropped");
            let kept = (1.0 / (1.0 - p)) as f32;
            assert!(factors.iter().all(|&factor| factor == 0.0 || factor == kept), "{p}");
            let mean = factors.iter().map(|&factor| f64::from(factor)).sum::<f64>() / N as f64;
            assert!((mean - 1.0).abs() <= error / (1.0 - p) + 1e-7, "{p}: mean {mean}");
            let variance = factors.iter().map(|&factor| (f64::from(factor) - 1.0).powi(2)).sum::<f64>() / N as f64;
            let (odds, slope) = (p / (1.0 - p), ((p / (1.0 - p)).powi(2) - 1.0).abs());
            assert!((variance - odds).abs() <= error * slope + 1e-6, "{p}: variance {variance}");
            // Neighbours are dropped independently of each other: shares of pairs.
            let both = factors.windows(2).filter(|pair| pair == &[0.0, 0.0]).count() as f64 / N as f64;
            assert!((both - p * p).abs() <= 2.0 * 5.0 * (p * p / N as f64).sqrt() + 1e-12, "{p}: pairs {both}");
        }
    }

    #[test]
    fn a_mask_goes_by_place_and_differs_by_seed_name_and_step() {
        let mask = |places: Places, first, n| {
            let mut factors = vec![0f32; n];
            draw(0.5, places, first, &mut factors);
            factors
        };
        let places = |seed, name: &str, step| crate::model::draws::Draws { seed, step }.of(name);
        let whole = mask(places(1, "dropout1", 2), 0, 600);
        assert_eq!(whole[250..], mask(places(1, "dropout1", 2), 250, 350));
        for other in [places(2, "dropout1", 2), places(1, "dropout2", 2), places(1, "dropout1", 3)] {
            let same = mask(other, 0, 600).iter().zip(&whole).filter(|(a, b)| a == b).count();
            // Five standard deviations of 600 tosses.
            assert!(same.abs_diff(300) < 62, "{same} of 600 values are alike");
        }
    }
}
