//! Inputs of the layers' passes on a device, what each layer remembers, and gradients on their way back.

use candle_core::{Result, Tensor};

use crate::gpu::activated::Activated;
use crate::gpu::reduce::split_last;
use crate::model::device::prepared::Prepared;
use crate::model::draws::Draws;
use crate::model::layer::Layer;
use crate::model::network::Network;

/// Inputs that are fixed during a pass.
#[derive(Clone, Copy)]
pub struct Pass<'a> {
    /// The plan of the first run.
    pub network: &'a Network,
    /// All parameters, `[run, value]`, in the kernels' layout.
    pub params: &'a Tensor,
    /// Batch norm's estimates, `[run, value]`.
    pub running: Option<&'a Tensor>,
    /// True in a pass of training: batch norm takes the batch's moments.
    pub training: bool,
    /// Seed and step of each run's draws; where there are none, as outside of training steps, nothing is drawn.
    pub draws: &'a [Draws],
    /// Rows of a run.
    pub rows: usize,
}

impl Pass<'_> {
    /// Number of runs.
    pub fn runs(&self) -> Result<usize> {
        self.params.dim(0)
    }

    /// Parameter `index` of every run, `[run, value]`, without a copy.
    pub fn values(&self, index: Option<usize>) -> Result<Tensor> {
        let param = &self.network.params[index.expect("this layer has the parameter")];
        self.params.narrow(1, param.start, param.len())
    }

    /// Parameter `index` of every run as matrices of so many columns, `[run, len/columns, columns]`, without a copy.
    pub fn matrices(&self, index: Option<usize>, columns: usize) -> Result<Tensor> {
        split_last(&self.values(index)?, columns)
    }

    /// A layer's bias as `[run, 1, unit]`.
    pub fn bias(&self, layer: &Layer) -> Result<Option<Tensor>> {
        layer.bias.map(|_| self.matrices(layer.bias, layer.output.units())).transpose()
    }
}

/// Tensors that a layer remembers from its forward pass.
pub struct Trace {
    /// Input of the layer, `[run, row·pixel, unit]`.
    pub input: Tensor,
    /// The pre-activation.
    pub z: Tensor,
    /// The activation.
    pub activated: Activated,
    /// Further tensors that the way back needs.
    pub kept: Kept,
}

/// Tensors that the way back through a layer needs besides z and h.
pub enum Kept {
    /// Nothing.
    Nothing,
    /// A convolution's patches.
    Patches(Tensor),
    /// Where each maximum was.
    Chosen(Tensor),
    /// Dropout's factors.
    Mask(Tensor),
    /// Values after a norm, before its weight (`[run, row, pixel, unit]`), 1/σ, and the moments.
    Normal {
        /// x̂.
        normal: Tensor,
        /// 1/σ.
        inverse_std: Tensor,
        /// Mean and variance.
        moments: [Tensor; 2],
    },
    /// A residual block's layers.
    Body(Vec<Trace>),
}

impl Trace {
    /// The trace of a layer that is no product: φ of `z`.
    pub fn new(prepared: &Prepared, input: Tensor, z: &Tensor, kept: Kept) -> Result<Self> {
        let (z, activated) = prepared.phi.forward(z, None)?;
        Ok(Self { input, z, activated, kept })
    }

    /// Returns the output of the layer.
    pub fn out(&self) -> &Tensor {
        &self.activated.h
    }
}

/// A layer with what belongs to it.
#[derive(Clone, Copy)]
pub struct At<'a> {
    pub layer: &'a Layer,
    pub prepared: &'a Prepared,
    pub trace: &'a Trace,
    /// True if dL/dh is asked for.
    pub observed: bool,
}

/// The gradient of a layer's output, of its z where the layer behind it found that too, or of both; neither where nobody asked.
#[derive(Default)]
pub struct Gradient {
    pub dh: Option<Tensor>,
    pub dz: Option<Tensor>,
}

impl Gradient {
    /// The gradient of an output alone.
    pub fn of_output(dh: Tensor) -> Self {
        Self { dh: Some(dh), dz: None }
    }
}

/// A gradient on its way back through a layer.
pub struct Back<'a> {
    pub pass: &'a Pass<'a>,
    /// Gradient of the layer's output.
    pub gradient: Gradient,
    /// Gradient that came through the body of a residual block.
    pub branch: Option<Tensor>,
    /// The layer before it.
    pub before: Option<At<'a>>,
    /// True if the gradient of the layer's input is asked for.
    pub wanted: bool,
    /// Parts of the parameters' gradients that are still to be added up: by parameter, each `[run, part, len]` in the kernels' layout.
    pub found: &'a mut [Option<Tensor>],
}

impl Back<'_> {
    /// dL/dh of the layer.
    pub fn dh(&self) -> &Tensor {
        self.gradient.dh.as_ref().expect("it is left out before convolutions with kernels of their own alone")
    }

    /// dL/dz of the layer.
    pub fn dz(&self, At { prepared, trace, .. }: At<'_>) -> Result<Tensor> {
        prepared.phi.backward(self.dh(), &trace.z, &trace.activated)
    }

    /// Keeps the gradient of a parameter.
    pub fn keep(&mut self, param: Option<usize>, gradient: &Tensor) -> Result<()> {
        let runs = gradient.dim(0)?;
        self.keep_parts(param, gradient.reshape((runs, 1, ()))?);
        Ok(())
    }

    /// Keeps parts of it, which are still to be added up.
    pub fn keep_parts(&mut self, param: Option<usize>, parts: Tensor) {
        self.found[param.expect("this layer has the parameter")] = Some(parts);
    }
}
