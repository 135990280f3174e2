//! From a list of modules to the plan: shapes, names, and the place of every parameter.

use crate::activation::Activation;
use crate::cpu::conv::ConvShape;
use crate::init::fans;
use crate::model::error::NetworkError;
use crate::model::layer::{Layer, Op};
use crate::model::network::{Network, ObservedLayer};
use crate::model::param::{Layout, Param, Role};
use crate::model::shape::Shape;
use crate::model::spec::LayerSpec;

/// Parameters and values of a sample are limited to this many.
const MAX_VALUES: usize = 1 << 28;

impl Network {
    /// Lays out `specs` for samples of shape `input`. With `fuse`, an activation right after a linear or convolution
    /// layer becomes part of it; without, every module stays a layer of its own (for layer-by-layer checks).
    ///
    /// # Errors
    /// There is no layer, or a layer's shapes do not fit; names the layer.
    pub fn build(input: Shape, specs: &[LayerSpec], fuse: bool) -> Result<Self, NetworkError> {
        let mut planner = Planner { fuse, ..Planner::default() };
        let layers = planner.sequence("", input, specs)?;
        if layers.is_empty() {
            return Err(NetworkError::Empty);
        }
        let Planner { params, running, observed, .. } = planner;
        Ok(Self { input, layers, params, running, observed })
    }
}

#[derive(Default)]
struct Planner {
    fuse: bool,
    params: Vec<Param>,
    running: Vec<(String, std::ops::Range<usize>)>,
    observed: Vec<ObservedLayer>,
    counts: std::collections::BTreeMap<&'static str, usize>,
    values: usize,
}

impl Planner {
    fn sequence(&mut self, prefix: &str, input: Shape, specs: &[LayerSpec]) -> Result<Vec<Layer>, NetworkError> {
        let mut layers: Vec<Layer> = Vec::new();
        let mut shape = input;
        for (i, spec) in specs.iter().enumerate() {
            if let (LayerSpec::Activation(activation), Some(last), true) = (spec, layers.last_mut(), self.fuse)
                && matches!(last.op, Op::Linear | Op::Conv2d(_))
                && last.activation == Activation::Identity
            {
                self.fuse_activation(last, *activation);
                continue;
            }
            let layer = self.layer(format!("{prefix}{i}"), shape, spec)?;
            shape = layer.output;
            if let LayerSpec::Activation(activation) = spec {
                self.credit(&layers, *activation);
            }
            layers.push(layer);
        }
        Ok(layers)
    }

    fn fuse_activation(&mut self, layer: &mut Layer, activation: Activation) {
        layer.activation = activation;
        for index in [layer.weight, layer.bias].into_iter().flatten() {
            self.params[index].activation = activation;
        }
        if let Some(observation) = layer.observation {
            self.observed[observation].activation = activation;
        }
    }

    /// Tells the weight whose output reaches an activation through norms, scalars or a residual sum which one it is, so
    /// that initialisers can take its gain.
    fn credit(&mut self, layers: &[Layer], activation: Activation) {
        for layer in layers.iter().rev() {
            match &layer.op {
                Op::Linear | Op::Conv2d(_) if layer.activation == Activation::Identity => {
                    for index in [layer.weight, layer.bias].into_iter().flatten() {
                        self.params[index].activation = activation;
                    }
                    return;
                }
                Op::Residual(body) => return self.credit(body, activation),
                Op::BatchNorm { .. } | Op::LayerNorm { .. } | Op::Scale | Op::Shift => {}
                _ => return,
            }
        }
    }

