//! Exponents of the width n in the limit of great width, while the number of inputs, of outputs and of layers stays.
//!
//! Of pre-activations z, with weights that start as Yang et al. 2021 (Tensor Programs V, table 3 and appendix C) have them:
//!
//! | | input | hidden | output |
//! |---|---|---|---|
//! | standard: std of the weights | 0 | −1/2 | −1/2 |
//! | z at the start | 0 | 0 | 0 |
//! | change in the first step of SGD | −1/2 | 1/2 | 1 |
//! | change in the first step of Adam | 0 | 1 | 3/2, without hidden weights 1 |
//! | μP: std of the weights | 0 | −1/2 | −1 |
//! | z at the start | 0 | 0 | −1/2 |
//! | change in any step | 0 | 0 | 0 |
//!
//! A hidden unit's gradient has the size of the output's weights, n^−1/2; an update times n activations that go the same way is n times
//! its entries. Under SGD these are gradients times activations, n^−1/2; under Adam they are 1, and where they meet the output's
//! weights, whose signs they have, they sum to n^1/2 of their size: that part of the logits' change overtakes the output's own, of
//! exponent 1, only at widths in the hundreds, and a line over 64 to 256 units has 1.1, over 1024 to 4096 units 1.45 (MLPs of two
//! hidden layers on 16 inputs). From the second step on the standard parametrisation's change has no power of the width: the output's
//! weights have grown by more than they were.

use serde::Serialize;

use crate::config::Experiment;
use crate::config::init::InitConfig;
use crate::config::model::ModelConfig;
use crate::config::parametrisation::Parametrisation;
use crate::init::{BiasInit, WeightInit};
use crate::model::initialise::{drawn_std, weight_rule};
use crate::model::{Network, Role};
use crate::optim::Steps;

/// Place of a layer with weights among those of a network with hidden layers, as μP tells them apart.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum Place {
    /// From the data to the width.
    Input,
    /// From width to width.
    Hidden,
    /// From the width to the logits.
    Output,
}

impl Place {
    /// The place of weight `i` of `n`.
    pub(super) fn of(i: usize, n: usize) -> Self {
        if i + 1 == n {
            Self::Output
        } else if i == 0 {
            Self::Input
        } else {
            Self::Hidden
        }
    }
}

/// Exponents of one layer; absent where a size is 0, or no power of the width.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Exponents {
    /// Of z at the start.
    pub start: Option<f64>,
    /// Of its change after the first step.
    pub first: Option<f64>,
    /// Of its change after later ones.
    pub later: Option<f64>,
}

/// Exponents of the layer at `place` of a network with so many layers with weights; none where the length of a step is its own.
fn of_place(place: Place, layers: usize, parametrisation: Parametrisation, steps: Steps) -> Option<Exponents> {
    let (start, first, later) = match (parametrisation, steps, place) {
        (_, Steps::Orthogonal, _) => return None,
        (Parametrisation::Mup, _, Place::Input | Place::Hidden) => (0.0, 0.0, Some(0.0)),
        (Parametrisation::Mup, _, Place::Output) => (-0.5, 0.0, Some(0.0)),
        (Parametrisation::Standard, Steps::Proportional, Place::Input) => (0.0, -0.5, None),
        (Parametrisation::Standard, Steps::Proportional, Place::Hidden) => (0.0, 0.5, None),
        (Parametrisation::Standard, Steps::Proportional, Place::Output) => (0.0, 1.0, None),
        (Parametrisation::Standard, Steps::Normalised, Place::Input) => (0.0, 0.0, None),
        (Parametrisation::Standard, Steps::Normalised, Place::Hidden) => (0.0, 1.0, None),
        (Parametrisation::Standard, Steps::Normalised, Place::Output) => {
            (0.0, if layers > 2 { 1.5 } else { 1.0 }, None)
        }
    };
    Some(Exponents { start: Some(start), first: Some(first), later })
}

