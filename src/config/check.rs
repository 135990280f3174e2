//! Ranges of numbers that several sections share.

use crate::config::{ConfigError, Section};

/// A number above 0.
pub(crate) fn positive(section: &Section<'_>, key: &str) -> Result<Option<f64>, ConfigError> {
    within(section, key, |x| x > 0.0, "must be above 0")
}

/// A number of at least 0.
pub(crate) fn non_negative(section: &Section<'_>, key: &str) -> Result<Option<f64>, ConfigError> {
    within(section, key, |x| x >= 0.0, "must be at least 0")
}

/// A number of at least 0 that is compared with values in `f32`, where it must neither be infinite nor become 0.
pub(crate) fn non_negative_f32(section: &Section<'_>, key: &str) -> Result<Option<f64>, ConfigError> {
    let valid = |x: f64| x >= 0.0 && (x as f32).is_finite() && (x == 0.0 || x as f32 > 0.0);
    within(
        section,
        key,
        valid,
        "must be at least 0 and, unless it is 0, within the range of 32-bit floats (1.4e-45 to 3.4e38)",
    )
}

/// A number from 0 up to but not including 1.
pub(crate) fn fraction(section: &Section<'_>, key: &str) -> Result<Option<f64>, ConfigError> {
    within(section, key, |x| (0.0..1.0).contains(&x), "must be from 0 up to but not including 1")
}

/// A count of at least 1.
pub(crate) fn at_least_one(section: &Section<'_>, key: &str) -> Result<Option<usize>, ConfigError> {
    match section.usize(key)? {
        Some(0) => Err(section.error(key, "must be at least 1, found 0")),
        value => Ok(value),
    }
}

fn within(
    section: &Section<'_>,
    key: &str,
    valid: impl Fn(f64) -> bool,
    message: &str,
) -> Result<Option<f64>, ConfigError> {
    match section.f64(key)? {
        Some(x) if !valid(x) => Err(section.error(key, format!("{message}, found {x}"))),
        value => Ok(value),
    }
}
