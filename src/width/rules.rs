//! The table of rules about a coordinate check: what the exponents mean for the learning rate.

use crate::config::parametrisation::Parametrisation;
use crate::findings::Rule;
use crate::findings::found::Found;
use crate::findings::rule::sorted;
use crate::record::finding::Finding;
use crate::record::finding::Severity::{Fault, Note, Warning};
use crate::width::asked::{change_of_logits, fades, grows, held, layers, logits, named, stays, steps};
use crate::width::record::{LayerRecord, WidthRecord};
use crate::width::theory::Place;

/// A rule about a coordinate check.
type OfCheck = fn(&WidthRecord, f64) -> Option<Found>;

/// Exponents so far from 0 or from theory's count as the same: over five doublings a size changes by 2^0.5 at most, within which a best
/// rate is hardly told from its neighbours.
const SAME: f64 = 0.1;
const SOURCE: &str = "Yang et al. 2021: what keeps its size at every width keeps the best rate";
const FACTOR: &str = "over five doublings of the width a factor of 1.4";

/// The rules; of each check one of those about the logits speaks.
#[rustfmt::skip]
pub const RULES: &[Rule<OfCheck>] = &[
    Rule { name: "runs_diverged", severity: Fault, threshold: 0.0, find: diverged,
        measure: "runs that met numbers that are not finite", source: "no exponent is of these" },
    Rule { name: "logits_do_not_move", severity: Fault, threshold: 0.0, find: still,
        measure: "change of the logits after the last step", source: "what is 0 follows no power" },
    Rule { name: "logits_grow", severity: Warning, threshold: SAME, find: grow,
        measure: "exponent of the logits' change after the last step, with its whole interval", source: SOURCE },
    Rule { name: "logits_fade", severity: Warning, threshold: SAME, find: fade,
        measure: "the same below 0", source: SOURCE },
    Rule { name: "layers_grow", severity: Warning, threshold: SAME, find: layers_grow,
        measure: "the same of the layers before", source: SOURCE },
    Rule { name: "layers_fade", severity: Warning, threshold: SAME, find: layers_fade,
        measure: "the same of the layers before, below 0", source: "Yang & Hu 2021: such layers learn no features in a wide network" },
    Rule { name: "start_follows_width", severity: Warning, threshold: SAME, find: start,
        measure: "exponent of the values at the start, with its whole interval; logits may fade", source: "Yang et al. 2021, table 3" },
    Rule { name: "narrower_than_inputs", severity: Warning, threshold: 1.0, find: narrow,
        measure: "the narrowest width over the values that a unit of the first layer sees", source: "theory's exponents are of widths far beyond" },
    Rule { name: "unsettled", severity: Note, threshold: SAME, find: unsettled,
        measure: "exponent of the logits' change after the last step, where its interval reaches to both sides", source: FACTOR },
    Rule { name: "rate_carries_over", severity: Note, threshold: SAME, find: carries_over,
        measure: "the same, with its whole interval within", source: SOURCE },
    Rule { name: "apart_from_theory", severity: Note, threshold: SAME, find: apart,
        measure: "distance of an interval from theory's exponent, where theory has one", source: FACTOR },
    Rule { name: "as_theory", severity: Note, threshold: SAME, find: as_theory,
        measure: "the same, where no interval is further away", source: FACTOR },
    Rule { name: "no_theory", severity: Note, threshold: 0.0, find: no_theory,
        measure: "exponents that theory has", source: "Yang et al. 2021, table 3 and appendix C" },
];

/// Applies all rules to a check.
pub fn of_check(record: &WidthRecord) -> Vec<Finding> {
    sorted(RULES.iter().filter_map(|rule| Some(rule.finding((rule.find)(record, rule.threshold)?))).collect())
}

/// Advice about layers before the logits, where the logits' own does not stand above it.
fn advice_of_layers(record: &WidthRecord, threshold: f64) -> &'static str {
    let told = logits(record).is_some_and(|growth| grows(growth, threshold) || fades(growth, threshold));
    if told { "" } else { advice(record) }
}

