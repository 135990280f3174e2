//! One of the lesson's numbers beside ours: median, the range where a further draw falls, and whether the lesson's is inside.

use serde::Serialize;

use super::reference::{Kind, Printed};
use super::scale::Scale;
use crate::inference::prediction::{Method, Prediction, prediction};
use crate::inference::spread::{median, sorted};

/// Probability that a further draw falls inside the range.
pub const CONFIDENCE: f64 = 0.999;
/// Accuracies below this are those of guessing.
const CHANCE: f64 = 0.15;
/// torch prints four decimals, and leaves zeros at the end to be guessed.
const TORCH_DECIMALS: usize = 4;
/// Rounding of a mean over millions of `f32` values that torch sums pairwise: log₂(n)·2⁻²⁴ for n ≈ 2²⁵ (Higham 1993).
const FLOAT32: f64 = 25.0 / (1u64 << 24) as f64;

/// One of the lesson's numbers and its replay.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct Row {
    /// `mean`, or `mean 1` of a list.
    pub name: String,
    /// The number that the lesson printed.
    pub lesson: f64,
    /// Median of our draws.
    pub median: f64,
    /// Lower end of the range.
    pub low: f64,
    /// Upper end of the range.
    pub high: f64,
    /// The prediction of theory, where there is one.
    pub theory: Option<f64>,
    /// How the range was found.
    pub range: Range,
    /// Draws that are numbers.
    pub draws: usize,
    /// Draws that are not, because the run diverged: in no range, but told.
    pub diverged: usize,
    /// Smallest draw.
    pub min: f64,
    /// Largest draw.
    pub max: f64,
    /// Draws below the lesson's number.
    pub below: usize,
    /// True if the lesson's number is inside.
    pub inside: bool,
    /// The draws themselves, of training runs.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub values: Vec<f64>,
}

/// How a range was found.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum Range {
    /// A number that follows from the data, plus or minus the rounding of a mean in `f32`.
    Float32,
    /// From the smallest to the largest draw, all of which must keep a bound.
    Bound,
    /// Order statistics.
    OrderStatistics,
    /// Student's t.
    Student,
}

impl Row {
    /// Runs whose accuracy is still that of guessing. MNIST's largest class has 11.4 % of the images.
    pub fn stuck(&self) -> usize {
        let accuracy = self.name.contains("accuracy");
        self.values.iter().filter(|&&x| accuracy && x < CHANCE).count()
    }
}

/// Compares one printed number with its draws.
pub fn compare(printed: &Printed, draws: &[f64], theory: Option<f64>) -> Row {
    let numbers: Vec<f64> = draws.iter().copied().filter(|x| x.is_finite()).collect();
    let ordered = sorted(&numbers);
    let (min, max) = (ordered.first().copied().unwrap_or(f64::NAN), ordered.last().copied().unwrap_or(f64::NAN));
    let whole = numbers.len() == draws.len();
    let lesson = printed.value;
    let decimals = decimals(lesson);
    // A printed number stands for all that round to it.
    let half_unit = 0.5 * 10f64.powi(-(decimals as i32));
    let rounding = if decimals == TORCH_DECIMALS { FLOAT32 } else { 0.0 };
    let (low, high, range) = match printed.kind {
        Kind::Exact => (min - rounding, max + rounding, Range::Float32),
        Kind::Below | Kind::Above => (min, max, Range::Bound),
        Kind::Draw => predicted(&printed.name, &ordered),
    };
    let inside = match printed.kind {
        Kind::Exact | Kind::Draw => low - half_unit <= lesson && lesson <= high + half_unit,
        Kind::Below => whole && max < lesson,
        Kind::Above => whole && min > lesson,
    };
    let training = ["valid_accuracy", "train_loss"].iter().any(|key| printed.name.contains(key));
    Row {
        name: printed.short_name(),
        lesson,
        median: median(&numbers),
        low,
        high,
        theory,
        range,
        draws: numbers.len(),
        diverged: draws.len() - numbers.len(),
        min,
        max,
        below: ordered.partition_point(|&x| x < lesson),
        inside,
        values: if training { draws.to_vec() } else { Vec::new() },
    }
}

/// Decimals that a number was printed with.
fn decimals(x: f64) -> usize {
    let text = x.to_string();
    text.split_once('.').map_or(0, |(_, fraction)| fraction.len()).max(TORCH_DECIMALS)
}

/// The range of a further draw. Order statistics are the same on every scale.
fn predicted(name: &str, ordered: &[f64]) -> (f64, f64, Range) {
    let scale = Scale::of(name, ordered);
    let scaled: Vec<f64> = ordered.iter().map(|&x| scale.to(x)).collect();
    let Some(Prediction { low, high, method }) = prediction(&scaled, CONFIDENCE) else {
        return (f64::NAN, f64::NAN, Range::Student);
    };
    let range = match method {
        Method::OrderStatistics => Range::OrderStatistics,
        Method::Student => Range::Student,
    };
    (scale.from(low), scale.from(high), range)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn printed(name: &str, value: f64, kind: Kind) -> Printed {
        Printed { name: name.into(), value, kind }
    }

    #[test]
    fn a_number_is_inside_where_a_further_draw_would_fall() {
        let draws: Vec<f64> = (0..1999).map(|i| 0.99996 * f64::from(i) / 1998.0).collect();
        for (lesson, kind, inside) in [
            (0.5, Kind::Draw, true),
            // 1.0 stands for all that round to it.
            (1.0, Kind::Draw, true),
            (1.01, Kind::Draw, false),
            (-0.01, Kind::Draw, false),
            (f64::NAN, Kind::Draw, false),
            (1.5, Kind::Below, true),
            (0.9, Kind::Below, false),
            (-0.1, Kind::Above, true),
            (0.0, Kind::Above, false),
        ] {
            let row = compare(&printed("x.mean", lesson, kind), &draws, None);
            assert_eq!(row.inside, inside, "{lesson} {kind:?}");
            assert_eq!((row.min, row.max, row.draws), (0.0, 0.99996, 1999));
        }
    }

    #[test]
    fn an_exact_number_must_agree_to_its_four_decimals() {
        for (ours, inside) in [(0.13045, true), (0.13040, true), (0.1306, false), (f64::NAN, false)] {
            let row = compare(&printed("input.train_mean", 0.1304, Kind::Exact), &[ours], None);
            assert_eq!(row.inside, inside, "{ours}");
        }
        let gain = 1.4141428569978354;
        assert!(compare(&printed("gains.gains.3", gain, Kind::Exact), &[gain], None).inside);
        assert!(!compare(&printed("gains.gains.3", gain, Kind::Exact), &[gain + 1e-12], None).inside);
    }

    #[test]
    fn a_run_that_diverged_is_counted_and_breaks_a_bound() {
        let draws = [0.96, 0.95, f64::NAN, 0.97, 0.96];
        let row = compare(&printed("train_x.valid_accuracy.1", 0.96, Kind::Draw), &draws, None);
        assert_eq!((row.draws, row.diverged, row.range), (4, 1, Range::Student));
        assert!(row.inside && row.values.len() == 5 && row.high < 1.0, "{row:?}");
        assert!(!compare(&printed("x.largest_below", 2.0, Kind::Below), &draws, None).inside);
    }
}
