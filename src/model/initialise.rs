//! The parameters before training.

use crate::config::init::InitConfig;
use crate::config::model::{ModelConfig, ResidualStart};
use crate::config::resolve::Resolved;
use crate::init::{InitError, WeightInit};
use crate::model::mup::start_factor;
use crate::model::places::last_weight;
pub use crate::model::places::weight_rule;
use crate::model::{Layer, Network, Op, Role};

/// Every parameter's starting values, in PyTorch's order. Each comes from the stream of its own name, so that one
/// layer's draws do not depend on another's.
///
/// An aim must have been carried out ([`crate::config::resolve`]); the rules are taken as they stand.
///
/// # Errors
/// A rule that cannot fill a parameter's shape; names the parameter.
pub fn initialise(
    network: &Network,
    init: &InitConfig,
    model: &ModelConfig,
    seed: u64,
) -> Result<Vec<Vec<f32>>, InitError> {
    let mut values = Vec::with_capacity(network.params.len());
    for (i, param) in network.params.iter().enumerate() {
        values.push(match param.role {
            Role::Weight => {
                let mut drawn =
                    weight_rule(network, init, i).weight.sample(seed, &param.name, &param.shape, param.activation)?;
                let factor = start_factor(network, init, model, i);
                if factor != 1.0 {
                    drawn.iter_mut().for_each(|w| *w = (f64::from(*w) * factor) as f32);
                }
                drawn
            }
            // A bias comes right after its weight.
            Role::Bias => weight_rule(network, init, i - 1).bias.sample(seed, &param.name, param.len(), param.fan_in),
            Role::NormWeight => vec![1.0; param.len()],
            Role::NormBias => vec![0.0; param.len()],
            Role::Scalar(start) => vec![start as f32],
        });
    }
    if is_fixup(model) {
        for (weight, factor) in fixup_factors(network) {
            match factor {
                0.0 => values[weight].fill(0.0),
                _ => values[weight].iter_mut().for_each(|w| *w *= factor),
            }
        }
        if let Some(bias) = last_weight(network).and_then(|last| bias_of(network, last)) {
            values[bias].fill(0.0);
        }
    }
    Ok(values)
}

/// Standard deviation of the entries of weight `index` as they are drawn, before LSUV. Up to chance: that of the identity and
/// of orthogonal rules is exact.
pub fn drawn_std(network: &Network, init: &InitConfig, model: &ModelConfig, index: usize) -> Option<f64> {
    let param = &network.params[index];
    let rule = weight_rule(network, init, index).weight;
    let std = rule.spread(&param.shape, param.activation).ok();
    let factors = if is_fixup(model) { fixup_factors(network) } else { Vec::new() };
    let factor = factors.iter().find(|(weight, _)| *weight == index).map_or(1.0, |(_, factor)| f64::from(*factor));
    std.map(|std| factor * std * start_factor(network, init, model, index))
}

/// The units of a layer that a sparse rule leaves without any weight.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct EmptyUnits {
    /// Name of the layer's weight.
    pub weight: String,
    /// Units without a weight.
    pub empty: usize,
    /// Units of the layer.
    pub units: usize,
}

impl std::fmt::Display for EmptyUnits {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        let Self { weight, empty, units } = self;
        write!(
            f,
            "{weight}: {empty} of {units} units start without any weight (sparse), so they answer the same to every image; \
             a lower sparsity leaves them some"
        )
    }
}

/// Layers with units that start without any weight, because a sparse rule has drawn a zero for each of their inputs.
///
/// # Errors
/// As [`initialise()`].
pub fn empty_units(network: &Network, init: &InitConfig, seed: u64) -> Result<Vec<EmptyUnits>, InitError> {
    let mut found = Vec::new();
    for (i, param) in network.params.iter().enumerate().filter(|(_, param)| param.role == Role::Weight) {
        let rule = weight_rule(network, init, i).weight;
        if let WeightInit::Sparse { .. } = rule {
            let values = rule.sample(seed, &param.name, &param.shape, param.activation)?;
            let units = values.chunks_exact(param.len() / param.shape[0]);
            let empty = units.filter(|unit| unit.iter().all(|w| *w == 0.0)).count();
            if empty > 0 {
                found.push(EmptyUnits { weight: param.name.clone(), empty, units: param.shape[0] });
            }
        }
    }
    Ok(found)
}

