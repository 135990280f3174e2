//! How long a study still takes, from what its runs took so far.
//!
//! The seconds of a run are its predicted cost × seconds for a unit of cost × the share of its steps that it takes. The pace is
//! that of the runs of its cell, as far as they have been seen, then that of its arm, then that of all. The share is the mean
//! under the Kaplan–Meier curve of those that are over: at a target or by divergence a run may stop early, and those that still run
//! count for as far as they have come. The last runs do not keep all workers busy: what is left is handed out as it will be.

use std::collections::HashMap;

use crate::inference::survival::{Time, kaplan_meier};

/// A run of a study that is going on.
#[derive(Clone, Copy, Debug)]
pub struct Work {
    /// Its arm.
    pub arm: usize,
    /// Its cell.
    pub cell: usize,
    /// Predicted cost of all its steps, in any unit.
    pub cost: f64,
    /// How far it is.
    pub state: State,
}

/// How far a run is.
#[derive(Clone, Copy, Debug, PartialEq)]
pub enum State {
    /// It has not begun.
    Waiting,
    /// It is on its way.
    Running(Course),
    /// It has ended.
    Over(Course),
    /// Nothing is to come of it here, and nothing to be learnt: it failed, or another process has it.
    Gone,
}

/// The observed part of a run.
#[derive(Clone, Copy, Debug, Default, PartialEq)]
pub struct Course {
    /// Share of its steps that were there when it began: it may go on from a checkpoint.
    pub from: f64,
    /// Share of its steps that are done.
    pub to: f64,
    /// Seconds in which they were.
    pub seconds: f64,
}

/// Predicted cost, as a share of a run's, that weighs as much as what is known of a cell or an arm from elsewhere.
const PRIOR: f64 = 0.03;

/// Seconds until all of `runs`, which begin in this order, are over, with so many at a time. Unknown before the first step.
pub fn seconds_left(runs: &[Work], workers: usize) -> Option<f64> {
    let all = Group::of(runs.iter());
    let (arms, cells) = (groups(runs, |run| run.arm), groups(runs, |run| run.cell));
    let pace = (all.work > 0.0).then_some(all.seconds / all.work)?;
    let left = |run: &Work, done: f64| {
        let (arm, cell) = (&arms[&run.arm], &cells[&run.cell]);
        let prior = PRIOR * run.cost;
        let curve = [cell, arm, &all].into_iter().find_map(|group| group.steps_left.as_ref());
        let share = curve.map_or(1.0 - done, |curve| steps_left(curve, done));
        run.cost * share * cell.pace(arm.pace(pace, prior), prior)
    };
    let running = runs.iter().filter_map(|run| match run.state {
        State::Running(course) => Some(left(run, course.to)),
        State::Waiting | State::Over(_) | State::Gone => None,
    });
    let waiting = runs.iter().filter(|run| run.state == State::Waiting).map(|run| left(run, 0.0));
    Some(makespan(running.chain(waiting), workers))
}

/// Seconds until the last of these jobs is done, if each in turn goes to the worker that is free first.
pub fn makespan(jobs: impl Iterator<Item = f64>, workers: usize) -> f64 {
    let mut busy_until = vec![0.0; workers.max(1)];
    for job in jobs {
        *busy_until.iter_mut().min_by(|a, b| f64::total_cmp(a, b)).expect("there is a worker") += job;
    }
    busy_until.into_iter().fold(0.0, f64::max)
}

/// Observations of runs that are alike.
struct Group {
    /// Predicted cost of the steps that were seen.
    work: f64,
    /// Seconds in which they were.
    seconds: f64,
    /// After which shares of its steps a run is still on its way with which probability; absent before one is over.
    steps_left: Option<Vec<(f64, f64)>>,
}

impl Group {
    fn of<'a>(runs: impl Iterator<Item = &'a Work>) -> Self {
        let (mut work, mut seconds, mut ends, mut is_over) = (0.0, 0.0, Vec::new(), false);
        for run in runs {
            let (course, over) = match run.state {
                State::Running(course) => (course, false),
                State::Over(course) => (course, true),
                State::Waiting | State::Gone => continue,
            };
            work += run.cost * (course.to - course.from);
            seconds += course.seconds;
            // A run that took all its steps did not stop.
            ends.push(Time { at: course.to, event: over && course.to < 1.0 });
            is_over |= over;
        }
        Self { work, seconds, steps_left: is_over.then(|| curve(&ends)) }
    }

    /// Seconds for a unit of cost, where without what this group shows it would be `other`, which weighs as much as so much cost.
    fn pace(&self, other: f64, prior: f64) -> f64 {
        (self.seconds + other * prior) / (self.work + prior)
    }
}

