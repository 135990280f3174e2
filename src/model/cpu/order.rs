//! Samples between PyTorch's order (channels first) and the kernels' (channels last).

use crate::cpu::pool::transpose_images;
use crate::model::shape::Shape;

impl Shape {
    /// Reorders `samples` from PyTorch's order to the kernels'.
    pub fn channels_last(self, samples: &[f32]) -> Vec<f32> {
        reorder(samples, self.units(), self.pixels())
    }

    /// Reorders `samples` from the kernels' order to PyTorch's.
    pub fn channels_first(self, samples: &[f32]) -> Vec<f32> {
        reorder(samples, self.pixels(), self.units())
    }
}

fn reorder(samples: &[f32], rows: usize, cols: usize) -> Vec<f32> {
    let mut to = vec![0.0; samples.len()];
    transpose_images(samples, rows, cols, &mut to);
    to
}
