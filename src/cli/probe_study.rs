//! `initlab probe` of a study: every start of it in one table.

use anyhow::Result;

use crate::cli::experiment::ConfigArgs;
use crate::cli::probe_table::trend;
use crate::cli::theory_rows::wrapped;
use crate::config::Experiment;
use crate::numerals::{four_digits, or_dash, two_decimals};
use crate::probe::record::{LayerRecord, ProbeRecord};
use crate::probe::{Probe, probe};
use crate::report::text::visible;
use crate::study::Study;

/// Probes every arm at every point of the grid; learning rates make no difference before training.
pub(super) fn reports(
    config: &ConfigArgs,
    study: &Study,
    options: Probe,
    done: impl Fn() + Sync,
) -> Result<Vec<ProbeRecord>> {
    let mut reports = Vec::new();
    let mut data = None;
    for experiment in starts(study) {
        let experiment = config.overridden(experiment);
        let same = data.as_ref().is_some_and(|(loaded, _)| *loaded == experiment.data);
        if !same {
            data = Some((experiment.data.clone(), config.load_data(&experiment)?));
        }
        let (_, images) = data.as_ref().expect("was loaded");
        reports.push(probe(&experiment, images, options, &done)?);
    }
    Ok(reports)
}

/// The different starts of a study, each named after its arm and its place in the grid.
pub(super) fn starts(study: &Study) -> Vec<Experiment> {
    let mut starts: Vec<Experiment> = Vec::new();
    for cell in &study.cells {
        let same = |other: &Experiment| {
            let (a, b) = (other, &cell.experiment);
            (&a.data, &a.model, &a.init, a.train.loss) == (&b.data, &b.model, &b.init, b.train.loss)
        };
        let labels = study.labels(&cell.point).into_iter().zip(&study.axes);
        let labels = labels.filter(|(_, axis)| axis.name != "learning_rate").map(|(label, _)| label);
        let name = labels.chain([study.arms[cell.arm].clone()]).collect::<Vec<_>>().join(" ");
        if !starts.iter().any(|other| same(other) && other.name == name) {
            starts.push(Experiment { name, ..cell.experiment.clone() });
        }
    }
    starts
}

/// A line for each start: the last hidden layer's signal, what the gradient became on its way to the first, likeness.
pub(super) fn text(study: &str, reports: &[ProbeRecord]) -> String {
    let Some(first) = reports.first() else { return String::new() };
    let about = format!(
        "{} before training: median of {} seeds, {} images of {}; of the last hidden layer E[z^2] and the correlation \
         of images of different classes; growth of the gradient's variance from there to the first layer",
        visible(study),
        first.seeds.len(),
        first.images,
        first.dataset
    );
    let mut text = format!(
        "{}\n\n{:<14}{:>9}{:>9}{:>9}{:>9}{:>6}{:>6} {:<8} {}\n",
        wrapped(&about, ""),
        "start",
        "E[z^2]",
        "pred.",
        "gradient",
        "pred.",
        "corr.",
        "pred.",
        "forward",
        "backward"
    );
    for report in reports {
        let hidden: Vec<&LayerRecord> = report.layers.iter().rev().skip(1).rev().collect();
        let (Some(first), Some(last)) = (hidden.first(), hidden.last()) else { continue };
        let over = |a: Option<f64>, b: Option<f64>| Some(a? / b.filter(|b| *b > 0.0)?);
        let growth = over(first.gradient_variance.median, last.gradient_variance.median);
        let predicted = over(first.gradient_variance.predicted, last.gradient_variance.predicted);
        text += &format!(
            "{:<14}{:>9}{:>9}{:>9}{:>9}{:>6}{:>6} {:<8} {}\n",
            visible(&report.name),
            or_dash(last.z_second_moment.median, four_digits),
            or_dash(last.z_second_moment.predicted, four_digits),
            or_dash(growth, four_digits),
            or_dash(predicted, four_digits),
            or_dash(last.correlation_different.median, two_decimals),
            or_dash(last.correlation_different.predicted, two_decimals),
            trend(report.verdict.forward.trend),
            trend(report.verdict.backward.trend),
        );
    }
    let (inside, checked) = reports.iter().fold((0, 0), |(a, b), r| (a + r.verdict.inside, b + r.verdict.checked));
    text + &format!("\n{inside} of {checked} measured numbers lie in their {} % band\n", 100.0 * first.confidence)
}
