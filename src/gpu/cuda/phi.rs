//! Activations behind a product, and on the way back with the sums over rows.

use candle_core::cuda_backend::cudarc::driver::DeviceRepr;
use candle_core::{Result, Tensor};

use super::launch::{Grid, Module, address, aligned, at_once, gpu, in_pieces, int, launch, name_of, unwritten};
use super::ptx;
use crate::activation::{Activation, SELU_ALPHA, SELU_LAMBDA};
use crate::gpu::activated::{Activated, Phi};

const PHI: Module = Module { name: "initlab_phi", ptx: ptx::PHI };

/// φ as the kernels have it.
#[repr(C)]
#[derive(Clone, Copy)]
pub struct PhiArguments {
    relu: u64,
    kind: i32,
    alpha: f64,
    lambda: f64,
}

impl PhiArguments {
    /// φ(z) = z.
    pub const IDENTITY: Self = Self { relu: 0, kind: 0, alpha: 0.0, lambda: 0.0 };

    /// `None` for an activation that the kernels do not have.
    pub fn new(phi: &Phi) -> Result<Option<Self>> {
        let of = |kind| Self { kind, ..Self::IDENTITY };
        Ok(Some(match phi {
            Phi::Relu(relu) => Self { relu: address(&relu.numbers)?, ..of(1) },
            Phi::Same(activation) => match *activation {
                Activation::Tanh => of(2),
                Activation::Sigmoid => of(3),
                Activation::Gelu => of(4),
                Activation::GeluTanh => of(5),
                Activation::Silu => of(6),
                Activation::Elu { alpha } => Self { alpha, lambda: 1.0, ..of(7) },
                Activation::Selu => Self { alpha: SELU_ALPHA, lambda: SELU_LAMBDA, ..of(7) },
                Activation::Softplus => of(8),
                Activation::Softsign | Activation::Mish => return Ok(None),
                Activation::Identity
                | Activation::Relu
                | Activation::LeakyRelu { .. }
                | Activation::GeneralRelu { .. }
                | Activation::ShiftedRelu { .. } => Self::IDENTITY,
            },
        }))
    }

    pub fn is_identity(&self) -> bool {
        self.kind == Self::IDENTITY.kind
    }
}

#[repr(C)]
struct Forward {
    z: u64,
    h: u64,
    bias: u64,
    bias_run: i64,
    phi: PhiArguments,
    len: i32,
    units: i32,
}

#[repr(C)]
struct Backward {
    dh: u64,
    z: u64,
    h: u64,
    dz: u64,
    phi: PhiArguments,
    len: i32,
}

#[repr(C)]
struct BackwardSums {
    dh: u64,
    z: u64,
    h: u64,
    dz: u64,
    sums: u64,
    phi: PhiArguments,
    rows: i32,
    part: i32,
    units: i32,
}

// SAFETY: plain numbers, laid out as phi.cu has them.
unsafe impl DeviceRepr for Forward {}
// SAFETY: likewise.
unsafe impl DeviceRepr for Backward {}
// SAFETY: likewise.
unsafe impl DeviceRepr for BackwardSums {}

const THREADS: usize = 256;

fn elementwise(len: usize, runs: usize, vector: usize) -> Grid {
    Grid { blocks: [len.div_ceil(THREADS * vector), runs, 1], threads: [THREADS, 1], shared: 0 }
}

