//! A block of a layer's values on its way through bias, activation and statistics.

use std::ops::Range;

use super::buffer::Buffer;
use super::live::{LiveUnits, group_of, mark_above_zero};
use super::observer::{BlockSums, CHAIN, Observer, RUN, parts};
use super::piecewise::Piecewise;
use super::simd::{Kernel, Vector, WIDEST, prefetch_at, vectorised_widely};

/// A row of `cols` values repeated, so that [`RUN`] of them can be read from any column on.
pub struct Tile<'a> {
    /// `cols + RUN` values.
    pub values: &'a [f32],
    /// Length of the row.
    pub cols: usize,
}

/// Statistics that [`forward`] takes, and memory for them.
pub struct Look<'a> {
    /// True if the statistics of h are taken beside those of z; the extremes of h are φ of those of z, so φ must not fall.
    pub both: bool,
    /// Values below this in size are near zero.
    pub near_zero: f32,
    /// Gets marks, see [`Passed::marked`].
    pub live: &'a mut LiveUnits,
    /// Memory of any content, for the largest z of each column.
    pub tops: &'a mut Buffer,
}

/// Sums over a block that passed, and how far its live units are marked.
pub struct Passed {
    /// Sums of the pre-activations z.
    pub z: BlockSums,
    /// Sums of the activations h, if they were observed.
    pub h: BlockSums,
    /// Number of values, in whole rows, whose units with some z > 0 are marked. A ReLU's loop finds these units in passing.
    pub marked: usize,
}

/// Path of a vector of a block: bias and φ, from place to place.
#[derive(Clone, Copy)]
struct Way<P, const KEEP_Z: bool> {
    phi: P,
    /// Pre-activations without bias.
    from: *const f32,
    /// Where z goes if it is kept.
    z: *mut f32,
    h: *mut f32,
}

impl<P: Piecewise, const KEEP_Z: bool> Way<P, KEEP_Z> {
    /// z and h = φ(z) of the vector at `i`.
    ///
    /// # Safety
    /// All places hold at least `i + LANES` values.
    #[inline(always)]
    unsafe fn pass<V: Vector>(self, i: usize, bias: V) -> (V, V) {
        // SAFETY: as the caller promises.
        unsafe {
            let z = V::load(self.from.add(i)).add(bias);
            let h = self.phi.value(z);
            if KEEP_Z {
                z.store(self.z.add(i));
            }
            h.store(self.h.add(i));
            (z, h)
        }
    }
}

/// Adds the bias to a block of pre-activations and applies φ.
struct Forward<'a, P, const KEEP_Z: bool, const Z: bool, const H: bool> {
    way: Way<P, KEEP_Z>,
    /// Values in the block.
    len: usize,
    tile: &'a Tile<'a>,
    near_zero: f32,
    sums: [BlockSums; 2],
    /// Memory of [`Look`], or empty stand-ins.
    live: &'a mut LiveUnits,
    tops: &'a mut [f32],
    passed: &'a mut Passed,
}

impl<P: Piecewise, const KEEP_Z: bool, const Z: bool, const H: bool> Kernel for Forward<'_, P, KEEP_Z, Z, H> {
    #[inline(always)]
    fn run<V: Vector>(mut self) {
        let by_column = if P::RECTIFIES && H { self.by_column::<V>() } else { 0 };
        let whole = self.len - (self.len - by_column) % V::LANES;
        self.sweep::<V>(by_column..whole);
        self.sweep::<[f32; 1]>(whole..self.len);
        let [z, mut h] = self.sums;
        if H && z.low <= z.high {
            [h.low, h.high] = [z.low, z.high].map(|z| self.way.phi.value([z])[0]);
        }
        let marked = if z.high < f32::INFINITY { by_column } else { 0 };
        if marked > 0 {
            mark_above_zero::<V>(self.live, &self.tops[..group_of::<V>(self.tile.cols)]);
        }
        *self.passed = Passed { z, h, marked };
    }
}

