//! `initlab lr-find`: the range test of a config's learning rate, as a curve.

use std::sync::atomic::AtomicBool;
use std::sync::atomic::Ordering;

use anyhow::{Context, Result};
use clap::Args;

use crate::cli::UsageError;
use crate::cli::experiment::ConfigArgs;
use crate::record::run_dir::Existing;
use crate::study::range_test::{RangeTest, experiment};
use crate::train::engine::Compute;
use crate::train::{Event, Plan, train};

/// Find a learning rate: a short run whose rate grows step by step, its loss as a curve, and a suggestion.
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
    /// Steps of the test.
    #[arg(long, default_value_t = 300, value_parser = clap::value_parser!(u32).range(50..=100_000))]
    steps: u32,
    /// Threads; the result does not depend on it [default: one for each core].
    #[arg(long, value_parser = clap::value_parser!(u16).range(1..=1024))]
    threads: Option<u16>,
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
    let mut loaded = args.config.read()?;
    loaded.experiment = experiment(&loaded.experiment, args.low, args.high, args.steps as usize);
    let data = args.config.load_data(&loaded.experiment)?;
    let test = tested(&loaded.plan(data)?, args.threads)?;
    super::print(&text(&loaded.experiment.name, &test))
}

/// Trains in a directory that goes away.
fn tested(plan: &Plan, threads: Option<u16>) -> Result<RangeTest> {
    let cores = || std::thread::available_parallelism().map_or(1, std::num::NonZero::get);
    let compute = Compute::Host { threads: threads.map_or_else(cores, usize::from) };
    let dir = tempfile::tempdir().context("no temporary directory can be made; set TMPDIR to a writable one")?;
    let (enough, mut test) = (AtomicBool::new(false), RangeTest::default());
    train(plan, &compute, dir.path(), Existing::Keep, &enough, |event| {
        if let Event::Step { row, .. } = event
            && test.push(row.lr, row.loss)
        {
            enough.store(true, Ordering::Relaxed);
        }
    })?;
    Ok(test)
}

fn text(name: &str, test: &RangeTest) -> String {
    let mut text = format!("{name}: smoothed training loss as the learning rate grows\n{}", curve(test));
    match test.suggestion() {
        Some(found) => text.push_str(&format!(
            "suggested learning rate {:.2e}, where the loss falls fastest\nlowest loss at {:.2e}; beyond it training suffers\n",
            found.steepest, found.lowest
        )),
        None => text.push_str("the loss never falls: no suggestion; try another range with --low and --high\n"),
    }
    text
}

/// The curve in a frame: loss upwards, the logarithm of the rate to the right.
fn curve(test: &RangeTest) -> String {
    let (columns, lines) = SIZE;
    let finite = || test.smoothed.iter().copied().filter(|loss| loss.is_finite());
    let (low, most) = (finite().fold(f64::INFINITY, f64::min), finite().fold(0.0, f64::max));
    // What is lost at the end should not press the rest flat.
    let high = most.min(1.25 * test.smoothed.first().copied().unwrap_or(1.0)).max(low + 1e-9);
    let mut cells = vec![vec![' '; columns]; lines];
    let last = test.smoothed.len().max(2) - 1;
    for (at, &loss) in test.smoothed.iter().enumerate().filter(|(_, loss)| loss.is_finite()) {
        let share = ((loss - low) / (high - low)).clamp(0.0, 1.0);
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

    #[test]
    fn the_curve_fits_a_terminal_and_has_both_ends() {
        let mut test = RangeTest::default();
        (0..300).for_each(|i| {
            test.push(10f64.powf(-4.0 + f64::from(i) / 60.0), 3.0 - f64::from(i) / 150.0);
        });
        let text = text("net", &test);
        assert!(text.lines().all(|line| line.chars().count() <= 80), "{text}");
        assert!(text.contains("1.0e-4") && text.contains("9.6e0") && text.matches('•').count() >= 60, "{text}");
    }
}
