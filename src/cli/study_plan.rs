//! The plan that `compare --dry-run` prints: the runs, their time, their disk.

use std::path::Path;

use crate::config::error::folded;
use crate::report::text::visible;
use crate::study::Study;
use crate::study::check::remarks;
use crate::study::estimate::{Early, Estimate};
use crate::train::memory;

/// Names of runs that are listed; of the others only their number is told.
const LISTED: usize = 20;

/// The plan in lines of text.
pub fn text(study: &Study, plan: &Estimate, memory: u64, dir: &Path) -> String {
    let mut lines =
        vec![format!("{}: {} runs in {}", visible(&study.name), plan.runs + plan.tuning_runs, dir.display())];
    let product = [(plan.arms, "arms"), (plan.points, "grid points"), (plan.seeds, "seeds")];
    lines.push(format!("  {}", product.map(|(n, what)| format!("{n} {what}")).join(" × ")));
    if plan.tuning_runs > 0 {
        lines.push(format!("  {} of them look for learning rates; best ones at an edge add more", plan.tuning_runs));
    }
    lines.extend(remarks(study).iter().map(|remark| folded(&visible(&format!("  {remark}")), 4)));
    lines.push(format!("{} still to be made:", plan.missing.len()));
    lines.extend(plan.missing.iter().take(LISTED).map(|name| format!("  {name}")));
    if plan.missing.len() > LISTED {
        lines.push(format!("  and {} more", plan.missing.len() - LISTED));
    }
    if !plan.missing.is_empty() {
        let side = if plan.threads == 1 { "one at a time".into() } else { format!("{} side by side", plan.threads) };
        let (time, disk) = (duration(plan.seconds), size(plan.bytes));
        let (time, disk) = match &plan.early {
            None => (format!("about {time}"), disk),
            Some(early) => (format!("{} to {time}", duration(early.least)), format!("up to {disk}")),
        };
        lines.push(format!("{time} with {side}, {disk} on disk, {} of memory", memory::size(memory)));
        lines.extend(plan.early.iter().flat_map(|early| range(plan.seconds, early)));
    }
    lines.join("\n") + "\n"
}

/// Lines that say what each end of the range rests on.
fn range(longest: f64, early: &Early) -> Vec<String> {
    let Early { runs, least, as_before } = early;
    let mut lines = vec![
        format!("  {} if no run reaches the target accuracy at which it ends", duration(longest)),
        format!("  {} if all that have one ({runs}) reach it at the first evaluation", duration(*least)),
    ];
    lines.extend(as_before.iter().map(|(there, seconds)| {
        format!("  about {} if they end as early as the {there} that are there", duration(*seconds))
    }));
    lines
}

fn duration(seconds: f64) -> String {
    match seconds {
        s if s < 90.0 => format!("{:.0} s", s.ceil()),
        s if s < 5400.0 => format!("{:.0} min", (s / 60.0).ceil()),
        s => format!("{:.1} h", s / 3600.0),
    }
}

fn size(bytes: f64) -> String {
    if bytes < 1e6 { format!("{:.0} kB", (bytes / 1e3).ceil()) } else { format!("{:.0} MB", (bytes / 1e6).ceil()) }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn times_and_sizes_are_rounded_up() {
        assert_eq!([0.2, 89.0, 91.0, 5400.0].map(duration), ["1 s", "89 s", "2 min", "1.5 h"]);
        assert_eq!([10.0, 2.1e6].map(size), ["1 kB", "3 MB"]);
    }
}
