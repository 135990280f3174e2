//! From a config to a network: hidden units in order, grouped into residual blocks where asked for, then the output.

use thiserror::Error;

use crate::config::model::{Body, ModelConfig, NormConfig, NormKind, NormPosition, ResidualConfig, ResidualStart};
use crate::model::error::NetworkError;
use crate::model::layer::LayerSpec;
use crate::model::network::Network;
use crate::model::shape::Shape;
use crate::model::unit::Unit;
use crate::model::{Activations, cnn, mlp};

/// A config whose network cannot be built.
#[derive(Clone, Debug, Error, PartialEq, Eq)]
#[error("{cause}")]
pub struct BuildError {
    /// Error that stopped the build.
    pub cause: NetworkError,
    /// The convolution stage that it comes from, if it is one.
    pub stage: Option<usize>,
}

/// Builds the network of `config` for samples of shape `input`, with `outputs` outputs.
///
/// # Errors
/// The shapes do not fit, or no layers are fit for the residual blocks that are asked for.
pub fn build(config: &ModelConfig, input: Shape, outputs: usize) -> Result<Network, BuildError> {
    let whole = specs(config, input, outputs).and_then(|specs| Network::build(input, &specs, Activations::Fused));
    whole.map_err(|cause| BuildError { stage: failing_stage(config, input), cause })
}

/// The first stage without which the stages before it could be built.
fn failing_stage(config: &ModelConfig, input: Shape) -> Option<usize> {
    let Body::Cnn { stages, .. } = &config.body else { return None };
    (0..stages.len()).find(|&i| {
        let plain = ModelConfig { residual: None, ..config.clone() };
        let mut shape = input;
        let specs = cnn::units(&stages[..=i], config.bias.hidden(), &mut shape).into_iter();
        let specs: Vec<_> = specs.flat_map(|unit| unit_specs(unit, &plain, true)).collect();
        Network::build(input, &specs, Activations::Fused).is_err()
    })
}

/// The modules of `config`'s network in order, as an `nn.Sequential` would list them.
fn specs(config: &ModelConfig, input: Shape, outputs: usize) -> Result<Vec<LayerSpec>, NetworkError> {
    let mut specs = match &config.body {
        Body::Mlp { widths } => {
            let mut specs = vec![LayerSpec::Flatten];
            specs.extend(hidden(mlp::units(widths, input.len(), config.bias.hidden()), config)?);
            specs
        }
        Body::Cnn { stages, head, hidden: widths } => {
            let mut shape = input;
            let mut specs = hidden(cnn::units(stages, config.bias.hidden(), &mut shape), config)?;
            let (head, values) = cnn::head(*head, shape);
            specs.extend(head);
            let plain = ModelConfig { residual: None, ..config.clone() };
            specs.extend(hidden(mlp::units(widths, values, config.bias.hidden()), &plain)?);
            specs
        }
    };
    specs.push(LayerSpec::Linear { out: outputs, bias: config.bias.output() });
    Ok(if let Some(p) = config.dropout { with_dropout(&specs, p, &mut false) } else { specs })
}

/// With dropout in front of every linear layer behind another layer with weights: behind the hidden activations of an MLP, and in
/// a CNN behind the head and the fully connected layers. Neighbours in an image say nearly the same, so that dropping
/// single values between convolutions takes little from them (Tompson et al. 2015). A residual block drops inside its
/// branch, never from the sum, which would otherwise lose a share of its values in every block.
fn with_dropout(specs: &[LayerSpec], p: f64, weighed: &mut bool) -> Vec<LayerSpec> {
    let mut all = Vec::new();
    for spec in specs {
        let linear = matches!(spec, LayerSpec::Linear { .. });
        if linear && *weighed {
            all.push(LayerSpec::Dropout { p });
        }
        *weighed |= linear || matches!(spec, LayerSpec::Conv2d { .. });
        all.push(if let LayerSpec::Residual(body) = spec {
            LayerSpec::Residual(with_dropout(body, p, weighed))
        } else {
            spec.clone()
        });
    }
    all
}

