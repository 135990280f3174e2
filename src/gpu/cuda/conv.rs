//! Convolutions without patches.

use candle_core::cuda_backend::cudarc::driver::DeviceRepr;
use candle_core::cuda_backend::cudarc::driver::sys::CUdevice_attribute_enum::CU_DEVICE_ATTRIBUTE_MAX_SHARED_MEMORY_PER_BLOCK_OPTIN;
use candle_core::cuda_backend::{CudaDevice, WrapErr};
use candle_core::{DType, Device, Result, Tensor};

use super::launch::{Grid, Module, address, aligned, at_once, gpu, in_pieces, int, launch, name_of, unwritten};
use super::phi::PhiArguments;
use super::ptx;
use crate::cpu::conv::ConvShape;
use crate::gpu::activated::{Activated, Phi};

const CONV: Module = Module { name: "initlab_conv", ptx: ptx::CONV };

/// Channels of a thread, as conv.cu has it.
const CHANNELS: usize = 8;

/// Places of the patch that a thread has on the way back, as conv.cu has it.
const PLACES: usize = 4;

/// Blocks that fill a large GPU once.
const MANY_BLOCKS: usize = 264;

/// Shared memory of a block that leaves room for two more of them.
const SOME_SHARED: usize = 75 << 10;

/// Shared memory of a block that leaves room for three more of them.
const LITTLE_SHARED: usize = 48 << 10;

#[repr(C)]
struct Convolve {
    source: u64,
    weights: u64,
    bias: u64,
    sums: u64,
    through: u64,
    y: u64,
    x: u64,
    source_run: i64,
    weights_run: i64,
    bias_run: i64,
    phi: PhiArguments,
    images: i32,
    tile: i32,
    from: i32,
    to: i32,
    source_size: [i32; 2],
    out_size: [i32; 2],
    kernel: [i32; 2],
    stride: i32,
    padding: i32,
    back: i32,
    pitch: i32,
}

#[repr(C)]
struct ConvolveGradient {
    x: u64,
    dz: u64,
    weights: u64,
    bias: u64,
    x_run: i64,
    images: i32,
    part: i32,
    tile: i32,
    inputs: i32,
    outputs: i32,
    size: [i32; 2],
    windows: [i32; 2],
    kernel: [i32; 2],
    stride: i32,
    padding: i32,
    items: i32,
    slices: i32,
}

// SAFETY: plain numbers, laid out as conv.cu has them.
unsafe impl DeviceRepr for Convolve {}
// SAFETY: likewise.
unsafe impl DeviceRepr for ConvolveGradient {}

/// A convolution that our kernels carry out.
pub struct Convolution {
    shape: ConvShape,
    forward: Tiling,
    backward: Tiling,
    gradient: GradientTiling,
}

impl Convolution {
    /// The kernels for a shape with an activation behind it, if they have room for the one and know the other.
    pub fn new(shape: ConvShape, phi: &Phi, dtype: DType, device: &Device) -> Result<Option<Self>> {
        let (Device::Cuda(gpu), DType::F32 | DType::F64) = (device, dtype) else { return Ok(None) };
        if PhiArguments::new(phi)?.is_none() {
            return Ok(None);
        }
        let room = gpu.cuda_stream().context().attribute(CU_DEVICE_ATTRIBUTE_MAX_SHARED_MEMORY_PER_BLOCK_OPTIN).w()?;
        let (room, bytes) = (room as usize, dtype.size_in_bytes());
        let found = Tiling::new(&shape, false, bytes, room).zip(Tiling::new(&shape, true, bytes, room));
        let found = found.zip(GradientTiling::new(&shape, bytes, room));
        Ok(found.map(|((forward, backward), gradient)| Self { shape, forward, backward, gradient }))
    }

    fn images(&self, t: &Tensor, image: usize) -> Result<usize> {
        let (runs, rows, units) = t.dims3()?;
        debug_assert_eq!(rows * units % image, 0, "{runs} runs of whole images");
        int(rows * units)?;
        Ok(rows * units / image)
    }

