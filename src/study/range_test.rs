//! The learning rate range test (Smith 2017): a short run whose rate grows step by step, and what its losses say.
//!
//! Most of a wide range is wasted: far below the useful rates nothing moves, far above everything is lost. So a quick pass finds
//! where the loss is lost, and the test spends its other steps on the few decades below. It goes over them three times, from the
//! same start with other batches, because where a deep net is thrown back is a matter of luck. What it finds then hardly depends
//! on where the range begins, nor on the number of steps.

use crate::config::Experiment;
use crate::config::experiment::Budget;
use crate::config::schedule::{Schedule, ScheduleShape};

/// How often the test goes over the rates.
pub const SWEEPS: u64 = 3;

/// Standard deviation of the smoothing, in decades of the rate: it must not depend on the number of steps.
const SMOOTHING: f64 = 0.2;
/// The test ends when the smoothed loss is this many times its best.
const LOST: f64 = 4.0;
/// A loss that falls by less than this share of its first value never falls.
pub(super) const LEAST_FALL: f64 = 0.01;
/// A fall counts from so many standard deviations of the smoothed loss on.
const CERTAIN: f64 = 4.0;
/// The power of the fallen share with which a rate counts for the middle of the valley: half-way down it counts a quarter.
const WEIGHT: i32 = 2;
/// How far below the middle of the valley the suggestion lies. A run stays where the test only passes: deep nets that trained at the
/// middle itself were thrown back on most seeds, and at half of it on few.
pub(super) const MARGIN: f64 = 2.0;
/// Steps of the quick pass for each decade, and the most of all steps that it may take.
const QUICK_PACE: f64 = 4.0;
const QUICK_SHARE: f64 = 1.0 / 3.0;
/// Decades that the test goes over, up to where the quick pass lost the loss. That shows a few of its steps late, so that the rates
/// at which a net learns best lie in the midst of them.
const DECADES: f64 = 3.5;

/// The losses of a range test, as they come.
#[derive(Clone, Debug)]
pub struct RangeTest {
    /// Learning rate of each step.
    pub rates: Vec<f64>,
    /// Training loss of each step; all are finite.
    losses: Vec<f64>,
    /// The loss of a net that has learnt nothing.
    blind: f64,
    /// The smoothed loss so far, with the weight that it has gathered.
    mean: f64,
    weight: f64,
    best: f64,
    /// True if all was lost at the end.
    pub lost: bool,
}

/// Learning rates that a range test suggests.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Suggestion {
    /// Half of the middle of the valley: a good rate to train with.
    pub rate: f64,
    /// The rate at which the loss is lowest; beyond it training suffers.
    pub lowest: f64,
}

/// Outcome of a range test.
#[derive(Clone, Copy, Debug, PartialEq)]
pub enum Outcome {
    /// The loss falls and rises again.
    Valley(Suggestion),
    /// The loss has fallen and does not rise up to the last rate.
    StillFalling,
    /// A valley as [`Outcome::Valley`], but the loss falls no further than that of a net which gives every image the same answer.
    Blind(Suggestion),
    /// The loss never falls: it stays between these.
    Flat([f64; 2]),
    /// The loss rises from the first rates on.
    Rises,
    /// The first loss is not finite.
    NotFinite,
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

/// Steps of a quick pass from `low` to `high`, if one is worth while with `steps` in all.
pub fn quick_steps(low: f64, high: f64, steps: usize) -> Option<usize> {
    let decades = (high / low).log10();
    let wanted = (QUICK_PACE * decades).min(QUICK_SHARE * steps as f64) as usize;
    (decades > DECADES + 0.5).then_some(wanted)
}

/// The part of the range `low` to `high` that the test should go over, after a quick pass has lost the loss at `lost_at`.
pub fn narrowed(low: f64, high: f64, lost_at: Option<f64>) -> [f64; 2] {
    // A step more, so that the test itself shows where it ends.
    let top = lost_at.map_or(high, |rate| (rate * 10f64.powf(1.0 / QUICK_PACE)).min(high));
    [(top / 10f64.powf(DECADES)).max(low), top]
}

impl RangeTest {
    /// Nothing seen yet; a net that has learnt nothing has the loss `blind`.
    pub fn new(blind: f64) -> Self {
        Self { rates: Vec::new(), losses: Vec::new(), blind, mean: 0.0, weight: 0.0, best: f64::INFINITY, lost: false }
    }

