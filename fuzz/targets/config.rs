//! Any text as a config and as a study: read, or refused with a message; what was read is written so that it reads the same.
//!
//! `cargo +nightly fuzz run config fuzz/corpus/config configs`

#![no_main]

use std::io;

use initlab::config::Experiment;
use initlab::study::Study;
use libfuzzer_sys::fuzz_target;

fuzz_target!(|text: &str| {
    match Experiment::parse("x.toml", text, &[]) {
        Ok(experiment) => {
            let written = experiment.to_toml();
            let again = Experiment::parse("x.toml", &written, &[]).expect("what was written reads back");
            assert_eq!(again.to_toml(), written);
        }
        Err(error) => assert!(!error.to_string().is_empty()),
    }
    if let Err(error) = Study::parse("x.toml", text, &[], &|_| Err(io::ErrorKind::NotFound.into())) {
        assert!(!error.to_string().is_empty());
    }
});
