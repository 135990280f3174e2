//! The `initlab` command.

use clap::Parser;

#[derive(Parser)]
#[command(version, about)]
enum Cli {
    Data(initlab::cli::data::DataCommand),
}

fn main() -> anyhow::Result<()> {
    let Cli::Data(command) = Cli::parse();
    initlab::cli::data::run(&command)
}
