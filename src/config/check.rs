//! Numbers of a section that must be in a range, for keys that are no [`Key`](crate::config::key::Key) yet.

use crate::config::range::{ABOVE_0, AT_LEAST_0, FRACTION, Range};
use crate::config::{ConfigError, Section};

/// A number above 0.
pub(crate) fn positive(section: &Section<'_>, key: &str) -> Result<Option<f64>, ConfigError> {
    within(section, key, ABOVE_0)
}

/// A number of at least 0.
pub(crate) fn non_negative(section: &Section<'_>, key: &str) -> Result<Option<f64>, ConfigError> {
    within(section, key, AT_LEAST_0)
}

/// A number from 0 up to but not including 1.
pub(crate) fn fraction(section: &Section<'_>, key: &str) -> Result<Option<f64>, ConfigError> {
    within(section, key, FRACTION)
}

fn within(section: &Section<'_>, key: &str, range: Range<f64>) -> Result<Option<f64>, ConfigError> {
    match section.f64(key)? {
        Some(x) if !(range.holds)(&x) => Err(section.error(key, format!("must be {}, found {x}", range.words))),
        found => Ok(found),
    }
}
