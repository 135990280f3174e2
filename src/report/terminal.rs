//! Charts of characters, for a terminal of 80 columns. None needs colour.

/// Characters to draw with.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Glyphs {
    /// Blocks, lines and dots.
    Unicode,
    /// Characters that every terminal has.
    Ascii,
}

impl Glyphs {
    /// ASCII if it was asked for, or if `TERM` says that the terminal can do little.
    pub fn choose(ascii: bool) -> Self {
        let dumb = std::env::var_os("TERM").is_some_and(|term| term == "dumb");
        if ascii || dumb { Self::Ascii } else { Self::Unicode }
    }

    /// Eight heights, from the lowest.
    fn heights(self) -> [char; 8] {
        match self {
            Self::Unicode => ['▁', '▂', '▃', '▄', '▅', '▆', '▇', '█'],
            Self::Ascii => ['_', '.', ',', '-', '~', '=', '*', '#'],
        }
    }

    /// The glyph between start and end.
    pub fn arrow(self) -> &'static str {
        match self {
            Self::Unicode => "→",
            Self::Ascii => "->",
        }
    }

    /// A band, a prediction, a measurement within the band, and one outside.
    fn marks(self) -> [char; 4] {
        match self {
            Self::Unicode => ['─', '│', '●', '○'],
            Self::Ascii => ['-', '|', 'o', 'x'],
        }
    }
}

/// `values` between `low` and `high` as characters of growing height, averaged down to at most `width` of them; what is
/// not finite is a blank.
pub fn sparkline(values: &[f64], low: f64, high: f64, width: usize, glyphs: Glyphs) -> String {
    let heights = glyphs.heights();
    let columns = width.min(values.len());
    let block = |column: usize| {
        let values = &values[column * values.len() / columns..(column + 1) * values.len() / columns];
        let mean = values.iter().sum::<f64>() / values.len() as f64;
        if !mean.is_finite() {
            return ' ';
        }
        let share = if high > low { (mean - low) / (high - low) } else { 0.0 };
        heights[(share * 7.0).round().clamp(0.0, 7.0) as usize]
    };
    (0..columns).map(block).collect()
}

/// A layer's place in a chart by depth.
#[derive(Clone, Debug, PartialEq)]
pub struct Level {
    /// The layer.
    pub name: String,
    /// The measured value.
    pub measured: Option<f64>,
    /// The value that theory predicts.
    pub predicted: Option<f64>,
    /// The band around the prediction.
    pub band: Option<(f64, f64)>,
}

/// Layers that a chart shows at most; of more, some are left out evenly.
const LEVELS: usize = 32;

