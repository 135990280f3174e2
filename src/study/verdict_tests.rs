//! Simulated studies: how often a verdict is wrong, and how often an interval holds the truth.

use crate::record::summary::{Divergence, Outcome};
use crate::rng::{Rng, rng, standard_normals};
use crate::study::comparison::{Bound, Comparison, Test, Unit, Verdict};
use crate::study::record::RunRecord;
use crate::study::simulated::{NEVER, TARGETS, compare, names, run};

/// A study of two arms: times are log-normal, part of their spread belongs to the seed and is shared.
fn simulated(draws: &mut Rng, seeds: u64, ratio: f64, typical: f64, evaluate_every: u64) -> Comparison {
    let mut runs = Vec::new();
    for seed in 0..seeds {
        let z = standard_normals(draws, 3);
        let base = typical * (0.15 * z[0] + 0.1 * z[1]).exp();
        let other = typical * ratio * (0.15 * z[0] + 0.1 * z[2]).exp();
        runs.push(run("base", seed, base, evaluate_every));
        runs.push(run("other", seed, other, evaluate_every));
    }
    compare(&runs, "base", &TARGETS).remove(0)
}

#[test]
fn equal_arms_are_told_apart_at_most_at_the_levels_rate() {
    // From 900 on many runs do not get there within the budget.
    for (seeds, typical, evaluate_every) in [
        (3, 300.0, 10),
        (5, 300.0, 10),
        (5, 40.0, 10),
        (20, 300.0, 1),
        (3, 900.0, 10),
        (5, 900.0, 10),
        (4, 1000.0, 10),
        (5, 1100.0, 10),
        (6, 1300.0, 10),
        (12, 1000.0, 10),
        // Readings so coarse that most are ties.
        (3, 300.0, 200),
        (5, 300.0, 100),
        (5, 110.0, 100),
        (8, 300.0, 100),
    ] {
        let mut draws = rng(0, &format!("equal arms, {seeds} seeds, about {typical}"));
        // Ten times the hundred studies, so that luck plays a smaller part.
        let verdicts: Vec<Verdict> =
            (0..1000).map(|_| simulated(&mut draws, seeds, 1.0, typical, evaluate_every).verdict).collect();
        let wrong = verdicts.iter().filter(|&&verdict| names(verdict)).count();
        // At a level of 0.01 ten are expected to be wrong, and 20 are three standard deviations away.
        assert!(wrong <= 20, "{seeds} seeds, about {typical}, every {evaluate_every}: {wrong} wrong of 1000");
    }
}

#[test]
fn no_difference_is_seen_where_many_seeds_show_it_and_seldom_at_the_margin() {
    let seen = |stream: &str, seeds: u64, ratio: f64| {
        let mut draws = rng(12, stream);
        let one = |_: &usize| simulated(&mut draws, seeds, ratio, 300.0, 1).verdict == Verdict::NoDifferenceSeen;
        (0..1000).filter(one).count()
    };
    let equal = seen("equal", 20, 1.0);
    assert!(equal >= 900, "{equal} of 1000");
    // Two one-sided tests at 2.5 %: 25 are expected at the margin itself, 40 are three standard deviations away.
    for (seeds, ratio) in [(3, 1.25), (5, 0.8), (20, 1.25)] {
        let at_margin = seen(&format!("margin {seeds}"), seeds, ratio);
        assert!(at_margin <= 40, "{seeds} seeds, {ratio}: {at_margin} of 1000");
    }
}

#[test]
fn chance_that_decides_who_gets_there_makes_no_winners() {
    // Each run of equal arms reaches the target with this probability, whatever its seed. Student's test of what is known of
    // the steps would name a winner in 3 of 100 studies of two arms and three seeds, in 8 of seven arms.
    for (arms, seeds, chance) in
        [(2, 3, 0.5), (2, 4, 0.5), (2, 5, 0.8), (7, 3, 0.5), (4, 4, 0.5), (7, 5, 0.5), (7, 6, 0.3)]
    {
        let mut draws = rng(4, &format!("chance {chance}, {arms} arms, {seeds} seeds"));
        let mut named = |_: &usize| {
            let mut runs = Vec::new();
            for arm in (0..arms).map(|arm| if arm == 0 { "base".into() } else { format!("arm{arm}") }) {
                for seed in 0..seeds {
                    let z = standard_normals(&mut draws, 2);
                    let reached = 0.5 * libm::erfc(z[0] / 2f64.sqrt()) < chance;
                    runs.push(run(&arm, seed, if reached { 200.0 * (0.1 * z[1]).exp() } else { NEVER }, 10));
                }
            }
            compare(&runs, "base", &TARGETS).iter().any(|found| names(found.verdict))
        };
        let wrong = (0..1000).filter(&mut named).count();
        assert!(wrong <= 20, "{arms} arms, {seeds} seeds, {chance}: {wrong} of 1000");
    }
}

