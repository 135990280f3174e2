//! The plan of a network: layers in order, their shapes, and every parameter with its name and place.

use thiserror::Error;

use crate::activation::Activation;
use crate::kernels::conv::ConvShape;

/// The shape of one sample between two layers.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Shape {
    /// A vector.
    Flat(usize),
    /// An image.
    Image {
        /// Channels.
        channels: usize,
        /// Rows of pixels.
        height: usize,
        /// Columns of pixels.
        width: usize,
    },
}

impl Shape {
    /// Values in a sample.
    pub fn len(self) -> usize {
        match self {
            Self::Flat(n) => n,
            Self::Image { channels, height, width } => channels * height * width,
        }
    }

    /// Whether a sample has no values.
    pub fn is_empty(self) -> bool {
        self.len() == 0
    }

    /// Channels of an image, or the length of a vector: the units of a layer with this output.
    pub fn units(self) -> usize {
        match self {
            Self::Flat(n) => n,
            Self::Image { channels, .. } => channels,
        }
    }

    /// Pixels of an image; 1 for a vector.
    pub fn pixels(self) -> usize {
        self.len() / self.units().max(1)
    }

    /// The dimensions as PyTorch orders them, without the batch.
    pub fn dims(self) -> Vec<usize> {
        match self {
            Self::Flat(n) => vec![n],
            Self::Image { channels, height, width } => vec![channels, height, width],
        }
    }
}

impl std::fmt::Display for Shape {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        let dims: Vec<_> = self.dims().iter().map(usize::to_string).collect();
        f.write_str(&dims.join("×"))
    }
}

/// A module as the user writes it, before shapes are known; a list of them is a network.
#[derive(Clone, Debug, PartialEq)]
pub enum LayerSpec {
    /// y = Wx + b with `out` outputs.
    Linear {
        /// Outputs.
        out: usize,
        /// Whether there is a bias.
        bias: bool,
    },
    /// 2-D convolution (cross-correlation, as everywhere in the field).
    Conv2d {
        /// Output channels.
        out: usize,
        /// Kernel height and width.
        kernel: [usize; 2],
        /// Step between windows.
        stride: usize,
        /// Zeros around the image.
        padding: usize,
        /// Whether there is a bias.
        bias: bool,
    },
    /// φ, element by element.
    Activation(Activation),
    /// Maximum over windows.
    MaxPool {
        /// Window size.
        kernel: usize,
        /// Step between windows.
        stride: usize,
        /// Padding, which never wins.
        padding: usize,
    },
    /// Mean over windows.
    AvgPool {
        /// Window size.
        kernel: usize,
        /// Step between windows.
        stride: usize,
    },
    /// Mean over all pixels: an image of one pixel, or a vector if `flatten`.
    GlobalAvgPool {
        /// Whether the output is a vector.
        flatten: bool,
    },
    /// Image to vector, in PyTorch's order (channel, row, column).
    Flatten,
    /// Batch normalisation per channel.
    BatchNorm {
        /// Added to the variance.
        eps: f64,
        /// Share of the batch in the running estimates.
        momentum: f64,
    },
    /// Layer normalisation over the whole sample.
    LayerNorm {
        /// Added to the variance.
        eps: f64,
    },
    /// x + body(x).
    Residual(Vec<Self>),
    /// x·α with one learned number α.
    Scale {
        /// α at the start.
        start: f64,
        /// Factor on the learning rate.
        lr_scale: f64,
    },
    /// x + β with one learned number β, 0 at the start.
    Shift {
        /// Factor on the learning rate.
        lr_scale: f64,
    },
}

/// What a layer computes, with its geometry.
#[derive(Clone, Debug, PartialEq)]
pub enum Op {
    /// y = Wx + b.
    Linear,
    /// 2-D convolution.
    Conv2d(ConvShape),
    /// Nothing but its activation.
    Activation,
    /// Maximum over windows.
    MaxPool(ConvShape),
    /// Mean over windows.
    AvgPool(ConvShape),
    /// Mean over all pixels.
    GlobalAvgPool,
    /// Image to vector.
    Flatten,
    /// Batch normalisation; `running` is its place in the running estimates (means, then variances).
    BatchNorm {
        /// Added to the variance.
        eps: f64,
        /// Share of the batch in the running estimates.
        momentum: f64,
        /// Start of its estimates.
        running: usize,
    },
    /// Layer normalisation.
    LayerNorm {
        /// Added to the variance.
        eps: f64,
    },
    /// x + body(x).
    Residual(Vec<Layer>),
    /// x·α.
    Scale,
    /// x + β.
    Shift,
}

