//! A run's progress on stderr: a bar in a terminal, plain lines elsewhere.

use std::io::IsTerminal;
use std::time::{Duration, Instant};

use indicatif::{ProgressBar, ProgressDrawTarget, ProgressStyle};

use crate::cli::output::say;
use crate::record::rows::EpochRow;
use crate::train::Event;

/// Shows the events of one run.
pub struct Progress {
    bar: Option<ProgressBar>,
    begun: Instant,
    first: u64,
    total: u64,
    per_epoch: u64,
    images: u64,
    shown: Instant,
}

const REDRAW: Duration = Duration::from_millis(80);

impl Progress {
    /// Nothing shown yet.
    pub fn new() -> Self {
        let now = Instant::now();
        Self { bar: None, begun: now, first: 0, total: 0, per_epoch: 1, images: 0, shown: now }
    }

    /// Shows an event.
    pub fn show(&mut self, event: &Event<'_>) {
        match event {
            Event::Begin { step, total, per_epoch } => {
                (self.first, self.total, self.per_epoch) = (*step, *total, *per_epoch);
                self.begun = Instant::now();
                if std::io::stderr().is_terminal() {
                    let bar = ProgressBar::with_draw_target(Some(*total), ProgressDrawTarget::stderr());
                    let style = ProgressStyle::with_template("{wide_bar:.cyan/dim} {percent:>3}% {msg}");
                    bar.set_style(style.expect("the template is valid").progress_chars("━━─"));
                    bar.set_position(*step);
                    self.bar = Some(bar);
                } else if *step > 0 {
                    say(&format!("going on at step {step} of {total}"));
                }
            }
            Event::Step { row, images, .. } => {
                self.images += *images as u64;
                if let Some(bar) = &self.bar
                    && self.shown.elapsed() > REDRAW
                {
                    self.shown = Instant::now();
                    bar.set_position(row.step + 1);
                    bar.set_message(format!(
                        "epoch {} step {}/{} loss {:.4} acc {:.1}% {}",
                        row.epoch + 1,
                        row.step + 1,
                        self.total,
                        row.loss,
                        100.0 * row.accuracy,
                        self.speed(row.step + 1)
                    ));
                }
            }
            Event::Evaluated { row, .. } => {
                let line = self.line(row);
                match &self.bar {
                    Some(bar) => bar.println(line),
                    None => say(&line),
                }
            }
        }
    }

    /// Takes the bar away.
    pub fn finish(&self) {
        if let Some(bar) = &self.bar {
            bar.finish_and_clear();
        }
    }

    fn line(&self, row: &EpochRow) -> String {
        format!(
            "epoch {:<5.4} train loss {:.4}, test loss {:.4}, accuracy {:.2} %, {}",
            row.epoch,
            row.train_loss,
            row.test_loss,
            100.0 * row.test_accuracy,
            self.speed(row.step)
        )
    }

    /// Images a second and time left.
    fn speed(&self, step: u64) -> String {
        let spent = self.begun.elapsed().as_secs_f64();
        let left = spent / (step - self.first).max(1) as f64 * (self.total - step) as f64;
        let rate = self.images as f64 / spent.max(1e-9);
        format!("{} img/s, {}:{:02} left", rate.round(), left as u64 / 60, left as u64 % 60)
    }
}

impl Default for Progress {
    fn default() -> Self {
        Self::new()
    }
}

/// A bar over so many of what `words` names, on stderr, in a terminal.
pub(crate) fn bar(of: usize, words: &str) -> ProgressBar {
    if !std::io::stderr().is_terminal() {
        return ProgressBar::hidden();
    }
    let bar = ProgressBar::with_draw_target(Some(of as u64), ProgressDrawTarget::stderr());
    let template = format!("{{wide_bar:.cyan/dim}} {{pos}}/{{len}} {words}, {{eta}} left");
    bar.set_style(ProgressStyle::with_template(&template).expect("the template is valid").progress_chars("━━─"));
    bar
}