/// Standard deviation that the rule of weight `index` promises, if it has one: before Fixup and LSUV.
pub fn expected_std(network: &Network, config: &Resolved, index: usize) -> Option<f64> {
    let init = &config.init;
    let param = &network.params[index];
    let rule = weight_rule(network, init, index);
    let std = rule.weight.std(&param.shape, param.activation).ok().flatten();
    std.map(|std| std * start_factor(network, init, &config.model, index))
}

fn bias_of(network: &Network, weight: usize) -> Option<usize> {
    network.params.get(weight + 1).filter(|param| param.role == Role::Bias).map(|_| weight + 1)
}

/// True if residual branches start as Fixup has them.
pub fn is_fixup(model: &ModelConfig) -> bool {
    model.residual.is_some_and(|residual| residual.start == ResidualStart::Fixup)
}

/// Fixup (Zhang et al. 2019, section 3.2): the weights of residual branches of m layers, L of them in the network, start
/// L^(−1/(2m−2)) times as large, the last layer of each and the classifier at 0.
fn fixup_factors(network: &Network) -> Vec<(usize, f32)> {
    let is_weight = |layer: &&Layer| layer.weight.is_some_and(|i| network.params[i].role == Role::Weight);
    let blocks: Vec<Vec<usize>> = network
        .layers
        .iter()
        .filter_map(|layer| {
            let Op::Residual(body) = &layer.op else { return None };
            Some(body.iter().filter(is_weight).filter_map(|layer| layer.weight).collect())
        })
        .collect();
    let mut factors = Vec::new();
    for block in &blocks {
        let scale = (blocks.len() as f64).powf(-1.0 / (2 * block.len() - 2) as f64) as f32;
        factors.extend(block.iter().map(|&weight| (weight, if Some(&weight) == block.last() { 0.0 } else { scale })));
    }
    factors.extend(last_weight(network).map(|last| (last, 0.0)));
    factors
}

#[cfg(test)]
mod tests {
    use std::sync::Arc;

    use super::*;
    use crate::config::Experiment;
    use crate::model::Shape;
    use crate::model::build::build;
    use crate::model::cpu::CpuModel;
    use crate::model::objective::{Loss, Targets};
    use crate::rng::{rng, standard_normals};

    const MLP: &str = "kind = 'mlp'\nwidths = [48, 64, 64, 64, 64, 64, 64, 64, 64]";
    const CNN: &str = "kind = 'cnn'\nstages = [{ channels = 16 }, { channels = 32, layers = 5 }]\nhidden = [40]";
    const FIRST_AND_LAST: &str =
        "first.weight = { kind = 'normal', std = 0.3 }\nlast.weight = { kind = 'uniform', bound = 0.2 }";

    /// Every weight's name with the std that is said of it and the one that was drawn.
    fn stds(model: &str, init: &str) -> Vec<(String, Option<f64>, f64, usize)> {
        let text = format!("[model]\n{model}\n[init]\n{init}\n[optimizer]\nlr = 0.1\n[train]\nepochs = 1\n");
        let experiment = Experiment::parse("x.toml", &text, &[]).unwrap_or_else(|error| panic!("{error}\n{text}"));
        let config = experiment.resolved().unwrap();
        let network = build(&config.model, Shape::Image { channels: 1, height: 12, width: 12 }, 10).unwrap();
        let values = match initialise(&network, &config.init, &config.model, 3) {
            Ok(values) => values,
            // A linear layer has no centre for delta_orthogonal.
            Err(error) if init.contains("delta") && error.to_string().contains("no window") => return Vec::new(),
            // The rules of looks-linear are each for a place in the network; not every layer's units stand in pairs.
            Err(error) if init.contains("looks_linear") && error.to_string().contains("in pairs") => return Vec::new(),
            Err(error) => panic!("{error}\n{text}"),
        };
        let weights = network.params.iter().enumerate().filter(|(_, param)| param.role == Role::Weight);
        weights
            .map(|(i, param)| {
                let n = param.len() as f64;
                let mean = values[i].iter().map(|&w| f64::from(w)).sum::<f64>() / n;
                let drawn = (values[i].iter().map(|&w| (f64::from(w) - mean).powi(2)).sum::<f64>() / n).sqrt();
                (param.name.clone(), drawn_std(&network, &config.init, &config.model, i), drawn, param.len())
            })
            .collect()
    }

