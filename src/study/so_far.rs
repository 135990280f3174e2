//! Sentences on a study before all runs are there: a line as soon as two arms can be compared, and seldom one after it. No verdict:
//! that comes with all runs, and p-values that are looked at on the way would find too many differences.

use std::path::Path;

use crate::numerals::factor;
use crate::study::Campaign;
use crate::study::collect::collect;
use crate::study::compare::compare;
use crate::study::comparison::{Bound, Comparison, Unit, Verdict};
use crate::study::file::Cell;
use crate::study::plan::PlannedRun;
use crate::study::record::RunRecord;
use crate::study::sentence::numbers;
use crate::study::verdict::MIN_PAIRS;

/// Looks on while a study's runs end.
pub struct SoFar<'a> {
    campaign: &'a Campaign,
    dir: &'a Path,
    /// Which of [`Campaign::runs`] are there.
    there: Vec<bool>,
    /// True once something was said.
    has_spoken: bool,
    /// Seeds of every arm at which to speak again.
    next: usize,
}

impl<'a> SoFar<'a> {
    /// The standing of `campaign`, some runs of which `dir` may hold already.
    pub fn new(campaign: &'a Campaign, dir: &'a Path) -> Self {
        let there = campaign.runs.iter().map(|run| matches!(run.result(dir), Ok(Some(_)))).collect();
        Self { campaign, dir, there, has_spoken: false, next: MIN_PAIRS }
    }

    /// The line to say after the end of this run, if it is time to. Records that cannot be read are an error of the end, not of
    /// here.
    pub fn ended(&mut self, run: &PlannedRun) -> Option<String> {
        let at = self.campaign.runs.iter().position(|own| own.name == run.name)?;
        self.there[at] = true;
        if self.there.iter().all(|there| *there) {
            return None;
        }
        let study = &self.campaign.study;
        let seeds: Vec<Vec<usize>> = (0..study.cells.len()).map(|cell| self.shared_seeds(cell)).collect();
        let others = || (0..study.cells.len()).filter(|&cell| study.cells[cell].arm != study.baseline);
        let fewest = others().min_by_key(|&cell| seeds[cell].len())?;
        let most = others().max_by_key(|&cell| seeds[cell].len())?;
        // On a grid a line for each point would be a page.
        let cells: Vec<usize> = if study.axes.is_empty() && seeds[fewest].len() >= self.next {
            self.next = 2 * seeds[fewest].len();
            others().collect()
        } else if !self.has_spoken && seeds[most].len() >= MIN_PAIRS {
            vec![most]
        } else {
            return None;
        };
        self.has_spoken = true;
        let in_all = |seed: &&usize| cells.iter().all(|&cell| seeds[cell].contains(seed));
        let seeds: Vec<usize> = seeds[cells[0]].iter().filter(in_all).copied().collect();
        self.words(&cells, &seeds)
    }

    /// Places of the seeds that both `cell` and the baseline at its point have.
    fn shared_seeds(&self, cell: usize) -> Vec<usize> {
        let n = self.campaign.study.seeds.len();
        let base = self.baseline_of(cell);
        (0..n).filter(|seed| self.there[cell * n + seed] && self.there[base * n + seed]).collect()
    }

    /// The baseline's cell at the point of `cell`.
    fn baseline_of(&self, cell: usize) -> usize {
        let study = &self.campaign.study;
        let is_base = |other: &Cell| other.arm == study.baseline && other.point == study.cells[cell].point;
        study.cells.iter().position(is_base).expect("every point has the baseline")
    }

    /// Compares these cells, at one point, with the baseline over these seeds, in one line.
    fn words(&self, cells: &[usize], seeds: &[usize]) -> Option<String> {
        let study = &self.campaign.study;
        let mut records = Vec::new();
        for cell in cells.iter().copied().chain([self.baseline_of(cells[0])]) {
            for seed in seeds {
                records.push(self.record(&self.campaign.runs[cell * study.seeds.len() + seed])?);
            }
        }
        let baseline = &study.arms[study.baseline];
        let comparisons = compare(&records, baseline, &study.targets);
        let what = match &comparisons[..] {
            [one] => in_full(one, baseline)?,
            all => in_short(all, baseline)?,
        };
        let point =
            study.axes.iter().zip(&comparisons[0].point).map(|(axis, label)| format!(", {} = {label}", axis.name));
        let point: String = point.collect();
        Some(format!("so far, with {} of {} seeds{point}: {what}; provisional", seeds.len(), study.seeds.len()))
    }