/// A chart by depth on a logarithmic axis: a line for each layer with the band, the prediction and the measurement.
/// Empty if nothing has a positive value.
pub fn by_depth(title: &str, levels: &[Level], width: usize, glyphs: Glyphs) -> String {
    let ends = |level: &Level| {
        let band = level.band.map(|(low, high)| [low, high]);
        [level.measured, level.predicted].into_iter().flatten().chain(band.into_iter().flatten()).collect::<Vec<_>>()
    };
    let usable = |x: &f64| x.is_finite() && *x > 0.0;
    let values: Vec<f64> = levels.iter().flat_map(ends).filter(usable).map(f64::log10).collect();
    if values.is_empty() {
        return String::new();
    }
    let [low, high] = values.iter().fold([f64::INFINITY, f64::NEG_INFINITY], |[a, b], &x| [a.min(x), b.max(x)]);
    let (low, high) = if high - low < 0.5 { (low - 0.25, high + 0.25) } else { (low, high) };
    let shown: Vec<&Level> = levels.iter().step_by(levels.len().div_ceil(LEVELS).max(1)).collect();
    let name_width = shown.iter().map(|level| level.name.chars().count()).max().unwrap_or(0).min(14);
    let columns = width.saturating_sub(name_width + 13).max(10);
    let place = |x: f64| ((x.log10() - low) / (high - low) * (columns - 1) as f64).round() as usize;
    let [line, predicted, inside, outside] = glyphs.marks();
    let mut text = format!("{title}\n");
    for level in shown {
        let mut row = vec![' '; columns];
        if let Some((from, to)) = level.band.filter(|(from, to)| usable(from) && usable(to)) {
            row[place(from)..=place(to)].fill(line);
        }
        if let Some(x) = level.predicted.filter(usable) {
            row[place(x)] = predicted;
        }
        if let Some(x) = level.measured.filter(usable) {
            let within = level.band.is_none_or(|(from, to)| (from..=to).contains(&x));
            row[place(x)] = if within { inside } else { outside };
        }
        let name: String = level.name.chars().take(name_width).collect();
        let value = level.measured.map_or_else(|| "none".into(), |x| format!("{x:.3e}"));
        let line = format!(" {name:<name_width$} {} {value:>10}", row.into_iter().collect::<String>());
        text.push_str(line.trim_end());
        text.push('\n');
    }
    let (from, to) = (format!("{:.1e}", 10f64.powf(low)), format!("{:.1e}", 10f64.powf(high)));
    let gap = columns.saturating_sub(from.len() + to.len());
    text.push_str(&format!(" {:name_width$} {from}{:gap$}{to}\n", "", ""));
    let (band_mark, line_mark) = (line, predicted);
    text.push_str(&format!(
        " {:name_width$} {inside} measured, {line_mark} predicted, {band_mark} its band, {outside} outside it\n",
        ""
    ));
    text
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_curve_spans_the_heights_and_gaps_are_blank() {
        let cases: [(&[f64], &str, &str); 4] = [
            (&[0.0, 3.5, 7.0, f64::NAN], "▁▅█ ", "_~# "),
            (&[-1.0, 9.0], "▁█", "_#"),
            (&[0.0, 0.0, 7.0, 7.0, 0.0, 0.0, 7.0, 7.0], "▁█▁█", "_#_#"),
            (&[], "", ""),
        ];
        for (values, unicode, ascii) in cases {
            assert_eq!(sparkline(values, 0.0, 7.0, 4, Glyphs::Unicode), unicode, "{values:?}");
            assert_eq!(sparkline(values, 0.0, 7.0, 4, Glyphs::Ascii), ascii, "{values:?}");
        }
        assert_eq!(sparkline(&[1.0], 1.0, 1.0, 4, Glyphs::Unicode), "▁");
        assert_eq!(sparkline(&[0.0; 1000], 0.0, 1.0, 20, Glyphs::Unicode).chars().count(), 20);
    }

    fn level(name: &str, measured: Option<f64>) -> Level {
        Level { name: name.into(), measured, predicted: Some(1.0), band: Some((0.1, 10.0)) }
    }

    #[test]
    fn a_chart_by_depth_shows_band_prediction_and_measurement() {
        let levels =
            [level("conv1", Some(1.0)), level("conv2", Some(100.0)), level("a very long name of a layer", None)];
        let chart = by_depth("E[z²]", &levels, 60, Glyphs::Ascii);
        let lines: Vec<&str> = chart.lines().collect();
        assert_eq!(lines[0], "E[z²]");
        for (line, parts) in [(1, ["-----", "o"]), (2, ["|-", "x"]), (3, ["a very long na", "none"])] {
            assert!(parts.iter().all(|part| lines[line].contains(part)), "{chart}");
        }
        assert!(lines[4].contains("1.0e-1") && lines[4].contains("1.0e2"), "{chart}");
    }

    #[test]
    fn every_width_and_depth_fits() {
        for (n, width) in [(1, 80), (5, 40), (1000, 80), (33, 120)] {
            let levels: Vec<Level> = (0..n).map(|i| level(&format!("layer{i}"), Some(10f64.powi(i - 9)))).collect();
            for glyphs in [Glyphs::Unicode, Glyphs::Ascii] {
                let chart = by_depth("t", &levels, width, glyphs);
                assert!(chart.lines().all(|line| line.chars().count() <= width.max(60)), "{chart}");
                assert!(chart.lines().count() <= LEVELS + 3);
                assert!(glyphs == Glyphs::Unicode || chart.is_ascii());
            }
        }
        assert_eq!(by_depth("t", &[], 80, Glyphs::Unicode), "", "nothing to show");
    }
}