/// Units with norm and activation, in residual blocks wherever enough of them in a row keep their shape.
fn hidden(units: Vec<Unit>, config: &ModelConfig) -> Result<Vec<LayerSpec>, NetworkError> {
    let Some(residual) = config.residual else {
        return Ok(units.into_iter().flat_map(|unit| unit_specs(unit, config, true)).collect());
    };
    let mut specs = Vec::new();
    let mut units = std::collections::VecDeque::from(units);
    let mut blocks = 0;
    while !units.is_empty() {
        let block: Vec<&Unit> = units.iter().take(residual.layers).collect();
        let fits = block.len() == residual.layers
            && block.iter().all(|unit| unit.keeps_shape)
            && block[..residual.layers - 1].iter().all(|unit| unit.pool.is_none());
        if fits {
            blocks += 1;
            specs.extend(residual_block(units.drain(..residual.layers).collect(), residual, config));
        } else {
            specs.extend(unit_specs(units.pop_front().expect("not empty"), config, true));
        }
    }
    if blocks == 0 {
        return Err(NetworkError::NoBlocks { layers: residual.layers });
    }
    Ok(specs)
}

/// One unit: weight, then norm and activation in the config's order, then pooling.
fn unit_specs(unit: Unit, config: &ModelConfig, activation: bool) -> Vec<LayerSpec> {
    let mut specs = vec![unit.weight];
    let norm = |at| config.norm.filter(|norm| norm.position == at).map(norm_spec);
    specs.extend(norm(NormPosition::Before));
    if activation {
        specs.push(LayerSpec::Activation(config.activation));
    }
    specs.extend(norm(NormPosition::After));
    specs.extend(unit.pool);
    specs
}

fn norm_spec(norm: NormConfig) -> LayerSpec {
    match norm.kind {
        NormKind::Batch => LayerSpec::BatchNorm { eps: norm.eps, momentum: norm.momentum },
        NormKind::Layer => LayerSpec::LayerNorm { eps: norm.eps },
    }
}

/// x + body(x), then the activation, as in the original residual networks (He et al. 2016, fig. 2).
fn residual_block(mut units: Vec<Unit>, residual: ResidualConfig, config: &ModelConfig) -> Vec<LayerSpec> {
    let pool = units.last_mut().and_then(|unit| unit.pool.take());
    let last = units.len() - 1;
    let mut body = Vec::new();
    for (i, mut unit) in units.into_iter().enumerate() {
        if residual.start == ResidualStart::Fixup {
            // Zhang et al. 2019, fig. 1: a scalar bias before every layer and activation instead of the layer's own,
            // with a tenth of the learning rate.
            without_bias(&mut unit.weight);
            body.extend([LayerSpec::Shift { lr_scale: 0.1 }, unit.weight]);
            if i < last {
                body.extend([LayerSpec::Shift { lr_scale: 0.1 }, LayerSpec::Activation(config.activation)]);
            }
        } else {
            body.extend(unit_specs(unit, config, i < last));
        }
    }
    match residual.start {
        ResidualStart::Plain => {}
        ResidualStart::Fixup => {
            body.extend([LayerSpec::Scale { start: 1.0, lr_scale: 0.1 }, LayerSpec::Shift { lr_scale: 0.1 }]);
        }
        ResidualStart::Rezero => body.push(LayerSpec::Scale { start: 0.0, lr_scale: 1.0 }),
    }
    let mut specs = vec![LayerSpec::Residual(body), LayerSpec::Activation(config.activation)];
    specs.extend(pool);
    specs
}

fn without_bias(spec: &mut LayerSpec) {
    if let LayerSpec::Linear { bias, .. } | LayerSpec::Conv2d { bias, .. } = spec {
        *bias = false;
    }
}
