//! The verdict in plain words: what was found, beside what became of such nets in training.

use crate::numerals::three_digits;
use crate::probe::record::{Condition, Direction, FarRecord, LayerRecord, ProbeRecord, Trend, Verdict};
use crate::probe::zeros::{Cause, Zeros};
use crate::theory::trainable::FARTHEST;

/// Correlation of images of different classes above which a layer sees them as one.
pub(super) const ALIKE: f64 = 0.95;
/// Layers that a sentence names; of more it says how many.
const NAMED: usize = 3;

/// The layers that a signal is followed through, in the order of its travel, with its second moment there.
pub(super) type Way<'a> = Vec<(&'a str, Option<f64>)>;

/// The sentences about what is exactly 0, forwards and backwards.
pub(super) fn zeros(report: &ProbeRecord, zeros: &Zeros) -> Vec<String> {
    // Whether anything comes into a layer.
    let fed = |name: &str| {
        let place = report.layers.iter().position(|layer| layer.name == name);
        place.is_none_or(|i| i == 0 || zeros.activation(i - 1).is_none())
    };
    let mut sentences = zero(report, "pre-activations", &zeros.forward, forward_reason);
    sentences.extend(zero(report, "gradients", &zeros.backward, |cause, places, count| {
        backward_reason(cause, places, count, fed)
    }));
    sentences
}

/// Says how alike images of different classes are in the last hidden layer; above `alike` they are as good as one.
pub(super) fn likeness(
    report: &ProbeRecord,
    verdict: &Verdict,
    last: Option<&LayerRecord>,
    alike: f64,
) -> Option<String> {
    let (before, after, last) = (report.input.correlation_different?, verdict.likeness?, last?);
    let what = if after > alike { "become nearly one input, from which nets learn slowly" } else { "stay apart" };
    Some(format!(
        "images of different classes {what}: correlation {before:.2} of the images themselves, {after:.3} in {}",
        last.name
    ))
}

/// Says how many measured numbers lie in their bands.
pub(super) fn in_band(report: &ProbeRecord, verdict: &Verdict) -> String {
    let band = 100.0 * report.confidence;
    format!(
        "{} of {} measured numbers lie in their {band} % band (those of one network are not independent)",
        verdict.inside, verdict.checked
    )
}

/// Says how many of one image's steps lie in the exact bands of their law.
pub(super) fn in_exact_band(report: &ProbeRecord, verdict: &Verdict) -> String {
    format!(
        "of one image {} of {} steps from layer to layer, which are independent, lie in their exact {} % band",
        verdict.steps_inside,
        verdict.steps_checked,
        100.0 * report.confidence
    )
}

/// Says how many networks are dead for an image.
pub(super) fn born_dead(share: f64) -> String {
    format!(
        "of networks of this kind {} % let nothing of one image through: a layer of n units is dead for it with probability 2^-n",
        three_digits(100.0 * share)
    )
}

/// Describes a signal's course; nothing where it is 0 by design, which has sentences of its own.
pub(super) fn course(report: &ProbeRecord, name: &str, way: &Way<'_>, direction: &Direction) -> Option<String> {
    let of = direction.total.map(three_digits).unwrap_or_default();
    let mut text = match direction.trend {
        Trend::Explodes => format!("{name} explodes"),
        Trend::Vanishes => format!("{name} vanishes"),
        Trend::Holds => format!("{name} holds"),
        Trend::Grows => format!("{name} grows {of}-fold, which a learning rate makes up for"),
        Trend::Shrinks => format!("{name} shrinks {of}-fold, which the first steps make up for"),
        Trend::Zero => return None,
    };
    let (first, last) = (way.first()?, way.last()?);
    if let (Some(from), Some(to)) = (first.1, last.1) {
        text += &format!(": {} in {}", three_digits(from), first.0);
        if first.0 != last.0 {
            text += &format!(", {} in {}", three_digits(to), last.0);
        }
    }
    if let Some(factor) = direction.per_layer {
        text += &format!(", a factor {} a layer at the end", three_digits(factor));
    }
    if let Some(layer) = direction.leaves_floats_at.and_then(|place| report.layers.get(place - 1)) {
        text += &format!("; its values leave the range of floats at {}", layer.name);
    } else if let Some(depth) = direction.leaves_floats_after.filter(|depth| *depth < 1e5) {
        text += &format!("; it would leave the range of floats after {depth:.0} such layers");
    }
    Some(text)
}

