//! Vectors of `f32` for the loops that the compiler leaves scalar, behind one trait: AVX-512 or AVX2 registers where the
//! processor has them, plain arrays elsewhere (which compile to NEON on aarch64). All but [`Vector::mul_add`] give the same
//! result for a value whichever was taken; of sums over many values the last digit may differ.

#[cfg(target_arch = "x86_64")]
mod avx2;
#[cfg(target_arch = "x86_64")]
mod avx512;

/// Lanes of the vectors that [`vectorised`] takes.
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
    if std::arch::is_x86_feature_detected!("avx512f")
        && std::arch::is_x86_feature_detected!("avx512vl")
        && std::arch::is_x86_feature_detected!("popcnt")
        && !only_eight_lanes()
    {
        // SAFETY: the processor has all three, as was just asked, and so AVX2 and FMA.
        return unsafe { with_avx512(kernel) };
    }
    vectorised(kernel);
}

/// Whether this thread's tests want what a processor without AVX-512 does.
#[inline(always)]
fn only_eight_lanes() -> bool {
    #[cfg(test)]
    return tests::EIGHT_LANES.get();
    #[cfg(not(test))]
    false
}

#[cfg(target_arch = "x86_64")]
#[target_feature(enable = "avx512f,avx512vl,avx2,fma,popcnt")]
fn with_avx512<K: Kernel>(kernel: K) {
    kernel.run::<avx512::Avx512>();
}

/// Runs `kernel` with the best vectors of [`LANES`] lanes of this processor.
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
    kernel.run::<avx2::Avx2>();
}

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

#[cfg(test)]
pub mod tests {
    use std::cell::Cell;

    use super::*;

    thread_local! {
        pub static EIGHT_LANES: Cell<bool> = const { Cell::new(false) };
    }

    /// Calls `check` once with the widest vectors and once with eight lanes.
    pub fn with_every_width(check: impl Fn()) {
        for eight in [false, true] {
            EIGHT_LANES.set(eight);
            check();
        }
        EIGHT_LANES.set(false);
    }

