//! Optimisers, with PyTorch's definitions: a file for each, its form on slices beside its form on tensors.
//!
//! A new optimiser is a file here and its lines in `kinds.rs`.

mod adam;
mod kinds;
mod lion;
mod muon;
mod rmsprop;
mod rule;
mod settings;
mod sgd;

pub use adam::{Adam, AdamW};
pub use kinds::{KINDS, Kind, Optimizer};
pub use lion::Lion;
pub use muon::Muon;
pub use rmsprop::Rmsprop;
pub use rule::{Part, Place, Rule, Step, Steps, UpdateNorms, Values};
pub use settings::{Key, Range, Settings, Value, Wrong};
pub use sgd::Sgd;
