//! Findings of a study, in a few sentences: who is sooner and better, what ails the runs, and what would make it say more.

use crate::findings::Rule;
use crate::findings::found::Found;
use crate::findings::rule::sorted;
use crate::numerals::factor;
use crate::record::finding::Finding;
use crate::record::finding::Severity::{Fault, Note, Warning};
use crate::study::comparison::{Comparison, Difference, TargetComparison, Verdict, leaning_text};
use crate::study::record::StudyRecord;
use crate::study::sentence::tells;
use crate::study::verdict::{LEVEL, MIN_PAIRS};

/// A rule about a study.
type OfStudy = fn(&StudyRecord, f64) -> Option<Found>;

/// The rules, in the order in which findings of one severity are told.
#[rustfmt::skip]
pub const RULES: &[Rule<OfStudy>] = &[
    Rule { name: "runs_failed", severity: Fault, threshold: 0.0, find: failed,
        measure: "runs that could not be carried out", source: "none should fail" },
    Rule { name: "target_out_of_reach", severity: Fault, threshold: 0.0, find: out_of_reach,
        measure: "runs that reached the first target", source: "without any there is no time to compare" },
    Rule { name: "runs_with_faults", severity: Warning, threshold: 0.5, find: faults,
        measure: "share of an arm's runs in which a rule about runs found a fault or a warning", source: "the table above" },
    Rule { name: "too_few_seeds", severity: Warning, threshold: MIN_PAIRS as f64, find: too_few,
        measure: "seeds that arm and baseline share", source: "fewer pairs than this say nothing (study::verdict)" },
    Rule { name: "rate_at_edge", severity: Warning, threshold: 0.0, find: at_edge,
        measure: "arms whose best learning rate was the last that was tried", source: "a better one may lie beyond" },
    Rule { name: "sooner", severity: Note, threshold: LEVEL, find: sooner,
        measure: "p of the time to the first target, after Holm's correction", source: "study::verdict" },
    Rule { name: "better", severity: Note, threshold: LEVEL, find: better,
        measure: "p of the test accuracy at the end, after Holm's correction", source: "study::verdict" },
];

/// Applies all rules to the record of a study.
pub fn of_study(record: &StudyRecord) -> Vec<Finding> {
    sorted(RULES.iter().filter_map(|rule| Some(rule.finding((rule.find)(record, rule.threshold)?))).collect())
}

/// The one point of a study without a grid: sentences about each point of many would be a page.
fn comparisons(record: &StudyRecord) -> Option<&[Comparison]> {
    (record.axes.is_empty() && !record.comparisons.is_empty()).then_some(&record.comparisons)
}

fn failed(record: &StudyRecord, _: f64) -> Option<Found> {
    let first = record.failures.first()?;
    let of = record.runs.len() + record.failures.len();
    let text = format!(
        "{} of {of} runs could not be carried out; the first, {}: {}",
        record.failures.len(),
        first.dir,
        first.error
    );
    Some(Found::new(text, "the same command tries them again"))
}

fn out_of_reach(record: &StudyRecord, _: f64) -> Option<Found> {
    let target = record.targets.first()?;
    let reached = record.runs.iter().any(|run| run.steps_to_target.first().is_some_and(Option::is_some));
    let text = format!("no run reaches {}, so that no time to it can be compared", target.text());
    (!reached && !record.runs.is_empty()).then(|| Found::new(text, "name a lower target, or train longer"))
}

