//! `model.norm`: normalisation of every hidden layer.

use serde::Serialize;

use crate::config::key::{Key, Keys, choice, get_or_default, number};
use crate::config::range::{ABOVE_0, FRACTION};
use crate::config::{ConfigError, Section, Value};

/// Normalisation layers.
#[derive(Clone, Copy, Debug, PartialEq, Serialize)]
pub struct NormConfig {
    /// Over the batch or over each sample.
    pub kind: NormKind,
    /// Before or after the activation.
    pub position: NormPosition,
    /// Added to the variance.
    pub eps: f64,
    /// Share of the batch in batch norm's running estimates.
    pub momentum: f64,
}

/// Over the batch or over each sample.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum NormKind {
    /// Ioffe & Szegedy 2015.
    Batch,
    /// Ba et al. 2016.
    Layer,
}

/// Before or after the activation.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum NormPosition {
    /// Linear, norm, activation.
    Before,
    /// Linear, activation, norm.
    After,
}

const KIND: Key<Option<NormKind>> = choice(
    "kind",
    || {
        vec![
            ("none", None, "No normalisation."),
            ("batch", Some(NormKind::Batch), "Over the batch (Ioffe & Szegedy 2015)."),
            ("layer", Some(NormKind::Layer), "Over each sample (Ba et al. 2016)."),
        ]
    },
    "What mean and variance are taken over.",
);
const POSITION: Key<NormPosition> = choice(
    "position",
    || {
        vec![
            ("before", NormPosition::Before, "Linear, norm, activation."),
            ("after", NormPosition::After, "Linear, activation, norm."),
        ]
    },
    "Before or after the activation.",
)
.default("before");
const EPS: Key<f64> = number("eps", "Added to the variance.").within(&[ABOVE_0]).default("1e-5");
const MOMENTUM: Key<f64> =
    number("momentum", "Share of the batch in batch norm's running estimates.").within(&[FRACTION]).default("0.1");

/// The keys of `[model.norm]`.
pub(crate) const KEYS: Keys = Keys { path: "model.norm", when: "", keys: &[&KIND, &POSITION, &EPS, &MOMENTUM] };

impl NormConfig {
    /// A kind by its name, or a table; none if that is the kind.
    pub(crate) fn read(value: &Value<'_>) -> Result<Option<Self>, ConfigError> {
        let table = value.as_section();
        let kind = table.as_ref().map_or_else(|| KIND.read(value), |table| table.get(&KIND))?;
        let norm = match kind {
            None => None,
            Some(kind) => Some(Self {
                kind,
                position: get_or_default(table.as_ref(), &POSITION)?,
                eps: get_or_default(table.as_ref(), &EPS)?,
                momentum: get_or_default(table.as_ref(), &MOMENTUM)?,
            }),
        };
        table.map_or(Ok(()), Section::finish)?;
        Ok(norm)
    }
}
