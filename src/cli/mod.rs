//! The command line, a file per command. stdout gets results, stderr progress and errors.

mod call;
mod chart_file;
pub mod compare;
mod complete;
pub mod completions;
pub mod config;
pub mod config_file;
pub mod data;
pub mod dataset;
mod device;
mod examples;
pub mod experiment;
mod findings;
pub mod init;
pub mod interrupt;
mod layer_table;
pub mod lesson8;
mod lesson8_markdown;
mod lesson8_table;
pub mod lr_find;
pub mod man;
pub mod model;
pub mod new;
pub mod output;
pub mod papers;
mod papers_markdown;
mod papers_table;
mod path;
pub mod probe;
mod probe_study;
mod probe_table;
pub mod progress;
pub mod report;
pub mod run_name;
mod run_place;
mod shard;
pub mod shortcuts;
pub mod status;
mod study_map;
mod study_markup;
mod study_pairs;
mod study_plan;
mod study_power;
mod study_progress;
mod study_run;
mod study_source;
mod study_table;
pub mod submit;
mod submit_jobs;
mod submit_plan;
pub mod theory;
mod theory_chart;
mod theory_config;
mod theory_layer;
mod theory_rows;
pub mod train;
pub mod width;
mod width_table;
mod widths;

use std::ffi::OsString;
use std::path::PathBuf;
use std::process::ExitCode;

use clap::{Parser, Subcommand};

pub(crate) use crate::cli::output::print;
use crate::config::ConfigError;
use crate::train::threads;

/// Shows what weight initialisation does: trains deep networks from many starts and records every layer.
#[derive(Debug, Parser)]
#[command(name = "initlab", version, max_term_width = 100, after_long_help = examples::of(""))]
pub struct Cli {
    #[command(subcommand)]
    command: Command,
}

#[derive(Debug, Subcommand)]
enum Command {
    /// Train a network as a config describes it, and record loss, accuracy and every layer.
    #[command(after_long_help = examples::of("train"))]
    Train(train::TrainArgs),
    /// Train many runs side by side and say which start converges sooner.
    #[command(after_long_help = examples::of("compare"))]
    Compare(compare::CompareArgs),
    /// Make a study on a Slurm cluster, as an array of jobs.
    #[command(after_long_help = examples::of("submit"))]
    Submit(submit::SubmitArgs),
    /// Say how a study on a cluster stands.
    #[command(after_long_help = examples::of("status"))]
    Status(status::StatusArgs),
    /// Write a config with comments to begin with: of an MLP, of a CNN, or of a study.
    #[command(after_long_help = examples::of("new"))]
    New(new::NewArgs),
    /// Find a learning rate for a config: the range test.
    #[command(after_long_help = examples::of("lr-find"))]
    LrFind(lr_find::LrFindArgs),
    /// Write the starting weights of a config, without training.
    #[command(after_long_help = examples::of("init"))]
    Init(init::InitArgs),
    /// Print a config's network as a table: shapes, parameters, fan_in, initialiser, std.
    #[command(after_long_help = examples::of("model"))]
    Model(model::ModelArgs),
    /// Measure a config's network before training, beside what theory predicts.
    #[command(after_long_help = examples::of("probe"))]
    Probe(probe::ProbeArgs),
    /// Check how a network follows its width: whether its learning rate carries over to a wider one.
    #[command(after_long_help = examples::of("width"))]
    Width(width::WidthArgs),
    /// Draw what a run's directory holds: one HTML file that needs no network, or pictures.
    #[command(after_long_help = examples::of("report"))]
    Report(report::ReportArgs),
    /// Print what theory says about an activation: moments, gains, χ, fixed points, depth scales.
    #[command(after_long_help = examples::of("theory"))]
    Theory(theory::TheoryArgs),
    /// Replay lesson 8's printed results over many seeds, beside theory.
    #[command(after_long_help = examples::of("lesson8"))]
    Lesson8(lesson8::Lesson8Args),
    /// Replay published results over many seeds: the printed numbers beside ours.
    #[command(after_long_help = examples::of("papers"))]
    Papers(papers::PapersArgs),
    /// Show, get and check data sets.
    #[command(after_long_help = examples::of("data"))]
    Data(data::DataCommand),
    /// Print every key of configs with its type, range, default and meaning.
    #[command(after_long_help = examples::of("config"))]
    Config(config::ReferenceArgs),
    /// Print a script that completes this command's options in a shell.
    #[command(after_long_help = examples::of("completions"))]
    Completions(completions::CompletionsArgs),
    /// Write the manual's pages.
    #[command(after_long_help = examples::of("man"))]
    Man(man::ManArgs),
}

