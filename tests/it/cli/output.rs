//! Output of the commands, printed and written beside runs.

use std::fs;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};

use clap::CommandFactory;
use initlab::config::Experiment;
use initlab::data::{Choice, Request, load};
use initlab::study::{Campaign, Study};
use initlab::train::prepare::network;

use super::{BATCH_NORM, CNN, MLP, RESIDUAL, Work, initlab};

/// The shipped files with their text: configs, and studies, which have arms.
fn shipped(studies: bool) -> Vec<(PathBuf, String)> {
    let directory = Path::new(env!("CARGO_MANIFEST_DIR")).join("configs");
    let files =
        |directory: &Path| fs::read_dir(directory).unwrap().map(|entry| entry.unwrap().path()).collect::<Vec<_>>();
    let mut paths = [files(&directory), files(&directory.join("answer"))].concat();
    paths.retain(|path| path.extension().is_some_and(|e| e == "toml"));
    let read = |path: PathBuf| (path.clone(), fs::read_to_string(path).unwrap());
    let all: Vec<_> = paths.into_iter().map(read).filter(|(_, text)| text.contains("[[arms]]") == studies).collect();
    assert!(all.len() >= 5, "{all:?}");
    all
}

#[test]
fn every_shipped_study_can_be_built_and_says_how_it_is_run() {
    let digits = load(&Request::new(Choice::Digits)).unwrap().dataset;
    for (path, text) in shipped(true) {
        let label = path.to_str().unwrap();
        let study = Study::parse(label, &text, &[], &|path| fs::read_to_string(path)).unwrap();
        let place = label.rsplit_once("configs/").unwrap().1;
        assert!(text.contains(&format!("initlab compare configs/{place}")), "{label}");
        Campaign::new(study, digits.clone()).unwrap();
    }
}

#[test]
fn every_shipped_config_builds_fits_a_terminal_and_survives_being_written_out() {
    for (path, text) in shipped(false) {
        let label = path.to_str().unwrap();
        let experiment = Experiment::parse(label, &text, &[]).unwrap();
        assert_eq!(Experiment::parse("again.toml", &experiment.to_toml(), &[]).as_ref(), Ok(&experiment), "{label}");
        let network = network(&experiment.resolved().unwrap().model, [1, 28, 28], 10).unwrap();
        let ran = initlab(["model", label]);
        assert!(ran.code == Some(0) && ran.stderr.is_empty(), "{ran:?}");
        let widest = ran.stdout.lines().map(|line| line.chars().count()).max().unwrap();
        assert!(widest <= 80, "{label}: {widest} columns\n{}", ran.stdout);
        assert!(ran.stdout.contains(&format!("{} parameters", network.parameters())), "{}", ran.stdout);
        let first_line = text.lines().next().unwrap();
        assert!(first_line.starts_with("# ") && text.contains(&format!("initlab train configs/{}", experiment.name)));
    }
}

#[test]
fn every_choice_survives_being_written_out() {
    let model = "model.norm={kind='layer',position='after',eps=1e-3}";
    let last = "init.last={weight={kind='sparse',sparsity=0.5,std=0.1},bias={kind='constant',value=-0.5}}";
    let clipped = "model.activation={kind='general_relu',leak=0.1,shift=0.4,max=6.0}";
    let cases: [(&str, &[&str]); 10] = [
        (CNN, &["model.bias='output'"]),
        (MLP, &[model, last, "train.target_accuracy=0.5", "train.clip_norm=1e-7"]),
        (CNN, &[clipped, "init.weight={kind='kaiming_normal',mode='fan_avg',gain=1.5}", "model.head=flatten"]),
        (CNN, &["model.stages.0.kernel=[3,1]", "model.hidden=[5]", "schedule={kind='step',every=3,factor=0.5}"]),
        (BATCH_NORM, &["record.checkpoint_every=3", "stats.histogram_range=[-1.5,2]", "train.loss=mse_digit"]),
        (RESIDUAL, &["model.residual={start='rezero',layers=3}", "data={dataset='digits',split='lesson'}"]),
        (MLP, &["seed=18446744073709551615", "name='a \"b\" é'", "init.weight={kind='orthogonal',gain='activation'}"]),
        (MLP, &["init.preset=moment-matched", "init.first={weight='orthogonal'}", "init.bias={kind='normal',std=0.2}"]),
        (MLP, &["init.aim={kind='depth_aware',zeta=1.2}", "init.weight={kind='orthogonal',gain='activation'}"]),
        (MLP, &["optimizer={kind='adamw',lr=1e-300,betas=[0.5,0.75],eps=1e-12}", "schedule.warmup_steps=7"]),
    ];
    for (text, sets) in cases {
        let sets: Vec<String> = sets.iter().map(|set| (*set).to_owned()).collect();
        let experiment = Experiment::parse("net.toml", text, &sets).unwrap();
        assert_eq!(Experiment::parse("again.toml", &experiment.to_toml(), &[]), Ok(experiment), "{sets:?}");
    }
}