/// A layer with its shapes and parameters. Weight layers carry their activation.
#[derive(Clone, Debug, PartialEq)]
pub struct Layer {
    /// `conv2`, `linear1`, … counted by kind.
    pub name: String,
    /// Place in PyTorch's `nn.Sequential`: `4`, or `4.body.2` in a residual block.
    pub key: String,
    /// What it computes.
    pub op: Op,
    /// φ applied to the result.
    pub activation: Activation,
    /// Shape of a sample that comes in.
    pub input: Shape,
    /// Shape of a sample that goes out.
    pub output: Shape,
    /// Index of the weight in [`Network::params`].
    pub weight: Option<usize>,
    /// Index of the bias in [`Network::params`].
    pub bias: Option<usize>,
    /// Index in [`Network::watched`] if statistics are taken.
    pub watch: Option<usize>,
}

impl Layer {
    /// Whether the output is the input's memory under another shape.
    pub fn passes_through(&self) -> bool {
        matches!(self.op, Op::Flatten) && (self.input.pixels() == 1 || self.input.units() == 1)
    }

    /// Whether it or a layer inside it has parameters.
    pub fn has_params(&self) -> bool {
        match &self.op {
            Op::Residual(body) => body.iter().any(Self::has_params),
            _ => self.weight.is_some() || self.bias.is_some(),
        }
    }
}

/// What a parameter is for.
#[derive(Clone, Copy, Debug, PartialEq)]
pub enum Role {
    /// Weight of a linear or convolution layer.
    Weight,
    /// Bias of a linear or convolution layer.
    Bias,
    /// Weight of a normalisation, 1 at the start.
    NormWeight,
    /// Bias of a normalisation, 0 at the start.
    NormBias,
    /// One learned number that starts at this value.
    Scalar(f64),
}

/// How the kernels store a parameter, compared with PyTorch's order.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Layout {
    /// The same.
    Same,
    /// Within each of the first dimension's slices, `[channels, pixels]` is stored as `[pixels, channels]`.
    ChannelsLast {
        /// Input channels.
        channels: usize,
        /// Kernel or image pixels.
        pixels: usize,
    },
}

/// One named parameter tensor.
#[derive(Clone, Debug, PartialEq)]
pub struct Param {
    /// `conv2.weight`: the name of its random stream and in records.
    pub name: String,
    /// `4.weight`: the name in PyTorch's `state_dict`.
    pub key: String,
    /// PyTorch's shape.
    pub shape: Vec<usize>,
    /// First value in the flat array of all parameters.
    pub start: usize,
    /// How the kernels store it.
    pub layout: Layout,
    /// What it is for.
    pub role: Role,
    /// Factor on the learning rate.
    pub lr_scale: f64,
    /// Activation of its layer.
    pub activation: Activation,
    /// fan_in of its layer's weight; 1 where there is none.
    pub fan_in: usize,
}

impl Param {
    /// Values in the tensor.
    pub fn len(&self) -> usize {
        self.shape.iter().product()
    }

    /// Whether the tensor has no values.
    pub fn is_empty(&self) -> bool {
        self.len() == 0
    }

    /// Its place in the flat array.
    pub fn range(&self) -> std::ops::Range<usize> {
        self.start..self.start + self.len()
    }

    /// From PyTorch's order to the kernels', or back if `to_torch`.
    pub fn reorder<T: Copy>(&self, values: &[T], to_torch: bool) -> Vec<T> {
        let Layout::ChannelsLast { channels, pixels } = self.layout else { return values.to_vec() };
        let (rows, cols) = if to_torch { (pixels, channels) } else { (channels, pixels) };
        values
            .chunks_exact(rows * cols)
            .flat_map(|slice| (0..cols).flat_map(move |j| (0..rows).map(move |i| slice[i * cols + j])))
            .collect()
    }
}

