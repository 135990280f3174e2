//! Everything that was said to a [`Start`](crate::start::Start).

use std::collections::HashMap;
use std::sync::{Arc, Mutex, PoisonError};

use crate::activation::Activation;
use crate::init::{Aim, InitRule, LayerPlace};
use crate::start::error::StartError;
use crate::start::hint::Hint;
use crate::start::pattern::Pattern;
use crate::start::rule::LayerRule;

/// Shape and hint of parameters by name.
pub(super) type Hints = HashMap<String, (Vec<usize>, Hint)>;

/// Everything that was said, and the hints of modules since.
#[derive(Clone, Debug)]
pub(super) struct Settings {
    /// The rule of weights and biases; absent where the modules' own hints hold.
    pub base: Option<InitRule>,
    /// The name of the base in errors.
    pub label: String,
    pub aim: Option<Aim>,
    pub depth: Option<usize>,
    pub ends: Ends,
    pub seed: u64,
    pub activation: Activation,
    pub rules: Vec<(Pattern, LayerRule)>,
    pub activations: Vec<(Pattern, Activation)>,
    pub transposed: Vec<Pattern>,
    pub groups: Vec<(Pattern, usize)>,
    /// The hints of modules, by the names of their parameters.
    pub hints: Arc<Mutex<Hints>>,
}

/// The ends of a network.
#[derive(Clone, Debug, Default)]
pub(super) struct Ends {
    /// Parameters of the first layer.
    pub first: Option<Pattern>,
    /// Parameters of the last layer.
    pub last: Option<Pattern>,
    /// The first layer's own rule.
    pub first_rule: Option<InitRule>,
    /// The last layer's own rule.
    pub last_rule: Option<InitRule>,
}

impl Ends {
    /// Where the layer of `name` stands.
    pub fn place(&self, name: &str) -> LayerPlace {
        let covers = |pattern: &Option<Pattern>| pattern.as_ref().is_some_and(|pattern| pattern.matches(name));
        LayerPlace::of(covers(&self.first), covers(&self.last))
    }
}

impl Settings {
    /// Every pattern with the method that took it.
    pub fn patterns(&self) -> impl Iterator<Item = (&'static str, &Pattern)> {
        let method = |rule: &LayerRule| if *rule == LayerRule::Keep { "keep" } else { "rule" };
        let rules = self.rules.iter().map(move |(pattern, rule)| (method(rule), pattern));
        let activations = self.activations.iter().map(|(pattern, _)| ("activation_of", pattern));
        let transposed = self.transposed.iter().map(|pattern| ("transposed", pattern));
        let groups = self.groups.iter().map(|(pattern, _)| ("groups", pattern));
        let ends = [("first", &self.ends.first), ("last", &self.ends.last)];
        let ends = ends.into_iter().filter_map(|(place, pattern)| Some((place, pattern.as_ref()?)));
        rules.chain(activations).chain(transposed).chain(groups).chain(ends)
    }

    /// Refuses patterns that are no globs.
    pub fn check_patterns(&self) -> Result<(), StartError> {
        self.patterns().try_for_each(|(_, pattern)| pattern.check())
    }

    /// Keeps the hint with which a module asked for the parameter `name`, for [`Settings::hint_of`].
    pub fn remember(&self, name: &str, shape: &[usize], hint: Hint) {
        let mut hints = self.hints.lock().unwrap_or_else(PoisonError::into_inner);
        hints.insert(name.into(), (shape.to_vec(), hint));
    }

    /// The hint of a parameter's module, if it was built through a `VarBuilder` of ours.
    pub fn hint_of(&self, name: &str, shape: &[usize]) -> Option<Hint> {
        let hints = self.hints.lock().unwrap_or_else(PoisonError::into_inner);
        hints.get(name).filter(|(of, _)| of == shape).map(|(_, hint)| *hint)
    }
}
