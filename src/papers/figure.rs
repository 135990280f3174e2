//! A figure of a replay: a printed or exact number, ours over seeds, and what follows from the two.

use serde::{Deserialize, Serialize};

use crate::inference::prediction::prediction;
use crate::inference::proportion::wilson;
use crate::inference::spread::{median, sorted};

/// Probability that a range holds what it should.
pub const CONFIDENCE: f64 = 0.999;

/// A number of a paper, or of theory, beside ours.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Figure {
    /// Its name: "born dead, width 3".
    pub name: String,
    /// The number that the paper printed.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub published: Option<f64>,
    /// The place in the paper where it stands.
    #[serde(default, skip_serializing_if = "String::is_empty")]
    pub place: String,
    /// The number that theory gives.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub theory: Option<f64>,
    /// Ours.
    pub measured: Measured,
    /// Claim that ours must bear out.
    pub claim: Claim,
}

/// A measurement.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(tag = "kind", rename_all = "snake_case")]
pub enum Measured {
    /// So many of all had a property.
    Share {
        /// Cases that had it.
        hits: usize,
        /// All.
        of: usize,
    },
    /// A number of each seed; absent where a run diverged or never got there.
    Sample {
        /// In the order of the seeds.
        values: Vec<Option<f64>>,
    },
    /// An accuracy of each seed, whose range is found on the log-odds.
    Accuracy {
        /// In the order of the seeds.
        values: Vec<Option<f64>>,
    },
    /// p-value of a test over all seeds.
    PValue {
        /// The p-value.
        p: f64,
        /// Values that were tested.
        of: usize,
    },
}

/// A claim that a measurement bears out, or does not.
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize)]
#[serde(tag = "kind", rename_all = "snake_case")]
pub enum Claim {
    /// The printed number, or theory's where none was printed, lies in our range; a test does not reject.
    Agrees,
    /// A test rejects, as it should where a law does not hold.
    Rejected,
    /// Our whole range is below.
    Below {
        /// The bound.
        bound: f64,
    },
    /// Our whole range is above.
    Above {
        /// The bound.
        bound: f64,
    },
    /// Ours lies between two bounds in every seed, for runs too costly for a range over seeds.
    Each {
        /// The lower bound.
        low: f64,
        /// The upper bound.
        high: f64,
    },
    /// Nothing: it is shown.
    Shown,
}

impl Figure {
    /// A figure that agrees with theory's number, or does not.
    pub fn exact(name: impl Into<String>, theory: f64, measured: Measured) -> Self {
        Self { theory: Some(theory), claim: Claim::Agrees, ..Self::shown(name, measured) }
    }

    /// A figure that bears `claim` out, or does not.
    pub fn claimed(name: impl Into<String>, measured: Measured, claim: Claim) -> Self {
        Self { claim, ..Self::shown(name, measured) }
    }

    /// A figure without a verdict.
    pub fn shown(name: impl Into<String>, measured: Measured) -> Self {
        let (published, place, theory) = (None, String::new(), None);
        Self { name: name.into(), published, place, theory, measured, claim: Claim::Shown }
    }

    /// Our number: the share, the median of the seeds, the p-value.
    pub fn ours(&self) -> f64 {
        match &self.measured {
            Measured::Share { hits, of } => *hits as f64 / *of as f64,
            Measured::Sample { values } | Measured::Accuracy { values } => {
                median(&values.iter().flatten().copied().collect::<Vec<_>>())
            }
            Measured::PValue { p, .. } => *p,
        }
    }

    /// Where a share lies, or where a further seed falls, with a probability of 99.9 %; none for a test and for a single seed.
    pub fn range(&self) -> Option<(f64, f64)> {
        match &self.measured {
            Measured::Share { hits, of } => Some(wilson(*hits, *of, CONFIDENCE).into()),
            Measured::Sample { values } => of_further_seed(values, |x| x, |x| x),
            Measured::Accuracy { values } => {
                of_further_seed(values, |x| (x / (1.0 - x)).ln(), |y| 1.0 / (1.0 + (-y).exp()))
            }
            Measured::PValue { .. } => None,
        }
    }

    /// Seeds or cases behind our number.
    pub fn draws(&self) -> usize {
        match &self.measured {
            Measured::Share { of, .. } | Measured::PValue { of, .. } => *of,
            Measured::Sample { values } | Measured::Accuracy { values } => values.len(),
        }
    }

    /// True if every seed has a number for which `holds`; of a share or a test the one number that it is.
    fn each(&self, holds: impl Fn(f64) -> bool) -> bool {
        match &self.measured {
            Measured::Share { .. } | Measured::PValue { .. } => holds(self.ours()),
            Measured::Sample { values } | Measured::Accuracy { values } => {
                values.iter().all(|value| value.is_some_and(&holds))
            }
        }
    }

