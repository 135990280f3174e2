//! Findings about the course of a run: how its loss went, and what the learning rate has to do with it.

use crate::findings::evidence::Evidence;
use crate::findings::found::Found;
use crate::findings::remedy::{for_start, rate};
use crate::findings::{start, units};
use crate::numerals::{percent, three_digits, whole_percent};

/// Steps whose mean loss counts as one value: a single batch may be hard.
const RUN: usize = 5;
/// Fewer steps tell nothing about a course.
const FEW: usize = 20;
/// The pace at which weights are commonly moved, ‖Δw‖/‖w‖.
const PACE: f64 = 1e-3;
/// A loss that falls by less than this from one part to the next stands still.
const STILL: f64 = 0.01;

pub(super) fn diverged(evidence: &Evidence<'_>, _: f64) -> Option<Found> {
    let divergence = evidence.summary()?.diverged.as_ref().filter(|divergence| divergence.step > 0)?;
    let place = divergence.layer.as_deref().map_or_else(String::new, |layer| format!(" of {layer}"));
    let norms = evidence.run.steps.get("gradient_norm");
    let norms: Vec<f64> = norms.iter().copied().filter(|norm| norm.is_finite()).collect();
    let grown = match (norms.first(), norms.last()) {
        (Some(first), Some(last)) if *last > 10.0 * first => {
            format!("; the gradient's norm had grown from {} to {}", three_digits(*first), three_digits(*last))
        }
        _ => String::new(),
    };
    let text = format!("diverged at step {}: the {}{place} is not finite{grown}", divergence.step, divergence.what);
    if let Some(advice) = start::for_growth(evidence) {
        return Some(Found::new(text, advice));
    }
    let mut advice = lower(evidence, if divergence.step < FEW as u64 { 10.0 } else { 3.0 });
    if evidence.experiment.as_ref().is_some_and(|experiment| experiment.train.clip_norm.is_none()) {
        advice += ", or limit the gradient with train.clip_norm = 1.0";
    }
    Some(Found::new(text, advice))
}

pub(super) fn diverged_at_start(evidence: &Evidence<'_>, _: f64) -> Option<Found> {
    let divergence = evidence.summary()?.diverged.as_ref().filter(|divergence| divergence.step == 0)?;
    let place = divergence.layer.as_deref().map_or_else(String::new, |layer| format!(" of {layer}"));
    let text = format!("the start itself is beyond floats: at step 0 the {}{place} is not finite", divergence.what);
    Some(Found::new(text, for_start(evidence)))
}

/// The rate divided by `by`, in words.
fn lower(evidence: &Evidence<'_>, by: f64) -> String {
    let rate = evidence.experiment.as_ref().map(|experiment| rate(experiment.optimizer.lr / by));
    format!("lower the rate ({}), or find one with initlab lr-find", rate.unwrap_or_else(|| "a third".into()))
}

pub(super) fn stuck(evidence: &Evidence<'_>, threshold: f64) -> Option<Found> {
    if evidence.has_diverged() || evidence.learnt().is_none_or(|learnt| learnt >= threshold) {
        return None;
    }
    let (blocks, steps) = (&evidence.blocks, evidence.run.steps.len());
    let (before, last) = (quarter(blocks, 2)?, quarter(blocks, 3)?);
    let blind = evidence.blind().unwrap_or(f64::NAN);
    // A loss that falls on is slow, not stuck.
    if steps < FEW || last < (1.0 - STILL) * before {
        return None;
    }
    let accuracy = percent(evidence.summary()?.test_accuracy?);
    let text = format!(
        "stuck at chance: test accuracy {accuracy} after {steps} steps, where guessing gives {}, and a loss of {} (the same answer \
         for every image: {})",
        whole_percent(evidence.chance()?),
        three_digits(last),
        three_digits(blind)
    );
    let advice = if start::is_at_fault(evidence) {
        "the start is to blame, see below; initlab probe measures it".into()
    } else if units::died(evidence) {
        format!("its units have died: {}", lower(evidence, 10.0))
    } else {
        "look at the start with initlab probe, and at the rate with initlab lr-find".into()
    };
    Some(Found::new(text, advice))
}

fn mean(part: &[f64]) -> f64 {
    part.iter().sum::<f64>() / part.len() as f64
}

/// The mean of a quarter of the blocks.
fn quarter(blocks: &[f64], which: usize) -> Option<f64> {
    let n = blocks.len();
    (n >= 4).then(|| mean(&blocks[which * n / 4..(which + 1) * n / 4]))
}

pub(super) fn rate_too_high(evidence: &Evidence<'_>, threshold: f64) -> Option<Found> {
    let losses = evidence.run.steps.get("loss");
    if evidence.has_diverged() || losses.len() < FEW {
        return None;
    }
    let first = *losses.first().filter(|first| first.is_finite() && **first > 0.0)?;
    let means = losses[1..].windows(RUN).map(|run| run.iter().sum::<f64>() / RUN as f64);
    let (at, peak) = means.enumerate().filter(|(_, x)| x.is_finite()).max_by(|a, b| a.1.total_cmp(&b.1))?;
    // A quarter of the steps at a time: batches differ.
    let quarters = evidence.blocks.windows(evidence.blocks.len() / 4).map(mean);
    let lowest = quarters.fold(f64::INFINITY, f64::min);
    let last = quarter(&evidence.blocks, 3)?;
    let text = if peak > threshold * first {
        format!(
            "the loss rises from {} at the start to {} around step {}: the steps are too long",
            three_digits(first),
            three_digits(peak),
            at + 1 + RUN / 2
        )
    } else if last > threshold * lowest && last - lowest > 0.05 * first {
        format!(
            "the loss comes down to {} and ends at {}: the steps are too long to stay there",
            three_digits(lowest),
            three_digits(last)
        )
    } else {
        return None;
    };
    Some(Found::new(text, lower(evidence, 3.0)))
}

