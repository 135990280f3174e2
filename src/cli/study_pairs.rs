//! Every arm against every other in a terminal of 80 columns.

use crate::cli::model::trimmed;
use crate::config::error::folded;
use crate::numerals::factor;
use crate::report::text::{shorten, visible};
use crate::study::comparison::{Bound, Difference, TargetComparison, Verdict, leaning_text};
use crate::study::record::{PairRecord, StudyRecord};
use crate::study::sentence::told;

/// Characters of a name.
const NAME: usize = 14;

/// Two tables for each point of the grid; empty where pairs were not asked for.
pub(crate) fn text(record: &StudyRecord) -> String {
    if record.pairs.is_empty() {
        return String::new();
    }
    let target = record.targets.first().map_or_else(String::new, |target| target.text());
    let mut text = format!("\n{}\n", folded(&note(&record.pairs), 2));
    for point in record.points() {
        let pairs: Vec<&PairRecord> = record.pairs.iter().filter(|pair| pair.comparison.point == point).collect();
        let place = place(record, point);
        let time = table("× other", &pairs, |pair| time(pair.comparison.targets.first()));
        let accuracy = table("points", &pairs, |pair| accuracy(pair.comparison.test_accuracy.as_ref()));
        text += &format!("\n{place}every pair, steps to {target}\n{time}");
        text += &format!("\n{place}every pair, test accuracy at the end\n{accuracy}");
    }
    text
}

/// The reason why a pair may be judged otherwise here than above.
fn note(pairs: &[PairRecord]) -> String {
    let tests = pairs.iter().filter_map(|pair| pair.comparison.targets.first()?.ratio).map(|ratio| ratio.tests).max();
    let of = tests.map_or_else(String::new, |tests| format!(" of {tests} pairs"));
    format!(
        "p-values of pairs are corrected over all{of}, so that a verdict may be weaker here than against the baseline alone"
    )
}

/// `depth = 5, `; nothing without a grid.
fn place(record: &StudyRecord, point: &[String]) -> String {
    let axes = record.axes.iter().zip(point).map(|(axis, value)| format!("{} = {value}, ", axis.name));
    visible(&axes.collect::<String>())
}

/// The value, its 95 % interval, and the verdict of each pair.
fn table(value: &str, pairs: &[&PairRecord], cells: impl Fn(&PairRecord) -> [String; 3]) -> String {
    let mut table = comfy_table::Table::new();
    table.load_style(comfy_table::presets::NOTHING);
    table.set_content_arrangement(comfy_table::ContentArrangement::Dynamic).set_width(80);
    table.set_header(["arm", "against", value, "95 % interval", "verdict"]);
    for pair in pairs {
        let names = [&*pair.comparison.arm, &*pair.against].map(|name| visible(&shorten(name, NAME)));
        table.add_row(names.into_iter().chain(cells(pair)));
    }
    table.column_iter_mut().for_each(|column| {
        column.set_padding((0, 1));
    });
    for column in 2..4 {
        table.column_mut(column).expect("the header has them").set_cell_alignment(comfy_table::CellAlignment::Right);
    }
    format!("{}\n", trimmed(&table))
}

fn time(at: Option<&TargetComparison>) -> [String; 3] {
    let verdict = at.map_or_else(|| Verdict::TooFewSeeds.text().into(), |at| leaning_text(at.verdict, at.leaning));
    let Some(ratio) = at.and_then(told) else { return ["–".into(), String::new(), verdict] };
    let interval = match ratio.bound {
        Bound::None => format!("{} … {}", factor(ratio.interval[0]), factor(ratio.interval[1])),
        Bound::AtMost | Bound::AtLeast | Bound::Unknown => String::new(),
    };
    [format!("{}{}", ratio.bound.sign(), factor(ratio.ratio)), interval, verdict]
}

fn accuracy(difference: Option<&Difference>) -> [String; 3] {
    let Some(found) = difference else { return ["–".into(), String::new(), Verdict::TooFewSeeds.text().into()] };
    let [low, high] = found.interval.map(|end| format!("{:+.2}", 100.0 * end));
    let verdict = found.judged.map_or_else(String::new, |judged| leaning_text(judged.verdict, judged.leaning));
    [format!("{:+.2}", 100.0 * found.mean), format!("{low} … {high}"), verdict]
}
