//! Operations that every vector of `f32` has.

/// Lanes of the vectors that [`vectorised`](super::vectorised) takes.
pub const LANES: usize = 8;

/// Lanes of the widest vectors.
pub const WIDEST: usize = 16;

/// A few `f32` side by side. Where an operation chooses between its operands, the documentation says what NaN does.
pub trait Vector: Copy {
    /// Values in a vector.
    const LANES: usize;
    /// A vector of half as many lanes, but of no fewer than [`LANES`].
    type Half: Vector;
    /// Counts of the lanes.
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
    /// Writes the first `lanes` values to `to`.
    ///
    /// # Safety
    /// As many values can be written there.
    #[inline(always)]
    unsafe fn store_first(self, to: *mut f32, lanes: usize) {
        let mut values = [0f32; WIDEST];
        // SAFETY: no vector has more lanes than `values`; the rest is the caller's promise.
        unsafe {
            self.store(values.as_mut_ptr());
            values.iter().take(lanes).enumerate().for_each(|(i, &value)| *to.add(i) = value);
        }
    }
    /// Writes at least the lanes that are not `value`, one after the other, to `to`; returns how many it wrote.
    ///
    /// # Safety
    /// `LANES` values can be written there.
    #[inline(always)]
    unsafe fn store_unequal(self, _value: Self, to: *mut f32) -> usize {
        // SAFETY: the caller's promise.
        unsafe { self.store(to) };
        Self::LANES
    }
    /// Writes one more than the whole part of each lane, at least −1 and at most 254, as bytes to `to`.
    ///
    /// # Safety
    /// `LANES` bytes can be written there.
    unsafe fn store_next_bytes(self, to: *mut u8);
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
    /// The lanes where self > limit as bits, the first lane's lowest; NaN is not.
    fn lanes_above(self, limit: Self) -> u32;
    /// No counts.
    fn zero_counts() -> Self::Count;
    /// `counts` and the lanes where self < limit; NaN is not.
    fn count_below(self, limit: Self, counts: Self::Count) -> Self::Count;
    /// Both counts and the lanes where |self| < limit and where self < limit; NaN is neither.
    #[inline(always)]
    fn count_within_and_below(self, limit: Self, [within, below]: [Self::Count; 2]) -> [Self::Count; 2] {
        [self.abs().count_below(limit, within), self.count_below(limit, below)]
    }
    /// The lanes' counts together.
    fn total(counts: Self::Count) -> u64;
    /// Adds each lane to the sum of that lane.
    fn add_to(self, sums: &mut [f64; LANES]);
    /// Adds the square of each lane, taken in `f64`, to the sum of that lane.
    fn add_square_to(self, sums: &mut [f64; LANES]);
    /// `LANES` vectors as the rows of a square, transposed into its columns. Only for vectors of [`LANES`] lanes.
    fn transpose(square: [Self; LANES]) -> [Self; LANES];
    /// The smallest lane; none may be NaN, and which zero is smaller is not said.
    fn lowest(self) -> f32;
    /// The largest lane; none may be NaN, and which zero is larger is not said.
    fn highest(self) -> f32;
}