/// Exponents where the output's weights start at 0, as Yang et al. 2021 advise: the logits start at 0, and in the first step the output's
/// weights alone move, by what the layer before tells them.
fn from_zero(place: Place, of: Exponents, parametrisation: Parametrisation) -> Exponents {
    let alone = match parametrisation {
        Parametrisation::Standard => 1.0,
        Parametrisation::Mup => 0.0,
    };
    match place {
        Place::Input | Place::Hidden => Exponents { first: None, ..of },
        Place::Output => Exponents { start: None, first: Some(alone), ..of },
    }
}

/// The network of one width.
pub struct AtWidth {
    /// The widest layer.
    pub width: usize,
    /// Its config, with aims carried out.
    pub model: ModelConfig,
    /// Its plan.
    pub network: Network,
}

/// Exponents of every layer with weights of `experiment`, from the narrowest to the widest network.
///
/// # Errors
/// There are none: the reason in words.
pub fn exponents(experiment: &Experiment, init: &InitConfig, ends: [&AtWidth; 2]) -> Result<Vec<Exponents>, String> {
    let parametrisation = init.parametrisation;
    let optimizer = &experiment.optimizer.rule;
    let layers = ends[0].network.params.iter().filter(|param| param.role == Role::Weight).count();
    let of = |i: usize| {
        let place = Place::of(i, layers);
        Some((place, of_place(place, layers, parametrisation, optimizer.rule().steps())?))
    };
    let all: Option<Vec<_>> = (0..layers).map(of).collect();
    let all = all.ok_or_else(|| format!("the steps of {} have a length of their own", optimizer.kind().name))?;
    if experiment.train.clip_norm.is_some() {
        return Err("train.clip_norm shortens a step by a factor that follows the width".into());
    }
    let plain = experiment.model.norm.is_none() && experiment.model.residual.is_none();
    if parametrisation == Parametrisation::Standard && !plain {
        return Err("norms and residual branches change the sizes of the standard parametrisation's gradients".into());
    }
    let starts_at_0 = check_start(init, ends, layers)?;
    let found = |(place, of)| if starts_at_0 { from_zero(place, of, parametrisation) } else { of };
    Ok(all.into_iter().map(found).collect())
}

