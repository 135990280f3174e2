//! Eight lanes in an AVX2 register.

use std::arch::x86_64::*;

use super::vector::{LANES, Vector};

/// Eight lanes in an AVX2 register. Private to the dispatch: it exists only in code compiled for AVX2.
#[derive(Clone, Copy)]
pub struct Avx2(__m256);

// SAFETY, for every block below: `with_avx2` alone runs kernels with this type, on processors that have AVX2; the
// pointers are the caller's promise.
#[allow(clippy::undocumented_unsafe_blocks, reason = "one reason for all, just above")]
impl Vector for Avx2 {
    const LANES: usize = LANES;
    type Half = Self;
    type Count = __m256i;
    type Mask = __m256i;

    #[inline(always)]
    unsafe fn load(from: *const f32) -> Self {
        unsafe { Self(_mm256_loadu_ps(from)) }
    }
    #[inline(always)]
    fn first(lanes: usize) -> __m256i {
        const ONES_THEN_ZEROS: [i32; 2 * LANES] = [-1, -1, -1, -1, -1, -1, -1, -1, 0, 0, 0, 0, 0, 0, 0, 0];
        let start = LANES - lanes.min(LANES);
        unsafe { _mm256_loadu_si256(ONES_THEN_ZEROS.as_ptr().add(start).cast()) }
    }
    #[inline(always)]
    unsafe fn load_first(from: *const f32, mask: __m256i) -> Self {
        unsafe { Self(_mm256_maskload_ps(from, mask)) }
    }
    #[inline(always)]
    unsafe fn store(self, to: *mut f32) {
        unsafe { _mm256_storeu_ps(to, self.0) }
    }
    #[inline(always)]
    unsafe fn store_next_bytes(self, to: *mut u8) {
        unsafe {
            let next = _mm256_add_epi32(_mm256_cvttps_epi32(self.0), _mm256_set1_epi32(1));
            let words = _mm_packs_epi32(_mm256_castsi256_si128(next), _mm256_extracti128_si256::<1>(next));
            _mm_storel_epi64(to.cast(), _mm_packus_epi16(words, words));
        }
    }
    #[inline(always)]
    fn splat(x: f32) -> Self {
        unsafe { Self(_mm256_set1_ps(x)) }
    }
    #[inline(always)]
    fn add(self, other: Self) -> Self {
        unsafe { Self(_mm256_add_ps(self.0, other.0)) }
    }
    #[inline(always)]
    fn sub(self, other: Self) -> Self {
        unsafe { Self(_mm256_sub_ps(self.0, other.0)) }
    }
    #[inline(always)]
    fn mul(self, other: Self) -> Self {
        unsafe { Self(_mm256_mul_ps(self.0, other.0)) }
    }
    #[inline(always)]
    fn mul_add(self, factor: Self, term: Self) -> Self {
        unsafe { Self(_mm256_fmadd_ps(self.0, factor.0, term.0)) }
    }
    #[inline(always)]
    fn abs(self) -> Self {
        unsafe { Self(_mm256_andnot_ps(_mm256_set1_ps(-0.0), self.0)) }
    }
    #[inline(always)]
    fn lower(self, other: Self) -> Self {
        unsafe { Self(_mm256_min_ps(self.0, other.0)) }
    }
    #[inline(always)]
    fn higher(self, other: Self) -> Self {
        unsafe { Self(_mm256_max_ps(self.0, other.0)) }
    }
    #[inline(always)]
    fn if_above(self, limit: Self, yes: Self, no: Self) -> Self {
        unsafe { Self(_mm256_blendv_ps(no.0, yes.0, _mm256_cmp_ps::<_CMP_GT_OQ>(self.0, limit.0))) }
    }
    #[inline(always)]
    fn lanes_above(self, limit: Self) -> u32 {
        unsafe { _mm256_movemask_ps(_mm256_cmp_ps::<_CMP_GT_OQ>(self.0, limit.0)) as u32 }
    }
    #[inline(always)]
    fn zero_counts() -> Self::Count {
        unsafe { _mm256_setzero_si256() }
    }
    #[inline(always)]
    fn count_below(self, limit: Self, counts: Self::Count) -> Self::Count {
        // A true lane is the integer −1.
        unsafe { _mm256_sub_epi32(counts, _mm256_castps_si256(_mm256_cmp_ps::<_CMP_LT_OQ>(self.0, limit.0))) }
    }
    #[inline(always)]
    fn total(counts: Self::Count) -> u64 {
        let lanes: [u32; LANES] = unsafe { std::mem::transmute(counts) };
        lanes.into_iter().map(u64::from).sum()
    }
    #[inline(always)]
    fn add_to(self, sums: &mut [f64; LANES]) {
        let (low, high) = sums.split_at_mut(LANES / 2);
        for (sums, half) in
            [(low, unsafe { _mm256_castps256_ps128(self.0) }), (high, unsafe { _mm256_extractf128_ps::<1>(self.0) })]
        {
            let to = sums.as_mut_ptr();
            unsafe { _mm256_storeu_pd(to, _mm256_add_pd(_mm256_loadu_pd(to), _mm256_cvtps_pd(half))) };
        }
    }
    #[inline(always)]
    fn add_square_to(self, sums: &mut [f64; LANES]) {
        let (low, high) = sums.split_at_mut(LANES / 2);
        for (sums, half) in
            [(low, unsafe { _mm256_castps256_ps128(self.0) }), (high, unsafe { _mm256_extractf128_ps::<1>(self.0) })]
        {
            let (to, wide) = (sums.as_mut_ptr(), unsafe { _mm256_cvtps_pd(half) });
            unsafe { _mm256_storeu_pd(to, _mm256_fmadd_pd(wide, wide, _mm256_loadu_pd(to))) };
        }
    }
    #[inline(always)]
    fn transpose(square: [Self; LANES]) -> [Self; LANES] {
        let rows = square.map(|row| row.0);
        // Pairs of rows woven together, then pairs of pairs, then halves exchanged.
        let pairs: [__m256; LANES] = std::array::from_fn(|i| {
            let (a, b) = (rows[i / 2 * 2], rows[i / 2 * 2 + 1]);
            unsafe { if i % 2 == 0 { _mm256_unpacklo_ps(a, b) } else { _mm256_unpackhi_ps(a, b) } }
        });
        let fours: [__m256; LANES] = std::array::from_fn(|i| {
            let (a, b) = (pairs[i / 4 * 4 + i % 4 / 2], pairs[i / 4 * 4 + i % 4 / 2 + 2]);
            unsafe { if i % 2 == 0 { _mm256_shuffle_ps::<0x44>(a, b) } else { _mm256_shuffle_ps::<0xee>(a, b) } }
        });
        std::array::from_fn(|i| {
            let (a, b) = (fours[i % 4], fours[i % 4 + 4]);
            Self(unsafe {
                if i < 4 { _mm256_permute2f128_ps::<0x20>(a, b) } else { _mm256_permute2f128_ps::<0x31>(a, b) }
            })
        })
    }
    #[inline(always)]
    fn lowest(self) -> f32 {
        let lanes: [f32; LANES] = unsafe { std::mem::transmute(self.0) };
        lanes.lowest()
    }
    #[inline(always)]
    fn highest(self) -> f32 {
        let lanes: [f32; LANES] = unsafe { std::mem::transmute(self.0) };
        lanes.highest()
    }
}
