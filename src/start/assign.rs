//! Which rule a parameter gets: by the patterns that were given, else by what the parameter is for.

use crate::init::{BiasInit, WeightInit};
use crate::start::error::StartError;
use crate::start::geometry::Geometry;
use crate::start::hint::Hint;
use crate::start::rule::LayerRule;
use crate::start::settings::Settings;

/// A parameter as a VarMap and a module know it.
#[derive(Clone, Copy, Debug)]
pub struct Parameter<'a> {
    /// Full name.
    pub name: &'a str,
    /// Shape.
    pub shape: &'a [usize],
    /// Hint that its module gave, if the model was built through a `VarBuilder` of ours.
    pub hint: Option<Hint>,
}

/// The purpose of a parameter, as far as shape, name and hint tell.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Purpose {
    /// Weight of a linear layer or a convolution.
    Weight,
    /// Bias of such a layer.
    Bias,
    /// A table of vectors: an embedding, a token, a position.
    Table,
    /// Weight or bias of a norm, a running estimate, a scale.
    Other,
}

/// How a parameter starts.
#[derive(Clone, Copy, Debug, PartialEq)]
pub enum Assigned {
    /// A rule for weights.
    Weight(WeightInit, Geometry),
    /// A rule for weights whose numbers need no fans.
    Flat(WeightInit),
    /// A rule for biases.
    Bias(BiasInit),
    /// The hint of the parameter's module.
    Hint(Hint),
    /// It keeps the values that it has.
    Stays,
}

/// The weight that a bias belongs to: `fc1.weight` of `fc1.bias`, `lstm.weight_ih_l0` of `lstm.bias_ih_l0`.
pub fn weight_of(bias: &str) -> Option<String> {
    let (layer, name) = bias.rsplit_once('.').map_or((None, bias), |(layer, name)| (Some(layer), name));
    let weight = name.contains("bias").then(|| name.replacen("bias", "weight", 1))?;
    Some(layer.map_or_else(|| weight.clone(), |layer| format!("{layer}.{weight}")))
}

/// Tells the purpose of `parameter`; `rank_of` gives the rank of another parameter of the model.
pub fn purpose(parameter: &Parameter<'_>, rank_of: impl Fn(&str) -> Option<usize>) -> Purpose {
    match (parameter.shape.len(), parameter.hint) {
        (_, Some(Hint::Constant(_))) => Purpose::Other,
        (2.., Some(Hint::Normal { .. })) => Purpose::Table,
        (2.., _) => Purpose::Weight,
        (1, hint) => match weight_of(parameter.name).map(|weight| rank_of(&weight)) {
            Some(Some(2..)) => Purpose::Bias,
            Some(None) if hint.is_some() => Purpose::Bias,
            Some(_) | None => Purpose::Other,
        },
        (0, _) => Purpose::Other,
    }
}

impl Settings {
    /// How `parameter`, which is for `purpose`, starts.
    ///
    /// # Errors
    /// A rule was given to this very parameter that cannot fill it.
    pub(super) fn assign(&self, parameter: &Parameter<'_>, purpose: Purpose) -> Result<Assigned, StartError> {
        let name = parameter.name;
        let covering = self.rules.iter().rev().filter(|(pattern, _)| pattern.matches(name));
        for (pattern, rule) in covering {
            if let Some(assigned) = self.applied(*rule, parameter, purpose, pattern.is_name())? {
                return Ok(assigned);
            }
        }
        match (self.rule_at(name)?, purpose) {
            (Some(rule), Purpose::Weight) => Ok(Assigned::Weight(rule.weight, self.own_geometry(parameter))),
            (Some(rule), Purpose::Bias) => Ok(Assigned::Bias(rule.bias)),
            (Some(_), Purpose::Table | Purpose::Other) | (None, _) => Ok(kept(parameter)),
        }
    }

    /// Applies `rule` to `parameter`; nothing if it is not for such a parameter, which a pattern in full (`by_name`) must not say.
    fn applied(
        &self,
        rule: LayerRule,
        parameter: &Parameter<'_>,
        purpose: Purpose,
        by_name: bool,
    ) -> Result<Option<Assigned>, StartError> {
        let needs_fans = |rule: WeightInit| {
            let (law, scale) = rule.law_and_scale();
            law.needs_fans() || scale.needs_fans()
        };
        let misfit = |rule: &'static str, reason| {
            let (name, shape) = (parameter.name.into(), parameter.shape.to_vec());
            if by_name { Err(StartError::Misfit { name, shape, rule, reason }) } else { Ok(None) }
        };
        let weight = |rule: WeightInit| match purpose {
            Purpose::Weight | Purpose::Table => Ok(Some(Assigned::Weight(rule, self.own_geometry(parameter)))),
            Purpose::Bias if !needs_fans(rule) => Ok(Some(Assigned::Flat(rule))),
            Purpose::Other if by_name && !needs_fans(rule) => Ok(Some(Assigned::Flat(rule))),
            Purpose::Other if by_name && parameter.shape.len() > 1 => {
                Ok(Some(Assigned::Weight(rule, self.own_geometry(parameter))))
            }
            Purpose::Bias | Purpose::Other => misfit(
                rule.name(),
                "it has no fan_in and fan_out of its own; take a rule that needs none, such as normal",
            ),
        };
        let bias = |rule: BiasInit| match purpose {
            Purpose::Bias => Ok(Some(Assigned::Bias(rule))),
            Purpose::Other if by_name && parameter.shape.len() == 1 => Ok(Some(Assigned::Bias(rule))),
            Purpose::Weight | Purpose::Table | Purpose::Other => {
                misfit(rule.name(), "the rule is for biases; take a rule of WeightInit")
            }
        };
        match rule {
            LayerRule::Keep => Ok(Some(kept(parameter))),
            LayerRule::Weight(rule) => weight(rule),
            LayerRule::Bias(rule) => bias(rule),
            LayerRule::Both(rule) if purpose == Purpose::Bias => bias(rule.bias),
            LayerRule::Both(rule) => weight(rule.weight),
        }
    }

    /// The layout of a weight: as it was said, else as its hint gives away.
    pub(super) fn own_geometry(&self, parameter: &Parameter<'_>) -> Geometry {
        let mut geometry = Geometry::of_hint(parameter.hint, parameter.shape);
        geometry.transposed |= self.transposed.iter().any(|pattern| pattern.matches(parameter.name));
        if let Some((_, groups)) = self.groups.iter().rev().find(|(pattern, _)| pattern.matches(parameter.name)) {
            geometry.groups = *groups;
        }
        geometry
    }
}

fn kept(parameter: &Parameter<'_>) -> Assigned {
    parameter.hint.map_or(Assigned::Stays, Assigned::Hint)
}
