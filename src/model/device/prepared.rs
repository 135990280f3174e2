//! Constants that layers need on the device beside their parameters: activations of all runs, windows' indices.

use candle_core::{DType, Device, Result};

use crate::activation::Activation;
use crate::gpu::cuda::Convolution;
use crate::gpu::{Phi, Windows};
use crate::model::layer::{Layer, Op};
use crate::model::network::Network;

/// One layer made ready.
pub struct Prepared {
    pub phi: Phi,
    /// A convolution that has kernels of our own.
    pub convolution: Option<Convolution>,
    /// Windows of any other convolution, and of a pool.
    pub windows: Option<Windows>,
    /// The layers of a residual block.
    pub body: Vec<Self>,
}

impl Prepared {
    /// Makes layers ready; `runs` has the same layers for every run.
    pub fn all(runs: &[&[Layer]], dtype: DType, device: &Device) -> Result<Vec<Self>> {
        (0..runs[0].len())
            .map(|i| Self::new(&runs.iter().map(|layers| &layers[i]).collect::<Vec<_>>(), dtype, device))
            .collect()
    }

    fn new(runs: &[&Layer], dtype: DType, device: &Device) -> Result<Self> {
        let activations: Vec<Activation> = runs.iter().map(|layer| layer.activation).collect();
        let op = &runs[0].op;
        let phi = Phi::new(&activations, dtype, device)?;
        let convolution =
            if let Op::Conv2d(shape) = op { Convolution::new(*shape, &phi, dtype, device)? } else { None };
        let windows = op.windows().filter(|_| convolution.is_none());
        let windows = windows.map(|shape| Windows::new(*shape, dtype, device)).transpose()?;
        let bodies: Vec<&[Layer]> = runs.iter().map(|layer| layer.body()).collect();
        let body = Self::all(&bodies, dtype, device)?;
        Ok(Self { phi, convolution, windows, body })
    }

    /// The windows of a layer that has them.
    pub fn windows(&self) -> &Windows {
        self.windows.as_ref().expect("this layer has windows")
    }
}

impl Network {
    /// True if runs of this and the other network can share a cohort: they differ in nothing but the parameters of
    /// ReLU-like activations.
    pub fn like(&self, other: &Self) -> bool {
        let same_params = self.params.len() == other.params.len()
            && self
                .params
                .iter()
                .zip(&other.params)
                .all(|(a, b)| (&a.name, &a.shape, a.start, a.lr_scale) == (&b.name, &b.shape, b.start, b.lr_scale));
        self.input == other.input && same_params && alike(&self.layers, &other.layers)
    }
}

fn alike(a: &[Layer], b: &[Layer]) -> bool {
    let same = |(a, b): (&Layer, &Layer)| {
        let ops = match (&a.op, &b.op) {
            (Op::Residual(a), Op::Residual(b)) => alike(a, b),
            (a, b) => a == b,
        };
        ops && (a.input, a.output, a.observation) == (b.input, b.output, b.observation)
            && Phi::compatible(a.activation, b.activation)
    };
    a.len() == b.len() && a.iter().zip(b).all(same)
}
