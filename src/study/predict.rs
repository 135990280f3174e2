//! The depth up to which theory expects a cell's network to train: laid over maps of what trained.

use crate::config::Experiment;
use crate::config::model::Body;
use crate::theory::length::LengthMap;
use crate::theory::trainable::trainable_depth;

/// Depth of a plain MLP of equal widths, and the depth up to which its gradient stays where nets train (see
/// [`crate::theory::trainable`]). The latter is absent where no limit is near.
#[derive(Clone, Copy, Debug, PartialEq, serde::Serialize, serde::Deserialize)]
pub struct PredictedDepth {
    /// Hidden layers.
    pub depth: usize,
    /// Hidden layers that are expected to train at most.
    pub trainable: Option<f64>,
}

/// The prediction for `experiment`, if it is such a network from independent weights.
pub fn predicted_depth(experiment: &Experiment) -> Option<PredictedDepth> {
    let resolved = experiment.resolved().ok()?;
    let (model, init) = (&resolved.model, &resolved.init);
    let Body::Mlp { widths } = &model.body else { return None };
    let width = *widths.first()?;
    let equal = widths.iter().all(|&other| other == width);
    // Dropout moves the limit of depth nearer (Schoenholz et al. 2017), which is not followed here.
    if !equal || model.dropout.is_some() || model.norm.is_some() || model.residual.is_some() || init.lsuv.is_some() {
        return None;
    }
    let (law, scale) = init.rule.weight.law_and_scale();
    if law.structure(scale).unpredictable.is_some() {
        return None;
    }
    let std = init.rule.weight.std(&[width, width], model.activation).ok()??;
    let variance_b = if model.bias.hidden() { init.rule.bias.variance(width as f64).ok()? } else { 0.0 };
    let map = LengthMap::new(model.activation, width as f64 * std * std, variance_b).ok()?;
    Some(PredictedDepth { depth: widths.len(), trainable: trainable_depth(&map) })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn predicted(sets: &[&str]) -> Option<PredictedDepth> {
        let text = "model = { kind = 'mlp', width = 100, depth = 20 }\noptimizer.lr = 0.1\ntrain.epochs = 1";
        let sets: Vec<String> = sets.iter().map(|set| (*set).to_owned()).collect();
        predicted_depth(&Experiment::parse("x.toml", text, &sets).unwrap())
    }

    #[test]
    fn relu_nets_train_to_the_known_depths() {
        for (preset, trainable) in [("kaiming", None), ("xavier", Some(22.67)), ("torch", Some(9.38))] {
            let found = predicted(&[&format!("init.preset={preset}")]).unwrap();
            let near = |want: f64| found.trainable.is_some_and(|depth| (depth - want).abs() < 0.1);
            assert!(found.depth == 20 && trainable.map_or(found.trainable.is_none(), near), "{preset}: {found:?}");
        }
    }

    #[test]
    fn a_constant_bias_of_zero_is_no_bias() {
        let constant = |value: f64| predicted(&[&format!("init.bias={{kind='constant',value={value:?}}}")]);
        assert_eq!((constant(0.0), constant(0.1)), (predicted(&["init.bias=zeros"]), None));
    }

    #[test]
    fn what_the_theory_does_not_cover_is_left_out() {
        for set in [
            "init.preset=looks-linear",
            "model.dropout=0.1",
            "init.preset=rai",
            "init.bias=rai",
            "model.norm=batch",
            "init.bias={kind='constant',value=1}",
            "model.residual=rezero",
            "init.lsuv={}",
        ] {
            assert_eq!(predicted(&[set]), None, "{set}");
        }
    }
}
