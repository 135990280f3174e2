//! The `initlab` command.

use clap::Parser;

#[derive(Parser)]
#[command(version, about)]
enum Cli {
    Theory(initlab::cli::theory::TheoryArgs),
}

fn main() -> anyhow::Result<()> {
    let Cli::Theory(args) = Cli::parse();
    initlab::cli::theory::run(&args)
}
