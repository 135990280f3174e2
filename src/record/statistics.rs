//! The recorded statistics of a layer: one row for each statistic, and one for each chart of it.
//!
//! From these rows follow the columns of `layers.csv` and its reader, the curves in TensorBoard's files, the charts and tables of
//! reports, and the terminal's columns. A further statistic is a row at the end of [`STATISTICS`], so that the columns before it
//! keep their places, and one in [`CHARTS`] for each place where it is drawn.

use crate::cpu::activation::Observation;
use crate::cpu::moments::Sums;

/// Mean, std, second moment, near-zero share and extremes of a tensor.
#[derive(Clone, Copy, Debug, PartialEq, serde::Serialize)]
pub struct Moments {
    /// Mean.
    pub mean: f64,
    /// Standard deviation, N in the denominator.
    pub std: f64,
    /// Mean square.
    pub second_moment: f64,
    /// Share of values near zero.
    pub near_zero: f64,
    /// Smallest value.
    pub min: f64,
    /// Largest value.
    pub max: f64,
}

impl Moments {
    /// The moments behind the sums.
    #[inline]
    pub fn of(sums: &Sums) -> Self {
        Self {
            mean: sums.mean(),
            std: sums.std(),
            second_moment: sums.second_moment(),
            near_zero: sums.near_zero_share(),
            min: f64::from(sums.min),
            max: f64::from(sums.max),
        }
    }
}

/// Share of units that let no sample's gradient through. It is NaN, not known, where some pre-activation is: a unit without a mark
/// may then have no slope at all to judge by.
pub fn dead_fraction(observation: &Observation) -> f64 {
    let (units, live) = (observation.live.len(), observation.live.count());
    if live < units && observation.pre_activation.has_nan() {
        return f64::NAN;
    }
    (units - live) as f64 / units.max(1) as f64
}

/// ‖w‖ before a step, ‖dL/dw‖ and ‖Δw‖ of a layer's weight.
pub type Norms = [f64; 3];

/// The subject of a statistic, and how the number follows from the sums that were taken there.
#[derive(Clone, Copy, Debug)]
pub enum Of {
    /// The pre-activation z, from its sums.
    PreActivation(fn(&Sums) -> f64),
    /// The shape of z's distribution, from its higher sums, which few steps have.
    Shape(fn(&Sums) -> Option<f64>),
    /// The activation h = φ(z), from its sums.
    Activation(fn(&Sums) -> f64),
    /// The layer's units.
    Units(fn(&Observation) -> f64),
    /// The loss's gradient with respect to h, from its sums.
    Gradient(fn(&Sums) -> f64),
    /// The layer's weight, in a step that moved it.
    Weight(fn(Norms) -> f64),
}

/// The kind of a number: how it is drawn and written.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Unit {
    /// Values of either sign, in the tensor's own unit.
    Signed,
    /// Values that are not below 0, over powers of ten.
    Size,
    /// Shares from 0 to 1, written as percentages.
    Share,
}

/// A number of each observed layer.
#[derive(Clone, Copy, Debug)]
pub struct Statistic {
    /// The column of `layers.csv`; in TensorBoard the tag is `LAYER/NAME`.
    pub name: &'static str,
    /// Its subject.
    pub of: Of,
    /// Its words on an axis.
    pub label: &'static str,
    /// Its words above a narrow column.
    pub short: &'static str,
    /// The kind of number.
    pub unit: Unit,
    /// True if it is a curve in TensorBoard's files.
    pub curve: bool,
}

use Of::{Activation, Gradient, PreActivation, Shape, Units, Weight};
use Unit::{Share, Signed, Size};

