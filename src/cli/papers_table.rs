//! The report of `initlab papers` for a terminal of 80 columns.

use super::theory_rows::wrapped;
use crate::numerals::torch_decimals;
use crate::papers::figure::{Claim, Figure, Measured};
use crate::papers::{Item, Replayed, Report};

/// How the ranges are found.
pub(crate) const RANGES: &str = "A share's range is Wilson's interval of its probability, a sample's is where one further seed falls, both at \
     99.9 % (from 1999 seeds on order statistics, with fewer Student's t, accuracies on their log-odds). Inside is a printed or exact \
     number in that range, a range wholly on the claimed side of a bound, a number between two bounds in every seed, a test that does \
     not reject at 0.1 %, or one that does where the law is known to fail. Figures without a claim have no verdict.";

/// The table, grouped by item, and the count.
pub(crate) fn text(report: &Report) -> String {
    let mut text = String::new();
    for replayed in &report.items {
        let item = Item::of(&replayed.name).expect("a report has known items");
        text += &format!("{}: {}\n{}\n", item.name, verdict(replayed), wrapped(item.paper, "  "));
        text += &format!("  {:<24}{:>10}{:>10}{:>22}\n", "", "expected", "ours", "99.9 % range");
        for figure in &replayed.figures {
            text += &line(figure);
        }
        for note in [item.differs, item.note].into_iter().filter(|note| !note.is_empty()) {
            text += &format!("{}\n", wrapped(note, "  "));
        }
        text.push('\n');
    }
    text + &format!("{}\n{}\n", wrapped(RANGES, ""), wrapped(&summary(report), ""))
}

/// `inside`, or `outside` with the figures that are.
pub(crate) fn verdict(replayed: &Replayed) -> String {
    let outside = replayed.outside();
    if outside.is_empty() { "inside".into() } else { format!("outside ({})", outside.join("; ")) }
}

fn line(figure: &Figure) -> String {
    let Cells { expected, ours, range, verdict } = Cells::of(figure);
    let name = wrapped(&figure.name, "  ");
    format!("{name}\n")
        + format!("  {:<24}{expected:>10}{ours:>10}{range:>22} {verdict}", counted(figure)).trim_end()
        + "\n"
}

/// How many seeds or cases there are.
pub(crate) fn counted(figure: &Figure) -> String {
    let n = figure.draws();
    let what = match figure.measured {
        Measured::Share { hits, of } => return format!("{hits} of {of}"),
        Measured::PValue { .. } => "values",
        Measured::Sample { .. } | Measured::Accuracy { .. } if n == 1 => "seed",
        Measured::Sample { .. } | Measured::Accuracy { .. } => "seeds",
    };
    match figure.failed() {
        0 => format!("{n} {what}"),
        failed => format!("{n} {what}, {failed} failed"),
    }
}

/// A figure's numbers as text.
pub(crate) struct Cells {
    /// The printed number, theory's, or the claim.
    pub(crate) expected: String,
    /// Ours.
    pub(crate) ours: String,
    /// The range.
    pub(crate) range: String,
    /// `inside`, `outside`, or nothing.
    pub(crate) verdict: &'static str,
}

impl Cells {
    pub(crate) fn of(figure: &Figure) -> Self {
        let expected = match (figure.claim, figure.published.or(figure.theory)) {
            (Claim::Below { bound }, _) => format!("< {}", torch_decimals(bound)),
            (Claim::Above { bound }, _) => format!("> {}", torch_decimals(bound)),
            (Claim::Each { low, high }, _) => format!("{} … {}", torch_decimals(low), torch_decimals(high)),
            (Claim::Rejected, _) => "< 0.001".into(),
            (_, Some(number)) => torch_decimals(number),
            (Claim::Agrees, None) => "> 0.001".into(),
            (Claim::Shown, None) => String::new(),
        };
        let verdict = match figure.inside() {
            None => "",
            Some(true) => "inside",
            Some(false) => "outside",
        };
        let ours = figure.ours();
        let ours = if ours.is_nan() { "none".into() } else { torch_decimals(ours) };
        let written = |(low, high)| format!("{} … {}", torch_decimals(low), torch_decimals(high));
        Self { expected, ours, range: figure.range().map_or_else(String::new, written), verdict }
    }
}

/// One line that counts.
pub(crate) fn summary(report: &Report) -> String {
    let (all, outside) = (report.items.len(), report.outside());
    let mut text = format!("{all} items: {} inside, {} outside", all - outside.len(), outside.len());
    if !outside.is_empty() {
        text += &format!(" ({})", outside.join(", "));
    }
    let not_run: Vec<&str> = crate::papers::ITEMS
        .iter()
        .map(|item| item.name)
        .filter(|name| report.items.iter().all(|replayed| replayed.name != *name))
        .collect();
    if !not_run.is_empty() {
        text += &format!("; not run: {} (add --train)", not_run.join(", "));
    }
    text
}