#[test]
fn the_interval_holds_a_known_effect_in_93_to_97_of_100_studies() {
    for (seeds, ratio) in [(3, 1.0), (5, 0.7), (5, 1.5), (10, 0.9), (20, 0.7)] {
        let mut draws = rng(1, &format!("known effect, {seeds} seeds, {ratio}"));
        let holds = |_: &usize| {
            let [low, high] = simulated(&mut draws, seeds, ratio, 300.0, 1).targets[0].ratio.unwrap().interval;
            low <= ratio && ratio <= high
        };
        let held = (0..1000).filter(holds).count();
        assert!((930..=970).contains(&held), "{seeds} seeds, ratio {ratio}: {held} of 1000");
    }
}

#[test]
fn a_large_effect_is_found_with_five_seeds() {
    let mut draws = rng(2, "large effect");
    let verdicts: Vec<Verdict> = (0..1000).map(|_| simulated(&mut draws, 5, 0.6, 300.0, 10).verdict).collect();
    let found = verdicts.iter().filter(|&&verdict| verdict == Verdict::Sooner).count();
    assert!(found > 900 && !verdicts.contains(&Verdict::Later), "{found} of 1000");
}

/// Name, steps of the arm, steps of the baseline, and what is said about them.
type Case = (&'static str, &'static [f64], &'static [f64], Verdict, Bound, &'static str);

#[test]
fn each_pattern_of_steps_gets_its_verdict() {
    #[rustfmt::skip]
    let cases: [Case; 16] = [
        ("sooner", &[100.0, 110.0, 90.0, 100.0, 105.0], &[200.0, 230.0, 180.0, 205.0, 200.0], Verdict::Sooner, Bound::None, "arm: sooner; 0.50 times the steps of base (95 % interval 0.47 to 0.54), n = 5, p < 0.0001"),
        ("later", &[200.0, 230.0, 180.0, 205.0, 200.0], &[100.0, 110.0, 90.0, 100.0, 105.0], Verdict::Later, Bound::None, "2.00 times"),
        ("ties", &[100.0; 5], &[100.0; 5], Verdict::NoDifferenceSeen, Bound::None, "no difference seen beyond a factor of 1.25; 1.00 times the steps of base (95 % interval 0.95 to 1.05)"),
        ("much alike", &[100.0, 110.0, 90.0, 100.0, 105.0], &[110.0, 100.0, 90.0, 105.0, 100.0], Verdict::NoDifferenceSeen, Bound::None, "no difference seen beyond"),
        ("little alike", &[100.0, 170.0, 90.0, 100.0, 105.0], &[110.0, 100.0, 140.0, 105.0, 100.0], Verdict::NotEstablished, Bound::None, "arm: not established; 1.0"),
        ("nobody", &[NEVER; 5], &[NEVER; 5], Verdict::NeitherReaches, Bound::Unknown, "arm: neither reaches test accuracy 90 %, 0/5 against 0/5 of base"),
        ("only the arm", &[100.0, 110.0, 90.0, 100.0, 105.0], &[NEVER; 5], Verdict::Sooner, Bound::AtMost, "arm: sooner; reached by 5/5 against 0/5 of base, at most 0.10 times the steps, n = 5, p = 0.002"),
        ("only the baseline", &[NEVER; 5], &[100.0, 110.0, 90.0, 100.0, 105.0], Verdict::Later, Bound::AtLeast, "arm: later; reached by 0/5 against 5/5 of base, at least 9.83 times the steps, n = 5, p = 0.002"),
        ("only just", &[700.0, 950.0, 600.0, 990.0, 400.0], &[NEVER; 5], Verdict::Sooner, Bound::AtMost, "reached by 5/5 against 0/5 of base, at most 0.69 times the steps"),
        ("with the last step", &[1000.0; 5], &[NEVER; 5], Verdict::Sooner, Bound::AtMost, "arm: sooner; reached by 5/5 against 0/5 of base, n = 5, p = 0.002"),
        ("three seeds, all or none", &[100.0, 110.0, 90.0], &[NEVER; 3], Verdict::NotEstablished, Bound::AtMost, "not established, leaning sooner: 4 seeds like these would tell; reached by 3/3 against 0/3 of base"),
        ("some of both", &[600.0, 610.0, NEVER, 590.0, 600.0], &[800.0, NEVER, 850.0, 800.0, 900.0], Verdict::NotEstablished, Bound::Unknown, "reached by 4/5 against 4/5 of base, 0.77 times the steps if the others had got there with their last"),
        ("all against one", &[100.0, 110.0, 90.0, 100.0, 105.0], &[NEVER, 900.0, NEVER, NEVER, NEVER], Verdict::Sooner, Bound::AtMost, "reached by 5/5 against 1/5 of base, at most 0.10 times the steps, n = 5, p = 0.008"),
        ("one reading apart", &[90.0; 3], &[100.0; 3], Verdict::NoDifferenceSeen, Bound::None, "0.90 times"),
        ("two seeds", &[100.0, 101.0], &[200.0, 201.0], Verdict::TooFewSeeds, Bound::None, "n = 2"),
        ("wild", &[100.0, 900.0, 100.0], &[900.0, 100.0, 500.0], Verdict::NotEstablished, Bound::None, "not established; 0."),
    ];
    for (name, arm, base, verdict, bound, text) in cases {
        let runs = |name: &str, steps: &[f64]| {
            steps.iter().enumerate().map(|(seed, &steps)| run(name, seed as u64, steps, 10)).collect::<Vec<_>>()
        };
        let found = compare(&[runs("base", base), runs("arm", arm)].concat(), "base", &TARGETS).remove(0);
        let ratio = found.targets[0].ratio.unwrap();
        assert_eq!((found.verdict, ratio.bound), (verdict, bound), "{name}: {}", found.text);
        assert!(found.text.contains(text), "{name}: {}", found.text);
    }
}

