//! Simulated studies: how often a verdict on accuracy or loss is wrong, and how often its interval holds the truth.

use crate::rng::{Rng, rng, standard_normals};
use crate::study::comparison::{Comparison, Difference, Test, Verdict};
use crate::study::record::RunRecord;
use crate::study::simulated::{NEVER, STUCK, TARGETS, compare, ending, endings, mirrored, names, run};

/// Accuracy, loss on the test images, mean loss.
fn differences(found: &Comparison) -> [Difference; 3] {
    [found.test_accuracy.unwrap(), found.test_loss.unwrap(), found.mean_loss.unwrap()]
}

fn verdicts(found: &Comparison) -> [Verdict; 3] {
    differences(found).map(|difference| difference.judged.unwrap().verdict)
}

/// Of `studies` simulated ones, in how many some arm's accuracy, test loss or mean loss is judged to be different.
fn named(studies: usize, mut runs: impl FnMut() -> Vec<RunRecord>) -> [usize; 3] {
    let mut wrong = [0; 3];
    for _ in 0..studies {
        let found = compare(&runs(), "base", &TARGETS);
        (0..3).for_each(|i| wrong[i] += usize::from(found.iter().any(|arm| names(verdicts(arm)[i]))));
    }
    wrong
}

#[test]
fn equal_arms_are_told_apart_in_accuracy_or_loss_at_most_at_the_levels_rate() {
    // Arms, seeds, test images, the chance that a run learns: near normal, bimodal, and with ties on few images.
    #[rustfmt::skip]
    let cases = [
        (2, 3, 10_000, 1.0), (2, 5, 10_000, 1.0), (2, 20, 10_000, 1.0), (7, 5, 10_000, 1.0),
        (2, 3, 10_000, 0.5), (2, 4, 10_000, 0.5), (2, 5, 10_000, 0.8), (7, 3, 10_000, 0.5), (4, 4, 10_000, 0.5),
        (7, 5, 10_000, 0.5), (7, 6, 10_000, 0.3), (2, 8, 10_000, 0.9), (2, 12, 10_000, 0.8), (2, 5, 10_000, 0.0),
        (2, 3, 30, 1.0), (2, 5, 30, 1.0), (7, 5, 30, 1.0), (2, 5, 100, 1.0), (2, 5, 30, 0.5),
    ];
    for (arms, seeds, images, learns) in cases {
        let mut draws = rng(5, &format!("equal endings {arms} {seeds} {images} {learns}"));
        let wrong = named(1000, || endings(&mut draws, seeds, images, &vec![0.95; arms], 0.01, learns));
        // At a level of 0.01 ten are expected to be wrong, and 20 are three standard deviations away.
        assert!(wrong.iter().all(|&n| n <= 20), "{arms} arms, {seeds} seeds, {images} images, {learns}: {wrong:?}");
    }
}

#[test]
fn an_interval_holds_the_true_difference_in_93_to_97_of_100_studies() {
    for (seeds, images, apart) in
        [(3, 10_000, 0.0), (5, 10_000, 0.02), (10, 10_000, -0.005), (20, 10_000, 0.01), (5, 1000, 0.02)]
    {
        let mut draws = rng(6, &format!("known difference {seeds} {images} {apart}"));
        let truth = [apart, -3.0 * apart, -4.5 * apart];
        let mut held = [0; 3];
        for _ in 0..1000 {
            let runs = endings(&mut draws, seeds, images, &[0.9, 0.9 + apart], 0.01, 1.0);
            for (i, found) in differences(&compare(&runs, "base", &TARGETS)[0]).iter().enumerate() {
                held[i] += usize::from((found.interval[0]..=found.interval[1]).contains(&truth[i]));
            }
        }
        assert!(held.iter().all(|n| (930..=970).contains(n)), "{seeds} seeds, {images} images, {apart}: {held:?}");
    }
}

#[test]
fn equal_arms_of_which_some_runs_learn_are_covered_and_rare_failures_are_not() {
    // Where both arms learn by chance, 0 is held at least as often as is claimed.
    for (seeds, learns) in [(3, 0.5), (5, 0.5), (5, 0.8), (8, 0.5), (20, 0.9)] {
        let held = covered(&format!("both by chance {seeds} {learns}"), seeds, [learns, learns]);
        assert!(held >= 930, "{seeds} seeds, {learns}: {held} of 1000");
    }
    // A failure of one run in five that is not among n seeds, which happens with 0.8ⁿ, no interval of n seeds can know. From
    // twenty seeds on it covers nine in ten; with five it is the failures seen that must be reported, not the interval.
    for (seeds, least) in [(5, 550), (20, 880), (40, 900)] {
        let held = covered(&format!("one by chance {seeds}"), seeds, [1.0, 0.8]);
        assert!(held >= least, "{seeds} seeds: {held} of 1000");
    }
}

