//! Options of `train` that change a key of its config by a short name.

use clap::Args;

use crate::cli::complete;
use crate::config::{ConfigError, Document};

/// The keys that most first trials change; each is `--set` of its key, and what the config says against it goes away.
#[derive(Debug, Args)]
#[command(next_help_heading = "Keys of the config by short names")]
pub struct Shortcuts {
    /// The learning rate: optimizer.lr.
    #[arg(long, value_name = "RATE", allow_negative_numbers = true)]
    lr: Option<String>,
    /// Passes over the training images: train.epochs, in place of train.steps.
    #[arg(long, value_name = "N", allow_negative_numbers = true)]
    epochs: Option<String>,
    /// Training steps: train.steps, in place of train.epochs.
    #[arg(long, value_name = "N", allow_negative_numbers = true, conflicts_with = "epochs")]
    steps: Option<String>,
    /// A preset such as kaiming, xavier or torch: init.preset, in place of init.weight, bias and aim.
    #[arg(long, value_name = "PRESET", add = complete::preset())]
    init: Option<String>,
    /// Such as tanh or "relu - 0.5": model.activation.
    #[arg(long, value_name = "PHI", add = complete::activation())]
    activation: Option<String>,
    /// Hidden layers of an MLP: model.depth, in place of model.widths.
    #[arg(long, value_name = "N", allow_negative_numbers = true)]
    depth: Option<String>,
}

/// Keys that a preset replaces: left in the config, they would change its start.
const OF_PRESET: &[&str] = &["init.weight", "init.bias", "init.aim"];

/// Names of the options, the keys that they set, and what the config says against these.
pub const KEYS: [(&str, &str, &[&str]); 6] = [
    ("--lr", "optimizer.lr", &[]),
    ("--epochs", "train.epochs", &[]),
    ("--steps", "train.steps", &[]),
    ("--init", "init.preset", OF_PRESET),
    ("--activation", "model.activation", &[]),
    ("--depth", "model.depth", &[]),
];

impl Shortcuts {
    /// Option, key, what the config says against it, value.
    fn all(&self) -> [(&'static str, &'static str, &'static [&'static str], Option<&String>); 6] {
        let values = [&self.lr, &self.epochs, &self.steps, &self.init, &self.activation, &self.depth];
        std::array::from_fn(|i| {
            let (option, path, instead_of) = KEYS[i];
            (option, path, instead_of, values[i].as_ref())
        })
    }

    /// The changes as `--set` takes them.
    pub fn sets(&self) -> Vec<String> {
        self.all().into_iter().filter_map(|(_, path, _, value)| Some(format!("{path}={}", value?))).collect()
    }

    /// Changes the keys of `document`.
    ///
    /// # Errors
    /// A path of the config leads elsewhere, or a value means nothing; names the option.
    pub fn apply(&self, document: &mut Document) -> Result<(), ConfigError> {
        for (option, path, instead_of, value) in self.all() {
            if let Some(value) = value {
                document.set_by_option(option, path, instead_of, value)?;
            }
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use clap::CommandFactory;

    use super::*;

    #[test]
    fn the_heading_of_the_short_names_is_above_these_alone() {
        let command = crate::cli::Cli::command();
        let train = command.find_subcommand("train").unwrap();
        let below = train.get_arguments().filter(|argument| argument.get_help_heading().is_some());
        let below: Vec<String> = below.filter_map(|argument| Some(format!("--{}", argument.get_long()?))).collect();
        assert_eq!(below, KEYS.map(|(option, ..)| option));
    }
}
