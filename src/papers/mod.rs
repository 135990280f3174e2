//! Published results replayed: what a paper printed, what this crate finds over many seeds, and whether the one is where the other falls.
//!
//! [`items`] is the table of papers: a row says who printed what, how it is measured, and which function replays it; the files
//! `dying_relu`, `exact_norm`, `trainability`, `deep_linear`, `lsuv_fitnet`, `edge_of_stability` and `width` do. Each gives [`figure`]s: a
//! printed or exact number beside ours, or a claim that ours must bear out. [`published`] reads the printed numbers with their places,
//! `training` trains from a config's text, and [`report`] counts verdicts. A new paper is a file, a row, and its numbers in
//! `published.toml`.

mod chain;
mod deep_linear;
mod dying_relu;
mod edge_of_stability;
mod exact_norm;
pub mod figure;
pub mod items;
mod lsuv_fitnet;
pub mod outcome;
pub mod published;
pub mod report;
mod setting;
mod trainability;
mod training;
mod width;

pub use figure::Figure;
pub use items::{ITEMS, Item};
pub use report::{Replayed, Report};
pub use setting::Setting;