impl<P: Piecewise, const KEEP_Z: bool, const Z: bool, const H: bool> Forward<'_, P, KEEP_Z, Z, H> {
    /// Observes a ReLU's first values, those of whole groups of rows, a vector of columns after the other: bias and largest values then stay in
    /// registers, so that finding the units that let gradient through costs next to nothing. Returns how many values there were.
    #[inline(always)]
    fn by_column<V: Vector>(&mut self) -> usize {
        let group = group_of::<V>(self.tile.cols);
        let len = self.len - self.len % group;
        // Sums leave their chains after each column.
        if len < CHAIN / 2 * group {
            return 0;
        }
        let (mut of_z, mut of_h) = (Observer::<V, Z>::new(self.near_zero), Observer::<V, H>::new(self.near_zero));
        let (way, [z_sums, h_sums]) = (self.way, &mut self.sums);
        let mut run = 0;
        for first in (0..group).step_by(V::LANES) {
            let bias = &self.tile.values[first % self.tile.cols..][..V::LANES];
            // SAFETY: there are as many values as lanes.
            let bias = unsafe { V::load(bias.as_ptr()) };
            let mut top = V::splat(f32::NEG_INFINITY);
            for chain in parts(first..len, CHAIN * group) {
                for i in chain.step_by(group) {
                    // The processor asks ahead of its own accord along rows only.
                    prefetch_at(way.from.wrapping_add(i + 2 * V::LANES));
                    // SAFETY: i lies in the block and begins a vector, of which the block has a whole number.
                    let (z, h) = unsafe { way.pass(i, bias) };
                    top = z.higher(top);
                    of_z.see_low(z);
                    of_z.see_rectified(z, &mut of_h, h);
                }
                of_z.end_chain();
                of_h.end_chain();
                run += CHAIN * V::LANES;
                if run >= RUN {
                    of_z.end_run(z_sums);
                    of_h.end_run(h_sums);
                    run = 0;
                }
            }
            of_z.see_high(top);
            // SAFETY: there are as many places as lanes.
            unsafe { top.store(self.tops[first..][..V::LANES].as_mut_ptr()) };
        }
        of_z.end_run(z_sums);
        of_h.end_run(h_sums);
        of_z.end(z_sums);
        of_h.end(h_sums);
        len
    }

    /// Values `range`, a whole number of vectors.
    #[inline(always)]
    fn sweep<V: Vector>(&mut self, range: Range<usize>) {
        let (way, [z_sums, h_sums]) = (self.way, &mut self.sums);
        let (mut of_z, mut of_h) = (Observer::<V, Z>::new(self.near_zero), Observer::<V, H>::new(self.near_zero));
        for run in parts(range, RUN) {
            // Where the bias of the run's first value stands; behind it there is one for each value.
            let bias = &self.tile.values[run.start % self.tile.cols..][..RUN];
            for chain in parts(run.clone(), CHAIN * V::LANES) {
                for i in chain.step_by(V::LANES) {
                    // SAFETY: the pointers lead to `len` values, and i + LANES ≤ len.
                    let (z, h) = unsafe { way.pass(i, V::load(bias.as_ptr().add(i - run.start))) };
                    of_z.see_extremes(z);
                    if P::RECTIFIES && H {
                        of_z.see_rectified(z, &mut of_h, h);
                    } else {
                        of_z.see(z);
                        of_h.see(h);
                    }
                }
                of_z.end_chain();
                of_h.end_chain();
            }
            of_z.end_run(z_sums);
            of_h.end_run(h_sums);
        }
        of_z.end(z_sums);
        of_h.end(h_sums);
    }
}

/// Adds the bias and applies φ. In place, h replaces z, which goes to `other` if there is one; else `other` gets h and z
/// stays, with its bias.
pub fn forward<P: Piecewise>(
    phi: P,
    values: &mut [f32],
    other: Option<&mut [f32]>,
    in_place: bool,
    tile: &Tile<'_>,
    look: Option<Look<'_>>,
) -> Passed {
    let (len, from) = (values.len(), values.as_mut_ptr());
    let other = other.map(|other| {
        assert!(other.len() >= len, "a block of {len} values needs as many beside it, found {}", other.len());
        other.as_mut_ptr()
    });
    let (z, h) = match other {
        Some(other) if in_place => (other, from),
        Some(other) => (from, other),
        None => (from, from),
    };
    let both = look.as_ref().map(|look| look.both);
    let mut nothing = LiveUnits::default();
    let (near_zero, live, tops): (_, _, &mut [f32]) = match look {
        Some(Look { near_zero, live, tops, .. }) => {
            tops.resize(WIDEST * tile.cols);
            (near_zero, live, tops)
        }
        None => (0.0, &mut nothing, &mut []),
    };
    let sums = [BlockSums::empty(); 2];
    let mut passed = Passed { z: sums[0], h: sums[1], marked: 0 };
    macro_rules! run {
        ($keep:literal, $z:literal, $h:literal) => {{
            let passed = &mut passed;
            let way = Way::<P, $keep> { phi, from, z, h };
            let forward = Forward::<P, $keep, $z, $h> { way, len, tile, near_zero, sums, live, tops, passed };
            vectorised_widely(forward)
        }};
    }
    match (other.is_some(), both) {
        (false, None) => run!(false, false, false),
        (false, Some(false)) => run!(false, true, false),
        (false, Some(true)) => run!(false, true, true),
        (true, None) => run!(true, false, false),
        (true, Some(false)) => run!(true, true, false),
        (true, Some(true)) => run!(true, true, true),
    }
    passed
}

