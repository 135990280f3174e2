//! The indices of an array, as `sbatch --array` takes them.

/// `1,5,9-11`, of ascending indices.
pub fn text(indices: &[usize]) -> String {
    let mut ranges: Vec<[usize; 2]> = Vec::new();
    for &index in indices {
        match ranges.last_mut() {
            Some([_, last]) if *last + 1 == index => *last = index,
            _ => ranges.push([index, index]),
        }
    }
    let range = |[first, last]: &[usize; 2]| match last - first {
        0 => first.to_string(),
        1 => format!("{first},{last}"),
        _ => format!("{first}-{last}"),
    };
    ranges.iter().map(range).collect::<Vec<_>>().join(",")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn neighbours_are_told_as_a_range() {
        for (indices, want) in
            [(&[1, 5, 9, 10, 11][..], "1,5,9-11"), (&[0, 1, 2, 3], "0-3"), (&[0, 1], "0,1"), (&[7], "7"), (&[], "")]
        {
            assert_eq!(text(indices), want);
        }
    }
}
