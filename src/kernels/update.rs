//! Parameter updates on slices: each turns the gradient into the step that is then subtracted from the parameters.

dispatch! {
    /// SGD (Sutskever et al. 2013's momentum, as PyTorch defines it): gradient ← the step to subtract.
    ///
    /// `buffer` is empty without momentum; it starts at zero.
    pub fn sgd(
        parameters: &[f32], gradient: &mut [f32], buffer: &mut [f32],
        lr: f32, momentum: f32, nesterov: bool, weight_decay: f32,
    ) {
        if weight_decay != 0.0 {
            gradient.iter_mut().zip(parameters).for_each(|(g, &p)| *g += weight_decay * p);
        }
        if buffer.is_empty() {
            gradient.iter_mut().for_each(|g| *g *= lr);
        } else if nesterov {
            for (g, b) in gradient.iter_mut().zip(buffer) {
                *b = momentum * *b + *g;
                *g = lr * (*g + momentum * *b);
            }
        } else {
            for (g, b) in gradient.iter_mut().zip(buffer) {
                *b = momentum * *b + *g;
                *g = lr * *b;
            }
        }
    }
}

/// Adam's settings at one step: rates, and the bias corrections 1 − β₁ᵗ and 1 − β₂ᵗ.
#[derive(Clone, Copy, Debug)]
pub struct AdamStep {
    /// Learning rate.
    pub lr: f32,
    /// Decay of the mean of the gradients.
    pub beta1: f32,
    /// Decay of the mean of their squares.
    pub beta2: f32,
    /// Added to the root.
    pub eps: f32,
    /// L2 penalty, added to the gradient (Adam) or taken off the parameters (AdamW).
    pub weight_decay: f32,
    /// Whether the decay is decoupled (AdamW, Loshchilov & Hutter 2019).
    pub decoupled: bool,
    /// 1 − β₁ᵗ.
    pub correction1: f32,
    /// 1 − β₂ᵗ.
    pub correction2: f32,
}

dispatch! {
    /// Adam and AdamW (Kingma & Ba 2015, algorithm 1): gradient ← the step to subtract.
    pub fn adam(parameters: &[f32], gradient: &mut [f32], first: &mut [f32], second: &mut [f32], s: &AdamStep) {
        let rate = s.lr / s.correction1;
        let root = 1.0 / s.correction2.sqrt();
        let penalty = if s.decoupled { 0.0 } else { s.weight_decay };
        let decay = if s.decoupled { s.lr * s.weight_decay } else { 0.0 };
        for (((&p, g), m), v) in parameters.iter().zip(gradient).zip(first).zip(second) {
            let d = *g + penalty * p;
            *m += (1.0 - s.beta1) * (d - *m);
            *v = s.beta2 * *v + (1.0 - s.beta2) * d * d;
            *g = decay * p + rate * *m / (v.sqrt() * root + s.eps);
        }
    }
}

dispatch! {
    /// RMSprop (Tieleman & Hinton 2012, as PyTorch defines it): gradient ← the step to subtract.
    pub fn rmsprop(
        parameters: &[f32], gradient: &mut [f32], square: &mut [f32], buffer: &mut [f32],
        lr: f32, alpha: f32, eps: f32, momentum: f32, weight_decay: f32,
    ) {
        for ((&p, g), v) in parameters.iter().zip(gradient.iter_mut()).zip(square) {
            let d = *g + weight_decay * p;
            *v = alpha * *v + (1.0 - alpha) * d * d;
            *g = d / (v.sqrt() + eps);
        }
        if buffer.is_empty() {
            gradient.iter_mut().for_each(|g| *g *= lr);
        } else {
            for (g, b) in gradient.iter_mut().zip(buffer) {
                *b = momentum * *b + *g;
                *g = lr * *b;
            }
        }
    }
}

dispatch! {
    /// parameters −= step.
    pub fn subtract(parameters: &mut [f32], step: &[f32]) {
        parameters.iter_mut().zip(step).for_each(|(p, &s)| *p -= s);
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

dispatch! {
    /// Σx² in `f64`, in eight running sums.
    pub fn sum_of_squares(values: &[f32]) -> f64 {
        let mut sums = [0f64; 8];
        let chunks = values.chunks_exact(8);
        let rest = chunks.remainder();
        for chunk in chunks {
            sums.iter_mut().zip(chunk).for_each(|(s, &x)| *s += f64::from(x) * f64::from(x));
        }
        sums.iter().sum::<f64>() + rest.iter().map(|&x| f64::from(x) * f64::from(x)).sum::<f64>()
    }
}
