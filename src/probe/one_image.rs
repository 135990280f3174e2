//! Exact bands for a single image: a plain chain of linear layers with independent normal weights, without biases, ReLU or nothing
//! behind each.
//!
//! There the law of the mean square is known ([`crate::theory::norm_law`]); over a sample of images, which pass the same weights, it is
//! not, so that means over the sample keep the bands of [`crate::probe::band`].

use crate::activation::Activation;
use crate::config::resolve::Resolved;
use crate::model::{Layer, Network, Op};
use crate::probe::band::CONFIDENCE;
use crate::probe::layers::weight_law;
use crate::probe::rows::Row;
use crate::theory::norm_law::{NormLaw, NormStep, dead};

/// The exact laws of one image.
#[derive(Clone, Debug, Default)]
pub(super) struct Exact {
    /// Of the rows from the first on for which they are known.
    pub rows: Vec<ExactRow>,
    /// Probability that nothing gets through the hidden layers; absent where some row has no exact law.
    pub born_dead: Option<f64>,
}

/// Factors on a mean square.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(super) struct ExactRow {
    /// Mean of the factor from the image to here.
    pub mean: f64,
    /// Band of that factor.
    pub length: (f64, f64),
    /// Mean of the factor from the row before.
    pub step_mean: f64,
    /// Band of that factor, given that the row before is not 0.
    pub step: (f64, f64),
}

/// Follows one image through `rows` for as long as the exact law holds.
pub(super) fn exact(network: &Network, config: &Resolved, rows: &[Row]) -> Exact {
    let flat = network.flat_layers();
    let mut exact = Exact::default();
    let mut steps: Vec<NormStep> = Vec::new();
    let mut single: Vec<(NormStep, (f64, f64))> = Vec::new();
    let mut mean = 1.0;
    let mut expected = 0;
    for row in rows {
        // Between the layers of a plain chain stand their activations alone, and the flattening of the image.
        let chained = flat[expected..row.layer].iter().all(|layer| matches!(layer.op, Op::Flatten));
        let Some(step) = step_of(network, config, row, flat[row.layer]).filter(|_| chained) else { return exact };
        expected = row.h.unwrap_or(row.z) + 1;
        let step_mean = step.variance_w * if step.rectified { 0.5 } else { 1.0 };
        mean *= step_mean;
        steps.push(step);
        let known = single.iter().find(|(known, _)| *known == step).map(|(_, band)| *band);
        let band = known.unwrap_or_else(|| {
            let band = NormLaw::new(&[step]).interval(CONFIDENCE);
            single.push((step, band));
            band
        });
        exact.rows.push(ExactRow { mean, length: NormLaw::new(&steps).interval(CONFIDENCE), step_mean, step: band });
    }
    exact.born_dead = Some(dead(&steps));
    exact
}

/// The step of `row`, if its law is known.
fn step_of(network: &Network, config: &Resolved, row: &Row, layer: &Layer) -> Option<NormStep> {
    let rectified = row.h.is_some() && row.activation == Activation::Relu;
    let plain = row.h.is_none() || row.activation == Activation::Identity;
    let law = weight_law(network, config, layer).ok()?;
    let known = matches!(layer.op, Op::Linear) && row.z == row.layer && law.normal && law.variance_b == 0.0;
    let variance_w = law.variance_w;
    let known = known && (rectified || plain) && variance_w > 0.0 && variance_w.is_finite();
    known.then_some(NormStep { variance_w, width: layer.output.len(), rectified })
}