    /// Takes a step's rate and loss; says if the test has seen enough: all is lost.
    pub fn push(&mut self, rate: f64, loss: f64) -> bool {
        if !loss.is_finite() {
            self.lost = true;
            return true;
        }
        let decades = self.rates.last().map_or(f64::INFINITY, |&before| (rate / before).log10());
        self.rates.push(rate);
        self.losses.push(loss);
        // One loss alone, however large, is no end: some nets recover.
        let kept = (-decades / (SMOOTHING / 2.0)).exp();
        let bounded = if self.best.is_finite() { loss.min(2.0 * LOST * self.best) } else { loss };
        (self.mean, self.weight) = (kept * self.mean + (1.0 - kept) * bounded, kept * self.weight + 1.0 - kept);
        let smoothed = self.mean / self.weight;
        self.best = self.best.min(smoothed);
        self.lost = smoothed > LOST * self.best;
        self.lost
    }

    /// Sweeps over the same rates as one: the mean of their losses. A sweep that has ended has lost the loss.
    ///
    /// # Panics
    /// If there is none.
    pub fn joined(sweeps: &[Self]) -> Self {
        let longest = sweeps.iter().max_by_key(|sweep| sweep.rates.len()).expect("there are sweeps");
        let most = sweeps.iter().map(Self::most).sum::<f64>() / sweeps.len() as f64;
        let loss = |i: usize, sweep: &Self| sweep.losses.get(i).map_or(most, |loss| loss.min(most));
        let mean = |i: usize| sweeps.iter().map(|sweep| loss(i, sweep)).sum::<f64>() / sweeps.len() as f64;
        let lost = sweeps.iter().any(|sweep| sweep.lost);
        Self { losses: (0..longest.losses.len()).map(mean).collect(), lost, ..longest.clone() }
    }

    /// Cap of a loss: little more than the start, lest what is lost at the end hide what was before.
    fn most(&self) -> f64 {
        1.25 * median(self.losses.iter().take(7).copied())
    }

    /// The smoothed loss of each step.
    pub fn smoothed(&self) -> Vec<f64> {
        let most = self.most();
        let mut values: Vec<f64> = self.losses.iter().map(|&loss| loss.min(most)).collect();
        // Three running means are almost a normal distribution.
        (0..3).for_each(|_| values = running_mean(&values, self.reach()));
        values
    }

    /// Steps of the test's rates for each decade.
    fn pace(&self) -> f64 {
        match &self.rates[..] {
            [first, .., last] => (self.rates.len() - 1) as f64 / (last / first).log10(),
            _ => 1.0,
        }
    }

    /// Steps to either side that a running mean takes: three of them have the variance ((2·reach + 1)² − 1)/4.
    fn reach(&self) -> usize {
        let steps = SMOOTHING * self.pace();
        (((4.0 * steps * steps + 1.0).sqrt() - 1.0) / 2.0).round().max(1.0) as usize
    }

    /// Standard deviation of a smoothed loss, from how much neighbouring losses differ among the first `n`.
    fn noise(&self, n: usize) -> f64 {
        let differences = self.losses[..n].windows(2).map(|pair| (pair[1] - pair[0]).abs());
        // The median of |x − y| of two normal numbers is 0.954 of their deviation; a mean of 2√π·σ independent ones varies as little as
        // one weighted by a normal distribution of deviation σ.
        let one = median(differences) / 0.954;
        let wide = (2 * self.reach() + 1) as f64;
        one / (2.0 * std::f64::consts::PI.sqrt() * ((wide * wide - 1.0) / 4.0).sqrt()).sqrt()
    }

