//! One document laid on another: how a study changes its base config, with every value's place kept for errors.

use crate::config::document::Document;
use crate::config::instead::make_room;
use crate::config::node::{Data, Entry, Node};
use crate::config::{ConfigError, Value, overrides};

impl Document {
    /// Lays the table `over` on this document: tables are merged key by key, everything else is replaced. A table that
    /// names another `kind` than the one below replaces it, because the old kind's parameters mean nothing to it, and a key takes the
    /// place of those that it stands instead of, as `train.steps` of `train.epochs`.
    pub fn overlay(&mut self, over: &Self) {
        lay("", self.root_mut(), over.root_node());
    }

    /// Puts `value` at `path`, keys with dots between them, in place of what is there.
    ///
    /// # Errors
    /// The path leads nowhere, at the value.
    pub fn put(&mut self, path: &str, value: &Value<'_>) -> Result<(), ConfigError> {
        overrides::put(self.root_mut(), path, value.node().clone()).map_err(|message| value.node().place.error(message))
    }

    /// Takes away the key whose path the string `path` is.
    ///
    /// # Errors
    /// Not a path, or nothing there; at the string.
    pub fn unset(&mut self, path: &Value<'_>) -> Result<(), ConfigError> {
        let text = path.as_str().ok_or_else(|| path.wrong("a path such as \"train.epochs\""))?;
        match overrides::remove(self.root_mut(), text) {
            Ok(true) => Ok(()),
            Ok(false) => Err(path.error(format!("names `{text}`, which is not there to be taken away"))),
            Err(message) => Err(path.error(format!("is no path: {message}"))),
        }
    }
}

/// Lays `over` on `below`, both the value of `key`.
fn lay(key: &str, below: &mut Node, over: &Node) {
    if let (Data::Table(old), Data::Table(new)) = (&mut below.data, &over.data)
        && !changes_kind(old, new)
    {
        make_room(key, old, &new.iter().map(|entry| entry.key.as_str()).collect::<Vec<_>>());
        for entry in new {
            match old.iter_mut().find(|there| there.key == entry.key) {
                Some(there) => lay(&entry.key, &mut there.node, &entry.node),
                None => old.push(entry.clone()),
            }
        }
    } else {
        *below = over.clone();
    }
}

fn changes_kind(old: &[Entry], new: &[Entry]) -> bool {
    let kind = |entries: &[Entry]| {
        let entry = entries.iter().find(|entry| entry.key == "kind")?;
        if let Data::String(kind) = &entry.node.data { Some(kind.clone()) } else { None }
    };
    matches!((kind(old), kind(new)), (Some(old), Some(new)) if old != new)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::config::Experiment;

    const BASE: &str = "
[model]
kind = 'mlp'
widths = [9]
activation = { kind = 'general_relu', leak = 0.1 }
[optimizer]
kind = 'adam'
lr = 0.1
[train]
epochs = 1
";

    fn laid(over: &str) -> Result<Experiment, ConfigError> {
        let mut document = Document::parse("base.toml", BASE, &[])?;
        document.overlay(&Document::parse("over.toml", over, &[])?);
        Experiment::read(document.root(), "run")
    }

    #[test]
    fn tables_are_merged_and_a_table_of_another_kind_replaces() {
        let base = laid("").unwrap();
        let merged = laid("train.batch_size = 7\nmodel.activation.leak = 0.3").unwrap();
        assert_eq!((merged.train.batch_size, merged.train.budget), (7, base.train.budget));
        assert_eq!(merged.model.activation.to_string(), "general_relu:leak=0.3,shift=0");
        let replaced = laid("model.activation = { kind = 'shifted_relu', shift = 0.5 }").unwrap();
        assert_eq!(replaced.model.activation.to_string(), "shifted_relu:shift=0.5");
        assert_eq!(laid("model.activation = 'tanh'").unwrap().model.activation.to_string(), "tanh");
        // The optimiser's old parameters would be unknown keys of the new kind.
        assert!(laid("optimizer = { kind = 'sgd', lr = 0.2, momentum = 0.9 }").is_ok());
    }

    #[test]
    fn a_mistake_points_at_the_text_that_made_it() {
        for (over, place) in [
            ("optimizer.momentum = 0.9", "over.toml:1:11: unknown key `momentum`"),
            ("optimizer.lr = -1", "over.toml:1:16: `lr`"),
            ("optimizer = { kind = 'sgd' }", "over.toml:1:13: missing key `lr`"),
            ("train = { steps = 3, epochs = 2 }", "over.toml:1:19: `steps`"),
        ] {
            let error = laid(over).unwrap_err().to_string().replace("\n  ", " ");
            assert!(error.starts_with(place), "{over}: {error}");
        }
    }

    #[test]
    fn a_value_is_put_at_a_path_and_a_key_taken_away() {
        let mut document = Document::parse("base.toml", BASE, &[]).unwrap();
        let study = Document::parse("study.toml", "rate = 0.7\nunset = ['train.epochs', 'train.steps']", &[]).unwrap();
        document.put("optimizer.lr", &study.root().value("rate").unwrap()).unwrap();
        assert_eq!(Experiment::read(document.root(), "run").unwrap().optimizer.lr, 0.7);
        let unset = study.root().value("unset").unwrap().as_array().unwrap();
        document.unset(&unset[0]).unwrap();
        assert!(Experiment::read(document.root(), "run").unwrap_err().message().contains("missing key `epochs`"));
        let error = document.unset(&unset[1]).unwrap_err().to_string();
        assert!(error.starts_with("study.toml:2:26: `unset.1`") && error.contains("taken away"), "{error}");
    }
}
