//! `[stats]`: what is measured of each layer, and how often.

use serde::Serialize;

use crate::config::key::{Key, Keys, count, form, number};
use crate::config::range::{AT_LEAST_0_IN_F32, AT_LEAST_1, Range};
use crate::config::{ConfigError, Section};

/// Settings of `[stats]`: how often statistics are taken, and within which limits.
#[derive(Clone, Copy, Debug, PartialEq, Serialize)]
pub struct StatsConfig {
    /// Steps between two records of every layer; 0 for never.
    pub every: usize,
    /// |z| or |h| below this counts as near zero.
    pub near_zero: f64,
    /// A gradient below this in size counts as near zero.
    pub gradient_near_zero: f64,
    /// Steps between two histograms; 0 for never.
    pub histogram_every: usize,
    /// Bins within the range; two more take what lies outside.
    pub histogram_bins: usize,
    /// Limits of the histogram.
    pub histogram_range: [f64; 2],
    /// Steps between two records of the gradients' noise; 0 for never.
    #[serde(skip_serializing_if = "is_0")]
    pub noise_every: usize,
    /// Steps between two measurements of the sharpness; 0 for never.
    #[serde(skip_serializing_if = "is_0")]
    pub sharpness_every: usize,
    /// Training images on which it is measured.
    #[serde(skip_serializing_if = "is_usual")]
    pub sharpness_images: usize,
}

/// True if the key need not be written: nothing is recorded without it.
#[allow(clippy::trivially_copy_pass_by_ref, reason = "serde hands over a reference")]
fn is_0(every: &usize) -> bool {
    *every == 0
}

/// True if so many images are measured where no key says otherwise.
#[allow(clippy::trivially_copy_pass_by_ref, reason = "serde hands over a reference")]
fn is_usual(images: &usize) -> bool {
    *images == 1000
}

const EVERY: Key<usize> = count("every", "Steps between two records of every layer; 0 for never.").default("1");
const NEAR_ZERO: Key<f64> =
    number("near_zero", "|z| or |h| below this counts as near zero.").within(&[AT_LEAST_0_IN_F32]).default("0.05");
const GRADIENT_NEAR_ZERO: Key<f64> =
    number("gradient_near_zero", "A gradient whose size is below this counts as near zero.")
        .within(&[AT_LEAST_0_IN_F32])
        .default("1e-8");
const HISTOGRAM_EVERY: Key<usize> =
    count("histogram_every", "Steps between two histograms; 0 for never.").default("20");
const HISTOGRAM_BINS: Key<usize> = count("histogram_bins", "Bins within the range; two more take what lies outside.")
    .within(&[AT_LEAST_1, Range { words: "at most 10000", holds: |bins| *bins <= 10_000 }])
    .default("70");
const HISTOGRAM_RANGE: Key<Vec<f64>> =
    form("histogram_range", "two numbers, the lower one first", |value| value.numbers(), "Ends of the histogram.")
        .default("[-7.0, 7.0]");

const NOISE_EVERY: Key<usize> = count(
    "noise_every",
    "Steps between two records of each layer's gradient noise scale (McCandlish et al. 2018); 0 for never.",
)
.default("0");

const SHARPNESS_EVERY: Key<usize> = count(
    "sharpness_every",
    "Steps between two measurements of the largest eigenvalue of the loss's Hessian (Cohen et al. 2021); 0 for never.",
)
.default("0");
const SHARPNESS_IMAGES: Key<usize> = count(
    "sharpness_images",
    "Training images on which that is measured, always the same; all where there are no more.",
)
.within(&[AT_LEAST_1])
.default("1000");

/// The keys of `[stats]`.
pub(crate) const KEYS: Keys = Keys {
    path: "stats",
    when: "",
    keys: &[
        &EVERY,
        &NEAR_ZERO,
        &GRADIENT_NEAR_ZERO,
        &HISTOGRAM_EVERY,
        &HISTOGRAM_BINS,
        &HISTOGRAM_RANGE,
        &NOISE_EVERY,
        &SHARPNESS_EVERY,
        &SHARPNESS_IMAGES,
    ],
};

impl StatsConfig {
    pub(crate) fn read(section: Section<'_>) -> Result<Self, ConfigError> {
        let histogram_bins = section.get(&HISTOGRAM_BINS)?;
        let histogram_range = read_range(&section, histogram_bins)?;
        let stats = Self {
            every: section.get(&EVERY)?,
            near_zero: section.get(&NEAR_ZERO)?,
            gradient_near_zero: section.get(&GRADIENT_NEAR_ZERO)?,
            histogram_every: section.get(&HISTOGRAM_EVERY)?,
            histogram_bins,
            histogram_range,
            noise_every: section.get(&NOISE_EVERY)?,
            sharpness_every: section.get(&SHARPNESS_EVERY)?,
            sharpness_images: section.get(&SHARPNESS_IMAGES)?,
        };
        section.finish()?;
        Ok(stats)
    }
}

/// Two ends between which values in `f32` can be sorted into `bins` equal bins.
fn read_range(section: &Section<'_>, bins: usize) -> Result<[f64; 2], ConfigError> {
    let key = HISTOGRAM_RANGE.name;
    let list = section.get(&HISTOGRAM_RANGE)?;
    let [low, high] = list[..] else {
        return Err(section.error(key, format!("must be two numbers, the lower one first; it has {}", list.len())));
    };
    if low >= high {
        return Err(section.error(key, format!("must be two numbers, the lower one first, found {low:?} and {high:?}")));
    }
    // As the kernels have them; an end beyond f32's range is infinite there.
    let width = high as f32 - low as f32;
    if !width.is_finite() || !(bins as f32 / width).is_finite() {
        let message = format!(
            "must be two ends that 32-bit floats, which all values are, can tell apart, and whose distance is at most 3.4e38: \
             found {low:?} and {high:?}"
        );
        return Err(section.error(key, message));
    }
    Ok([low, high])
}
