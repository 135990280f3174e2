//! A study's progress on stderr: bars in a terminal, a line for each finished run elsewhere.

use std::io::IsTerminal;
use std::sync::Mutex;
use std::time::{Duration, Instant};

use indicatif::{MultiProgress, ProgressBar, ProgressStyle};

use crate::cli::output::say;
use crate::record::summary::{Outcome, Summary};
use crate::report::text::visible;
use crate::study::attempt::Attempt;
use crate::study::clock::Clock;
use crate::study::execute::Happening;
use crate::study::{Campaign, PlannedRun};
use crate::train::Event;

/// Shows what happens to the runs of a study.
pub struct StudyProgress {
    labels: Vec<String>,
    begun: Instant,
    state: Mutex<State>,
}

struct State {
    bars: Option<Bars>,
    clock: Clock,
    /// Steps of each run that has begun.
    steps: Vec<u64>,
    /// Runs that are over.
    over: usize,
    shown: Instant,
}

/// The study's bar, and one for each running run.
struct Bars {
    all: MultiProgress,
    study: ProgressBar,
    runs: Vec<Option<ProgressBar>>,
}

const REDRAW: Duration = Duration::from_millis(100);
const STUDY_BAR: &str = "{wide_bar:.cyan/dim} {msg}";
const RUN_BAR: &str = "  {prefix} {bar:20} {msg}";

impl StudyProgress {
    /// Progress of `runs` of `campaign`, so many of which are worked at at a time.
    pub fn new(campaign: &Campaign, runs: &[&PlannedRun], workers: usize) -> Self {
        let labels: Vec<String> = runs.iter().map(|run| label(campaign, run)).collect();
        let bars = std::io::stderr().is_terminal().then(|| {
            let all = MultiProgress::new();
            let study = all.add(ProgressBar::new(1000).with_style(style(STUDY_BAR)));
            Bars { all, study, runs: vec![None; labels.len()] }
        });
        let begun = Instant::now();
        let clock = campaign.clock(runs, workers);
        let state = State { bars, clock, steps: vec![1; labels.len()], over: 0, shown: begun };
        Self { labels, begun, state: Mutex::new(state) }
    }

    /// Shows what happens to run `at`.
    pub fn show(&self, at: usize, happening: &Happening<'_>) {
        let mut state = self.state.lock().expect("no thread panics while it shows progress");
        match happening {
            Happening::Begins => {
                state.clock.begins(at, self.seconds(), 0.0);
                if let Some(bars) = &mut state.bars {
                    let bar = bars.all.add(ProgressBar::new(1).with_style(style(RUN_BAR)));
                    bar.set_prefix(format!("{:<30.30}", self.labels[at]));
                    bars.runs[at] = Some(bar);
                }
            }
            Happening::Trains(event) => self.trains(&mut state, at, event),
            Happening::Over(attempt) => self.over(&mut state, at, attempt),
        }
    }

    fn trains(&self, state: &mut State, at: usize, event: &Event<'_>) {
        let bar = |state: &State| state.bars.as_ref().and_then(|bars| bars.runs[at].clone());
        match event {
            Event::Begin { step, total, .. } => {
                state.steps[at] = (*total).max(1);
                state.clock.begins(at, self.seconds(), *step as f64 / state.steps[at] as f64);
                if let Some(bar) = bar(state) {
                    bar.set_length(*total);
                    bar.set_position(*step);
                }
            }
            Event::Step { row, .. } => {
                state.clock.reaches(at, (row.step + 1) as f64 / state.steps[at] as f64);
                if let Some(bar) = bar(state)
                    && state.shown.elapsed() > REDRAW
                {
                    state.shown = Instant::now();
                    bar.set_position(row.step + 1);
                    bar.set_message(format!("loss {:.3} acc {:.0} %", row.loss, 100.0 * row.accuracy));
                    self.draw(state);
                }
            }
            Event::Evaluated { .. } => {}
        }
    }

