//! The coordinate check of a parametrisation (Yang et al. 2021, Tensor Programs V, appendix D.1): how the layers' values, and their change
//! in the first steps, follow the width of a network.
//!
//! A check goes through here in this order: [`coordinates`] trains one network for a few steps and measures every layer on fixed images,
//! `check` does so for every width and seed, [`fit`] draws a line through logarithms, [`theory`] has the exponents of infinite width, and
//! [`rules`] says what follows for the learning rate. [`record`] holds the numbers.

mod asked;
pub mod check;
pub mod coordinates;
pub mod error;
pub mod fit;
pub mod record;
pub mod rules;
pub mod theory;

pub use check::{WidthCheck, check};
pub use error::WidthError;
pub use record::WidthRecord;
