//! Errors of watching a candle model, each with the layer that it is about.

use crate::record::RecordError;

/// Why a layer cannot be watched, or what was seen cannot be handed out.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum WatchError {
    /// No layer of this name was tapped.
    #[error("no layer is called `{name}`; {known}")]
    Unknown {
        /// The name that was asked for.
        name: String,
        /// The layers that there are, or how to tap one.
        known: String,
    },
    /// A layer has another number of units than in an earlier pass.
    #[error("`{layer}` had {before} units and now has {now}; give each layer of the model a name of its own")]
    Units {
        /// The layer.
        layer: String,
        /// Units in an earlier pass.
        before: usize,
        /// Units in this pass.
        now: usize,
    },
    /// A tensor has no dimension of units.
    #[error("`{layer}`: a tensor of shape {shape:?} has no units; expected a batch of vectors, sequences or images")]
    Shape {
        /// The layer.
        layer: String,
        /// The tensor's shape.
        shape: Vec<usize>,
    },
    /// Nothing was watched yet.
    #[error("nothing was watched yet: {advice}")]
    Nothing {
        /// The step that comes first.
        advice: &'static str,
    },
    /// A weight that LSUV would rescale is not in the VarMap.
    #[error(
        "`{layer}` has no `{weight}` in the VarMap; tap a layer under its module's full name, such as `block1.conv`"
    )]
    NoWeight {
        /// The layer.
        layer: String,
        /// The parameter that was looked for.
        weight: String,
    },
    /// A config's network is no plain chain of layers.
    #[error("the config's network is no plain chain: {0}")]
    Chain(String),
    /// LSUV cannot bring a layer to unit variance.
    #[error(transparent)]
    Lsuv(#[from] crate::model::lsuv::LsuvError),
    /// A file cannot be written.
    #[error(transparent)]
    Record(#[from] RecordError),
    /// A start cannot be drawn.
    #[error(transparent)]
    Start(#[from] crate::start::StartError),
    /// candle refuses.
    #[error(transparent)]
    Candle(#[from] candle_core::Error),
}

impl From<WatchError> for candle_core::Error {
    fn from(error: WatchError) -> Self {
        match error {
            WatchError::Candle(error) => error,
            error @ (WatchError::Unknown { .. }
            | WatchError::Units { .. }
            | WatchError::Shape { .. }
            | WatchError::Nothing { .. }
            | WatchError::NoWeight { .. }
            | WatchError::Chain(_)
            | WatchError::Lsuv(_)
            | WatchError::Record(_)
            | WatchError::Start(_)) => Self::wrap(error),
        }
    }
}
