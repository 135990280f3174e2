//! How the files of a published set differ from MNIST's.

use crate::data::Images;
use crate::data::error::Fault;

/// How images and labels lie in the files of a set.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Form {
    /// True if rows and columns are swapped, as in EMNIST, whose makers wrote their arrays column after column.
    pub swapped: bool,
    /// The label of the first class.
    pub first_label: u8,
}

impl Form {
    /// Upright images, and labels from 0.
    pub const MNIST: Self = Self { swapped: false, first_label: 0 };

    /// Makes MNIST's form of `images`: upright, with labels from 0.
    ///
    /// # Errors
    /// A label is below that of the first class.
    pub fn undo(self, images: &mut Images) -> Result<(), Fault> {
        let first = self.first_label;
        if let Some(at) = images.labels.iter().position(|&label| label < first) {
            let found = format!("{} at index {at}", images.labels[at]);
            let next = "the files are not those that were published: get all four again".into();
            return Err(Fault { field: "label", found, expected: format!("{first} or more"), next });
        }
        images.labels.iter_mut().for_each(|label| *label -= first);
        if self.swapped {
            turn(images);
        }
        Ok(())
    }
}

impl Form {
    /// Makes this form of `images`, which are upright with labels from 0.
    #[cfg(feature = "fetch")]
    pub(super) fn make(self, images: &mut Images) {
        images.labels.iter_mut().for_each(|label| *label += self.first_label);
        if self.swapped {
            turn(images);
        }
    }
}

/// Swaps rows and columns of every image.
fn turn(images: &mut Images) {
    let (rows, cols) = (images.rows, images.cols);
    let mut before = vec![0; rows * cols];
    for image in images.pixels.chunks_exact_mut(rows * cols) {
        before.copy_from_slice(image);
        for (i, pixel) in image.iter_mut().enumerate() {
            *pixel = before[i % rows * cols + i / rows];
        }
    }
    (images.rows, images.cols) = (cols, rows);
}
