//! The report of `initlab lesson8` for a terminal of 80 columns.

use super::theory_rows::wrapped;
use crate::lesson::verdict::{Range, Row};
use crate::lesson::{Outcome, Report};
use crate::numerals::torch_decimals;

/// The table, grouped by notebook, and what a range is.
pub(crate) fn text(report: &Report) -> String {
    let mut text = String::new();
    let mut notebook = "";
    for outcome in report.results.iter().filter(|outcome| outcome.replayed()) {
        if outcome.notebook != notebook {
            notebook = &outcome.notebook;
            let gap = if text.is_empty() { "" } else { "\n" };
            text += &format!("{gap}{:<31}{:>10}{:>10}{:>22}\n", notebook, "lesson", "ours", "99.9 % range");
        }
        text += &lines(outcome);
    }
    text + &format!("\n{}\n", wrapped(RANGES, ""))
}

/// How the ranges are found.
pub(crate) const RANGES: &str = "The range is where one further draw falls with a probability of 99.9 %: from 1999 seeds on between the smallest \
     and the largest (order statistics, for any distribution); with fewer by Student's t, which is exact for normal \
     draws only, on the logarithms of sizes and the log-odds of accuracies. Theory takes inputs that are independent \
     and N(0, 1), and wide layers. Of training the single runs are listed too: from so few, and where some are stuck, a \
     range is wide, and being inside it says little.";

fn lines(outcome: &Outcome) -> String {
    let mut text = String::new();
    let mut sample = String::new();
    for row in &outcome.numbers {
        let now = drawn(row);
        if now != sample {
            text += &format!("{}: {now}\n", outcome.id);
            sample = now;
        }
        text += &line(row);
    }
    outcome.note.map_or(text.clone(), |note| text + &format!("{}\n", wrapped(note, "    ")))
}

/// How many draws there are.
pub(crate) fn drawn(row: &Row) -> String {
    match (row.range, row.values.len()) {
        (Range::Float32, _) => "exact".into(),
        (_, 0) if row.draws == 1 => "1 seed".into(),
        (_, 0) => format!("{} seeds", row.draws + row.diverged),
        (_, runs) => format!("{runs} runs"),
    }
}

fn line(row: &Row) -> String {
    let Numbers { lesson, median, low, high, theory } = Numbers::of(row);
    let verdict = if row.inside { "inside" } else { "outside" };
    let mut line = format!("  {:<19}{lesson:>10}{median:>10}{low:>10} …{high:>9}{theory:>9}  {verdict}\n", row.name);
    if !row.values.is_empty() {
        line += &format!("{}\n", wrapped(&runs(row), "    "));
    }
    line
}

/// The values of training runs in order, and how many failed.
pub(crate) fn runs(row: &Row) -> String {
    let values = crate::inference::spread::sorted(&row.values);
    let values: Vec<_> = values.iter().filter(|x| x.is_finite()).map(|x| format!("{x:.4}")).collect();
    let mut text = format!("runs: {}; the lesson's is above {}", values.join(" "), row.below);
    let stuck = row.stuck();
    if stuck > 0 {
        text += &format!("; {stuck} stuck at chance");
    }
    if row.diverged > 0 {
        text += &format!("; {} diverged and in no range", row.diverged);
    }
    text
}

/// A row's numbers as text.
pub(crate) struct Numbers {
    pub(crate) lesson: String,
    pub(crate) median: String,
    pub(crate) low: String,
    pub(crate) high: String,
    pub(crate) theory: String,
}

impl Numbers {
    pub(crate) fn of(row: &Row) -> Self {
        let whole = row.lesson.fract() == 0.0 && row.median.fract() == 0.0;
        let written = |x: f64| if whole && x.fract() == 0.0 { format!("{x:.0}") } else { torch_decimals(x) };
        let bound = match (row.range, row.median < row.lesson) {
            (Range::Bound, true) => "< ",
            (Range::Bound, false) => "> ",
            _ => "",
        };
        Self {
            lesson: format!("{bound}{}", written(row.lesson)),
            median: written(row.median),
            low: written(row.low),
            high: written(row.high),
            theory: row.theory.map_or_else(String::new, written),
        }
    }
}

/// One line that counts.
pub(crate) fn summary(report: &Report) -> String {
    let (outside, not_run) = (report.outside(), report.not_run());
    let mut text = format!("{} results: {} inside, {} outside", report.results.len(), report.inside(), outside.len());
    if !outside.is_empty() {
        text += &format!(" ({})", outside.join(", "));
    }
    if !not_run.is_empty() {
        text += &format!(", {} not run: add --train", not_run.len());
    }
    format!("{}\n", wrapped(&text, ""))
}