    fn layer(&mut self, key: String, input: Shape, spec: &LayerSpec) -> Result<Layer, NetworkError> {
        let kind = kind_name(spec);
        let count = self.counts.entry(kind).or_default();
        *count += 1;
        let name = format!("{kind}{count}");
        let mut layer = Layer {
            name,
            key,
            op: Op::Activation,
            activation: Activation::Identity,
            input,
            output: input,
            weight: None,
            bias: None,
            observation: None,
        };
        match spec {
            LayerSpec::Linear { out, bias } => {
                let inputs = flat(&layer)?;
                nonzero(&layer, "outputs", *out)?;
                (layer.op, layer.output) = (Op::Linear, Shape::Flat(*out));
                self.weight_and_bias(&mut layer, vec![*out, inputs], Layout::Same, *bias)?;
            }
            LayerSpec::Conv2d { out, kernel, stride, padding, bias } => {
                nonzero(&layer, "output channels", *out)?;
                let shape = windows(&layer, *out, *kernel, *stride, *padding)?;
                let [height, width] = shape.output;
                layer.output = Shape::Image { channels: *out, height, width };
                layer.op = Op::Conv2d(shape);
                let channels = shape.in_channels;
                let dims = vec![*out, channels, kernel[0], kernel[1]];
                let layout = Layout::ChannelsLast { channels, pixels: kernel[0] * kernel[1] };
                self.weight_and_bias(&mut layer, dims, layout, *bias)?;
            }
            LayerSpec::Activation(activation) => {
                layer.activation = *activation;
                self.observation(&mut layer);
            }
            LayerSpec::MaxPool { kernel, stride, padding } => {
                if *padding > kernel / 2 {
                    return Err(NetworkError::PoolPadding { layer: layer.name, kernel: *kernel, padding: *padding });
                }
                let shape = windows(&layer, input.units(), [*kernel; 2], *stride, *padding)?;
                layer.output = pooled(&shape);
                layer.op = Op::MaxPool(shape);
            }
            LayerSpec::AvgPool { kernel, stride } => {
                let shape = windows(&layer, input.units(), [*kernel; 2], *stride, 0)?;
                layer.output = pooled(&shape);
                layer.op = Op::AvgPool(shape);
            }
            LayerSpec::GlobalAvgPool { flatten } => {
                let channels = image(&layer)?.0;
                let pixel = Shape::Image { channels, height: 1, width: 1 };
                (layer.op, layer.output) = (Op::GlobalAvgPool, if *flatten { Shape::Flat(channels) } else { pixel });
            }
            LayerSpec::Flatten => (layer.op, layer.output) = (Op::Flatten, Shape::Flat(input.len())),
            LayerSpec::BatchNorm { eps, momentum } => {
                let (start, units) = (self.running.last().map_or(0, |(_, range)| range.end), input.units());
                self.running.push((format!("{}.running_mean", layer.key), start..start + units));
                self.running.push((format!("{}.running_var", layer.key), start + units..start + 2 * units));
                layer.op = Op::BatchNorm { eps: *eps, momentum: *momentum, running: start };
                self.norm_params(&mut layer, vec![units], Layout::Same)?;
            }
            LayerSpec::LayerNorm { eps } => {
                layer.op = Op::LayerNorm { eps: *eps };
                let layout = Layout::ChannelsLast { channels: input.units(), pixels: input.pixels() };
                self.norm_params(&mut layer, input.dims(), layout)?;
            }
            LayerSpec::Residual(body) => {
                let body = self.sequence(&format!("{}.body.", layer.key), input, body)?;
                let output = body.last().map_or(input, |last| last.output);
                if output != input {
                    return Err(NetworkError::Residual { layer: layer.name, input, output });
                }
                layer.op = Op::Residual(body);
            }
            LayerSpec::Scale { start, lr_scale } => {
                layer.op = Op::Scale;
                layer.weight = Some(self.param(&layer, "scale", vec![1], Layout::Same, Role::Scalar(*start), 1)?);
                self.params.last_mut().expect("just added").lr_scale = *lr_scale;
            }
            LayerSpec::Shift { lr_scale } => {
                layer.op = Op::Shift;
                layer.bias = Some(self.param(&layer, "bias", vec![1], Layout::Same, Role::Scalar(0.0), 1)?);
                self.params.last_mut().expect("just added").lr_scale = *lr_scale;
            }
        }
        if layer.output.len() > MAX_VALUES {
            return Err(NetworkError::TooLarge { layer: layer.name, limit: MAX_VALUES });
        }
        Ok(layer)
    }

    fn weight_and_bias(
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
        self.observation(layer);
        Ok(())
    }

    fn norm_params(&mut self, layer: &mut Layer, shape: Vec<usize>, layout: Layout) -> Result<(), NetworkError> {
        layer.weight = Some(self.param(layer, "weight", shape.clone(), layout, Role::NormWeight, 1)?);
        layer.bias = Some(self.param(layer, "bias", shape, layout, Role::NormBias, 1)?);
        self.observation(layer);
        Ok(())
    }