pub(super) fn rate_too_low(evidence: &Evidence<'_>, threshold: f64) -> Option<Found> {
    let (blocks, steps) = (&evidence.blocks, evidence.run.steps.len());
    if evidence.has_diverged() || steps < FEW {
        return None;
    }
    let medians = evidence.hidden.iter().filter_map(|layer| median(layer.columns.train.get("update_ratio")));
    let pace = medians.reduce(f64::max).filter(|&pace| pace > 0.0 && pace < threshold)?;
    let (first, last) = (quarter(blocks, 0)?, quarter(blocks, 3)?);
    // What has learnt has no need to move, and what does not fall is not slow.
    if last >= (1.0 - STILL) * first || last < 0.5 * first {
        return None;
    }
    let text = format!(
        "the rate is low: a step moves no layer's weight by more than {pace:.1e} of its length (about 1e-3 is common), and the loss \
         still falls, from {} to {}",
        three_digits(*blocks.first()?),
        three_digits(*blocks.last()?)
    );
    let lr = evidence.experiment.as_ref().map(|experiment| experiment.optimizer.lr * (PACE / pace).min(100.0));
    let raise = lr.map_or_else(|| "raise it".into(), |lr| format!("raise it ({})", rate(lr)));
    Some(Found::new(text, format!("{raise}, or find one with initlab lr-find")))
}

fn median(values: &[f32]) -> Option<f64> {
    let values: Vec<f64> = values.iter().map(|&x| f64::from(x)).filter(|x| x.is_finite()).collect();
    (!values.is_empty()).then(|| crate::inference::spread::median(&values))
}

pub(super) fn overfits(evidence: &Evidence<'_>, threshold: f64) -> Option<Found> {
    let [test, train, step] = ["test_loss", "train_loss", "step"].map(|name| evidence.run.epochs.get(name));
    let last = test.len().checked_sub(1).filter(|&last| last > 1)?;
    let best = (0..=last).filter(|&i| test[i].is_finite()).min_by(|&a, &b| test[a].total_cmp(&test[b]))?;
    // One evaluation after the other may differ by so much; what is learnt by heart leaves the test images behind.
    let by_heart = test[last] > 2.0 * train[last] && train[last] < train[best];
    if test[last] <= (1.0 + threshold) * test[best] || !by_heart {
        return None;
    }
    let text = format!(
        "it overfits: the test loss was lowest at step {}, {}, and rises to {}, while the training loss falls on from {} to {}",
        step[best],
        three_digits(test[best]),
        three_digits(test[last]),
        three_digits(train[best]),
        three_digits(train[last])
    );
    let advice = format!(
        "stop there (train.steps = {}), or hold it back with model.dropout = 0.2 or optimizer.weight_decay",
        step[best]
    );
    Some(Found::new(text, advice))
}

pub(super) fn clipped(evidence: &Evidence<'_>, threshold: f64) -> Option<Found> {
    let limit = evidence.experiment.as_ref()?.train.clip_norm?;
    let norms: Vec<f64> =
        evidence.run.steps.get("gradient_norm").iter().copied().filter(|norm| !norm.is_nan()).collect();
    let share = norms.iter().filter(|&&norm| norm > limit).count() as f64 / norms.len().max(1) as f64;
    let text = format!(
        "the gradient was longer than train.clip_norm = {limit} in {} of the steps, so that the limit sets their length",
        whole_percent(share)
    );
    (share > threshold).then(|| Found::new(text, ""))
}

pub(super) fn learns(evidence: &Evidence<'_>, threshold: f64) -> Option<Found> {
    evidence.learnt().filter(|&learnt| learnt >= threshold && !evidence.has_diverged())?;
    let summary = evidence.summary()?;
    let accuracy = percent(summary.test_accuracy?);
    let best = summary.best_test_accuracy.filter(|&best| Some(best) > summary.test_accuracy);
    let best = best.map_or_else(String::new, |best| format!(" (at best {})", percent(best)));
    let loss = match (evidence.blocks.first(), evidence.blocks.last()) {
        (Some(first), Some(last)) => {
            format!(", the training loss went from {} to {}", three_digits(*first), three_digits(*last))
        }
        _ => String::new(),
    };
    Some(Found::new(format!("it learns: test accuracy {accuracy}{best} after {} steps{loss}", summary.steps), ""))
}

pub(super) fn still_falls(evidence: &Evidence<'_>, threshold: f64) -> Option<Found> {
    let blocks = &evidence.blocks;
    if evidence.has_diverged() || evidence.run.steps.len() < 4 * FEW {
        return None;
    }
    let (third, last) = (quarter(blocks, 2)?, quarter(blocks, 3)?);
    let text = format!(
        "the training loss still falls, by {} over the last quarter of the steps",
        whole_percent(1.0 - last / third)
    );
    (last < (1.0 - threshold) * third).then(|| Found::new(text, "more steps would bring more"))
}
