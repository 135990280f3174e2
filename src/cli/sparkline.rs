//! A curve in one line of block characters.

const BLOCKS: [char; 8] = ['▁', '▂', '▃', '▄', '▅', '▆', '▇', '█'];

/// `values` between `low` and `high` as blocks, averaged down to at most `width` characters; what is not finite is a
/// blank.
pub fn sparkline(values: &[f64], low: f64, high: f64, width: usize) -> String {
    let chunk = values.len().div_ceil(width.max(1)).max(1);
    let block = |values: &[f64]| {
        let mean = values.iter().sum::<f64>() / values.len() as f64;
        if !mean.is_finite() {
            return ' ';
        }
        let share = if high > low { (mean - low) / (high - low) } else { 0.0 };
        BLOCKS[(share * 7.0).round().clamp(0.0, 7.0) as usize]
    };
    values.chunks(chunk).map(block).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_curve_spans_the_blocks_and_gaps_are_blank() {
        let cases: [(&[f64], &str); 4] = [
            (&[0.0, 3.5, 7.0, f64::NAN], "▁▅█ "),
            (&[-1.0, 9.0], "▁█"),
            (&[0.0, 0.0, 7.0, 7.0, 0.0, 0.0, 7.0, 7.0], "▁█▁█"),
            (&[], ""),
        ];
        for (values, line) in cases {
            assert_eq!(sparkline(values, 0.0, 7.0, 4), line, "{values:?}");
        }
        assert_eq!(sparkline(&[1.0], 1.0, 1.0, 4), "▁");
    }
}
