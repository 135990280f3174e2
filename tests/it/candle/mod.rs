//! The crate as a library for models that are written on candle.

mod export;
mod start;
mod torch;
mod twins;
mod watch;
