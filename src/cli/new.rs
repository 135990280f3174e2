//! `initlab new`: a config with comments to begin with.

use std::io::{ErrorKind, Write};
use std::path::PathBuf;

use anyhow::{Context, Result};
use clap::{Args, ValueEnum};

use crate::cli::UsageError;
use crate::cli::output::{say, shell_word};
use crate::cli::path::path;
use crate::config::key::Part;
use crate::config::reference;
use crate::config::template::{Given, commented};
use crate::study::keys;

/// Write a config to begin with: it trains as it is, and says at each key what it is and what else it may be.
#[derive(Debug, Args)]
pub struct NewArgs {
    /// Kind of config to write.
    #[arg(value_enum)]
    kind: Kind,
    /// The file to write, which must not be there yet [default: stdout].
    #[arg(short, long, value_name = "FILE", value_parser = path())]
    output: Option<PathBuf>,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
enum Kind {
    /// One run of fully connected layers.
    Mlp,
    /// One run of convolutions.
    Cnn,
    /// Several starts over several seeds, compared.
    Study,
}

/// Writes the file and says what to do next, or prints it.
///
/// # Errors
/// The file is there already, or cannot be written.
pub fn run(args: &NewArgs) -> Result<()> {
    let text = text(args.kind);
    let Some(path) = &args.output else { return super::print(&text) };
    let name = path.display();
    // An open that makes the file cannot replace what someone else puts there at the same time.
    let mut file = std::fs::File::create_new(path).map_err(|error| {
        if error.kind() == ErrorKind::AlreadyExists {
            return UsageError(format!("{name}: is there already, and would be lost; name another file")).into();
        }
        anyhow::Error::from(error).context(format!("{name}: cannot make the file"))
    })?;
    file.write_all(text.as_bytes()).with_context(|| format!("{name}: cannot write the file"))?;
    say(&format!("{name} is written; next: initlab {} {}", args.kind.command(), shell_word(&name.to_string())));
    Ok(())
}

impl Kind {
    /// The command that carries it out.
    fn command(self) -> &'static str {
        match self {
            Self::Mlp | Self::Cnn => "train",
            Self::Study => "compare",
        }
    }
}

fn text(kind: Kind) -> String {
    match kind {
        Kind::Mlp => of_run(MLP_HEAD, MLP),
        Kind::Cnn => of_run(CNN_HEAD, CNN),
        Kind::Study => {
            let chapters = reference::of_parts("study", keys::KEYS.iter().map(Part::from).collect());
            format!("{STUDY_HEAD}\n{}\n{STUDY_BASE}", commented(&chapters, &["study"], STUDY))
        }
    }
}

/// The tables of a run's config, in the order of reading.
const TABLES: [&str; 9] = ["top", "data", "model", "init", "optimizer", "schedule", "train", "stats", "record"];

fn of_run(head: &str, given: &[Given<'_>]) -> String {
    format!("{head}{ABOUT}\n{}", commented(&reference::chapters(), &TABLES, given))
}

/// Explanation of the comments, at the head of a new config.
const ABOUT: &str = "#
# A key behind a # is not set: it shows its default, or a value that would do.
# `initlab config` says more, `initlab config train` of one table.
";

const MLP_HEAD: &str = "# An MLP of five hidden layers, trained on MNIST for two epochs.
#
#   initlab train FILE              trains it and records every layer
#   initlab train FILE --init xavier --depth 30
#   initlab probe FILE              measures it before training, beside theory
";
const MLP: &[Given<'_>] = &[
    ("model.kind", "\"mlp\""),
    ("model.activation", "\"relu\""),
    ("model.width", "100"),
    ("model.depth", "5"),
    ("init.preset", "\"kaiming\""),
    ("optimizer.kind", "\"sgd\""),
    ("optimizer.lr", "0.1"),
    ("train.epochs", "2"),
    ("train.batch_size", "128"),
];

const CNN_HEAD: &str = "# The CNN of fast.ai's lesson 8, trained on MNIST for two epochs.
#
#   initlab train FILE              trains it and records every layer
#   initlab train FILE --init torch --activation \"relu - 0.5\"
#   initlab probe FILE              measures it before training, beside theory
";
const CNN: &[Given<'_>] = &[
    ("model.kind", "\"cnn\""),
    ("model.activation", "\"relu\""),
    (
        "model.stages",
        "[
    { channels = 8, kernel = 5, stride = 2 },
    { channels = 16, stride = 2 },
    { channels = 32, stride = 2 },
    { channels = 32, stride = 2 },
]",
    ),
    ("init.preset", "\"kaiming\""),
    ("optimizer.kind", "\"sgd\""),
    ("optimizer.lr", "0.4"),
    ("train.epochs", "2"),
    ("train.batch_size", "512"),
    ("train.clip_norm", "1.0"),
    // No two layers in a row keep their shape, which residual connections ask for.
    ("model.residual", ""),
];