    fn observation(&mut self, layer: &mut Layer) {
        layer.observation = Some(self.observed.len());
        self.observed.push(ObservedLayer {
            name: layer.name.clone(),
            units: layer.output.units(),
            activation: layer.activation,
            weight: layer.weight,
        });
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

fn kind_name(spec: &LayerSpec) -> &'static str {
    match spec {
        LayerSpec::Linear { .. } => "linear",
        LayerSpec::Conv2d { .. } => "conv",
        LayerSpec::Activation(_) => "act",
        LayerSpec::MaxPool { .. } => "max_pool",
        LayerSpec::AvgPool { .. } => "avg_pool",
        LayerSpec::GlobalAvgPool { .. } => "global_avg_pool",
        LayerSpec::Flatten => "flatten",
        LayerSpec::BatchNorm { .. } => "batch_norm",
        LayerSpec::LayerNorm { .. } => "layer_norm",
        LayerSpec::Residual(_) => "residual",
        LayerSpec::Scale { .. } => "scale",
        LayerSpec::Shift { .. } => "shift",
    }
}

fn flat(layer: &Layer) -> Result<usize, NetworkError> {
    match layer.input {
        Shape::Flat(n) => Ok(n),
        found @ Shape::Image { .. } => Err(NetworkError::Kind {
            layer: layer.name.clone(),
            expected: "a vector",
            found,
            advice: "put a flatten or global pooling before it",
        }),
    }
}

fn image(layer: &Layer) -> Result<(usize, usize, usize), NetworkError> {
    match layer.input {
        Shape::Image { channels, height, width } => Ok((channels, height, width)),
        found @ Shape::Flat(_) => Err(NetworkError::Kind {
            layer: layer.name.clone(),
            expected: "an image",
            found,
            advice: "put it before the flatten",
        }),
    }
}

fn nonzero(layer: &Layer, what: &'static str, value: usize) -> Result<(), NetworkError> {
    if value == 0 { Err(NetworkError::Zero { layer: layer.name.clone(), what }) } else { Ok(()) }
}

fn window_error(layer: &Layer, kernel: [usize; 2], padding: usize) -> NetworkError {
    NetworkError::Window { layer: layer.name.clone(), kernel, input: layer.input, padding }
}

fn windows(
    layer: &Layer,
    out_channels: usize,
    kernel: [usize; 2],
    stride: usize,
    padding: usize,
) -> Result<ConvShape, NetworkError> {
    let (in_channels, height, width) = image(layer)?;
    nonzero(layer, "stride", stride)?;
    nonzero(layer, "kernel", kernel[0].min(kernel[1]))?;
    let padded = |size: usize| padding.checked_mul(2).and_then(|around| around.checked_add(size));
    let values = padded(height).zip(padded(width)).and_then(|(h, w)| h.checked_mul(w)?.checked_mul(in_channels));
    // The kernel has no more values than this, if it fits.
    if values.is_none_or(|values| values > MAX_VALUES) {
        return Err(NetworkError::TooLarge { layer: layer.name.clone(), limit: MAX_VALUES });
    }
    let count = |size: usize, kernel: usize| padded(size)?.checked_sub(kernel).map(|room| room / stride + 1);
    match (count(height, kernel[0]), count(width, kernel[1])) {
        (Some(h), Some(w)) if h.saturating_mul(w) <= MAX_VALUES => {
            Ok(ConvShape { in_channels, out_channels, kernel, stride, padding, input: [height, width], output: [h, w] })
        }
        _ => Err(window_error(layer, kernel, padding)),
    }
}

fn pooled(shape: &ConvShape) -> Shape {
    Shape::Image { channels: shape.in_channels, height: shape.output[0], width: shape.output[1] }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_pooling_window_never_lies_in_the_padding_alone() {
        let input = Shape::Image { channels: 1, height: 8, width: 8 };
        for (kernel, padding, fits) in
            [(1, 0, true), (1, 1, false), (2, 1, true), (2, 2, false), (3, 1, true), (3, 2, false)]
        {
            let planned = Network::build(input, &[LayerSpec::MaxPool { kernel, stride: 1, padding }], true);
            assert_eq!(planned.is_ok(), fits, "{kernel} {padding}");
            if let Err(error) = planned {
                let rule = format!("more than half of the pooling window of {kernel}");
                assert!(error.to_string().contains(&rule), "{error}");
            }
        }
    }
}
