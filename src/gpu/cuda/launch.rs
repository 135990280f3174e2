//! Starting a kernel on candle's tensors.

use candle_core::cuda_backend::cudarc::driver::sys::CUfunction_attribute_enum::CU_FUNC_ATTRIBUTE_MAX_DYNAMIC_SHARED_SIZE_BYTES;
use candle_core::cuda_backend::cudarc::driver::{DevicePtr, DeviceRepr, LaunchConfig, PushKernelArg};
use candle_core::cuda_backend::{CudaDType, CudaDevice, WrapErr};
use candle_core::{CudaStorage, DType, Device, Result, Storage, Tensor};

/// A file of kernels.
#[derive(Clone, Copy)]
pub struct Module {
    /// Its name.
    pub name: &'static str,
    /// Its PTX.
    pub ptx: &'static str,
}

/// Blocks, threads of a block, and bytes of shared memory of a block.
#[derive(Clone, Copy)]
pub struct Grid {
    pub blocks: [usize; 3],
    pub threads: [usize; 2],
    pub shared: usize,
}

/// Bytes of shared memory that a block may have without asking.
const USUAL_SHARED: usize = 48 << 10;

/// Starts `kernel` of `module` with one struct of arguments.
///
/// # Safety
/// The arguments are laid out as the kernel has them, and every place that they let it read or write lies in tensors
/// that live until the call returns. What it writes belongs to nobody else.
pub unsafe fn launch<A: DeviceRepr>(
    device: &CudaDevice,
    module: Module,
    kernel: &str,
    grid: Grid,
    arguments: &A,
) -> Result<()> {
    let function = device.get_or_load_custom_func(kernel, module.name, module.ptx)?;
    if grid.shared > USUAL_SHARED {
        function.set_attribute(CU_FUNC_ATTRIBUTE_MAX_DYNAMIC_SHARED_SIZE_BYTES, int(grid.shared)?).w()?;
    }
    let [x, y, z] = grid.blocks;
    if y > 65_535 || z > 65_535 {
        candle_core::bail!(
            "{kernel} is asked for {y}·{z} blocks for runs and parts, more than 65,535; use smaller cohorts"
        );
    }
    let config = LaunchConfig {
        grid_dim: (int(x)? as u32, y as u32, z as u32),
        block_dim: (grid.threads[0] as u32, grid.threads[1] as u32, 1),
        shared_mem_bytes: grid.shared as u32,
    };
    // SAFETY: the caller answers for the arguments; memory that is freed later is freed behind the kernel on its stream.
    unsafe { function.builder().arg(arguments).launch(config) }.w()?;
    Ok(())
}

/// The GPU of a tensor of floats that the kernels know.
pub fn gpu(t: &Tensor) -> Option<&CudaDevice> {
    match t.device() {
        Device::Cuda(device) if matches!(t.dtype(), DType::F32 | DType::F64) => Some(device),
        _ => None,
    }
}

/// The name of a tensor's type in the kernels.
pub fn name_of(t: DType) -> &'static str {
    if t == DType::F64 { "double" } else { "float" }
}

/// A size as the kernels count: within a run in 32 bits, with room for a last block that is not full.
pub fn int(n: usize) -> Result<i32> {
    if n > 1 << 30 {
        candle_core::bail!("a run has {n} values where the kernels count to 2^30; use smaller batches");
    }
    Ok(n as i32)
}

/// Memory that a kernel is to fill.
pub fn unwritten(shape: impl Into<candle_core::Shape>, like: &Tensor) -> Result<Tensor> {
    unwritten_of(shape, like.dtype(), like)
}

/// Memory of type `dtype` that a kernel is to fill.
pub fn unwritten_of(shape: impl Into<candle_core::Shape>, dtype: DType, like: &Tensor) -> Result<Tensor> {
    // SAFETY: each caller hands it to a kernel that writes every value before anybody reads one.
    unsafe { Tensor::empty(shape, dtype, like.device()) }
}

/// Where a tensor's values begin on the GPU.
pub fn address(t: &Tensor) -> Result<u64> {
    fn of<T: CudaDType + DeviceRepr>(storage: &CudaStorage, start: usize) -> Result<u64> {
        let stream = storage.device.cuda_stream();
        let (pointer, _) = storage.as_cuda_slice::<T>()?.device_ptr(&stream);
        Ok(pointer + (start * size_of::<T>()) as u64)
    }
    let (storage, layout) = t.storage_and_layout();
    let Storage::Cuda(storage) = &*storage else { candle_core::bail!("the tensor is on no GPU") };
    match t.dtype() {
        DType::F32 => of::<f32>(storage, layout.start_offset()),
        DType::F64 => of::<f64>(storage, layout.start_offset()),
        DType::U32 => of::<u32>(storage, layout.start_offset()),
        DType::U8 => of::<u8>(storage, layout.start_offset()),
        other => candle_core::bail!("no kernel knows {other:?}"),
    }
}

/// Bytes of the widest load.
const VECTOR: u64 = 16;

/// A tensor in one piece that begins where a wide load may.
pub fn aligned(t: &Tensor) -> Result<Tensor> {
    if t.is_contiguous() && address(t)?.is_multiple_of(VECTOR) { Ok(t.clone()) } else { t.force_contiguous() }
}

/// A tensor `[run, …]` whose runs each lie in one piece, and the values from one run to the next.
pub fn in_pieces(t: &Tensor) -> Result<(Tensor, usize)> {
    let (dims, strides) = (t.dims(), t.stride());
    let mut len = 1;
    let whole = dims.iter().zip(strides).skip(1).rev().all(|(&size, &stride)| {
        let fits = size == 1 || stride == len;
        len *= size;
        fits
    });
    if whole { Ok((t.clone(), strides[0])) } else { Ok((t.contiguous()?, t.elem_count() / dims[0])) }
}

/// Values that a thread takes at once from a tensor at `place`: 4 where it is aligned and all of `numbers`, counts of values,
/// are multiples of 4, else 1.
pub fn at_once(place: u64, numbers: &[usize]) -> usize {
    if place.is_multiple_of(VECTOR) && numbers.iter().all(|n| n.is_multiple_of(4)) { 4 } else { 1 }
}
