//! Single-threaded arithmetic on slices: the CPU's forward and backward passes.
//!
//! Every function writes into buffers that the caller owns. Loops are written so that the compiler vectorises them; `dispatch!`
//! compiles each twice and picks the version for the processor at run time; `simd` has vectors for loops that the compiler
//! leaves scalar. Values are the same bits in every version, but for products (`gemm`, `contract`), which round once a step where
//! the processor can multiply and add in one; the last digit of a sum over many values may differ with the vectors' width.

/// Defines a function whose body is compiled for the baseline processor and again with AVX2; a call
/// takes the second version wherever the processor has it.
macro_rules! dispatch {
    ($(#[$meta:meta])* $vis:vis fn $name:ident($($arg:ident: $ty:ty),* $(,)?) $(-> $ret:ty)? $body:block) => {
        $(#[$meta])*
        #[allow(clippy::too_many_arguments, reason = "kernels take their slices one by one")]
        $vis fn $name($($arg: $ty),*) $(-> $ret)? {
            #[inline(always)]
            #[allow(clippy::too_many_arguments, reason = "the same list again")]
            fn portable($($arg: $ty),*) $(-> $ret)? $body
            #[cfg(target_arch = "x86_64")]
            {
                #[target_feature(enable = "avx2")]
                #[allow(clippy::too_many_arguments, reason = "the same list again")]
                fn avx2($($arg: $ty),*) $(-> $ret)? {
                    portable($($arg),*)
                }
                let allowed = $crate::cpu::simd::allowed($crate::cpu::simd::Form::Eight);
                if std::arch::is_x86_feature_detected!("avx2") && allowed {
                    // SAFETY: the processor has AVX2, as was just asked.
                    return unsafe { avx2($($arg),*) };
                }
            }
            portable($($arg),*)
        }
    };
}
pub(crate) use dispatch;

pub mod activation;
mod block;
pub mod buffer;
pub mod contract;
pub mod conv;
pub mod gemm;
mod higher;
pub mod histogram;
pub mod live;
pub mod loss;
pub mod math;
pub mod moments;
pub mod norm;
pub(crate) mod observer;
mod piecewise;
pub mod pixels;
pub mod places;
pub mod pool;
pub(crate) mod simd;
mod smooth;
pub mod subnormal;
pub mod transpose;
pub mod update;
