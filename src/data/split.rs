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

/// Which pixels share a mean and a standard deviation.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Moments {
    /// Those of a channel.
    #[default]
    OfChannel,
    /// Those of all channels.
    OfAll,
}

impl Moments {
    /// The name in configs.
    pub fn name(self) -> &'static str {
        match self {
            Self::OfChannel => "of_channel",
            Self::OfAll => "of_all",
        }
    }
}

impl Normalization {
    /// The normalisation that gives `pixels` mean 0 and standard deviation 1. The lesson's split divides the sum of
    /// squares by n−1 as `torch.std` does, the usual one by n.
    pub fn of(split: Split, pixels: &[u8]) -> Self {
        Self::of_parts(split, std::iter::once(pixels))
    }

    /// [`Normalization::of`] of the pixels of all `parts` together.
    fn of_parts<'a>(split: Split, parts: impl Iterator<Item = &'a [u8]>) -> Self {
        let (n, mean, variance) = moments_of(parts);
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

/// Mean and variance (divisor n) of values, from exact integer sums.
pub fn pixel_moments(pixels: &[u8]) -> (f64, f64) {
    let (_, mean, variance) = moments_of(std::iter::once(pixels));
    (mean, variance)
}

/// Mean and variance (divisor n) of each channel of `images`, `[len, channels, plane]`.
pub fn channel_moments(images: &Images) -> Vec<(f64, f64)> {
    let plane = images.rows * images.cols;
    let of = |channel: usize| {
        let (_, mean, variance) = moments_of(planes(&images.pixels, channel, images.channels, plane));
        (mean, variance)
    };
    (0..images.channels).map(of).collect()
}

/// The parts of `pixels`, `[len, channels, plane]`, that belong to a channel.
fn planes(pixels: &[u8], channel: usize, channels: usize, plane: usize) -> impl Iterator<Item = &[u8]> {
    // All values of one channel are one part, which is summed sooner than many.
    let (step, length) = if channels == 1 { (pixels.len().max(1), pixels.len()) } else { (channels * plane, plane) };
    pixels.chunks(step).map(move |image| &image[channel * plane..][..length])
}

/// How many values `parts` have, with their mean and variance (divisor n).
fn moments_of<'a>(parts: impl Iterator<Item = &'a [u8]>) -> (f64, f64, f64) {
    // Partial sums in 32 bits vectorise; 2^16 squares of 255 still fit.
    let (mut count, mut sum, mut squares) = (0u128, 0u64, 0u64);
    for block in parts.flat_map(|part| part.chunks(1 << 16)) {
        count += block.len() as u128;
        let (s, q) = block.iter().fold((0u32, 0u32), |(s, q), &x| (s + u32::from(x), q + u32::from(x) * u32::from(x)));
        sum += u64::from(s);
        squares += u64::from(q);
    }
    let spread = count * u128::from(squares) - u128::from(sum) * u128::from(sum);
    (count as f64, sum as f64 / count as f64, spread as f64 / (count * count) as f64)
}

/// A half of a split: the images that a network learns from, or those that it is judged by.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Part {
    /// Training images.
    Train,
    /// Test images, on which nothing is learned.
    Test,
}

