//! `initlab model`: a config's network as a table.

use anyhow::Result;
use clap::Args;
use comfy_table::{CellAlignment, Table, presets};

use crate::cli::experiment::ConfigArgs;
use crate::config::init::InitConfig;
use crate::data::Choice;
use crate::model::Role;
use crate::model::{Network, start};
use crate::train::prepare::{network, outputs};

/// Print a config's network as a table: shapes, parameters, fan_in, initialiser, std.
#[derive(Debug, Args)]
pub struct ModelArgs {
    #[command(flatten)]
    config: ConfigArgs,
}

/// Prints the table.
///
/// # Errors
/// The config, or the data of a directory.
pub fn run(args: &ModelArgs) -> Result<()> {
    let loaded = args.config.read()?;
    let experiment = &loaded.experiment;
    // The known sets have the same shape; only a directory must be looked into.
    let (size, classes) = match experiment.data.choice() {
        Choice::Directory(_) => {
            let data = args.config.load_data(experiment)?;
            (data.image_size(), data.classes())
        }
        _ => ((28, 28), 10),
    };
    let fitted = experiment.fitted()?;
    let network =
        network(&fitted.model, size, outputs(experiment, classes)).map_err(|error| loaded.at_model(&error))?;
    let aim = experiment
        .init
        .aim
        .map_or_else(String::new, |aim| format!("\n{}: φ = {}", aim.name(), fitted.model.activation));
    super::print(&format!("{}{aim}\n", table(&network, &fitted.init)))
}

/// The network layer by layer: output shape, parameters, fan_in, rule and the std that it aims at.
pub fn table(network: &Network, init: &InitConfig) -> String {
    let mut table = Table::new();
    table.load_style(presets::NOTHING);
    table.set_header(["module", "layer", "φ", "output", "params", "fan_in", "init", "std"]);
    for layer in network.flat_layers() {
        let indices = || [layer.weight, layer.bias].into_iter().flatten();
        let parameters: usize = indices().map(|i| network.params[i].len()).sum();
        let weight = layer.weight.filter(|&i| network.params[i].role == Role::Weight);
        let fan_in = weight.map_or_else(String::new, |i| network.params[i].fan_in.to_string());
        let rule = weight.map_or("", |i| start::weight_rule(network, init, i).weight.name());
        let std = weight.and_then(|i| start::expected_std(network, init, i));
        table.add_row([
            layer.key.clone(),
            layer.name.clone(),
            if layer.activation.name() == "identity" { String::new() } else { layer.activation.name().into() },
            layer.output.to_string(),
            if parameters == 0 { String::new() } else { parameters.to_string() },
            fan_in,
            rule.into(),
            std.map_or_else(String::new, |std| format!("{std:.4}")),
        ]);
    }
    // One blank between columns: with two, a CNN's table is wider than a terminal of 80 columns.
    table.column_iter_mut().for_each(|column| {
        column.set_padding((0, 1));
    });
    for column in [4, 5, 7] {
        table.column_mut(column).expect("the header has them").set_cell_alignment(CellAlignment::Right);
    }
    let lsuv = if init.lsuv.is_some() { "; LSUV then rescales every layer on training images" } else { "" };
    format!("{}\n{} parameters{lsuv}", trimmed(&table), network.parameters())
}

/// The table's text without blanks at the ends of lines.
pub(crate) fn trimmed(table: &Table) -> String {
    table.to_string().lines().map(str::trim_end).collect::<Vec<_>>().join("\n")
}
