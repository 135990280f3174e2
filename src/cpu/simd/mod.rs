//! Vectors of `f32` for the loops that the compiler leaves scalar, behind one trait: AVX-512 or AVX2 registers where the
//! processor has them, plain arrays elsewhere (which compile to NEON on aarch64). All but [`Vector::mul_add`] give the same
//! result for a value whichever was taken; of sums over many values the last digit may differ.

#[cfg(target_arch = "x86_64")]
mod avx2;
#[cfg(target_arch = "x86_64")]
mod avx512;
mod portable;
mod vector;

pub use vector::{LANES, Vector, WIDEST};

/// Work that is compiled for every kind of vector; `run` and what it calls must be `#[inline(always)]`.
pub trait Kernel {
    /// Does the work.
    fn run<V: Vector>(self);
}

/// Asks for `values` to be brought near, where the processor can be asked.
#[inline]
pub fn prefetch<T>(values: &[T]) {
    values.chunks((64 / size_of::<T>()).max(1)).for_each(|line| prefetch_at(line.as_ptr()));
}

/// Asks for the cache line at `place`, which may be anywhere.
#[inline(always)]
pub fn prefetch_at<T>(place: *const T) {
    #[cfg(target_arch = "x86_64")]
    // SAFETY: SSE is part of x86-64, and asking for any address is harmless.
    unsafe {
        std::arch::x86_64::_mm_prefetch::<{ std::arch::x86_64::_MM_HINT_T0 }>(place.cast());
    }
    #[cfg(not(target_arch = "x86_64"))]
    let _ = place;
}

/// Runs `kernel` with vectors of any width, the widest of this processor.
#[inline]
pub fn vectorised_widely<K: Kernel>(kernel: K) {
    #[cfg(target_arch = "x86_64")]
    if many_registers() {
        // SAFETY: the processor has AVX-512, as was just asked.
        return unsafe { with_avx512(kernel) };
    }
    vectorised(kernel);
}

/// Runs `kernel` with the best vectors of [`LANES`] lanes of this processor, 32 registers of them if it has so many.
#[inline]
pub fn vectorised_in_all_registers<K: Kernel>(kernel: K) {
    #[cfg(target_arch = "x86_64")]
    if many_registers() {
        // SAFETY: the processor has AVX-512, as was just asked.
        return unsafe { with_avx2_in_avx512(kernel) };
    }
    vectorised(kernel);
}

/// True if the processor has AVX-512 as the kernels use it (F, VL, and so AVX2 and FMA), which has 32 registers instead of 16.
#[inline]
pub fn many_registers() -> bool {
    #[cfg(target_arch = "x86_64")]
    return std::arch::is_x86_feature_detected!("avx512f")
        && std::arch::is_x86_feature_detected!("avx512vl")
        && std::arch::is_x86_feature_detected!("popcnt")
        && allowed(Form::Sixteen);
    #[cfg(not(target_arch = "x86_64"))]
    false
}

/// The forms that a kernel is compiled in, beside plain arrays.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Form {
    /// Registers of eight lanes.
    Eight,
    /// Registers of sixteen lanes.
    Sixteen,
}

/// True if this thread may take `form` where the processor has it: a test may want what another processor does.
#[inline(always)]
pub fn allowed(form: Form) -> bool {
    #[cfg(test)]
    return tests::allowed(form);
    #[cfg(not(test))]
    {
        let _ = form;
        true
    }
}

#[cfg(target_arch = "x86_64")]
#[target_feature(enable = "avx512f,avx512vl,avx2,fma,popcnt")]
fn with_avx512<K: Kernel>(kernel: K) {
    kernel.run::<avx512::Avx512>();
}

#[cfg(target_arch = "x86_64")]
#[target_feature(enable = "avx512f,avx512vl,avx2,fma,popcnt")]
fn with_avx2_in_avx512<K: Kernel>(kernel: K) {
    kernel.run::<avx2::Avx2>();
}

/// Runs `kernel` with the best vectors of [`LANES`] lanes of this processor.
#[inline]
pub fn vectorised<K: Kernel>(kernel: K) {
    #[cfg(target_arch = "x86_64")]
    if std::arch::is_x86_feature_detected!("avx2") && std::arch::is_x86_feature_detected!("fma") && allowed(Form::Eight)
    {
        // SAFETY: the processor has both, as was just asked.
        return unsafe { with_avx2(kernel) };
    }
    kernel.run::<[f32; LANES]>();
}

#[cfg(target_arch = "x86_64")]
#[target_feature(enable = "avx2,fma")]
fn with_avx2<K: Kernel>(kernel: K) {
    kernel.run::<avx2::Avx2>();
}

#[cfg(test)]
pub mod tests;
