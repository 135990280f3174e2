//! `[data]`: the images and how they are split.

use std::sync::Arc;

use serde::Serialize;

use crate::config::key::{Key, Keys, Optional, choice, form, text};
use crate::config::{ConfigError, Section, Value};
use crate::data::{Choice, DataError, Dataset, Moments, Prepared, Split};

/// The data set and how it is split.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct DataConfig {
    /// A name of a known set, `digits`, `colour-digits`, `auto`, or a directory of files.
    pub dataset: String,
    /// `usual`, `lesson` or `validation`.
    pub split: Split,
    /// The pixels that share a mean and a standard deviation.
    #[serde(skip_serializing_if = "is_of_channel")]
    pub moments: Moments,
    /// Ends that black and white are mapped to; absent for mean 0 and standard deviation 1.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub range: Option<[f64; 2]>,
}

impl DataConfig {
    /// The data set that is meant.
    pub fn choice(&self) -> Choice {
        Choice::parse(&self.dataset)
    }

    /// Applies the split and the range of pixels to a data set.
    ///
    /// # Errors
    /// The set has too few images for the split.
    pub fn prepare(&self, dataset: impl Into<Arc<Dataset>>) -> Result<Prepared, DataError> {
        Ok(Prepared::new(dataset, self.split)?.with_moments(self.moments).in_range(self.range))
    }
}

const SPLIT: Key<Split> = choice(
    "split",
    || {
        vec![
            (Split::Usual.name(), Split::Usual, "60,000 training and 10,000 test images, as published."),
            (Split::Lesson.name(), Split::Lesson, "Lesson 8's: 50,000 and 10,000 images, pixels divided by 256."),
            (Split::Validation.name(), Split::Validation, "50,000 and 10,000 of the training images, else as usual."),
        ]
    },
    "What is trained on, and what is tested on.",
)
.default("usual");
const DATASET: Key<String> = text(
    "dataset",
    "A name of a known set, digits, colour-digits, auto, or a directory of four IDX files or of CIFAR-10's.",
)
.default("auto");

const RANGE: Optional<[f64; 2]> =
    form("range", "two numbers, the lower one first", read_range, "Ends that grey values 0 and 255 are mapped to.")
        .example("[-0.5, 0.5]")
        .or("the training images' pixels get mean 0 and standard deviation 1");

const MOMENTS: Key<Moments> = choice(
    "moments",
    || {
        vec![
            (Moments::OfChannel.name(), Moments::OfChannel, "Each channel's own; grey images have one channel."),
            (Moments::OfAll.name(), Moments::OfAll, "One mean and one deviation for all channels."),
        ]
    },
    "Which pixels of the training images get mean 0 and standard deviation 1 together.",
)
.default("of_channel");

/// True of the default, which configs of grey images leave out.
fn is_of_channel(moments: &Moments) -> bool {
    *moments == Moments::OfChannel
}

/// The keys of `[data]`.
pub(crate) const KEYS: Keys = Keys { path: "data", when: "", keys: &[&DATASET, &SPLIT, &MOMENTS, &RANGE] };

/// Two ends that 32-bit floats, which all values are, can tell apart.
fn read_range(value: &Value<'_>) -> Result<[f64; 2], ConfigError> {
    let list = value.numbers()?;
    let [low, high] = list[..] else {
        return Err(value.error(format!("must be two numbers, the lower one first; it has {}", list.len())));
    };
    let width = high as f32 - low as f32;
    if width > 0.0 && width.is_finite() {
        Ok([low, high])
    } else {
        Err(value.error(format!(
            "must be two numbers, the lower one first, that 32-bit floats can tell apart, found {low:?} and {high:?}"
        )))
    }
}

impl DataConfig {
    pub(crate) fn read(section: Section<'_>) -> Result<Self, ConfigError> {
        let data = Self {
            dataset: section.get(&DATASET)?,
            split: section.get(&SPLIT)?,
            moments: section.get(&MOMENTS)?,
            range: section.find(&RANGE)?,
        };
        section.finish()?;
        Ok(data)
    }
}
