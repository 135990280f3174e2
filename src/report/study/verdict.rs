//! Results arm by arm: the study's verdicts about the time to its target, and about accuracy and loss at the end.

use crate::numerals::{factor, number};
use crate::report::page::{Block, Section, Table};
use crate::report::study::{POINTS, Study, point_name};
use crate::study::batches::remark;
use crate::study::comparison::{
    Ahead, ArmSummary, Bound, Comparison, Difference, Ratio, SeedsNeeded, Spread, TargetComparison, TargetSummary,
    leaning_text,
};
use crate::study::power;
use crate::study::record::{PairRecord, StudyRecord};
use crate::study::sentence::told;

/// When something is said of a difference.
const RULE: &str = "A difference is named where p < 0.01 after Holm's correction over the arms of a point, for each column of verdicts \
    apart. No difference is seen where the 95 % interval holds none and lies within what does not matter: a factor of 1.25 in time, a \
    quarter of the smaller error rate (up to 1 point) in accuracy, a tenth (up to 0.05) in loss. What is not established leans to a \
    side where p < 0.05 alone, or the interval leaves none out. P(sooner) and P(more accurate): how likely a run of the arm is ahead of \
    one of the baseline with any seed, equal runs counting half, with 95 % intervals.";

/// A cell of what is not there.
fn dash() -> String {
    "–".into()
}

impl Study<'_> {
    pub(super) fn verdicts(&self, points: &[Vec<String>]) -> Section {
        let mut section = Section::new("Verdict");
        if self.record.runs.is_empty() {
            section.text("No run of this study has ended yet.");
        }
        if let Some(remark) = remark(self.record.runs.iter().map(|run| (run.point.as_slice(), run.batch_size))) {
            section.text(remark);
        }
        if !self.record.comparisons.is_empty() {
            section.text(RULE);
        }
        let few = points.len() <= POINTS;
        for part in parts(points) {
            section.blocks.extend(tables_of(self.record, part).into_iter().map(Block::Table));
            // A study with a large grid would say the same thing many times.
            if few {
                self.sentences(&part[0]).for_each(|sentence| section.text(sentence));
            }
        }
        for failure in &self.record.failures {
            section.text(format!("{} could not be carried out: {}", failure.dir, failure.error));
        }
        section
    }

    /// Every arm against every other, where that was asked for.
    pub(super) fn pairs(&self) -> Section {
        let mut section = Section::new("Every pair");
        let tables = pair_tables(self.record);
        if !tables.is_empty() {
            section.text("Each pair of arms once; p-values are corrected over all pairs of a point.");
        }
        section.blocks.extend(tables.into_iter().map(Block::Table));
        section
    }

    /// How many seeds would show a factor in the time to the target, where that was asked for.
    pub(super) fn seeds_needed(&self) -> Section {
        let factor = self.record.seeds_needed.first().map_or(f64::NAN, |needed| needed.factor);
        let mut section = Section::new(format!("Seeds for a factor of {}", number(factor)));
        if let Some(table) = seeds_table(self.record) {
            section.text(
                "The fewest seeds with which the verdict about the time to the first target would name a factor of this size in 80 or 90 of \
                 100 studies, if the logarithms of the pairs' ratios have the deviation that they have here; at the ends of that deviation's \
                 95 % interval for 80. Without a spread (–) not all runs reach the target.",
            );
            section.blocks.push(Block::Table(table));
        }
        section
    }

    /// Sentences about each arm at a point, in the order of the table: the verdicts before what a mean hides.
    fn sentences<'a>(&'a self, point: &'a [String]) -> impl Iterator<Item = String> + 'a {
        let of_arm = |row: &'a ArmSummary| {
            let found = self.record.comparison(&row.arm, &row.point).into_iter();
            found.flat_map(|comparison| [&comparison.text, &comparison.at_end]).chain(&row.remarks)
        };
        let all = self.record.soonest_first(point).into_iter().flat_map(of_arm);
        all.filter(|text| !text.is_empty()).cloned()
    }
}

/// Seeds that would show the factor that was asked for, arm by arm.
fn seeds_table(record: &StudyRecord) -> Option<Table> {
    record.seeds_needed.first()?;
    let axes = record.axes.iter().map(|axis| axis.name.clone());
    let head = ["pairs", "ratios vary by", "seeds for 80 %", "at the ends of the interval", "seeds for 90 %"]
        .map(String::from);
    let row = |needed: &SeedsNeeded| {
        let first =
            std::iter::once(needed.arm.clone()).chain(needed.point.iter().cloned()).chain([needed.pairs.to_string()]);
        first.chain(power::cells(needed).unwrap_or_else(|| [(); 4].map(|()| dash()))).collect()
    };
    Some(Table {
        caption: "seeds with which the factor is seen".into(),
        head: std::iter::once("arm".into()).chain(axes).chain(head).collect(),
        rows: record.seeds_needed.iter().map(row).collect(),
    })
}

