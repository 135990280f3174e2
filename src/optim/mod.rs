//! Optimisers, with PyTorch's definitions: a file for each, its form on slices beside its form on tensors.
//!
//! A new optimiser is a file here, and its line in each of the lists below.

use std::mem::discriminant;

use serde::Serialize;

mod adam;
mod lion;
mod muon;
mod rmsprop;
mod rule;
mod settings;
mod sgd;

pub use adam::{Adam, AdamW};
pub use lion::Lion;
pub use muon::Muon;
pub use rmsprop::Rmsprop;
pub use rule::{Part, Place, Rule, Step, Steps, UpdateNorms, Values};
pub use settings::{Key, Range, Settings, Value, Wrong};
pub use sgd::Sgd;

/// The rule that turns gradients into steps.
#[derive(Clone, Copy, Debug, PartialEq, Serialize)]
#[serde(tag = "kind", rename_all = "snake_case")]
#[non_exhaustive]
pub enum Optimizer {
    /// Stochastic gradient descent.
    Sgd(Sgd),
    /// Kingma & Ba 2015.
    Adam(Adam),
    /// Loshchilov & Hutter 2019: decay apart from the gradient.
    Adamw(AdamW),
    /// Tieleman & Hinton 2012.
    Rmsprop(Rmsprop),
    /// Chen et al. 2023.
    Lion(Lion),
    /// Jordan et al. 2024.
    Muon(Muon),
}

impl Optimizer {
    /// Returns the rule by which it makes a step of a gradient.
    pub fn rule(&self) -> &dyn Rule {
        match self {
            Self::Sgd(rule) => rule,
            Self::Adam(rule) => rule,
            Self::Adamw(rule) => rule,
            Self::Rmsprop(rule) => rule,
            Self::Lion(rule) => rule,
            Self::Muon(rule) => rule,
        }
    }

    /// Its row.
    pub fn kind(&self) -> &'static Kind {
        let is_own = |kind: &&Kind| discriminant(&kind.usual()) == discriminant(self);
        KINDS.iter().find(is_own).expect("every optimiser has a row")
    }
}

/// A kind of optimiser, as a config names it.
#[derive(Clone, Copy)]
pub struct Kind {
    /// Its name.
    pub name: &'static str,
    /// Says in a line what it is.
    pub help: &'static str,
    /// Its settings, besides the learning rate.
    pub keys: &'static [Key],
    /// The optimiser with these settings.
    pub build: fn(&Settings) -> Result<Optimizer, Wrong>,
}

impl Kind {
    /// The optimiser with the default of every setting.
    pub fn usual(&self) -> Optimizer {
        let mut settings = Settings::default();
        self.keys.iter().for_each(|key| settings.push(key.name, key.default));
        (self.build)(&settings).unwrap_or_else(|_| unreachable!("the defaults go together"))
    }
}

/// Every optimiser; the first is what a config without a name means.
pub const KINDS: &[Kind] = &[
    Kind {
        name: "sgd",
        help: "Stochastic gradient descent.",
        keys: sgd::KEYS,
        build: |settings| Sgd::new(settings).map(Optimizer::Sgd),
    },
    Kind {
        name: "adam",
        help: "Kingma & Ba 2015.",
        keys: adam::ADAM_KEYS,
        build: |settings| Ok(Optimizer::Adam(Adam::new(settings))),
    },
    Kind {
        name: "adamw",
        help: "Loshchilov & Hutter 2019: decay apart from the gradient.",
        keys: adam::ADAMW_KEYS,
        build: |settings| Ok(Optimizer::Adamw(AdamW::new(settings))),
    },
    Kind {
        name: "rmsprop",
        help: "Tieleman & Hinton 2012.",
        keys: rmsprop::KEYS,
        build: |settings| Ok(Optimizer::Rmsprop(Rmsprop::new(settings))),
    },
    Kind {
        name: "lion",
        help: "Chen et al. 2023: the sign of a momentum that leans towards the gradient.",
        keys: lion::KEYS,
        build: |settings| Ok(Optimizer::Lion(Lion::new(settings))),
    },
    Kind {
        name: "muon",
        help: "Jordan et al. 2024: hidden weights move by the nearest orthogonal matrix to their momentum, the others by AdamW.",
        keys: muon::KEYS,
        build: |settings| Ok(Optimizer::Muon(Muon::new(settings))),
    },
];

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_optimiser_is_written_under_its_name_with_the_keys_of_its_rows() {
        for kind in KINDS {
            for key in kind.keys {
                let numbers = match key.default {
                    Value::Number(x) => vec![x],
                    Value::Pair(pair) => pair.to_vec(),
                    Value::Flag(_) => Vec::new(),
                };
                assert!(numbers.iter().all(|&x| key.range.contains(x)), "{}: default of {}", kind.name, key.name);
            }
            let optimizer = kind.usual();
            let written = serde_json::to_value(optimizer).unwrap();
            let mut found: Vec<&str> = written.as_object().unwrap().keys().map(String::as_str).collect();
            let mut wanted: Vec<&str> = kind.keys.iter().map(|key| key.name).chain(["kind"]).collect();
            found.sort_unstable();
            wanted.sort_unstable();
            assert_eq!((written["kind"].as_str(), found), (Some(kind.name), wanted));
            assert_eq!(optimizer.kind().name, kind.name);
            assert!(optimizer.rule().slots().len() <= 2, "{}", kind.name);
        }
    }
}
