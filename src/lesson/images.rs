//! The lesson's images, with those at hand in `f32` that every seed looks at.

use crate::data::{Part, Prepared, epoch_order};

/// MNIST on the lesson's split.
pub struct LessonImages {
    /// All of it, as bytes.
    pub data: Prepared,
    /// The validation images, normalised, `[10000, 784]`.
    pub valid: Vec<f32>,
}

/// Images of the batch that the notebooks on convolutions look at.
pub(super) const HUNDRED: usize = 100;
/// Images of a training batch.
pub(super) const BATCH: usize = 512;

impl LessonImages {
    /// Normalises what is needed often.
    pub fn new(data: Prepared) -> Self {
        let indices: Vec<u32> = (0..data.len(Part::Test) as u32).collect();
        let mut valid = vec![0.0; indices.len() * data.values_per_image()];
        data.gather(Part::Test, &indices, &mut valid);
        Self { data, valid }
    }

    /// The first hundred validation images and their labels.
    pub(super) fn hundred(&self) -> (&[f32], &[u8]) {
        let n = HUNDRED.min(self.data.len(Part::Test));
        (&self.valid[..n * self.data.values_per_image()], &self.data.labels(Part::Test)[..n])
    }

    /// The indices of the first training batch of `seed`, in the order of its training runs.
    pub(super) fn batch(&self, seed: u64) -> Vec<u32> {
        let mut order = epoch_order(seed, 0, self.data.len(Part::Train));
        order.truncate(BATCH);
        order
    }

    /// Mean of the squared labels of the training images.
    pub(super) fn label_mean_square(&self) -> f64 {
        let labels = self.data.labels(Part::Train);
        labels.iter().map(|&label| f64::from(label).powi(2)).sum::<f64>() / labels.len() as f64
    }
}
