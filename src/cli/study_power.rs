//! Seeds that the arms of a study need, in a terminal of 80 columns.

use crate::cli::model::trimmed;
use crate::config::error::folded;
use crate::numerals::number;
use crate::report::text::{shorten, visible};
use crate::study::comparison::SeedsNeeded;
use crate::study::power;
use crate::study::record::StudyRecord;

/// Characters of a name.
const NAME: usize = 24;

/// The factor of a call: a number above 1.
///
/// # Errors
/// The text is no such number.
pub(crate) fn factor(text: &str) -> Result<f64, String> {
    let factor = text.parse::<f64>().ok().filter(|factor| factor.is_finite() && *factor > 1.0);
    factor.ok_or_else(|| "expected a factor above 1, such as --power=1.5".into())
}

/// A table; empty where it was not asked for.
pub(crate) fn text(record: &StudyRecord) -> String {
    let Some(first) = record.seeds_needed.first() else { return String::new() };
    let target = record.targets.first().map_or_else(String::new, |target| target.text());
    let about = format!(
        "seeds that would show a factor of {} in the steps to {target} (p < {} for each arm), with the deviation that its ratios have \
         here; in brackets for 80 % at the ends of its 95 % interval",
        number(first.factor),
        number(first.level)
    );
    let mut table = comfy_table::Table::new();
    table.load_style(comfy_table::presets::NOTHING);
    table.set_header(["arm", "n", "ratios vary by", "80 % of studies", "90 %"]);
    for needed in &record.seeds_needed {
        table.add_row(row(needed));
    }
    table.column_iter_mut().for_each(|column| {
        column.set_padding((0, 1));
    });
    for column in 1..5 {
        table.column_mut(column).expect("the header has them").set_cell_alignment(comfy_table::CellAlignment::Right);
    }
    let censored = record.seeds_needed.iter().any(|needed| needed.deviation.is_none());
    let note = if censored {
        "–: not all runs reach the target, so there is no spread to count on; take a target that they reach\n"
    } else {
        ""
    };
    format!("\n{}\n{}\n{}", folded(&visible(&about), 2), trimmed(&table), folded(note, 2))
}

fn row(needed: &SeedsNeeded) -> [String; 5] {
    let name = format!("{} {}", needed.arm, needed.point.join(" "));
    let [varies, fewer, more] = power::cells(needed).map_or_else(
        || [(); 3].map(|()| String::from("–")),
        |[varies, fewer, ends, more]| [varies, format!("{fewer} ({ends})"), more],
    );
    [visible(&shorten(name.trim_end(), NAME)), needed.pairs.to_string(), varies, fewer, more]
}
