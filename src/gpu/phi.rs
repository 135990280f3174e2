//! A layer's activation φ in every run of a cohort.

use std::f64::consts::{FRAC_2_PI, PI};

use candle_core::{Result, Tensor};

use super::activated::{Activated, Phi, Relu};
use super::cuda;
use super::reduce::unit_sums;
use crate::activation::{Activation, SELU_ALPHA, SELU_LAMBDA};

impl Phi {
    /// z = `product` + `bias` (of each run's units) and φ(z), both `[run, row·pixel, unit]`. NaN stays NaN. The product of a
    /// layer with a bias may become z: nobody else may look at it again.
    pub fn forward(&self, product: &Tensor, bias: Option<&Tensor>) -> Result<(Tensor, Activated)> {
        if let Some(found) = cuda::phi_forward(self, product, bias)? {
            return Ok(found);
        }
        let z = bias.map_or_else(|| Ok(product.clone()), |bias| product.broadcast_add(bias))?;
        let activated = match self {
            Self::Relu(relu) => relu.forward(&z)?,
            Self::Same(activation) => Activated::of(activate(*activation, &z)?),
        };
        Ok((z, activated))
    }

    /// dh·φ′(z), with φ′(0) the slope of the negative side, as PyTorch has it.
    pub fn backward(&self, dh: &Tensor, z: &Tensor, activated: &Activated) -> Result<Tensor> {
        if let Some(dz) = cuda::phi_backward(self, dh, z, &activated.h)? {
            return Ok(dz);
        }
        match self {
            Self::Relu(relu) => relu.backward(dh, activated),
            Self::Same(Activation::Identity) => Ok(dh.clone()),
            Self::Same(activation) => dh * slope(*activation, z, &activated.h)?,
        }
    }

    /// dh·φ′(z), and its sums over parts of each run's `rows` rows and their pixels, `[run, part, unit]`.
    pub fn backward_sums(
        &self,
        dh: &Tensor,
        z: &Tensor,
        activated: &Activated,
        rows: usize,
    ) -> Result<(Tensor, Tensor)> {
        if let Some(found) = cuda::phi_backward_sums(self, dh, z, &activated.h)? {
            return Ok(found);
        }
        let dz = self.backward(dh, z, activated)?;
        let sums = unit_sums(&dz, rows)?.unsqueeze(1)?;
        Ok((dz, sums))
    }
}

impl Relu {
    /// A low side of 0 is put in and not multiplied in: the product with an infinite z would be NaN.
    fn forward(&self, z: &Tensor) -> Result<Activated> {
        let below = z.broadcast_le(&self.zero)?;
        let low = match (&self.leak, &self.floor) {
            (Some(leak), Some(floor)) => z.broadcast_maximum(floor)?.broadcast_mul(leak)?,
            (Some(leak), None) => z.broadcast_mul(leak)?,
            (None, _) => self.zero.broadcast_as(z.shape())?,
        };
        let mut h = below.where_cond(&low, z)?;
        if let Some(shift) = &self.shift {
            h = h.broadcast_sub(shift)?;
        }
        let Some(max) = &self.max else { return Ok(Activated { h, below: Some(below), above: None }) };
        let above = h.broadcast_gt(max)?;
        let h = above.where_cond(&max.broadcast_as(h.shape())?, &h)?;
        Ok(Activated { h, below: Some(below), above: Some(above) })
    }

    fn backward(&self, dh: &Tensor, activated: &Activated) -> Result<Tensor> {
        let zero = self.zero.broadcast_as(dh.shape())?;
        let low = match &self.leak {
            Some(leak) => dh.broadcast_mul(leak)?,
            None => zero.clone(),
        };
        let below = activated.below.as_ref().expect("a ReLU went forwards");
        let dz = below.where_cond(&low, dh)?;
        match &activated.above {
            Some(above) => above.where_cond(&zero, &dz),
            None => Ok(dz),
        }
    }
}