/// The faults of each arm, the most frequent of them.
fn faults(record: &StudyRecord, threshold: f64) -> Option<Found> {
    let of_arm = |arm: &String| {
        let runs: Vec<_> = record.runs.iter().filter(|run| run.arm == *arm).collect();
        let mut names: Vec<&String> = Vec::new();
        for name in runs.iter().flat_map(|run| &run.faults) {
            if !names.contains(&name) {
                names.push(name);
            }
        }
        let count = |name: &String| runs.iter().filter(|run| run.faults.contains(name)).count();
        let often = names.into_iter().filter(|name| count(name) as f64 >= threshold * runs.len() as f64);
        let told: Vec<String> =
            often.map(|name| format!("{} in {} of {}", name.replace('_', " "), count(name), runs.len())).collect();
        (!told.is_empty()).then(|| format!("{arm}: {}", told.join(", ")))
    };
    let arms: Vec<String> = record.arms.iter().filter_map(of_arm).collect();
    let text = format!("what ails the runs, by arm: {}", arms.join("; "));
    (!arms.is_empty()).then(|| Found::new(text, "the run.json and index.md of a run's directory say what to do"))
}

fn too_few(record: &StudyRecord, threshold: f64) -> Option<Found> {
    let seeds = record.seeds.len();
    let text = format!("{seeds} seed{} say nothing about which arm is better", if seeds == 1 { "" } else { "s" });
    let advice = format!("--set seeds={} makes the others, and keeps these", threshold + 2.0);
    ((seeds as f64) < threshold && record.arms.len() > 1).then(|| Found::new(text, advice))
}

fn at_edge(record: &StudyRecord, _: f64) -> Option<Found> {
    let edge = |tuning: &&crate::study::record::Tuning| tuning.at_edge;
    let mut arms: Vec<&str> = record.tuning.iter().filter(edge).map(|tuning| tuning.arm.as_str()).collect();
    arms.dedup();
    let text = format!("the best learning rate of {} was the last that was tried", arms.join(", "));
    (!arms.is_empty())
        .then(|| Found::new(text, "widen learning_rate.tune, so that these arms are not judged by a poor rate"))
}

fn sooner(record: &StudyRecord, _: f64) -> Option<Found> {
    let comparisons = comparisons(record)?;
    let numbers = |at: &TargetComparison| {
        let ratio = at.ratio.filter(|ratio| ratio.is_tested() && tells(ratio));
        ratio.map_or_else(String::new, |ratio| format!(" ({}{} times)", ratio.bound.sign(), factor(ratio.ratio)))
    };
    let told = |comparison: &Comparison| {
        let at = comparison.targets.first()?;
        Some((leaning_text(at.verdict, at.leaning), format!("{}{}", comparison.arm, numbers(at))))
    };
    let target = record.targets.first()?.text();
    let groups = grouped(comparisons.iter().filter_map(told))?;
    Some(Found::new(format!("steps to {target} over those of {}; {groups}", record.baseline), ""))
}

fn better(record: &StudyRecord, _: f64) -> Option<Found> {
    let comparisons = comparisons(record)?;
    let numbers = |difference: &Difference| format!("{:+.2} points", 100.0 * difference.mean);
    let told = |comparison: &Comparison| {
        let difference = comparison.test_accuracy.as_ref()?;
        let judged = difference.judged?;
        let verdict = leaning_text(judged.verdict, judged.leaning);
        Some((verdict, format!("{} ({})", comparison.arm, numbers(difference))))
    };
    let groups = grouped(comparisons.iter().filter_map(told))?;
    Some(Found::new(format!("test accuracy at the end against {}; {groups}", record.baseline), ""))
}

