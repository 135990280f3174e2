//! The layers' operations on candle tensors, forwards and backwards, for any device and float type.
//!
//! The slice kernels do the same for `f32` on the CPU; here nothing is assumed about where the numbers lie. Images are
//! NCHW, weights as PyTorch lays them out. candle's own backward passes are not used: several are wrong (pooling,
//! relu′(0)) or missing for strided windows.

use candle_core::{D, DType, Device, Result, Tensor};

use crate::activation::{Activation, ReluForm, SELU_ALPHA, SELU_LAMBDA};
use crate::kernels::conv::ConvShape;

/// h = φ(z). NaN stays NaN.
pub fn activate(activation: Activation, z: &Tensor) -> Result<Tensor> {
    if let Some(ReluForm { leak, shift, max }) = activation.relu_form() {
        // `affine(leak, 0)` of an infinite z would be NaN for a leak of 0, so zeros are put there as such.
        let low = if leak == 0.0 { z.zeros_like()? } else { z.affine(leak, 0.0)? };
        let side = z.le(0.0)?.where_cond(&low, z)?;
        let shifted = if shift == 0.0 { side } else { side.affine(1.0, -shift)? };
        return if max.is_finite() {
            shifted.gt(max)?.where_cond(&shifted.affine(0.0, max)?, &shifted)
        } else {
            Ok(shifted)
        };
    }
    match activation {
        Activation::Tanh => z.tanh(),
        Activation::Sigmoid => sigmoid(z),
        Activation::Gelu => z * normal_cdf(z)?,
        Activation::GeluTanh => z.affine(0.5, 0.0)? * gelu_inner(z)?.tanh()?.affine(1.0, 1.0)?,
        Activation::Silu => z * sigmoid(z)?,
        Activation::Elu { alpha } => elu(z, alpha),
        Activation::Selu => elu(z, SELU_ALPHA)?.affine(SELU_LAMBDA, 0.0),
        Activation::Softplus => z.relu()? + z.abs()?.neg()?.exp()?.affine(1.0, 1.0)?.log()?,
        _ => Ok(z.clone()),
    }
}

/// φ′(z), with φ′(0) = slope of the negative side, as PyTorch has it.
pub fn slope(activation: Activation, z: &Tensor) -> Result<Tensor> {
    if let Some(ReluForm { leak, shift, max }) = activation.relu_form() {
        let one = z.ones_like()?;
        let slope = z.gt(0.0)?.where_cond(&one, &one.affine(leak, 0.0)?)?;
        if !max.is_finite() {
            return Ok(slope);
        }
        let side = z.gt(0.0)?.where_cond(z, &z.affine(leak, 0.0)?)?;
        return side.affine(1.0, -shift)?.gt(max)?.where_cond(&z.zeros_like()?, &slope);
    }
    match activation {
        Activation::Tanh => z.tanh()?.sqr()?.affine(-1.0, 1.0),
        Activation::Sigmoid => sigmoid(z)? * sigmoid(&z.neg()?)?,
        Activation::Gelu => {
            let pdf = z.sqr()?.affine(-0.5, 0.0)?.exp()?.affine(1.0 / (2.0 * std::f64::consts::PI).sqrt(), 0.0)?;
            normal_cdf(z)? + (z * pdf)?
        }
        Activation::GeluTanh => {
            let c = (2.0 / std::f64::consts::PI).sqrt();
            let t = gelu_inner(z)?.tanh()?;
            let inner = z.sqr()?.affine(3.0 * 0.044715 * c, c)?;
            let bend = ((z.affine(0.5, 0.0)? * t.sqr()?.affine(-1.0, 1.0)?)? * inner)?;
            t.affine(0.5, 0.5)? + bend
        }
        Activation::Silu => {
            let s = sigmoid(z)?;
            (&s * (z * sigmoid(&z.neg()?)?)?.affine(1.0, 1.0)?)?.contiguous()
        }
        Activation::Elu { alpha } => elu_slope(z, alpha),
        Activation::Selu => elu_slope(z, SELU_ALPHA)?.affine(SELU_LAMBDA, 0.0),
        Activation::Softplus => sigmoid(z),
        _ => z.ones_like(),
    }
}