/// In how many of 1000 studies the interval of the accuracy's difference holds the true one, where base and arm learn so often.
fn covered(stream: &str, seeds: u64, learns: [f64; 2]) -> usize {
    let mut draws = rng(7, stream);
    let mean = |learns: f64| learns * 0.95 + (1.0 - learns) * STUCK;
    let truth = mean(learns[1]) - mean(learns[0]);
    let mut study = || {
        let mut runs = endings(&mut draws, seeds, 10_000, &[0.95], 0.01, learns[0]);
        let arm = endings(&mut draws, seeds, 10_000, &[0.95], 0.01, learns[1]);
        runs.extend(arm.into_iter().map(|run| RunRecord { arm: "arm1".into(), ..run }));
        let [low, high] = compare(&runs, "base", &TARGETS)[0].test_accuracy.unwrap().interval;
        (low..=high).contains(&truth)
    };
    (0..1000).filter(|_| study()).count()
}

#[test]
fn true_differences_are_found_and_never_the_wrong_way_round() {
    // Seeds, the arm's accuracy beside 0.95, studies of 1000 in which accuracy and losses are judged lower and higher.
    for (seeds, accuracy, least) in [(5, 0.91, 900), (10, 0.93, 900), (3, 0.80, 850)] {
        let mut draws = rng(8, &format!("true difference {seeds} {accuracy}"));
        let mut found = [0; 3];
        for _ in 0..1000 {
            let runs = endings(&mut draws, seeds, 10_000, &[0.95, accuracy], 0.01, 1.0);
            let verdicts = verdicts(&compare(&runs, "base", &TARGETS)[0]);
            for (i, right) in [Verdict::Lower, Verdict::Higher, Verdict::Higher].into_iter().enumerate() {
                found[i] += usize::from(verdicts[i] == right);
                assert_ne!(verdicts[i], mirrored(right));
            }
        }
        assert!(found.iter().all(|&n| n >= least), "{seeds} seeds, {accuracy}: {found:?}");
    }
}

#[test]
fn no_difference_is_seen_in_equal_arms_of_many_seeds_and_seldom_beyond_the_margin() {
    let seen = |stream: &str, seeds: u64, accuracies: [f64; 2], spread: f64| {
        let mut draws = rng(9, stream);
        let mut seen = [0; 3];
        for _ in 0..1000 {
            let runs = endings(&mut draws, seeds, 10_000, &accuracies, spread, 1.0);
            let verdicts = verdicts(&compare(&runs, "base", &TARGETS)[0]);
            (0..3).for_each(|i| seen[i] += usize::from(verdicts[i] == Verdict::NoDifferenceSeen));
        }
        seen
    };
    // At 95 % the margin is 1 point for the accuracy, 0.015 and 0.0225 for the losses.
    let equal = seen("equal", 20, [0.95, 0.95], 0.003);
    assert!(equal.iter().all(|&n| n >= 900), "{equal:?}");
    // Two one-sided tests at 2.5 %: 25 are expected at the margin itself, 40 are three standard deviations away.
    for seeds in [3, 5, 20] {
        let at_margin = seen(&format!("margin {seeds}"), seeds, [0.95, 0.94], 0.005);
        assert!(at_margin.iter().all(|&n| n <= 40), "{seeds} seeds: {at_margin:?}");
    }
}

#[test]
fn from_the_other_side_every_verdict_is_the_same_turned_round() {
    let mut draws = rng(10, "either side");
    for study in 0..300 {
        let seeds = 2 + study % 7;
        let runs = anything(&mut draws, seeds);
        let [one, other] = ["base", "arm1"].map(|base| compare(&runs, base, &TARGETS).remove(0));
        let (a, b) = (&one.targets[0], &other.targets[0]);
        assert_eq!(
            (mirrored(a.verdict), a.leaning.map(mirrored)),
            (b.verdict, b.leaning),
            "{}\n{}",
            one.text,
            other.text
        );
        let (x, y) = (a.ratio.unwrap(), b.ratio.unwrap());
        assert_eq!((x.p_value, x.p_holm, x.test), (y.p_value, y.p_holm, y.test));
        for (x, y) in [(x.ratio, y.ratio), (x.interval[0], y.interval[1]), (x.bootstrap[0], y.bootstrap[1])] {
            assert!((x * y - 1.0).abs() < 1e-9, "{x} {y}");
        }
        for (x, y) in differences(&one).iter().zip(&differences(&other)) {
            assert!((x.p_value - y.p_value).abs() < 1e-9 && (x.mean + y.mean).abs() < 1e-12, "{x:?} {y:?}");
            assert!((x.interval[0] + y.interval[1]).abs() < 1e-9 && (x.bootstrap[0] + y.bootstrap[1]).abs() < 1e-9);
            let (x, y) = (x.judged.unwrap(), y.judged.unwrap());
            assert_eq!((mirrored(x.verdict), x.leaning.map(mirrored), x.test), (y.verdict, y.leaning, y.test));
        }
        [&one, &other].into_iter().for_each(consistent);
    }
}

