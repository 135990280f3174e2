//! `[record]`: what is kept on the disk.

use serde::Serialize;

use crate::config::key::{Key, Keys, Optional, count, flag};
use crate::config::range::AT_LEAST_1;
use crate::config::{ConfigError, Section};

/// Settings of `[record]`: the files that a run keeps.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
pub struct RecordConfig {
    /// Steps between two checkpoints; absent: after each evaluation.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub checkpoint_every: Option<usize>,
    /// True if the weights at the start and at the end are kept.
    #[serde(skip_serializing_if = "Clone::clone")]
    pub weights: bool,
    /// True if TensorBoard's event file is written, too.
    #[serde(skip_serializing_if = "std::ops::Not::not")]
    pub tensorboard: bool,
    /// True if every step and evaluation is a line of `events.jsonl`, too.
    #[serde(skip_serializing_if = "std::ops::Not::not")]
    pub json_lines: bool,
}

const CHECKPOINT_EVERY: Optional<usize> = count("checkpoint_every", "Steps between two checkpoints.")
    .within(&[AT_LEAST_1])
    .example("100")
    .or("each evaluation has one");
const WEIGHTS: Key<bool> = flag(
    "weights",
    "Whether init.safetensors and model.safetensors, the weights at the start and at the end, are kept.",
)
.default("true");
const TENSORBOARD: Key<bool> =
    flag("tensorboard", "Whether TensorBoard's event file is written, too.").default("false");
const JSON_LINES: Key<bool> =
    flag("json_lines", "Whether every step and evaluation is a line of events.jsonl, too.").default("false");

/// The keys of `[record]`.
pub(crate) const KEYS: Keys =
    Keys { path: "record", when: "", keys: &[&CHECKPOINT_EVERY, &WEIGHTS, &TENSORBOARD, &JSON_LINES] };

impl RecordConfig {
    pub(crate) fn read(section: Section<'_>) -> Result<Self, ConfigError> {
        let record = Self {
            checkpoint_every: section.find(&CHECKPOINT_EVERY)?,
            weights: section.get(&WEIGHTS)?,
            tensorboard: section.get(&TENSORBOARD)?,
            json_lines: section.get(&JSON_LINES)?,
        };
        section.finish()?;
        Ok(record)
    }
}
