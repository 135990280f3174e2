//! The share of an arm's runs above each accuracy: what mean and deviation hide where some runs learn and others do not.

use crate::inference::proportion::wilson;
use crate::record::summary::Outcome;
use crate::report::chart::{Axis, Chart, Series, Shape};
use crate::report::study::Study;
use crate::report::thin::Point;
use crate::study::record::RunRecord;

impl Study<'_> {
    /// The performance profile (Dolan & Moré 2002; of runs, Agarwal et al. 2021) of every arm at a point. A run that diverged is above no
    /// accuracy.
    pub(super) fn profile(&self, point: &[String]) -> Chart {
        let accuracy = |run: &RunRecord| run.test_accuracy.filter(|_| run.outcome == Outcome::Finished);
        let of = |arm: &str| self.runs(arm, point).map(accuracy).collect::<Vec<Option<f64>>>();
        let arms: Vec<(&String, Vec<Option<f64>>)> = self.record.arms.iter().map(|arm| (arm, of(arm))).collect();
        let all = || arms.iter().flat_map(|(_, runs)| runs).flatten().copied();
        let ends = [all().fold(f64::INFINITY, f64::min), all().fold(f64::NEG_INFINITY, f64::max)];
        let series = arms.iter().filter(|(_, runs)| !runs.is_empty() && ends[0].is_finite());
        Chart {
            title: "Share of runs above each accuracy".into(),
            about: "At the end, of all runs, those that diverged too; the band is Wilson's 95 % interval of the share."
                .into(),
            x: Axis::linear("test accuracy"),
            y: Axis::share("share of runs"),
            series: series
                .map(|(arm, runs)| Series::new(*arm, self.style(arm), Shape::Stairs, stairs(runs, ends)))
                .collect(),
            rules: Vec::new(),
        }
    }
}

/// The share of runs above each accuracy between the ends, which falls at every run's own.
fn stairs(runs: &[Option<f64>], ends: [f64; 2]) -> Vec<Point> {
    let mut places: Vec<f64> = runs.iter().flatten().copied().collect();
    places.sort_by(f64::total_cmp);
    // A step to the left of the first run shows from where it falls.
    let margin = 0.05 * (ends[1] - ends[0]).max(0.01);
    let places = [vec![ends[0] - margin], places, vec![ends[1] + margin]].concat();
    let share = |x: f64| {
        let above = runs.iter().flatten().filter(|&&accuracy| accuracy > x).count();
        let [low, high] = wilson(above, runs.len(), 0.95);
        Point { x, y: above as f64 / runs.len() as f64, low, high }
    };
    let mut points: Vec<Point> = places.into_iter().map(share).collect();
    points.dedup_by(|a, b| a.x == b.x);
    points
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_share_falls_at_each_run_and_those_that_diverged_are_above_nothing() {
        let points = stairs(&[Some(0.9), None, Some(0.5), Some(0.9)], [0.5, 0.9]);
        let found: Vec<(f64, f64)> = points.iter().map(|p| (p.x, p.y)).collect();
        assert_eq!(found, [(0.48, 0.75), (0.5, 0.5), (0.9, 0.0), (0.92, 0.0)]);
        assert!(points.iter().all(|p| p.low <= p.y && p.y <= p.high && p.high > 0.0), "{points:?}");
    }
}