/// A data set with a split applied; clones share the images.
#[derive(Clone, Debug)]
pub struct Prepared {
    dataset: Arc<Dataset>,
    split: Split,
    range: Option<[f64; 2]>,
    moments: Moments,
    normalization: Vec<Normalization>,
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
        let prepared = Self { dataset, split, range: None, moments: Moments::OfChannel, normalization: Vec::new() };
        Ok(prepared.with_moments(Moments::OfChannel))
    }

    /// Gives the pixels of each channel, or those of all, mean 0 and standard deviation 1 over the training images.
    #[must_use]
    pub fn with_moments(mut self, moments: Moments) -> Self {
        let ([channels, rows, cols], pixels) = (self.image_dims(), self.pixels(Part::Train));
        self.normalization = match moments {
            Moments::OfAll => vec![Normalization::of(self.split, pixels); channels],
            Moments::OfChannel => {
                let of = |channel| Normalization::of_parts(self.split, planes(pixels, channel, channels, rows * cols));
                (0..channels).map(of).collect()
            }
        };
        Self { moments, range: None, ..self }
    }

    /// Maps values 0 and 255 to the ends of `range` instead of giving the training pixels mean 0 and standard deviation 1;
    /// without one nothing changes.
    #[must_use]
    pub fn in_range(mut self, range: Option<[f64; 2]>) -> Self {
        if let Some(range) = range {
            self.normalization.fill(Normalization::of_range(range));
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

    /// The pixels that share a mean and a standard deviation, where no range is given.
    pub fn moments(&self) -> Moments {
        self.moments
    }

    /// The normalisation of each channel: from the training part, or to a range.
    pub fn normalization(&self) -> &[Normalization] {
        &self.normalization
    }

    /// Number of images in `part`.
    pub fn len(&self, part: Part) -> usize {
        self.range(part).1.len()
    }

    /// Values of one image, channels × rows × columns.
    pub fn values_per_image(&self) -> usize {
        self.image_dims().iter().product()
    }

    /// Channels, height and width of an image.
    pub fn image_dims(&self) -> [usize; 3] {
        self.dataset.train.dims()
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

    /// The values of `part`, `[len, channels, rows, cols]`.
    pub fn pixels(&self, part: Part) -> &[u8] {
        let (images, range) = self.range(part);
        let size = self.values_per_image();
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
            channels: 1,
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
        assert_eq!(prepared.normalization()[0], Normalization::of(Split::Usual, &dataset(60).train.pixels[..200]));
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
            let (scale, offset) = prepared.normalization()[0].affine();
            assert!((offset - low).abs() < 1e-15 && (255.0 * scale + offset - high).abs() < 1e-14);
            let n = prepared.normalization()[0];
            assert!(((128.0 / n.divisor - n.mean) / n.std - (low + 128.0 / 255.0 * (high - low))).abs() < 1e-14);
            assert_eq!(prepared.range_of_pixels(), Some([low, high]));
        }
    }

    #[test]
    fn every_channel_has_its_own_moments_unless_all_share_them() {
        // Two channels of 2×2: the second is brighter.
        let pixels = |n: usize| {
            (0..8 * n).map(|i| if i / 4 % 2 == 0 { i % 50 } else { 200 + i % 50 } as u8).collect::<Vec<u8>>()
        };
        let images = |n: usize| Images { pixels: pixels(n), labels: vec![0; n], channels: 2, rows: 2, cols: 2 };
        let dataset =
            Dataset { name: "two".into(), sha256: String::new(), classes: 1, train: images(30), test: images(3) };
        let of = |channel: usize| {
            let values: Vec<u8> = dataset.train.pixels.chunks(4).skip(channel).step_by(2).flatten().copied().collect();
            Normalization::of(Split::Usual, &values)
        };
        let apart = Prepared::new(dataset.clone(), Split::Usual).unwrap();
        assert_eq!(apart.normalization(), [of(0), of(1)]);
        assert_eq!(
            channel_moments(&dataset.train)[1],
            pixel_moments(&dataset.train.pixels.chunks(4).skip(1).step_by(2).flatten().copied().collect::<Vec<u8>>())
        );
        let together = apart.clone().with_moments(Moments::OfAll);
        assert_eq!(together.normalization(), [Normalization::of(Split::Usual, &dataset.train.pixels); 2]);
        // In each channel a batch of all images has mean 0 and standard deviation 1.
        let mut out = vec![0.0; 8 * 30];
        apart.gather_f64(Part::Train, &(0..30).collect::<Vec<u32>>(), &mut out);
        for channel in 0..2 {
            let values: Vec<f64> = out.iter().skip(channel).step_by(2).copied().collect();
            let (mean, square) =
                (values.iter().sum::<f64>() / 120.0, values.iter().map(|x| x * x).sum::<f64>() / 120.0);
            assert!(mean.abs() < 1e-12 && (square - 1.0).abs() < 1e-12, "{channel}: {mean} {square}");
        }
        assert_eq!(apart.in_range(Some([0.0, 1.0])).normalization()[1], Normalization::of_range([0.0, 1.0]));
    }

    #[test]
    fn one_grey_value_everywhere_does_not_divide_by_zero() {
        assert_eq!(Normalization::of(Split::Usual, &[9; 8]).std, 1.0);
    }
}
