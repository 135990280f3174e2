//! Studies whose runs differ in batch size: a step is then not the same amount of data.

/// Warns of runs at these points of the grid that differ in batch size; nothing if all sizes are the same,
/// or one is not known (0).
pub fn remark<P: PartialEq>(runs: impl Iterator<Item = (P, usize)>) -> Option<String> {
    let runs: Vec<(P, usize)> = runs.collect();
    let mut sizes: Vec<usize> = runs.iter().map(|run| run.1).collect();
    sizes.sort_unstable();
    sizes.dedup();
    if sizes.len() < 2 || sizes[0] == 0 {
        return None;
    }
    let arms_differ = runs.iter().any(|(point, size)| {
        let here = |other: &&(P, usize)| other.0 == *point;
        runs.iter().filter(here).any(|other| other.1 != *size)
    });
    let sizes = sizes.iter().map(usize::to_string).collect::<Vec<_>>().join(", ");
    Some(if arms_differ {
        format!(
            "arms differ in batch size ({sizes}): a step is not the same amount of data for each, and for a seed they do not see the \
             same batches; such arms are compared by images seen (steps × batch size), while columns of steps count steps"
        )
    } else {
        format!(
            "points of the grid differ in batch size ({sizes}): a step is not the same amount of data at each; from point to point \
             compare images seen (steps × batch size)"
        )
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_differs_in_batch_size_is_named_arms_before_points() {
        for (runs, part) in [
            (&[(0, 32), (0, 32), (1, 32)][..], None),
            (&[(0, 32), (0, 64)], Some("arms differ in batch size (32, 64)")),
            (&[(0, 32), (0, 32), (1, 128), (1, 128)], Some("points of the grid differ in batch size (32, 128)")),
            (&[(0, 32), (0, 0)], None),
        ] {
            let found = remark(runs.iter().copied());
            assert!(
                found.as_deref().map_or(part.is_none(), |text| part.is_some_and(|part| text.starts_with(part))),
                "{runs:?}: {found:?}"
            );
        }
    }
}
