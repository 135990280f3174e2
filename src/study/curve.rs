//! From the steps and evaluations of a run to the numbers that studies compare.

use serde::{Deserialize, Serialize};

use crate::study::target::{LOSS_WINDOW, Measure, Target};

/// Points that a curve keeps at most.
const CURVE_POINTS: u64 = 60;

/// Columns from the records of one run.
#[derive(Clone, Debug, Default)]
pub struct Courses {
    /// Training loss of each step.
    pub loss: Vec<f64>,
    /// Steps done at each evaluation.
    pub evaluated: Vec<f64>,
    /// Test accuracy at each evaluation.
    pub test_accuracy: Vec<f64>,
}

/// A thinned curve.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
pub struct Curve {
    /// Steps of a block; the last may be shorter.
    pub steps_per_point: u64,
    /// Mean of each block; absent where it is not finite.
    pub loss: Vec<Option<f64>>,
}

impl Courses {
    /// Steps until `target` is first reached, if it is.
    pub fn steps_to(&self, target: &Target) -> Option<u64> {
        match target.measure {
            Measure::TestAccuracy => {
                let at = self.test_accuracy.iter().position(|&accuracy| accuracy >= target.value)?;
                Some(self.evaluated[at] as u64)
            }
            Measure::TrainLoss => {
                let mut windows = self.loss.windows(LOSS_WINDOW);
                let limit = target.value * LOSS_WINDOW as f64;
                let at = windows.position(|window| window.iter().sum::<f64>() <= limit)?;
                Some((at + LOSS_WINDOW) as u64)
            }
        }
    }

    /// Steps after which `target` was no longer held, if it was reached and the run ends without it: the first of the readings
    /// below it that go on to the end. A dip that the run comes back from is no loss.
    pub fn lost(&self, target: &Target) -> Option<u64> {
        self.steps_to(target)?;
        match target.measure {
            Measure::TestAccuracy => {
                let held = self.test_accuracy.iter().rposition(|&accuracy| accuracy >= target.value)?;
                self.evaluated.get(held + 1).map(|&steps| steps as u64)
            }
            Measure::TrainLoss => {
                let limit = target.value * LOSS_WINDOW as f64;
                let held = self.loss.windows(LOSS_WINDOW).rposition(|window| window.iter().sum::<f64>() <= limit)?;
                let lost = held + 1 + LOSS_WINDOW;
                (lost <= self.loss.len()).then_some(lost as u64)
            }
        }
    }

    /// The mean loss of the steps.
    pub fn mean_loss(&self) -> Option<f64> {
        let mean = self.loss.iter().sum::<f64>() / self.loss.len() as f64;
        mean.is_finite().then_some(mean)
    }

    /// The loss in blocks of equal length that would cover `planned` steps.
    pub fn thinned(&self, planned: u64) -> Curve {
        let steps_per_point = planned.max(self.loss.len() as u64).div_ceil(CURVE_POINTS).max(1);
        let mean = |block: &[f64]| {
            let mean = block.iter().sum::<f64>() / block.len() as f64;
            mean.is_finite().then_some(mean)
        };
        Curve { steps_per_point, loss: self.loss.chunks(steps_per_point as usize).map(mean).collect() }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_target_is_reached_at_the_first_evaluation_or_window_that_meets_it() {
        let courses = Courses {
            loss: (0..100).map(|step| if step < 50 { 2.0 } else { 0.0 }).collect(),
            evaluated: vec![40.0, 80.0, 100.0],
            test_accuracy: vec![0.4, 0.9, 0.85],
        };
        let accuracy = |value| Target { measure: Measure::TestAccuracy, value };
        let loss = |value| Target { measure: Measure::TrainLoss, value };
        #[rustfmt::skip]
        let cases = [
            (accuracy(0.4), Some(40)), (accuracy(0.5), Some(80)), (accuracy(0.91), None),
            // Of the last 20 steps 15 have loss 0.
            (loss(0.5), Some(65)), (loss(2.0), Some(20)), (loss(0.0), Some(70)), (loss(-1.0), None),
        ];
        for (target, steps) in cases {
            assert_eq!(courses.steps_to(&target), steps, "{target:?}");
        }
    }

    #[test]
    fn a_target_is_lost_where_the_run_ends_without_it_and_not_where_it_comes_back() {
        let run = |accuracies: &[f64]| Courses {
            loss: accuracies.iter().flat_map(|accuracy| [1.0 - accuracy; 20]).collect(),
            evaluated: (1..=accuracies.len()).map(|i| 20.0 * i as f64).collect(),
            test_accuracy: accuracies.to_vec(),
        };
        let accuracy = Target { measure: Measure::TestAccuracy, value: 0.5 };
        let loss = Target { measure: Measure::TrainLoss, value: 0.51 };
        for (accuracies, lost) in [
            (&[0.1, 0.6, 0.7][..], [None, None]),
            (&[0.1, 0.6, 0.2, 0.7], [None, None]),
            (&[0.1, 0.1], [None, None]),
            // The mean over 20 steps of losses 0.4 and 0.9 passes 0.51 with the fifth of the latter, step 45.
            (&[0.1, 0.6, 0.1, 0.1], [Some(60), Some(45)]),
            (&[0.6, 0.1, 0.6, 0.1], [Some(80), Some(65)]),
            (&[0.6, f64::NAN], [Some(40), Some(21)]),
        ] {
            assert_eq!([accuracy, loss].map(|target| run(accuracies).lost(&target)), lost, "{accuracies:?}");
        }
    }

    #[test]
    fn a_run_without_enough_steps_for_a_window_reaches_no_loss() {
        let courses = Courses { loss: vec![0.0; LOSS_WINDOW - 1], ..Courses::default() };
        assert_eq!(courses.steps_to(&Target { measure: Measure::TrainLoss, value: 1.0 }), None);
    }

    #[test]
    fn a_thinned_curve_has_block_means_and_gaps_where_nothing_is_finite() {
        let mut loss = vec![1.0; 119];
        loss.push(f64::NAN);
        let curve = Courses { loss, ..Courses::default() }.thinned(240);
        assert_eq!((curve.steps_per_point, curve.loss.len()), (4, 30));
        assert_eq!((curve.loss[0], curve.loss[29]), (Some(1.0), None));
    }
}