/// Advice against a parametrisation whose exponents are not 0.
fn advice(record: &WidthRecord) -> &'static str {
    match record.parametrisation {
        Parametrisation::Standard => {
            "look for a rate at every width, or set init.parametrisation = \"mup\" with init.base_width"
        }
        Parametrisation::Mup => {
            "a rate that is too high for some widths does this, too: lower optimizer.lr, and take widths far above init.base_width"
        }
    }
}

fn diverged(record: &WidthRecord, _: f64) -> Option<Found> {
    let lost = record.diverged();
    let total: usize = lost.iter().map(|(_, runs)| runs).sum();
    let widths: Vec<String> = lost.iter().map(|(width, _)| width.to_string()).collect();
    let all = record.widths.len() * record.seeds.len();
    let text = format!("{total} of {all} runs diverged, at width {}: no exponent is of these", widths.join(", "));
    (total > 0).then(|| Found::new(text, "lower optimizer.lr until all widths take their steps"))
}

fn still(record: &WidthRecord, _: f64) -> Option<Found> {
    let sizes = &logits(record)?.sizes;
    let text = format!("the logits are {} what they were at the start", steps(record));
    let advice = "a schedule that begins at 0, or weights that start at 0, keep them there: take more --steps";
    sizes.iter().flatten().all(|size| *size == Some(0.0)).then(|| Found::new(text, advice))
}

fn grow(record: &WidthRecord, threshold: f64) -> Option<Found> {
    let growth = logits(record).filter(|growth| grows(growth, threshold))?;
    let text = format!(
        "{}: the best learning rate will move down as the network gets wider",
        change_of_logits(record, "grows", growth)
    );
    Some(Found::new(text, advice(record)))
}

fn fade(record: &WidthRecord, threshold: f64) -> Option<Found> {
    let growth = logits(record).filter(|growth| fades(growth, threshold))?;
    let text = format!(
        "{}: the best learning rate will move up as the network gets wider",
        change_of_logits(record, "fades", growth)
    );
    Some(Found::new(text, advice(record)))
}

fn carries_over(record: &WidthRecord, threshold: f64) -> Option<Found> {
    let growth = logits(record).filter(|growth| stays(growth, threshold))?;
    let text = format!(
        "{}, within {threshold} of constant: the best learning rate carries over from one width to another",
        change_of_logits(record, "goes", growth)
    );
    Some(Found::new(text, ""))
}

fn unsettled(record: &WidthRecord, threshold: f64) -> Option<Found> {
    let growth = logits(record).filter(|growth| growth.mean.is_some())?;
    let settled = grows(growth, threshold) || fades(growth, threshold) || stays(growth, threshold);
    let text = format!(
        "{}: neither within {threshold} of constant nor beyond it for certain, so that it is open if the best learning rate moves",
        change_of_logits(record, "goes", growth)
    );
    (!settled).then(|| Found::new(text, advice_of_unsettled(record)))
}

/// Advice where the interval is too wide, or bent by what does not follow the width's power.
fn advice_of_unsettled(record: &WidthRecord) -> &'static str {
    let random = record.logits().start.sizes.iter().flatten().any(|&size| size.is_some_and(|size| size > 0.0));
    if record.parametrisation == Parametrisation::Mup && random {
        "an output that starts at 0 (init.last.weight = \"zeros\") has no random part that fades; more --seeds tell more, too"
    } else {
        "more --seeds, or --widths further apart, tell more"
    }
}

fn layers_grow(record: &WidthRecord, threshold: f64) -> Option<Found> {
    let names = layers(record, |growth| grows(growth, threshold))?;
    let text = format!("{} the change of these layers grows with the width, with the exponent: {names}", steps(record));
    Some(Found::new(text, advice_of_layers(record, threshold)))
}

fn layers_fade(record: &WidthRecord, threshold: f64) -> Option<Found> {
    let names = layers(record, |growth| fades(growth, threshold))?;
    let text = format!(
        "{} the change of these layers fades with the width, which keeps them nearly as they were drawn, with the exponent: {names}",
        steps(record)
    );
    Some(Found::new(text, advice_of_layers(record, threshold)))
}