    /// z = w∗x + b and φ(z) for x `[run, row·pixel, channel]`, with weights and bias `[run, …]` of one tensor.
    pub fn forward(&self, x: &Tensor, w: &Tensor, bias: Option<&Tensor>, phi: &Phi) -> Result<(Tensor, Activated)> {
        let images = self.images(x, self.shape.input_len())?;
        let phi = known(phi)?;
        let z = unwritten((x.dim(0)?, images * self.shape.windows(), self.shape.out_channels), x)?;
        let h = if phi.is_identity() { z.clone() } else { unwritten(z.shape(), x)? };
        let through = if phi.is_identity() { None } else { Some(&h) };
        self.convolve(&self.forward, [x, w], bias, Targets { sums: Some(&z), through, input: None, phi })?;
        Ok((z, Activated::of(h)))
    }

    /// The gradient of the images x from that of z.
    pub fn backward(&self, dz: &Tensor, w: &Tensor) -> Result<Tensor> {
        let dx = self.like_images(dz)?;
        let targets = Targets { sums: Some(&dx), through: None, input: None, phi: PhiArguments::IDENTITY };
        self.convolve(&self.backward, [dz, w], None, targets)?;
        Ok(dx)
    }

    /// Goes back through φ as well, where x = φ(y): the gradient of x, if `wanted`, and that of y.
    pub fn backward_through(
        &self,
        dz: &Tensor,
        w: &Tensor,
        phi: &Phi,
        [y, x]: [&Tensor; 2],
        wanted: bool,
    ) -> Result<(Option<Tensor>, Tensor)> {
        let phi = known(phi)?;
        if phi.is_identity() {
            let dx = self.backward(dz, w)?;
            return Ok((Some(dx.clone()), dx));
        }
        let dx = if wanted { Some(self.like_images(dz)?) } else { None };
        let dy = self.like_images(dz)?;
        let (y, x) = (aligned(y)?, aligned(x)?);
        let targets = Targets { sums: dx.as_ref(), through: Some(&dy), input: Some([&y, &x]), phi };
        self.convolve(&self.backward, [dz, w], None, targets)?;
        Ok((dx, dy))
    }

    /// Memory for the images' gradient.
    fn like_images(&self, dz: &Tensor) -> Result<Tensor> {
        let images = self.images(dz, self.shape.windows() * self.shape.out_channels)?;
        let pixels = self.shape.input[0] * self.shape.input[1];
        unwritten((dz.dim(0)?, images * pixels, self.shape.in_channels), dz)
    }

    fn convolve(
        &self,
        tiling: &Tiling,
        [source, w]: [&Tensor; 2],
        bias: Option<&Tensor>,
        targets: Targets<'_>,
    ) -> Result<()> {
        let device = on_gpu(source)?;
        let ((source, source_run), (w, weights_run)) = (in_pieces(source)?, in_pieces(w)?);
        let runs = source.dim(0)?;
        let ends = Ends::new(&self.shape, tiling.back);
        let images = self.images(&source, ends.source[0] * ends.source[1] * ends.from)?;
        let vector = at_once(address(&source)?, &[ends.from, source_run]);
        let tile = tiling.tile_for(runs, images);
        let bias = bias.map(in_pieces).transpose()?;
        let call = Convolve {
            source: address(&source)?,
            weights: address(&w)?,
            bias: bias.as_ref().map_or(Ok(0), |(bias, _)| address(bias))?,
            sums: targets.sums.map_or(Ok(0), address)?,
            through: targets.through.map_or(Ok(0), address)?,
            y: targets.input.map_or(Ok(0), |[y, _]| address(y))?,
            x: targets.input.map_or(Ok(0), |[_, x]| address(x))?,
            source_run: source_run as i64,
            weights_run: weights_run as i64,
            bias_run: bias.as_ref().map_or(0, |(_, apart)| *apart as i64),
            phi: targets.phi,
            images: int(images)?,
            tile: int(tile)?,
            from: int(ends.from)?,
            to: int(ends.to)?,
            source_size: both(ends.source)?,
            out_size: both(ends.out)?,
            kernel: both(self.shape.kernel)?,
            stride: int(self.shape.stride)?,
            padding: int(self.shape.padding)?,
            back: i32::from(tiling.back),
            pitch: int(ends.pitch())?,
        };
        int(images * ends.out_len())?;
        let items = tiling.items * tile;
        // As many threads as have the same number of items.
        let threads = items.div_ceil(items.div_ceil(tiling.threads)).next_multiple_of(32);
        let bytes = source.dtype().size_in_bytes();
        let shared = (tiling.weights + tile * ends.pitch()) * bytes;
        let grid = Grid { blocks: [runs * images.div_ceil(tile), 1, 1], threads: [threads, 1], shared };
        let kernel = format!("convolve_{}_{}_{vector}", name_of(source.dtype()), tiling.pixels);
        // SAFETY: the source and every target have `images` images of these sizes for each run; weights and bias are the
        // layer's.
        unsafe { launch(device, CONV, &kernel, grid, &call) }
    }

