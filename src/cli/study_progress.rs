//! A study's progress on stderr: bars in a terminal, a line for each finished run elsewhere.

use std::io::IsTerminal;
use std::sync::Mutex;
use std::time::{Duration, Instant};

use indicatif::{MultiProgress, ProgressBar, ProgressStyle};

use crate::cli::output::say;
use crate::record::summary::{Outcome, Summary};
use crate::report::text::visible;
use crate::study::execute::{Attempt, Happening};
use crate::study::{Campaign, PlannedRun};
use crate::train::Event;

/// Shows what happens to the runs of a study.
pub struct StudyProgress {
    labels: Vec<String>,
    costs: Vec<f64>,
    begun: Instant,
    state: Mutex<State>,
}

struct State {
    bars: Option<Bars>,
    /// Share of each run that is done.
    done: Vec<f64>,
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
    /// Progress of `runs` of `campaign`.
    pub fn new(campaign: &Campaign, runs: &[&PlannedRun]) -> Self {
        let labels: Vec<String> = runs.iter().map(|run| label(campaign, run)).collect();
        let bars = std::io::stderr().is_terminal().then(|| {
            let all = MultiProgress::new();
            let study = all.add(ProgressBar::new(1000).with_style(style(STUDY_BAR)));
            Bars { all, study, runs: vec![None; labels.len()] }
        });
        let begun = Instant::now();
        let state = State { bars, done: vec![0.0; labels.len()], over: 0, shown: begun };
        let costs = runs.iter().map(|run| campaign.cost(run)).collect();
        Self { labels, costs, begun, state: Mutex::new(state) }
    }

    /// Shows what happens to run `at`.
    pub fn show(&self, at: usize, happening: &Happening<'_>) {
        let mut state = self.state.lock().expect("no thread panics while it shows progress");
        match happening {
            Happening::Begins => {
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
                if let Some(bar) = bar(state) {
                    bar.set_length(*total);
                    bar.set_position(*step);
                }
            }
            Event::Step { row, .. } => {
                if let Some(bar) = bar(state)
                    && state.shown.elapsed() > REDRAW
                {
                    state.shown = Instant::now();
                    bar.set_position(row.step + 1);
                    bar.set_message(format!("loss {:.3} acc {:.0} %", row.loss, 100.0 * row.accuracy));
                    state.done[at] = (row.step + 1) as f64 / bar.length().unwrap_or(1).max(1) as f64;
                    self.draw(state);
                }
            }
            Event::Evaluated { .. } => {}
        }
    }

    fn over(&self, state: &mut State, at: usize, attempt: &Attempt) {
        state.done[at] = 1.0;
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
            None => say(&format!("{line}, {}", self.left(state))),
        }
    }

    fn draw(&self, state: &State) {
        let Some(bars) = &state.bars else { return };
        bars.study.set_position((1000.0 * self.share(state)) as u64);
        bars.study.set_message(format!("{}/{} runs, {}", state.over, self.labels.len(), self.left(state)));
    }

    /// Share of the study's work that is done.
    fn share(&self, state: &State) -> f64 {
        let done: f64 = self.costs.iter().zip(&state.done).map(|(cost, done)| cost * done).sum();
        done / self.costs.iter().sum::<f64>().max(f64::MIN_POSITIVE)
    }

    fn left(&self, state: &State) -> String {
        let share = self.share(state);
        if share <= 0.0 {
            return "time left unknown".into();
        }
        let seconds = self.begun.elapsed().as_secs_f64() * (1.0 - share) / share;
        format!("{}:{:02} left", seconds as u64 / 60, seconds as u64 % 60)
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
