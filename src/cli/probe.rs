//! `initlab probe`: a config's network before its first training step, measured beside predicted.

use std::path::{Path, PathBuf};

use anyhow::Result;
use clap::Args;

use crate::cli::config_file::read_config;
use crate::cli::device::host_threads;
use crate::cli::experiment::ConfigArgs;
use crate::cli::findings;
use crate::cli::path::path;
use crate::cli::probe_study;
use crate::cli::probe_table::{sharpness_of_starts, text};
use crate::cli::progress::bar;
use crate::config::document::read_text;
use crate::probe::record::LayerRecord;
use crate::probe::sharpness::sharpness;
use crate::probe::{Probe, ProbeError, ProbeRecord, probe};
use crate::record::lock::Lock;
use crate::record::seal::seal;
use crate::record::whole::{make_directory, write_changed};
use crate::report;
use crate::report::terminal::{Glyphs, Level, by_depth};
use crate::study::Study;
use crate::train::threads::cores;

/// Measure a config's network before training, beside what theory predicts.
///
/// Real images go through the starting networks of several seeds, forwards and backwards. Each layer's numbers stand
/// beside the prediction for infinite width, with the band that the real width opens around it. Of a study, such as
/// configs/answer/mlp.toml, every start is a line.
#[derive(Debug, Args)]
pub struct ProbeArgs {
    #[command(flatten)]
    config: ConfigArgs,
    /// Networks, from the config's seed upwards.
    #[arg(long, default_value_t = 5, value_parser = clap::value_parser!(u16).range(1..=10_000))]
    seeds: u16,
    /// Pairs of images of one class, and as many of two classes.
    #[arg(long, default_value_t = 64, value_parser = clap::value_parser!(u16).range(1..=2_000))]
    pairs: u16,
    /// Threads; the result does not depend on it [default: one for each core].
    #[arg(long, value_parser = clap::value_parser!(u16).range(1..=1024))]
    threads: Option<u16>,
    /// Measure the largest eigenvalue of the loss's Hessian on so many training images, too, and the largest stable rate.
    #[arg(long, value_name = "IMAGES", value_parser = clap::value_parser!(u32).range(1..))]
    sharpness: Option<u32>,
    /// Write the numbers to probe.json in this directory, and report.html.
    #[arg(long, value_name = "DIR", value_parser = path())]
    out: Option<PathBuf>,
    /// Print the object of probe.json instead of tables.
    #[arg(long)]
    json: bool,
    /// Draw the chart with plain characters, as in a terminal that is called dumb.
    #[arg(long)]
    ascii: bool,
}

/// Probes and prints.
///
/// # Errors
/// The config, the data or the file.
pub fn run(args: &ProbeArgs) -> Result<()> {
    let threads = host_threads(args.threads.map_or_else(cores, usize::from));
    let options = Probe { seeds: args.seeds.into(), pairs: args.pairs.into(), threads };
    if args.config.document()?.root().value("arms").is_some() {
        return run_study(args, options);
    }
    let loaded = args.config.read()?;
    let data = args.config.load_data(&loaded.experiment)?;
    let bar = bar(options.seeds, "seeds");
    let found = probe(&loaded.experiment, &data, options, || bar.inc(1));
    bar.finish_and_clear();
    let mut found = found.map_err(|error| match error {
        ProbeError::Network(error) => loaded.at_config(error),
        error @ ProbeError::Images { .. } => error.into(),
    })?;
    if let Some(images) = args.sharpness {
        let measured = sharpness(&loaded.experiment, &data, (options.seeds, images as usize), threads);
        found.sharpness = Some(measured.map_err(|error| loaded.at_config(error))?);
    }
    if let Some(directory) = &args.out {
        write(directory, &found)?;
    }
    super::print(&if args.json {
        seal(&json(&found)?)
    } else {
        let path = args.out.as_ref().map_or_else(String::new, |dir| findings::path_of_report(&dir.join(report::FILE)));
        format!("{}\n{}{path}", chart(&found, args.ascii), text(&found))
    })
}

/// The pre-activations' second moment by depth, beside its prediction.
fn chart(found: &ProbeRecord, ascii: bool) -> String {
    let level = |layer: &LayerRecord| Level {
        name: layer.name.clone(),
        measured: layer.z_second_moment.median,
        predicted: layer.z_second_moment.predicted,
        band: layer.z_second_moment.low.zip(layer.z_second_moment.high),
    };
    let levels: Vec<Level> = found.layers.iter().map(level).collect();
    by_depth("second moment of the pre-activations by depth", &levels, 79, Glyphs::choose(ascii))
}

/// Every start of a study; with `--out`, a directory for each, and with `--json`, an array.
fn run_study(args: &ProbeArgs, options: Probe) -> Result<()> {
    let label = args.config.config.display().to_string();
    let source = read_config(&args.config.config)?;
    let study = Study::parse(&label, &source, &args.config.sets, &read_text)?;
    let bar = bar(options.seeds * probe_study::starts(&study).len(), "seeds");
    let reports = probe_study::reports(&args.config, &study, options, || bar.inc(1));
    bar.finish_and_clear();
    let mut reports = reports?;
    if let Some(images) = args.sharpness {
        for (report, experiment) in reports.iter_mut().zip(probe_study::starts(&study)) {
            let data = args.config.load_data(&experiment)?;
            let measured = sharpness(&experiment, &data, (options.seeds, images as usize), options.threads);
            report.sharpness = Some(measured?);
        }
    }
    let mut paths = String::new();
    if let Some(directory) = &args.out {
        for found in &reports {
            let directory = directory.join(found.name.replace(' ', "-"));
            write(&directory, found)?;
            paths += &findings::path_of_report(&directory.join(report::FILE));
        }
    }
    super::print(&if args.json {
        json(&reports)?
    } else {
        probe_study::text(&study.name, &reports) + &sharpness_of_starts(&reports) + &paths
    })
}

/// Writes the numbers, and the page that draws them.
///
/// # Errors
/// The directory cannot be written.
pub fn write(directory: &Path, found: &ProbeRecord) -> Result<()> {
    make_directory(directory)?;
    let _lock = Lock::to_add(directory);
    let json = json(found)?;
    write_changed(&directory.join("probe.json"), seal(&json).as_bytes())?;
    // Reading may move a last digit, so the page shows what was read, as `initlab report` does: the same bytes.
    let read: ProbeRecord = serde_json::from_str(&json)?;
    report::write(&report::probe::page(&read), &directory.join(report::FILE))?;
    Ok(report::write_index(directory)?)
}

fn json(found: &impl serde::Serialize) -> Result<String> {
    Ok(format!("{}\n", serde_json::to_string_pretty(found)?))
}