/// Checks that every weight's std follows the width as the table has it, and that the output's biases do not stand above the logits. True
/// if the output's weights are all 0.
fn check_start(init: &InitConfig, ends: [&AtWidth; 2], layers: usize) -> Result<bool, String> {
    /// Distance of exponents that rounding explains.
    const SAME: f64 = 1e-6;
    let mup = init.parametrisation == Parametrisation::Mup;
    let params = &ends[0].network.params;
    let weights = params.iter().enumerate().filter(|(_, param)| param.role == Role::Weight);
    for (i, (index, param)) in weights.enumerate() {
        let place = Place::of(i, layers);
        let wanted = match (place, mup) {
            (Place::Input, _) => 0.0,
            (Place::Hidden, _) | (Place::Output, false) => -0.5,
            (Place::Output, true) => -1.0,
        };
        let rule = weight_rule(&ends[0].network, init, index);
        if place == Place::Output && rule.weight == WeightInit::Zeros {
            return Ok(true);
        }
        let std = |end: &AtWidth| drawn_std(&end.network, init, &end.model, index).filter(|&std| std > 0.0);
        let Some((narrow, wide)) = std(ends[0]).zip(std(ends[1])) else {
            return Err(format!("{} starts with values that have no spread", param.name));
        };
        let found = (wide / narrow).ln() / (ends[1].width as f64 / ends[0].width as f64).ln();
        // LSUV brings every layer's values to one size, whatever the rule.
        if init.lsuv.is_none() && (found - wanted).abs() > SAME {
            return Err(format!(
                "the std of {} at the start follows the width with the exponent {found:.2}, where theory takes {wanted}",
                param.name
            ));
        }
        let follows = match rule.bias {
            BiasInit::Zeros | BiasInit::UniformFanIn => true,
            BiasInit::Constant { .. } | BiasInit::Normal { .. } | BiasInit::Rai => false,
        };
        let has_bias = params.get(index + 1).is_some_and(|param| param.role == Role::Bias);
        if mup && place == Place::Output && has_bias && !follows {
            return Err("the output's biases start at a size that does not follow the width".into());
        }
    }
    Ok(false)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::train::prepare::network;

    /// Exponents of an MLP of two hidden layers with these changes, at widths 64 and 256.
    fn found(sets: &[&str]) -> Result<Vec<[Option<f64>; 3]>, String> {
        let text = "model = { kind = 'mlp', widths = [64, 64] }\noptimizer.lr = 0.1\ntrain.steps = 1";
        let sets: Vec<String> = sets.iter().map(|set| (*set).into()).collect();
        let experiment = Experiment::parse("width", text, &sets).unwrap();
        let resolved = experiment.resolved().unwrap();
        let [narrow, wide] = [64, 256].map(|width| {
            let model = resolved.model.of_width(width).unwrap();
            AtWidth { width, network: network(&model, [1, 4, 4], 10).unwrap(), model }
        });
        let all = exponents(&experiment, &resolved.init, [&narrow, &wide])?;
        Ok(all.into_iter().map(|of| [of.start, of.first, of.later]).collect())
    }

    const MUP: [&str; 2] = ["init.parametrisation='mup'", "init.base_width=16"];

    #[test]
    fn exponents_are_those_of_the_table() {
        let of = |start: f64, first: f64, later: Option<f64>| [Some(start), Some(first), later];
        let sgd = vec![of(0.0, -0.5, None), of(0.0, 0.5, None), of(0.0, 1.0, None)];
        let adam = vec![of(0.0, 0.0, None), of(0.0, 1.0, None), of(0.0, 1.5, None)];
        let mup = vec![of(0.0, 0.0, Some(0.0)), of(0.0, 0.0, Some(0.0)), of(-0.5, 0.0, Some(0.0))];
        let from_zero = vec![[Some(0.0), None, Some(0.0)], [Some(0.0), None, Some(0.0)], [None, Some(0.0), Some(0.0)]];
        for (sets, wanted) in [
            (vec![], &sgd),
            (vec!["init.preset='torch'"], &sgd),
            (vec!["optimizer.momentum=0.9", "model.dropout=0.2"], &sgd),
            (vec!["optimizer.kind='adam'"], &adam),
            (vec!["optimizer.kind='lion'"], &adam),
            (MUP.to_vec(), &mup),
            ([&MUP[..], &["optimizer.kind='adam'", "init.preset='xavier'", "model.norm='layer'"]].concat(), &mup),
            ([&MUP[..], &["init.last.weight='zeros'"]].concat(), &from_zero),
        ] {
            assert_eq!(found(&sets).as_ref(), Ok(wanted), "{sets:?}");
        }
        let shallow = found(&["model.widths=[64]", "optimizer.kind='adam'"]);
        assert_eq!(shallow, Ok(vec![of(0.0, 0.0, None), of(0.0, 1.0, None)]));
    }

    #[test]
    fn where_theory_has_no_exponent_the_reason_is_told() {
        for (sets, part) in [
            (vec!["init.preset='xavier'"], "the std of linear1.weight"),
            (vec!["init.preset='orthogonal'"], "the std of linear1.weight"),
            (vec!["init.weight={kind='normal',std=0.1}"], "the std of linear2.weight"),
            (vec!["init.first.weight='zeros'"], "linear1.weight starts with values that have no spread"),
            (vec!["optimizer.kind='muon'"], "muon"),
            (vec!["train.clip_norm=1"], "clip_norm"),
            (vec!["model.norm='batch'"], "norms"),
            ([&MUP[..], &["init.bias={kind='normal',std=0.1}"]].concat(), "biases"),
        ] {
            let reason = found(&sets).unwrap_err();
            assert!(reason.contains(part), "{sets:?}: {reason}");
        }
    }
}
