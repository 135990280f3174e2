//! Findings about the start: what the first step shows of the signal forwards and the gradient backwards, beside what theory predicts.

use crate::config::model::Body;
use crate::findings::evidence::{Evidence, Hidden};
use crate::findings::found::Found;
use crate::findings::remedy::for_start;
use crate::init::fans;
use crate::model::initialise::{expected_std, weight_rule};
use crate::numerals::three_digits;
use crate::theory::finite_width::length_bands;
use crate::theory::length::LengthMap;
use crate::theory::trainable::{EXPLODES, TENFOLD, VANISHES};

/// Share of networks of this width that lie within the band of a prediction.
const CONFIDENCE: f64 = 0.999;

/// The first and the last hidden layer with their deviations, and the factor on the variance from one to the other; of at least two
/// layers, the last of which gets something.
fn forwards<'e>(evidence: &'e Evidence<'_>) -> Option<([(&'e str, f64); 2], f64)> {
    let way = values(evidence, |layer| layer.at_start("act_std"))?;
    Some((way, (way[1].1 / way[0].1).powi(2)))
}

/// Does as [`forwards`] for the gradient's norm, from the last hidden layer back to the first.
fn backwards<'e>(evidence: &'e Evidence<'_>) -> Option<([(&'e str, f64); 2], f64)> {
    let norm = |layer: &Hidden<'_>| Some((layer.at_start("grad_second_moment")? * layer.values? as f64).sqrt());
    let [first, last] = values(evidence, norm)?;
    Some(([last, first], (first.1 / last.1).powi(2)))
}

