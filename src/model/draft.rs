//! The parameters of a network that is being planned, and the layers whose statistics are taken.

use crate::init::fans;
use crate::model::error::NetworkError;
use crate::model::layer::Layer;
use crate::model::network::ObservedLayer;
use crate::model::param::{Layout, Param, Role};

/// Parameters and values of a sample are limited to this many.
pub(super) const MAX_VALUES: usize = 1 << 28;

/// Parameters, estimates and observations of the layers planned so far.
#[derive(Default)]
pub(super) struct Draft {
    pub params: Vec<Param>,
    /// Names and ranges of batch norm's running estimates.
    pub running: Vec<(String, std::ops::Range<usize>)>,
    pub observed: Vec<ObservedLayer>,
    /// Values of all parameters.
    values: usize,
}

impl Draft {
    /// Gives `layer` a weight of `shape` and, with `bias`, one bias for each output; its statistics are taken.
    pub fn weight_and_bias(
        &mut self,
        layer: &mut Layer,
        shape: Vec<usize>,
        layout: Layout,
        bias: bool,
    ) -> Result<(), NetworkError> {
        let out = shape[0];
        // A shape whose fans no number holds is refused below, as too large.
        let fan_in = fans(&shape).map_or(0, |fans| fans.fan_in);
        layer.weight = Some(self.param(layer, "weight", shape, layout, Role::Weight, fan_in)?);
        if bias {
            layer.bias = Some(self.param(layer, "bias", vec![out], Layout::Same, Role::Bias, fan_in)?);
        }
        self.observe(layer);
        Ok(())
    }

    /// Gives a norm its weight and bias of `shape`; its statistics are taken.
    pub fn norm_params(&mut self, layer: &mut Layer, shape: Vec<usize>, layout: Layout) -> Result<(), NetworkError> {
        layer.weight = Some(self.param(layer, "weight", shape.clone(), layout, Role::NormWeight, 1)?);
        layer.bias = Some(self.param(layer, "bias", shape, layout, Role::NormBias, 1)?);
        self.observe(layer);
        Ok(())
    }

    /// Notes that statistics of `layer` are taken.
    pub fn observe(&mut self, layer: &mut Layer) {
        layer.observation = Some(self.observed.len());
        self.observed.push(ObservedLayer {
            name: layer.name.clone(),
            units: layer.output.units(),
            activation: layer.activation,
            weight: layer.weight,
        });
    }

    /// Gives `layer` one learned number, which starts at `start`. Returns its index.
    pub fn scalar(&mut self, layer: &Layer, suffix: &str, start: f64, lr_scale: f64) -> Result<usize, NetworkError> {
        let index = self.param(layer, suffix, vec![1], Layout::Same, Role::Scalar(start), 1)?;
        self.params[index].lr_scale = lr_scale;
        Ok(index)
    }

    fn param(
        &mut self,
        layer: &Layer,
        suffix: &str,
        shape: Vec<usize>,
        layout: Layout,
        role: Role,
        fan_in: usize,
    ) -> Result<usize, NetworkError> {
        let len = shape.iter().try_fold(1usize, |n, &d| n.checked_mul(d));
        let end = len.and_then(|len| self.values.checked_add(len)).filter(|&end| end <= MAX_VALUES);
        let Some(end) = end else {
            return Err(NetworkError::TooLarge { layer: layer.name.clone(), limit: MAX_VALUES });
        };
        self.params.push(Param {
            name: format!("{}.{suffix}", layer.name),
            key: format!("{}.{suffix}", layer.key),
            shape,
            start: self.values,
            layout,
            role,
            lr_scale: 1.0,
            activation: layer.activation,
            fan_in,
        });
        self.values = end;
        Ok(self.params.len() - 1)
    }
}
