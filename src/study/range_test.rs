//! The learning rate range test (Smith 2017): a short run whose rate grows step by step, and what its losses say.

use crate::config::Experiment;
use crate::config::experiment::Budget;
use crate::config::schedule::{Schedule, ScheduleShape};

/// Share of the past in the smoothed loss.
const MEMORY: f64 = 0.95;
/// The test ends when the smoothed loss is this many times its best.
const LOST: f64 = 4.0;
/// Share of the steps over which a slope is taken.
const SLOPE: f64 = 0.05;
/// A loss that falls by less than this share of its first value never falls.
const LEAST_FALL: f64 = 0.01;

/// The losses of a range test, as they come.
#[derive(Clone, Debug, Default)]
pub struct RangeTest {
    /// Learning rate of each step.
    pub rates: Vec<f64>,
    /// Smoothed training loss of each step.
    pub smoothed: Vec<f64>,
    mean: f64,
    weight: f64,
}

/// What a range test suggests.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Suggestion {
    /// The rate at which the loss falls fastest: a good rate to train with.
    pub steepest: f64,
    /// The rate at which the loss is lowest; beyond it training suffers.
    pub lowest: f64,
}

/// The run of a range test: `experiment` without evaluations and statistics, its rate growing from `low` to `high` over so
/// many steps.
pub fn experiment(experiment: &Experiment, low: f64, high: f64, steps: usize) -> Experiment {
    let mut run = experiment.clone();
    run.optimizer.lr = low;
    run.schedule = Schedule { shape: ScheduleShape::Exponential { end: high / low }, warmup_steps: 0 };
    run.train.budget = Budget::Steps(steps);
    (run.train.evaluate_every, run.train.target_accuracy) = (None, None);
    (run.stats.every, run.stats.histogram_every) = (0, 0);
    run
}

impl RangeTest {
    /// Takes a step's rate and loss; says if the test has seen enough.
    pub fn push(&mut self, rate: f64, loss: f64) -> bool {
        self.mean = MEMORY * self.mean + (1.0 - MEMORY) * loss;
        self.weight = MEMORY * self.weight + (1.0 - MEMORY);
        let smoothed = self.mean / self.weight;
        self.rates.push(rate);
        self.smoothed.push(smoothed);
        let best = self.smoothed.iter().copied().fold(f64::INFINITY, f64::min);
        !smoothed.is_finite() || smoothed > LOST * best
    }

    /// The suggestion; none if the loss never falls.
    pub fn suggestion(&self) -> Option<Suggestion> {
        let loss = |at: usize| self.smoothed[at];
        let lowest = (0..self.smoothed.len()).min_by(|&a, &b| loss(a).total_cmp(&loss(b)))?;
        let reach = ((self.smoothed.len() as f64 * SLOPE) as usize).max(1);
        let slope = |at: usize| {
            let steps = (self.rates[at + reach] / self.rates[at]).ln();
            (loss(at + reach) - loss(at)) / steps
        };
        let steepest = (0..(lowest + 1).saturating_sub(reach)).min_by(|&a, &b| slope(a).total_cmp(&slope(b)))?;
        // Rounding lets even a constant loss fall a little.
        let falls = loss(lowest) < (1.0 - LEAST_FALL) * loss(0);
        (falls && slope(steepest) < 0.0).then(|| {
            let middle = steepest + reach / 2;
            Suggestion { steepest: self.rates[middle], lowest: self.rates[lowest] }
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Rates from 1e-4 to 10; the loss at each by its logarithm to base 10.
    fn tested(loss: impl Fn(f64) -> f64) -> (RangeTest, usize) {
        let mut test = RangeTest::default();
        let rates = (0..500).map(|i| 10f64.powf(-4.0 + i as f64 / 100.0));
        let taken = rates.take_while(|&rate| !test.push(rate, loss(rate.log10()))).count();
        (test, taken)
    }

    #[test]
    fn the_suggestion_lies_where_the_loss_falls_and_before_it_is_lowest() {
        // Falls around 1e-2, explodes beyond 1.
        let (test, taken) = tested(|x| 2.0 / (1.0 + (4.0 * (x + 2.0)).exp()) + (6.0 * x).exp());
        let Suggestion { steepest, lowest } = test.suggestion().unwrap();
        assert!((0.005..0.03).contains(&steepest) && (0.05..1.0).contains(&lowest), "{steepest} {lowest}");
        assert!(taken < 499, "the test goes on though all is lost");
    }

    #[test]
    fn a_loss_that_never_falls_suggests_nothing() {
        let (test, taken) = tested(|_| 2.3);
        assert!(taken == 500 && test.suggestion().is_none());
        assert!(tested(|x| x + 5.0).0.suggestion().is_none());
        assert!(RangeTest::default().suggestion().is_none());
        let mut lost = RangeTest::default();
        assert!(lost.push(0.1, f64::NAN));
    }
}
