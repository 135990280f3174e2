//! Vectors of `f32` for the loops that the compiler leaves scalar, behind one trait: AVX2 registers where the processor has them,
//! plain arrays elsewhere (which compile to NEON on aarch64). Both have eight lanes and do the same operations, so a
//! result does not depend on which was taken.

/// Lanes of the vectors that a [`Kernel`] is run with.
pub const LANES: usize = 8;

/// A few `f32` side by side. Where an operation chooses between its operands, the documentation says what NaN does.
pub trait Vector: Copy {
    /// Values in a vector.
    const LANES: usize;
    /// A count in each lane.
    type Count: Copy;
    /// The first so many lanes.
    type Mask: Copy;

    /// The values at `from`.
    ///
    /// # Safety
    /// `LANES` values can be read there.
    unsafe fn load(from: *const f32) -> Self;
    /// The mask of the first `lanes` lanes.
    fn first(lanes: usize) -> Self::Mask;
    /// The values at `from` in the lanes of `mask`, zero in the others.
    ///
    /// # Safety
    /// As many values as the mask has can be read there.
    unsafe fn load_first(from: *const f32, mask: Self::Mask) -> Self;
    /// Writes the values to `to`.
    ///
    /// # Safety
    /// `LANES` values can be written there.
    unsafe fn store(self, to: *mut f32);
    /// `x` in every lane.
    fn splat(x: f32) -> Self;
    /// self + other.
    fn add(self, other: Self) -> Self;
    /// self − other.
    fn sub(self, other: Self) -> Self;
    /// self · other.
    fn mul(self, other: Self) -> Self;
    /// self · factor + term, rounded once where registers can, twice in arrays.
    fn mul_add(self, factor: Self, term: Self) -> Self;
    /// |self|.
    fn abs(self) -> Self;
    /// `self` where it is below `other`, else `other` (also where one is NaN).
    fn lower(self, other: Self) -> Self;
    /// `self` where it is above `other`, else `other` (also where one is NaN).
    fn higher(self, other: Self) -> Self;
    /// `yes` where self > limit, else `no` (also for NaN).
    fn if_above(self, limit: Self, yes: Self, no: Self) -> Self;
    /// Zero where self ≤ 0, else `self` (also for NaN).
    fn positive_part(self) -> Self;
    /// No counts.
    fn zero_counts() -> Self::Count;
    /// One more in each lane where self < limit; NaN is not.
    fn count_below(self, limit: Self, counts: Self::Count) -> Self::Count;
    /// The lanes' counts together.
    fn total(counts: Self::Count) -> u64;
    /// Adds each lane to the sum of that lane.
    fn add_to(self, sums: &mut [f64; LANES]);
    /// `LANES` vectors as the rows of a square, turned into its columns. Only for vectors of [`LANES`] lanes.
    fn transpose(square: [Self; LANES]) -> [Self; LANES];
    /// The lanes folded into one value.
    fn fold(self, f: impl Fn(f32, f32) -> f32) -> f32;
}

/// Work that is compiled for every kind of vector; `run` and what it calls must be `#[inline(always)]`.
pub trait Kernel {
    /// Does the work.
    fn run<V: Vector>(self);
}

/// Asks for `values` to be brought near, where the processor can be asked.
#[inline]
pub fn prefetch<T>(values: &[T]) {
    #[cfg(target_arch = "x86_64")]
    for line in values.chunks((64 / size_of::<T>()).max(1)) {
        // SAFETY: SSE is part of x86-64, and asking for any address is harmless.
        unsafe { std::arch::x86_64::_mm_prefetch::<{ std::arch::x86_64::_MM_HINT_T0 }>(line.as_ptr().cast()) };
    }
    #[cfg(not(target_arch = "x86_64"))]
    let _ = values;
}

