//! `initlab lr-find`: the range test of a config's learning rate, as a curve.

use std::path::PathBuf;
use std::sync::atomic::AtomicBool;

use anyhow::Result;
use clap::Args;

use crate::cli::UsageError;
use crate::cli::device::host;
use crate::cli::experiment::ConfigArgs;
use crate::cli::findings;
use crate::cli::output::say;
use crate::cli::path::path;
use crate::config::error::folded;
use crate::numerals::number;
use crate::record::finding::Finding;
use crate::report::chart::{Axis, Chart, Rule, Series, Shape};
use crate::report::palette::Style;
use crate::report::thin::Point;
use crate::study::range_rules::{Tested, of_test};
use crate::study::range_search::{RangeSearch, sweep};
use crate::study::range_test::{Outcome, RangeTest, Suggestion, experiment};
use crate::train::engine::Compute;
use crate::train::threads::cores;
use crate::train::{Plan, TrainError};

/// Find a learning rate: short runs whose rate grows step by step, their loss as a curve, and a suggestion.
///
/// In a wide range a quick pass first looks for the rate at which everything is lost; then three runs with different batches go over the
/// decades below.
#[derive(Debug, Args)]
pub struct LrFindArgs {
    #[command(flatten)]
    config: ConfigArgs,
    /// The rate of the first step.
    #[arg(long, default_value_t = 1e-4)]
    low: f64,
    /// The rate of the last step.
    #[arg(long, default_value_t = 10.0)]
    high: f64,
    /// Steps of a run, those of the quick pass among them.
    #[arg(long, default_value_t = 300, value_parser = clap::value_parser!(u32).range(50..=100_000))]
    steps: u32,
    /// Threads; the result does not depend on it [default: one for each core].
    #[arg(long, value_parser = clap::value_parser!(u16).range(1..=1024))]
    threads: Option<u16>,
    /// Write the curve as a chart into this file, too: .svg, or .png.
    #[arg(long, value_name = "FILE", value_parser = path())]
    chart: Option<PathBuf>,
}

/// Columns and lines of the curve.
const SIZE: (usize, usize) = (66, 12);

/// Runs the test and prints its curve.
///
/// # Errors
/// The call, the config or the data.
pub fn run(args: &LrFindArgs) -> Result<()> {
    if !(args.low > 0.0 && args.low < args.high && args.high.is_finite()) {
        let message = format!("--low {} and --high {}: expected 0 < low < high", args.low, args.high);
        return Err(UsageError(message).into());
    }
    super::chart_file::check(args.chart.as_deref())?;
    let mut loaded = args.config.read()?;
    loaded.experiment = experiment(&loaded.experiment, args.low, args.high, args.steps as usize);
    let data = args.config.load_data(&loaded.experiment)?;
    let plan = loaded.plan(data)?;
    plan.batch_notice().iter().for_each(|notice| say(notice));
    let compute = host(args.threads.map_or_else(cores, usize::from));
    loaded.fits(&plan, &compute)?;
    let found = args.search(&plan, &compute)?;
    super::print(&text(&loaded.experiment.name, &found))?;
    match &args.chart {
        Some(file) => super::chart_file::write(&chart(&loaded.experiment.name, &found), file),
        None => Ok(()),
    }
}

/// The smoothed loss over the rate, with the suggestion as a line.
fn chart(name: &str, Found { search, .. }: &Found) -> Chart {
    let smoothed = search.test.smoothed();
    let points = search.test.rates.iter().zip(&smoothed).map(|(&rate, &loss)| Point::new(rate, loss)).collect();
    let rules = match search.outcome {
        Outcome::Valley(Suggestion { rate, lowest }) | Outcome::Blind(Suggestion { rate, lowest }) => vec![
            Rule { upright: true, value: rate, label: format!("suggested {rate:.2e}") },
            Rule { upright: true, value: lowest, label: format!("lowest loss {lowest:.2e}") },
        ],
        Outcome::StillFalling | Outcome::Flat(_) | Outcome::Rises | Outcome::NotFinite => Vec::new(),
    };
    Chart {
        title: format!("Learning rate range test of {name}"),
        about: "The smoothed training loss as the learning rate grows.".into(),
        x: Axis::log("learning rate"),
        y: Axis::linear("smoothed loss"),
        series: vec![Series::new("loss", Style::Category(0), Shape::Line, points)],
        rules,
    }
}

/// A test that was made, with its findings.
struct Found {
    search: RangeSearch,
    findings: Vec<Finding>,
}