    /// Parts of the weights' gradient `[run, part, value]` and, if there is a bias, of the bias'.
    pub fn gradient(&self, x: &Tensor, dz: &Tensor, bias: bool) -> Result<(Tensor, Option<Tensor>)> {
        let device = on_gpu(dz)?;
        let images = self.images(dz, self.shape.windows() * self.shape.out_channels)?;
        let ((x, x_run), dz, runs) = (in_pieces(x)?, aligned(dz)?, dz.dim(0)?);
        let (shape, tiling) = (&self.shape, &self.gradient);
        // Enough blocks to fill the GPU a few times, and few parts to add up.
        let part = (runs * images).div_ceil(3 * MANY_BLOCKS).clamp(4, images.max(4));
        let tile = tiling.tile.min(part);
        let part = part.next_multiple_of(tile);
        let parts = images.div_ceil(part);
        let weights = unwritten((runs, parts, shape.out_channels * shape.patch()), &dz)?;
        let bias = if bias { Some(unwritten((runs, parts, shape.out_channels), &dz)?) } else { None };
        let call = ConvolveGradient {
            x: address(&x)?,
            dz: address(&dz)?,
            weights: address(&weights)?,
            bias: bias.as_ref().map_or(Ok(0), address)?,
            x_run: x_run as i64,
            images: int(images)?,
            part: int(part)?,
            tile: int(tile)?,
            inputs: int(shape.in_channels)?,
            outputs: int(shape.out_channels)?,
            size: both(shape.input)?,
            windows: both(shape.output)?,
            kernel: both(shape.kernel)?,
            stride: int(shape.stride)?,
            padding: int(shape.padding)?,
            items: int(tiling.items)?,
            slices: int(tiling.slices)?,
        };
        let bytes = dz.dtype().size_in_bytes();
        let shared = tiling.shared(tile, bytes);
        let threads = (tiling.items * tiling.slices).next_multiple_of(32);
        let grid = Grid { blocks: [parts, tiling.blocks, runs], threads: [threads, 1], shared };
        let vector = at_once(call.x, &[shape.in_channels, x_run]);
        let kernel = format!("convolve_gradient_{}_{vector}", name_of(dz.dtype()));
        // SAFETY: x and dz have `images` images for each run; the results have room for every part of every run.
        unsafe { launch(device, CONV, &kernel, grid, &call)? };
        Ok((weights, bias))
    }
}

fn on_gpu(t: &Tensor) -> Result<&CudaDevice> {
    gpu(t).ok_or_else(|| candle_core::Error::Msg("a convolution left its GPU".into()))
}

/// A convolution is made for activations that the kernels have.
fn known(phi: &Phi) -> Result<PhiArguments> {
    PhiArguments::new(phi)?.ok_or_else(|| candle_core::Error::Msg("a convolution's kernels lack its activation".into()))
}

fn both([a, b]: [usize; 2]) -> Result<[i32; 2]> {
    Ok([int(a)?, int(b)?])
}

/// Tensors that a pass writes: sums (z or dx) and what φ makes of them (h = φ(z), or dx·φ′(y) with `input`, y and x = φ(y)).
struct Targets<'a> {
    sums: Option<&'a Tensor>,
    through: Option<&'a Tensor>,
    input: Option<[&'a Tensor; 2]>,
    phi: PhiArguments,
}

/// Where a pass begins and ends.
struct Ends {
    source: [usize; 2],
    from: usize,
    out: [usize; 2],
    to: usize,
}

impl Ends {
    fn new(shape: &ConvShape, back: bool) -> Self {
        let (inputs, outputs) = ((shape.input, shape.in_channels), (shape.output, shape.out_channels));
        let ((source, from), (out, to)) = if back { (outputs, inputs) } else { (inputs, outputs) };
        Self { source, from, out, to }
    }