/// A sentence for each kind of reason why something is exactly 0.
fn zero<'a>(
    report: &'a ProbeRecord,
    what: &str,
    causes: &'a [Option<Cause>],
    reason: impl Fn(&Cause, &str, usize) -> String,
) -> Vec<String> {
    let all: Vec<(&Cause, &str)> =
        causes.iter().zip(&report.layers).filter_map(|(cause, layer)| Some((cause.as_ref()?, &*layer.name))).collect();
    let mut kinds: Vec<&Cause> = Vec::new();
    for (cause, _) in &all {
        if !kinds.iter().any(|known| known.is_like(cause)) {
            kinds.push(cause);
        }
    }
    let sentence = |kind: &Cause| {
        let of_kind: Vec<_> = all.iter().filter(|(cause, _)| cause.is_like(kind)).collect();
        let layers: Vec<&str> = of_kind.iter().map(|(_, name)| *name).collect();
        let mut places: Vec<&str> = of_kind.iter().filter_map(|(cause, _)| cause.place()).collect();
        places.dedup();
        let why = reason(kind, &named(&places), places.len());
        format!("{what} of {} are exactly 0, not vanished: {why}", named(&layers))
    };
    kinds.into_iter().map(sentence).collect()
}

/// Names with commas and a last "and".
fn named(names: &[&str]) -> String {
    match names {
        [name] => (*name).to_string(),
        names if names.len() > NAMED + 1 => {
            format!("{} and {} more", names[..NAMED].join(", "), names.len() - NAMED)
        }
        [names @ .., last] => format!("{} and {last}", names.join(", ")),
        [] => "no layer".into(),
    }
}

/// Why pre-activations are 0; `places` are the layers or blocks that make them so.
fn forward_reason(cause: &Cause, places: &str, _: usize) -> String {
    match cause {
        Cause::Weights(_) => format!("the weights of {places} start at 0"),
        Cause::Alpha(_) => format!("alpha of {places} starts at 0"),
        Cause::Off(_) => format!("no unit of {places} passes anything on"),
        Cause::Images => "so are all pixels of the images, after normalisation".into(),
        Cause::Loss => "the loss asks for nothing".into(),
    }
}

/// Why gradients are 0, and what moves then.
fn backward_reason(cause: &Cause, places: &str, count: usize, fed: impl Fn(&str) -> bool) -> String {
    match cause {
        Cause::Weights(layer) if fed(layer) => {
            format!(
                "the weights of {places} start at 0; the first step moves those, and gradients come through after it"
            )
        }
        Cause::Weights(_) => {
            format!("the weights of {places} start at 0, and nothing comes in there that could move them")
        }
        Cause::Alpha(_) => {
            let branches = if count == 1 { "this branch" } else { "these branches" };
            format!("alpha of {places} starts at 0; of {branches} the first step moves only alpha")
        }
        Cause::Off(_) => format!("no unit of {places} passes anything on, so none before it is told anything"),
        Cause::Loss => "no answer of the network changes the loss, as with labels of one class".into(),
        Cause::Images => "the images are 0".into(),
    }
}

/// Says that the numbers are without dropout, and by how much it changes `E[x²]`.
pub(super) fn dropout(p: f64) -> String {
    format!(
        "all this is without the dropout of {p}, as in an evaluation; in training it makes E[x^2] {} times as large wherever it stands, \
         which neither these predictions nor the expected depth follow",
        three_digits(1.0 / (1.0 - p))
    )
}

/// Says in how many layers behind an activation (10) and (14) of He et al. 2015 hold.
pub(super) fn conditions(report: &ProbeRecord) -> Option<String> {
    let of = |condition: fn(&LayerRecord) -> Option<Condition>, name: &str| {
        let all: Vec<Condition> = report.layers.iter().skip(1).filter_map(condition).collect();
        let middle = all.get(all.len() / 2)?.value;
        let (holding, layers) = (all.iter().filter(|condition| condition.holds).count(), all.len());
        Some(format!(
            "({name}) holds in {holding} of {layers} layers (in the middle its value is {})",
            three_digits(middle)
        ))
    };
    let both = [of(|layer| layer.forward_condition, "10"), of(|layer| layer.backward_condition, "14")];
    let text: Vec<String> = both.into_iter().flatten().collect();
    (!text.is_empty()).then(|| format!("of He et al. 2015, {}", text.join(" and ")))
}

/// How deep the start stays trainable.
pub(super) fn depth(far: &FarRecord) -> String {
    if let Some(depth) = far.trainable_depth {
        return format!(
            "expected to train to about {depth:.0} hidden layers: from there on the gradient changes by more than a learning \
             rate made up for in trainings (docs/depth.md)"
        );
    }
    let chance = far.width_depth.map_or("and its length settles".into(), |layers| {
        format!("but by chance the length of one network of this width strays by a factor e in some {layers:.0} layers")
    });
    format!("up to {FARTHEST} layers the gradient stays where nets train, {chance}")
}