/// The points that share tables: each has its own, or all of a large grid have theirs together.
fn parts(points: &[Vec<String>]) -> std::slice::Chunks<'_, Vec<String>> {
    points.chunks(if points.len() <= POINTS { 1 } else { points.len() })
}

/// The tables of the page, for whoever shows them elsewhere: the verdicts point by point, and every pair where that was asked for.
pub fn tables(record: &StudyRecord) -> Vec<Table> {
    let points: Vec<Vec<String>> = record.points().into_iter().map(<[String]>::to_vec).collect();
    let verdicts = parts(&points).flat_map(|part| tables_of(record, part));
    verdicts.chain(pair_tables(record)).chain(seeds_table(record)).collect()
}

/// The verdicts at these points, with a column for each axis of the grid if there is more than one.
fn tables_of(record: &StudyRecord, points: &[Vec<String>]) -> [Table; 2] {
    let places = points.len() > 1;
    let place = if places { String::new() } else { point_name(&record.axes, &points[0]) };
    [
        table(record, points, places, caption(&place, "the time to the target"), &TIME, time_row),
        table(record, points, places, caption(&place, "at the end"), &END, end_row),
    ]
}

/// A row for each arm at these points, the soonest first; with `places` also a column for each axis of the grid.
fn table(
    record: &StudyRecord,
    points: &[Vec<String>],
    places: bool,
    caption: String,
    head: &[&str],
    row: Row,
) -> Table {
    let axes = record.axes.iter().filter(|_| places).map(|axis| axis.name.clone());
    let head = std::iter::once("arm".into()).chain(axes).chain(head.iter().map(|name| (*name).to_string())).collect();
    let cells = |summary: &ArmSummary| {
        let first = std::iter::once(summary.arm.clone()).chain(summary.point.iter().filter(|_| places).cloned());
        let others = if summary.arm == record.baseline { "baseline".into() } else { dash() };
        first.chain(row(summary, record.comparison(&summary.arm, &summary.point), others)).collect()
    };
    without_constant_rate(Table {
        caption,
        head,
        rows: points.iter().flat_map(|point| record.soonest_first(point)).map(cells).collect(),
    })
}

/// Takes off the column of learning rates where all arms have the same: wide tables do not fit beside each other.
fn without_constant_rate(mut table: Table) -> Table {
    let Some(column) = table.head.iter().position(|name| name == RATE) else { return table };
    let constant = table.rows.windows(2).all(|rows| rows[0][column] == rows[1][column]);
    if constant && table.rows.len() > 1 {
        table.head.remove(column);
        table.rows.iter_mut().for_each(|row| drop(row.remove(column)));
    }
    table
}

/// Every pair at every point: the time to the target, and accuracy at the end.
fn pair_tables(record: &StudyRecord) -> Vec<Table> {
    if record.pairs.is_empty() {
        return Vec::new();
    }
    let axes = record.axes.iter().map(|axis| axis.name.clone());
    let first: Vec<String> = ["arm".into(), "against".into()].into_iter().chain(axes).collect();
    let table = |caption: &str, head: &[&str], cells: fn(&Comparison) -> Vec<String>| {
        let row = |pair: &PairRecord| {
            let names = [pair.comparison.arm.clone(), pair.against.clone()];
            let point = pair.comparison.point.iter().cloned();
            names.into_iter().chain(point).chain(cells(&pair.comparison)).collect()
        };
        let head = first.iter().cloned().chain(head.iter().map(|name| (*name).to_string())).collect();
        Table { caption: caption.into(), head, rows: record.pairs.iter().map(row).collect() }
    };
    vec![
        table(
            "every pair, with p corrected over all of them: the time to the target",
            &["verdict", "time, × other", "p alone", "p (Holm)"],
            |comparison| {
                let at = comparison.targets.first();
                let verdict = at.map_or_else(dash, |at| leaning_text(at.verdict, at.leaning));
                std::iter::once(verdict).chain(ratio_cells(at)).collect()
            },
        ),
        table(
            "every pair, with p corrected over all of them: accuracy at the end",
            &["verdict", "difference, points", "p (Holm)"],
            |comparison| judged(comparison.test_accuracy.as_ref(), 100.0, 2, "–").into(),
        ),
    ]
}

fn caption(place: &str, what: &str) -> String {
    if place.is_empty() { what.into() } else { format!("{place}: {what}") }
}

/// The cells of an arm after its name and place; the text stands for the verdict of an arm that is not compared.
type Row = fn(&ArmSummary, Option<&Comparison>, String) -> Vec<String>;

