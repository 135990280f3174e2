//! Splits: which images train and which test, and how their pixels are normalised.

use std::ops::Range;
use std::sync::Arc;

use serde::{Deserialize, Serialize};

use crate::data::error::DataError;
use crate::data::{Dataset, Images};

/// Which images train and which test.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Split {
    /// All training images train, all test images test; pixels/255.
    #[default]
    Usual,
    /// The lesson's: of 60,000 training images the first 50,000 train and the last 10,000 test, the set's own test
    /// images stay untouched; pixels/256. Of another number the last sixth tests.
    Lesson,
    /// For choices such as the learning rate that the usual test images must not have a part in: of the usual split's
    /// training images the last sixth tests and the others train; pixels/255.
    Validation,
}

impl Split {
    /// Every split.
    pub const ALL: [Self; 3] = [Self::Usual, Self::Lesson, Self::Validation];

    /// The name in configs and records.
    pub fn name(self) -> &'static str {
        match self {
            Self::Usual => "usual",
            Self::Lesson => "lesson",
            Self::Validation => "validation",
        }
    }
}

/// Normalisation of a pixel value: `(pixel/divisor − mean)/std`.
#[derive(Clone, Copy, Debug, PartialEq, Serialize)]
pub struct Normalization {
    /// Number that a pixel is divided by first.
    pub divisor: f64,
    /// Mean of the training images' pixels, after the division.
    pub mean: f64,
    /// Standard deviation of the training images' pixels, after the division.
    pub std: f64,
}

impl Normalization {
    /// The normalisation that gives `pixels` mean 0 and standard deviation 1. The lesson's split divides the sum of
    /// squares by n−1 as `torch.std` does, the usual one by n.
    pub fn of(split: Split, pixels: &[u8]) -> Self {
        let (mean, variance) = pixel_moments(pixels);
        let n = pixels.len() as f64;
        let (divisor, variance) = match split {
            Split::Usual | Split::Validation => (255.0, variance),
            Split::Lesson => (256.0, variance * n / (n - 1.0)),
        };
        // A set of one grey value has nothing to scale.
        let std = if variance > 0.0 { variance.sqrt() / divisor } else { 1.0 };
        Self { divisor, mean: mean / divisor, std }
    }

    /// The normalisation that maps grey value 0 to `low` and 255 to `high`, whatever the images.
    pub fn of_range([low, high]: [f64; 2]) -> Self {
        let std = 1.0 / (high - low);
        Self { divisor: 255.0, mean: -low * std, std }
    }

    /// `(scale, offset)` with `pixel·scale + offset` the normalised value.
    pub fn affine(self) -> (f64, f64) {
        (1.0 / (self.divisor * self.std), -self.mean / self.std)
    }
}

/// Mean and variance (divisor n) of grey values, from exact integer sums.
pub fn pixel_moments(pixels: &[u8]) -> (f64, f64) {
    // Partial sums in 32 bits vectorise; 2^16 squares of 255 still fit.
    let (mut sum, mut squares) = (0u64, 0u64);
    for block in pixels.chunks(1 << 16) {
        let (s, q) = block.iter().fold((0u32, 0u32), |(s, q), &x| (s + u32::from(x), q + u32::from(x) * u32::from(x)));
        sum += u64::from(s);
        squares += u64::from(q);
    }
    let n = pixels.len() as u128;
    let spread = n * u128::from(squares) - u128::from(sum) * u128::from(sum);
    (sum as f64 / n as f64, spread as f64 / (n * n) as f64)
}

/// The two halves of a split.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Part {
    /// The images that train.
    Train,
    /// The images that test.
    Test,
}

/// A data set with a split applied; clones share the images.
#[derive(Clone, Debug)]
pub struct Prepared {
    dataset: Arc<Dataset>,
    split: Split,
    range: Option<[f64; 2]>,
    normalization: Normalization,
}

impl Prepared {
    /// Applies `split` to `dataset`. No image is copied.
    ///
    /// # Errors
    /// A split that tests on a sixth of the training images needs six.
    pub fn new(dataset: impl Into<Arc<Dataset>>, split: Split) -> Result<Self, DataError> {
        let dataset = dataset.into();
        let found = dataset.train.len();
        if split != Split::Usual && found < 6 {
            return Err(DataError::Split { split: split.name(), found, expected: 6 });
        }
        let normalization = Normalization { divisor: 1.0, mean: 0.0, std: 1.0 };
        let mut prepared = Self { dataset, split, range: None, normalization };
        prepared.normalization = Normalization::of(split, prepared.pixels(Part::Train));
        Ok(prepared)
    }

    /// Maps grey values 0 and 255 to the ends of `range` instead of giving the training pixels mean 0 and standard deviation 1;
    /// without one nothing changes.
    #[must_use]
    pub fn in_range(mut self, range: Option<[f64; 2]>) -> Self {
        if let Some(range) = range {
            self.normalization = Normalization::of_range(range);
        }
        Self { range: range.or(self.range), ..self }
    }

    /// The data set behind the split.
    pub fn dataset(&self) -> &Dataset {
        &self.dataset
    }

    /// The split.
    pub fn split(&self) -> Split {
        self.split
    }

