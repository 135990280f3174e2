//! The sharpness of a planned run: which images it is measured on.

use std::sync::Arc;

use crate::data::{Part, epoch_order};
use crate::model::cpu::CpuModel;
use crate::model::sharpness::Sharpness;
use crate::train::prepare::Plan;

impl Plan {
    /// Returns the measure of the sharpness of this run's network on `images` training images: all in their order, or the first of the first
    /// epoch. The parameters are those of the start.
    pub fn sharpness(&self, images: usize, threads: usize) -> Sharpness {
        let all = self.data.len(Part::Train);
        let order: Vec<u32> = if images < all {
            epoch_order(self.experiment.seed, 0, all).into_iter().take(images).collect()
        } else {
            (0..all as u32).collect()
        };
        let mut samples = vec![0.0; order.len() * self.network.input.len()];
        self.data.gather(Part::Train, &order, &mut samples);
        let mut labels = vec![0; order.len()];
        self.data.gather_labels(Part::Train, &order, &mut labels);
        let mut model = CpuModel::new(Arc::clone(&self.network), threads);
        self.start.iter().enumerate().for_each(|(i, values)| model.set_param(i, values));
        Sharpness::new(model, samples, labels, self.loss, self.experiment.seed)
    }
}
