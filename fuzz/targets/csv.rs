//! Any bytes as each of a run's CSV files: read, or refused with the line.
//!
//! `cargo +nightly fuzz run csv fuzz/corpus/csv RUN`, where RUN is the directory of a run.

#![no_main]

use std::fs;

use initlab::record::read::RunRecords;
use libfuzzer_sys::fuzz_target;

thread_local! {
    static DIR: tempfile::TempDir = tempfile::tempdir().unwrap();
}

fuzz_target!(|bytes: &[u8]| DIR.with(|dir| {
    for name in ["steps.csv", "epochs.csv", "layers.csv"] {
        fs::write(dir.path().join(name), bytes).unwrap();
        if let Err(error) = RunRecords::read(dir.path(), &["act_mean", "grad_std", "update_ratio"]) {
            assert!(error.to_string().contains(name), "{error}");
        }
        fs::remove_file(dir.path().join(name)).unwrap();
    }
}));
