//! The built-in digits: handwriting made from strokes, for machines without MNIST and without a network.
//!
//! `shapes` says how people write each digit, `pen` bends and inks it. The images look and measure like
//! MNIST's: 28×28, white on black, the ink's centre in the middle, mean and standard deviation of the pixels
//! close to .1307 and .3081. They are not MNIST: accuracies on the two do not compare.

mod pen;
mod shapes;

use rayon::prelude::*;

use crate::data::Images;
use crate::rng;

/// Number of training images, as in MNIST.
pub const TRAIN: usize = 60_000;
/// Number of test images, as in MNIST.
pub const TEST: usize = 10_000;

/// Images that share a random stream. The streams are named, so the number of threads changes nothing.
const CHUNK: usize = 500;

/// The training and test images of `seed`.
pub fn generate(seed: u64) -> (Images, Images) {
    (images(seed, "train", TRAIN), images(seed, "test", TEST))
}

/// The digits of `seed`, each drawn in a colour on a ground of another: three channels of the same shapes and labels.
pub fn in_colour(seed: u64) -> (Images, Images) {
    let (train, test) = generate(seed);
    (coloured(&train, seed, "train"), coloured(&test, seed, "test"))
}

/// Grey values from 0 to 255 become colours from a ground, which is rather dark, to an ink, which is rather bright.
fn coloured(grey: &Images, seed: u64, part: &str) -> Images {
    let plane = grey.rows * grey.cols;
    let mut pixels = vec![0; 3 * grey.pixels.len()];
    pixels.par_chunks_mut(CHUNK * 3 * plane).zip(grey.pixels.par_chunks(CHUNK * plane)).enumerate().for_each(
        |(chunk, (pixels, grey))| {
            let mut rng = rng::rng(seed, &format!("colour-digits/{part}/{chunk}"));
            for (image, grey) in pixels.chunks_exact_mut(3 * plane).zip(grey.chunks_exact(plane)) {
                for channel in image.chunks_exact_mut(plane) {
                    let (ground, ink) = (rng::below(&mut rng, 128), 96 + rng::below(&mut rng, 160));
                    let value = |grey: u8| (ground * (255 - u32::from(grey)) + ink * u32::from(grey)) / 255;
                    channel.iter_mut().zip(grey).for_each(|(pixel, &grey)| *pixel = value(grey) as u8);
                }
            }
        },
    );
    Images { pixels, labels: grey.labels.clone(), channels: 3, rows: grey.rows, cols: grey.cols }
}

/// `n` images of the part called `part`: as many of each digit as n allows, in random order.
fn images(seed: u64, part: &str, n: usize) -> Images {
    let order = rng::permutation(&mut rng::rng(seed, &format!("digits/{part}/order")), n);
    let labels: Vec<u8> = order.iter().map(|position| (position % 10) as u8).collect();
    let mut pixels = vec![0; n * pen::SIZE * pen::SIZE];
    pixels.par_chunks_mut(CHUNK * pen::SIZE * pen::SIZE).zip(labels.par_chunks(CHUNK)).enumerate().for_each(
        |(chunk, (pixels, labels))| {
            let mut rng = rng::rng(seed, &format!("digits/{part}/{chunk}"));
            for (image, &label) in pixels.chunks_exact_mut(pen::SIZE * pen::SIZE).zip(labels) {
                let styles = shapes::STYLES[usize::from(label)];
                let style = styles[rng::below(&mut rng, styles.len() as u32) as usize];
                pen::draw(style, &mut rng, image);
            }
        },
    );
    Images { pixels, labels, channels: 1, rows: pen::SIZE, cols: pen::SIZE }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::data::files;
    use crate::data::{Normalization, Split};

    /// The digits are data that runs are recorded with: they must not change.
    #[test]
    fn the_digits_of_seed_0_stay_as_they_are_and_measure_like_mnist() {
        let (train, test) = generate(0);
        let sums = files::sums_of(&train, &test);
        assert_eq!(files::combined_sha256(sums.each_ref().map(String::as_str)), GOLDEN);
        let n = Normalization::of(Split::Usual, &train.pixels);
        assert!((n.mean / 0.1307 - 1.0).abs() < 0.02 && (n.std / 0.3081 - 1.0).abs() < 0.02, "{n:?}");
        for (images, each) in [(&train, TRAIN / 10), (&test, TEST / 10)] {
            for digit in 0..10 {
                assert_eq!(images.labels.iter().filter(|&&label| label == digit).count(), each);
            }
        }
    }
    const GOLDEN: &str = "ddafbb071f30bf5e8c2dbd83eebcdbfdadefdd4e3242cc2f4957fd50145fc657";

    /// As the digits, they must not change.
    #[test]
    fn coloured_digits_have_the_shapes_of_the_grey_ones_and_stay_as_they_are() {
        let grey = images(0, "train", 600);
        let coloured = coloured(&grey, 0, "train");
        assert_eq!((coloured.dims(), &coloured.labels), ([3, 28, 28], &grey.labels));
        // Within a channel the ground and the ink are one value each.
        for (image, grey) in coloured.pixels.chunks(3 * 784).zip(grey.pixels.chunks(784)) {
            for channel in image.chunks(784) {
                let ground: Vec<u8> =
                    channel.iter().zip(grey).filter(|(_, grey)| **grey == 0).map(|(&x, _)| x).collect();
                assert!(ground.iter().all(|x| *x == ground[0] && *x < 128));
            }
        }
        assert_eq!(files::file_sha256(&coloured.pixels), COLOURED);
    }
    const COLOURED: &str = "879afe297320f7938a110ac905a25ac78d20deed0f901d522e22ece62501ce31";

    #[test]
    fn the_number_of_threads_changes_nothing() {
        let with = |threads| {
            let pool = rayon::ThreadPoolBuilder::new().num_threads(threads).build().unwrap();
            pool.install(|| images(5, "train", 3 * CHUNK + 1))
        };
        assert_eq!(with(1), with(3));
    }

    #[test]
    fn seeds_and_parts_give_different_images() {
        let first = images(1, "train", 10).pixels;
        assert_ne!(first, images(2, "train", 10).pixels);
        assert_ne!(first, images(1, "test", 10).pixels);
    }

    #[test]
    fn no_image_is_empty_or_full() {
        let drawn = images(3, "train", 5_000);
        for (i, image) in drawn.pixels.chunks_exact(pen::SIZE * pen::SIZE).enumerate() {
            let ink = image.iter().filter(|&&pixel| pixel > 127).count();
            assert!((20..400).contains(&ink), "image {i} has {ink} bright pixels");
        }
    }
}
