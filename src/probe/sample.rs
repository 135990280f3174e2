//! The images that a probe sends through every network: pairs of one class and pairs of different classes.

use crate::data::{Part, Prepared, epoch_order};
use crate::model::Shape;

/// Images with the pairs among them. Every image is in one pair.
#[derive(Clone, Debug)]
pub struct Sample {
    /// Normalised images, `[len, channels, rows, cols]`, as PyTorch and the files have them.
    pub images: Vec<f32>,
    /// Their classes.
    pub labels: Vec<u8>,
    /// Positions of two images of one class.
    pub same: Vec<(usize, usize)>,
    /// Positions of two images of different classes.
    pub different: Vec<(usize, usize)>,
}

impl Sample {
    /// Up to `pairs` pairs of each kind from the training images, in an order that depends on `seed` alone.
    pub fn new(data: &Prepared, seed: u64, pairs: usize) -> Self {
        let labels = data.labels(Part::Train);
        let mut waiting: Vec<u32> = epoch_order(seed, 0, labels.len());
        // The order is random already: looking at a few thousand images finds partners for any class.
        waiting.truncate(64 * pairs);
        let mut chosen = Vec::new();
        let same = take_pairs(&mut waiting, &mut chosen, pairs, |a, b| labels[a as usize] == labels[b as usize]);
        let different = take_pairs(&mut waiting, &mut chosen, pairs, |a, b| labels[a as usize] != labels[b as usize]);
        let mut images = vec![0.0; chosen.len() * data.values_per_image()];
        data.gather(Part::Train, &chosen, &mut images);
        let [channels, height, width] = data.image_dims();
        let images = Shape::Image { channels, height, width }.channels_first(&images);
        let labels = chosen.iter().map(|&i| labels[i as usize]).collect();
        Self { images, labels, same, different }
    }

    /// Number of images.
    pub fn len(&self) -> usize {
        self.labels.len()
    }

    /// Mean square of the first image.
    pub fn first_square(&self) -> f64 {
        let first = &self.images[..self.images.len() / self.len()];
        first.iter().map(|&x| f64::from(x) * f64::from(x)).sum::<f64>() / first.len() as f64
    }

    /// True if there is no image.
    pub fn is_empty(&self) -> bool {
        self.labels.is_empty()
    }
}

/// Moves up to `pairs` pairs that `fit` from `waiting` to `chosen`; returns their positions there.
fn take_pairs(
    waiting: &mut Vec<u32>,
    chosen: &mut Vec<u32>,
    pairs: usize,
    fit: impl Fn(u32, u32) -> bool,
) -> Vec<(usize, usize)> {
    let mut places = Vec::new();
    let mut first = 0;
    while places.len() < pairs && first < waiting.len() {
        match (first + 1..waiting.len()).find(|&other| fit(waiting[first], waiting[other])) {
            Some(other) => {
                places.push((chosen.len(), chosen.len() + 1));
                let partner = waiting.remove(other);
                chosen.extend([waiting.remove(first), partner]);
            }
            None => first += 1,
        }
    }
    places
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::data::{Dataset, Images, Split};

    fn data(classes: u8) -> Prepared {
        let images = |n: usize| Images {
            pixels: (0..4 * n).map(|i| (i * 7 % 256) as u8).collect(),
            labels: (0..n).map(|i| i as u8 % classes).collect(),
            channels: 1,
            rows: 2,
            cols: 2,
        };
        let (train, test) = (images(40), images(2));
        let dataset = Dataset { name: "test".into(), sha256: String::new(), classes: classes.into(), train, test };
        Prepared::new(dataset, Split::Usual).unwrap()
    }

    #[test]
    fn pairs_are_of_one_class_or_of_two_and_share_no_image() {
        let sample = Sample::new(&data(3), 5, 8);
        assert_eq!((sample.len(), sample.same.len(), sample.different.len()), (32, 8, 8));
        assert!(sample.same.iter().all(|&(a, b)| sample.labels[a] == sample.labels[b]));
        assert!(sample.different.iter().all(|&(a, b)| sample.labels[a] != sample.labels[b]));
        let mut places: Vec<usize> = sample.same.iter().chain(&sample.different).flat_map(|&(a, b)| [a, b]).collect();
        places.sort_unstable();
        assert_eq!(places, (0..32).collect::<Vec<_>>());
        assert_eq!(sample.images, Sample::new(&data(3), 5, 8).images);
    }

    #[test]
    fn a_set_of_one_class_has_no_pair_of_two() {
        let sample = Sample::new(&data(1), 0, 8);
        assert_eq!((sample.same.len(), sample.different.len()), (8, 0));
    }
}
