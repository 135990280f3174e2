//! The replay of lesson 8: every result that the fast.ai notebooks print, drawn again over many seeds.
//!
//! `reference.toml` holds what the lesson printed; [`mod@reference`] reads it. The files `first_layer`, `lesson_net`, `products`,
//! `convolutions`, `hooks` and `training` draw each result anew, a seed at a time; [`mod@replay`] runs them side by side and
//! gathers a sample for every number. [`verdict`] puts the lesson's number beside ours, [`outcome`] all of them: [`theory`]
//! knows what theory says, [`notes`] why lesson and theory differ where they do.

mod convolutions;
mod draws;
mod first_layer;
mod hooks;
mod images;
mod lesson_net;
mod lsuv;
pub mod notes;
pub mod outcome;
mod products;
pub mod reference;
pub mod replay;
pub mod rules;
mod scale;
pub mod theory;
pub mod training;
pub mod verdict;

pub use draws::Numbers;
pub use images::LessonImages;
pub use outcome::{Outcome, Report, report};
pub use replay::{Replay, Samples, Seeds};