fn sigmoid(z: &Tensor) -> Result<Tensor> {
    // With exponents that are never positive nothing overflows.
    let e = z.abs()?.neg()?.exp()?;
    let s = e.affine(1.0, 1.0)?.recip()?;
    z.lt(0.0)?.where_cond(&(&e * &s)?, &s)
}

fn normal_cdf(z: &Tensor) -> Result<Tensor> {
    z.affine(std::f64::consts::FRAC_1_SQRT_2, 0.0)?.erf()?.affine(0.5, 0.5)
}

fn gelu_inner(z: &Tensor) -> Result<Tensor> {
    let c = (2.0 / std::f64::consts::PI).sqrt();
    z * z.sqr()?.affine(0.044715 * c, c)?
}

fn elu(z: &Tensor, alpha: f64) -> Result<Tensor> {
    let low = z.minimum(0.0)?.exp()?.affine(alpha, -alpha)?;
    z.gt(0.0)?.where_cond(z, &low)
}

fn elu_slope(z: &Tensor, alpha: f64) -> Result<Tensor> {
    let low = z.minimum(0.0)?.exp()?.affine(alpha, 0.0)?;
    z.gt(0.0)?.where_cond(&z.ones_like()?, &low)
}

/// The windows of an image tensor, one kernel tap at a time.
pub struct Windows {
    shape: ConvShape,
    rows: Vec<Tensor>,
    cols: Vec<Tensor>,
}

impl Windows {
    /// Prepares the pixel indices of every tap.
    pub fn new(shape: ConvShape, device: &Device) -> Result<Self> {
        let taps = |kernel: usize, output: usize| -> Result<Vec<Tensor>> {
            (0..kernel)
                .map(|k| {
                    let at: Vec<u32> = (0..output).map(|o| (o * shape.stride + k) as u32).collect();
                    Tensor::new(at, device)
                })
                .collect()
        };
        Ok(Self { shape, rows: taps(shape.kernel[0], shape.output[0])?, cols: taps(shape.kernel[1], shape.output[1])? })
    }

    /// For each tap, row by row, the pixels that it sees: `[N, C, out height, out width]`.
    fn gather(&self, padded: &Tensor) -> Result<Vec<Tensor>> {
        let mut taps = Vec::with_capacity(self.rows.len() * self.cols.len());
        for rows in &self.rows {
            let band = padded.index_select(rows, 2)?;
            for cols in &self.cols {
                taps.push(band.index_select(cols, 3)?);
            }
        }
        Ok(taps)
    }

    /// The adjoint of [`Windows::gather`]: adds each tap's values onto the pixels that it saw, and drops the padding.
    fn scatter(&self, taps: impl Fn(usize) -> Result<Tensor>, images: usize, like: &Tensor) -> Result<Tensor> {
        let ConvShape { input: [height, width], output: [out_height, _], padding, in_channels, .. } = self.shape;
        let zeros =
            |h: usize| Tensor::zeros((images, in_channels, h, width + 2 * padding), like.dtype(), like.device());
        let mut total = zeros(height + 2 * padding)?;
        for (i, rows) in self.rows.iter().enumerate() {
            let mut band = zeros(out_height)?;
            for (j, cols) in self.cols.iter().enumerate() {
                band = band.index_add(cols, &taps(i * self.cols.len() + j)?.contiguous()?, 3)?;
            }
            total = total.index_add(rows, &band, 2)?;
        }
        total.narrow(2, padding, height)?.narrow(3, padding, width)?.contiguous()
    }

