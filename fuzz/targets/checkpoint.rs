//! Any bytes as a checkpoint: read, or refused by its name.
//!
//! `cargo +nightly fuzz run checkpoint fuzz/corpus/checkpoint RUN`, where RUN is the directory of a run that was interrupted.

#![no_main]

use std::fs;

use initlab::record::checkpoint::Checkpoint;
use initlab::record::histograms::Histograms;
use libfuzzer_sys::fuzz_target;

thread_local! {
    static DIR: tempfile::TempDir = tempfile::tempdir().unwrap();
}

fuzz_target!(|bytes: &[u8]| DIR.with(|dir| {
    let path = dir.path().join("checkpoint.safetensors");
    fs::write(&path, bytes).unwrap();
    let mut histograms = Histograms::new(vec!["linear1".into(), "linear2".into()], 6, [-7.0, 7.0]);
    if let Err(error) = Checkpoint::read(&path, &mut histograms) {
        assert!(error.to_string().contains("checkpoint.safetensors"), "{error}");
    }
}));
