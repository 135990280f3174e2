//! Verdicts: from an effect, its interval and its p-value to what may be said.
//!
//! A difference is named where p < 0.01 after Holm's correction. Its absence is named only where the 95 % interval both holds no
//! difference and lies within a margin, which is two one-sided tests at 2.5 % (Schuirmann 1987): a large p-value alone shows
//! nothing. Everything between is not established. The margins are the largest differences that we take not to matter:
//!
//! - the time to a target: a factor of 1.25 either way, as for drugs that are to be taken for each other;
//! - accuracy: a quarter of the smaller error rate, from 0.1 up to 1 percentage point;
//! - losses: a tenth of the smaller one, up to 0.05.
//!
//! All of it is the same from either side: with arm and baseline exchanged the verdict turns round, and nothing else.
//! Simulated studies hold its error rates.

use crate::study::comparison::{Bound, Comparison, Difference, Ratio, TargetComparison, Test, Verdict};

/// A verdict needs a p-value below this, after Holm's correction.
pub const LEVEL: f64 = 0.01;
/// Fewer pairs say nothing.
pub(super) const MIN_PAIRS: usize = 3;
/// A result that is not established leans to a side below this, uncorrected, or where the 95 % interval leaves no difference out.
const LEANING: f64 = 0.05;
/// Factors of the time to a target between which it is taken to be the same.
pub const TIME_MARGIN: f64 = 1.25;

/// The margin of accuracies with these means.
pub fn accuracy_margin(means: [f64; 2]) -> f64 {
    let error = 1.0 - means[0].max(means[1]);
    (0.25 * error).clamp(0.001, 0.01)
}

/// The margin of losses with these means.
pub fn loss_margin(means: [f64; 2]) -> f64 {
    (0.1 * means[0].min(means[1])).clamp(0.0, 0.05)
}

/// Evidence for a verdict.
#[derive(Clone, Copy)]
struct Evidence {
    pairs: usize,
    /// The verdict, if one is established; nothing where the evidence points both ways.
    way: Option<Verdict>,
    p_value: f64,
    p_holm: f64,
    /// Limits of the effect, 0 being none; absent where the effect is only bounded.
    interval: Option<[f64; 2]>,
    /// Effects up to this size do not matter; absent where no interval can show that there is none.
    margin: Option<f64>,
}

/// The verdict, and the way that what is not established leans.
fn judge(evidence: &Evidence) -> (Verdict, Option<Verdict>) {
    let Evidence { pairs, way, p_value, p_holm, interval, margin } = *evidence;
    if pairs < MIN_PAIRS {
        return (Verdict::TooFewSeeds, None);
    }
    let outside = interval.is_some_and(|[low, high]| low > 0.0 || high < 0.0);
    let within = |margin: f64| interval.is_some_and(|[low, high]| -margin < low && high < margin);
    match way {
        Some(way) if p_holm < LEVEL => (way, None),
        _ if !outside && margin.is_some_and(within) => (Verdict::NoDifferenceSeen, None),
        _ => (Verdict::NotEstablished, way.filter(|_| outside || p_value < LEANING)),
    }
}

/// Sets the verdict about the time to target number `target` of a comparison.
pub(super) fn judge_time(comparison: &mut Comparison, target: usize) {
    let at = &mut comparison.targets[target];
    (at.verdict, at.leaning) = time_verdict(at);
}

fn time_verdict(at: &TargetComparison) -> (Verdict, Option<Verdict>) {
    let nobody = at.reached == 0 && at.baseline_reached == 0;
    match &at.ratio {
        _ if nobody => (Verdict::NeitherReaches, None),
        None => (Verdict::TooFewSeeds, None),
        Some(ratio) if !ratio.is_tested() => (Verdict::NeitherReaches, None),
        Some(ratio) => judge(&Evidence {
            pairs: ratio.pairs,
            way: ratio.way,
            p_value: ratio.p_value,
            p_holm: ratio.p_holm,
            interval: (ratio.bound == Bound::None).then(|| ratio.interval.map(f64::ln)),
            margin: Some(TIME_MARGIN.ln()),
        }),
    }
}