/// Two arms of runs that learn or not, diverge or not, get to the target or not.
fn anything(draws: &mut Rng, seeds: u64) -> Vec<RunRecord> {
    let z = standard_normals(draws, 4);
    let learns = if z[0] > 0.0 { 1.0 } else { 0.5 };
    let images = if z[1] > 0.5 { 30 } else { 10_000 };
    let mut runs = endings(draws, seeds, images, &[0.95, 0.95 - 0.05 * z[2].max(0.0)], 0.01, learns);
    for run in &mut runs {
        let z = standard_normals(draws, 2);
        let steps = (300.0 * (0.2 * z[0]).exp()) as u64;
        run.steps_to_target = vec![run.steps_to_target[0].map(|_| steps).filter(|_| z[1] > -1.0)];
    }
    runs
}

/// No verdict denies what its own numbers show.
fn consistent(found: &Comparison) {
    let at = &found.targets[0];
    let ratio = at.ratio.unwrap();
    let outside = ratio.interval[0] > 1.0 || ratio.interval[1] < 1.0;
    let denied =
        at.verdict == Verdict::NoDifferenceSeen && (outside || ratio.interval[1] > 1.25 || ratio.interval[0] < 0.8);
    assert!(!denied, "{}", found.text);
    for difference in differences(found) {
        let judged = difference.judged.unwrap();
        let outside = difference.interval[0] > 0.0 || difference.interval[1] < 0.0;
        assert!(judged.verdict != Verdict::NoDifferenceSeen || !outside, "{}", found.at_end);
        assert!(!names(judged.verdict) || outside, "{}", found.at_end);
    }
}

#[test]
fn a_verdict_of_nobody_reaching_the_target_leaves_accuracy_and_loss_their_own() {
    let arm = |name: &'static str, accuracy: f64, loss: f64, slope: f64| {
        let one = move |seed: u64| RunRecord {
            steps_to_target: vec![None],
            ..ending(
                name,
                seed,
                10_000,
                accuracy + 0.003 * slope * seed as f64,
                [loss + 0.01 * slope * seed as f64, loss],
            )
        };
        (0..5).map(one).collect::<Vec<_>>()
    };
    let found = compare(&[arm("torch", STUCK, 2.3, 0.0), arm("kaiming", 0.87, 0.45, 1.0)].concat(), "torch", &TARGETS)
        .remove(0);
    assert_eq!(found.verdict, Verdict::NeitherReaches);
    assert_eq!(found.text, "kaiming: neither reaches test accuracy 90 %, 0/5 against 0/5 of torch");
    assert_eq!(verdicts(&found), [Verdict::Higher, Verdict::Lower, Verdict::Lower]);
    assert!(
        found.at_end.starts_with("kaiming at the end: accuracy higher: +76.25 points (95 % interval"),
        "{}",
        found.at_end
    );
    // All of five against none: 2/4⁵, however far apart the accuracies are.
    assert_eq!(found.test_accuracy.unwrap().p_value, 2.0 / 1024.0);
    assert!(found.at_end.contains("p = 0.002 (5/5 against 0/5 learn); test loss lower: -1.830"), "{}", found.at_end);
}

#[test]
fn equal_differences_are_as_sure_as_the_images_allow_and_no_surer() {
    let arm =
        |name: &str, accuracy: f64| (0..5).map(|seed| ending(name, seed, 30, accuracy, [0.2; 2])).collect::<Vec<_>>();
    let found = |accuracies: [f64; 2]| {
        let runs = [arm("base", accuracies[0]), arm("arm", accuracies[1])].concat();
        compare(&runs, "base", &TARGETS).remove(0).test_accuracy.unwrap()
    };
    let stuck = found([1.0, 10.0 / 30.0]);
    assert!((stuck.mean + 2.0 / 3.0).abs() < 1e-12 && stuck.p_value >= 2.0 / 1024.0, "{stuck:?}");
    // Student's reach of five readings exact to 1/30: 2.776·√(2/12/5)/30.
    let reach = 2.776 * (2.0f64 / 12.0 / 5.0).sqrt() / 30.0;
    assert!((stuck.interval[1] - stuck.mean - reach).abs() < 1e-4, "{stuck:?}");
    let one_image = found([1.0, 29.0 / 30.0]);
    assert!(one_image.p_value > 0.001 && one_image.judged.unwrap().test == Test::Student, "{one_image:?}");
    let same = found([1.0, 1.0]);
    assert!(same.interval[1] > 0.0 && same.p_value == 1.0, "{same:?}");
    assert_eq!(same.judged.unwrap().verdict, Verdict::NotEstablished, "thirty images cannot show that nothing differs");
}

