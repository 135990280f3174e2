//! The course of a study's runs in time, from which its end is forecast.

use crate::study::forecast::{Course, State, Work, seconds_left};

/// Which runs are on their way, how far they are, and how long each has had a worker.
pub struct Clock {
    runs: Vec<Work>,
    /// Places of `runs` in the order in which they begin.
    order: Vec<usize>,
    /// Runs that are worked at at a time. Where more than these are on their way, as in a cohort on a device, they share the time.
    workers: usize,
    /// Seconds since the beginning up to which the runs' time is counted.
    counted: f64,
}

impl Clock {
    /// A clock for runs that begin in this order, so many at a time.
    pub fn new(runs: Vec<Work>, order: Vec<usize>, workers: usize) -> Self {
        Self { runs, order, workers, counted: 0.0 }
    }

    /// Run `at` begins or goes on, `now` seconds after the study did, with this share of its steps done.
    pub fn begins(&mut self, at: usize, now: f64, done: f64) {
        self.count(now);
        self.runs[at].state = State::Running(Course { from: done, to: done, seconds: 0.0 });
    }

    /// Run `at` has done this share of its steps.
    pub fn reaches(&mut self, at: usize, done: f64) {
        if let State::Running(course) = &mut self.runs[at].state {
            course.to = done;
        }
    }

    /// Run `at` has ended; `is_whole` says whether it shows how long its like take.
    pub fn ends(&mut self, at: usize, now: f64, is_whole: bool) {
        self.count(now);
        let state = self.runs[at].state;
        self.runs[at].state = match state {
            State::Running(course) if is_whole => State::Over(course),
            State::Running(_) | State::Waiting | State::Over(_) | State::Gone => State::Gone,
        };
    }

    /// Seconds left at this time; unknown before the first step.
    pub fn left(&mut self, now: f64) -> Option<f64> {
        self.count(now);
        let runs: Vec<Work> = self.order.iter().map(|&at| self.runs[at]).collect();
        seconds_left(&runs, self.workers)
    }

    /// Counts the time up to `now` to the runs that are on their way.
    fn count(&mut self, now: f64) {
        let running = self.runs.iter().filter(|run| matches!(run.state, State::Running(_))).count();
        let each = (now - self.counted).max(0.0) * (self.workers as f64 / running.max(1) as f64).min(1.0);
        for run in &mut self.runs {
            if let State::Running(course) = &mut run.state {
                course.seconds += each;
            }
        }
        self.counted = now.max(self.counted);
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::rng::{Rng, rng, standard_normals, uniform};
    use crate::study::order::order;

    /// A made-up run: what is predicted, and what will be.
    #[derive(Clone, Copy)]
    struct Made {
        work: Work,
        seed: usize,
        /// Seconds that it will take, and the share of its steps that it takes in them.
        seconds: f64,
        share: f64,
    }

    /// Seven arms whose runs cost these factors times what is predicted, give or take a tenth, and stop at about these shares of their
    /// steps.
    fn study(draws: &mut Rng, seeds: usize, factors: [f64; 7], shares: [f64; 7]) -> Vec<Made> {
        let costs: Vec<f64> = (0..7).map(|_| 50.0 + 100.0 * uniform(draws)).collect();
        let mut runs = Vec::new();
        for arm in 0..7 {
            for seed in 0..seeds {
                let z = standard_normals(draws, 2);
                let share = (shares[arm] * (0.15 * z[0]).exp()).min(1.0);
                let share = if shares[arm] < 1.0 { share } else { 1.0 };
                let work = Work { arm, cell: arm, cost: costs[arm], state: State::Waiting };
                let seconds = 0.3 * costs[arm] * factors[arm] * share * (0.1 * z[1]).exp();
                runs.push(Made { work, seed, seconds, share });
            }
        }
        runs
    }

    /// Carries out the study and gives, a hundred times on its way, the share of its time that is over, and the share that is left by
    /// forecast.
    fn forecasts(made: &[Made], workers: usize) -> Vec<(f64, f64)> {
        let costs: Vec<f64> = made.iter().map(|run| run.work.cost).collect();
        let seeds: Vec<usize> = made.iter().map(|run| run.seed).collect();
        let order = order(&seeds, &costs);
        let mut busy_until = vec![0.0; workers];
        let mut begins = vec![0.0; made.len()];
        for &at in &order {
            let free: &mut f64 = busy_until.iter_mut().min_by(|a, b| f64::total_cmp(a, b)).unwrap();
            begins[at] = *free;
            *free += made[at].seconds;
        }
        let whole = busy_until.into_iter().fold(0.0, f64::max);
        let mut clock = Clock::new(made.iter().map(|run| run.work).collect(), order.clone(), workers);
        let (mut found, mut events) = (Vec::new(), Vec::new());
        for (at, run) in made.iter().enumerate() {
            events.push((begins[at], 1, at));
            events.push((begins[at] + run.seconds, 0, at));
        }
        events.extend((1..100).map(|i| (whole * f64::from(i) / 100.0, 2, 0)));
        events.sort_by(|a, b| a.0.total_cmp(&b.0).then(a.1.cmp(&b.1)));
        for (now, kind, at) in events {
            let running = |run: &Made, begun: f64| begun < now && now < begun + run.seconds;
            for (at, run) in made.iter().enumerate().filter(|(at, run)| running(run, begins[*at])) {
                clock.reaches(at, run.share * (now - begins[at]) / run.seconds);
            }
            match kind {
                0 => {
                    clock.reaches(at, made[at].share);
                    clock.ends(at, now, true);
                }
                1 => clock.begins(at, now, 0.0),
                _ => found.push((now / whole, clock.left(now).expect("a run is on its way") / whole)),
            }
        }
        found
    }

    #[test]
    fn from_a_sixth_of_a_study_on_the_time_left_is_right_within_a_quarter() {
        let whole = [1.0; 7];
        #[rustfmt::skip]
        let cases = [
            ("as predicted", [1.0; 7], whole),
            ("all slower", [3.0; 7], whole),
            ("arms apart", [0.5, 1.0, 3.0, 0.7, 1.5, 2.0, 1.0], whole),
            ("some stop early", [1.0; 7], [0.2, 0.3, 1.0, 0.25, 0.5, 1.0, 0.4]),
            ("all stop early", [1.0; 7], [0.2, 0.3, 0.3, 0.25, 0.5, 0.2, 0.4]),
            ("both", [0.5, 1.0, 3.0, 0.7, 1.5, 2.0, 1.0], [0.2, 0.3, 1.0, 0.25, 0.5, 1.0, 0.4]),
        ];
        for (name, factors, shares) in cases {
            for workers in [1, 2, 4] {
                let mut right = Vec::new();
                for seed in 0..40 {
                    let made = study(&mut rng(seed, name), 5, factors, shares);
                    let late = forecasts(&made, workers).into_iter().filter(|(at, ..)| *at > 1.0 / 6.0);
                    // At the very end a hair of the whole is much of what is left.
                    right.extend(late.map(|(at, left)| (left - (1.0 - at)).abs() < 0.25 * (1.0 - at) + 0.01));
                }
                let share = right.iter().filter(|right| **right).count() as f64 / right.len() as f64;

                // Four at a time a sixth of the study is half of the first seed: arms apart are then still to be seen.
                let most = if workers == 4 { 0.8 } else { 0.97 };
                assert!(share >= most, "{name}, {workers} at a time: right at {share:.3} of all moments");
            }
        }
    }
}
