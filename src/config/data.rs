//! `[data]`: the images and how they are split.

use serde::Serialize;

use crate::config::key::{Key, Keys, choice, text};
use crate::config::{ConfigError, Section};
use crate::data::{Choice, Split};

/// The data set and how it is split.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct DataConfig {
    /// `auto`, `mnist`, `fashion-mnist`, `digits`, or a directory of four IDX files.
    pub dataset: String,
    /// `usual`, `lesson` or `validation`.
    pub split: Split,
}

impl DataConfig {
    /// The data set that is meant.
    pub fn choice(&self) -> Choice {
        Choice::parse(&self.dataset)
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
const DATASET: Key<String> =
    text("dataset", "A name of a known set, digits, auto, or a directory of four IDX files.").default("auto");

/// The keys of `[data]`.
pub(crate) const KEYS: Keys = Keys { path: "data", when: "", keys: &[&DATASET, &SPLIT] };

impl DataConfig {
    pub(crate) fn read(section: Section<'_>) -> Result<Self, ConfigError> {
        let data = Self { dataset: section.get(&DATASET)?, split: section.get(&SPLIT)? };
        section.finish()?;
        Ok(data)
    }
}