/// z = `product` + `bias` and φ(z). The product becomes z: nobody else may have it if there is a bias.
pub fn phi_forward(phi: &Phi, product: &Tensor, bias: Option<&Tensor>) -> Result<Option<(Tensor, Activated)>> {
    let Some(device) = gpu(product) else { return Ok(None) };
    let Some(arguments) = PhiArguments::new(phi)? else { return Ok(None) };
    let identity = arguments.is_identity();
    let z = aligned(product)?;
    let h = if identity { z.clone() } else { unwritten(z.shape(), &z)? };
    if bias.is_none() && identity || z.elem_count() == 0 {
        return Ok(Some((z, Activated::of(h))));
    }
    let (runs, _, units) = z.dims3()?;
    let len = z.elem_count() / runs;
    let bias = bias.map(in_pieces).transpose()?;
    let (bias, bias_run) = match &bias {
        Some((bias, apart)) => (address(bias)?, *apart),
        None => (0, 0),
    };
    let call = Forward {
        z: address(&z)?,
        h: if identity { 0 } else { address(&h)? },
        bias,
        bias_run: bias_run as i64,
        phi: arguments,
        len: int(len)?,
        units: int(units)?,
    };
    // A thread's values have units that follow each other.
    let vector = at_once(call.z, &[units]);
    let grid = elementwise(len, runs, vector);
    let kernel = format!("phi_forward_{}_{vector}", name_of(z.dtype()));
    // SAFETY: z and h have `runs`·`len` values, the bias `units` for each run.
    unsafe { launch(device, PHI, &kernel, grid, &call)? };
    Ok(Some((z, Activated::of(h))))
}

/// dh·φ′(z).
pub fn phi_backward(phi: &Phi, dh: &Tensor, z: &Tensor, h: &Tensor) -> Result<Option<Tensor>> {
    let Some(device) = gpu(dh) else { return Ok(None) };
    let Some(phi) = PhiArguments::new(phi)? else { return Ok(None) };
    if phi.is_identity() || dh.elem_count() == 0 {
        return Ok(Some(dh.clone()));
    }
    let [dh, z, h] = [aligned(dh)?, aligned(z)?, aligned(h)?];
    let (dz, runs) = (unwritten(dh.shape(), &dh)?, dh.dim(0)?);
    let len = dh.elem_count() / runs;
    let call = Backward { dh: address(&dh)?, z: address(&z)?, h: address(&h)?, dz: address(&dz)?, phi, len: int(len)? };
    let vector = at_once(call.z, &[len]);
    let grid = elementwise(len, runs, vector);
    let kernel = format!("phi_backward_{}_{vector}", name_of(dh.dtype()));
    // SAFETY: all four tensors have `runs`·`len` values.
    unsafe { launch(device, PHI, &kernel, grid, &call)? };
    Ok(Some(dz))
}

/// dh·φ′(z), and its sums over parts of each run's rows, `[run, part, unit]`.
pub fn phi_backward_sums(phi: &Phi, dh: &Tensor, z: &Tensor, h: &Tensor) -> Result<Option<(Tensor, Tensor)>> {
    /// Rows of a part: a thread adds 16 of them.
    const PART: usize = 128;
    let Some(device) = gpu(dh) else { return Ok(None) };
    let Some(phi) = PhiArguments::new(phi)? else { return Ok(None) };
    let [dh, z, h] = [dh.contiguous()?, z.contiguous()?, h.contiguous()?];
    let (runs, rows, units) = dh.dims3()?;
    let parts = rows.div_ceil(PART);
    let dz = if phi.is_identity() { dh.clone() } else { unwritten(dh.shape(), &dh)? };
    let sums = unwritten((runs, parts, units), &dh)?;
    int(rows * units)?;
    let call = BackwardSums {
        dh: address(&dh)?,
        z: address(&z)?,
        h: address(&h)?,
        dz: if phi.is_identity() { 0 } else { address(&dz)? },
        sums: address(&sums)?,
        phi,
        rows: int(rows)?,
        part: int(PART)?,
        units: int(units)?,
    };
    let grid = Grid { blocks: [units.div_ceil(32), parts, runs], threads: [32, 8], shared: 0 };
    let kernel = format!("phi_backward_sums_{}", name_of(dh.dtype()));
    // SAFETY: the tensors have `runs`·`rows`·`units` values, the sums `runs`·`parts`·`units`.
    unsafe { launch(device, PHI, &kernel, grid, &call)? };
    Ok(Some((dz, sums)))
}
