//! A network before its first training step: every layer's signal and gradient over many seeds, beside the prediction.
//!
//! Reading order: [`sample`] chooses real images and pairs of them; [`rows`] names the places of a network that are looked
//! at; `measure` sends the images through one seed's network; `forward` and `backward` predict the same numbers from the
//! images' own lengths and correlations; `band` says how far a network of finite width may stray, `one_image` how far exactly for a single
//! image; `zeros` knows what is 0 by design; `board` puts what was measured beside what was predicted; [`record`] holds it all as plain numbers, `verdict` draws the conclusions, and [`rules`] find
//! what they mean, in the sentences of `words` and `advice`.

mod advice;
mod backward;
mod band;
mod board;
mod error;
mod evidence;
mod forward;
mod jacobian;
mod layers;
mod map;
mod measure;
mod one_image;
pub mod record;
mod response;
pub mod rows;
pub mod rules;
pub mod run;
pub mod sample;
pub mod sharpness;
mod verdict;
mod words;
mod zeros;

pub use error::ProbeError;
pub use record::ProbeRecord;
pub use run::{Probe, probe};