    #[test]
    fn the_std_that_is_shown_is_that_of_the_weights_for_every_rule_and_block() {
        let mut seen = 0;
        for name in WeightInit::NAMES {
            for model in [MLP, CNN] {
                for block in ["", "residual = 'plain'", "residual = 'fixup'", "residual = 'rezero'", "norm = 'batch'"] {
                    for own in ["", FIRST_AND_LAST] {
                        let delta = name == "delta_orthogonal" && model == CNN;
                        // Convolutions alone have a centre; then the linear layers take another rule.
                        let (model, own) = if delta {
                            (model.replace("hidden = [40]", ""), FIRST_AND_LAST)
                        } else {
                            (model.into(), own)
                        };
                        let what = format!("{name}, {block}, {own}");
                        for (weight, said, drawn, n) in
                            stds(&format!("{model}\n{block}"), &format!("weight = '{name}'\n{own}"))
                        {
                            let said = said.unwrap_or_else(|| panic!("{what}: nothing is said of {weight}"));
                            // Six standard errors of a std from n draws of kurtosis up to 30; mean 0 is part of the draw.
                            let allowed = 6.0 * said * (29.0 / (4.0 * n as f64)).sqrt();
                            let exact = ["identity", "zeros", "constant"].contains(&name) && own.is_empty();
                            let allowed = if exact { 1e-6 * said } else { allowed.min(0.2 * said.max(1e-12)) };
                            assert!(
                                (drawn - said).abs() <= allowed + 1e-9,
                                "{what}, {weight}: said {said}, drawn {drawn}"
                            );
                            seen += 1;
                        }
                    }
                }
            }
        }
        assert!(seen > 2000, "{seen} weights");
    }

    /// The outputs for each sample, before training.
    fn outputs(model: &str, input: Shape, samples: &[f32]) -> Vec<f64> {
        let text =
            format!("[model]\n{model}\n[init]\npreset = 'looks-linear'\n[optimizer]\nlr = 0.1\n[train]\nepochs = 1\n");
        let config = Experiment::parse("x.toml", &text, &[]).unwrap().resolved().unwrap();
        let network = Arc::new(build(&config.model, input, 10).unwrap());
        let mut model = CpuModel::new(Arc::clone(&network), 1);
        for (i, values) in initialise(&network, &config.init, &config.model, 3).unwrap().iter().enumerate() {
            model.set_param(i, values);
        }
        let labels = vec![0; samples.len() / input.len()];
        let (_, outputs, _) = model.trace(samples, Targets::Labels(&labels), Loss::CrossEntropy);
        outputs.last().unwrap().iter().map(|&y| f64::from(y)).collect()
    }

    const DEEP: &str = "kind = 'mlp'\nwidth = 24\ndepth = 20";

    #[test]
    fn a_network_that_looks_linear_is_linear_at_the_start() {
        let image = Shape::Image { channels: 1, height: 12, width: 12 };
        let convolutions = "kind = 'cnn'\nstages = [{ channels = 8 }, { channels = 16, layers = 3 }]\nhidden = [20]";
        let models = [
            DEEP,
            "kind = 'mlp'\nwidths = [30, 8, 50]\nactivation = { kind = 'shifted_relu', shift = 0.5 }",
            convolutions,
        ];
        for model in models {
            let (a, b) = (144, 288);
            let mut samples: Vec<f32> = standard_normals(&mut rng(0, "x"), b).iter().map(|&x| x as f32).collect();
            let sum: Vec<f32> = (0..a).map(|i| samples[i] - 2.0 * samples[a + i]).collect();
            let opposite: Vec<f32> = samples[..a].iter().map(|x| -x).collect();
            samples.extend(sum.into_iter().chain(opposite));
            let y = outputs(model, image, &samples);
            let size = y.iter().fold(0.0, |most: f64, y| most.max(y.abs()));
            assert!(size > 0.01, "{model}: {size}");
            for i in 0..10 {
                let [x, other, both, opposite] = [0, 10, 20, 30].map(|of| y[of + i]);
                assert!((both - (x - 2.0 * other)).abs() < 1e-5 * size, "{model}, output {i}");
                assert!((opposite + x).abs() < 1e-5 * size, "{model}, output {i}");
            }
        }
    }

