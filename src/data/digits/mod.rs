//! The built-in digits: handwriting made from strokes, for machines without MNIST and without a network.
//!
//! [`shapes`] says how people write each digit, [`pen`] bends and inks it. The images look and measure like
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
    Images { pixels, labels, rows: pen::SIZE, cols: pen::SIZE }
}