/// The statistics, in the order of the columns of `layers.csv`.
#[rustfmt::skip]
pub const STATISTICS: &[Statistic] = &[
    Statistic { name: "pre_mean", of: PreActivation(Sums::mean), label: "mean", short: "mean", unit: Signed, curve: false },
    Statistic { name: "pre_std", of: PreActivation(Sums::std), label: "standard deviation", short: "std", unit: Size, curve: false },
    Statistic { name: "pre_second_moment", of: PreActivation(Sums::second_moment), label: "mean square", short: "square", unit: Size, curve: false },
    Statistic { name: "pre_near_zero", of: PreActivation(Sums::near_zero_share), label: "share", short: "near 0", unit: Share, curve: false },
    Statistic { name: "pre_min", of: PreActivation(min), label: "smallest", short: "min", unit: Signed, curve: false },
    Statistic { name: "pre_max", of: PreActivation(max), label: "largest", short: "max", unit: Signed, curve: false },
    Statistic { name: "act_mean", of: Activation(Sums::mean), label: "mean", short: "mean", unit: Signed, curve: true },
    Statistic { name: "act_std", of: Activation(Sums::std), label: "standard deviation", short: "std", unit: Size, curve: true },
    Statistic { name: "act_second_moment", of: Activation(Sums::second_moment), label: "mean square", short: "square", unit: Size, curve: false },
    Statistic { name: "act_near_zero", of: Activation(Sums::near_zero_share), label: "share", short: "near 0", unit: Share, curve: true },
    Statistic { name: "act_min", of: Activation(min), label: "smallest", short: "min", unit: Signed, curve: false },
    Statistic { name: "act_max", of: Activation(max), label: "largest", short: "max", unit: Signed, curve: false },
    Statistic { name: "dead", of: Units(dead_fraction), label: "share", short: "dead", unit: Share, curve: true },
    Statistic { name: "grad_mean", of: Gradient(Sums::mean), label: "mean", short: "mean", unit: Signed, curve: false },
    Statistic { name: "grad_std", of: Gradient(Sums::std), label: "standard deviation", short: "std", unit: Size, curve: true },
    Statistic { name: "grad_second_moment", of: Gradient(Sums::second_moment), label: "mean square", short: "square", unit: Size, curve: false },
    Statistic { name: "grad_near_zero", of: Gradient(Sums::near_zero_share), label: "share", short: "near 0", unit: Share, curve: false },
    Statistic { name: "grad_min", of: Gradient(min), label: "smallest", short: "min", unit: Signed, curve: false },
    Statistic { name: "grad_max", of: Gradient(max), label: "largest", short: "max", unit: Signed, curve: false },
    Statistic { name: "weight_norm", of: Weight(|[weight, ..]| weight), label: "norm", short: "‖w‖", unit: Size, curve: true },
    Statistic { name: "weight_gradient_norm", of: Weight(|[_, gradient, _]| gradient), label: "norm", short: "‖dL/dw‖", unit: Size, curve: true },
    Statistic { name: "update_ratio", of: Weight(update_ratio), label: "‖Δw‖ / ‖w‖", short: "update", unit: Size, curve: true },
    Statistic { name: "pre_kurtosis", of: Shape(Sums::kurtosis), label: "kurtosis", short: "kurtosis", unit: Size, curve: true },
];

fn min(sums: &Sums) -> f64 {
    f64::from(sums.min)
}

fn max(sums: &Sums) -> f64 {
    f64::from(sums.max)
}

/// A weight of zeros moves infinitely far, compared with its size.
fn update_ratio([weight, _, update]: Norms) -> f64 {
    if weight > 0.0 { update / weight } else { f64::INFINITY }
}

/// Where a report draws a statistic.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Place {
    /// A run's page: the first steps of each layer.
    FirstSteps,
    /// A run's page: the signal forwards, over all steps.
    Forwards,
    /// A run's page: the gradient backwards, over all steps.
    Backwards,
    /// A run's page: a map of all layers over all steps, of a deep network.
    Map,
    /// A study's page: from layer to layer at each arm's first step.
    ByLayer,
}

