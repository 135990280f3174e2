//! Commands of the documentation: the command line understands each, and the configs that they name take their changes.

use std::collections::BTreeMap;
use std::fs;
use std::path::{Path, PathBuf};

use clap::error::ErrorKind;
use clap::{ArgMatches, CommandFactory};
use initlab::cli::Cli;
use initlab::config::Experiment;
use initlab::study::file::Study;

use super::page::{Page, pages, root};

/// Pages of which commands are old on purpose.
const OF_EARLIER_VERSIONS: [&str; 1] = ["CHANGELOG.md"];
/// Options of `train` that are keys of its config.
const SHORT: [(&str, &str); 5] = [
    ("lr", "optimizer.lr"),
    ("epochs", "train.epochs"),
    ("init", "init.preset"),
    ("activation", "model.activation"),
    ("depth", "model.depth"),
];
/// Words that stand for one of several, or for what a reader is about to write, with one that will do.
const STAND_FOR: [(&str, &str); 5] =
    [("ACTIVATION", "relu"), ("C", "2"), ("COMMAND", "train"), ("SHELL", "bash"), ("softsign2", "softsign")];
/// Forms in which a page names the command.
const NAMES: [&str; 3] = ["initlab ", "cargo run --release -- ", "cargo run --release --quiet -- "];

/// The words of a line as a shell would cut them, each as it could be meant.
fn words(line: &str) -> Vec<String> {
    let (mut words, mut word, mut quote) = (Vec::new(), None::<String>, None);
    for c in line.chars() {
        match (c, quote) {
            (c, Some(open)) if c == open => quote = None,
            ('\'' | '"', None) => {
                quote = Some(c);
                word.get_or_insert_default();
            }
            (' ', None) => words.extend(word.take()),
            ('#', None) if word.is_none() => break,
            (c, _) => word.get_or_insert_default().push(c),
        }
    }
    words.extend(word);
    words.into_iter().map(|word| meant(&word)).collect()
}

/// A word that could stand in the place of this one: the first of several, one for a name in capitals, 1 for a variable.
fn meant(word: &str) -> String {
    if let Some((_, one)) = STAND_FOR.iter().find(|(open, _)| *open == word) {
        return (*one).into();
    }
    let word = word.split(r"\|").next().unwrap().replace("{}", "1");
    let Some((before, rest)) = word.split_once('$') else { return word };
    let rest = rest.trim_start_matches(|c: char| c.is_ascii_uppercase() || c == '_');
    format!("{before}1{rest}")
}

/// The part of a line of code that is a call of the command, with its words.
pub fn call(line: &str) -> Option<Vec<String>> {
    let line = line.trim().trim_start_matches("$ ");
    let rest = NAMES.iter().find_map(|name| line.strip_prefix(name))?;
    // A pipe, a redirection or a second command belongs to the shell.
    let rest = [" | ", " > ", " && ", "; "].iter().fold(rest, |rest, end| rest.split(end).next().unwrap());
    let found = words(rest);
    // A place that a page leaves open, or the command's name in a sentence.
    let open = found.iter().any(|word| word.contains('…')) || found.iter().all(|word| word.starts_with('-'));
    (!open).then(|| [vec!["initlab".into()], found].concat())
}

/// Calls of a page, each with whether it is whole: those within lines may leave out what a command needs. Where a page says that the
/// command's name is to be put in front, a span that begins with a subcommand is a call, too.
fn calls(page: &Page) -> Vec<(Vec<String>, bool)> {
    let blocks = page.blocks();
    let lines = blocks.iter().filter(|block| !["rust", "python", "toml"].contains(&block.language));
    let lines = lines.flat_map(|block| block.lines.iter().copied());
    let mut calls: Vec<(Vec<String>, bool)> = lines.filter_map(call).map(|call| (call, true)).collect();
    calls.extend(page.spans().into_iter().filter_map(call).map(|call| (call, false)));
    if page.text.contains("in front") {
        let bare = page
            .spans()
            .into_iter()
            .filter(|span| ["train ", "compare ", "lesson8 "].iter().any(|name| span.starts_with(name)));
        calls.extend(bare.filter_map(|span| call(&format!("initlab {span}"))).map(|call| (call, true)));
    }
    calls
}

