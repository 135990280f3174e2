//! Results of a probe, as plain numbers: the terminal's tables, `probe.json` and the report's pages all read this.
//!
//! A number that does not exist (a layer without prediction, a value beyond the range of floats) is absent, never NaN.

use serde::{Deserialize, Serialize};

use crate::record::finding::{Finding, Severity};

/// Relative rounding of a number that was measured in 32-bit floats.
const ROUNDING: f64 = 1e-6;

/// A network before its first training step: measured over seeds, beside what theory predicts.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct ProbeRecord {
    /// The experiment's name.
    pub name: String,
    /// Data set that the images come from.
    pub dataset: String,
    /// Images that were sent through the network, the same for every seed.
    pub images: usize,
    /// Pairs of images of one class, and as many of different classes.
    pub pairs: usize,
    /// The seeds; every `measured` list has one entry for each, in this order.
    pub seeds: Vec<u64>,
    /// Hidden layers from input to output: L.
    pub depth: usize,
    /// φ of the hidden layers, with its parameters.
    pub activation: String,
    /// How the weights start, such as `kaiming_normal`.
    pub init: String,
    /// Share of networks that a band holds, such as 0.999.
    pub confidence: f64,
    /// The images themselves.
    pub input: InputRecord,
    /// The layers with weights, and residual sums, from input to output.
    pub layers: Vec<LayerRecord>,
    /// The input–output Jacobian at one image; absent where it is not asked for or has too many rows.
    pub jacobian: Option<JacobianRecord>,
    /// Probability that a network of this kind lets nothing of one image through; absent where the exact law does not hold.
    #[serde(default)]
    pub born_dead: Option<f64>,
    /// Limit of infinitely many layers of this kind; absent where a layer has no theory.
    pub far: Option<FarRecord>,
    /// The largest eigenvalue of the loss's Hessian, where it was asked for.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub sharpness: Option<SharpnessRecord>,
    /// The conclusions.
    pub verdict: Verdict,
    /// The meaning of all this, in words; docs/findings.md has the rules.
    #[serde(default)]
    pub findings: Vec<Finding>,
}

impl ProbeRecord {
    /// The findings; of an earlier version, which had no rules, its sentences as notes.
    pub fn said(&self) -> Vec<Finding> {
        if !self.findings.is_empty() {
            return self.findings.clone();
        }
        let note = |text: &String| Finding {
            rule: "verdict".into(),
            severity: Severity::Note,
            text: text.clone(),
            advice: String::new(),
        };
        self.verdict.findings.iter().chain(&self.verdict.advice).map(note).collect()
    }
}

/// Second moment and likeness of the images, after normalisation.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct InputRecord {
    /// Mean of x² over pixels and images.
    pub second_moment: f64,
    /// Mean correlation x·x′/(|x||x′|) of pairs of one class; absent where the data has none.
    pub correlation_same: Option<f64>,
    /// Mean correlation of pairs of different classes.
    pub correlation_different: Option<f64>,
}

