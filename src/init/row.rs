//! A row of the tables of rules: a name, a law with a scale, the parameters, a line of help.

use crate::init::fans::FanMode;
use crate::init::gain::Gain;
use crate::init::law::Law;
use crate::init::scale::Scale;

/// A rule as a row of its table.
pub(super) struct Row<'a> {
    pub name: &'static str,
    pub law: Law,
    pub scale: Scale,
    /// Parameters of the rule, in the order of the variant's fields.
    pub parameters: [Option<Parameter<'a>>; 2],
    pub help: &'static str,
}

/// A rule without parameters.
pub(super) const NONE: [Option<Parameter<'static>>; 2] = [None, None];

pub(super) const fn row<'a>(
    name: &'static str,
    law: Law,
    scale: Scale,
    parameters: [Option<Parameter<'a>>; 2],
    help: &'static str,
) -> Row<'a> {
    Row { name, law, scale, parameters, help }
}

/// A parameter of a rule.
#[derive(Debug)]
pub struct Parameter<'a> {
    /// Its name in configs and records.
    pub name: &'static str,
    /// Says in a line what it is.
    pub help: &'static str,
    /// Its value.
    pub value: Slot<'a>,
}

/// Where a rule has the value of a parameter, by the values that it may have.
#[derive(Debug)]
pub enum Slot<'a> {
    /// Any finite number.
    Number(&'a mut f64),
    /// A finite number of at least 0.
    Size(&'a mut f64),
    /// A number from 0 to 1.
    Fraction(&'a mut f64),
    /// A gain.
    Gain(&'a mut Gain),
    /// A fan.
    Fan(&'a mut FanMode),
}

impl<'a> Parameter<'a> {
    /// The gain, if it is one.
    pub(super) fn into_gain(self) -> Option<&'a mut Gain> {
        if let Slot::Gain(gain) = self.value { Some(gain) } else { None }
    }
}

impl Slot<'_> {
    /// The values that it may have, in words.
    pub fn expected(&self) -> &'static str {
        match self {
            Self::Number(_) => "a finite number",
            Self::Size(_) => "a number of at least 0",
            Self::Fraction(_) => "a number from 0 to 1",
            Self::Gain(_) => "a number of at least 0 or \"activation\"",
            Self::Fan(_) => "\"fan_in\", \"fan_out\" or \"fan_avg\"",
        }
    }
}

/// Variance gain²/fan.
pub(super) const fn fan(mode: FanMode, gain: Gain) -> Scale {
    Scale::Fan { mode, gain }
}

pub(super) const fn value(place: &mut f64) -> Option<Parameter<'_>> {
    Some(Parameter { name: "value", help: "the value", value: Slot::Number(place) })
}

pub(super) const fn std(place: &mut f64) -> Option<Parameter<'_>> {
    Some(Parameter { name: "std", help: "standard deviation", value: Slot::Size(place) })
}

pub(super) const fn bound(place: &mut f64) -> Option<Parameter<'_>> {
    Some(Parameter { name: "bound", help: "half the width", value: Slot::Size(place) })
}

pub(super) const fn sparsity(place: &mut f64) -> Option<Parameter<'_>> {
    let help = "share of each input's weights that is 0, rounded up";
    Some(Parameter { name: "sparsity", help, value: Slot::Fraction(place) })
}

pub(super) const fn mode(place: &mut FanMode) -> Option<Parameter<'_>> {
    Some(Parameter { name: "mode", help: "the fan that the variance is divided by", value: Slot::Fan(place) })
}

pub(super) const fn gain(place: &mut Gain) -> Option<Parameter<'_>> {
    Some(Parameter { name: "gain", help: "factor on the standard deviation", value: Slot::Gain(place) })
}