/// Turns a block of dh into dz, and adds it to the columns' sums.
///
/// Both pointers lead to the same values. Seen as one, the compiler would write dz with masked stores, which skip what a
/// select leaves unchanged and are many times slower on some processors.
struct Backward<'a, P, const BIAS: bool, const WATCH: bool, const KEEP: bool> {
    phi: P,
    from: *const f32,
    to: *mut f32,
    saved: &'a [f32],
    /// Where dh goes if it is kept.
    before: &'a mut [f32],
    /// Sums of dz, laid out like a [`Tile`].
    columns: &'a mut [f32],
    cols: usize,
    near_zero: f32,
    sums: &'a mut BlockSums,
}

impl<P: Piecewise, const BIAS: bool, const WATCH: bool, const KEEP: bool> Kernel
    for Backward<'_, P, BIAS, WATCH, KEEP>
{
    #[inline(always)]
    fn run<V: Vector>(mut self) {
        let len = self.saved.len();
        let whole = len - len % V::LANES;
        self.sweep::<V>(0..whole);
        self.sweep::<[f32; 1]>(whole..len);
    }
}

impl<P: Piecewise, const BIAS: bool, const WATCH: bool, const KEEP: bool> Backward<'_, P, BIAS, WATCH, KEEP> {
    /// Values `range`, a whole number of vectors.
    #[inline(always)]
    fn sweep<V: Vector>(&mut self, range: Range<usize>) {
        let mut observer = Observer::<V, WATCH>::new(self.near_zero);
        let (saved, before) = (self.saved.as_ptr(), self.before.as_mut_ptr());
        for run in parts(range, RUN) {
            let columns: &mut [f32] =
                if BIAS { &mut self.columns[run.start % self.cols..][..RUN] } else { Default::default() };
            for chain in parts(run.clone(), CHAIN * V::LANES) {
                for i in chain.step_by(V::LANES) {
                    // SAFETY: every place holds as many values as `saved`, as `backward` asserts, and i + LANES is
                    // at most that.
                    let (dh, saved) = unsafe { (V::load(self.from.add(i)), V::load(saved.add(i))) };
                    let dz = self.phi.slope(dh, saved);
                    // SAFETY: as above; `columns` holds a value for each of the run.
                    unsafe {
                        dz.store(self.to.add(i));
                        if BIAS {
                            let column = columns.as_mut_ptr().add(i - run.start);
                            V::load(column).add(dz).store(column);
                        }
                        if KEEP {
                            dh.store(before.add(i));
                        }
                    }
                    observer.see(dh);
                    observer.see_extremes(dh);
                }
                observer.end_chain();
            }
            observer.end_run(self.sums);
        }
        observer.end(self.sums);
    }
}

/// Turns dh into dz = dh·φ′ in place. `saved` is h where φ′ can be read off it, else z. `columns`, where there is a bias,
/// gathers the sums of dz for rows of so many values, laid out like a [`Tile`]. With `near_zero`, the limit of what is near
/// zero, the sums of dh are returned, and dh is kept in `before` if that is there.
pub fn backward<P: Piecewise>(
    phi: P,
    gradient: &mut [f32],
    saved: &[f32],
    columns: Option<(&mut [f32], usize)>,
    near_zero: Option<f32>,
    before: Option<&mut [f32]>,
) -> Option<BlockSums> {
    let (has_bias, observed, keeps) = (columns.is_some(), near_zero.is_some(), before.is_some());
    let (columns, cols) = columns.unwrap_or((&mut [], 1));
    let (near_zero, before) = (near_zero.unwrap_or_default(), before.unwrap_or_default());
    let len = gradient.len();
    assert!(saved.len() == len && (!keeps || before.len() >= len), "the slices of a block have one length");
    let to = gradient.as_mut_ptr();
    let mut sums = BlockSums::empty();
    macro_rules! run {
        ($bias:literal, $observation:literal, $keep:literal) => {
            vectorised_widely(Backward::<P, $bias, $observation, $keep> {
                phi,
                from: to,
                to,
                saved,
                before,
                columns,
                cols,
                near_zero,
                sums: &mut sums,
            })
        };
    }
    match (has_bias, observed, observed && keeps) {
        (false, false, _) => run!(false, false, false),
        (false, true, false) => run!(false, true, false),
        (false, true, true) => run!(false, true, true),
        (true, false, _) => run!(true, false, false),
        (true, true, false) => run!(true, true, false),
        (true, true, true) => run!(true, true, true),
    }
    observed.then_some(sums)
}