    fn over(&self, state: &mut State, at: usize, attempt: &Attempt) {
        state.clock.ends(at, self.seconds(), matches!(attempt, Attempt::Ended(_)));
        state.over += 1;
        let line = match attempt {
            Attempt::Ended(summary) => result(summary),
            Attempt::Failed(error) => format!("failed: {error}"),
            Attempt::Elsewhere => "left to another process that is at it".into(),
            Attempt::Stopped => "stopped".into(),
        };
        let line = format!("{}/{} {}: {line}", state.over, self.labels.len(), self.labels[at]);
        match &mut state.bars {
            Some(bars) => {
                if let Some(bar) = bars.runs[at].take() {
                    bar.finish_and_clear();
                }
                // A line that goes by for each of hundreds of runs would tell less than the bars do.
                if !matches!(attempt, Attempt::Ended(_)) {
                    bars.study.println(line);
                }
                self.draw(state);
            }
            None => say(&format!("{line}, {}", self.times(state).1)),
        }
    }

    fn draw(&self, state: &mut State) {
        let (share, times) = self.times(state);
        let Some(bars) = &state.bars else { return };
        bars.study.set_position((1000.0 * share) as u64);
        bars.study.set_message(format!("{}/{} runs, {times}", state.over, self.labels.len()));
    }

    /// Seconds since the study began.
    fn seconds(&self) -> f64 {
        self.begun.elapsed().as_secs_f64()
    }

    /// Share of the study's time that is over, and what has passed of it and is left in words.
    fn times(&self, state: &mut State) -> (f64, String) {
        let now = self.seconds();
        let passed = format!("{} passed", clock_time(now));
        match state.clock.left(now) {
            Some(left) => (now / (now + left), format!("{passed}, {} left", clock_time(left))),
            None => (0.0, passed),
        }
    }

    /// Says a line above the bars.
    pub fn say(&self, line: &str) {
        let state = self.state.lock().expect("no thread panics while it shows progress");
        match &state.bars {
            Some(bars) => bars.study.println(line),
            None => say(line),
        }
    }

    /// Takes the bars away.
    pub fn finish(&self) {
        let state = self.state.lock().expect("no thread panics while it shows progress");
        if let Some(bars) = &state.bars {
            bars.study.finish_and_clear();
        }
    }
}

fn style(template: &str) -> ProgressStyle {
    ProgressStyle::with_template(template).expect("the template is valid").progress_chars("━━─")
}

/// `4:05`, or `1:04:05`.
fn clock_time(seconds: f64) -> String {
    let [hours, minutes, seconds] = [seconds as u64 / 3600, seconds as u64 / 60 % 60, seconds as u64 % 60];
    if hours > 0 { format!("{hours}:{minutes:02}:{seconds:02}") } else { format!("{minutes}:{seconds:02}") }
}

/// Arm, point, rate if it is looked for, and seed of a run.
fn label(campaign: &Campaign, run: &PlannedRun) -> String {
    let (study, cell) = (&campaign.study, &campaign.study.cells[run.cell]);
    let mut parts = vec![study.arms[cell.arm].clone()];
    parts.extend(study.labels(&cell.point));
    if study.tune.is_some() {
        parts.push(format!("lr {}", run.experiment.optimizer.lr));
    }
    visible(&format!("{} seed {}", parts.join(" "), run.experiment.seed))
}

fn result(summary: &Summary) -> String {
    let seconds = summary.timing.wall_s;
    match (summary.outcome, &summary.diverged, summary.test_accuracy) {
        (Outcome::Diverged, Some(divergence), _) => format!("diverged at step {}, {seconds:.1} s", divergence.step),
        (_, _, Some(accuracy)) => format!("accuracy {:.2} %, {seconds:.1} s", 100.0 * accuracy),
        _ => format!("{seconds:.1} s"),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn times_are_told_as_clocks_tell_them() {
        assert_eq!([0.4, 65.0, 599.9, 3725.0].map(clock_time), ["0:00", "1:05", "9:59", "1:02:05"]);
    }
}
