//! Findings of a study, in a few sentences: who is sooner and better, what ails the runs, and what would make it say more.

use crate::findings::Rule;
use crate::findings::found::Found;
use crate::findings::rule::sorted;
use crate::numerals::factor;
use crate::record::finding::Finding;
use crate::record::finding::Severity::{Fault, Note, Warning};
use crate::study::comparison::{Comparison, Difference, Verdict, leaning_text};
use crate::study::record::StudyRecord;
use crate::study::sentence::told;
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
    let ailing = record.runs.iter().find(|run| !run.faults.is_empty())?;
    let advice = format!(
        "initlab report says of each run what to do; give it a directory below the study's, such as {}",
        ailing.dir
    );
    (!arms.is_empty()).then(|| Found::new(text, advice))
}

fn too_few(record: &StudyRecord, threshold: f64) -> Option<Found> {
    let seeds = record.seeds.len();
    let subject = if seeds == 1 { "1 seed says".into() } else { format!("{seeds} seeds say") };
    let text = format!("{subject} nothing about which arm is better");
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
    let of = |comparison: &Comparison| {
        let at = comparison.targets.first()?;
        let numbers = told(at).map(|ratio| format!("{}{} times the steps", ratio.bound.sign(), factor(ratio.ratio)));
        Some((leaning_text(at.verdict, at.leaning), numbers))
    };
    let target = record.targets.first()?.text();
    let told = verdicts(record, of)?;
    Some(Found::new(format!("the time to {target}, against {}: {told}", record.baseline), ""))
}

fn better(record: &StudyRecord, _: f64) -> Option<Found> {
    let told = |comparison: &Comparison| {
        let difference: &Difference = comparison.test_accuracy.as_ref()?;
        let judged = difference.judged?;
        let numbers = format!("{:+.2} points", 100.0 * difference.mean);
        Some((leaning_text(judged.verdict, judged.leaning), Some(numbers)))
    };
    let told = verdicts(record, told)?;
    Some(Found::new(format!("test accuracy at the end, against {}: {told}", record.baseline), ""))
}

/// The verdict about an arm at a point, and its numbers.
type Told = (String, Option<String>);

/// Tells the verdict of every arm; nothing where there are too few seeds for any verdict. Without a grid arms share a verdict, each with its
/// numbers; sentences about each arm at each point of a grid would be a page, so that there each arm has the points of its verdicts.
fn verdicts(record: &StudyRecord, told: impl Fn(&Comparison) -> Option<Told>) -> Option<String> {
    let points = record.points();
    let all: Vec<(&Comparison, Told)> = points
        .iter()
        .flat_map(|point| record.soonest_first(point))
        .filter_map(|row| record.comparison(&row.arm, &row.point))
        .filter_map(|comparison| Some((comparison, told(comparison)?)))
        .collect();
    if all.iter().all(|(_, (verdict, _))| verdict == Verdict::TooFewSeeds.text()) {
        return None;
    }
    if record.axes.is_empty() {
        let named = all.into_iter().map(|(comparison, (verdict, numbers))| {
            let numbers = numbers.map_or_else(String::new, |numbers| format!(" ({numbers})"));
            (verdict, format!("{}{numbers}", comparison.arm))
        });
        let groups = grouped(named).into_iter().map(|(verdict, arms)| format!("{verdict} with {}", arms.join(", ")));
        return Some(groups.collect::<Vec<_>>().join("; "));
    }
    let of_arm = |arm: &String| {
        let own = all.iter().filter(|(comparison, _)| comparison.arm == *arm);
        let placed = own.map(|(comparison, (verdict, _))| (verdict.clone(), comparison.point.join(" ")));
        let groups: Vec<String> =
            grouped(placed).iter().map(|(verdict, at)| at_points(verdict, at, points.len())).collect();
        (!groups.is_empty()).then(|| format!("{arm}: {}", groups.join(", ")))
    };
    Some(record.arms.iter().filter_map(of_arm).collect::<Vec<_>>().join("; "))
}

/// `sooner at 3 of 4 points (5, 10, 20)`; of many points their number is enough.
fn at_points(verdict: &str, at: &[String], points: usize) -> String {
    const NAMED: usize = 4;
    let names = if at.len() <= NAMED { format!(" ({})", at.join(", ")) } else { String::new() };
    format!("{verdict} at {} of {points} points{names}", at.len())
}

/// Groups by verdict, the verdicts in the order of their first.
fn grouped(told: impl Iterator<Item = (String, String)>) -> Vec<(String, Vec<String>)> {
    let mut groups: Vec<(String, Vec<String>)> = Vec::new();
    for (verdict, what) in told {
        match groups.iter_mut().find(|(known, _)| *known == verdict) {
            Some((_, all)) => all.push(what),
            None => groups.push((verdict, vec![what])),
        }
    }
    groups
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::study::record::{AxisRecord, DataRecord, Failure, RunRecord, TriedRate, Tuning};
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
    fn on_a_grid_each_arm_has_the_points_of_its_verdicts() {
        let mut whole = study(300.0, 100.0, 5);
        let mut other = study(100.0, 300.0, 5);
        for (record, point) in [(&mut whole, "5"), (&mut other, "30")] {
            record.summaries.iter_mut().for_each(|summary| summary.point = vec![point.into()]);
            record.comparisons.iter_mut().for_each(|comparison| comparison.point = vec![point.into()]);
        }
        whole.axes = vec![AxisRecord { name: "depth".into(), values: vec!["5".into(), "30".into()] }];
        whole.summaries.extend(other.summaries);
        whole.comparisons.extend(other.comparisons);
        let text = of_study(&whole).into_iter().find(|finding| finding.rule == "sooner").unwrap().text;
        assert!(
            text.ends_with("against base: arm: sooner at 1 of 2 points (5), later at 1 of 2 points (30)"),
            "{text}"
        );
    }

    #[test]
    fn verdicts_are_told_with_their_arms() {
        let told =
            |record: &StudyRecord| of_study(record).into_iter().find(|finding| finding.rule == "sooner").unwrap().text;
        for (base, arm, want) in [
            (300.0, 100.0, "against base: sooner with arm (0.33"),
            (100.0, 300.0, "against base: later with arm (3.0"),
            (100.0, 100.0, "against base: no difference seen with arm"),
        ] {
            let text = told(&study(base, arm, 5));
            assert!(text.contains(want), "{text}");
        }
    }
}
