//! Sixteen lanes in an AVX-512 register.

use std::arch::x86_64::*;

use super::avx2::Avx2;
use super::vector::{LANES, Vector};

/// Sixteen lanes in an AVX-512 register. Private to the dispatch: it exists only in code compiled for AVX-512.
#[derive(Clone, Copy)]
pub struct Avx512(__m512);

// SAFETY, for every block below: `with_avx512` alone runs kernels with this type, on processors that have AVX-512F and VL; the
// pointers are the caller's promise.
#[allow(clippy::undocumented_unsafe_blocks, reason = "one reason for all, just above")]
impl Vector for Avx512 {
    const LANES: usize = 2 * LANES;
    type Half = Avx2;
    type Count = u32;
    type Mask = __mmask16;

    #[inline(always)]
    unsafe fn load(from: *const f32) -> Self {
        unsafe { Self(_mm512_loadu_ps(from)) }
    }
    #[inline(always)]
    fn first(lanes: usize) -> __mmask16 {
        ((1u32 << lanes.min(Self::LANES)) - 1) as __mmask16
    }
    #[inline(always)]
    unsafe fn load_first(from: *const f32, mask: __mmask16) -> Self {
        unsafe { Self(_mm512_maskz_loadu_ps(mask, from)) }
    }
    #[inline(always)]
    unsafe fn store(self, to: *mut f32) {
        unsafe { _mm512_storeu_ps(to, self.0) }
    }
    #[inline(always)]
    unsafe fn store_first(self, to: *mut f32, lanes: usize) {
        unsafe { _mm512_mask_storeu_ps(to, Self::first(lanes), self.0) }
    }
    #[inline(always)]
    unsafe fn store_unequal(self, value: Self, to: *mut f32) -> usize {
        unsafe {
            let unequal = _mm512_cmp_ps_mask::<_CMP_NEQ_UQ>(self.0, value.0);
            _mm512_storeu_ps(to, _mm512_maskz_compress_ps(unequal, self.0));
            unequal.count_ones() as usize
        }
    }
    #[inline(always)]
    unsafe fn store_next_bytes(self, to: *mut u8) {
        unsafe {
            let next = _mm512_add_epi32(_mm512_cvttps_epi32(self.0), _mm512_set1_epi32(1));
            _mm_storeu_si128(to.cast(), _mm512_cvtepi32_epi8(next));
        }
    }
    #[inline(always)]
    fn splat(x: f32) -> Self {
        unsafe { Self(_mm512_set1_ps(x)) }
    }
    #[inline(always)]
    fn add(self, other: Self) -> Self {
        unsafe { Self(_mm512_add_ps(self.0, other.0)) }
    }
    #[inline(always)]
    fn sub(self, other: Self) -> Self {
        unsafe { Self(_mm512_sub_ps(self.0, other.0)) }
    }
    #[inline(always)]
    fn mul(self, other: Self) -> Self {
        unsafe { Self(_mm512_mul_ps(self.0, other.0)) }
    }
    #[inline(always)]
    fn mul_add(self, factor: Self, term: Self) -> Self {
        unsafe { Self(_mm512_fmadd_ps(self.0, factor.0, term.0)) }
    }
    #[inline(always)]
    fn abs(self) -> Self {
        unsafe { Self(_mm512_abs_ps(self.0)) }
    }
    #[inline(always)]
    fn lower(self, other: Self) -> Self {
        unsafe { Self(_mm512_min_ps(self.0, other.0)) }
    }
    #[inline(always)]
    fn higher(self, other: Self) -> Self {
        unsafe { Self(_mm512_max_ps(self.0, other.0)) }
    }
    #[inline(always)]
    fn if_above(self, limit: Self, yes: Self, no: Self) -> Self {
        unsafe { Self(_mm512_mask_blend_ps(_mm512_cmp_ps_mask::<_CMP_GT_OQ>(self.0, limit.0), no.0, yes.0)) }
    }
    #[inline(always)]
    fn lanes_above(self, limit: Self) -> u32 {
        u32::from(unsafe { _mm512_cmp_ps_mask::<_CMP_GT_OQ>(self.0, limit.0) })
    }
    #[inline(always)]
    fn zero_counts() -> Self::Count {
        0
    }
    #[inline(always)]
    fn count_below(self, limit: Self, counts: Self::Count) -> Self::Count {
        counts + unsafe { _mm512_cmp_ps_mask::<_CMP_LT_OQ>(self.0, limit.0) }.count_ones()
    }
    #[inline(always)]
    fn count_within_and_below(self, limit: Self, [within, below]: [u32; 2]) -> [u32; 2] {
        unsafe {
            let negative = _mm512_sub_ps(_mm512_setzero_ps(), limit.0);
            let small = _mm512_cmp_ps_mask::<_CMP_LT_OQ>(self.0, limit.0);
            let near = _mm512_mask_cmp_ps_mask::<_CMP_GT_OQ>(small, self.0, negative);
            [within + near.count_ones(), below + small.count_ones()]
        }
    }
    #[inline(always)]
    fn total(counts: Self::Count) -> u64 {
        u64::from(counts)
    }
    #[inline(always)]
    fn add_to(self, sums: &mut [f64; LANES]) {
        unsafe {
            let halves = [_mm512_castps512_ps256(self.0), _mm256_castpd_ps(high_half(_mm512_castps_pd(self.0)))];
            let to = sums.as_mut_ptr();
            let sum = halves.iter().fold(_mm512_loadu_pd(to), |sum, &half| _mm512_add_pd(sum, _mm512_cvtps_pd(half)));
            _mm512_storeu_pd(to, sum);
        }
    }
    #[inline(always)]
    fn add_square_to(self, sums: &mut [f64; LANES]) {
        unsafe {
            let halves = [_mm512_castps512_ps256(self.0), _mm256_castpd_ps(high_half(_mm512_castps_pd(self.0)))];
            let to = sums.as_mut_ptr();
            let sum = halves.iter().fold(_mm512_loadu_pd(to), |sum, &half| {
                let wide = _mm512_cvtps_pd(half);
                _mm512_fmadd_pd(wide, wide, sum)
            });
            _mm512_storeu_pd(to, sum);
        }
    }
    #[inline(always)]
    fn transpose(_: [Self; LANES]) -> [Self; LANES] {
        unreachable!("a square has as many rows as columns")
    }
    #[inline(always)]
    fn lowest(self) -> f32 {
        unsafe { _mm512_reduce_min_ps(self.0) }
    }
    #[inline(always)]
    fn highest(self) -> f32 {
        unsafe { _mm512_reduce_max_ps(self.0) }
    }
}

/// The upper eight lanes, which AVX-512F takes out as four pairs.
#[inline(always)]
unsafe fn high_half(pairs: __m512d) -> __m256d {
    // SAFETY: the caller runs on a processor that has AVX-512F.
    unsafe { _mm512_extractf64x4_pd::<1>(pairs) }
}