/// One layer.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct LayerRecord {
    /// Its name, such as `conv2`.
    pub name: String,
    /// Its place among these layers, from 1.
    pub depth: usize,
    /// `linear`, `conv` or `residual`.
    pub op: String,
    /// φ behind it, with parameters; `identity` for the output.
    pub activation: String,
    /// Outputs, or channels.
    pub units: usize,
    /// Pixels of a channel; 1 for a vector.
    pub pixels: usize,
    /// Products that an output sums; absent for a residual sum.
    pub fan_in: Option<usize>,
    /// Products that an input takes part in, as He et al. 2015 count them (without stride and edges).
    pub fan_out: Option<usize>,
    /// Share of fan_in that falls inside the image, on average: below 1 with padding.
    pub fan_in_inside: Option<f64>,
    /// Share of fan_out that an input really meets, on average: below 1 with stride and at edges.
    pub fan_out_met: Option<f64>,
    /// fan_in·Var(w) of the weights as drawn, median over seeds.
    pub variance_w: Option<f64>,
    /// `E[z²]`, z the values that φ gets, over units, pixels and images.
    pub z_second_moment: Quantity,
    /// Mean of z.
    pub z_mean: Quantity,
    /// Standard deviation of z.
    pub z_std: Quantity,
    /// `E[h²]`, h = φ(z).
    pub h_second_moment: Quantity,
    /// Mean of h.
    pub h_mean: Quantity,
    /// Standard deviation of h.
    pub h_std: Quantity,
    /// `E[h²]` over the units of the first image alone, with the exact band of its law where that is known.
    #[serde(default)]
    pub one_image: Quantity,
    /// That over the layer before (the image itself, before the first): independent over layers and seeds.
    #[serde(default)]
    pub one_image_step: Quantity,
    /// Variance of ∂(loss of one image)/∂z.
    pub gradient_variance: Quantity,
    /// The gradient's variance over the next layer's: the χ of this step back.
    pub gradient_ratio: Quantity,
    /// Mean correlation z·z′/(|z||z′|) of pairs of one class.
    pub correlation_same: Quantity,
    /// Mean correlation of pairs of different classes.
    pub correlation_different: Quantity,
    /// fan_in·Var(w)·`E[φ²]`/q of the layer before: 1 is He et al. 2015, eq. 10. Of the first layer, fan_in·Var(w).
    pub forward_condition: Option<Condition>,
    /// fan_out·Var(w)·`E[φ′²]` of the layer before: 1 is He et al. 2015, eq. 14. The first layer has none.
    pub backward_condition: Option<Condition>,
    /// Why the forward signal has no prediction here.
    pub not_predicted: Option<String>,
    /// Why the gradient has no prediction here.
    pub gradient_not_predicted: Option<String>,
}

/// A number of each seed beside its prediction.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
pub struct Quantity {
    /// One for each seed; absent where it is not finite or cannot be measured.
    pub measured: Vec<Option<f64>>,
    /// Median over the seeds that have one.
    pub median: Option<f64>,
    /// Prediction for infinitely wide layers.
    pub predicted: Option<f64>,
    /// Lower end of the band that finite width opens around the prediction.
    pub low: Option<f64>,
    /// Upper end.
    pub high: Option<f64>,
    /// Seeds inside the band; absent without one.
    pub inside: Option<usize>,
}

/// A condition whose value should be 1.
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize)]
pub struct Condition {
    /// The value.
    pub value: f64,
    /// True if it is within a hundredth of 1.
    pub holds: bool,
}

/// Singular values of the input–output Jacobian.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct JacobianRecord {
    /// Median over seeds of the largest, second, … singular value.
    pub singular_values: Vec<f64>,
    /// Mean of s².
    pub mean_square: Quantity,
    /// Variance of s² over its squared mean: 0 for an isometry.
    pub spread: Quantity,
}

/// The limit of great depth, for the hidden layers' variances.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct FarRecord {
    /// fan_in·Var(w).
    pub variance_w: f64,
    /// Variance of the biases.
    pub variance_b: f64,
    /// The fixed length q*, where one attracts.
    pub q_fixed: Option<f64>,
    /// χ there.
    pub chi: Option<f64>,
    /// The correlation that inputs end at.
    pub correlation_fixed: Option<f64>,
    /// Depth scale of correlations in layers; absent where infinite.
    pub xi: Option<f64>,
    /// Layers over which a gradient changes by a factor e, 1/|ln χ|; absent where infinite.
    pub gradient_scale: Option<f64>,
    /// Hidden layers up to which the gradient stays where nets train ([`crate::theory::trainable`]); absent where no limit
    /// is near.
    pub trainable_depth: Option<f64>,
    /// Layers after which chance alone moves the length by a factor e, 1/(v·mean of 1/n); absent where it settles.
    pub width_depth: Option<f64>,
}

/// Course of a signal over the depth.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Trend {
    /// It grows in second moment by more than a learning rate made up for in trainings (see [`crate::theory::trainable`]).
    Explodes,
    /// It shrinks by more than that.
    Vanishes,
    /// It stays within a factor of ten.
    #[default]
    Holds,
    /// It is exactly 0 by design, as behind weights that start at 0.
    Zero,
    /// It grows more than tenfold, and nets train all the same.
    Grows,
    /// It shrinks to less than a tenth, and nets train all the same.
    Shrinks,
}