    /// Reads the outcome from the losses. `whole`: the test was to go up to the end of the range that was asked for.
    pub fn outcome(&self, whole: bool) -> Outcome {
        let smoothed = self.smoothed();
        let Some(lowest) = (0..smoothed.len()).min_by(|&a, &b| smoothed[a].total_cmp(&smoothed[b])) else {
            return Outcome::NotFinite;
        };
        let (start, least, last) = (smoothed[0], smoothed[lowest], smoothed[smoothed.len() - 1]);
        let noise = CERTAIN * self.noise((lowest + 1).max(self.reach() + 2).min(smoothed.len()));
        // The start, an end of the curve, has half as many losses around it: its variance is twice that of the least.
        let fall = (3f64.sqrt() * noise).max(LEAST_FALL * start);
        if start - least < fall {
            let most = smoothed.iter().copied().fold(start, f64::max);
            // A rise comes late, where the first losses say little about the noise.
            let rise = fall.max(3f64.sqrt() * CERTAIN * self.noise(smoothed.len()));
            let rises = self.lost || most - start > start - least + rise;
            return if rises { Outcome::Rises } else { Outcome::Flat([least, most]) };
        }
        if whole && !self.lost && last - least < noise.max(LEAST_FALL * start) {
            return Outcome::StillFalling;
        }
        // What a net gains by learning how often each label is says nothing about the rate, if it learns more than that.
        let learns = self.blind - least >= noise;
        let top = if learns { start.min(self.blind) } else { start };
        let share = |loss: f64| ((top - loss) / (top - least)).max(0.0).powi(WEIGHT);
        let (mut sum, mut total) = (0.0, 0.0);
        for (rate, &loss) in self.rates.iter().zip(&smoothed) {
            sum += share(loss) * rate.ln();
            total += share(loss);
        }
        let suggestion = Suggestion { rate: (sum / total).exp() / MARGIN, lowest: self.rates[lowest] };
        if learns { Outcome::Valley(suggestion) } else { Outcome::Blind(suggestion) }
    }
}

fn median(values: impl Iterator<Item = f64>) -> f64 {
    let mut sorted: Vec<f64> = values.collect();
    sorted.sort_by(f64::total_cmp);
    // Of two, the smaller: the larger may be lost already.
    sorted.get(sorted.len().saturating_sub(1) / 2).copied().unwrap_or(0.0)
}

/// Means of each value and `reach` to either side, of fewer at the ends.
fn running_mean(values: &[f64], reach: usize) -> Vec<f64> {
    let mut sums = vec![0.0];
    values.iter().for_each(|value| sums.push(sums[sums.len() - 1] + value));
    let mean = |i: usize| {
        let (from, to) = (i.saturating_sub(reach), (i + reach + 1).min(values.len()));
        (sums[to] - sums[from]) / (to - from) as f64
    };
    (0..values.len()).map(mean).collect()
}

#[cfg(test)]
mod tests {
    use std::convert::Infallible;

    use rand::Rng;

    use super::*;
    use crate::rng;
    use crate::study::range_search::RangeSearch;

    /// The search on a net whose loss is a function of the logarithm (base 10) of the rate; `noise` is added.
    fn searched(low: f64, high: f64, steps: usize, noise: f64, seed: u64, loss: impl Fn(f64) -> f64) -> Outcome {
        let mut stream = rng::rng(seed, "noise");
        let sweep = |_: u64, [low, high]: [f64; 2], steps: usize| {
            let mut test = RangeTest::new(10f64.ln());
            let rates = (0..steps).map(|i| low * (high / low).powf(i as f64 / steps as f64));
            for rate in rates {
                let twelve: f64 = (0..12).map(|_| stream.random::<f64>()).sum();
                if test.push(rate, loss(rate.log10()) + noise * (twelve - 6.0)) {
                    break;
                }
            }
            Ok::<_, Infallible>(test)
        };
        let Ok(found) = RangeSearch::run([low, high], steps, sweep);
        found.outcome
    }

    /// Learns around 1e-2 and explodes beyond 1.
    fn valley(x: f64) -> f64 {
        1.4 + 1.0 / (1.0 + (4.0 * (x + 2.0)).exp()) + (6.0 * x).exp()
    }

    fn suggestion(finding: Outcome) -> Suggestion {
        let Outcome::Valley(suggestion) = finding else { panic!("no valley: {finding:?}") };
        suggestion
    }