/// A network that cannot be built.
#[derive(Clone, Debug, Error, PartialEq, Eq)]
pub enum NetworkError {
    /// A window larger than its padded input.
    #[error(
        "{layer}: a window of {kernel:?} does not fit its {input} input with padding {padding}; use fewer strided layers, a smaller kernel or more padding"
    )]
    Window {
        /// Name of the layer.
        layer: String,
        /// Window height and width.
        kernel: [usize; 2],
        /// Shape of its input.
        input: Shape,
        /// Padding on every side.
        padding: usize,
    },
    /// An image layer after a vector, or the other way round.
    #[error("{layer}: needs {expected} as input, found {found}; {advice}")]
    Kind {
        /// Name of the layer.
        layer: String,
        /// What it needs.
        expected: &'static str,
        /// What there is.
        found: Shape,
        /// What to change.
        advice: &'static str,
    },
    /// A size that must not be zero.
    #[error("{layer}: {what} must be at least 1, found 0")]
    Zero {
        /// Name of the layer.
        layer: String,
        /// What is zero.
        what: &'static str,
    },
    /// A residual block that changes the shape.
    #[error("{layer}: x + body(x) needs equal shapes, but the body makes {output} of {input}")]
    Residual {
        /// Name of the block.
        layer: String,
        /// Shape that comes in.
        input: Shape,
        /// Shape that the body makes.
        output: Shape,
    },
    /// More parameters than the program handles.
    #[error("{layer}: the network has more than {limit} parameters or values in a sample; make it smaller")]
    TooLarge {
        /// Name of the layer that goes over.
        layer: String,
        /// The limit.
        limit: usize,
    },
    /// Residual blocks are asked for, but nothing can be in one.
    #[error(
        "residual: no {layers} layers in a row keep their shape; give some the width of the one before (and stride 1), or leave residual out"
    )]
    NoBlocks {
        /// Layers of a block.
        layers: usize,
    },
    /// No layer at all.
    #[error("the network has no layer; add one")]
    Empty,
}

/// Parameters and values of a sample are limited to this many.
pub const MAX_VALUES: usize = 1 << 28;

/// The plan of a network.
#[derive(Clone, Debug, PartialEq)]
pub struct Network {
    /// Shape of a sample.
    pub input: Shape,
    /// The layers in order.
    pub layers: Vec<Layer>,
    /// Every parameter, in order.
    pub params: Vec<Param>,
    /// Names (`2.running_mean`, `2.running_var`) and ranges of batch norm's running estimates.
    pub running: Vec<(String, std::ops::Range<usize>)>,
    /// Names of the layers of which statistics are taken, with the number of their units, in order.
    pub watched: Vec<Watched>,
}

/// A layer of which statistics are taken.
#[derive(Clone, Debug, PartialEq)]
pub struct Watched {
    /// Name of the layer.
    pub name: String,
    /// Units: outputs of a linear layer, channels of a convolution.
    pub units: usize,
    /// Its activation.
    pub activation: Activation,
    /// Index of its weight.
    pub weight: Option<usize>,
}

impl Network {
    /// Lays out `specs` for samples of shape `input`. With `fuse`, an activation right after a linear or convolution
    /// layer becomes part of it; without, every module stays a layer of its own (for layer-by-layer checks).
    pub fn build(input: Shape, specs: &[LayerSpec], fuse: bool) -> Result<Self, NetworkError> {
        let mut builder = Builder { fuse, ..Builder::default() };
        let layers = builder.sequence("", input, specs)?;
        if layers.is_empty() {
            return Err(NetworkError::Empty);
        }
        let Builder { params, running, watched, .. } = builder;
        Ok(Self { input, layers, params, running, watched })
    }

    /// Shape of a sample of outputs.
    pub fn output(&self) -> Shape {
        self.layers.last().map_or(self.input, |layer| layer.output)
    }

    /// Number of parameters.
    pub fn parameters(&self) -> usize {
        self.params.iter().map(Param::len).sum()
    }

    /// Number of running estimates.
    pub fn running_len(&self) -> usize {
        self.running.last().map_or(0, |(_, range)| range.end)
    }

