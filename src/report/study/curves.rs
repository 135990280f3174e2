//! The courses of the runs at one point of the grid, over steps, and where each ended.

use crate::record::RecordError;
use crate::record::read::Columns;
use crate::record::summary::Outcome;
use crate::report::chart::{Axis, Chart, Series, Shape};
use crate::report::page::{Block, Choice, Section};
use crate::report::study::{Study, accuracy_interval, interval, point_name};
use crate::report::thin::Point;
use crate::study::record::RunRecord;

impl Study<'_> {
    /// Curves of a point that is chosen among many.
    pub(super) fn curves_by_choice(&self, points: &[Vec<String>]) -> Result<Section, RecordError> {
        let mut section = Section::new("Curves, point by point");
        let option = |point: &Vec<String>| Ok((point_name(&self.record.axes, point), self.curves(point)?.blocks));
        let options: Vec<(String, Vec<Block>)> = points.iter().map(option).collect::<Result<_, RecordError>>()?;
        section.blocks.push(Block::Choice(Choice { what: "point".into(), options }));
        Ok(section)
    }

    /// Curves of one point of the grid.
    pub(super) fn curves(&self, point: &[String]) -> Result<Section, RecordError> {
        let name = point_name(&self.record.axes, point);
        let mut section = Section::new(if name.is_empty() { "Curves".into() } else { format!("Curves, {name}") });
        let about = "The mean over seeds with its 95 % interval; single seeds faint, a cross where one diverged, at the top if at once.";
        let losses = self.record.arms.iter().map(|arm| self.loss(arm, point)).collect();
        section.chart(over_steps("Training loss", about, Axis::log("loss"), losses));
        let accuracies = self.record.arms.iter().map(|arm| self.accuracy(arm, point)).collect::<Result<_, _>>()?;
        section.chart(over_steps("Test accuracy", about, Axis::linear("accuracy"), accuracies));
        for (i, target) in self.record.targets.iter().enumerate() {
            let series = self.record.arms.iter().map(|arm| self.times(arm, point, i)).collect();
            let about = "The share of runs that have reached the target after so many steps (Kaplan–Meier).";
            let title = format!("Time to {}", target.text());
            section.chart(over_steps(&title, about, Axis::share("share of runs"), series));
        }
        section.chart(self.finals(point));
        section.chart(self.profile(point));
        section.blocks.retain(|block| !matches!(block, Block::Chart(chart) if chart.series.is_empty()));
        Ok(section)
    }

    fn loss(&self, arm: &str, point: &[String]) -> Series {
        let runs: Vec<&RunRecord> = self.runs(arm, point).collect();
        let faint: Vec<Vec<Point>> = runs.iter().map(|run| loss_curve(run)).collect();
        let longest = faint.iter().max_by_key(|curve| curve.len()).cloned().unwrap_or_default();
        let at = |(i, place): (usize, &Point)| {
            let here: Vec<f64> =
                faint.iter().filter_map(|curve| curve.get(i)).map(|p| p.y).filter(|y| y.is_finite()).collect();
            interval(place.x, &here)
        };
        let points = longest.iter().enumerate().map(at).collect();
        let crosses = runs.iter().zip(&faint).filter_map(|(run, curve)| {
            let last = curve.iter().rev().map(|p| p.y).find(|y| y.is_finite());
            Some((run.diverged.as_ref()?.step as f64, last.unwrap_or(f64::INFINITY)))
        });
        let crosses = crosses.collect();
        Series { faint, crosses, ..Series::new(arm, self.style(arm), Shape::Line, points) }
    }

    fn accuracy(&self, arm: &str, point: &[String]) -> Result<Series, RecordError> {
        let mut faint = Vec::new();
        for run in self.runs(arm, point) {
            let columns = Columns::evaluations(&self.dir.join(&run.dir))?;
            let pairs = columns.get("step").iter().zip(columns.get("test_accuracy"));
            faint.push(pairs.map(|(&step, &accuracy)| Point::new(step, accuracy)).collect::<Vec<_>>());
        }
        let mut steps: Vec<f64> = faint.iter().flatten().map(|p| p.x).collect();
        steps.sort_by(f64::total_cmp);
        steps.dedup();
        let at = |&step: &f64| {
            let here: Vec<f64> = faint.iter().flatten().filter(|p| p.x == step).map(|p| p.y).collect();
            accuracy_interval(step, &here)
        };
        let points = steps.iter().map(at).collect();
        Ok(Series { faint, ..Series::new(arm, self.style(arm), Shape::Line, points) })
    }

    fn times(&self, arm: &str, point: &[String], target: usize) -> Series {
        let survival = self.summary(arm, point).and_then(|s| s.targets.get(target)).map(|t| t.survival.clone());
        let reached = survival.unwrap_or_default().into_iter().map(|(step, share)| Point::new(step, 1.0 - share));
        let mut points = vec![Point::new(0.0, 0.0)];
        points.extend(reached);
        let budget = self.runs(arm, point).map(|run| run.planned_steps).max().unwrap_or(0) as f64;
        let last = points[points.len() - 1];
        if budget > last.x {
            points.push(Point::new(budget, last.y));
        }
        Series::new(arm, self.style(arm), Shape::Stairs, points)
    }

    /// Every run's accuracy at the end, an arm beside the other, seeds in the same order in each.
    fn finals(&self, point: &[String]) -> Chart {
        let seeds = self.record.seeds.len().max(2) as f64 - 1.0;
        let series = self.record.arms.iter().enumerate().map(|(i, arm)| {
            let dot = |run: &RunRecord| {
                let seed = self.record.seeds.iter().position(|seed| *seed == run.seed).unwrap_or(0);
                let x = i as f64 - 0.25 + 0.5 * seed as f64 / seeds;
                Some(Point::new(x, run.test_accuracy.filter(|_| run.outcome == Outcome::Finished)?))
            };
            Series::new(arm.clone(), self.style(arm), Shape::Dots, self.runs(arm, point).filter_map(dot).collect())
        });
        Chart {
            title: "Test accuracy at the end, seed by seed".into(),
            about: "Of the runs that did not diverge; within an arm the seeds stand in order.".into(),
            x: Axis::names("arm", self.record.arms.clone()),
            y: Axis::linear("accuracy"),
            series: series.filter(|series| !series.points.is_empty()).collect(),
            rules: Vec::new(),
        }
    }
}

fn over_steps(title: &str, about: &str, y: Axis, mut series: Vec<Series>) -> Chart {
    series.retain(|series| !series.points.is_empty());
    Chart { title: title.into(), about: about.into(), x: Axis::counts("step"), y, series, rules: Vec::new() }
}

fn loss_curve(run: &RunRecord) -> Vec<Point> {
    let block = run.curve.steps_per_point as f64;
    let at = |(i, loss): (usize, &Option<f64>)| Point::new((i as f64 + 0.5) * block, loss.unwrap_or(f64::NAN));
    run.curve.loss.iter().enumerate().map(at).collect()
}
