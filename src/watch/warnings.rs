//! Warnings of values that are not finite.

use crate::record::layers::LayerSeen;
use crate::watch::state::is_broken;

/// The first step of each layer in which something is not finite.
pub(super) fn warnings(rows: &[LayerSeen], names: &[String]) -> Vec<String> {
    let broken = |layer: usize| {
        rows.iter().filter(|row| row.layer == layer).find_map(|row| {
            let observation = &row.observation;
            let kinds = [
                (is_broken(&observation.pre_activation), "pre-activations"),
                (is_broken(&observation.activation), "activations"),
                (is_broken(&observation.gradient), "gradients"),
                (
                    row.norms.is_some_and(|[weight, gradient, _]| !(weight + gradient).is_finite()),
                    "weights or their gradients",
                ),
            ];
            let (_, kind) = kinds.into_iter().find(|(broken, _)| *broken)?;
            Some(format!("`{}` has {kind} that are not finite from step {} on", names[layer], row.step))
        })
    };
    (0..names.len()).filter_map(broken).collect()
}
