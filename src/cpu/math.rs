//! Elementary functions on `f32` without branches, so that loops over them vectorise; relative error about 1e-7.

/// e^x for x ≤ 0; NaN stays NaN.
#[inline(always)]
pub fn exp_nonpositive(x: f32) -> f32 {
    const LOG2_E: f32 = std::f32::consts::LOG2_E;
    // ln 2 in two parts: the first has few enough bits that n·LN2_HIGH is exact.
    const LN2_HIGH: f32 = 0.693_359_4;
    const LN2_LOW: f32 = -2.121_944_4e-4;
    // Adding 1.5·2²³ rounds to an integer that then stands in the lowest bits.
    const ROUND: f32 = 12_582_912.0;
    let clamped = if x < -87.3 { -87.3 } else { x };
    let shifted = clamped * LOG2_E + ROUND;
    let n = shifted - ROUND;
    let r = (clamped - n * LN2_HIGH) - n * LN2_LOW;
    // Taylor's series: |r| ≤ ln 2 / 2, so the first term left out is below 6e-9.
    let p = 1.0 / 720.0 + r * (1.0 / 5040.0);
    let p = 1.0 / 120.0 + r * p;
    let p = 1.0 / 24.0 + r * p;
    let p = 1.0 / 6.0 + r * p;
    let p = 0.5 + r * p;
    let p = 1.0 + r * (1.0 + r * p);
    let scale = f32::from_bits((shifted.to_bits() << 23).wrapping_add(1.0f32.to_bits()));
    if x < -87.3 { 0.0 } else { p * scale }
}

/// e^x − 1 for x ≤ 0, with full relative precision near 0.
#[inline(always)]
pub fn exp_m1_nonpositive(x: f32) -> f32 {
    let p = 1.0 / 5040.0 + x * (1.0 / 40320.0);
    let p = 1.0 / 720.0 + x * p;
    let p = 1.0 / 120.0 + x * p;
    let p = 1.0 / 24.0 + x * p;
    let p = 1.0 / 6.0 + x * p;
    let p = 0.5 + x * p;
    let near = x + x * x * p;
    let far = exp_nonpositive(x) - 1.0;
    if x > -0.35 { near } else { far }
}

/// tanh(x), with full relative precision near 0, so that a vanishing signal keeps its size.
#[inline(always)]
pub fn tanh(x: f32) -> f32 {
    let e = exp_m1_nonpositive(-2.0 * x.abs());
    (-e / (2.0 + e)).copysign(x)
}

/// 1/(1 + e^−x).
#[inline(always)]
pub fn sigmoid(x: f32) -> f32 {
    let e = exp_nonpositive(-x.abs());
    let s = 1.0 / (1.0 + e);
    if x < 0.0 { e * s } else { s }
}

/// ln(1 + e^x).
#[inline(always)]
pub fn softplus(x: f32) -> f32 {
    // ln(1 + e) = 2 artanh(e/(2 + e)) with an argument in [0, 1/3], by its series.
    let e = exp_nonpositive(-x.abs());
    let s = e / (2.0 + e);
    let q = s * s;
    let p = 1.0 / 13.0 + q * (1.0 / 15.0);
    let p = 1.0 / 11.0 + q * p;
    let p = 1.0 / 9.0 + q * p;
    let p = 1.0 / 7.0 + q * p;
    let p = 1.0 / 5.0 + q * p;
    let p = 1.0 / 3.0 + q * p;
    let ln = 2.0 * (s + s * q * p);
    if x > 0.0 { x + ln } else { ln }
}

/// Φ(x) and the density φ(x) of the standard normal, together because they share an exponential.
#[inline(always)]
pub fn normal_cdf_pdf(x: f32) -> (f32, f32) {
    // Φ(−|x|) = e^(−x²/2) · t·P(t) / 2 with t = 1/(1 + p|x|/√2): a fit made for this project to the scaled
    // complementary error function on [0, 10.5], relative error 2e-8.
    const P: [f32; 9] = [
        0.169_187_44,
        0.170_723_41,
        0.148_288_73,
        0.215_098_93,
        -0.095_011_29,
        0.548_189_4,
        -0.512_651_15,
        0.485_728_98,
        -0.129_554_48,
    ];
    const FRAC_1_SQRT_2PI: f32 = 0.398_942_3;
    let a = x.abs() * std::f32::consts::FRAC_1_SQRT_2;
    let e = exp_nonpositive(-a * a);
    let t = 1.0 / (1.0 + 0.3 * a);
    let mut p = P[8];
    p = P[7] + t * p;
    p = P[6] + t * p;
    p = P[5] + t * p;
    p = P[4] + t * p;
    p = P[3] + t * p;
    p = P[2] + t * p;
    p = P[1] + t * p;
    p = P[0] + t * p;
    let tail = 0.5 * e * t * p;
    (if x < 0.0 { tail } else { 1.0 - tail }, e * FRAC_1_SQRT_2PI)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::activation::{Activation, normal_cdf, normal_pdf};

    fn check(name: &str, ours: impl Fn(f32) -> f32, exact: impl Fn(f64) -> f64, from: f64, relative: f64) {
        for i in 0..=20_000 {
            // Denser and denser towards 0, where relative precision is easily lost.
            let u = f64::from(i) / 10_000.0 - 1.0;
            let x =
                (from.abs() * u * u * u.abs()).copysign(u).clamp(from, if from == -87.0 { 0.0 } else { -from }) as f32;
            let (got, want) = (f64::from(ours(x)), exact(f64::from(x)));
            assert!((got - want).abs() <= relative * want.abs() + 1e-36, "{name}({x}) = {got}, exact {want}");
        }
    }

    #[test]
    fn elementary_functions_are_exact_to_a_few_units_in_the_last_place() {
        check("exp", exp_nonpositive, f64::exp, -87.0, 3e-7);
        check("expm1", exp_m1_nonpositive, f64::exp_m1, -87.0, 4e-7);
        check("tanh", tanh, f64::tanh, -20.0, 5e-7);
        check("sigmoid", sigmoid, |x| Activation::Sigmoid.value(x), -80.0, 4e-7);
        check("softplus", softplus, |x| Activation::Softplus.value(x), -80.0, 5e-7);
        // The rounding of x²/2 itself costs x²·6e-8 in the tails.
        check("normal cdf", |x| normal_cdf_pdf(x).0, normal_cdf, -9.0, 6e-6);
        check("normal pdf", |x| normal_cdf_pdf(x).1, normal_pdf, -9.0, 6e-6);
    }

    #[test]
    fn nan_stays_nan_and_infinities_saturate() {
        for f in [exp_nonpositive, exp_m1_nonpositive, tanh, sigmoid, softplus, |x| normal_cdf_pdf(x).0] {
            assert!(f(f32::NAN).is_nan());
        }
        assert_eq!((tanh(f32::INFINITY), tanh(f32::NEG_INFINITY)), (1.0, -1.0));
        assert_eq!((sigmoid(f32::INFINITY), sigmoid(f32::NEG_INFINITY)), (1.0, 0.0));
        assert_eq!(softplus(f32::INFINITY), f32::INFINITY);
    }
}