/// Runs `kernel` with the best vectors of this processor.
#[inline]
pub fn vectorised<K: Kernel>(kernel: K) {
    #[cfg(target_arch = "x86_64")]
    if std::arch::is_x86_feature_detected!("avx2") && std::arch::is_x86_feature_detected!("fma") {
        // SAFETY: the processor has both, as was just asked.
        return unsafe { with_avx2(kernel) };
    }
    kernel.run::<[f32; LANES]>();
}

#[cfg(target_arch = "x86_64")]
#[target_feature(enable = "avx2,fma")]
fn with_avx2<K: Kernel>(kernel: K) {
    kernel.run::<x86::Avx2>();
}

/// Portable vectors; with one lane, the rest of a slice.
impl<const N: usize> Vector for [f32; N] {
    const LANES: usize = N;
    type Count = [u32; N];
    type Mask = usize;

    #[inline(always)]
    unsafe fn load(from: *const f32) -> Self {
        // SAFETY: the caller's promise; an array needs no more alignment than its elements.
        unsafe { from.cast::<Self>().read() }
    }
    #[inline(always)]
    fn first(lanes: usize) -> usize {
        lanes
    }
    #[inline(always)]
    unsafe fn load_first(from: *const f32, lanes: usize) -> Self {
        // SAFETY: the caller's promise.
        std::array::from_fn(|i| if i < lanes { unsafe { *from.add(i) } } else { 0.0 })
    }
    #[inline(always)]
    unsafe fn store(self, to: *mut f32) {
        // SAFETY: as for `load`.
        unsafe { to.cast::<Self>().write(self) }
    }
    #[inline(always)]
    fn splat(x: f32) -> Self {
        [x; N]
    }
    #[inline(always)]
    fn add(self, other: Self) -> Self {
        std::array::from_fn(|i| self[i] + other[i])
    }
    #[inline(always)]
    fn sub(self, other: Self) -> Self {
        std::array::from_fn(|i| self[i] - other[i])
    }
    #[inline(always)]
    fn mul(self, other: Self) -> Self {
        std::array::from_fn(|i| self[i] * other[i])
    }
    #[inline(always)]
    fn mul_add(self, factor: Self, term: Self) -> Self {
        std::array::from_fn(|i| self[i] * factor[i] + term[i])
    }
    #[inline(always)]
    fn abs(self) -> Self {
        self.map(f32::abs)
    }
    #[inline(always)]
    fn lower(self, other: Self) -> Self {
        std::array::from_fn(|i| if self[i] < other[i] { self[i] } else { other[i] })
    }
    #[inline(always)]
    fn higher(self, other: Self) -> Self {
        std::array::from_fn(|i| if self[i] > other[i] { self[i] } else { other[i] })
    }
    #[inline(always)]
    fn if_above(self, limit: Self, yes: Self, no: Self) -> Self {
        std::array::from_fn(|i| if self[i] > limit[i] { yes[i] } else { no[i] })
    }
    #[inline(always)]
    fn positive_part(self) -> Self {
        self.map(|x| if x <= 0.0 { 0.0 } else { x })
    }
    #[inline(always)]
    fn zero_counts() -> Self::Count {
        [0; N]
    }
    #[inline(always)]
    fn count_below(self, limit: Self, counts: Self::Count) -> Self::Count {
        std::array::from_fn(|i| counts[i] + u32::from(self[i] < limit[i]))
    }
    #[inline(always)]
    fn total(counts: Self::Count) -> u64 {
        counts.into_iter().map(u64::from).sum()
    }
    #[inline(always)]
    fn add_to(self, sums: &mut [f64; LANES]) {
        sums.iter_mut().zip(self).for_each(|(sum, x)| *sum += f64::from(x));
    }
    #[inline(always)]
    fn transpose(square: [Self; LANES]) -> [Self; LANES] {
        std::array::from_fn(|i| std::array::from_fn(|j| square[j][i]))
    }
    #[inline(always)]
    fn fold(self, f: impl Fn(f32, f32) -> f32) -> f32 {
        self.into_iter().reduce(f).expect("a vector has a lane")
    }
}