#[test]
fn pairs_in_which_a_run_diverged_are_left_out_and_the_sentence_says_so() {
    let mut runs: Vec<RunRecord> = Vec::new();
    for seed in 0..5 {
        runs.push(ending("base", seed, 10_000, 0.95 + 0.001 * seed as f64, [0.2, 0.3]));
        runs.push(ending("arm", seed, 10_000, 0.97 - 0.001 * seed as f64, [0.1, 0.2]));
    }
    let last = runs.last_mut().unwrap();
    last.diverged = Some(crate::record::summary::Divergence { step: 7, layer: None, what: "loss".into() });
    (last.test_accuracy, last.mean_loss, last.steps_to_target) = (Some(0.1), None, vec![None]);
    let found = compare(&runs, "base", &TARGETS).remove(0);
    assert!(found.at_end.starts_with("arm at the end, in the 4 pairs of which neither diverged: "), "{}", found.at_end);
    assert_eq!(differences(&found).map(|difference| difference.pairs), [4; 3]);
}

#[test]
fn holm_corrects_accuracies_and_losses_over_the_arms_of_a_point() {
    let mut draws = rng(11, "holm of endings");
    let found = compare(&endings(&mut draws, 5, 10_000, &[0.95, 0.93, 0.95, 0.951], 0.01, 1.0), "base", &TARGETS);
    for which in 0..3 {
        let mut p: Vec<[f64; 2]> =
            found.iter().map(|arm| differences(arm)[which]).map(|d| [d.p_value, d.judged.unwrap().p_holm]).collect();
        p.sort_by(|a, b| a[0].total_cmp(&b[0]));
        assert!((p[0][1] - (3.0 * p[0][0]).min(1.0)).abs() < 1e-12 && p[1][1] >= p[1][0], "{p:?}");
    }
}

#[test]
fn a_run_that_loses_its_target_is_told_apart_from_one_that_stays() {
    let mut runs: Vec<RunRecord> = (0..3).map(|seed| run("base", seed, 500.0, 10)).collect();
    runs.extend((0..3).map(|seed| run("arm", seed, NEVER, 10)));
    runs[0].lost = vec![Some(700)];
    (runs[0].test_accuracy, runs[0].best_test_accuracy) = (Some(STUCK), Some(0.91));
    let found = compare(&runs, "base", &TARGETS).remove(0);
    assert_eq!((found.targets[0].lost, found.targets[0].baseline_lost), (0, 1));
    assert!(found.text.contains("reached by 0/3 against 3/3 (1 of which lost it again) of base"), "{}", found.text);
    let summary = crate::study::summarise::summarise(&runs, &TARGETS).remove(0);
    assert_eq!((summary.targets[0].reached, summary.targets[0].lost), (3, 1));
    assert_eq!(summary.test_accuracy.unwrap().median, Some(0.95));
    assert_eq!(
        summary.remarks,
        [
            "base: 1 of the 3 that reached test accuracy 90 % lost it again: seed 0 ends at 11.35 %, back near chance",
            "base: 2 of 3 end at 95.00 %, 1 at 11.35 %; the mean ± deviation describes neither (quartiles 53.17 %, 95.00 %, 95.00 %)",
        ]
    );
    // Without a gap between them one spread describes all.
    (runs[0].test_accuracy, runs[0].best_test_accuracy, runs[0].lost) = (Some(0.45), Some(0.91), vec![None]);
    (runs[1].test_accuracy, runs[2].test_accuracy) = (Some(0.6), Some(0.95));
    assert!(crate::study::summarise::summarise(&runs, &TARGETS)[0].remarks.is_empty());
    // A run that ends just below its target has lost it, but has not fallen.
    (runs[0].test_accuracy, runs[0].best_test_accuracy, runs[0].lost) = (Some(0.897), Some(0.91), vec![Some(700)]);
    let summary = crate::study::summarise::summarise(&runs, &TARGETS).remove(0);
    assert_eq!(
        summary.remarks,
        ["base: 1 of the 3 that reached test accuracy 90 % lost it again: seed 0 ends at 89.70 %"]
    );
}