#[test]
fn what_diverged_counts_as_never_and_only_pairs_are_compared() {
    let mut runs: Vec<RunRecord> = (0..5).map(|seed| run("base", seed, 200.0 + seed as f64, 1)).collect();
    runs.extend((0..4).map(|seed| run("arm", seed, 100.0, 1)));
    let lost = runs.last_mut().unwrap();
    lost.outcome = Outcome::Diverged;
    lost.diverged = Some(Divergence { step: 7, layer: None, what: "loss".into() });
    lost.steps_to_target = vec![None];
    lost.mean_loss = None;
    let found = compare(&runs, "base", &TARGETS).remove(0);
    let target = &found.targets[0];
    assert_eq!((target.reached, target.runs, target.baseline_reached, target.baseline_runs), (3, 4, 5, 5));
    assert_eq!((target.ratio.unwrap().pairs, target.ratio.unwrap().bound), (4, Bound::AtLeast));
    assert_eq!((found.test_accuracy.unwrap().pairs, found.mean_loss.unwrap().pairs), (3, 3));
    // One lost run among four hides what the others show.
    assert_eq!((found.verdict, target.ratio.unwrap().test), (Verdict::NotEstablished, Test::LogRank), "{}", found.text);
}

#[test]
fn arms_that_nobody_can_tell_apart_do_not_count_as_tests() {
    let arm = |name: &str, steps: f64| (0..5).map(|seed| run(name, seed, steps, 10)).collect::<Vec<_>>();
    let verdict = |others: &[f64]| {
        let mut runs = [arm("base", NEVER), arm("fast", 100.0)].concat();
        others.iter().enumerate().for_each(|(i, &steps)| runs.extend(arm(&format!("other{i}"), steps)));
        let found = compare(&runs, "base", &TARGETS).remove(0);
        (found.verdict, (found.targets[0].ratio.unwrap().p_holm * 512.0).round(), found.text)
    };
    // 2/4⁵ = 1/512 for each arm that gets there.
    let (found, p, _) = verdict(&[NEVER; 9]);
    assert_eq!((found, p), (Verdict::Sooner, 1.0));
    let (found, p, text) = verdict(&[200.0; 6]);
    assert_eq!((found, p), (Verdict::NotEstablished, 7.0));
    assert_eq!(
        text,
        "fast: not established, leaning sooner: 6 seeds like these would tell; reached by 5/5 against 0/5 of base, \
         at most 0.10 times the steps, n = 5, p = 0.002 alone, 0.014 after correction over 7 arms"
    );
}

