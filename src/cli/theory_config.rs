//! Writes what `initlab theory` finds as TOML that a config takes: the last blocks of the table.
//!
//! A config has the activation and the gain of the weights apart: h = φ(z), z of std `gain`. A shift found for z ~ N(0,1)
//! therefore enters as gain·shift, which is where hand-copied numbers go wrong.

use crate::activation::Activation;
use crate::cli::theory_rows::{Row, layers};
use crate::numerals::ten_decimals;
use crate::theory::depth_aware::{ZETA, depth_aware};
use crate::theory::matched::{Matched, moment_matched};
use crate::theory::tailored::{ETA, tailored};

/// `phi` with the gain, and for the ReLU family a shift in place of its own, that keep the moments of every layer.
pub(crate) fn matched(phi: Activation) -> Option<Matched> {
    let unshifted = phi.relu_form().map_or(phi, |form| {
        let max = Some(form.max).filter(|max| max.is_finite());
        Activation::GeneralRelu { leak: form.leak, shift: 0.0, max }
    });
    // Moments beyond f64 match no gain.
    let is_number = |found: &Matched| found.gain.is_finite() && found.first_gain.is_finite();
    moment_matched(unshifted).ok().filter(is_number)
}

/// The blocks for `phi`, and for a network of `depth` hidden layers if one is given.
pub(crate) fn blocks(phi: Activation, depth: Option<usize>) -> Vec<Row> {
    let mut rows = Vec::new();
    if let Some(Matched { activation, gain, first_gain }) = matched(phi) {
        let centred = activation.relu_form().is_some();
        let title =
            if centred { "For a config: mean 0, std 1 after phi" } else { "For a config: second moment 1 before phi" };
        // Std 1 behind φ meets the output layer as it is; where it holds before φ, the output gets what φ left of it.
        let last = if centred { Some(("last", 1.0)) } else { None };
        let first = (first_gain != gain).then_some(("first", first_gain));
        rows.push(Row::toml("toml", title, &toml(activation, gain, first.or(last))));
    }
    let Some(depth) = depth else { return rows };
    let over = layers(depth);
    if let Ok(unit) = depth_aware(depth, ZETA) {
        let activation = Activation::GeneralRelu { leak: unit.leak, shift: unit.scaled_shift(), max: None };
        let title = format!("For a config: mean 0, std 1, gradients bounded over {over}");
        rows.push(Row::toml("toml_depth_aware", &title, &toml(activation, unit.gain, Some(("last", 1.0)))));
    }
    if let Ok(unit) = tailored(depth, ETA) {
        let activation = Activation::LeakyRelu { leak: unit.leak };
        let title = format!("For a config: correlations kept apart over {over}");
        rows.push(Row::toml("toml_tat", &title, &toml(activation, unit.gain, Some(("last", 1.0)))));
    }
    rows
}

/// `[model.activation]` and `[init]` for `phi` and the gain of every layer but the one that has its own.
fn toml(phi: Activation, gain: f64, own: Option<(&str, f64)>) -> String {
    let weight = |gain: f64| format!("{{ kind = \"kaiming_normal\", gain = {} }}", ten_decimals(gain));
    let given =
        phi.parameters().filter_map(|(parameter, x)| Some(format!("\n{} = {}", parameter.name, ten_decimals(x?))));
    let activation = format!("kind = \"{}\"{}", phi.name(), given.collect::<String>());
    let own = own.map_or_else(String::new, |(layer, gain)| format!("\n{layer}.weight = {}", weight(gain)));
    format!("[model.activation]\n{activation}\n[init]\nweight = {}{own}", weight(gain))
}

#[cfg(test)]
mod tests {
    use std::sync::Arc;

    use super::*;
    use crate::cli::theory_rows::json;
    use crate::config::Experiment;
    use crate::init::{Gain, InitRule, WeightInit};
    use crate::model::build::build;
    use crate::model::cpu::CpuModel;
    use crate::model::objective::{Loss, Targets};
    use crate::model::observe::Observe;
    use crate::model::{Shape, initialise::initialise};
    use crate::record::statistics::Moments;
    use crate::rng::{rng, standard_normals};

    #[test]
    fn moments_that_are_no_numbers_make_no_lines_for_a_config() {
        assert!(matched(Activation::LeakyRelu { leak: 1e308 }).is_none());
        assert!(matched(Activation::LeakyRelu { leak: 1e3 }).is_some());
    }

    const ACTIVATIONS: [&str; 20] = [
        "identity",
        "relu",
        "leaky_relu",
        "leaky_relu:leak=0.3",
        "general_relu:leak=0.1,shift=0.4",
        "general_relu:leak=-0.3",
        "general_relu:max=6",
        "general_relu:leak=0.1,shift=0.2,max=2",
        "shifted_relu",
        "tanh",
        "sigmoid",
        "gelu",
        "gelu_tanh",
        "silu",
        "elu",
        "elu:alpha=0.5",
        "selu",
        "softplus",
        "softsign",
        "mish",
    ];

