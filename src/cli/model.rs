//! `initlab model`: a config's network as a table.

use anyhow::Result;
use clap::Args;
use comfy_table::{CellAlignment, Table, presets};

use crate::cli::experiment::ConfigArgs;
use crate::cli::theory_rows::wrapped;
use crate::config::error::folded;
use crate::config::init::InitConfig;
use crate::data::{Choice, Part};
use crate::model::{Network, Role, initialise};
use crate::train::Plan;
use crate::train::memory::{self, DataSize};
use crate::train::prepare::{network, outputs};
use crate::train::threads::cores;

/// Print a config's network as a table: shapes, parameters, fan_in, initialiser, and the std with which weights start.
#[derive(Debug, Args)]
pub struct ModelArgs {
    #[command(flatten)]
    config: ConfigArgs,
}

/// Prints the table. With LSUV, which looks at training images, it loads them and shows what came out.
///
/// # Errors
/// The config, or the data of a directory.
pub fn run(args: &ModelArgs) -> Result<()> {
    let loaded = args.config.read()?;
    let experiment = &loaded.experiment;
    let resolved = experiment.resolved()?;
    if experiment.init.lsuv.is_some() {
        let plan = loaded.plan(args.config.load_data(experiment)?)?;
        let std = |i: usize| Some(std_of(&plan.start[i]));
        return super::print(&format!("{}{}\n", table(&plan.network, &resolved.init, std), lsuv_note(&plan)));
    }
    // What a known set holds is known without it; only a directory must be looked into.
    let (size, classes, images) = match experiment.data.choice() {
        Choice::Directory(_) => {
            let data = args.config.load_data(experiment)?;
            (data.image_dims(), data.classes(), DataSize::of(&data))
        }
        Choice::Known(known) => {
            let ([train, test], dims) = (known.images, known.dims);
            (dims, known.classes, DataSize { train, test, pixels: dims.iter().product() })
        }
        Choice::Auto | Choice::Digits => ([1, 28, 28], 10, DataSize::KNOWN),
        Choice::ColourDigits => ([3, 28, 28], 10, DataSize { pixels: 3 * DataSize::KNOWN.pixels, ..DataSize::KNOWN }),
    };
    let network =
        network(&resolved.model, size, outputs(experiment, classes)).map_err(|error| loaded.at_model(&error))?;
    let std = |i: usize| initialise::drawn_std(&network, &resolved.init, &resolved.model, i);
    let mut text = table(&network, &resolved.init, std);
    if initialise::is_fixup(&resolved.model) {
        text += "\nFixup scales the branches, and starts the last of each and the output at 0";
    }
    if let Some(aim) = experiment.init.aim {
        text += &format!("\n{}: φ = {}", aim.name(), resolved.model.activation);
    }
    for empty in initialise::empty_units(&network, &resolved.init, experiment.seed)? {
        text += &format!("\n{empty}");
    }
    let threads = cores();
    let memory = memory::of_run(experiment, &network, images, threads);
    let cores = if threads == 1 { "one core".into() } else { format!("{threads} cores") };
    let data = memory::size(memory::of_data(images));
    text += &format!("\n{}", folded(&format!("training on {cores} takes about {memory}, beside {data} of data"), 2));
    super::print(&format!("{text}\n"))
}

/// The network layer by layer: output shape, parameters, fan_in, rule, and the std with which weight `i` starts.
pub fn table(network: &Network, init: &InitConfig, std: impl Fn(usize) -> Option<f64>) -> String {
    let mut table = Table::new();
    table.load_style(presets::NOTHING);
    table.set_header(["module", "layer", "φ", "output", "params", "fan_in", "init", "std"]);
    for layer in network.flat_layers() {
        let indices = || [layer.weight, layer.bias].into_iter().flatten();
        let parameters: usize = indices().map(|i| network.params[i].len()).sum();
        let weight = layer.weight.filter(|&i| network.params[i].role == Role::Weight);
        let fan_in = weight.map_or_else(String::new, |i| network.params[i].fan_in.to_string());
        let rule = weight.map_or("", |i| initialise::weight_rule(network, init, i).weight.name());
        table.add_row([
            layer.key.clone(),
            layer.name.clone(),
            if layer.activation.name() == "identity" { String::new() } else { layer.activation.name().into() },
            layer.output.to_string(),
            if parameters == 0 { String::new() } else { parameters.to_string() },
            fan_in,
            rule.into(),
            weight.and_then(&std).map_or_else(String::new, |std| format!("{std:.4}")),
        ]);
    }
    // One blank between columns: with two, a CNN's table is wider than a terminal of 80 columns.
    table.column_iter_mut().for_each(|column| {
        column.set_padding((0, 1));
    });
    for column in [4, 5, 7] {
        table.column_mut(column).expect("the header has them").set_cell_alignment(CellAlignment::Right);
    }
    format!("{}\n{} parameters", trimmed(&table), network.parameters())
}

/// Says what LSUV did that the table does not show.
fn lsuv_note(plan: &Plan) -> String {
    let images = plan.experiment.init.lsuv.map_or(0, |lsuv| lsuv.images.min(plan.data.len(Part::Train)));
    let note = format!("; rescaled by LSUV on {images} training images at seed {}", plan.experiment.seed);
    let moved = plan.moved_shifts();
    if moved.is_empty() {
        return note;
    }
    let shifts: Vec<String> = moved.iter().map(|moved| format!("{} {:.4}", moved.layer, moved.shift)).collect();
    format!("{note}\n{}", wrapped(&format!("shifts that LSUV found: {}", shifts.join(", ")), ""))
}

fn std_of(values: &[f32]) -> f64 {
    let n = values.len() as f64;
    let mean = values.iter().map(|&x| f64::from(x)).sum::<f64>() / n;
    (values.iter().map(|&x| (f64::from(x) - mean).powi(2)).sum::<f64>() / n).sqrt()
}

/// The table's text without blanks at the ends of lines.
pub(crate) fn trimmed(table: &Table) -> String {
    table.to_string().lines().map(str::trim_end).collect::<Vec<_>>().join("\n")
}