    fn record(&self, run: &PlannedRun) -> Option<RunRecord> {
        let Campaign { study, data, .. } = self.campaign;
        collect(study, data, run, run.result(self.dir).ok()??, self.dir).ok()
    }
}

/// One arm's time to the first target.
fn in_full(comparison: &Comparison, baseline: &str) -> Option<String> {
    let (arm, at) = (&comparison.arm, comparison.targets.first()?);
    let target = at.target.text();
    match &at.ratio {
        _ if at.verdict == Verdict::NeitherReaches => Some(format!("neither {arm} nor {baseline} reaches {target}")),
        Some(ratio) if ratio.bound == Bound::None => {
            Some(format!("{arm} reaches {target} in {}", numbers(at, ratio, baseline)))
        }
        ratio => Some(format!("{arm}: {target} {}", numbers(at, ratio.as_ref()?, baseline))),
    }
}

/// Every arm's time to the first target, the soonest first.
fn in_short(comparisons: &[Comparison], baseline: &str) -> Option<String> {
    let target = comparisons.first()?.targets.first()?.target.text();
    let mut arms = Vec::new();
    for comparison in comparisons {
        let at = comparison.targets.first()?;
        let ratio = at.ratio.as_ref()?;
        let unit = match ratio.unit {
            Unit::Steps => "",
            Unit::Images => " of the images",
        };
        let [low, high] = ratio.interval.map(factor);
        let said = match ratio.bound {
            _ if at.verdict == Verdict::NeitherReaches => "neither reaches it".into(),
            Bound::None => format!("{}{unit} ({low} to {high})", factor(ratio.ratio)),
            Bound::AtMost | Bound::AtLeast | Bound::Unknown => {
                let [mine, theirs] = ratio.reached;
                let sign = ratio.bound.sign();
                format!("{sign}{}{unit} ({mine}/{} against {theirs}/{})", factor(ratio.ratio), ratio.pairs, ratio.pairs)
            }
        };
        arms.push((ratio.ratio, format!("{} {said}", comparison.arm)));
    }
    arms.sort_by(|a, b| a.0.total_cmp(&b.0));
    let arms: Vec<String> = arms.into_iter().map(|(_, text)| text).collect();
    Some(format!("steps to {target} over those of {baseline} (95 % interval): {}", arms.join(", ")))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::study::simulated::{NEVER, TARGETS, compare as compared, run};

    #[test]
    fn arms_are_told_in_full_alone_and_in_short_together() {
        let steps = [("torch", 200.0), ("kaiming", 130.0), ("lsuv", 60.0), ("dead", NEVER)];
        let runs: Vec<RunRecord> = (0..3)
            .flat_map(|seed| steps.map(|(arm, steps)| run(arm, seed, steps * (1.0 + 0.04 * seed as f64), 1)))
            .collect();
        let comparisons = compared(&runs, "torch", &TARGETS);
        let full: Vec<String> = comparisons.iter().map(|one| in_full(one, "torch").unwrap()).collect();
        assert_eq!(
            full,
            [
                "kaiming reaches test accuracy 90 % in 0.65 times the steps of torch (95 % interval 0.65 to 0.66)",
                "lsuv reaches test accuracy 90 % in 0.30 times the steps of torch (95 % interval 0.30 to 0.30)",
                "dead: test accuracy 90 % reached by 0/3 against 3/3 of torch, at least 4.81 times the steps",
            ]
        );
        assert_eq!(
            in_short(&comparisons, "torch").unwrap(),
            "steps to test accuracy 90 % over those of torch (95 % interval): lsuv 0.30 (0.30 to 0.30), kaiming 0.65 (0.65 to \
             0.66), dead ≥4.81 (0/3 against 3/3)"
        );
        let dead: Vec<RunRecord> = (0..3).flat_map(|seed| ["a", "b"].map(|arm| run(arm, seed, NEVER, 1))).collect();
        let dead = compared(&dead, "a", &TARGETS);
        assert_eq!(in_full(&dead[0], "a").unwrap(), "neither b nor a reaches test accuracy 90 %");
    }
}