    #[test]
    fn the_suggestion_lies_in_the_valley_whatever_the_range_the_steps_and_the_noise() {
        for (low, high, steps) in [1e-6, 1e-5, 1e-4]
            .into_iter()
            .flat_map(|low| [100, 150, 300, 3000].map(|steps| (low, steps)))
            .flat_map(|(low, steps)| [10.0, 1000.0].map(|high| (low, high, steps)))
        {
            for seed in 0..5 {
                let Suggestion { rate, lowest } = suggestion(searched(low, high, steps, 0.1, seed, valley));
                // The model's loss is below half of its fall from 1.2e-2 to 0.7.
                assert!((0.015..0.1).contains(&rate), "{rate:e} from {steps} steps, {low:e} to {high:e}");
                assert!((0.03..0.6).contains(&lowest), "lowest at {lowest:e}");
            }
        }
    }

    #[test]
    fn the_noise_of_the_first_steps_is_no_fall() {
        for (noise, seed) in [0.0, 0.02, 0.1, 0.3].into_iter().flat_map(|noise| (0..20).map(move |seed| (noise, seed)))
        {
            for steps in [50, 100, 300] {
                let flat = searched(1e-5, 1e-1, steps, noise, seed, |_| 2.3);
                assert!(matches!(flat, Outcome::Flat([least, most]) if least <= most), "{flat:?} of noise {noise}");
                let rises = searched(1e-5, 10.0, steps, noise, seed, |x| 2.3 + (4.0 * x).exp());
                assert_eq!(rises, Outcome::Rises, "noise {noise}");
                // Noise with a valley behind it.
                let found = searched(1e-6, 10.0, steps, noise.min(0.2), seed, valley);
                assert!((0.01..0.15).contains(&suggestion(found).rate), "{found:?} of noise {noise}");
            }
        }
    }

    #[test]
    fn a_loss_that_is_not_finite_ends_the_test_and_counts_for_nothing() {
        for bad in [f64::NAN, -f64::NAN, f64::INFINITY, f64::NEG_INFINITY] {
            let with = |x: f64| if x > -0.2 { bad } else { valley(x) };
            let Suggestion { rate, lowest } = suggestion(searched(1e-4, 1000.0, 100, 0.02, 0, with));
            assert!((0.015..0.1).contains(&rate) && (0.03..0.6).contains(&lowest), "{bad}: {rate:e} {lowest:e}");
            assert_eq!(searched(1e-4, 10.0, 100, 0.0, 0, |_| bad), Outcome::NotFinite);
        }
        assert_eq!(RangeTest::joined(&[RangeTest::new(1.0)]).outcome(true), Outcome::NotFinite);
    }

    #[test]
    fn a_loss_that_still_falls_at_the_end_of_the_range_says_so() {
        for steps in [100, 300] {
            assert_eq!(searched(1e-4, 0.02, steps, 0.02, 1, valley), Outcome::StillFalling);
            assert_eq!(searched(1e-6, 0.02, steps, 0.02, 1, valley), Outcome::StillFalling);
        }
        // Rates at which the first step loses all.
        assert_eq!(searched(10.0, 20.0, 100, 0.02, 0, |x| if x > 1.001 { 1e9 } else { 2.3 }), Outcome::Rises);
    }

    #[test]
    fn a_net_that_learns_only_how_often_each_label_is_has_learnt_nothing() {
        // From 5 to the entropy of ten labels at 1e-3, and no further up to 1; then the same with a valley behind it.
        let calibrated = |x: f64| 10f64.ln() + 2.7 / (1.0 + (6.0 * (x + 3.0)).exp());
        let found = searched(1e-6, 10.0, 300, 0.01, 0, |x| calibrated(x) + (6.0 * x).exp());
        assert!(matches!(found, Outcome::Blind(found) if (0.005..0.05).contains(&found.rate)), "{found:?}");
        let found = suggestion(searched(1e-6, 10.0, 300, 0.01, 0, |x| calibrated(x) - 2.4 + valley(x)));
        assert!((0.015..0.1).contains(&found.rate), "{found:?}");
    }

    #[test]
    fn one_loss_alone_does_not_end_the_test_but_several_do() {
        let mut test = RangeTest::new(2.3);
        let mut push = |i: i32, loss: f64| test.push(10f64.powf(-4.0 + f64::from(i) / 60.0), loss);
        (0..100).for_each(|i| assert!(!push(i, 2.0)));
        assert!(!push(100, 1e6), "a net may recover");
        (101..150).for_each(|i| assert!(!push(i, 2.0)));
        assert!((150..170).any(|i| push(i, 1e6)), "all is lost");
    }
}