/// A mistake in how the command was called.
#[derive(Debug, thiserror::Error)]
#[error("{0}")]
pub struct UsageError(pub String);

/// Runs the command line of this process: exit code 0 for success, 1 for a failure, 2 for a wrong call or config, 3
/// if a replayed result is outside its range, 130 after Ctrl-C, 143 after TERM.
pub fn main() -> ExitCode {
    answer(&std::env::args_os().collect::<Vec<_>>())
}

/// Runs the command line `words`, without the command's own name, in a process of another program, in which `own` is the path of the
/// command. Gives the exit code as a number.
pub fn main_within(own: PathBuf, words: impl IntoIterator<Item = OsString>) -> u8 {
    call::called_as(own);
    let words: Vec<OsString> = std::iter::once("initlab".into()).chain(words).collect();
    let code = answer(&words);
    (0..u8::MAX).find(|&number| ExitCode::from(number) == code).unwrap_or(u8::MAX)
}

fn answer(words: &[OsString]) -> ExitCode {
    let read = || if completions::answer(words)? { Ok(None) } else { call::read(words).map(Some) };
    match read() {
        Ok(Some(cli)) => carry_out(cli.command),
        Ok(None) => ExitCode::SUCCESS,
        Err(error) => {
            let text = error.to_string();
            // A help has its width; a message has that of what was given. Colours are given up only where lines must be folded.
            if error.use_stderr() && output::folded_lines(&text) != text {
                output::say(output::folded_lines(&text).trim_end());
            } else {
                // Nobody may look, as where a pipe is closed.
                let _ = error.print();
            }
            ExitCode::from(error.exit_code() as u8)
        }
    }
}

fn carry_out(command: Command) -> ExitCode {
    threads::ready();
    let result = match command {
        Command::Train(args) => train::run(&args),
        Command::Compare(args) => compare::run(&args),
        Command::Submit(args) => submit::run(&args).map(|()| ExitCode::SUCCESS),
        Command::Status(args) => status::run(&args).map(|()| ExitCode::SUCCESS),
        Command::New(args) => new::run(&args).map(|()| ExitCode::SUCCESS),
        Command::LrFind(args) => lr_find::run(&args).map(|()| ExitCode::SUCCESS),
        Command::Init(args) => init::run(&args).map(|()| ExitCode::SUCCESS),
        Command::Model(args) => model::run(&args).map(|()| ExitCode::SUCCESS),
        Command::Probe(args) => probe::run(&args).map(|()| ExitCode::SUCCESS),
        Command::Width(args) => width::run(&args).map(|()| ExitCode::SUCCESS),
        Command::Report(args) => report::run(&args).map(|()| ExitCode::SUCCESS),
        Command::Theory(args) => theory::run(&args).map(|()| ExitCode::SUCCESS),
        Command::Lesson8(args) => lesson8::run(&args),
        Command::Papers(args) => papers::run(&args),
        Command::Data(command) => data::run(&command).map(|()| ExitCode::SUCCESS),
        Command::Config(args) => config::run(&args).map(|()| ExitCode::SUCCESS),
        Command::Man(args) => man::run(&args).map(|()| ExitCode::SUCCESS),
        Command::Completions(args) => completions::run(&args).map(|()| ExitCode::SUCCESS),
    };
    result.unwrap_or_else(|error| {
        if broken_pipe(&error) {
            return ExitCode::SUCCESS;
        }
        match error.downcast_ref::<ConfigError>() {
            Some(error) => output::say(&error.told("error: ")),
            None => {
                let text = format!("error: {}{}", output::with_causes(&error), dataset::names_instead_of(&error));
                output::say(&output::folded_lines(&text));
            }
        }
        let usage = error.is::<ConfigError>() || error.is::<UsageError>();
        ExitCode::from(if usage { 2 } else { 1 })
    })
}

/// Says of so many runs that an earlier version recorded them, and that nobody can tell whether their files are whole.
fn say_unchecked(runs: usize) {
    match runs {
        0 => {}
        1 => output::say("a run was recorded without sums, by an earlier version: its files could not be checked"),
        n => output::say(&format!(
            "{n} runs were recorded without sums, by an earlier version: their files could not be checked"
        )),
    }
}

/// A name as a directory may have it.
pub fn file_name(name: &str) -> String {
    let safe: String = name.chars().map(|c| if c.is_alphanumeric() || "-_.".contains(c) { c } else { '_' }).collect();
    safe.trim_start_matches('.').into()
}

/// True if the reader of stdout, such as `head`, has simply seen enough.
fn broken_pipe(error: &anyhow::Error) -> bool {
    let io = error.downcast_ref::<std::io::Error>();
    io.is_some_and(|io| io.kind() == std::io::ErrorKind::BrokenPipe)
}
