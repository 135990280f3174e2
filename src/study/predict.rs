//! The depth up to which theory expects a cell's network to train: laid over maps of what trained.

use crate::config::Experiment;
use crate::config::model::Body;
use crate::study::spread::on_all_cores;
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

/// The predictions for these experiments, where they are such networks from independent weights. The many cells of a grid that differ in
/// depth alone have one map, whose limit is looked for once.
pub fn predicted_depths(experiments: &[Option<&Experiment>]) -> Vec<Option<PredictedDepth>> {
    let networks = on_all_cores(experiments, |experiment| plain_network((*experiment)?));
    let mut maps: Vec<LengthMap> = Vec::new();
    for (_, map) in networks.iter().flatten() {
        if !maps.contains(map) {
            maps.push(*map);
        }
    }
    let limits = on_all_cores(&maps, trainable_depth);
    let predicted = |(depth, map): (usize, LengthMap)| {
        let at = maps.iter().position(|other| *other == map)?;
        Some(PredictedDepth { depth, trainable: limits[at] })
    };
    networks.into_iter().map(|network| network.and_then(predicted)).collect()
}

/// The hidden layers of `experiment` and the map of their lengths, if it is a plain MLP of equal widths from independent weights.
fn plain_network(experiment: &Experiment) -> Option<(usize, LengthMap)> {
    let resolved = experiment.resolved().ok()?;
    let (model, init) = (&resolved.model, &resolved.init);
    let Body::Mlp { widths } = &model.body else { return None };
    let width = *widths.first()?;
    let equal = widths.iter().all(|&other| other == width);
    // Dropout moves the limit of depth nearer (Schoenholz et al. 2017), which is not followed here.
    if !equal || !model.is_plain() || init.lsuv.is_some() {
        return None;
    }
    let (law, scale) = init.rule.weight.law_and_scale();
    if law.structure(scale).unpredictable.is_some() {
        return None;
    }
    let std = init.rule.weight.std(&[width, width], model.activation).ok()??;
    let variance_b = if model.bias.hidden() { init.rule.bias.variance(width as f64).ok()? } else { 0.0 };
    let map = LengthMap::new(model.activation, width as f64 * std * std, variance_b).ok()?;
    Some((widths.len(), map))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn predicted(sets: &[&str]) -> Option<PredictedDepth> {
        let text = "model = { kind = 'mlp', width = 100, depth = 20 }\noptimizer.lr = 0.1\ntrain.epochs = 1";
        let sets: Vec<String> = sets.iter().map(|set| (*set).to_owned()).collect();
        predicted_depths(&[Some(&Experiment::parse("x.toml", text, &sets).unwrap())])[0]
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
    fn cells_of_one_map_keep_their_own_depths() {
        let text = "model = { kind = 'mlp', width = 100, depth = 20 }\noptimizer.lr = 0.1\ntrain.epochs = 1\ninit.preset = 'xavier'";
        let of = |set: &str| Experiment::parse("x.toml", text, &[set.to_owned()]).unwrap();
        let cells = [of("model.depth=5"), of("init.preset=torch"), of("model.norm=batch"), of("model.depth=30")];
        let together = predicted_depths(&cells.iter().map(Some).chain([None]).collect::<Vec<_>>());
        let alone = cells.iter().map(|cell| predicted_depths(&[Some(cell)])[0]);
        assert_eq!(together, alone.chain([None]).collect::<Vec<_>>());
        assert_eq!(together[3].map(|found| found.depth), Some(30));
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