fn start(record: &WidthRecord, threshold: f64) -> Option<Found> {
    let follows = |layer: &&LayerRecord| {
        let may_fade = layer.place == Place::Output;
        grows(&layer.start, threshold) || (fades(&layer.start, threshold) && !may_fade)
    };
    let all = record.layers.iter().filter(follows).map(|layer| (layer.name.clone(), layer.start.clone())).collect();
    let text = format!("at the start the values of these layers follow the width, with the exponent: {}", named(all)?);
    Some(Found::new(text, "draw weights whose variance goes like 1/fan_in, such as init.preset = \"kaiming\""))
}

fn narrow(record: &WidthRecord, threshold: f64) -> Option<Found> {
    let inputs = record.inputs;
    let below: Vec<usize> =
        record.widths.iter().copied().filter(|&width| (width as f64) < threshold * inputs as f64).collect();
    let which = match below[..] {
        [] => return None,
        [one] => format!("width {one} is"),
        [first, .., last] => format!("widths {first} to {last} are"),
    };
    let text =
        format!("{which} below the {inputs} inputs of the first layer: the limit's exponents are not expected yet");
    Some(Found::new(text, "wider --widths, or smaller images, come closer to it"))
}

fn apart(record: &WidthRecord, threshold: f64) -> Option<Found> {
    let (inside, all, far) = held(record, threshold);
    let text = format!("theory's exponent lies in {inside} of {all} intervals; far from them: {}", named(far)?);
    Some(Found::new(
        text,
        "theory is of great widths and small steps: try --widths further up, and a lower optimizer.lr",
    ))
}

fn as_theory(record: &WidthRecord, threshold: f64) -> Option<Found> {
    let (inside, all, far) = held(record, threshold);
    let text = if inside == all {
        format!("theory's exponent lies in all {all} intervals")
    } else {
        format!("theory's exponent lies in {inside} of {all} intervals, and within {threshold} of the others")
    };
    (all > 0 && far.is_empty()).then(|| Found::new(text, ""))
}

