//! Batches: the order of an epoch, and images gathered and normalised in one pass.

use crate::cpu::pixels::{self, normalise};
use crate::data::split::{Normalization, Part, Prepared};
use crate::rng;

/// The order in which `epoch` of a run with `seed` visits `n` training images: a permutation of `0..n`.
pub fn epoch_order(seed: u64, epoch: usize, n: usize) -> Vec<u32> {
    rng::permutation(&mut rng::rng(seed, &format!("order/epoch{epoch}")), n)
}

/// The batches of an epoch: consecutive runs of `size` indices; the last is kept though it may be shorter.
///
/// # Panics
/// If `size` is 0.
pub fn batches(order: &[u32], size: usize) -> std::slice::Chunks<'_, u32> {
    order.chunks(size)
}

impl Prepared {
    /// Writes the normalised images `indices` of `part` to `out`, `[indices.len(), rows, cols, channels]`: channels last, as the kernels
    /// take them.
    ///
    /// # Panics
    /// If an index is not below `len(part)` or `out` has another length.
    pub fn gather(&self, part: Part, indices: &[u32], out: &mut [f32]) {
        self.gather_map(part, indices, out, |image, out| match self.normalization() {
            [all] => {
                let (scale, offset) = all.affine();
                normalise(image, scale as f32, offset as f32, out);
            }
            channels => interleave(image, channels, out, |value, (scale, offset)| {
                f32::from(value) * scale as f32 + offset as f32
            }),
        });
    }

    /// [`Prepared::gather`] in f64, for the reference path.
    ///
    /// # Panics
    /// As [`Prepared::gather`].
    pub fn gather_f64(&self, part: Part, indices: &[u32], out: &mut [f64]) {
        self.gather_map(part, indices, out, |image, out| {
            interleave(image, self.normalization(), out, |value, (scale, offset)| f64::from(value) * scale + offset);
        });
    }

    /// Writes the labels of the images `indices` of `part` to `out`, `[indices.len()]`.
    ///
    /// # Panics
    /// As [`Prepared::gather`].
    pub fn gather_labels(&self, part: Part, indices: &[u32], out: &mut [u8]) {
        assert_eq!(out.len(), indices.len(), "a batch has one label per index");
        let labels = self.labels(part);
        out.iter_mut().zip(indices).for_each(|(out, &index)| *out = labels[index as usize]);
    }

    #[inline(always)]
    fn gather_map<T>(&self, part: Part, indices: &[u32], out: &mut [T], normalise: impl Fn(&[u8], &mut [T])) {
        let size = self.values_per_image();
        assert_eq!(out.len(), indices.len() * size, "a batch has an image's values per index");
        let all = self.pixels(part);
        let image = |index: u32| &all[index as usize * size..][..size];
        for (i, (out, &index)) in out.chunks_exact_mut(size).zip(indices).enumerate() {
            // In an epoch's order no image lies beside the last.
            if let Some(&soon) = indices.get(i + 2) {
                pixels::prefetch(image(soon));
            }
            let image = image(index);
            normalise(image, out);
        }
    }
}

/// Writes `image`, `[channels, plane]`, to `out`, `[plane, channels]`; `value` gets each with its channel's scale and offset.
fn interleave<T>(image: &[u8], channels: &[Normalization], out: &mut [T], value: impl Fn(u8, (f64, f64)) -> T) {
    let planes = image.chunks_exact(image.len() / channels.len());
    for (channel, (plane, normalization)) in planes.zip(channels).enumerate() {
        let affine = normalization.affine();
        let places = out[channel..].iter_mut().step_by(channels.len());
        places.zip(plane).for_each(|(place, &pixel)| *place = value(pixel, affine));
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::data::{Dataset, Images, Split};

    fn prepared() -> Prepared {
        let images = |n: usize| Images {
            pixels: (0..6 * n).map(|i| (i * 37 % 256) as u8).collect(),
            labels: (0..n).map(|i| (i % 10) as u8).collect(),
            channels: 1,
            rows: 2,
            cols: 3,
        };
        let dataset =
            Dataset { name: "test".into(), sha256: String::new(), classes: 10, train: images(120), test: images(7) };
        Prepared::new(dataset, Split::Usual).unwrap()
    }

    #[test]
    fn an_epoch_visits_every_image_once_and_keeps_the_short_batch() {
        let order = epoch_order(1, 0, 10);
        let sizes: Vec<_> = batches(&order, 4).map(<[u32]>::len).collect();
        assert_eq!(sizes, [4, 4, 2]);
        let mut seen: Vec<_> = batches(&order, 4).flatten().copied().collect();
        seen.sort_unstable();
        assert!(seen.into_iter().eq(0..10));
    }

    #[test]
    fn orders_differ_by_epoch_and_by_seed_and_stay_as_they_are() {
        assert_ne!(epoch_order(1, 0, 100), epoch_order(1, 1, 100));
        assert_ne!(epoch_order(1, 0, 100), epoch_order(2, 0, 100));
        assert_eq!(epoch_order(7, 3, 8), GOLDEN);
    }
    const GOLDEN: [u32; 8] = [4, 1, 7, 5, 2, 6, 3, 0];

    #[test]
    fn a_batch_holds_the_images_and_labels_of_its_indices() {
        let data = prepared();
        let indices = [119, 0, 5, 5];
        let (mut out, mut exact, mut labels) = (vec![0f32; 24], vec![0f64; 24], vec![0; 4]);
        data.gather(Part::Train, &indices, &mut out);
        data.gather_f64(Part::Train, &indices, &mut exact);
        data.gather_labels(Part::Train, &indices, &mut labels);
        assert_eq!(labels, [9, 0, 5, 5]);
        let n = data.normalization()[0];
        for (row, &index) in indices.iter().enumerate() {
            for pixel in 0..6 {
                let grey = f64::from(data.dataset().train.pixels[index as usize * 6 + pixel]);
                let want = (grey / n.divisor - n.mean) / n.std;
                assert!((exact[row * 6 + pixel] - want).abs() < 1e-14);
                assert!((f64::from(out[row * 6 + pixel]) - want).abs() < 1e-6);
            }
        }
    }

    #[test]
    fn a_whole_gathered_training_set_has_mean_0_and_std_1() {
        let data = prepared();
        let mut all = vec![0f64; 120 * 6];
        data.gather_f64(Part::Train, &epoch_order(0, 0, 120), &mut all);
        let mean = all.iter().sum::<f64>() / 720.0;
        let variance = all.iter().map(|x| (x - mean).powi(2)).sum::<f64>() / 720.0;
        assert!(mean.abs() < 1e-13 && (variance - 1.0).abs() < 1e-12, "{mean} {variance}");
    }
}
