//! The table of rules about runs. A further finding is a row here and a function in the file of what it looks at.

use crate::findings::evidence::Evidence;
use crate::findings::found::Found;
use crate::findings::rule::Rule;
use crate::findings::{course, noise, start, units};
use crate::record::finding::Severity::{Fault, Note, Warning};
use crate::theory::trainable::{EXPLODES, TENFOLD, VANISHES};

/// A rule about a run.
type OfRun = fn(&Evidence<'_>, f64) -> Option<Found>;

const DEPTH: &str = "docs/depth.md: the limits between which nets trained";

/// The rules, in the order in which findings of one severity are told.
#[rustfmt::skip]
pub const RULES: &[Rule<OfRun>] = &[
    Rule { name: "diverged", severity: Fault, threshold: 0.0, find: course::diverged,
        measure: "numbers that are not finite, in a step after the first", source: "none may be" },
    Rule { name: "diverged_at_start", severity: Fault, threshold: 0.0, find: course::diverged_at_start,
        measure: "the same in the first step, before anything was learnt", source: "none may be" },
    Rule { name: "stuck_at_chance", severity: Fault, threshold: 0.1, find: course::stuck,
        measure: "accuracy at the end, as a share of the way from guessing to no mistake; the loss falls no more", source: "the studies' rule for runs that have learnt" },
    Rule { name: "vanishing_signal", severity: Fault, threshold: VANISHES, find: start::signal_vanishes,
        measure: "factor on the activations' variance from the first hidden layer to the last, at the first step", source: DEPTH },
    Rule { name: "exploding_signal", severity: Fault, threshold: EXPLODES, find: start::signal_explodes,
        measure: "the same", source: DEPTH },
    Rule { name: "vanishing_gradient", severity: Fault, threshold: VANISHES, find: start::gradient_vanishes,
        measure: "factor on the gradient's squared length from the last hidden layer to the first, at the first step", source: DEPTH },
    Rule { name: "exploding_gradient", severity: Fault, threshold: EXPLODES, find: start::gradient_explodes,
        measure: "the same", source: DEPTH },
    Rule { name: "no_signal", severity: Fault, threshold: 0.0, find: start::no_signal,
        measure: "norm of a hidden layer's weight at the first step", source: "weights of 0 pass nothing on and never differ" },
    Rule { name: "dead_units", severity: Fault, threshold: units::DEAD, find: units::dead,
        measure: "share of hidden units that no image lets a gradient through, at the last evaluation",
        source: "Lu et al. 2020 (dying ReLU); healthy nets of our trainings stay below 0.15" },
    Rule { name: "dead_layer", severity: Warning, threshold: 0.5, find: units::dead_layer,
        measure: "the same in one layer, where the whole net stays below that",
        source: "half of a layer's width is paid for in vain" },
    Rule { name: "saturated", severity: Warning, threshold: 0.15, find: units::saturated,
        measure: "mean squared slope of a bounded activation in a hidden layer at the first step, over the largest it can have",
        source: "Glorot & Bengio 2010: saturated units learn late" },
    Rule { name: "fading_signal", severity: Warning, threshold: 1.0 / TENFOLD, find: start::signal_fades,
        measure: "factor on the activations' variance from the first hidden layer to the last, at the first step, where a layer \
            takes a fifth or more of it", source: DEPTH },
    Rule { name: "growing_signal", severity: Warning, threshold: TENFOLD, find: start::signal_grows,
        measure: "the same", source: DEPTH },
    Rule { name: "rate_too_high", severity: Warning, threshold: 1.5, find: course::rate_too_high,
        measure: "the highest mean loss of five steps in a row over the first loss, or of the last quarter of the steps over \
            the lowest quarter", source: "a step that raises the loss is too long (LeCun et al. 1998, Efficient BackProp, section 4.7)" },
    Rule { name: "rate_too_low", severity: Warning, threshold: 1e-4, find: course::rate_too_low,
        measure: "median of a step's length over the weight's, in the layer that moves most, while the loss still falls",
        source: "a tenth of the common pace of 1 in 1000 (Karpathy, CS231n notes on training)" },
    Rule { name: "overfits", severity: Warning, threshold: 0.1, find: course::overfits,
        measure: "test loss at the end over its lowest, less 1, while the training loss has fallen on to less than half of it",
        source: "Prechelt 1998: generalisation loss, 5 to 20 %" },
    Rule { name: "lsuv_missed", severity: Warning, threshold: 0.25, find: start::lsuv_missed,
        measure: "how far a layer's deviation at the first step is from the 1 that LSUV gave it",
        source: "batches of 64 images and more stray less" },
    Rule { name: "departs_from_prediction", severity: Warning, threshold: 1.25, find: start::departs,
        measure: "mean square of a hidden layer's pre-activations over mean field theory's, beyond the 99.9 % band of its width",
        source: "Poole et al. 2016 for the value, Hanin & Nica 2018 for the band" },
    Rule { name: "clipped", severity: Note, threshold: 0.5, find: course::clipped,
        measure: "share of steps whose gradient was cut to train.clip_norm", source: "with most steps cut the limit sets the rate" },
    Rule { name: "learns", severity: Note, threshold: 0.1, find: course::learns,
        measure: "accuracy at the end, as a share of the way from guessing to no mistake", source: "the studies' rule for runs that have learnt" },
    Rule { name: "signal_holds", severity: Note, threshold: TENFOLD, find: start::signal_holds,
        measure: "factor on the activations' variance between any two hidden layers, at the first step; and at least 0.8 a layer from the first to the last", source: DEPTH },
    Rule { name: "as_predicted", severity: Note, threshold: 1.25, find: start::as_predicted,
        measure: "as departs_from_prediction", source: "Poole et al. 2016, Hanin & Nica 2018" },
    Rule { name: "still_falls", severity: Note, threshold: 0.1, find: course::still_falls,
        measure: "share by which the training loss falls from the third quarter of the steps to the last",
        source: "what falls by a tenth a quarter has not ended" },
    Rule { name: "noise_scale", severity: Note, threshold: 0.0, find: noise::scale,
        measure: "simple noise scale of all gradients over the later half of the recorded steps, with its 95 % interval, where \
            stats.noise_every is set", source: "McCandlish et al. 2018, sections 2.2 and 2.3" },
];
