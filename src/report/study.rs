//! The page of a study: the verdict first, then what it rests on.

use std::path::Path;

use crate::record::RecordError;
use crate::record::read::{Columns, RunRecords};
use crate::record::summary::Outcome;
use crate::report::chart::{Axis, Chart, Series, Shape};
use crate::report::heat::{Heat, Side};
use crate::report::layers::WANTED;
use crate::report::page::{Block, Page, Section, Table};
use crate::report::palette::Style;
use crate::report::scale::Kind;
use crate::report::text::number;
use crate::report::thin::Point;
use crate::stats::spread::{mean, sample_std};
use crate::stats::student::two_sided_quantile;
use crate::study::comparison::{ArmSummary, Comparison};
use crate::study::record::{RunRecord, StudyRecord};

/// Points of a grid up to which each has curves of its own.
const POINTS: usize = 4;

/// A study and the directory in which its runs lie.
struct Study<'a> {
    record: &'a StudyRecord,
    dir: &'a Path,
}

/// The page of the study in `dir`.
///
/// # Errors
/// The records of a run are damaged; a run without records is left out of the curves that need them.
pub fn page(record: &StudyRecord, dir: &Path) -> Result<Page, RecordError> {
    let study = Study { record, dir };
    let points = study.points();
    let mut sections = vec![study.verdicts(&points)];
    if points.len() <= POINTS {
        for point in &points {
            sections.push(study.curves(point)?);
        }
    }
    sections.push(study.over_the_grid());
    sections.push(study.learning_rates());
    if let Some(point) = points.first() {
        sections.push(study.starts(point)?);
    }
    sections.push(study.origin());
    sections.retain(|section| !section.blocks.is_empty());
    let n = record.seeds.len();
    let lead = format!(
        "{} arms, {n} seed{} each, {} runs on {}. Compared with {}: how soon each arm reaches {}.",
        record.arms.len(),
        if n == 1 { "" } else { "s" },
        record.runs.len(),
        record.data.name,
        record.baseline,
        record.targets.first().map_or_else(|| "its target".into(), |target| target.text())
    );
    Ok(Page { title: record.name.clone(), lead, sections })
}

/// `name = value, …` of a point of the grid; empty without a grid.
fn point_name(record: &StudyRecord, point: &[String]) -> String {
    let pairs = record.axes.iter().zip(point).map(|(axis, value)| format!("{} = {value}", axis.name));
    pairs.collect::<Vec<_>>().join(", ")
}

/// A mean with its 95 % interval (Student); the mean alone for one value, a gap for none.
fn interval(x: f64, values: &[f64]) -> Point {
    let n = values.len();
    if n == 0 {
        return Point::new(x, f64::NAN);
    }
    let y = mean(values);
    let reach = if n < 2 { 0.0 } else { two_sided_quantile(0.95, n - 1) * sample_std(values) / (n as f64).sqrt() };
    Point { x, y, low: y - reach, high: y + reach }
}