    fn experiment(model: &str, rest: &str) -> Experiment {
        let text = format!("[model]\nkind = 'mlp'\n{model}\n{rest}\n[optimizer]\nlr = 0.1\n[train]\nepochs = 1\n");
        Experiment::parse("x.toml", &text, &[]).unwrap_or_else(|error| panic!("{error}\n{text}"))
    }

    fn block(phi: Activation, depth: Option<usize>, key: &str) -> Option<String> {
        json("", &blocks(phi, depth))[key].as_str().map(str::to_owned)
    }

    /// Pre-activation and activation of every hidden layer of a wide net on inputs from N(0,1).
    fn probed(pasted: &str) -> Vec<(Moments, Moments)> {
        const ROWS: usize = 128;
        let experiment = experiment("width = 800\ndepth = 4", pasted);
        let resolved = experiment.resolved().unwrap();
        let network =
            Arc::new(build(&resolved.model, Shape::Image { channels: 1, height: 16, width: 16 }, 10).unwrap());
        let mut model = CpuModel::new(Arc::clone(&network), 1);
        for (i, values) in initialise(&network, &resolved.init, &resolved.model, 0).unwrap().iter().enumerate() {
            model.set_param(i, values);
        }
        let inputs: Vec<f32> = standard_normals(&mut rng(0, "inputs"), ROWS * 256).iter().map(|&x| x as f32).collect();
        let observe = Observe { statistics: true, ..Observe::default() };
        let fill = |rows: std::ops::Range<usize>, out: &mut [f32]| {
            out.copy_from_slice(&inputs[rows.start * 256..rows.end * 256]);
        };
        let seen = model.forward_training(ROWS, fill, Targets::Labels(&[0; ROWS]), Loss::Mse, &observe);
        let hidden = &seen.observations[..network.observed.len() - 1];
        hidden
            .iter()
            .map(|observation| (Moments::of(&observation.pre_activation), Moments::of(&observation.activation)))
            .collect()
    }

    #[test]
    fn a_wide_network_with_the_pasted_lines_has_the_moments_that_they_promise() {
        for text in ACTIVATIONS {
            let phi: Activation = text.parse().unwrap();
            for (layer, (z, h)) in probed(&block(phi, None, "toml").unwrap()).iter().enumerate() {
                // Four layers of 800 units: the second moment strays by √(4·v/800), v up to 5 and more under a ceiling.
                let what = format!("{text}, layer {layer}: z {z:?}, h {h:?}");
                if phi.relu_form().is_some() {
                    assert!(h.mean.abs() < 0.06 && (h.std - 1.0).abs() < 0.12, "{what}");
                } else {
                    assert!((z.std.powi(2) + z.mean.powi(2) - 1.0).abs() < 0.25, "{what}");
                }
            }
        }
        for (_, h) in probed(&block(Activation::Relu, Some(10), "toml_depth_aware").unwrap()) {
            assert!(h.mean.abs() < 0.06 && (h.std - 1.0).abs() < 0.12, "{h:?}");
        }
    }

    #[test]
    fn the_pasted_lines_are_what_the_presets_make() {
        let gain = |rule: InitRule| {
            let WeightInit::KaimingNormal { gain: Gain::Given(gain), .. } = rule.weight else { panic!("{rule:?}") };
            gain
        };
        let number = |phi: Activation| {
            if let Activation::LeakyRelu { leak } = phi {
                return (leak, 0.0, 0.0);
            }
            let Activation::GeneralRelu { leak, shift, max } = phi else { panic!("{phi:?}") };
            (leak, shift, max.unwrap_or(0.0))
        };
        for (key, preset) in [("toml", "moment-matched"), ("toml_depth_aware", "depth-aware"), ("toml_tat", "tat")] {
            let model = "width = 5\ndepth = 20";
            let pasted = experiment(model, &block(Activation::Relu, Some(20), key).unwrap()).resolved().unwrap();
            let made = experiment(model, &format!("[init]\npreset = '{preset}'")).resolved().unwrap();
            let (a, b) = (number(pasted.model.activation), number(made.model.activation));
            assert!((a.0 - b.0).abs() + (a.1 - b.1).abs() + (a.2 - b.2).abs() < 1e-9, "{preset}: {a:?} {b:?}");
            let all = |init: &crate::config::init::InitConfig| {
                [init.first.unwrap_or(init.rule), init.rule, init.last.unwrap_or(init.rule)].map(gain)
            };
            let (a, b) = (all(&pasted.init), all(&made.init));
            assert!(a.iter().zip(&b).all(|(a, b)| (a - b).abs() < 1e-9), "{preset}: {a:?} {b:?}");
        }
        assert_eq!(block(Activation::Relu, Some(10), "toml_tat"), None, "out of reach at ten layers");
    }
}