/// A sentence about what is wrong with a call; one that is not `whole` may lack what a command needs.
fn complaint(words: &[String], whole: bool) -> Option<String> {
    let matches = match Cli::command().try_get_matches_from(words) {
        Ok(matches) => matches,
        // `--help` and `--version` end the parser, too.
        Err(error) if !error.use_stderr() => return None,
        Err(error) if !whole && error.kind() == ErrorKind::MissingRequiredArgument => return None,
        Err(error) => return Some(error.to_string()),
    };
    let (name, matches) = matches.subcommand()?;
    let file = ["config", "study"].into_iter().find_map(|id| matches.try_get_one::<PathBuf>(id).ok().flatten())?;
    if !file.starts_with("configs") {
        return None;
    }
    let path = root().join(file);
    let Ok(text) = fs::read_to_string(&path) else { return Some(format!("{} is not there", file.display())) };
    let label = path.to_str().unwrap();
    let sets = sets(matches);
    let study = ["compare", "submit"].contains(&name) || text.contains("[[arms]]") || text.contains("[[axis]]");
    let read = if study {
        Study::parse(label, &text, &sets, &|path: &Path| fs::read_to_string(path)).map(|_| ())
    } else {
        Experiment::parse(label, &text, &sets).map(|_| ())
    };
    read.err().map(|error| error.to_string())
}

/// Changes of a config that a call makes.
fn sets(matches: &ArgMatches) -> Vec<String> {
    let given = matches.try_get_many::<String>("sets").ok().flatten().into_iter().flatten().cloned();
    let short = SHORT.iter().filter_map(|(option, key)| {
        let value = matches.try_get_one::<String>(option).ok().flatten()?;
        Some(format!("{key}={value}"))
    });
    given.chain(short).collect()
}

#[test]
fn every_command_of_the_pages_is_understood() {
    let mut seen = BTreeMap::new();
    let mut wrong = Vec::new();
    for page in pages().iter().filter(|page| !OF_EARLIER_VERSIONS.contains(&page.name.as_str())) {
        for (call, whole) in calls(page) {
            if let Some(complaint) = complaint(&call, whole) {
                wrong.push(format!("{}: {}\n{complaint}", page.name, call.join(" ")));
            }
            *seen.entry(call[1].clone()).or_insert(0) += 1;
        }
    }
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));
    let trained = seen.get("train").copied().unwrap_or(0);
    assert!(trained > 15 && seen.len() > 8, "{seen:?}");
}

#[test]
fn lines_of_a_shell_are_cut_into_words() {
    for (line, want) in [
        ("$ initlab train net.toml  # and more", &["initlab", "train", "net.toml"][..]),
        ("cargo run --release -- theory \"relu - 0.5\" > x.txt", &["initlab", "theory", "relu - 0.5"]),
        (
            "initlab compare s.toml --set 'seeds=[1, 2]' --shard {}/4",
            &["initlab", "compare", "s.toml", "--set", "seeds=[1, 2]", "--shard", "1/4"],
        ),
        ("initlab status $HOME/x", &["initlab", "status", "1/x"]),
        (r"initlab new mlp\|cnn", &["initlab", "new", "mlp"]),
        ("initlab theory ACTIVATION", &["initlab", "theory", "relu"]),
    ] {
        assert_eq!(call(line).unwrap(), want, "{line}");
    }
    for line in ["initlab report DIR…", "cargo test --release", "initlab", "the initlab command"] {
        assert_eq!(call(line), None, "{line}");
    }
}

#[test]
fn a_call_that_is_not_understood_is_told() {
    for (line, what) in [
        ("initlab trian net.toml", "trian"),
        ("initlab train", "required"),
        ("initlab train configs/none.toml", "is not there"),
        ("initlab train configs/smoke.toml --set train.epoch=2", "epoch"),
        ("initlab train configs/smoke.toml --init kaimin", "kaimin"),
        ("initlab compare configs/lesson8.toml --set baseline=none", "none"),
    ] {
        let complaint = complaint(&call(line).unwrap(), true).unwrap_or_else(|| panic!("{line} is understood"));
        assert!(complaint.contains(what), "{line}: {complaint}");
    }
}
