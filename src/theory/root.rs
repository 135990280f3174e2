//! Roots of scalar functions.

/// The point of [low, high] where `f` changes sign, to the last bit that bisection can tell apart.
///
/// `f(low)` and `f(high)` have opposite signs, or one of them is zero; otherwise the answer is one of the ends.
pub(crate) fn bisect(mut low: f64, mut high: f64, f: impl Fn(f64) -> f64) -> f64 {
    let rising = f(high) > 0.0;
    // An interval of doubles is empty after at most about 60 halvings of its length plus the span of the exponents.
    for _ in 0..200 {
        let middle = 0.5 * (low + high);
        if middle <= low.min(high) || middle >= low.max(high) {
            break;
        }
        if (f(middle) > 0.0) == rising {
            high = middle;
        } else {
            low = middle;
        }
    }
    0.5 * (low + high)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn rising_and_falling_functions_give_their_root() {
        assert!((bisect(0.0, 2.0, |x| x * x - 2.0) - 2f64.sqrt()).abs() < 1e-15);
        assert!((bisect(0.0, 2.0, |x| 2.0 - x * x) - 2f64.sqrt()).abs() < 1e-15);
    }
}