#[test]
fn the_table_of_a_theory_born_start_shows_what_it_became() {
    let work = Work::new();
    let config = work.config(MLP);
    let ran = initlab(["model", config.to_str().unwrap(), "--set", "init.preset=depth-aware"]);
    assert!(ran.code == Some(0), "{ran:?}");
    // Two hidden layers: χ = √1.5, and std = gain/√fan_in.
    for part in ["general_relu", "depth_aware: φ = general_relu:leak=0.2222", "0.1910"] {
        assert!(ran.stdout.contains(part), "{part}\n{}", ran.stdout);
    }
}

#[test]
fn init_writes_the_start_of_the_run_without_training() {
    for net in [MLP, CNN, BATCH_NORM, RESIDUAL] {
        let work = Work::new();
        let (config, file) = (work.config(net), work.path("start.safetensors"));
        assert_eq!(work.train("run", &[]).code, Some(0));
        let ran = initlab(["init".as_ref(), config.as_os_str(), "-o".as_ref(), file.as_os_str()]);
        assert!(ran.code == Some(0) && ran.stderr.is_empty() && ran.stdout.contains("parameters of net"), "{ran:?}");
        assert!(fs::read(&file).unwrap() == fs::read(work.path("run").join("init.safetensors")).unwrap(), "{net}");
        let broken = work.path("blobs").join("x").join("y");
        let ran = initlab(["init".as_ref(), config.as_os_str(), "-o".as_ref(), broken.as_os_str()]);
        assert!(ran.code == Some(1) && ran.message().contains(broken.to_str().unwrap()), "{ran:?}");
    }
}

#[test]
fn completions_of_each_shell_know_each_command() {
    let command = initlab::cli::Cli::command();
    for shell in ["bash", "zsh", "fish"] {
        let ran = initlab(["completions", shell]);
        assert!(ran.code == Some(0) && ran.stderr.is_empty(), "{ran:?}");
        assert!(ran.stdout.contains("COMPLETE"), "{shell}: the script asks the program: {ran:?}");
        // The program's answer, as the script asks for it.
        let asked = |words: &[&str]| {
            let mut asking = Command::new(env!("CARGO_BIN_EXE_initlab"));
            asking
                .env("COMPLETE", shell)
                .env("_CLAP_COMPLETE_INDEX", (words.len() - 1).to_string())
                .env("_CLAP_IFS", "\n");
            String::from_utf8(asking.arg("--").args(words).output().unwrap().stdout).unwrap()
        };
        let commands = asked(&["initlab", ""]);
        for subcommand in command.get_subcommands() {
            assert!(commands.contains(subcommand.get_name()), "{shell}: {}", subcommand.get_name());
        }
        assert!(asked(&["initlab", "train", "x.toml", "--ov"]).contains("--overwrite"), "{shell}: options are missing");
    }
}

#[test]
fn a_reader_that_has_seen_enough_is_no_error() {
    let work = Work::new();
    let config = work.config(MLP);
    let (config, data) = (config.to_str().unwrap(), work.path("blobs"));
    let data = data.to_str().unwrap();
    let (out, run) = (work.path("start.safetensors"), work.path("run"));
    let calls: [&[&str]; 9] = [
        &["data", "info", "--dataset", data],
        &["data", "info", "--json", "--dataset", data],
        &["data", "verify", "--dataset", data],
        &["model", config],
        &["theory", "relu"],
        &["theory", "relu", "--json"],
        &["completions", "bash"],
        &["init", config, "-o", out.to_str().unwrap()],
        &["train", config, "--out", run.to_str().unwrap()],
    ];
    for call in calls {
        let mut command = Command::new(env!("CARGO_BIN_EXE_initlab"));
        let mut child = command.args(call).stdout(Stdio::piped()).stderr(Stdio::piped()).spawn().unwrap();
        drop(child.stdout.take());
        let output = child.wait_with_output().unwrap();
        let stderr = String::from_utf8_lossy(&output.stderr);
        assert!(
            output.status.success() && !stderr.contains("error") && !stderr.contains("panic"),
            "{call:?}: {stderr}"
        );
    }
}