    /// Twelve pixels and blocks of twelve units: every layer but the last, which keeps ten of twelve directions, is a rotation.
    #[test]
    fn the_linear_map_has_all_singular_values_one() {
        let ones: Vec<f32> = (0..144).map(|i| f32::from(i % 13 == 0)).collect();
        let columns = outputs(DEEP, Shape::Image { channels: 1, height: 3, width: 4 }, &ones);
        for (i, j) in (0..10).flat_map(|i| (0..=i).map(move |j| (i, j))) {
            let product: f64 = columns.chunks(10).map(|column| column[i] * column[j]).sum();
            assert!((product - if i == j { 1.0 } else { 0.0 }).abs() < 1e-5, "{i}, {j}: {product}");
        }
    }

    #[test]
    fn a_rule_of_the_ends_is_what_the_whole_network_takes_there() {
        let stds = stds("kind = 'mlp'\nwidths = [24, 24]", "weight = 'looks_linear'");
        let block = |units: f64, entries: f64| (units / entries).sqrt();
        let expected = [block(24.0, 24.0 * 144.0), block(48.0, 576.0), block(20.0, 240.0)];
        for ((name, said, ..), expected) in stds.into_iter().zip(expected) {
            assert!((said.unwrap() - expected).abs() < 1e-12, "{name}: {said:?}, not {expected}");
        }
        assert_eq!(self::stds("kind = 'mlp'\nwidths = []", "weight = 'looks_linear'")[0].1, Some(1.0 / 12.0));
    }

    #[test]
    fn fixup_scales_branches_by_their_number_and_depth() {
        // √(2/64)/4 = 0.0442 for 16 branches of two layers, then 0.
        let stds = stds("kind = 'mlp'\nwidth = 64\ndepth = 33\nresidual = 'fixup'", "preset = 'kaiming'");
        assert!((stds[1].1.unwrap() - 0.044194).abs() < 1e-6, "{:?}", stds[1]);
        assert!(stds[2].1 == Some(0.0) && stds[2].2 == 0.0 && stds.last().unwrap().1 == Some(0.0));
    }

    #[test]
    fn units_that_a_sparse_rule_leaves_empty_are_counted() {
        let experiment = |sparsity: f64| {
            let text = format!(
                "[model]\nkind = 'cnn'\nstages = [{{ channels = 8 }}]\n[init]\nfirst.weight = {{ kind = 'sparse', sparsity = \
                 {sparsity} }}\n[optimizer]\nlr = 0.1\n[train]\nepochs = 1\n"
            );
            Experiment::parse("x.toml", &text, &[]).unwrap()
        };
        let counted = |sparsity: f64| {
            let config = experiment(sparsity);
            let network = build(&config.model, Shape::Image { channels: 1, height: 8, width: 8 }, 10).unwrap();
            let values = initialise(&network, &config.init, &config.model, 0).unwrap();
            let empty = values[0].chunks(9).filter(|unit| unit.iter().all(|w| *w == 0.0)).count();
            (empty_units(&network, &config.init, 0).unwrap(), empty)
        };
        let (found, empty) = counted(0.85);
        assert!(empty > 0, "nine columns with one weight each leave some of eight units empty");
        assert_eq!(found, [EmptyUnits { weight: "conv1.weight".into(), empty, units: 8 }]);
        assert_eq!(counted(0.0), (vec![], 0));
    }
}