    /// Every operation on the same two vectors, as bits.
    struct Everything<'a>(&'a [f32; WIDEST], &'a [f32; WIDEST], &'a mut Vec<Vec<u64>>);

    impl Kernel for Everything<'_> {
        #[inline(always)]
        fn run<V: Vector>(self) {
            let (mut lanes, mut sums, mut counts) = (vec![Vec::new(); 8], [0.5f64; LANES], V::zero_counts());
            let (mut pair, mut above) = ([V::zero_counts(); 2], 0);
            let (mut least, mut most) = (f32::INFINITY, f32::NEG_INFINITY);
            for start in (0..WIDEST).step_by(V::LANES) {
                // SAFETY: both arrays hold `WIDEST` values, a multiple of the lanes.
                let (a, b) = unsafe { (V::load(self.0.as_ptr().add(start)), V::load(self.1.as_ptr().add(start))) };
                let first = V::first(V::LANES - 3);
                // SAFETY: as above.
                let cut = unsafe { V::load_first(self.0.as_ptr().add(start), first) };
                let results =
                    [a.add(b), a.sub(b), a.mul(b), a.abs(), a.lower(b), a.higher(b), a.if_above(b, V::splat(1.0), a)];
                for (lanes, vector) in lanes.iter_mut().zip(results) {
                    let mut values = [0f32; WIDEST];
                    // SAFETY: no vector has more lanes.
                    unsafe { vector.store(values.as_mut_ptr()) };
                    // Which NaN comes out is not promised.
                    let bits = |x: &f32| if x.is_nan() { u64::MAX } else { u64::from(x.to_bits()) };
                    lanes.extend(values[..V::LANES].iter().map(bits));
                }
                b.abs().add_to(&mut sums);
                b.add_square_to(&mut sums);
                above |= u64::from(a.lanes_above(b)) << start;
                counts = a.count_below(b, a.count_below(V::splat(1.0), counts));
                pair = a.count_within_and_below(b, b.count_within_and_below(V::splat(1.0), pair));
                let between = (b.abs().lower(V::splat(5.0)), b.abs().higher(V::splat(1.0)));
                (least, most) = (between.0.lowest().min(least), between.1.highest().max(most));
                let mut values = [1f32; WIDEST];
                let mut bytes = [0u8; WIDEST];
                // SAFETY: no vector has more lanes.
                unsafe { b.abs().lower(V::splat(254.0)).store_next_bytes(bytes.as_mut_ptr()) };
                lanes[7].extend(bytes[..V::LANES].iter().map(|&byte| u64::from(byte)));
                let (mut kept, mut packed) = ([0f32; WIDEST], [0f32; WIDEST]);
                // SAFETY: as above.
                let stored = unsafe {
                    a.store(kept.as_mut_ptr());
                    a.store_unequal(V::splat(-2.0), packed.as_mut_ptr())
                };
                let unequal = |values: &[f32]| -> Vec<u32> {
                    values.iter().filter(|x| **x != -2.0).map(|x| x.to_bits()).collect()
                };
                assert_eq!(unequal(&packed[..stored]), unequal(&kept[..V::LANES]));
                // SAFETY: as above.
                unsafe { cut.store(values.as_mut_ptr()) };
                assert_eq!(values[V::LANES - 3..V::LANES], [0.0; 3]);
                assert_eq!(values[0].to_bits(), self.0[start].to_bits());
            }
            lanes.push(sums.map(f64::to_bits).to_vec());
            lanes.push(pair.map(V::total).to_vec());
            lanes.push(vec![V::total(counts), above, u64::from(least.to_bits()), u64::from(most.to_bits())]);
            *self.2 = lanes;
        }
    }

    /// A square's columns, as bits.
    struct Columns<'a>(&'a mut Vec<u32>);

    impl Kernel for Columns<'_> {
        #[inline(always)]
        fn run<V: Vector>(self) {
            let rows: [[f32; LANES]; LANES] = std::array::from_fn(|i| std::array::from_fn(|j| (10 * i + j) as f32));
            // SAFETY: a row has as many values as a vector of `LANES` lanes.
            let square = std::array::from_fn(|i| unsafe { V::load(rows[i].as_ptr()) });
            for column in V::transpose(square) {
                let mut lanes = [0f32; LANES];
                // SAFETY: as above.
                unsafe { column.store(lanes.as_mut_ptr()) };
                self.0.extend(lanes.map(|x| x as u32));
            }
        }
    }

    #[test]
    fn registers_and_arrays_give_the_same_bits() {
        let a = [1.5, -2.0, 0.0, -0.0, f32::NAN, f32::INFINITY, f32::NEG_INFINITY, 1e-40];
        let b = [1.25, -2.0, -0.0, 3.0, 1.0, 2.0, 0.1, -1e-38];
        let twice =
            |x: [f32; LANES], y: [f32; LANES]| std::array::from_fn(|i| if i < LANES { x[i] } else { y[i - LANES] });
        for (a, b) in [(twice(a, b), twice(b, [0.7; LANES])), (twice(b, a), twice(a, a))] {
            let mut portable = Vec::new();
            Everything(&a, &b, &mut portable).run::<[f32; LANES]>();
            with_every_width(|| {
                let mut found = Vec::new();
                vectorised_widely(Everything(&a, &b, &mut found));
                assert_eq!(found, portable);
            });
        }
    }

    #[test]
    fn a_transposed_square_has_its_rows_as_columns() {
        let mut columns = Vec::new();
        vectorised(Columns(&mut columns));
        let want: Vec<u32> = (0..8).flat_map(|j| (0..8).map(move |i| 10 * i + j)).collect();
        assert_eq!(columns, want);
    }
}
