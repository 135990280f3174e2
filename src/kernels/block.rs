//! A block of a layer's values on its way through bias, activation and statistics.

use std::ops::Range;

use super::piecewise::Piecewise;
use super::simd::{Kernel, Vector, vectorised_widely};
use super::watcher::{BlockSums, CHAIN, RUN, Watcher, parts};

/// A row of `cols` values repeated, so that [`RUN`] of them can be read from any column on.
pub struct Tile<'a> {
    /// `cols + RUN` values.
    pub values: &'a [f32],
    /// Length of the row.
    pub cols: usize,
}

/// Which statistics [`forward`] takes.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Seen {
    /// None.
    Nothing,
    /// Those of z.
    Z,
    /// Those of z and of h; the extremes of h are φ of those of z, so φ must not fall.
    Both,
}

/// Adds the bias to a block of pre-activations and applies φ.
struct Forward<'a, P, const KEEP_Z: bool, const Z: bool, const H: bool> {
    phi: P,
    /// `len` pre-activations without bias.
    from: *const f32,
    len: usize,
    /// Where z goes if it is kept.
    z: *mut f32,
    h: *mut f32,
    tile: &'a Tile<'a>,
    near_zero: f32,
    sums: &'a mut [BlockSums; 2],
}

impl<P: Piecewise, const KEEP_Z: bool, const Z: bool, const H: bool> Kernel for Forward<'_, P, KEEP_Z, Z, H> {
    #[inline(always)]
    fn run<V: Vector>(mut self) {
        let whole = self.len - self.len % V::LANES;
        self.sweep::<V>(0..whole);
        self.sweep::<[f32; 1]>(whole..self.len);
        let [z, h] = self.sums;
        if H && z.low <= z.high {
            [h.low, h.high] = [z.low, z.high].map(|z| self.phi.value([z])[0]);
        }
    }
}

impl<P: Piecewise, const KEEP_Z: bool, const Z: bool, const H: bool> Forward<'_, P, KEEP_Z, Z, H> {
    /// Values `range`, a whole number of vectors.
    #[inline(always)]
    fn sweep<V: Vector>(&mut self, range: Range<usize>) {
        let [z_sums, h_sums] = &mut *self.sums;
        let (mut of_z, mut of_h) = (Watcher::<V, Z>::new(self.near_zero), Watcher::<V, H>::new(self.near_zero));
        for run in parts(range, RUN) {
            // Where the bias of the run's first value stands; behind it there is one for each value.
            let bias = &self.tile.values[run.start % self.tile.cols..][..RUN];
            for chain in parts(run.clone(), CHAIN * V::LANES) {
                for i in chain.step_by(V::LANES) {
                    // SAFETY: the pointers lead to `len` values, and i + LANES ≤ len.
                    let z = unsafe { V::load(self.from.add(i)).add(V::load(bias.as_ptr().add(i - run.start))) };
                    let h = self.phi.value(z);
                    // SAFETY: as above.
                    unsafe {
                        if KEEP_Z {
                            z.store(self.z.add(i));
                        }
                        h.store(self.h.add(i));
                    }
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
/// stays, with its bias. Returns the sums of z and of h as far as they are `seen`.
pub fn forward<P: Piecewise>(
    phi: P,
    values: &mut [f32],
    other: Option<&mut [f32]>,
    in_place: bool,
    tile: &Tile<'_>,
    seen: Seen,
    near_zero: f32,
) -> [BlockSums; 2] {
    let mut sums = [BlockSums::empty(); 2];
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
    macro_rules! run {
        ($keep:literal, $z:literal, $h:literal) => {
            vectorised_widely(Forward::<P, $keep, $z, $h> { phi, from, len, z, h, tile, near_zero, sums: &mut sums })
        };
    }
    match (other.is_some(), seen) {
        (false, Seen::Nothing) => run!(false, false, false),
        (false, Seen::Z) => run!(false, true, false),
        (false, Seen::Both) => run!(false, true, true),
        (true, Seen::Nothing) => run!(true, false, false),
        (true, Seen::Z) => run!(true, true, false),
        (true, Seen::Both) => run!(true, true, true),
    }
    sums
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
        let mut watcher = Watcher::<V, WATCH>::new(self.near_zero);
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
                    watcher.see(dh);
                    watcher.see_extremes(dh);
                }
                watcher.end_chain();
            }
            watcher.end_run(self.sums);
        }
        watcher.end(self.sums);
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
    let (has_bias, watched, keeps) = (columns.is_some(), near_zero.is_some(), before.is_some());
    let (columns, cols) = columns.unwrap_or((&mut [], 1));
    let (near_zero, before) = (near_zero.unwrap_or_default(), before.unwrap_or_default());
    let len = gradient.len();
    assert!(saved.len() == len && (!keeps || before.len() >= len), "the slices of a block have one length");
    let to = gradient.as_mut_ptr();
    let mut sums = BlockSums::empty();
    macro_rules! run {
        ($bias:literal, $watch:literal, $keep:literal) => {
            vectorised_widely(Backward::<P, $bias, $watch, $keep> {
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
    match (has_bias, watched, watched && keeps) {
        (false, false, _) => run!(false, false, false),
        (false, true, false) => run!(false, true, false),
        (false, true, true) => run!(false, true, true),
        (true, false, _) => run!(true, false, false),
        (true, true, false) => run!(true, true, false),
        (true, true, true) => run!(true, true, true),
    }
    watched.then_some(sums)
}
