//! Where the operands of a contraction lie: the loops of its sum, the rows of A and of the result, the columns of B and of the result.

use super::simd::{LANES, WIDEST};

/// One loop of the sum, with its step in both operands.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Level {
    /// Repetitions.
    pub count: usize,
    /// Step in A.
    pub a: isize,
    /// Step in B.
    pub b: isize,
}

impl Level {
    /// A loop that does not loop.
    pub const ONCE: Self = Self { count: 1, a: 0, b: 0 };

    /// A loop of `count` steps of `a` and `b`.
    pub fn new(count: usize, a: usize, b: usize) -> Self {
        Self { count, a: a as isize, b: b as isize }
    }
}

/// Places in A and in the result where rows begin.
#[derive(Clone, Debug, Default)]
pub struct RowList {
    places: Vec<[u32; 2]>,
    nearest: usize,
    furthest: [usize; 2],
}

impl RowList {
    /// Number of rows.
    pub fn count(&self) -> usize {
        self.places.len()
    }

    /// The nearest place in A and the furthest ones of the first `count` rows.
    pub(super) fn reach(&self, count: usize) -> (usize, [usize; 2]) {
        if count == self.count() {
            return (self.nearest, self.furthest);
        }
        let places = || self.places[..count].iter().map(|row| row.map(|place| place as usize));
        let furthest = |side: usize| places().map(|row| row[side]).max().unwrap_or(0);
        (places().map(|row| row[0]).min().unwrap_or(usize::MAX), [furthest(0), furthest(1)])
    }
}

impl FromIterator<[usize; 2]> for RowList {
    fn from_iter<I: IntoIterator<Item = [usize; 2]>>(rows: I) -> Self {
        let mut list = Self { nearest: usize::MAX, ..Self::default() };
        for row in rows {
            list.places.push(row.map(|place| u32::try_from(place).expect("an image has fewer than 2³² values")));
            list.nearest = list.nearest.min(row[0]);
            list.furthest = [list.furthest[0].max(row[0]), list.furthest[1].max(row[1])];
        }
        list
    }
}

/// Where the rows of A and of the result begin.
#[derive(Clone, Copy, Debug)]
pub enum Rows<'a> {
    /// Row i at i times a step in A and at i times a step in the result.
    Even {
        /// Rows.
        count: usize,
        /// Step in A.
        a: usize,
        /// Step in the result.
        out: usize,
    },
    /// The first so many of a list.
    Listed(&'a RowList, usize),
}

impl Rows<'_> {
    pub(super) fn count(&self) -> usize {
        match self {
            Self::Even { count, .. } => *count,
            Self::Listed(_, count) => *count,
        }
    }

    #[inline(always)]
    pub(super) fn at(&self, i: usize) -> [usize; 2] {
        match self {
            Self::Even { a, out, .. } => [i * a, i * out],
            Self::Listed(list, _) => list.places[i].map(|place| place as usize),
        }
    }
}

/// A vector of columns: where it begins in B and in a row of the result, and how many of its lanes count.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Column {
    pub(super) b: u32,
    pub(super) out: u32,
    pub(super) lanes: u32,
}

/// Columns that do not all lie side by side, in vectors of eight and of sixteen lanes.
#[derive(Clone, Debug, Default)]
pub struct ColumnList {
    narrow: Vec<Column>,
    wide: Vec<Column>,
    ends: [usize; 2],
}

impl ColumnList {
    /// `runs` of `len` columns, each with its place in B and in a row of the result.
    pub fn new(len: usize, runs: impl Iterator<Item = [usize; 2]>) -> Self {
        let mut list = Self::default();
        for [b, out] in runs {
            list.ends = [list.ends[0].max(b + len), list.ends[1].max(out + len)];
            let place = |start: usize, x: usize| u32::try_from(start + x).expect("an image has fewer than 2³² values");
            for (columns, width) in [(&mut list.narrow, LANES), (&mut list.wide, WIDEST)] {
                columns.extend((0..len).step_by(width).map(|x| Column {
                    b: place(b, x),
                    out: place(out, x),
                    lanes: (len - x).min(width) as u32,
                }));
            }
        }
        list
    }

    #[inline(always)]
    fn of(&self, lanes: usize) -> &[Column] {
        if lanes == LANES { &self.narrow } else { &self.wide }
    }
}

/// The columns of a result.
#[derive(Clone, Copy, Debug)]
pub enum Columns<'a> {
    /// So many columns, side by side in B and in the result.
    Even(usize),
    /// Run by run.
    Listed(&'a ColumnList),
}

impl Columns<'_> {
    /// Vectors of so many lanes.
    pub(super) fn vectors(&self, lanes: usize) -> usize {
        match self {
            Self::Even(n) => n.div_ceil(lanes),
            Self::Listed(list) => list.of(lanes).len(),
        }
    }

    #[inline(always)]
    pub(super) fn at(&self, v: usize, lanes: usize) -> Column {
        match self {
            Self::Even(n) => {
                let place = (v * lanes) as u32;
                Column { b: place, out: place, lanes: (n - v * lanes).min(lanes) as u32 }
            }
            Self::Listed(list) => list.of(lanes)[v],
        }
    }

    /// One past the last place of any column, in B and in the result.
    pub(super) fn ends(&self) -> [usize; 2] {
        match self {
            Self::Even(n) => [*n; 2],
            Self::Listed(list) => list.ends,
        }
    }
}
