//! Ranges of values that several keys share.

/// A range of values.
pub struct Range<T> {
    /// Goes on after "must be".
    pub words: &'static str,
    /// True if the value lies in the range.
    pub holds: fn(&T) -> bool,
}

/// A number above 0.
pub const ABOVE_0: Range<f64> = Range { words: "above 0", holds: |x| *x > 0.0 };
/// A number of at least 0.
pub const AT_LEAST_0: Range<f64> = Range { words: "at least 0", holds: |x| *x >= 0.0 };
/// A number of at least 0 that is compared with values in `f32`, where it must neither be infinite nor count as 0.
pub const AT_LEAST_0_IN_F32: Range<f64> = Range {
    words: "at least 0 and, unless it is 0, within the range of 32-bit floats (1.2e-38 to 3.4e38)",
    holds: |x| *x >= 0.0 && (*x as f32).is_finite() && (*x == 0.0 || *x as f32 >= f32::MIN_POSITIVE),
};
/// A share that is never the whole.
pub const FRACTION: Range<f64> = Range { words: "from 0 up to but not including 1", holds: |x| (0.0..1.0).contains(x) };
/// A share.
pub const SHARE: Range<f64> = Range { words: "from 0 to 1", holds: |x| (0.0..=1.0).contains(x) };
/// A count of at least 1.
pub const AT_LEAST_1: Range<usize> = Range { words: "at least 1", holds: |n| *n >= 1 };