pub(super) fn activate(activation: Activation, z: &Tensor) -> Result<Tensor> {
    match activation {
        Activation::Tanh => z.tanh(),
        Activation::Sigmoid => candle_nn::ops::sigmoid(z),
        Activation::Gelu => z.gelu_erf(),
        Activation::GeluTanh => z.affine(0.5, 0.0)? * gelu_inner(z)?.tanh()?.affine(1.0, 1.0)?,
        Activation::Silu => z * candle_nn::ops::sigmoid(z)?,
        Activation::Elu { alpha } => elu(z, alpha),
        Activation::Selu => elu(z, SELU_ALPHA)?.affine(SELU_LAMBDA, 0.0),
        // Exponents that are never positive do not overflow.
        Activation::Softplus => z.relu()? + z.abs()?.neg()?.exp()?.affine(1.0, 1.0)?.log()?,
        Activation::Softsign => z / z.abs()?.affine(1.0, 1.0)?,
        Activation::Mish => z * tanh_softplus(z)?,
        Activation::Identity
        | Activation::Relu
        | Activation::LeakyRelu { .. }
        | Activation::GeneralRelu { .. }
        | Activation::ShiftedRelu { .. } => Ok(z.clone()),
    }
}

/// φ′(z), from h where that is as good.
pub(super) fn slope(activation: Activation, z: &Tensor, h: &Tensor) -> Result<Tensor> {
    match activation {
        Activation::Tanh => h.sqr()?.affine(-1.0, 1.0),
        Activation::Sigmoid => h * h.affine(-1.0, 1.0)?,
        Activation::Gelu => {
            let pdf = z.sqr()?.affine(-0.5, 0.0)?.exp()?.affine(1.0 / (2.0 * PI).sqrt(), 0.0)?;
            normal_cdf(z)? + (z * pdf)?
        }
        Activation::GeluTanh => {
            let t = gelu_inner(z)?.tanh()?;
            let inner = z.sqr()?.affine(3.0 * 0.044715 * FRAC_2_PI.sqrt(), FRAC_2_PI.sqrt())?;
            let bend = ((z.affine(0.5, 0.0)? * t.sqr()?.affine(-1.0, 1.0)?)? * inner)?;
            t.affine(0.5, 0.5)? + bend
        }
        Activation::Silu => {
            let s = candle_nn::ops::sigmoid(z)?;
            &s + (h * s.affine(-1.0, 1.0)?)?
        }
        Activation::Elu { alpha } => elu_slope(z, alpha),
        Activation::Selu => elu_slope(z, SELU_ALPHA)?.affine(SELU_LAMBDA, 0.0),
        Activation::Softplus => candle_nn::ops::sigmoid(z),
        Activation::Softsign => z.abs()?.affine(1.0, 1.0)?.recip()?.sqr(),
        Activation::Mish => {
            let t = tanh_softplus(z)?;
            let bend = (z * candle_nn::ops::sigmoid(z)?)? * t.sqr()?.affine(-1.0, 1.0)?;
            t + bend?
        }
        Activation::Identity
        | Activation::Relu
        | Activation::LeakyRelu { .. }
        | Activation::GeneralRelu { .. }
        | Activation::ShiftedRelu { .. } => z.ones_like(),
    }
}

fn normal_cdf(z: &Tensor) -> Result<Tensor> {
    z.affine(std::f64::consts::FRAC_1_SQRT_2, 0.0)?.erf()?.affine(0.5, 0.5)
}

/// The argument of the tanh in GELU's approximation.
fn gelu_inner(z: &Tensor) -> Result<Tensor> {
    let c = FRAC_2_PI.sqrt();
    z * z.sqr()?.affine(0.044715 * c, c)?
}

/// tanh(ln(1 + e^z)) = n/(n + m) with n = e^2z + 2e^z and m = 2, both times e^(−2z) above 0: no exponent is positive.
fn tanh_softplus(z: &Tensor) -> Result<Tensor> {
    let e = z.abs()?.neg()?.exp()?;
    let (square, one, above) = (e.sqr()?, e.ones_like()?, z.gt(0.0)?);
    let n = (above.where_cond(&one, &square)? + e.affine(2.0, 0.0)?)?;
    let m = above.where_cond(&square, &one)?.affine(2.0, 0.0)?;
    &n / (&n + m)?
}

fn elu(z: &Tensor, alpha: f64) -> Result<Tensor> {
    let low = z.minimum(0.0)?.exp()?.affine(alpha, -alpha)?;
    z.gt(0.0)?.where_cond(z, &low)
}

fn elu_slope(z: &Tensor, alpha: f64) -> Result<Tensor> {
    let low = z.minimum(0.0)?.exp()?.affine(alpha, 0.0)?;
    z.gt(0.0)?.where_cond(&z.ones_like()?, &low)
}
