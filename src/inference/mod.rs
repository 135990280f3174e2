//! Statistics over seeds and runs: plain numbers in, plain numbers out.

pub mod bootstrap;
pub mod kolmogorov;
pub mod lanczos;
pub mod multiple;
pub mod noise;
pub mod normal;
pub mod paired;
pub mod permutation;
pub mod power;
pub mod prediction;
pub mod proportion;
#[cfg(test)]
mod reference;
pub mod sign;
pub mod spread;
pub mod student;
pub mod superiority;
pub mod survival;
mod tridiagonal;