    /// Ends that black and white are mapped to, where they were given.
    pub fn range_of_pixels(&self) -> Option<[f64; 2]> {
        self.range
    }

    /// The normalisation: from the training part, or to a range.
    pub fn normalization(&self) -> Normalization {
        self.normalization
    }

    /// Number of images in `part`.
    pub fn len(&self, part: Part) -> usize {
        self.range(part).1.len()
    }

    /// Values of one image, rows × cols.
    pub fn pixels_per_image(&self) -> usize {
        self.dataset.train.rows * self.dataset.train.cols
    }

    /// Height and width of an image in pixels.
    pub fn image_size(&self) -> (usize, usize) {
        (self.dataset.train.rows, self.dataset.train.cols)
    }

    /// Labels are below this.
    pub fn classes(&self) -> usize {
        self.dataset.classes
    }

    /// The labels of `part`, `[len]`.
    pub fn labels(&self, part: Part) -> &[u8] {
        let (images, range) = self.range(part);
        &images.labels[range]
    }

    /// The grey values of `part`, `[len, rows, cols]`.
    pub fn pixels(&self, part: Part) -> &[u8] {
        let (images, range) = self.range(part);
        let size = self.pixels_per_image();
        &images.pixels[range.start * size..range.end * size]
    }

    fn range(&self, part: Part) -> (&Images, Range<usize>) {
        let (train, test) = (&self.dataset.train, &self.dataset.test);
        let held_out = train.len() - train.len() / 6;
        match (self.split, part) {
            (Split::Usual, Part::Train) => (train, 0..train.len()),
            (Split::Usual, Part::Test) => (test, 0..test.len()),
            (Split::Lesson | Split::Validation, Part::Train) => (train, 0..held_out),
            (Split::Lesson | Split::Validation, Part::Test) => (train, held_out..train.len()),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn dataset(train: usize) -> Dataset {
        let images = |n: usize| Images {
            pixels: (0..4 * n).map(|i| (i * 7 % 256) as u8).collect(),
            labels: (0..n).map(|i| (i % 3) as u8).collect(),
            rows: 2,
            cols: 2,
        };
        Dataset { name: "test".into(), sha256: String::new(), classes: 3, train: images(train), test: images(5) }
    }

    #[test]
    fn moments_are_exact() {
        assert_eq!(pixel_moments(&[0, 255]), (127.5, 127.5 * 127.5));
        assert_eq!(pixel_moments(&vec![255; 1_000_000]), (255.0, 0.0));
    }

    #[test]
    fn the_lesson_tests_on_the_last_sixth_of_the_training_images() {
        let prepared = Prepared::new(dataset(60), Split::Lesson).unwrap();
        assert_eq!((prepared.len(Part::Train), prepared.len(Part::Test)), (50, 10));
        assert_eq!(prepared.pixels(Part::Test), &dataset(60).train.pixels[200..]);
        let usual = Prepared::new(dataset(60), Split::Usual).unwrap();
        assert_eq!((usual.len(Part::Train), usual.len(Part::Test)), (60, 5));
    }

    #[test]
    fn validation_leaves_the_test_images_alone_and_normalises_as_usual() {
        let prepared = Prepared::new(dataset(60), Split::Validation).unwrap();
        assert_eq!((prepared.len(Part::Train), prepared.len(Part::Test)), (50, 10));
        assert_eq!(prepared.pixels(Part::Test), &dataset(60).train.pixels[200..]);
        assert_eq!(prepared.normalization(), Normalization::of(Split::Usual, &dataset(60).train.pixels[..200]));
    }

    #[test]
    fn too_few_images_for_the_lesson_is_an_error_that_says_so() {
        let error = Prepared::new(dataset(5), Split::Lesson).unwrap_err().to_string();
        assert!(error.contains("found 5 training images, expected at least 6"), "{error}");
    }

    #[test]
    fn the_lesson_divides_by_n_minus_one_and_256() {
        let pixels = [0, 100, 200];
        let lesson = Normalization::of(Split::Lesson, &pixels);
        assert_eq!((lesson.mean, lesson.std), (100.0 / 256.0, 100.0 / 256.0));
        let usual = Normalization::of(Split::Usual, &pixels);
        assert!((usual.std - (20000.0f64 / 3.0).sqrt() / 255.0).abs() < 1e-15);
    }

    #[test]
    fn a_range_maps_black_and_white_to_its_ends() {
        for [low, high] in [[-0.5, 0.5], [0.0, 1.0], [-1.0, 3.0]] {
            let prepared = Prepared::new(dataset(60), Split::Lesson).unwrap().in_range(Some([low, high]));
            let (scale, offset) = prepared.normalization().affine();
            assert!((offset - low).abs() < 1e-15 && (255.0 * scale + offset - high).abs() < 1e-14);
            let n = prepared.normalization();
            assert!(((128.0 / n.divisor - n.mean) / n.std - (low + 128.0 / 255.0 * (high - low))).abs() < 1e-14);
            assert_eq!(prepared.range_of_pixels(), Some([low, high]));
        }
    }

    #[test]
    fn one_grey_value_everywhere_does_not_divide_by_zero() {
        assert_eq!(Normalization::of(Split::Usual, &[9; 8]).std, 1.0);
    }
}