impl Study<'_> {
    /// The points of the grid, in the plan's order; one empty point without a grid.
    fn points(&self) -> Vec<Vec<String>> {
        let mut points: Vec<Vec<String>> = Vec::new();
        for run in &self.record.runs {
            if !points.contains(&run.point) {
                points.push(run.point.clone());
            }
        }
        points
    }

    fn style(&self, arm: &str) -> Style {
        Style::Category(self.record.arms.iter().position(|name| name == arm).unwrap_or(0))
    }

    /// The runs of an arm at a point with the arm's chosen learning rate.
    fn runs<'a>(&'a self, arm: &'a str, point: &'a [String]) -> impl Iterator<Item = &'a RunRecord> {
        let chosen = self.summary(arm, point).map(|summary| summary.learning_rate);
        let fits = move |run: &&RunRecord| {
            run.arm == arm && run.point == point && chosen.is_none_or(|lr| run.learning_rate == lr)
        };
        self.record.runs.iter().filter(fits)
    }

    fn summary(&self, arm: &str, point: &[String]) -> Option<&ArmSummary> {
        self.record.summaries.iter().find(|summary| summary.arm == arm && summary.point == point)
    }

    fn comparison(&self, arm: &str, point: &[String]) -> Option<&Comparison> {
        self.record.comparisons.iter().find(|comparison| comparison.arm == arm && comparison.point == point)
    }

    fn verdicts(&self, points: &[Vec<String>]) -> Section {
        let mut section = Section::new("Verdict");
        if self.record.runs.is_empty() {
            section.text("No run of this study has ended yet.");
        }
        for point in points {
            let rows: Vec<_> = self.record.arms.iter().filter_map(|arm| self.verdict_row(arm, point)).collect();
            let head = [
                "arm",
                "verdict",
                "reached",
                "median steps",
                "steps, × baseline",
                "p (Holm)",
                "accuracy",
                "diverged",
                "learning rate",
            ];
            let head = head.map(str::to_string).to_vec();
            section.blocks.push(Block::Table(Table { caption: point_name(self.record, point), head, rows }));
        }
        // A study with a large grid says the same thing many times.
        if points.len() <= POINTS {
            section
                .blocks
                .extend(self.record.comparisons.iter().map(|comparison| Block::Text(comparison.text.clone())));
        }
        for failure in &self.record.failures {
            section.text(format!("{} could not be carried out: {}", failure.dir, failure.error));
        }
        section
    }

    fn verdict_row(&self, arm: &str, point: &[String]) -> Option<Vec<String>> {
        let summary = self.summary(arm, point)?;
        let comparison = self.comparison(arm, point);
        let dash = || "–".to_string();
        let target = summary.targets.first();
        let ratio = comparison.and_then(|comparison| comparison.targets.first()?.ratio);
        let verdict = comparison.map(|comparison| comparison.verdict.text().to_string());
        Some(vec![
            arm.into(),
            verdict.unwrap_or_else(|| if arm == self.record.baseline { "baseline".into() } else { dash() }),
            target.map_or_else(dash, |target| format!("{} of {}", target.reached, summary.runs)),
            target.and_then(|target| target.median_steps).map_or_else(dash, number),
            ratio.map_or_else(dash, |r| {
                format!("{} ({} … {})", number(r.ratio), number(r.interval[0]), number(r.interval[1]))
            }),
            ratio.map_or_else(dash, |r| number(r.p_holm)),
            summary.test_accuracy.map_or_else(dash, |spread| {
                let deviation = spread.std.map_or_else(String::new, |std| format!(" ± {:.2}", 100.0 * std));
                format!("{:.2}{deviation} %", 100.0 * spread.mean)
            }),
            if summary.diverged > 0 { format!("{} of {}", summary.diverged, summary.runs) } else { "0".into() },
            number(summary.learning_rate),
        ])
    }

    /// Curves of one point of the grid.
    fn curves(&self, point: &[String]) -> Result<Section, RecordError> {
        let name = point_name(self.record, point);
        let mut section = Section::new(if name.is_empty() { "Curves".into() } else { format!("Curves, {name}") });
        let about = "The mean over seeds with its 95 % interval; single seeds faint, a cross where one diverged.";
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
            let last = curve.iter().rev().find(|p| p.y.is_finite())?;
            Some((run.diverged.as_ref()?.step as f64, last.y))
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
            interval(step, &here)
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

    /// What the runs at each point of the grid reached: a curve for one axis, a map for two.
    fn over_the_grid(&self) -> Section {
        let mut section = Section::new("Over the grid");
        let numbers: Vec<Option<Vec<f64>>> = self.record.axes.iter().map(|axis| axis_numbers(&axis.values)).collect();
        match (&self.record.axes[..], &numbers[..]) {
            ([axis], [Some(values)]) => {
                let curve = |arm: &String| {
                    let at =
                        |(name, &x): (&String, &f64)| interval(x, &self.accuracies(arm, std::slice::from_ref(name)));
                    let points = axis.values.iter().zip(values).map(at).collect();
                    Series::new(arm.clone(), self.style(arm), Shape::Marked, points)
                };
                section.chart(Chart {
                    title: "Test accuracy at the end".into(),
                    about: "The mean over seeds with its 95 % interval.".into(),
                    x: Axis { kind: spread_of(values), ..Axis::linear(axis.name.clone()) },
                    y: Axis::linear("accuracy"),
                    series: self.record.arms.iter().map(curve).collect(),
                    rules: Vec::new(),
                });
            }
            ([_, _], _) => self.record.arms.iter().for_each(|arm| section.heat(self.map(arm))),
            _ => {}
        }
        section
    }

    /// Accuracies at the end; a run that diverged has learnt nothing that it could keep and is left out.
    fn accuracies(&self, arm: &str, point: &[String]) -> Vec<f64> {
        self.runs(arm, point)
            .filter(|run| run.outcome == Outcome::Finished)
            .filter_map(|run| run.test_accuracy)
            .collect()
    }

    fn map(&self, arm: &str) -> Heat {
        let [x, y] = &self.record.axes[..] else { unreachable!("the caller has two axes") };
        let cell = |a: &String, b: &String| {
            let here = self.accuracies(arm, &[a.clone(), b.clone()]);
            if here.is_empty() { f64::NAN } else { mean(&here) }
        };
        let rows = y.values.iter().rev();
        let values = rows.flat_map(|b| x.values.iter().map(move |a| (a, b))).map(|(a, b)| cell(a, b)).collect();
        let side = |axis: &crate::study::record::AxisRecord, names: Vec<String>| Side {
            label: axis.name.clone(),
            range: [0.0, axis.values.len() as f64],
            kind: Kind::Linear,
            whole: true,
            names,
        };
        Heat {
            title: format!("Trainability: {arm}"),
            about: "Mean test accuracy at the end; a cell is empty where every run diverged.".into(),
            x: side(x, x.values.clone()),
            y: side(y, y.values.iter().rev().cloned().collect()),
            columns: x.values.len(),
            values,
            label: "accuracy".into(),
            kind: Kind::Linear,
            height: crate::report::draw::HEIGHT,
            line: Vec::new(),
        }
    }

    /// Accuracy over the learning rate, where a study tried more than one.
    fn learning_rates(&self) -> Section {
        let mut section = Section::new("Learning rates");
        let curve = |arm: &String| {
            let runs = || self.record.runs.iter().filter(|run| run.arm == *arm);
            let mut rates: Vec<f64> = runs().map(|run| run.learning_rate).collect();
            rates.sort_by(f64::total_cmp);
            rates.dedup();
            let at = |&rate: &f64| {
                let here = runs().filter(|run| run.learning_rate == rate && run.outcome == Outcome::Finished);
                interval(rate, &here.filter_map(|run| run.test_accuracy).collect::<Vec<_>>())
            };
            Series::new(arm.clone(), self.style(arm), Shape::Marked, rates.iter().map(at).collect())
        };
        let series: Vec<Series> = self.record.arms.iter().map(curve).collect();
        if series.iter().any(|series| series.points.len() > 1) {
            section.chart(Chart {
                title: "Test accuracy at the end, by learning rate".into(),
                about: "The mean over seeds with its 95 % interval, of the runs that did not diverge.".into(),
                x: Axis::log("learning rate"),
                y: Axis::linear("accuracy"),
                series,
                rules: Vec::new(),
            });
        }
        section
    }

    /// What each arm's start does to the signal: layer by layer in the first recorded step of its first run.
    fn starts(&self, point: &[String]) -> Result<Section, RecordError> {
        let mut section = Section::new("At the first step");
        let mut charts = [
            ("Standard deviation of the activations by layer", "act_std", Vec::new()),
            ("Standard deviation of the gradients by layer", "grad_std", Vec::new()),
        ];
        for arm in &self.record.arms {
            let Some(run) = self.runs(arm, point).next() else { continue };
            let layers = RunRecords::read(&self.dir.join(&run.dir), &WANTED)?.layers;
            for (_, column, series) in &mut charts {
                let column = WANTED.iter().position(|name| name == column).expect("both are wanted");
                let first = |layer: &crate::record::read::LayerColumns| layer.train.values[column].first().copied();
                let points = layers
                    .iter()
                    .enumerate()
                    .filter_map(|(i, layer)| Some(Point::new((i + 1) as f64, f64::from(first(layer)?))));
                series.push(Series::new(arm.clone(), self.style(arm), Shape::Marked, points.collect()));
            }
        }
        for (title, _, mut series) in charts {
            series.retain(|series| !series.points.is_empty());
            section.chart(Chart {
                title: title.into(),
                about: "Over the first training batch of each arm's first seed, before anything was learnt.".into(),
                x: Axis { whole: true, ..Axis::linear("layer") },
                y: Axis::log("standard deviation"),
                series,
                rules: Vec::new(),
            });
        }
        Ok(section)
    }

    fn origin(&self) -> Section {
        let mut section = Section::new("How it was made");
        let StudyRecord { command, version, data, seeds, .. } = self.record;
        let seeds: Vec<String> = seeds.iter().map(u64::to_string).collect();
        section.blocks.push(Block::Facts(vec![
            ("command".into(), command.clone()),
            (
                "data".into(),
                format!("{}, {} training and {} test images", data.name, data.train_images, data.test_images),
            ),
            ("SHA-256 of the data".into(), data.sha256.clone()),
            ("seeds".into(), seeds.join(", ")),
            ("initlab".into(), version.clone()),
        ]));
        let config = |arm: &str| {
            let run = self.record.runs.iter().find(|run| run.arm == arm)?;
            std::fs::read_to_string(self.dir.join(&run.dir).join("config.toml")).ok()
        };
        let Some(base) = config(&self.record.baseline) else { return section };
        section.text(format!("The config of {}'s first run:", self.record.baseline));
        for arm in self.record.arms.iter().filter(|arm| **arm != self.record.baseline) {
            if let Some(own) = config(arm) {
                let lines = own.lines().filter(|line| !line.is_empty() && !base.lines().any(|l| l == *line));
                let differing: Vec<&str> = lines.collect();
                section.blocks.push(Block::Text(format!("{arm} differs in: {}", differing.join("; "))));
            }
        }
        // The config itself stands between its announcement and the differences.
        let at = section.blocks.iter().position(|block| matches!(block, Block::Text(_))).map_or(0, |at| at + 1);
        section.blocks.insert(at, Block::Code(base));
        section
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

/// An axis' values as numbers, if all are.
fn axis_numbers(values: &[String]) -> Option<Vec<f64>> {
    values.iter().map(|value| value.trim_matches('"').parse().ok()).collect()
}

/// Values that span more than a factor of twenty are read on a logarithmic axis.
fn spread_of(values: &[f64]) -> Kind {
    let [low, high] = values.iter().fold([f64::INFINITY, 0.0f64], |[a, b], &x| [a.min(x), b.max(x)]);
    if low > 0.0 && high / low > 20.0 { Kind::Log } else { Kind::Linear }
}
