//! Numbers of a coordinate check, as `initlab width --json` prints them.

use serde::Serialize;

use crate::config::optimizer::OptimizerConfig;
use crate::config::parametrisation::Parametrisation;
use crate::record::finding::Finding;
use crate::width::theory::Place;

/// A coordinate check.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct WidthRecord {
    /// Name of the config.
    pub name: String,
    /// The data set.
    pub dataset: String,
    /// How start and rates follow the width.
    pub parametrisation: Parametrisation,
    /// The optimiser, and its learning rate before the schedule and the parametrisation.
    pub optimizer: OptimizerConfig,
    /// Widths of the widest layer, growing.
    pub widths: Vec<usize>,
    /// Seeds of the networks, and of their batches.
    pub seeds: Vec<u64>,
    /// Steps that are taken.
    pub steps: usize,
    /// Images on which the layers are measured: the first ones of the first batch.
    pub images: usize,
    /// Values that a unit of the first layer sees.
    pub inputs: usize,
    /// Probability with which an interval holds the mean exponent.
    pub confidence: f64,
    /// Every layer with weights, in execution order; the last one's values are the logits.
    pub layers: Vec<LayerRecord>,
    /// Reason why theory has no exponents for this network.
    pub no_theory: Option<String>,
    /// The meaning of it, in sentences.
    pub findings: Vec<Finding>,
}

/// The pre-activations of one layer.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct LayerRecord {
    /// Its name.
    pub name: String,
    /// Its place in the network.
    pub place: Place,
    /// Their size at the start.
    pub start: Growth,
    /// The size of their change since the start, after each step.
    pub changes: Vec<Growth>,
}

/// A size (root mean square over images and units) and how it follows the width.
#[derive(Clone, Debug, Default, PartialEq, Serialize)]
pub struct Growth {
    /// The size by width and seed; absent where a run has diverged.
    pub sizes: Vec<Vec<Option<f64>>>,
    /// The exponent of the width of each seed; absent where too few sizes are above 0.
    pub exponents: Vec<Option<f64>>,
    /// Their mean.
    pub mean: Option<f64>,
    /// Student's interval of the mean; absent with fewer than two exponents.
    pub interval: Option<[f64; 2]>,
    /// The exponent of infinite width.
    pub theory: Option<f64>,
}

impl WidthRecord {
    /// Every size of every layer that has an exponent in theory, with the words for what it is of.
    pub fn predicted(&self) -> impl Iterator<Item = (String, &Growth, f64)> {
        self.layers.iter().flat_map(|layer| {
            let after = |step: usize| format!("{} after {} step{}", layer.name, step, if step == 1 { "" } else { "s" });
            let changes = layer.changes.iter().enumerate().map(move |(i, growth)| (after(i + 1), growth));
            let all = std::iter::once((format!("{} at the start", layer.name), &layer.start)).chain(changes);
            all.filter_map(|(name, growth)| Some((name, growth, growth.theory?)))
        })
    }

    /// The logits.
    ///
    /// # Panics
    /// If there is no layer, of which no check is made.
    pub fn logits(&self) -> &LayerRecord {
        self.layers.last().expect("a network has a layer with weights")
    }

    /// Widths at which runs diverged, with how many of the seeds did.
    pub fn diverged(&self) -> Vec<(usize, usize)> {
        let last = self.logits().changes.last().map_or(&[][..], |growth| &growth.sizes);
        let lost = |sizes: &Vec<Option<f64>>| sizes.iter().filter(|size| size.is_none()).count();
        let all = self.widths.iter().zip(last).map(|(&width, sizes)| (width, lost(sizes)));
        all.filter(|(_, lost)| *lost > 0).collect()
    }
}