fn values<'e>(evidence: &'e Evidence<'_>, of: impl Fn(&Hidden<'_>) -> Option<f64>) -> Option<[(&'e str, f64); 2]> {
    let all: Option<Vec<f64>> = evidence.hidden.iter().map(of).collect();
    let all = all.filter(|all| all.len() > 1 && all[0] > 0.0 && all[all.len() - 1] > 0.0)?;
    let at = |i: usize| (evidence.hidden[i].name(), all[i]);
    Some([at(0), at(all.len() - 1)])
}

/// Tells in words how far a value went from one layer to another.
fn told(what: &str, [from, to]: [(&str, f64); 2], layers: usize) -> String {
    let verb = if to.1 < from.1 { "falls" } else { "grows" };
    let [a, b] = [from.1, to.1].map(three_digits);
    format!("{what} {verb} from {a} in {} to {b} in {}, over {layers} layers", from.0, to.0)
}

const DEVIATION: &str = "at the first step the activations' deviation";
const NORM: &str = "at the first step the gradient's norm";
const FAR: &str = "so far that no learning rate that was tried in trainings made up for it";

pub(super) fn signal_vanishes(evidence: &Evidence<'_>, threshold: f64) -> Option<Found> {
    let (way, factor) = forwards(evidence)?;
    let text = format!("{}: the signal vanishes, {FAR}", told(DEVIATION, way, evidence.hidden.len()));
    (factor < threshold).then(|| Found::new(text, for_start(evidence)))
}

pub(super) fn signal_explodes(evidence: &Evidence<'_>, threshold: f64) -> Option<Found> {
    let (way, factor) = forwards(evidence)?;
    let text = format!("{}: the signal explodes, {FAR}", told(DEVIATION, way, evidence.hidden.len()));
    (factor > threshold).then(|| Found::new(text, for_start(evidence)))
}

/// Factor on the variance in one layer below which a signal vanishes geometrically: at criticality it falls, too, but ever more slowly.
const FADES: f64 = 0.8;

/// The factor in one layer, of that over all hidden layers.
fn by_layer(evidence: &Evidence<'_>, factor: f64) -> f64 {
    factor.powf(1.0 / (evidence.hidden.len() - 1) as f64)
}

pub(super) fn signal_fades(evidence: &Evidence<'_>, threshold: f64) -> Option<Found> {
    let (way, factor) = forwards(evidence)?;
    let text = format!("{}: the signal vanishes layer by layer", told(DEVIATION, way, evidence.hidden.len()));
    (factor < threshold && factor >= VANISHES && by_layer(evidence, factor) < FADES)
        .then(|| Found::new(text, for_start(evidence)))
}

pub(super) fn signal_grows(evidence: &Evidence<'_>, threshold: f64) -> Option<Found> {
    let (way, factor) = forwards(evidence)?;
    let text = format!("{}: the signal grows layer by layer", told(DEVIATION, way, evidence.hidden.len()));
    (factor > threshold && factor <= EXPLODES).then(|| Found::new(text, for_start(evidence)))
}

/// True if signal or gradient does not come through from the first step on.
pub(super) fn is_at_fault(evidence: &Evidence<'_>) -> bool {
    let far =
        |way: Option<([(&str, f64); 2], f64)>| way.is_some_and(|(_, factor)| !(VANISHES..=EXPLODES).contains(&factor));
    far(forwards(evidence)) || far(backwards(evidence)) || evidence.starts_at_0()
}

/// Remedy for the start, where signal or gradient grow more than tenfold on their way.
pub(super) fn for_growth(evidence: &Evidence<'_>) -> Option<String> {
    let grows = |way: Option<([(&str, f64); 2], f64)>| way.is_some_and(|(_, factor)| factor > TENFOLD);
    (grows(forwards(evidence)) || grows(backwards(evidence))).then(|| for_start(evidence))
}

pub(super) fn signal_holds(evidence: &Evidence<'_>, threshold: f64) -> Option<Found> {
    let all: Option<Vec<f64>> = evidence.hidden.iter().map(|layer| layer.at_start("act_std")).collect();
    let all = all.filter(|all| all.len() > 1)?;
    let [low, high] = all.iter().fold([f64::INFINITY, 0.0f64], |[low, high], &std| [low.min(std), high.max(std)]);
    let text = format!(
        "at the first step the activations' deviation stays between {} and {} over {} layers: the start keeps the signal",
        three_digits(low),
        three_digits(high),
        all.len()
    );
    // A few layers that each lose a part are within the threshold, and lose it all the same.
    let keeps = by_layer(evidence, forwards(evidence)?.1) >= FADES;
    (low > 0.0 && (high / low).powi(2) <= threshold && keeps).then(|| Found::new(text, ""))
}

pub(super) fn gradient_vanishes(evidence: &Evidence<'_>, threshold: f64) -> Option<Found> {
    let (way, factor) = backwards(evidence)?;
    let text = format!("{}: the gradient vanishes, {FAR}", told(NORM, way, evidence.hidden.len()));
    (factor < threshold).then(|| Found::new(text, for_start(evidence)))
}

pub(super) fn gradient_explodes(evidence: &Evidence<'_>, threshold: f64) -> Option<Found> {
    let (way, factor) = backwards(evidence)?;
    let text = format!("{}: the gradient explodes, {FAR}", told(NORM, way, evidence.hidden.len()));
    (factor > threshold).then(|| Found::new(text, for_start(evidence)))
}

pub(super) fn no_signal(evidence: &Evidence<'_>, threshold: f64) -> Option<Found> {
    let silent =
        evidence.hidden.iter().find(|layer| layer.at_start("weight_norm").is_some_and(|norm| norm <= threshold))?;
    let text = format!(
        "the weights of {} start at 0: whatever the image, nothing passes it, and all its units stay alike",
        silent.name()
    );
    Some(Found::new(text, "draw the weights around 0, as with init.preset = \"kaiming\""))
}

pub(super) fn lsuv_missed(evidence: &Evidence<'_>, threshold: f64) -> Option<Found> {
    use crate::config::init::LsuvTarget::{Activation, PreActivation};
    let lsuv = evidence.experiment.as_ref()?.init.lsuv?;
    let column = match lsuv.of {
        Activation => "act_std",
        PreActivation => "pre_std",
    };
    let off = |layer: &&Hidden<'_>| layer.at_start(column).is_some_and(|std| (std - 1.0).abs() > threshold);
    let layer = evidence.hidden.iter().find(off)?;
    let std = three_digits(layer.at_start(column)?);
    let text = format!(
        "LSUV gave each layer a deviation of 1 ± {} on {} images, and {} has {std} at the first step",
        lsuv.tolerance,
        lsuv.images,
        layer.name()
    );
    Some(Found::new(text, "init.lsuv.images = 512 and init.lsuv.tolerance = 1e-3 come closer"))
}

/// A layer's measured mean square beside its prediction.
struct Departure<'e> {
    layer: &'e str,
    measured: f64,
    predicted: f64,
    band: (f64, f64),
}

