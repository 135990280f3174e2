//! Normalisation over given dimensions, forwards and backwards.

use candle_core::{Result, Tensor};

use super::reduce::mean_over;

/// Normalised values and the reciprocal standard deviation, from moments with the normalised dimensions kept as 1.
pub fn normalize(x: &Tensor, [mean, variance]: &[Tensor; 2], eps: f64) -> Result<(Tensor, Tensor)> {
    let inverse_std = variance.affine(1.0, eps)?.sqrt()?.recip()?;
    Ok((x.broadcast_sub(mean)?.broadcast_mul(&inverse_std)?, inverse_std))
}

/// Mean and variance (divisor n) over `dims`, which stay as dimensions of 1.
pub fn moments(x: &Tensor, dims: &[usize]) -> Result<[Tensor; 2]> {
    let mean = mean_over(x, dims)?;
    let variance = mean_over(&x.broadcast_sub(&mean)?.sqr()?, dims)?;
    Ok([mean, variance])
}

/// The gradient behind a normalisation over `dims`: dx = (g − mean(g) − x̂·mean(g·x̂))/σ, with g = dL/dx̂.
pub fn normalize_backward(g: &Tensor, normal: &Tensor, inverse_std: &Tensor, dims: &[usize]) -> Result<Tensor> {
    let tilt = normal.broadcast_mul(&mean_over(&(g * normal)?, dims)?)?;
    (g.broadcast_sub(&mean_over(g, dims)?)? - tilt)?.broadcast_mul(inverse_std)
}
