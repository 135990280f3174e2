//! Any bytes as an IDX file: read, or refused with a reason.
//!
//! `cargo +nightly fuzz run idx fuzz/corpus/idx DIR`, where DIR holds IDX files to begin with.

#![no_main]

use initlab::data::idx::{Kind, read};
use libfuzzer_sys::fuzz_target;

/// More than any input's header may ask for, so that memory is bounded.
const MOST: u64 = 1 << 20;

fuzz_target!(|bytes: &[u8]| {
    for kind in [Kind::Images, Kind::Labels] {
        if let Ok(idx) = read(kind, bytes, bytes.len() as u64, MOST) {
            assert_eq!(idx.shape.iter().product::<usize>(), idx.bytes.len());
        }
    }
});
