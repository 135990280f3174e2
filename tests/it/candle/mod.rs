//! The crate as a library for models that are written on candle.

mod export;
mod start;
mod twins;
mod watch;