#[cfg(target_arch = "x86_64")]
mod x86 {
    use std::arch::x86_64::*;

    use super::{LANES, Vector};

    /// Eight lanes in an AVX2 register. Private to this module's dispatch: it exists only in code compiled for AVX2.
    #[derive(Clone, Copy)]
    pub struct Avx2(__m256);

    // SAFETY, for every block below: `with_avx2` alone runs kernels with this type, on processors that have AVX2; the
    // pointers are the caller's promise.
    #[allow(clippy::undocumented_unsafe_blocks, reason = "one reason for all, just above")]
    impl Vector for Avx2 {
        const LANES: usize = LANES;
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
        fn positive_part(self) -> Self {
            unsafe { Self(_mm256_andnot_ps(_mm256_cmp_ps::<_CMP_LE_OQ>(self.0, _mm256_setzero_ps()), self.0)) }
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
            for (sums, half) in [
                (low, unsafe { _mm256_castps256_ps128(self.0) }),
                (high, unsafe { _mm256_extractf128_ps::<1>(self.0) }),
            ] {
                let to = sums.as_mut_ptr();
                unsafe { _mm256_storeu_pd(to, _mm256_add_pd(_mm256_loadu_pd(to), _mm256_cvtps_pd(half))) };
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
        fn fold(self, f: impl Fn(f32, f32) -> f32) -> f32 {
            let lanes: [f32; LANES] = unsafe { std::mem::transmute(self.0) };
            lanes.fold(f)
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Every operation on the same two vectors, as bits.
    struct Everything<'a>(&'a [f32; LANES], &'a [f32; LANES], &'a mut Vec<u64>);

    impl Kernel for Everything<'_> {
        #[inline(always)]
        fn run<V: Vector>(self) {
            let bits = self.2;
            // SAFETY: both arrays hold `LANES` values.
            let (a, b) = unsafe { (V::load(self.0.as_ptr()), V::load(self.1.as_ptr())) };
            for vector in [
                a.add(b),
                a.sub(b),
                a.mul(b),
                a.abs(),
                a.lower(b),
                a.higher(b),
                a.if_above(b, V::splat(1.0), a),
                a.positive_part(),
            ] {
                let mut lanes = [0f32; LANES];
                // SAFETY: as above.
                unsafe { vector.store(lanes.as_mut_ptr()) };
                // Which NaN comes out is not promised.
                bits.extend(lanes.map(|x| if x.is_nan() { u64::MAX } else { u64::from(x.to_bits()) }));
            }
            let square = std::array::from_fn(|i| a.if_above(V::splat(i as f32), b, V::splat(i as f32)));
            for column in V::transpose(square) {
                let mut lanes = [0f32; LANES];
                // SAFETY: as above.
                unsafe { column.store(lanes.as_mut_ptr()) };
                bits.extend(lanes.map(|x| u64::from(x.to_bits())));
            }
            let mut sums = [0.5f64; LANES];
            b.abs().add_to(&mut sums);
            bits.extend(sums.map(f64::to_bits));
            bits.push(V::total(a.count_below(b, a.count_below(V::splat(1.0), V::zero_counts()))));
            bits.push(u64::from(b.abs().fold(|x, y| x + y).to_bits()));
        }
    }

    #[test]
    fn registers_and_arrays_give_the_same_bits() {
        let a = [1.5, -2.0, 0.0, -0.0, f32::NAN, f32::INFINITY, f32::NEG_INFINITY, 1e-40];
        let b = [1.25, -2.0, -0.0, 3.0, 1.0, 2.0, 0.1, -1e-38];
        for (a, b) in [(a, b), (b, [0.7; LANES])] {
            let (mut best, mut portable) = (Vec::new(), Vec::new());
            vectorised(Everything(&a, &b, &mut best));
            Everything(&a, &b, &mut portable).run::<[f32; LANES]>();
            assert_eq!(best, portable);
        }
    }
}
