//! `model.residual`: connections around groups of layers that keep their shape.

use serde::Serialize;

use crate::config::key::{Key, Keys, choice, count, get_or_default};
use crate::config::range::AT_LEAST_1;
use crate::config::{ConfigError, Value};

/// Residual blocks.
#[derive(Clone, Copy, Debug, PartialEq, Serialize)]
pub struct ResidualConfig {
    /// Weight layers in a block.
    pub layers: usize,
    /// How the blocks start.
    pub start: ResidualStart,
}

/// How residual blocks start.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum ResidualStart {
    /// x + F(x) with F initialised like any other layers.
    Plain,
    /// Zhang et al. 2019: scaled branches that start at zero, scalar biases and a multiplier.
    Fixup,
    /// Bachlechner et al. 2021: x + α·F(x), α = 0 at the start.
    Rezero,
}

const START: Key<ResidualStart> = choice(
    "start",
    || {
        vec![
            ("plain", ResidualStart::Plain, "x + F(x), with F initialised like any other layers."),
            ("fixup", ResidualStart::Fixup, "Zhang et al. 2019: scaled branches that start at zero, scalar biases."),
            ("rezero", ResidualStart::Rezero, "Bachlechner et al. 2021: x + α·F(x), α = 0 before training."),
        ]
    },
    "How the blocks start.",
)
.default("plain");
const LAYERS: Key<usize> =
    count("layers", "Weight layers in a block; fixup needs 2.").within(&[AT_LEAST_1]).default("2");

/// The keys of `[model.residual]`.
pub(crate) const KEYS: Keys = Keys { path: "model.residual", when: "", keys: &[&START, &LAYERS] };

impl ResidualConfig {
    /// A start by its name, or a table.
    pub(crate) fn read(value: &Value<'_>) -> Result<Self, ConfigError> {
        let table = value.as_section();
        let start = table.as_ref().map_or_else(|| START.read(value), |table| table.get(&START))?;
        let layers = get_or_default(table.as_ref(), &LAYERS)?;
        if let Some(table) = table {
            if start == ResidualStart::Fixup && layers < 2 {
                return Err(table.error(LAYERS.name, "must be at least 2 for fixup, whose scale is L^(-1/(2m-2))"));
            }
            table.finish()?;
        }
        Ok(Self { layers, start })
    }
}