fn no_theory(record: &WidthRecord, _: f64) -> Option<Found> {
    record.no_theory.as_ref().map(|reason| Found::new(format!("theory has no exponents here: {reason}"), ""))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::config::Experiment;
    use crate::width::fit::growth;
    use crate::width::record::Growth;

    const WIDTHS: [usize; 4] = [32, 64, 128, 256];

    /// A size that follows the width with these exponents, one a seed.
    fn power(exponents: [f64; 3], theory: Option<f64>) -> Growth {
        let size = |width: usize| exponents.iter().map(|e| Some(0.1 * (width as f64).powf(*e))).collect();
        growth(&WIDTHS, WIDTHS.iter().map(|&width| size(width)).collect(), theory)
    }

    /// Three seeds around an exponent: an interval of ± 0.025.
    fn around(exponent: f64) -> [f64; 3] {
        [exponent - 0.01, exponent, exponent + 0.01]
    }

    /// A check of a network with one hidden layer, whose change and whose logits' change have these exponents.
    fn checked(hidden: [f64; 3], logits: [f64; 3], theory: Option<f64>) -> WidthRecord {
        let text = "model = { kind = 'mlp', widths = [32] }\noptimizer.lr = 0.1\ntrain.steps = 1";
        let layer = |name: &str, place, exponents| LayerRecord {
            name: name.into(),
            place,
            start: power(around(0.0), theory),
            changes: vec![power(exponents, theory)],
        };
        WidthRecord {
            name: "net".into(),
            dataset: "digits".into(),
            parametrisation: Parametrisation::Standard,
            optimizer: Experiment::parse("net", text, &[]).unwrap().optimizer,
            widths: WIDTHS.to_vec(),
            seeds: vec![0, 1, 2],
            steps: 1,
            images: 64,
            inputs: 16,
            confidence: 0.95,
            layers: vec![layer("linear1", Place::Input, hidden), layer("linear2", Place::Output, logits)],
            no_theory: None,
            findings: Vec::new(),
        }
    }

    fn found(record: &WidthRecord) -> Vec<(String, String)> {
        of_check(record).into_iter().map(|finding| (finding.rule, finding.text)).collect()
    }

    fn names(record: &WidthRecord) -> Vec<String> {
        found(record).into_iter().map(|(rule, _)| rule).collect()
    }

    #[test]
    fn the_logits_exponent_says_where_the_rate_goes() {
        for (exponents, rule, part) in [
            (
                around(0.97),
                "logits_grow",
                "grows like width^0.97 (0.95 to 0.99): the best learning rate will move down",
            ),
            (
                around(-0.5),
                "logits_fade",
                "fades like width^-0.50 (-0.52 to -0.48): the best learning rate will move up",
            ),
            (around(0.02), "rate_carries_over", "width^0.02 (0.00 to 0.04), within 0.1 of constant"),
            ([-0.3, 0.0, 0.3], "unsettled", "neither within 0.1 of constant"),
            ([0.05, 0.1, 0.15], "unsettled", "it is open if the best learning rate moves"),
        ] {
            let found = found(&checked(around(0.0), exponents, None));
            assert_eq!(found.len(), 1, "{found:?}");
            assert!(found[0].0 == rule && found[0].1.contains(part), "{found:?}");
        }
    }

    #[test]
    fn random_logits_of_mup_are_named_where_they_may_bend_the_line() {
        let mut record = checked(around(0.0), [-0.3, 0.0, 0.3], None);
        record.parametrisation = Parametrisation::Mup;
        let advice = |record: &WidthRecord| of_check(record).remove(0).advice;
        assert!(advice(&record).contains("init.last.weight"), "{}", advice(&record));
        record.layers[1].start = growth(&WIDTHS, vec![vec![Some(0.0); 3]; 4], None);
        assert!(!advice(&record).contains("init.last.weight"), "{}", advice(&record));
    }

    #[test]
    fn layers_that_fade_or_grow_are_named() {
        assert_eq!(names(&checked(around(0.5), around(0.0), None)), ["layers_grow", "rate_carries_over"]);
        let fading = checked(around(-0.5), around(0.0), None);
        assert!(found(&fading)[0].1.ends_with("with the exponent: linear1 -0.50 (-0.52 to -0.48)"), "{fading:?}");
        let mut grown = checked(around(0.0), around(0.0), None);
        grown.layers[0].start = power(around(0.5), None);
        grown.layers[1].start = power(around(-0.5), None);
        assert!(found(&grown)[0].1.contains("linear1 0.50") && !found(&grown)[0].1.contains("linear2"), "{grown:?}");
    }

    #[test]
    fn theory_is_held_against_the_intervals() {
        let (at, near, far) = (around(0.0), around(0.1), around(0.2));
        for (hidden, rule, part) in [
            (at, "as_theory", "lies in all 4 intervals"),
            (near, "as_theory", "lies in 3 of 4 intervals, and within 0.1 of the others"),
            (
                far,
                "apart_from_theory",
                "in 3 of 4 intervals; far from them: linear1 after 1 step (theory 0) 0.20 (0.18 to 0.22)",
            ),
        ] {
            let found = found(&checked(hidden, at, Some(0.0)));
            let (_, text) = found.iter().find(|(name, _)| name == rule).unwrap_or_else(|| panic!("{found:?}"));
            assert!(text.contains(part), "{text}");
        }
        let without = WidthRecord { no_theory: Some("muon".into()), ..checked(at, at, None) };
        assert_eq!(names(&without), ["rate_carries_over", "no_theory"]);
    }

    #[test]
    fn runs_that_diverge_or_stand_still_and_narrow_widths_are_told() {
        let mut record = checked(around(0.0), around(0.0), None);
        record.inputs = 100;
        assert!(found(&record)[0].1.starts_with("widths 32 to 64 are below the 100 inputs"), "{:?}", found(&record));
        for layer in &mut record.layers {
            let mut sizes = layer.changes[0].sizes.clone();
            (sizes[2][0], sizes[3][0], sizes[3][1]) = (None, None, None);
            layer.changes[0] = growth(&WIDTHS, sizes, None);
        }
        let diverged = found(&record).remove(0);
        assert!(diverged.1.starts_with("3 of 12 runs diverged, at width 128, 256"), "{diverged:?}");
        let mut record = checked(around(0.0), around(0.0), None);
        for layer in &mut record.layers {
            layer.changes[0] = growth(&WIDTHS, vec![vec![Some(0.0); 3]; 4], None);
        }
        assert_eq!(names(&record), ["logits_do_not_move"]);
    }
}
