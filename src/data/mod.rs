//! Data sets of small grey images: MNIST and its relatives, the built-in digits, or any directory of four IDX files.
//!
//! [`load`] finds and checks a set, [`Prepared`] applies a split to it and hands out normalised batches.

mod batches;
#[cfg(feature = "fetch")]
mod client;
#[doc(hidden)]
pub mod digits;
mod error;
#[doc(hidden)]
pub mod fetch;
#[doc(hidden)]
pub mod files;
#[doc(hidden)]
pub mod form;
mod gzip;
#[doc(hidden)]
pub mod home;
#[cfg(feature = "hub")]
mod hub;
#[doc(hidden)]
pub mod idx;
mod known;
#[doc(hidden)]
pub mod locate;
#[cfg(feature = "fetch")]
mod mirror;
#[cfg(feature = "fetch")]
mod offline;
mod request;
#[cfg(feature = "fetch")]
mod source;
mod split;

use std::path::PathBuf;

pub use batches::{batches, epoch_order};
pub use error::{DataError, Fault};
pub use known::{HubPlace, Known, KnownSet, Places, SIDE, Verdict};
pub use request::{Loaded, Origin, Request, load, read_known};
pub use split::{Normalization, Part, Prepared, Split, pixel_moments};

/// Images of one size with their labels.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Images {
    /// Grey values, `[len, rows, cols]`; 0 is the background.
    pub pixels: Vec<u8>,
    /// Classes, `[len]`.
    pub labels: Vec<u8>,
    /// Height in pixels.
    pub rows: usize,
    /// Width in pixels.
    pub cols: usize,
}

impl Images {
    /// Number of images.
    pub fn len(&self) -> usize {
        self.labels.len()
    }

    /// True if there is no image.
    pub fn is_empty(&self) -> bool {
        self.labels.is_empty()
    }
}

/// A data set in memory.
#[derive(Clone, Debug)]
pub struct Dataset {
    /// The name of a known set, `digits`, or the name of a directory.
    pub name: String,
    /// One sum over the data, see [`files::combined_sha256`]; data that is generated, or lies otherwise in its files, has the sum of
    /// the files it would make.
    pub sha256: String,
    /// Labels are below this.
    pub classes: usize,
    /// The training images of the set.
    pub train: Images,
    /// The test images of the set.
    pub test: Images,
}

/// Which data set is asked for.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum Choice {
    /// MNIST if it is found or can be downloaded, else the built-in digits, with a notice.
    Auto,
    /// A set that has a name, or an error.
    Known(Known),
    /// The built-in digits.
    Digits,
    /// A directory of four IDX files.
    Directory(PathBuf),
}

impl Choice {
    /// The names that are no directory.
    pub fn names() -> impl Iterator<Item = &'static str> {
        ["auto"].into_iter().chain(Known::all().map(|known| known.name)).chain(["digits"])
    }

    /// Reads the value of `--dataset`: one of [`Choice::names`], or else a directory.
    pub fn parse(text: &str) -> Self {
        match (text, Known::from_name(text)) {
            (_, Some(known)) => Self::Known(known),
            ("auto", None) => Self::Auto,
            ("digits", None) => Self::Digits,
            (directory, None) => Self::Directory(directory.into()),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_name_is_a_choice_and_anything_else_a_directory() {
        for name in Choice::names() {
            assert!(!matches!(Choice::parse(name), Choice::Directory(_)), "{name}");
        }
        assert_eq!(Choice::parse("./mnist"), Choice::Directory("./mnist".into()));
    }
}