impl LrFindArgs {
    fn search(&self, plan: &Plan, compute: &Compute) -> Result<Found, TrainError> {
        let stop = AtomicBool::new(false);
        let search = RangeSearch::run([self.low, self.high], self.steps as usize, |number, range, steps| {
            sweep(plan, compute, number, range, steps, &stop)
        })?;
        let findings = of_test(&Tested { test: &search.test, outcome: search.outcome, high: self.high });
        Ok(Found { search, findings })
    }
}

fn text(name: &str, found: &Found) -> String {
    let RangeSearch { lost_at, test, .. } = &found.search;
    let mut text = format!("{name}: smoothed training loss as the learning rate grows\n{}", curve(test));
    if let Some(rate) = lost_at {
        let at = number(*rate);
        let said = format!("(in a quick pass the loss was no longer finite at {at}; these are the rates below)");
        text.push_str(&format!("{}\n", folded(&said, 1)));
    }
    text + &findings::text(&found.findings)
}

/// The curve in a frame: loss upwards, the logarithm of the rate to the right.
fn curve(test: &RangeTest) -> String {
    let (columns, lines) = SIZE;
    let smoothed = test.smoothed();
    if smoothed.is_empty() {
        return String::new();
    }
    let [low, high] = smoothed.iter().fold([f64::INFINITY, 0.0], |[low, high], &loss| [loss.min(low), loss.max(high)]);
    let high = high.max(low + 1e-9);
    let mut cells = vec![vec![' '; columns]; lines];
    let last = smoothed.len().max(2) - 1;
    for (at, &loss) in smoothed.iter().enumerate() {
        let share = (loss - low) / (high - low);
        cells[((1.0 - share) * (lines - 1) as f64).round() as usize][at * (columns - 1) / last] = '•';
    }
    let mut text = String::new();
    for (line, cells) in cells.iter().enumerate() {
        let loss = high - (high - low) * line as f64 / (lines - 1) as f64;
        let points: String = cells.iter().collect();
        text.push_str(&format!("{loss:>9.3} │{}\n", points.trim_end()));
    }
    let [first, last] = [test.rates.first(), test.rates.last()].map(|rate| format!("{:.1e}", rate.unwrap_or(&0.0)));
    let gap = columns - first.len() - last.len();
    text + &format!("{:>9} └{}\n{:>11}{first}{}{last}\n", "", "─".repeat(columns), "", " ".repeat(gap))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn search(outcome: Outcome, high: f64) -> Found {
        let mut test = RangeTest::new(2.3);
        (0..300).for_each(|i| {
            test.push(10f64.powf(-4.0 + f64::from(i) / 60.0), 3.0 - f64::from(i) / 150.0);
        });
        let findings = of_test(&Tested { test: &test, outcome, high });
        Found { search: RangeSearch { lost_at: Some(3.0), test, outcome }, findings }
    }

    #[test]
    fn the_curve_fits_a_terminal_and_has_both_ends() {
        let text = text("net", &search(Outcome::StillFalling, 10.0));
        assert!(text.contains("1.0e-4") && text.contains("9.6e0") && text.matches('•').count() >= 60, "{text}");
        assert!(text.contains("no longer finite at 3;"), "{text}");
    }

    #[test]
    fn every_finding_is_a_sentence_that_fits_and_says_what_to_do() {
        let suggestion = Suggestion { rate: 0.0123, lowest: 0.05 };
        for (finding, parts) in [
            (Outcome::Valley(suggestion), ["rate 1.23e-2", "at 5.00e-2, beyond"]),
            (Outcome::StillFalling, ["still falls at 9.6e0, where the range ends", "--high 1.0e2"]),
            (Outcome::Blind(suggestion), ["rate 1.23e-2", "every image the same answer => more --steps than 300"]),
            (Outcome::Flat([2.29, 2.3456789]), ["never falls: from 1.0e-4 to 9.6e0", "2.2900 and 2.3457"]),
            (Outcome::Rises, ["rises from 1.0e-4 on", "--low"]),
            (Outcome::NotFinite, ["first loss is not finite", "initlab probe"]),
        ] {
            let text = text("net", &search(finding, 10.0));
            assert!(text.lines().all(|line| line.chars().count() <= 80), "{text}");
            let unfolded = text.split_whitespace().collect::<Vec<_>>().join(" ");
            assert!(parts.iter().all(|part| unfolded.contains(part)), "{text}");
            let suggests = matches!(finding, Outcome::Valley(_) | Outcome::Blind(_));
            assert!(suggests != text.contains("no suggestion"), "{text}");
        }
    }
}
