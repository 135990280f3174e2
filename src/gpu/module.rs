//! An activation of the table as a module of candle.

use candle_core::{Result, Tensor};
use candle_nn::Module;

use super::phi::{activate, slope};
use crate::activation::{Activation, ReluForm};

/// φ of every value; candle's autograd finds its way back, with φ′(0) the slope of the negative side, as PyTorch has it.
///
/// ```
/// use candle_core::{Device, Tensor};
/// use candle_nn::Module;
/// use initlab::Activation;
///
/// let z = Tensor::new(&[-1.0f32, 0.0, 2.0], &Device::Cpu)?;
/// let h = Activation::ShiftedRelu { shift: 0.5 }.forward(&z)?;
/// assert_eq!(h.to_vec1::<f32>()?, [-0.5, -0.5, 1.5]);
/// # Ok::<(), candle_core::Error>(())
/// ```
impl Module for Activation {
    fn forward(&self, z: &Tensor) -> Result<Tensor> {
        let Some(ReluForm { leak, shift, max }) = self.relu_form() else {
            // candle's own slopes err where a curve is put together from pieces, as ELU's at 0: the value counts as a constant, and a
            // difference that is 0 brings our slope.
            let at = z.detach();
            let h = activate(*self, &at)?;
            return h.add(&z.sub(&at)?.mul(&slope(*self, &at, &h)?)?);
        };
        // A low side of 0 is put in and not multiplied in: the product with an infinite z would be NaN.
        let low = if leak == 0.0 { z.zeros_like()? } else { z.affine(leak, 0.0)? };
        let mut h = z.le(0.0)?.where_cond(&low, z)?;
        if shift != 0.0 {
            h = h.affine(1.0, -shift)?;
        }
        if max.is_finite() {
            h = h.gt(max)?.where_cond(&h.zeros_like()?.affine(0.0, max)?, &h)?;
        }
        Ok(h)
    }
}

#[cfg(test)]
mod tests {
    use candle_core::{DType, Device, Var};

    use super::*;

    #[test]
    fn values_and_candles_gradients_are_those_of_the_formulas() {
        let z: Vec<f64> = vec![-3.0, -0.7, -1e-3, 0.0, 1e-3, 0.4, 2.5, 7.0];
        for activation in Activation::NAMES.map(|name| Activation::from_name(name).expect("a listed name")) {
            let var = Var::new(z.as_slice(), &Device::Cpu).unwrap();
            let h = activation.forward(&var).unwrap();
            let gradient = h.sum_all().unwrap().backward().unwrap();
            let slopes = gradient.get(&var).unwrap().to_vec1::<f64>().unwrap();
            for ((&z, h), slope) in z.iter().zip(h.to_vec1::<f64>().unwrap()).zip(slopes) {
                assert!((h - activation.value(z)).abs() < 1e-9, "{activation}({z}) = {h}");
                assert!((slope - activation.derivative(z)).abs() < 1e-6, "{activation}'({z}) = {slope}");
            }
        }
    }

    #[test]
    fn nan_stays_nan_and_infinity_stays_itself() {
        let z = Tensor::new(&[f32::NAN, f32::INFINITY, f32::NEG_INFINITY], &Device::Cpu).unwrap();
        let h = Activation::Relu.forward(&z.to_dtype(DType::F32).unwrap()).unwrap().to_vec1::<f32>().unwrap();
        assert!(h[0].is_nan() && h[1] == f32::INFINITY && h[2] == 0.0, "{h:?}");
    }
}