const STUDY_HEAD: &str = "# Three starts of an MLP of ten hidden layers over three seeds each, on MNIST:
# which reaches 90 % of the test images in fewer steps?
#
#   initlab compare FILE --dry-run  says what would run, and for how long
#   initlab compare FILE            runs what is missing, and compares
#
# A key behind a # is not set: it shows its default, or a value that would do.
# `initlab config study` says more; `initlab new mlp` has the keys of `base`.
";
const STUDY: &[Given<'_>] = &[
    ("base", ""),
    (
        "arms",
        "[
    { name = \"kaiming\", set = { init.preset = \"kaiming\" } },
    { name = \"torch\", set = { init.preset = \"torch\" } },
    { name = \"lsuv\", set = { init.lsuv = true } },
]",
    ),
    ("seeds", "3"),
    ("targets", "[{ test_accuracy = 0.9 }]"),
];

/// A table, and so behind all keys of the top level.
const STUDY_BASE: &str = "# The config that all runs begin with: this table, or a path as a key above.
[base]
model = { kind = \"mlp\", width = 100, depth = 10 }
optimizer.lr = 0.05
train.epochs = 1
train.batch_size = 128
train.evaluate_every = 25
train.target_accuracy = 0.9
stats = { every = 25, histogram_every = 0 }
";

#[cfg(test)]
mod tests {
    use super::*;
    use crate::config::key::Row;
    use crate::config::{ConfigError, Experiment};
    use crate::study::Study;
    use crate::train::prepare::network;

    fn read(kind: Kind, text: &str) -> Result<String, ConfigError> {
        let load = |_: &std::path::Path| unreachable!("the base is here");
        match kind {
            Kind::Mlp | Kind::Cnn => Experiment::parse("x.toml", text, &[]).map(|read| {
                let network = network(&read.model, [1, 28, 28], 10);
                assert!(network.is_ok(), "{network:?}: {text}");
                format!("{read:?}")
            }),
            Kind::Study => Study::parse("x.toml", text, &[], &load).map(|read| format!("{}", read.cells.len())),
        }
    }

    #[test]
    fn each_is_read_and_so_is_each_line_behind_a_hash() {
        for kind in [Kind::Mlp, Kind::Cnn, Kind::Study] {
            let text = text(kind);
            read(kind, &text).unwrap_or_else(|error| panic!("{kind:?}: {error}"));
            assert!(text.lines().all(|line| line.chars().count() <= 80), "{text}");
            let lines: Vec<&str> = text.lines().collect();
            let mut keys = 0;
            for (at, line) in lines.iter().enumerate() {
                let Some(key) = line.strip_prefix("# ").filter(|line| is_key(line)) else { continue };
                keys += 1;
                let mut changed = lines.clone();
                changed[at] = key;
                if let Err(error) = read(kind, &changed.join("\n")) {
                    // A key that stands instead of another, or needs one, must say so.
                    assert!(
                        ["instead of", "stands for", "add that"].iter().any(|says| error.message().contains(says)),
                        "{key}: {error}"
                    );
                }
            }
            assert!(keys > 4, "{text}");
        }
    }

    /// A line that is a key and its value, and no sentence.
    fn is_key(line: &str) -> bool {
        line.split_once(" = ").is_some_and(|(key, _)| key.chars().all(|c| c.is_ascii_lowercase() || c == '_'))
    }

    #[test]
    fn every_default_behind_a_hash_is_the_default() {
        for kind in [Kind::Mlp, Kind::Cnn] {
            let plain = text(kind);
            let mut written = String::new();
            let rows: Vec<_> =
                reference::chapters().iter().flat_map(|chapter| chapter.rows().cloned().collect::<Vec<_>>()).collect();
            let is_default = |line: &str| {
                let of_row =
                    |row: &Row| row.absent.starts_with("default") && line == format!("{} = {}", row.name, row.example);
                rows.iter().any(of_row)
            };
            for line in plain.lines() {
                let shown = line.strip_prefix("# ").filter(|key| is_key(key) && is_default(key)).unwrap_or(line);
                written += &format!("{shown}\n");
            }
            assert_ne!(written, plain);
            assert_eq!(read(kind, &written).unwrap(), read(kind, &plain).unwrap(), "{written}");
        }
    }
}
