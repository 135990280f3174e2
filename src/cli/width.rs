//! `initlab width`: how a network's values, and their change in the first steps, follow its width.

use std::path::PathBuf;

use anyhow::{Context, Result};
use clap::Args;

use crate::cli::UsageError;
use crate::cli::device::host_threads;
use crate::cli::experiment::{ConfigArgs, Loaded};
use crate::cli::path::path;
use crate::cli::progress;
use crate::cli::width_table::text;
use crate::cli::widths::Widths;
use crate::inference::spread::geometric_mean;
use crate::report::chart::{Axis, Chart, Series, Shape};
use crate::report::palette::Style;
use crate::report::thin::Point;
use crate::train::threads::cores;
use crate::width::record::LayerRecord;
use crate::width::{WidthCheck, WidthError, WidthRecord, check};

/// Check how a network follows its width: the size of every layer's values, and of their change in the first steps, as powers of the width.
///
/// The network of a config is trained for a few steps at each width, from several seeds. Where the logits' change grows with the width, the
/// best learning rate moves down; where it stays, as under init.parametrisation = "mup", the rate of a narrow network is that of a wide one.
#[derive(Debug, Args)]
pub struct WidthArgs {
    #[command(flatten)]
    config: ConfigArgs,
    /// Widths of the widest layer: doublings, or a list such as 64,96,128; other layers keep their proportion.
    #[arg(long, default_value = "64..2048")]
    widths: Widths,
    /// Networks of each width, from the config's seed upwards.
    #[arg(long, default_value_t = 5, value_parser = clap::value_parser!(u16).range(1..=1000))]
    seeds: u16,
    /// Steps of training.
    #[arg(long, default_value_t = 5, value_parser = clap::value_parser!(u16).range(1..=1000))]
    steps: u16,
    /// Threads; the result does not depend on it [default: one for each core].
    #[arg(long, value_parser = clap::value_parser!(u16).range(1..=1024))]
    threads: Option<u16>,
    /// Write the sizes of the last change by width as a chart into this file, too: .svg, or .png.
    #[arg(long, value_name = "FILE", value_parser = path())]
    chart: Option<PathBuf>,
    /// Print one JSON object instead of tables.
    #[arg(long)]
    json: bool,
}

/// Checks and prints.
///
/// # Errors
/// The call, the config, the data or the chart's file.
pub fn run(args: &WidthArgs) -> Result<()> {
    super::chart_file::check(args.chart.as_deref())?;
    let loaded = args.config.read()?;
    let data = args.config.load_data(&loaded.experiment)?;
    let options = WidthCheck { widths: args.widths.0.clone(), seeds: args.seeds.into(), steps: args.steps.into() };
    let threads = host_threads(args.threads.map_or_else(cores, usize::from));
    let pool = rayon::ThreadPoolBuilder::new()
        .num_threads(threads)
        .build()
        .context("cannot start the threads; give fewer with --threads")?;
    let bar = progress::bar(options.widths.len() * options.seeds, "runs");
    let found = pool.install(|| check(&loaded.experiment, &data, &options, || bar.inc(1)));
    bar.finish_and_clear();
    let found = found.map_err(|error| at_call(error, &loaded))?;
    let told = if args.json { format!("{}\n", serde_json::to_string_pretty(&found)?) } else { text(&found) };
    super::print(&told)?;
    match &args.chart {
        Some(file) => super::chart_file::write(&chart(&found), file),
        None => Ok(()),
    }
}

/// An error at the option or at the config's line.
fn at_call(error: WidthError, loaded: &Loaded) -> anyhow::Error {
    match error {
        WidthError::Network(error) => loaded.at_config(error),
        error @ (WidthError::Width { .. } | WidthError::NoHidden) => UsageError(format!("--widths: {error}")).into(),
    }
}

/// The size of every layer's last change by width: the geometric mean of the seeds, with their extremes.
fn chart(found: &WidthRecord) -> Chart {
    let layers = found.layers.len();
    let series = |(i, layer): (usize, &LayerRecord)| {
        let sizes = layer.changes.last().map_or(&[][..], |growth| &growth.sizes);
        let points = found.widths.iter().zip(sizes).filter_map(|(&width, sizes)| {
            let there: Vec<f64> = sizes.iter().flatten().copied().filter(|&size| size > 0.0).collect();
            let y = (!there.is_empty()).then(|| geometric_mean(&there))?;
            let [low, high] = there.iter().fold([y; 2], |[low, high], &size| [low.min(size), high.max(size)]);
            Some(Point { x: width as f64, y, low, high })
        });
        Series::new(layer.name.clone(), Style::Depth(i, layers), Shape::Marked, points.collect())
    };
    Chart {
        title: format!("{}: change of the pre-activations by width", found.name),
        about: format!(
            "Root mean square of the change after {} steps, mean and extremes of {} seeds: flat lines keep their learning rate.",
            found.steps,
            found.seeds.len()
        ),
        x: Axis::log("width"),
        y: Axis::log("size of the change"),
        series: found.layers.iter().enumerate().map(series).collect(),
        rules: Vec::new(),
    }
}