    fn out_len(&self) -> usize {
        self.out[0] * self.out[1] * self.to
    }

    /// Values from one image to the next in shared memory: an odd number of vectors, so that the same place of several
    /// images lies in different banks.
    fn pitch(&self) -> usize {
        let vector = if self.from.is_multiple_of(4) { 4 } else { 1 };
        ((self.source[0] * self.source[1] * self.from).div_ceil(vector) | 1) * vector
    }
}

/// How a pass is cut into blocks.
struct Tiling {
    back: bool,
    /// Pixels of a thread.
    pixels: usize,
    /// Values that the threads share besides images: weights and zeros.
    weights: usize,
    /// Pieces of work of an image.
    items: usize,
    /// Threads of a block at most.
    threads: usize,
    /// Images of a block.
    tile: usize,
}

impl Tiling {
    fn new(shape: &ConvShape, back: bool, bytes: usize, room: usize) -> Option<Self> {
        let ends = Ends::new(shape, back);
        let phases = if back { shape.stride } else { 1 };
        let of_phase = (ends.out[0] * ends.out[1]).div_ceil(phases * phases);
        let pixels = match of_phase {
            0..8 => 1,
            8..16 => 2,
            _ => 4,
        };
        let taps = shape.kernel[0] * shape.kernel[1];
        let row = ends.to.next_multiple_of(CHANNELS) + 16 / bytes;
        let weights = taps * ends.from * row + ends.from.next_multiple_of(4);
        let items = phases * phases * of_phase.div_ceil(pixels) * ends.to.div_ceil(CHANNELS);
        // Blocks with many registers are small, so that some wait for memory while others compute.
        let threads = if pixels == 1 { 256 } else { 128 };
        // Eight images make the eight places that a vector load asks for at once.
        let wanted = (threads as f64 / items as f64 / 8.0).round().max(1.0) as usize * 8;
        let fits = |tile: usize, room: usize| (weights + tile * ends.pitch()) * bytes <= room;
        let tile = [wanted, 8, 4, 2].into_iter().find(|&tile| fits(tile, SOME_SHARED.min(room)));
        let tile = tile.or_else(|| fits(1, room).then_some(1))?;
        Some(Self { back, pixels, weights, items, threads, tile })
    }

    /// Fewer images in a block where there would be few blocks.
    fn tile_for(&self, runs: usize, images: usize) -> usize {
        let mut tile = self.tile;
        while tile > 2 && runs * images.div_ceil(tile) < MANY_BLOCKS {
            tile /= 2;
        }
        tile
    }
}

/// How the weights' gradient is cut into blocks.
struct GradientTiling {
    /// Values of an image and its dz in shared memory, and windows of an image.
    image: usize,
    windows: usize,
    /// Pieces of a window's work in a block, and the blocks that share them.
    items: usize,
    blocks: usize,
    /// Parts of the windows that are summed side by side.
    slices: usize,
    /// Images at once.
    tile: usize,
}

impl GradientTiling {
    fn new(shape: &ConvShape, bytes: usize, room: usize) -> Option<Self> {
        let seen = |axis: usize| (shape.output[axis] - 1) * shape.stride + shape.kernel[axis];
        let windows = shape.windows();
        let image = (seen(0) * seen(1) * shape.in_channels).next_multiple_of(4)
            + windows * shape.out_channels.next_multiple_of(CHANNELS);
        let all = (shape.patch().div_ceil(PLACES) + 1) * shape.out_channels.div_ceil(CHANNELS);
        let blocks = all.div_ceil(320);
        let items = all.div_ceil(blocks);
        let slices = (320 / items).clamp(1, windows);
        let mut tiling = Self { image, windows, items, blocks, slices, tile: 1 };
        tiling.tile =
            [8, 4, 2, 1].into_iter().find(|&tile| tiling.shared(tile, bytes) <= LITTLE_SHARED.min(room)).unwrap_or(1);
        (tiling.shared(tiling.tile, bytes) <= room).then_some(tiling)
    }

    /// Bytes of shared memory: images at first, then what the threads found.
    fn shared(&self, tile: usize, bytes: usize) -> usize {
        let images = tile * (self.image * bytes + self.windows * size_of::<i32>());
        images.max(self.slices * self.items * PLACES * CHANNELS * bytes)
    }
}