impl Departure<'_> {
    /// Factor by which the measurement lies beyond the prediction's band; 1 within it.
    fn factor(&self) -> f64 {
        let ratio = self.measured / self.predicted;
        let within = (self.band.0..=self.band.1).contains(&self.measured);
        if within { 1.0 } else { ratio.max(1.0 / ratio) }
    }

    fn told(&self) -> String {
        format!(
            "E[z^2] is {} in {} at the first step, and mean field theory says {} to {} for this width ({} for wide layers)",
            three_digits(self.measured),
            self.layer,
            three_digits(self.band.0),
            three_digits(self.band.1),
            three_digits(self.predicted)
        )
    }
}

pub(super) fn departs(evidence: &Evidence<'_>, threshold: f64) -> Option<Found> {
    let departures = predictions(evidence)?;
    let first = departures.iter().find(|departure| departure.factor() > threshold)?;
    let text = format!("the start is not what theory takes it for: {}", first.told());
    Some(Found::new(text, "initlab probe shows every layer, over more seeds"))
}

pub(super) fn as_predicted(evidence: &Evidence<'_>, threshold: f64) -> Option<Found> {
    let departures = predictions(evidence)?;
    let last = departures.last()?;
    let holds = departures.iter().all(|departure| departure.factor() <= threshold);
    holds.then(|| Found::new(format!("the start is as theory predicts: {}", last.told()), ""))
}

/// Every hidden layer behind the first of a plain MLP of independent weights beside the length map from the first layer's measured length.
fn predictions<'e>(evidence: &'e Evidence<'_>) -> Option<Vec<Departure<'e>>> {
    let (network, resolved) = (evidence.network.as_ref()?, evidence.resolved.as_ref()?);
    let (model, init) = (&resolved.model, &resolved.init);
    let Body::Mlp { widths } = &model.body else { return None };
    if !model.is_plain() || init.lsuv.is_some() {
        return None;
    }
    let flat = network.flat_layers();
    let mut q = evidence.hidden.first()?.at_start("pre_second_moment").filter(|&q| q > 0.0)?;
    let mut spread = crate::theory::finite_width::LogNormalBand::CERTAIN;
    let mut all = Vec::new();
    for (i, hidden) in evidence.hidden.iter().enumerate().skip(1) {
        let layer = flat.iter().find(|layer| layer.name == hidden.name())?;
        let index = layer.weight?;
        let rule = weight_rule(network, init, index);
        let (law, scale) = rule.weight.law_and_scale();
        if law.structure(scale).unpredictable.is_some() {
            return None;
        }
        let fan_in = fans(&network.params[index].shape).ok()?.fan_in as f64;
        let variance_b = if layer.bias.is_some() { rule.bias.variance(fan_in).ok()? } else { 0.0 };
        let variance_w = fan_in * expected_std(network, resolved, index)?.powi(2);
        let map = LengthMap::new(model.activation, variance_w, variance_b).ok()?;
        let &(next, step) = length_bands(&map, q, &widths[i - 1..i]).get(1)?;
        let slope = q * map.slope(q) / next;
        spread.drift = slope * spread.drift + step.drift;
        // The biases are a sample, too.
        let biases = 2.0 / widths[i] as f64 * (variance_b / next).powi(2);
        spread.variance = slope * slope * spread.variance + step.variance + biases;
        q = next;
        let (low, high) = spread.interval(CONFIDENCE);
        let measured = hidden.at_start("pre_second_moment")?;
        all.push(Departure { layer: hidden.name(), measured, predicted: q, band: (q * low, q * high) });
    }
    Some(all)
}
