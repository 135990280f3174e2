//! fan_in and fan_out: how many products a unit sums, forward and backward.

use serde::Serialize;

use crate::init::error::InitError;

/// The fans of a weight.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Fans {
    /// Products that are summed into one output.
    pub fan_in: usize,
    /// Products that one input takes part in.
    pub fan_out: usize,
}

/// The fan that a rule divides by.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum FanMode {
    /// Keeps the size of the forward signal (He et al. 2015, eq. 10).
    FanIn,
    /// Keeps the size of the gradient (He et al. 2015, eq. 14).
    FanOut,
    /// (fan_in + fan_out)/2, a compromise.
    FanAvg,
}

impl Fans {
    /// The number that `mode` chooses.
    pub fn of(self, mode: FanMode) -> f64 {
        match mode {
            FanMode::FanIn => self.fan_in as f64,
            FanMode::FanOut => self.fan_out as f64,
            FanMode::FanAvg => (self.fan_in as f64 + self.fan_out as f64) / 2.0,
        }
    }
}

impl FanMode {
    /// Every mode with its name in configs.
    pub const NAMES: [(&str, Self); 3] =
        [("fan_in", Self::FanIn), ("fan_out", Self::FanOut), ("fan_avg", Self::FanAvg)];
}

/// The fans of a weight in PyTorch's layout, `[out, in]` or `[out, in, kernel…]`.
///
/// # Errors
/// A shape with fewer than two dimensions, with a zero, or whose fans no `usize` holds. A one-dimensional shape is
/// a bias or a norm's scale: taking 1 for its fan would hide a mistake.
pub fn fans(shape: &[usize]) -> Result<Fans, InitError> {
    let [outputs, inputs, kernel @ ..] = shape else { return Err(InitError::Fans { shape: shape.to_vec() }) };
    let product = |channels: usize| kernel.iter().try_fold(channels, |fan, &size| fan.checked_mul(size));
    match (product(*inputs), product(*outputs)) {
        (Some(fan_in), Some(fan_out)) if fan_in > 0 && fan_out > 0 => Ok(Fans { fan_in, fan_out }),
        _ => Err(InitError::Fans { shape: shape.to_vec() }),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_conv_counts_its_window_in_both_fans() {
        assert_eq!(fans(&[10, 784]).unwrap(), Fans { fan_in: 784, fan_out: 10 });
        assert_eq!(fans(&[32, 16, 5, 3]).unwrap(), Fans { fan_in: 240, fan_out: 480 });
        assert_eq!(fans(&[1, 1]).unwrap().of(FanMode::FanAvg), 1.0);
        assert_eq!(fans(&[2, 5]).unwrap().of(FanMode::FanAvg), 3.5);
    }

    #[test]
    fn a_shape_without_fans_is_an_error() {
        for shape in [&[][..], &[7], &[0, 3], &[3, 0], &[3, 3, 0, 1], &[usize::MAX, 2, 2, 1]] {
            assert_eq!(fans(shape), Err(InitError::Fans { shape: shape.to_vec() }));
        }
    }
}