fn groups(runs: &[Work], key: impl Fn(&Work) -> usize) -> HashMap<usize, Group> {
    let mut members: HashMap<usize, Vec<&Work>> = HashMap::new();
    runs.iter().for_each(|run| members.entry(key(run)).or_default().push(run));
    members.into_iter().map(|(key, runs)| (key, Group::of(runs.into_iter()))).collect()
}

/// After which shares of its steps a run is still on its way with which probability.
fn curve(ends: &[Time]) -> Vec<(f64, f64)> {
    let mut curve = kaplan_meier(ends);
    let furthest = ends.iter().map(|end| end.at).fold(0.0, f64::max);
    if !curve.is_empty() && furthest < 1.0 {
        // None went on to the end: one that has come further than the others is taken to stop half-way from there.
        curve.push((0.5 * (furthest + 1.0), 0.0));
    }
    curve
}

/// The mean share of its steps that a run still takes which has done this share of them.
fn steps_left(curve: &[(f64, f64)], done: f64) -> f64 {
    let alive = curve.iter().rfind(|(at, _)| *at <= done).map_or(1.0, |&(_, alive)| alive);
    let (mut at, mut now, mut area) = (done, alive, 0.0);
    for &(end, after) in curve.iter().filter(|(end, _)| *end > done) {
        area += (end - at) * now;
        (at, now) = (end, after);
    }
    (area + (1.0 - at) * now) / alive
}

#[cfg(test)]
mod tests {
    use super::*;

    fn work(arm: usize, cost: f64, state: State) -> Work {
        Work { arm, cell: arm, cost, state }
    }

    fn course(to: f64, seconds: f64) -> Course {
        Course { from: 0.0, to, seconds }
    }

    #[test]
    fn what_is_left_is_the_time_of_the_busiest_worker() {
        for (jobs, workers, want) in [
            (&[3.0, 3.0, 3.0][..], 2, 6.0),
            (&[6.0, 3.0, 3.0], 2, 6.0),
            (&[3.0, 3.0, 6.0], 2, 9.0),
            (&[3.0, 1.0], 8, 3.0),
            (&[], 2, 0.0),
        ] {
            assert_eq!(makespan(jobs.iter().copied(), workers), want, "{jobs:?} with {workers}");
        }
    }

    #[test]
    fn before_the_first_step_nothing_is_known() {
        assert_eq!(seconds_left(&[work(0, 1.0, State::Waiting), work(0, 1.0, State::Gone)], 2), None);
        assert_eq!(seconds_left(&[], 2), None);
    }

    #[test]
    fn an_arm_that_was_seen_has_its_own_pace_and_another_that_of_all() {
        let slow = work(0, 10.0, State::Over(course(1.0, 30.0)));
        let quick = work(1, 10.0, State::Over(course(1.0, 10.0)));
        for (arm, about) in [(0, 30.0), (1, 10.0), (2, 20.0)] {
            let left = seconds_left(&[slow, quick, work(arm, 10.0, State::Waiting)], 1).unwrap();
            assert!((left / about - 1.0).abs() < 0.04, "arm {arm}: {left}");
        }
    }

    #[test]
    fn runs_that_stop_early_let_their_like_stop_early() {
        let run = |state| work(0, 10.0, state);
        let over = [run(State::Over(course(0.2, 2.0))), run(State::Over(course(0.4, 4.0)))];
        for (state, want) in [
            (State::Waiting, 3.0),
            (State::Running(course(0.1, 1.0)), 2.0),
            (State::Running(course(0.3, 3.0)), 1.0),
            // Further than any before it.
            (State::Running(course(0.5, 5.0)), 2.5),
        ] {
            let left = seconds_left(&[over[0], over[1], run(state)], 1).unwrap();
            assert!((left - want).abs() < 1e-9, "{state:?}: {left}, not {want}");
        }
    }

    #[test]
    fn a_run_that_goes_on_is_judged_by_the_steps_of_this_sitting() {
        let resumed = work(0, 10.0, State::Running(Course { from: 0.5, to: 0.75, seconds: 5.0 }));
        assert!((seconds_left(&[resumed], 1).unwrap() - 5.0).abs() < 1e-9);
    }
}
