//! Statistics over seeds and runs: plain numbers in, plain numbers out.

pub mod spread;
