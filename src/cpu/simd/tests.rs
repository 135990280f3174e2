//! Every kind of vector does the same.

use std::cell::Cell;

use super::*;

thread_local! {
    /// The best form that this thread may take; none but arrays.
    static ALLOWED: Cell<Option<Form>> = const { Cell::new(Some(Form::Sixteen)) };
}

pub fn allowed(form: Form) -> bool {
    Some(form) <= ALLOWED.get()
}

/// Calls `check` with the widest vectors of this processor, with eight lanes, and with arrays.
pub fn with_every_form(check: impl Fn()) {
    for form in [None, Some(Form::Eight), Some(Form::Sixteen)] {
        ALLOWED.set(form);
        check();
    }
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
            let unequal =
                |values: &[f32]| -> Vec<u32> { values.iter().filter(|x| **x != -2.0).map(|x| x.to_bits()).collect() };
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
    let twice = |x: [f32; LANES], y: [f32; LANES]| std::array::from_fn(|i| if i < LANES { x[i] } else { y[i - LANES] });
    for (a, b) in [(twice(a, b), twice(b, [0.7; LANES])), (twice(b, a), twice(a, a))] {
        let mut portable = Vec::new();
        Everything(&a, &b, &mut portable).run::<[f32; LANES]>();
        with_every_form(|| {
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
