//! Batch and layer normalisation on rows of channels; sums in `f64`.

dispatch! {
    /// Column sums of x and of x·y over rows of `sum.len()` columns, in `f64`.
    fn column_sums(x: &[f32], y: &[f32], sum: &mut [f64], sum_of_products: &mut [f64]) {
        sum.fill(0.0);
        sum_of_products.fill(0.0);
        let cols = sum.len();
        for (x, y) in x.chunks_exact(cols).zip(y.chunks_exact(cols)) {
            for (((s, p), &x), &y) in sum.iter_mut().zip(sum_of_products.iter_mut()).zip(x).zip(y) {
                *s += f64::from(x);
                *p += f64::from(x) * f64::from(y);
            }
        }
    }
}

dispatch! {
    /// y = x·scale + offset, column by column.
    fn scale_columns(x: &[f32], scale: &[f32], offset: &[f32], y: &mut [f32]) {
        let cols = scale.len();
        for (x, y) in x.chunks_exact(cols).zip(y.chunks_exact_mut(cols)) {
            for (((y, &x), &s), &o) in y.iter_mut().zip(x).zip(scale).zip(offset) {
                *y = x * s + o;
            }
        }
    }
}

/// Mean and reciprocal standard deviation of each channel, with the variance for the running estimate.
#[derive(Clone, Debug, Default)]
pub struct BatchMoments {
    /// Mean of each channel over the rows.
    pub mean: Vec<f64>,
    /// Variance with N in the denominator.
    pub variance: Vec<f64>,
    inverse_std: Vec<f64>,
}

/// Sums and straight lines of each channel on their way; the memory of one is good for all batch norms of a network.
#[derive(Clone, Debug, Default)]
pub struct Lines {
    sum: Vec<f64>,
    product: Vec<f64>,
    scale: Vec<f32>,
    slope: Vec<f32>,
    offset: Vec<f32>,
}

impl Lines {
    /// Empty, with room for the sums of `channels`.
    fn start(&mut self, channels: usize) {
        [&mut self.sum, &mut self.product].into_iter().for_each(|sums| sums.resize(channels, 0.0));
        [&mut self.scale, &mut self.slope, &mut self.offset].into_iter().for_each(Vec::clear);
    }
}

impl BatchMoments {
    /// Takes the moments of `x` `[rows, channels]` (training).
    pub fn measure(&mut self, x: &[f32], channels: usize, eps: f64) {
        self.mean.resize(channels, 0.0);
        self.variance.resize(channels, 0.0);
        column_sums(x, x, &mut self.mean, &mut self.variance);
        let n = (x.len() / channels) as f64;
        for (mean, variance) in self.mean.iter_mut().zip(&mut self.variance) {
            *mean /= n;
            *variance = super::moments::variance(*mean, *variance / n);
        }
        self.invert(eps);
    }

    /// Takes running estimates instead (evaluation).
    pub fn assume(&mut self, mean: &[f32], variance: &[f32], eps: f64) {
        for (to, from) in [(&mut self.mean, mean), (&mut self.variance, variance)] {
            to.clear();
            to.extend(from.iter().map(|&x| f64::from(x)));
        }
        self.invert(eps);
    }

    fn invert(&mut self, eps: f64) {
        self.inverse_std.clear();
        self.inverse_std.extend(self.variance.iter().map(|v| 1.0 / (v + eps).sqrt()));
    }

    /// y = (x − mean)/std·weight + bias (Ioffe & Szegedy 2015, algorithm 1).
    pub fn forward(&self, x: &[f32], weight: &[f32], bias: &[f32], y: &mut [f32], lines: &mut Lines) {
        lines.start(weight.len());
        for (c, (&w, &b)) in weight.iter().zip(bias).enumerate() {
            let scale = f64::from(w) * self.inverse_std[c];
            lines.scale.push(scale as f32);
            lines.offset.push((f64::from(b) - self.mean[c] * scale) as f32);
        }
        scale_columns(x, &lines.scale, &lines.offset, y);
    }

