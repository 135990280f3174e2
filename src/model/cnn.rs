//! The hidden units of a convolutional network.

use crate::config::model::{Head, PoolKind, Stage};
use crate::model::layer::LayerSpec;
use crate::model::shape::Shape;
use crate::model::unit::Unit;

/// A convolution unit for each layer of each stage. `shape` is the first one's input and becomes the last one's output,
/// as far as it can be told; impossible windows are found when the network is built.
pub(super) fn units(stages: &[Stage], bias: bool, shape: &mut Shape) -> Vec<Unit> {
    let mut units = Vec::new();
    for stage in stages {
        for layer in 0..stage.layers {
            let stride = if layer == 0 { stage.stride } else { 1 };
            let weight =
                LayerSpec::Conv2d { out: stage.channels, kernel: stage.kernel, stride, padding: stage.padding, bias };
            let pool = stage.pool.filter(|_| layer + 1 == stage.layers).map(|pool| match pool.kind {
                PoolKind::Max => LayerSpec::MaxPool { kernel: pool.kernel, stride: pool.stride, padding: pool.padding },
                PoolKind::Average => LayerSpec::AvgPool { kernel: pool.kernel, stride: pool.stride },
            });
            let before = *shape;
            *shape = windows(before, stage.channels, stage.kernel, stride, stage.padding);
            let keeps_shape = *shape == before;
            if let (Some(pool), Some(_)) = (stage.pool, &pool) {
                *shape = windows(*shape, stage.channels, [pool.kernel; 2], pool.stride, pool.padding);
            }
            units.push(Unit { weight, keeps_shape, pool });
        }
    }
    units
}

fn windows(shape: Shape, channels: usize, kernel: [usize; 2], stride: usize, padding: usize) -> Shape {
    let Shape::Image { height, width, .. } = shape else { return shape };
    let count = |size: usize, kernel: usize| {
        size.saturating_add(padding.saturating_mul(2)).saturating_sub(kernel) / stride.max(1) + 1
    };
    Shape::Image { channels, height: count(height, kernel[0]), width: count(width, kernel[1]) }
}

/// The modules that make a vector of the last image, and its length.
pub(super) fn head(head: Head, shape: Shape) -> (Vec<LayerSpec>, usize) {
    match head {
        Head::GlobalAverage => (vec![LayerSpec::GlobalAvgPool { flatten: false }, LayerSpec::Flatten], shape.units()),
        Head::Flatten => (vec![LayerSpec::Flatten], shape.len()),
    }
}
