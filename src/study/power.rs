//! How many seeds a study needs to see a factor in the time to its target, from the spread that its runs have shown.
//!
//! The verdict about the time is Student's test of the logarithms of n ratios at p < 0.01 after Holm's correction ([`crate::study::compare`]).
//! The seeds are the fewest with which that test, at the level that the first of the arms is held to (0.01 over their number), names a true
//! factor with the wanted probability, if the logarithms have the deviation found. That deviation is itself known from few seeds: its 95 %
//! interval says between which numbers of seeds the truth may lie.

use crate::inference::power::{deviation_interval, pairs_for};
use crate::inference::student::two_sided_quantile;
use crate::study::comparison::{CONFIDENCE, Comparison, Ratio, SeedsNeeded, Test};
use crate::study::record::StudyRecord;
use crate::study::verdict::{LEVEL, MIN_PAIRS};

/// Seeds beyond which none are counted.
const MOST: usize = 10_000;
/// The probabilities of seeing the factor that seeds are told for.
pub const WANTED: [f64; 2] = [0.8, 0.9];

/// The seeds that each arm of the study needs, in the order of its comparisons.
pub fn seeds_needed(record: &StudyRecord, factor: f64) -> Vec<SeedsNeeded> {
    record.comparisons.iter().filter_map(|comparison| of(comparison, factor)).collect()
}

fn of(comparison: &Comparison, factor: f64) -> Option<SeedsNeeded> {
    let ratio = comparison.targets.first()?.ratio?;
    let level = LEVEL / ratio.tests.max(1) as f64;
    let deviation = deviation(&ratio);
    let seeds = |times: f64, wanted: f64| {
        let effect = factor.ln().abs() / (times * deviation?);
        pairs_for(effect, level, wanted, MOST).map(|pairs| pairs.max(MIN_PAIRS))
    };
    Some(SeedsNeeded {
        arm: comparison.arm.clone(),
        point: comparison.point.clone(),
        factor,
        level,
        pairs: ratio.pairs,
        deviation,
        seeds: WANTED.map(|wanted| seeds(1.0, wanted)),
        between: deviation_interval(ratio.pairs, CONFIDENCE).map(|times| seeds(times, WANTED[0])),
    })
}

/// The cells of an arm's row: the factor by which its ratios vary, and the seeds for the first probability of [`WANTED`], for the same at the
/// ends of the deviation's interval, and for the second. Nothing without a deviation.
pub fn cells(needed: &SeedsNeeded) -> Option<[String; 4]> {
    let deviation = needed.deviation?;
    let seeds = |seeds: Option<usize>| seeds.map_or_else(|| format!("> {MOST}"), |seeds| seeds.to_string());
    Some([
        format!("× {:.2}", deviation.exp()),
        seeds(needed.seeds[0]),
        format!("{} … {}", seeds(needed.between[0]), seeds(needed.between[1])),
        seeds(needed.seeds[1]),
    ])
}

/// The deviation that the ratio's interval was made of.
fn deviation(ratio: &Ratio) -> Option<f64> {
    if ratio.test != Test::Student {
        return None;
    }
    let reach = 0.5 * (ratio.interval[1] / ratio.interval[0]).ln();
    Some(reach / two_sided_quantile(CONFIDENCE, ratio.pairs - 1) * (ratio.pairs as f64).sqrt())
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::rng::{rng, standard_normals};
    use crate::study::comparison::Verdict;
    use crate::study::record::RunRecord;
    use crate::study::simulated::{NEVER, TARGETS, compare, run};

    /// Studies in which the logarithm of a ratio has this deviation.
    fn study(draws: &mut crate::rng::Rng, seeds: u64, factor: f64, deviation: f64) -> Vec<RunRecord> {
        let pair = |seed: u64| {
            let z = standard_normals(draws, 1)[0];
            [run("base", seed, 300.0, 1), run("arm", seed, 300.0 / factor * (deviation * z).exp(), 1)]
        };
        (0..seeds).flat_map(pair).collect()
    }

    #[test]
    fn that_many_seeds_see_the_factor_as_often_as_promised() {
        for (factor, deviation) in [(1.5, 0.15), (1.5, 0.4), (1.2, 0.2)] {
            let mut draws = rng(7, &format!("power {factor} {deviation}"));
            let many = compare(&study(&mut draws, 200, 1.0, deviation), "base", &TARGETS);
            let needed = of(&many[0], factor).unwrap();
            assert!((needed.deviation.unwrap() / deviation - 1.0).abs() < 0.15, "{needed:?}");
            let [seeds, _] = needed.seeds.map(Option::unwrap);
            let seen = |_: &usize| {
                compare(&study(&mut draws, seeds as u64, factor, deviation), "base", &TARGETS)[0].verdict
                    == Verdict::Sooner
            };
            let seen = (0..500).filter(seen).count();
            // With few seeds one more makes a large step, so that there may be many more than promised; the deviation is a sample's.
            assert!((370..=500).contains(&seen), "{needed:?}: {seen} of 500");
            let [few, many] = needed.between.map(Option::unwrap);
            assert!(few <= seeds && seeds <= many, "{needed:?}");
        }
    }

    #[test]
    fn runs_that_do_not_arrive_leave_no_spread_to_count_on() {
        let runs =
            [run("base", 0, 100.0, 1), run("base", 1, 100.0, 1), run("arm", 0, 90.0, 1), run("arm", 1, NEVER, 1)];
        let needed = of(&compare(&runs, "base", &TARGETS)[0], 1.5).unwrap();
        assert_eq!((needed.deviation, needed.seeds, needed.between), (None, [None; 2], [None; 2]));
    }
}