/// A chart of a statistic.
#[derive(Clone, Copy, Debug)]
pub struct Chart {
    /// Where it stands.
    pub place: Place,
    /// Name of the statistic.
    pub of: &'static str,
    /// Its title; the place adds what all charts there show.
    pub title: &'static str,
    /// Further explanation; empty where the place says it of all.
    pub about: &'static str,
    /// A value with a name, as a line across.
    pub rule: Option<(f64, &'static str)>,
}

use Place::{Backwards, ByLayer, FirstSteps, Forwards, Map};

/// The charts, in the order of their place's section.
#[rustfmt::skip]
pub const CHARTS: &[Chart] = &[
    Chart { place: FirstSteps, of: "act_mean", title: "Mean of the activations", rule: None,
        about: "Each layer's mean over a training batch." },
    Chart { place: FirstSteps, of: "act_std", title: "Standard deviation of the activations", rule: None,
        about: "Each layer's deviation over a training batch; a start that keeps the signal has the same everywhere." },
    Chart { place: Forwards, of: "act_mean", title: "Mean of the activations", rule: None,
        about: "A line is a layer; a band holds the extremes of the steps that a point stands for." },
    Chart { place: Forwards, of: "act_std", title: "Standard deviation of the activations", rule: None,
        about: "Sudden falls and new climbs, as in lesson 8, cost training time and kill units." },
    Chart { place: Forwards, of: "dead", title: "Dead units", rule: None,
        about: "Share of units that no image of the batch lets a gradient through." },
    Chart { place: Forwards, of: "act_near_zero", title: "Activations near zero", rule: None,
        about: "Share of activations whose size is below the config's near_zero." },
    Chart { place: Forwards, of: "pre_kurtosis", title: "Kurtosis of the pre-activations", rule: Some((3.0, "Gaussian")),
        about: "Fourth moment over squared variance: far from 3 a layer's sums are not Gaussian, and theories that say so err." },
    Chart { place: Backwards, of: "grad_std", title: "Standard deviation of the activations' gradients", rule: None,
        about: "The loss's gradient with respect to each layer's activations; it should neither vanish nor explode with depth." },
    Chart { place: Backwards, of: "weight_gradient_norm", title: "Norm of the weights' gradients", rule: None,
        about: "The length of the loss's gradient with respect to each layer's weight." },
    Chart { place: Backwards, of: "update_ratio", title: "Update in relation to the weight", rule: Some((1e-3, "1 in 1000")),
        about: "How far a step moves each weight, in relation to its length. About one in a thousand is a common pace." },
    Chart { place: Map, of: "act_std", title: "Standard deviation of the activations", rule: None, about: "" },
    Chart { place: Map, of: "grad_std", title: "Standard deviation of the gradients", rule: None, about: "" },
    Chart { place: Map, of: "dead", title: "Dead units", rule: None, about: "" },
    Chart { place: Map, of: "act_near_zero", title: "Activations near zero", rule: None, about: "" },
    Chart { place: ByLayer, of: "act_mean", title: "Mean of the activations", rule: None, about: "" },
    Chart { place: ByLayer, of: "act_std", title: "Standard deviation of the activations", rule: None, about: "" },
    Chart { place: ByLayer, of: "grad_std", title: "Standard deviation of the gradients", rule: None, about: "" },
];

/// Statistics in the first columns of the table of layers: at the first step, before anything was learnt.
pub const AT_START: [&str; 4] = ["act_mean", "act_std", "dead", "grad_std"];
/// Statistics in the table's last columns: at the last evaluation, on all test images.
pub const AT_END: [&str; 4] = ["act_mean", "act_std", "dead", "act_near_zero"];

impl Statistic {
    /// The statistic of this name.
    ///
    /// # Panics
    /// There is none.
    pub fn named(name: &str) -> &'static Self {
        &STATISTICS[place(name)]
    }

    /// Its value; absent where nothing was measured.
    pub fn value(&self, observation: &Observation, norms: Option<Norms>) -> Option<f64> {
        let of = |sums: &Sums, follows: fn(&Sums) -> f64| (sums.n > 0).then(|| follows(sums));
        match self.of {
            PreActivation(follows) => of(&observation.pre_activation, follows),
            Shape(follows) => follows(&observation.pre_activation),
            Activation(follows) => of(&observation.activation, follows),
            Units(follows) => (!observation.live.is_empty()).then(|| follows(observation)),
            Gradient(follows) => of(&observation.gradient, follows),
            Weight(follows) => norms.map(follows),
        }
    }

    /// Heading of its column in a table of activations, where `gradient` marks what is not of those.
    pub fn heading(&self, gradient: &str) -> String {
        match self.of {
            Gradient(_) => format!("{gradient} {}", self.short),
            PreActivation(_) | Shape(_) | Activation(_) | Units(_) | Weight(_) => self.short.into(),
        }
    }
}

/// The statistic's place in [`STATISTICS`].
///
/// # Panics
/// There is none of this name.
pub fn place(name: &str) -> usize {
    STATISTICS.iter().position(|statistic| statistic.name == name).expect("a statistic of the table")
}

/// The charts at a place, with what they draw.
pub fn charts_at(place: Place) -> impl Iterator<Item = (&'static Chart, &'static Statistic)> {
    CHARTS.iter().filter(move |chart| chart.place == place).map(|chart| (chart, Statistic::named(chart.of)))
}

/// Names of the statistics that a report shows.
pub fn shown() -> Vec<&'static str> {
    let shown = |name: &&str| AT_START.contains(name) || AT_END.contains(name) || CHARTS.iter().any(|c| c.of == *name);
    STATISTICS.iter().map(|statistic| statistic.name).filter(shown).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_name_is_one_statistic() {
        for (i, statistic) in STATISTICS.iter().enumerate() {
            assert_eq!(place(statistic.name), i, "{}", statistic.name);
        }
        for name in CHARTS.iter().map(|chart| chart.of).chain(AT_START).chain(AT_END) {
            assert!(shown().contains(&Statistic::named(name).name));
        }
    }
}