    /// Runs without a number.
    pub fn failed(&self) -> usize {
        match &self.measured {
            Measured::Share { .. } | Measured::PValue { .. } => 0,
            Measured::Sample { values } | Measured::Accuracy { values } => {
                values.iter().filter(|value| value.is_none()).count()
            }
        }
    }

    /// True if ours shows what it must, absent where it must show nothing.
    pub fn inside(&self) -> Option<bool> {
        if let Measured::PValue { p, .. } = self.measured {
            return match self.claim {
                Claim::Agrees => Some(p >= 1.0 - CONFIDENCE),
                Claim::Rejected => Some(p < 1.0 - CONFIDENCE),
                Claim::Above { bound } => Some(p > bound),
                Claim::Below { bound } => Some(p < bound),
                Claim::Each { low, high } => Some(low <= p && p <= high),
                Claim::Shown => None,
            };
        }
        let (low, high) = self.range().unwrap_or((f64::NAN, f64::NAN));
        match self.claim {
            Claim::Agrees => {
                let wanted = self.published.or(self.theory)?;
                Some(low <= wanted && wanted <= high)
            }
            Claim::Below { bound } => Some(high < bound),
            Claim::Above { bound } => Some(low > bound),
            Claim::Each { low, high } => Some(self.each(|ours| low <= ours && ours <= high)),
            Claim::Rejected => Some(false),
            Claim::Shown => None,
        }
    }
}

/// A sample of numbers of which every seed has one.
pub fn sample(values: impl IntoIterator<Item = f64>) -> Measured {
    Measured::Sample { values: values.into_iter().map(|x| Some(x).filter(|x| x.is_finite())).collect() }
}

/// Where one further seed falls.
fn of_further_seed(values: &[Option<f64>], to: impl Fn(f64) -> f64, from: impl Fn(f64) -> f64) -> Option<(f64, f64)> {
    let scaled: Vec<f64> = values.iter().flatten().map(|x| to(*x)).filter(|x| x.is_finite()).collect();
    prediction(&sorted(&scaled), CONFIDENCE).map(|found| (from(found.low), from(found.high)))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_share_is_inside_where_its_interval_holds_the_number() {
        for (hits, theory, inside) in [(703, 0.699, true), (703, 0.60, false), (0, 0.001, true), (1000, 0.9, false)] {
            let figure = Figure::exact("x", theory, Measured::Share { hits, of: 1000 });
            assert_eq!(figure.inside(), Some(inside), "{figure:?} {:?}", figure.range());
        }
        let none = Figure::shown("x", Measured::Share { hits: 0, of: 10 });
        assert_eq!(none.range().unwrap().0, 0.0);
    }

    #[test]
    fn tests_are_to_pass_or_to_fail() {
        for (p, claim, inside) in [
            (0.2, Claim::Agrees, Some(true)),
            (1e-4, Claim::Agrees, Some(false)),
            (1e-4, Claim::Rejected, Some(true)),
            (0.2, Claim::Rejected, Some(false)),
            (0.2, Claim::Shown, None),
        ] {
            assert_eq!(Figure::claimed("p", Measured::PValue { p, of: 9 }, claim).inside(), inside, "{p} {claim:?}");
        }
    }

    #[test]
    fn a_bound_needs_the_whole_range() {
        let steps = sample([10.0, 11.0, 12.0, 11.5, 10.5]);
        let of = |claim| Figure::claimed("steps", steps.clone(), claim).inside();
        assert_eq!(of(Claim::Below { bound: 40.0 }), Some(true));
        assert_eq!(of(Claim::Below { bound: 12.5 }), Some(false));
        assert_eq!(of(Claim::Above { bound: 0.5 }), Some(true));
    }

    #[test]
    fn a_claim_of_each_seed_needs_all_of_them() {
        let of = |values: &[Option<f64>]| {
            let measured = Measured::Sample { values: values.to_vec() };
            Figure::claimed("edge", measured, Claim::Each { low: 0.95, high: 1.05 }).inside()
        };
        assert_eq!(of(&[Some(1.0)]), Some(true));
        assert_eq!(of(&[Some(1.0), Some(1.04), Some(1.06)]), Some(false));
        assert_eq!(of(&[Some(1.0), None]), Some(false));
    }

    #[test]
    fn runs_that_failed_are_counted_and_in_no_range() {
        let values = vec![Some(0.98), None, Some(0.985), Some(0.99)];
        let figure = Figure {
            published: Some(0.987),
            ..Figure::claimed("accuracy", Measured::Accuracy { values }, Claim::Agrees)
        };
        assert_eq!((figure.failed(), figure.draws(), figure.inside()), (1, 4, Some(true)));
        assert!(figure.range().unwrap().1 < 1.0);
    }
}
