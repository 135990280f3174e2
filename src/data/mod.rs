//! Data sets of small images, grey or coloured: MNIST and its relatives, CIFAR-10, the built-in digits, or any directory of four IDX files.
//!
//! [`load`] finds and checks a set, [`Prepared`] applies a split to it and hands out normalised batches.

mod batches;
mod cifar;
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
pub use known::{HubPlace, Known, KnownSet, Layout, Places, SIDE, Verdict, is_at};
pub use request::{Loaded, Origin, Request, load, read_known};
pub use split::{Moments, Normalization, Part, Prepared, Split, channel_moments, pixel_moments};

/// Images of one size with their labels.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Images {
    /// Values, `[len, channels, rows, cols]`; of grey images 0 is the background.
    pub pixels: Vec<u8>,
    /// Classes, `[len]`.
    pub labels: Vec<u8>,
    /// Values of a pixel: 1 of grey images, 3 (red, green, blue) of coloured ones.
    pub channels: usize,
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

    /// Channels, rows and columns of an image.
    pub fn dims(&self) -> [usize; 3] {
        [self.channels, self.rows, self.cols]
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
    /// The built-in digits in two colours each.
    ColourDigits,
    /// A directory of four IDX files, or of CIFAR-10's binary files.
    Directory(PathBuf),
}

impl Choice {
    /// The names that are no directory.
    pub fn names() -> impl Iterator<Item = &'static str> {
        ["auto"].into_iter().chain(Known::all().map(|known| known.name)).chain(["digits", "colour-digits"])
    }

    /// Reads the value of `--dataset`: one of [`Choice::names`], or else a directory.
    pub fn parse(text: &str) -> Self {
        match (text, Known::from_name(text)) {
            (_, Some(known)) => Self::Known(known),
            ("auto", None) => Self::Auto,
            ("digits", None) => Self::Digits,
            ("colour-digits", None) => Self::ColourDigits,
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
