//! Parameter updates on slices: each subtracts its step from the parameters and leaves it where the gradient was.

dispatch! {
    /// SGD (Sutskever et al. 2013's momentum, as PyTorch defines it).
    ///
    /// `buffer` is empty without momentum; it starts at zero.
    pub fn sgd(
        parameters: &mut [f32], gradient: &mut [f32], buffer: &mut [f32],
        lr: f32, momentum: f32, nesterov: bool, weight_decay: f32,
    ) {
        if weight_decay != 0.0 {
            gradient.iter_mut().zip(&*parameters).for_each(|(g, &p)| *g += weight_decay * p);
        }
        let both = parameters.iter_mut().zip(gradient);
        if buffer.is_empty() {
            for (p, g) in both {
                *g *= lr;
                *p -= *g;
            }
        } else {
            for ((p, g), b) in both.zip(buffer) {
                *b = momentum * *b + *g;
                *g = lr * if nesterov { *g + momentum * *b } else { *b };
                *p -= *g;
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
    /// Adam and AdamW (Kingma & Ba 2015, algorithm 1).
    pub fn adam(parameters: &mut [f32], gradient: &mut [f32], first: &mut [f32], second: &mut [f32], s: &AdamStep) {
        let rate = s.lr / s.correction1;
        let root = 1.0 / s.correction2.sqrt();
        let penalty = if s.decoupled { 0.0 } else { s.weight_decay };
        let decay = if s.decoupled { s.lr * s.weight_decay } else { 0.0 };
        for (((p, g), m), v) in parameters.iter_mut().zip(gradient).zip(first).zip(second) {
            let d = *g + penalty * *p;
            *m += (1.0 - s.beta1) * (d - *m);
            *v = s.beta2 * *v + (1.0 - s.beta2) * d * d;
            *g = decay * *p + rate * *m / (v.sqrt() * root + s.eps);
            *p -= *g;
        }
    }
}

dispatch! {
    /// RMSprop (Tieleman & Hinton 2012, as PyTorch defines it).
    pub fn rmsprop(
        parameters: &mut [f32], gradient: &mut [f32], square: &mut [f32], buffer: &mut [f32],
        lr: f32, alpha: f32, eps: f32, momentum: f32, weight_decay: f32,
    ) {
        for ((&mut p, g), v) in parameters.iter_mut().zip(gradient.iter_mut()).zip(square) {
            let d = *g + weight_decay * p;
            *v = alpha * *v + (1.0 - alpha) * d * d;
            *g = d / (v.sqrt() + eps);
        }
        sgd(parameters, gradient, buffer, lr, momentum, false, 0.0);
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
    /// Σx² in `f64`, in so many running sums that none waits for the one before.
    pub fn sum_of_squares(values: &[f32]) -> f64 {
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