/// `verdict: arm, arm; verdict: arm`, the verdicts in the order of their first arm; nothing where there are too few seeds for any.
fn grouped(told: impl Iterator<Item = (String, String)>) -> Option<String> {
    let mut groups: Vec<(String, Vec<String>)> = Vec::new();
    for (verdict, arm) in told {
        match groups.iter_mut().find(|(known, _)| *known == verdict) {
            Some((_, arms)) => arms.push(arm),
            None => groups.push((verdict, vec![arm])),
        }
    }
    let silent = groups.iter().all(|(verdict, _)| verdict == Verdict::TooFewSeeds.text());
    let told: Vec<String> =
        groups.into_iter().map(|(verdict, arms)| format!("{verdict}: {}", arms.join(", "))).collect();
    (!silent).then(|| told.join("; "))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::study::record::{DataRecord, Failure, RunRecord, TriedRate, Tuning};
    use crate::study::simulated::{NEVER, TARGETS, compare, run};
    use crate::study::summarise::summarise;

    /// A study of two arms with five seeds whose runs take so many steps to the target.
    fn study(base: f64, arm: f64, seeds: u64) -> StudyRecord {
        let wobble = |seed: u64| 1.0 + 0.01 * seed as f64;
        let runs = |name: &str, steps: f64| {
            (0..seeds).map(|seed| run(name, seed, steps * wobble(seed), 1)).collect::<Vec<_>>()
        };
        of_runs([runs("base", base), runs("arm", arm)].concat())
    }

    fn of_runs(runs: Vec<RunRecord>) -> StudyRecord {
        let mut seeds: Vec<u64> = runs.iter().map(|run| run.seed).collect();
        seeds.sort_unstable();
        seeds.dedup();
        StudyRecord {
            name: "made".into(),
            command: String::new(),
            version: String::new(),
            data: DataRecord { name: "digits".into(), sha256: String::new(), train_images: 100, test_images: 100 },
            arms: vec!["base".into(), "arm".into()],
            baseline: "base".into(),
            seeds,
            axes: Vec::new(),
            targets: TARGETS.to_vec(),
            tuning: Vec::new(),
            summaries: summarise(&runs, &TARGETS),
            comparisons: compare(&runs, "base", &TARGETS),
            runs,
            failures: Vec::new(),
            files: crate::record::manifest::Manifest::default(),
            findings: Vec::new(),
            pairs: Vec::new(),
            seeds_needed: Vec::new(),
        }
    }

    fn edge(at_edge: bool) -> Tuning {
        let tried = TriedRate { learning_rate: 0.1, runs: 2, reached: 2, mean_steps: 100.0, accuracy: 0.9 };
        Tuning { arm: "arm".into(), point: Vec::new(), best: 0.1, at_edge, tried: vec![tried] }
    }

    fn names(record: &StudyRecord) -> Vec<String> {
        of_study(record).into_iter().map(|finding| finding.rule).collect()
    }

    #[test]
    fn each_rule_speaks_where_it_should_and_nowhere_else() {
        let healthy = study(300.0, 100.0, 5);
        assert_eq!(names(&healthy), ["sooner", "better"]);
        let change = |change: &dyn Fn(&mut StudyRecord)| {
            let mut record = healthy.clone();
            change(&mut record);
            names(&record)
        };
        let fault = |of: usize| {
            move |record: &mut StudyRecord| {
                record.runs[..of].iter_mut().for_each(|run| run.faults = vec!["dead_units".into()])
            }
        };
        let failed = Failure { dir: "runs/a".into(), error: "no room".into() };
        assert_eq!(change(&|record| record.failures = vec![failed.clone()]), ["runs_failed", "sooner", "better"]);
        assert_eq!(names(&study(NEVER, NEVER, 5))[0], "target_out_of_reach");
        assert_eq!(change(&fault(3)), ["runs_with_faults", "sooner", "better"]);
        assert_eq!(change(&fault(2)), ["sooner", "better"]);
        assert_eq!(names(&study(300.0, 100.0, 2)), ["too_few_seeds"]);
        assert_eq!(change(&|record| record.tuning = vec![edge(true)]), ["rate_at_edge", "sooner", "better"]);
        assert_eq!(change(&|record| record.tuning = vec![edge(false)]), ["sooner", "better"]);
    }

    #[test]
    fn verdicts_are_told_with_their_arms() {
        let told =
            |record: &StudyRecord| of_study(record).into_iter().find(|finding| finding.rule == "sooner").unwrap().text;
        for (base, arm, want) in [
            (300.0, 100.0, "sooner: arm (0.33"),
            (100.0, 300.0, "later: arm (3.0"),
            (100.0, 100.0, "no difference seen: arm"),
        ] {
            let text = told(&study(base, arm, 5));
            assert!(text.contains(want), "{text}");
        }
    }
}