/// Curvature at the start.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct SharpnessRecord {
    /// Training images on which it is measured.
    pub images: usize,
    /// Largest eigenvalue of the Hessian of the mean loss, for each seed.
    pub eigenvalue: Quantity,
    /// Median of the largest rates at which steps of the config's optimiser on all these images do not overshoot; absent where none is
    /// known for this optimiser.
    pub stable_rate: Option<f64>,
    /// The config's rate.
    pub rate: f64,
}

/// One direction of the signal.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
pub struct Direction {
    /// Course of the signal this way.
    pub trend: Trend,
    /// Factor from the first to the last layer in this direction: on `E[z²]` forwards, on the gradient's squared length
    /// (units·pixels·variance, so that a stride's smaller images do not count as growth) backwards.
    pub total: Option<f64>,
    /// Factor per layer, over the half of the layers that it meets last.
    pub per_layer: Option<f64>,
    /// Place of the first layer, in this direction, where a seed's values were infinite, NaN, or too small for a float.
    pub leaves_floats_at: Option<usize>,
    /// Layers of this kind after which the signal would leave the range of floats.
    pub leaves_floats_after: Option<f64>,
}

/// The conclusions.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
pub struct Verdict {
    /// The activations.
    pub forward: Direction,
    /// The gradients.
    pub backward: Direction,
    /// Correlation of images of different classes in the last hidden layer.
    pub likeness: Option<f64>,
    /// Predictions checked, over layers, quantities and seeds.
    pub checked: usize,
    /// Numbers that lie inside their band. Numbers of one network stray together, so that they are fewer independent ones.
    pub inside: usize,
    /// Steps of one image from layer to layer whose exact law is known: independent over layers and seeds.
    #[serde(default)]
    pub steps_checked: usize,
    /// Steps that lie inside their exact band.
    #[serde(default)]
    pub steps_inside: usize,
    /// Findings of a version that had no rules for them, in sentences.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub findings: Vec<String>,
    /// Its advice.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub advice: Vec<String>,
}

impl Quantity {
    /// Measured values alone; those that are not finite become absent.
    pub fn measured(values: impl IntoIterator<Item = Option<f64>>) -> Self {
        let measured: Vec<Option<f64>> = values.into_iter().map(|x| x.filter(|x| x.is_finite())).collect();
        let present: Vec<f64> = measured.iter().flatten().copied().collect();
        let median = (!present.is_empty()).then(|| crate::inference::spread::median(&present));
        Self { measured, median, ..Self::default() }
    }

    /// Puts a prediction with its band beside the measured values; numbers that are not finite are left out.
    #[must_use]
    pub fn beside(mut self, predicted: Option<f64>, band: Option<(f64, f64)>) -> Self {
        self.predicted = predicted.filter(|x| x.is_finite());
        if let Some((low, high)) = band.filter(|(low, high)| low.is_finite() && high.is_finite())
            && self.predicted.is_some()
        {
            (self.low, self.high) = (Some(low), Some(high));
            // Measured numbers come from 32-bit floats: one that is exact in theory may be off by their rounding.
            let (low, high) = (low - ROUNDING * low.abs(), high + ROUNDING * high.abs());
            self.inside = Some(self.measured.iter().flatten().filter(|x| (low..=high).contains(*x)).count());
        }
        self
    }
}

impl Condition {
    /// How far from 1 still counts as 1.
    pub const TOLERANCE: f64 = crate::findings::remedy::TOLERANCE;

    /// The condition with this value, if it is a number.
    pub fn of(value: f64) -> Option<Self> {
        value.is_finite().then(|| Self { value, holds: (value - 1.0).abs() <= Self::TOLERANCE })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_not_finite_is_absent() {
        let quantity = Quantity::measured([Some(1.0), Some(f64::NAN), None, Some(f64::INFINITY), Some(3.0)]);
        assert_eq!(quantity.measured, [Some(1.0), None, None, None, Some(3.0)]);
        assert_eq!(quantity.median, Some(2.0));
        let beside = quantity.clone().beside(Some(1.5), Some((0.5, 2.0)));
        assert_eq!((beside.inside, beside.high), (Some(1), Some(2.0)));
        assert_eq!(quantity.beside(Some(f64::NAN), Some((0.0, 1.0))).inside, None);
        assert_eq!(Quantity::measured([None]).median, None);
        assert_eq!(Condition::of(f64::NAN), None);
    }
}
