//! Plain arrays as vectors, for every processor; the compiler makes registers of them where it can.

use super::vector::{LANES, Vector};

/// Portable vectors; with one lane, the rest of a slice.
impl<const N: usize> Vector for [f32; N] {
    const LANES: usize = N;
    type Half = Self;
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
    unsafe fn store_next_bytes(self, to: *mut u8) {
        // SAFETY: the caller's promise.
        self.iter().enumerate().for_each(|(i, &x)| unsafe { *to.add(i) = (x as i32 + 1) as u8 });
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
    fn lanes_above(self, limit: Self) -> u32 {
        (0..N).fold(0, |bits, i| bits | u32::from(self[i] > limit[i]) << i)
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
    fn add_square_to(self, sums: &mut [f64; LANES]) {
        sums.iter_mut().zip(self).for_each(|(sum, x)| *sum += f64::from(x) * f64::from(x));
    }
    #[inline(always)]
    fn transpose(square: [Self; LANES]) -> [Self; LANES] {
        std::array::from_fn(|i| std::array::from_fn(|j| square[j][i]))
    }
    #[inline(always)]
    fn lowest(self) -> f32 {
        self.into_iter().fold(f32::INFINITY, f32::min)
    }
    #[inline(always)]
    fn highest(self) -> f32 {
        self.into_iter().fold(f32::NEG_INFINITY, f32::max)
    }
}
