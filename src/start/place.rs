//! A layer's place in the network: the first and the last may have rules of their own, and an aim solves for all.

use crate::activation::Activation;
use crate::init::{ByPlace, InitRule, LayerPlace, WeightInit};
use crate::start::error::StartError;
use crate::start::settings::Settings;

impl Settings {
    /// The activation that the model is to use: the one that was set, or the one that the aim has made of it.
    ///
    /// # Errors
    /// The aim cannot be reached, or its depth is missing.
    pub(super) fn chosen_activation(&self) -> Result<Activation, StartError> {
        let Some(aim) = self.aim else { return Ok(self.activation) };
        let depth = self.depth.ok_or(StartError::Depth { aim: aim.name() })?;
        Ok(aim.solve(self.activation, depth)?.activation)
    }

    /// The rule of the layer of `name`; nothing where the modules' hints hold.
    pub(super) fn rule_at(&self, name: &str) -> Result<Option<InitRule>, StartError> {
        let Some(base) = self.base else { return Ok(None) };
        self.check_ends(base)?;
        let place = self.ends.place(name);
        let own = match place {
            LayerPlace::Last | LayerPlace::Only => self.ends.last_rule,
            LayerPlace::First => self.ends.first_rule,
            LayerPlace::Middle => None,
        };
        if own.is_some() {
            return Ok(own);
        }
        let Some(aim) = self.aim else {
            return Ok(Some(InitRule { weight: base.weight.at(place), ..base }));
        };
        let depth = self.depth.ok_or(StartError::Depth { aim: aim.name() })?;
        let ByPlace { first, middle, last } = aim.rules(base, &aim.solve(self.activation, depth)?)?;
        Ok(Some(match place {
            LayerPlace::Last | LayerPlace::Only => last,
            LayerPlace::First => first,
            LayerPlace::Middle => middle,
        }))
    }

    /// The activation behind the layer of `name`.
    pub(super) fn activation_at(&self, name: &str) -> Result<Activation, StartError> {
        let own = self.activations.iter().rev().find(|(pattern, _)| pattern.matches(name));
        match (own, self.ends.place(name)) {
            (Some((_, activation)), _) => Ok(*activation),
            (None, LayerPlace::Last | LayerPlace::Only) => Ok(Activation::Identity),
            (None, LayerPlace::First | LayerPlace::Middle) => self.chosen_activation(),
        }
    }

    /// Refuses a start whose ends differ while nobody said which they are.
    fn check_ends(&self, base: InitRule) -> Result<(), StartError> {
        let differ = self.aim.is_some() || matches!(base.weight, WeightInit::LooksLinear { .. });
        let refused = |end| Err(StartError::End { what: self.label.clone(), end });
        match (&self.ends.first, &self.ends.last) {
            (None, _) if differ || self.ends.first_rule.is_some() => refused("first"),
            (_, None) if differ || self.ends.last_rule.is_some() => refused("last"),
            (Some(_) | None, Some(_) | None) => Ok(()),
        }
    }
}