    fn pad(&self, x: &Tensor, value: f64) -> Result<Tensor> {
        let p = self.shape.padding;
        if p == 0 {
            return x.contiguous();
        }
        let zeros = |x: &Tensor| x.pad_with_zeros(2, p, p)?.pad_with_zeros(3, p, p);
        let padded = zeros(x)?;
        if value == 0.0 {
            return Ok(padded);
        }
        zeros(&x.ones_like()?)?
            .gt(0.5)?
            .where_cond(&padded, &Tensor::full(value, padded.shape(), x.device())?.to_dtype(x.dtype())?)
    }

    /// Patches as columns, `[N, C·kh·kw, windows]`, channels outermost like PyTorch's kernels.
    pub fn patches(&self, x: &Tensor) -> Result<Tensor> {
        let taps = self.gather(&self.pad(x, 0.0)?)?;
        let n = x.dim(0)?;
        Tensor::stack(&taps, 2)?.reshape((n, self.shape.patch(), self.shape.windows()))
    }

    /// z `[N, out, oh, ow]` from patches and the weight `[out, in, kh, kw]`.
    pub fn convolve(&self, patches: &Tensor, weight: &Tensor) -> Result<Tensor> {
        let (n, out) = (patches.dim(0)?, self.shape.out_channels);
        let z = weight.reshape((out, self.shape.patch()))?.broadcast_matmul(patches)?;
        z.reshape((n, out, self.shape.output[0], self.shape.output[1]))
    }

    /// Gradients of the weight and, if `wanted`, of the images, from that of z.
    pub fn convolve_backward(
        &self,
        patches: &Tensor,
        weight: &Tensor,
        dz: &Tensor,
        wanted: bool,
    ) -> Result<(Tensor, Option<Tensor>)> {
        let ConvShape { in_channels, out_channels, kernel: [kh, kw], output: [oh, ow], .. } = self.shape;
        let (n, windows) = (dz.dim(0)?, self.shape.windows());
        let dz = dz.reshape((n, out_channels, windows))?;
        let across = |t: &Tensor, k: usize| t.transpose(0, 1)?.reshape((k, n * windows));
        let dw = across(&dz, out_channels)?.matmul(&across(patches, self.shape.patch())?.t()?)?;
        let dw = dw.reshape((out_channels, in_channels, kh, kw))?;
        if !wanted {
            return Ok((dw, None));
        }
        let weight = weight.reshape((out_channels, self.shape.patch()))?.t()?.contiguous()?;
        let columns = weight.broadcast_matmul(&dz)?.reshape((n, in_channels, kh * kw, oh, ow))?;
        let dx = self.scatter(|tap| columns.narrow(2, tap, 1)?.squeeze(2), n, &dz)?;
        Ok((dw, Some(dx)))
    }

    /// Maximum over each window, and the tap that held the first of the largest.
    pub fn max(&self, x: &Tensor) -> Result<(Tensor, Tensor)> {
        let taps = self.gather(&self.pad(x, f64::NEG_INFINITY)?)?;
        let mut best = taps[0].clone();
        let mut chosen = best.zeros_like()?;
        for (i, tap) in taps.iter().enumerate().skip(1) {
            // NaN is larger than everything, as in PyTorch: a diverged run must not hide behind a pool.
            let larger = tap.gt(&best)?.maximum(&tap.ne(tap)?)?;
            best = larger.where_cond(tap, &best)?;
            chosen = larger.where_cond(&chosen.affine(0.0, i as f64)?, &chosen)?;
        }
        Ok((best, chosen))
    }

    /// The gradient of the images behind [`Windows::max`].
    pub fn max_backward(&self, chosen: &Tensor, gradient: &Tensor) -> Result<Tensor> {
        let zero = gradient.zeros_like()?;
        let tap = |i: usize| chosen.eq(i as f64)?.where_cond(gradient, &zero);
        self.scatter(tap, gradient.dim(0)?, gradient)
    }

