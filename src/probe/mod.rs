//! A network before its first training step: every layer's signal and gradient over many seeds, beside the prediction.
//!
//! Reading order: [`sample`] chooses real images and pairs of them; [`rows`] names the places of a network that are looked
//! at; `measure` sends the images through one seed's network; `forward` and `backward` predict the same numbers from the
//! images' own lengths and correlations; `band` says how far a network of finite width may stray; [`report`] holds it all as
//! plain numbers, `verdict` draws the conclusions and `words` says them.

mod backward;
mod band;
mod forward;
mod jacobian;
mod layers;
mod map;
mod measure;
pub mod report;
mod response;
pub mod rows;
pub mod run;
pub mod sample;
mod verdict;
mod words;

pub use report::ProbeReport;
pub use run::{Probe, probe};