#[test]
fn holm_corrects_over_the_arms_of_a_point() {
    let mut runs: Vec<RunRecord> = Vec::new();
    let mut draws = rng(3, "holm");
    for (arm, steps) in [("base", 200.0), ("a", 150.0), ("b", 205.0), ("c", 195.0)] {
        runs.extend((0..5).map(|seed| run(arm, seed, steps * (0.1 * standard_normals(&mut draws, 1)[0]).exp(), 1)));
    }
    let found = compare(&runs, "base", &TARGETS);
    let mut p: Vec<[f64; 2]> =
        found.iter().map(|c| c.targets[0].ratio.unwrap()).map(|r| [r.p_value, r.p_holm]).collect();
    p.sort_by(|a, b| a[0].total_cmp(&b[0]));
    assert!((p[0][1] - 3.0 * p[0][0]).abs() < 1e-12 && p[1][1] >= p[1][0] && p[2][1] >= p[1][1], "{p:?}");
}

#[test]
fn a_pair_judged_from_either_side_agrees_or_says_which_correction_differs() {
    // The steps of an arm and of the baseline of a study whose other arms are clearly sooner.
    let arm = |name: &str, steps: [f64; 5]| {
        steps.iter().zip(0..).map(|(&steps, seed)| run(name, seed, steps, 10)).collect::<Vec<_>>()
    };
    let mut runs =
        [arm("torch", [180.0, 190.0, 170.0, 150.0, 200.0]), arm("kaiming", [120.0, 130.0, 120.0, 120.0, 110.0])]
            .concat();
    for (i, name) in ["a", "b", "c", "d", "e"].into_iter().enumerate() {
        runs.extend(arm(name, [60.0, 62.0, 58.0, 60.0, 61.0].map(|steps| steps + 20.0 * i as f64)));
    }
    let of = |baseline: &str, name: &str| {
        compare(&runs, baseline, &TARGETS).into_iter().find(|found| found.arm == name).unwrap()
    };
    let (one, other) = (of("torch", "kaiming"), of("kaiming", "torch"));
    let [a, b] = [&one, &other].map(|found| found.targets[0].ratio.unwrap());
    assert_eq!(a.p_value, b.p_value);
    assert!((a.interval[0] * b.interval[1] - 1.0).abs() < 1e-12);
    assert_eq!(
        (one.verdict, other.verdict),
        (Verdict::Sooner, Verdict::NotEstablished),
        "{}\n{}",
        one.text,
        other.text
    );
    assert_eq!(other.targets[0].leaning, Some(Verdict::Later));
    for (found, part) in [(&one, "kaiming: sooner; "), (&other, "torch: not established, leaning later; ")] {
        let alone = format!("p = {:.3} alone, ", a.p_value);
        let parts = [part, &alone, "after correction over 6 arms"];
        assert!(parts.iter().all(|part| found.text.contains(part)), "{}", found.text);
    }
}

#[test]
fn arms_with_other_batch_sizes_are_compared_by_images_seen() {
    // Twice the images a step, half the steps: the same images to the target.
    let arm = |name: &str, steps: f64, batch_size: usize, planned_steps: u64| {
        let one =
            move |seed: u64| RunRecord { batch_size, planned_steps, ..run(name, seed, steps + 10.0 * seed as f64, 10) };
        (0..5).map(one).collect::<Vec<_>>()
    };
    let large: Vec<RunRecord> = arm("large", 100.0, 128, 500)
        .into_iter()
        .map(|run| RunRecord { steps_to_target: vec![run.steps_to_target[0].map(|steps| steps / 2 + 50)], ..run })
        .collect();
    let runs = [arm("base", 200.0, 64, 1000), large, arm("like", 200.0, 64, 1000)].concat();
    let found = compare(&runs, "base", &TARGETS);
    let [large, like] = [&found[0], &found[1]].map(|found| found.targets[0].ratio.unwrap());
    assert_eq!((large.unit, like.unit), (Unit::Images, Unit::Steps));
    assert!((large.ratio - 1.0).abs() < 0.02, "{}", found[0].text);
    assert!(found[0].text.contains("times the images of base") && found[1].text.contains("times the steps of base"));
    // The budget is common in images: 900 of 1000 steps are beyond 250 of twice as many images.
    let late = [arm("base", 900.0, 64, 1000), arm("large", 100.0, 128, 250)].concat();
    let found = compare(&late, "base", &TARGETS).remove(0);
    assert!(found.text.contains("reached by 5/5 against 0/5 within the smaller budget of base"), "{}", found.text);
}