const RATE: &str = "learning rate";
const TIME: [&str; 9] =
    ["verdict", "reached", "median steps", "time, × baseline", "p alone", "p (Holm)", "P(sooner)", "diverged", RATE];

fn time_row(summary: &ArmSummary, comparison: Option<&Comparison>, others: String) -> Vec<String> {
    let target = summary.targets.first();
    let at = comparison.and_then(|comparison| comparison.targets.first());
    let first = [
        at.map_or(others, |at| leaning_text(at.verdict, at.leaning)),
        target.map_or_else(dash, |target| reached(summary, target)),
        target.and_then(|target| target.median_steps).map_or_else(dash, number),
    ];
    let last = [
        if summary.diverged > 0 { format!("{} of {}", summary.diverged, summary.runs) } else { "0".into() },
        number(summary.learning_rate),
    ];
    let sooner = ahead(at.and_then(|at| at.sooner));
    first.into_iter().chain(ratio_cells(at)).chain([sooner]).chain(last).collect()
}

/// How likely a run of the arm is ahead of one of the baseline, with the interval.
fn ahead(found: Option<Ahead>) -> String {
    found.map_or_else(dash, |Ahead { probability, interval: [low, high], .. }| {
        format!("{probability:.2} ({low:.2} … {high:.2})")
    })
}

/// The ratio with its interval, and its p-values.
fn ratio_cells(at: Option<&TargetComparison>) -> [String; 3] {
    let ratio = at.and_then(|at| at.ratio).filter(Ratio::is_tested);
    [
        at.and_then(told).map_or_else(dash, |r| match r.bound {
            Bound::None => format!("{} ({} … {})", factor(r.ratio), factor(r.interval[0]), factor(r.interval[1])),
            // A bound says nothing about the far side.
            Bound::AtMost | Bound::AtLeast | Bound::Unknown => format!("{}{}", r.bound.words(), factor(r.ratio)),
        }),
        ratio.map_or_else(dash, |r| number(r.p_value)),
        ratio.map_or_else(dash, |r| number(r.p_holm)),
    ]
}

fn reached(summary: &ArmSummary, target: &TargetSummary) -> String {
    let lost = if target.lost > 0 { format!(", {} lost it again", target.lost) } else { String::new() };
    format!("{} of {}{lost}", target.reached, summary.runs)
}

const END: [&str; 10] = [
    "accuracy",
    "median (quartiles)",
    "verdict on accuracy",
    "difference, points",
    "p (Holm)",
    "P(more accurate)",
    "verdict on test loss",
    "difference",
    "p (Holm)",
    "mean training loss",
];

fn end_row(summary: &ArmSummary, comparison: Option<&Comparison>, others: String) -> Vec<String> {
    let accuracy = comparison.and_then(|comparison| comparison.test_accuracy);
    let loss = comparison.and_then(|comparison| comparison.test_loss);
    let mut row = vec![
        summary.test_accuracy.map_or_else(dash, |spread| format!("{} %", with_deviation(&spread, 100.0))),
        summary.test_accuracy.as_ref().and_then(middle).unwrap_or_else(dash),
    ];
    row.extend(judged(accuracy.as_ref(), 100.0, 2, &others));
    row.push(ahead(comparison.and_then(|comparison| comparison.more_accurate)));
    row.extend(judged(loss.as_ref(), 1.0, 3, &others));
    row.push(summary.mean_loss.map_or_else(dash, |spread| with_deviation(&spread, 1.0)));
    row
}

/// The median and the quartiles, which mean and deviation hide where some runs learn and others do not.
fn middle(spread: &Spread) -> Option<String> {
    let median = 100.0 * spread.median?;
    let quartiles = spread.quartiles.map(|ends| ends.map(|end| 100.0 * end));
    let quartiles = quartiles.map_or_else(String::new, |[low, high]| format!(" ({low:.2} … {high:.2})"));
    Some(format!("{median:.2} %{quartiles}"))
}

fn with_deviation(spread: &Spread, scale: f64) -> String {
    let deviation = spread.std.map_or_else(String::new, |std| format!(" ± {:.2}", scale * std));
    format!("{:.2}{deviation}", scale * spread.mean)
}

/// Verdict, difference with its interval, and corrected p-value.
fn judged(difference: Option<&Difference>, scale: f64, digits: usize, others: &str) -> [String; 3] {
    let Some(found) = difference else { return [others.into(), dash(), dash()] };
    let [mean, low, high] =
        [found.mean, found.interval[0], found.interval[1]].map(|x| format!("{:+.digits$}", scale * x));
    [
        found.judged.map_or_else(dash, |judged| leaning_text(judged.verdict, judged.leaning)),
        format!("{mean} ({low} … {high})"),
        found.judged.map_or_else(dash, |judged| number(judged.p_holm)),
    ]
}