    /// Mean over each window.
    pub fn average(&self, x: &Tensor) -> Result<Tensor> {
        Tensor::stack(&self.gather(x)?, 0)?.mean(0)
    }

    /// The gradient of the images behind [`Windows::average`].
    pub fn average_backward(&self, gradient: &Tensor) -> Result<Tensor> {
        let part = gradient.affine(1.0 / (self.rows.len() * self.cols.len()) as f64, 0.0)?;
        self.scatter(|_| Ok(part.clone()), gradient.dim(0)?, gradient)
    }
}

/// Normalised values and the reciprocal standard deviation over `dims`, which stay as dimensions of 1.
pub fn normalize(x: &Tensor, mean: &Tensor, variance: &Tensor, eps: f64) -> Result<(Tensor, Tensor)> {
    let inverse_std = variance.affine(1.0, eps)?.sqrt()?.recip()?;
    Ok((x.broadcast_sub(mean)?.broadcast_mul(&inverse_std)?, inverse_std))
}

/// Mean over all of `dims`, which stay as dimensions of 1.
pub fn mean_over(x: &Tensor, dims: &[usize]) -> Result<Tensor> {
    dims.iter().try_fold(x.clone(), |x, &dim| x.mean_keepdim(dim))
}

/// Sum over all of `dims`, which stay as dimensions of 1.
pub fn sum_over(x: &Tensor, dims: &[usize]) -> Result<Tensor> {
    dims.iter().try_fold(x.clone(), |x, &dim| x.sum_keepdim(dim))
}

/// The gradient behind a normalisation over `dims`: dx = (g − mean(g) − x̂·mean(g·x̂))/σ, with g = dL/dx̂.
pub fn normalize_backward(g: &Tensor, normal: &Tensor, inverse_std: &Tensor, dims: &[usize]) -> Result<Tensor> {
    let tilt = normal.broadcast_mul(&mean_over(&(g * normal)?, dims)?)?;
    (g.broadcast_sub(&mean_over(g, dims)?)? - tilt)?.broadcast_mul(inverse_std)
}

/// Cross-entropy: Σ of the rows' losses, right answers (both as scalars on the device), and (softmax − onehot)·`scale`.
pub fn cross_entropy(logits: &Tensor, labels: &Tensor, scale: f64) -> Result<(Tensor, Tensor, Tensor)> {
    let log_softmax = candle_nn::ops::log_softmax(logits, D::Minus1)?;
    let one_hot = one_hot(labels, logits)?;
    let loss = (&log_softmax * &one_hot)?.sum_all()?.neg()?;
    let gradient = (log_softmax.exp()? - &one_hot)?.affine(scale, 0.0)?;
    Ok((loss, right_answers(logits, labels)?, gradient))
}

/// Mean squared error against targets of the outputs' shape: Σ of the rows' means and the gradient times `scale`.
pub fn squared_error(outputs: &Tensor, targets: &Tensor, scale: f64) -> Result<(Tensor, Tensor)> {
    let difference = (outputs - targets)?;
    let width = outputs.dim(1)? as f64;
    Ok((difference.sqr()?.sum_all()?.affine(1.0 / width, 0.0)?, difference.affine(2.0 * scale / width, 0.0)?))
}

/// Labels `[N]` (u32) as rows of zeros with a one, shaped and typed like `outputs`.
pub fn one_hot(labels: &Tensor, outputs: &Tensor) -> Result<Tensor> {
    let classes = Tensor::arange(0u32, outputs.dim(1)? as u32, outputs.device())?;
    classes.unsqueeze(0)?.broadcast_eq(&labels.unsqueeze(1)?)?.to_dtype(outputs.dtype())
}

/// How many rows have their largest output at their label.
pub fn right_answers(outputs: &Tensor, labels: &Tensor) -> Result<Tensor> {
    outputs.argmax(D::Minus1)?.eq(labels)?.to_dtype(DType::F64)?.sum_all()
}