/// Sets the verdict about a difference at the end.
pub(super) fn judge_difference(difference: &mut Difference) {
    let Some(mut judged) = difference.judged else { return };
    let way = match difference.mean {
        mean if mean > 0.0 => Some(Verdict::Higher),
        mean if mean < 0.0 => Some(Verdict::Lower),
        _ => None,
    };
    (judged.verdict, judged.leaning) = judge(&Evidence {
        pairs: difference.pairs,
        way,
        p_value: difference.p_value,
        p_holm: judged.p_holm,
        interval: Some(difference.interval),
        // Of runs that fall apart in two kinds no interval is narrow enough to show that nothing differs.
        margin: (judged.test == Test::Student).then_some(judged.margin),
    });
    difference.judged = Some(judged);
}

/// Which way a ratio of times points: by who got there where one side never did, else by the ratio; nothing where the order of
/// those that got there (`excess` of the log-rank test) says otherwise.
pub(super) fn way_of(ratio: &Ratio, excess: f64) -> Option<Verdict> {
    let by = |sooner: bool| Some(if sooner { Verdict::Sooner } else { Verdict::Later });
    match ratio.test {
        Test::Nothing => None,
        Test::AllOrNone => by(ratio.reached[0] > ratio.reached[1]),
        Test::Student | Test::Permutation if ratio.ratio == 1.0 => None,
        Test::Student | Test::Permutation => by(ratio.ratio < 1.0),
        Test::LogRank if (ratio.ratio < 1.0) == (excess > 0.0) && ratio.ratio != 1.0 => by(excess > 0.0),
        Test::LogRank => None,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_verdict_follows_from_p_interval_and_margin_alone() {
        let (up, none) = (Verdict::Higher, Verdict::NoDifferenceSeen);
        #[rustfmt::skip]
        let cases = [
            // pairs, p, corrected, interval, verdict, leaning
            (2, 1e-9, 1e-9, [0.1, 0.2], Verdict::TooFewSeeds, None),
            (3, 1e-3, 9e-3, [0.1, 0.2], up, None),
            (3, 1e-3, 1e-2, [0.1, 0.2], Verdict::NotEstablished, Some(up)),
            // Small and proven is a difference all the same.
            (9, 1e-9, 1e-9, [0.01, 0.02], up, None),
            // Small and not proven, but nothing within the interval is no difference.
            (9, 3e-2, 9e-2, [0.01, 0.02], Verdict::NotEstablished, Some(up)),
            // An interval without 0 leans, whatever a more cautious test says.
            (9, 0.1, 0.1, [0.01, 0.09], Verdict::NotEstablished, Some(up)),
            (9, 0.5, 1.0, [-0.04, 0.04], none, None),
            (9, 0.5, 1.0, [-0.04, 0.06], Verdict::NotEstablished, None),
            (9, 0.5, 1.0, [-0.06, 0.04], Verdict::NotEstablished, None),
        ];
        for (pairs, p_value, p_holm, interval, verdict, leaning) in cases {
            let evidence =
                Evidence { pairs, way: Some(up), p_value, p_holm, interval: Some(interval), margin: Some(0.05) };
            assert_eq!(judge(&evidence), (verdict, leaning), "{pairs} {p_value} {p_holm} {interval:?}");
            // Without an interval, or a margin, nothing shows that there is no difference.
            let [bounded, apart] = [Evidence { interval: None, ..evidence }, Evidence { margin: None, ..evidence }];
            assert!(judge(&bounded).0 != none && judge(&apart).0 != none);
        }
    }

    #[test]
    fn margins_grow_with_what_is_left_to_gain_and_are_the_same_from_either_side() {
        for (means, margin) in
            [([0.11, 0.875], 0.01), ([0.96, 0.98], 0.005), ([0.986, 0.98], 0.0035), ([1.0, 1.0], 0.001)]
        {
            assert!((accuracy_margin(means) - margin).abs() < 1e-12, "{means:?}");
            assert_eq!(accuracy_margin(means), accuracy_margin([means[1], means[0]]));
        }
        for (means, margin) in [([2.3, 2.3], 0.05), ([0.2, 0.3], 0.02), ([0.0, 0.3], 0.0)] {
            assert!((loss_margin(means) - margin).abs() < 1e-12, "{means:?}");
            assert_eq!(loss_margin(means), loss_margin([means[1], means[0]]));
        }
    }
}