    /// The gradients of a training pass: dx over `gradient`, and those of weight and bias (same source, section 3).
    pub fn backward(
        &self,
        x: &[f32],
        weight: &[f32],
        gradient: &mut [f32],
        weight_gradient: &mut [f32],
        bias_gradient: &mut [f32],
        lines: &mut Lines,
    ) {
        let channels = weight.len();
        let n = (x.len() / channels) as f64;
        lines.start(channels);
        let Lines { sum, product, scale: scales, slope, offset } = lines;
        column_sums(gradient, x, sum, product);
        for c in 0..channels {
            // Σ dy·x̂ from Σ dy·x, and dx = w/σ·(dy − mean(dy) − x̂·mean(dy·x̂)) as one line in dy and x.
            let product = (product[c] - self.mean[c] * sum[c]) * self.inverse_std[c];
            weight_gradient[c] = product as f32;
            bias_gradient[c] = sum[c] as f32;
            let scale = f64::from(weight[c]) * self.inverse_std[c];
            let tilt = scale * self.inverse_std[c] * product / n;
            scales.push(scale as f32);
            slope.push(tilt as f32);
            offset.push((self.mean[c] * tilt - scale * sum[c] / n) as f32);
        }
        combine_columns(gradient, x, scales, slope, offset);
    }
}

dispatch! {
    /// g ← g·scale − x·slope + offset, column by column.
    fn combine_columns(g: &mut [f32], x: &[f32], scale: &[f32], slope: &[f32], offset: &[f32]) {
        let cols = scale.len();
        for (g, x) in g.chunks_exact_mut(cols).zip(x.chunks_exact(cols)) {
            for ((((g, &x), &s), &t), &o) in g.iter_mut().zip(x).zip(scale).zip(slope).zip(offset) {
                *g = *g * s - x * t + o;
            }
        }
    }
}

/// Mean and reciprocal standard deviation of one row.
fn row_moments(x: &[f32], eps: f64) -> (f64, f64) {
    let n = x.len() as f64;
    let mean = x.iter().map(|&x| f64::from(x)).sum::<f64>() / n;
    let variance = x.iter().map(|&x| (f64::from(x) - mean).powi(2)).sum::<f64>() / n;
    (mean, 1.0 / (variance + eps).sqrt())
}

/// Layer normalisation of each row (Ba et al. 2016, eq. 4): y = (x − mean)/std·weight + bias.
pub fn layer_forward(x: &[f32], weight: &[f32], bias: &[f32], eps: f64, y: &mut [f32]) {
    let cols = weight.len();
    for (x, y) in x.chunks_exact(cols).zip(y.chunks_exact_mut(cols)) {
        let (mean, inverse_std) = row_moments(x, eps);
        for (((y, &x), &w), &b) in y.iter_mut().zip(x).zip(weight).zip(bias) {
            *y = ((f64::from(x) - mean) * inverse_std) as f32 * w + b;
        }
    }
}

/// The gradients of [`layer_forward`]: dx over `gradient`, and those of weight and bias.
pub fn layer_backward(
    x: &[f32],
    weight: &[f32],
    eps: f64,
    gradient: &mut [f32],
    weight_gradient: &mut [f32],
    bias_gradient: &mut [f32],
) {
    let cols = weight.len();
    weight_gradient.fill(0.0);
    bias_gradient.fill(0.0);
    for (x, gradient) in x.chunks_exact(cols).zip(gradient.chunks_exact_mut(cols)) {
        let (mean, inverse_std) = row_moments(x, eps);
        let normal = |x: f32| (f64::from(x) - mean) * inverse_std;
        let (mut sum, mut product) = (0.0, 0.0);
        for (j, (&g, &x)) in gradient.iter().zip(x).enumerate() {
            let g_normal = f64::from(g) * f64::from(weight[j]);
            sum += g_normal;
            product += g_normal * normal(x);
            weight_gradient[j] += (f64::from(g) * normal(x)) as f32;
            bias_gradient[j] += g;
        }
        let n = cols as f64;
        for (j, (g, &x)) in gradient.iter_mut().zip(x).enumerate() {
            let g_normal = f64::from(*g) * f64::from(weight[j]);
            *g = (inverse_std * (g_normal - sum / n - normal(x) * product / n)) as f32;
        }
    }
}