    /// Every layer in execution order, those inside residual blocks before the block itself.
    pub fn flat_layers(&self) -> Vec<&Layer> {
        fn walk<'a>(layers: &'a [Layer], all: &mut Vec<&'a Layer>) {
            for layer in layers {
                if let Op::Residual(body) = &layer.op {
                    walk(body, all);
                }
                all.push(layer);
            }
        }
        let mut all = Vec::new();
        walk(&self.layers, &mut all);
        all
    }

    /// Applies `f` to every layer in execution order.
    pub fn for_each_layer_mut(&mut self, f: &mut impl FnMut(&mut Layer)) {
        fn walk(layers: &mut [Layer], f: &mut impl FnMut(&mut Layer)) {
            for layer in layers {
                if let Op::Residual(body) = &mut layer.op {
                    walk(body, f);
                }
                f(layer);
            }
        }
        walk(&mut self.layers, f);
    }

    /// Into how many shards a batch of `rows` is cut. It follows from the batch and the network alone, never from the
    /// number of threads, so that results do not depend on that.
    pub fn shards(&self, rows: usize) -> usize {
        if self.takes_whole_batch() { 1 } else { rows.div_ceil(SHARD_ROWS).max(1) }
    }

    /// Batch norm needs the whole batch at once; very wide layers would pack the same large weights for every shard, and
    /// run faster with threads inside the product.
    pub fn takes_whole_batch(&self) -> bool {
        let wide = |p: &Param| p.role == Role::Weight && p.len() >= WIDE_WEIGHT;
        !self.running.is_empty() || self.params.iter().any(wide)
    }
}

/// Rows of a shard: enough for the matrix product to run at full speed, few enough to stay in a core's cache.
const SHARD_ROWS: usize = 64;
/// Weights of this many values are multiplied by the whole batch at once.
const WIDE_WEIGHT: usize = 512 * 512;

#[derive(Default)]
struct Builder {
    fuse: bool,
    params: Vec<Param>,
    running: Vec<(String, std::ops::Range<usize>)>,
    watched: Vec<Watched>,
    counts: std::collections::BTreeMap<&'static str, usize>,
    values: usize,
}

impl Builder {
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
        if let Some(watch) = layer.watch {
            self.watched[watch].activation = activation;
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
            watch: None,
        };
        match spec {
            LayerSpec::Linear { out, bias } => {
                let inputs = flat(&layer)?;
                nonzero(&layer, "outputs", *out)?;
                (layer.op, layer.output) = (Op::Linear, Shape::Flat(*out));
                self.weight_and_bias(&mut layer, vec![*out, inputs], inputs, Layout::Same, *bias)?;
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
                self.weight_and_bias(&mut layer, dims, shape.patch(), layout, *bias)?;
            }
            LayerSpec::Activation(activation) => {
                layer.activation = *activation;
                self.watch(&mut layer);
            }
            LayerSpec::MaxPool { kernel, stride, padding } => {
                let shape = windows(&layer, input.units(), [*kernel; 2], *stride, *padding)?;
                if 2 * padding > *kernel {
                    return Err(window_error(&layer, [*kernel; 2], *padding));
                }
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
        fan_in: usize,
        layout: Layout,
        bias: bool,
    ) -> Result<(), NetworkError> {
        let out = shape[0];
        layer.weight = Some(self.param(layer, "weight", shape, layout, Role::Weight, fan_in)?);
        if bias {
            layer.bias = Some(self.param(layer, "bias", vec![out], Layout::Same, Role::Bias, fan_in)?);
        }
        self.watch(layer);
        Ok(())
    }

    fn norm_params(&mut self, layer: &mut Layer, shape: Vec<usize>, layout: Layout) -> Result<(), NetworkError> {
        layer.weight = Some(self.param(layer, "weight", shape.clone(), layout, Role::NormWeight, 1)?);
        layer.bias = Some(self.param(layer, "bias", shape, layout, Role::NormBias, 1)?);
        self.watch(layer);
        Ok(())
    }

    fn watch(&mut self, layer: &mut Layer) {
        layer.watch = Some(self.watched.len());
        self.watched.push(Watched {
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
    let count = |size: usize, kernel: usize| {
        padding.checked_mul(2).and_then(|p| (size + p).checked_sub(kernel)).map(|room| room / stride + 1)
    };
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
