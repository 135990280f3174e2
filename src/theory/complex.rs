//! Complex numbers, as far as characteristic functions need them.

use std::f64::consts::PI;
use std::ops::{Add, Mul, Sub};

/// A complex number.
#[derive(Clone, Copy, Debug, Default, PartialEq)]
pub(crate) struct Complex {
    /// Real part.
    pub re: f64,
    /// Imaginary part.
    pub im: f64,
}

impl Complex {
    /// The number `re` + i·`im`.
    pub const fn new(re: f64, im: f64) -> Self {
        Self { re, im }
    }

    /// e^z.
    pub fn exp(self) -> Self {
        let size = self.re.exp();
        let (sin, cos) = self.im.sin_cos();
        Self::new(size * cos, size * sin)
    }

    /// The principal logarithm.
    pub fn ln(self) -> Self {
        Self::new(self.re.hypot(self.im).ln(), self.im.atan2(self.re))
    }

    /// The square of the absolute value.
    pub fn square(self) -> f64 {
        self.re * self.re + self.im * self.im
    }

    /// This number times a real one.
    pub fn times(self, factor: f64) -> Self {
        Self::new(self.re * factor, self.im * factor)
    }

    /// 1/z.
    fn inverse(self) -> Self {
        let square = self.square();
        Self::new(self.re / square, -self.im / square)
    }

    /// z^n for a whole exponent.
    pub fn power(self, mut n: usize) -> Self {
        let (mut base, mut product) = (self, Self::new(1.0, 0.0));
        while n > 0 {
            if n % 2 == 1 {
                product = product * base;
            }
            base = base * base;
            n /= 2;
        }
        product
    }

    /// ln Γ(z) for a real part above 0: Stirling's series behind enough steps of Γ(z + 1) = z·Γ(z) (Abramowitz & Stegun
    /// 6.1.41), to about 1e-14.
    pub fn ln_gamma(self) -> Self {
        const SERIES: [f64; 7] =
            [1.0 / 12.0, -1.0 / 360.0, 1.0 / 1260.0, -1.0 / 1680.0, 1.0 / 1188.0, -691.0 / 360_360.0, 1.0 / 156.0];
        let (mut z, mut steps) = (self, Self::default());
        while z.square() < 225.0 {
            steps = steps + z.ln();
            z.re += 1.0;
        }
        let inverse = z.inverse();
        let square = inverse * inverse;
        let tail =
            SERIES.iter().rev().fold(Self::default(), |sum, term| sum * square + Self::new(*term, 0.0)) * inverse;
        let half = Self::new(z.re - 0.5, z.im);
        half * z.ln() - z + Self::new(0.5 * (2.0 * PI).ln(), 0.0) + tail - steps
    }
}

impl Add for Complex {
    type Output = Self;
    fn add(self, other: Self) -> Self {
        Self::new(self.re + other.re, self.im + other.im)
    }
}

impl Sub for Complex {
    type Output = Self;
    fn sub(self, other: Self) -> Self {
        Self::new(self.re - other.re, self.im - other.im)
    }
}

impl Mul for Complex {
    type Output = Self;
    fn mul(self, other: Self) -> Self {
        Self::new(self.re * other.re - self.im * other.im, self.re * other.im + self.im * other.re)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn gamma_has_its_known_sizes() {
        // |Γ(1/2 + it)|² = π/cosh πt and |Γ(1 + it)|² = πt/sinh πt.
        for t in [0.01, 0.5, 1.0, 4.0, 9.0, 30.0] {
            let half = 2.0 * Complex::new(0.5, t).ln_gamma().re;
            let one = 2.0 * Complex::new(1.0, t).ln_gamma().re;
            assert!((half - (PI / (PI * t).cosh()).ln()).abs() < 1e-12, "{t}: {half}");
            assert!((one - (PI * t / (PI * t).sinh()).ln()).abs() < 1e-12, "{t}: {one}");
        }
        for x in [0.5, 1.0, 2.5, 20.0, 400.0] {
            let found = Complex::new(x, 0.0).ln_gamma();
            assert!((found.re - libm::lgamma(x)).abs() < 1e-13 * libm::lgamma(x).abs().max(1.0) && found.im == 0.0);
        }
    }

    #[test]
    fn powers_are_products() {
        let z = Complex::new(0.6, -0.9);
        let seven = (0..7).fold(Complex::new(1.0, 0.0), |product, _| product * z);
        assert!((z.power(7) - seven).square() < 1e-28 && z.power(0) == Complex::new(1.0, 0.0));
        assert!((z.ln().exp() - z).square() < 1e-30);
    }
}
