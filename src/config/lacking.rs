//! Every key that is missing in one message, with lines that would do: who writes a first config should not learn of them one
//! by one.
//!
//! A reader stops at the first key that it lacks. So a value that would do is put there, in a copy, and the copy is read: what it
//! lacks is the next key.

use crate::config::error::{ConfigError, Lack};
use crate::config::node::{Data, Place, value_of_set};
use crate::config::overrides::put;
use crate::config::reader::Section;

/// More missing keys than a message should have.
const MOST: usize = 20;

/// Reads `root` with `read`, and reports all missing keys at once.
///
/// # Errors
/// The error of `read`; if that is a missing key, one that names every other that is missing, too.
pub(crate) fn with_all_that_is_missing<T>(
    root: &Section<'_>,
    read: impl Fn(Section<'_>) -> Result<T, ConfigError>,
) -> Result<T, ConfigError> {
    let first = match read(Section::new(root.node(), root.path().into())) {
        Err(error) if error.lack().is_some() => error,
        other => return other,
    };
    let mut tree = root.node().clone();
    let mut lacks: Vec<Lack> = Vec::new();
    let mut found = Some(first.clone());
    while let Some(lack) = found.as_ref().and_then(ConfigError::lack) {
        if lacks.len() == MOST || lacks.iter().any(|other| other.path == lack.path) {
            break;
        }
        lacks.push(lack.clone());
        // What should be in a table that is misspelt is not missing.
        let example = value_of_set(&lack.example, &Place::Call("example".into())).ok();
        let Some(example) = example.filter(|node| !is_empty(&node.data) || lack.near.is_none()) else { break };
        if put(&mut tree, &lack.path.clone(), example).is_err() {
            break;
        }
        found = read(Section::new(&tree, root.path().into())).err();
    }
    // A table that is absent as a whole is told by what should be in it.
    let told = |lack: &Lack| lack.near.is_some() || lack.example != "{}";
    let all: Vec<Lack> = lacks.iter().filter(|lack| told(lack)).cloned().collect();
    match &all[..] {
        [] => Err(first.lacking(None)),
        [only] if first.lack() == Some(only) => Err(with_unknown(root, first.lacking(None), found.as_ref())),
        all => Err(together(root, all, found.as_ref())),
    }
}

/// The error with the keys that nobody knows, which the reading that lacks nothing any more has found. They are told of a config or a
/// study alone: what is in another file, named by mistake, is not shown.
fn with_unknown(root: &Section<'_>, error: ConfigError, found: Option<&ConfigError>) -> ConfigError {
    let is_ours =
        ["model", "optimizer", "train", "arms", "base", "targets"].into_iter().any(|key| root.value(key).is_some());
    match found {
        Some(found) if is_ours && found.message().starts_with("unknown key") => {
            error.with_note(found.message().to_owned())
        }
        Some(_) | None => error,
    }
}

fn is_empty(data: &Data) -> bool {
    matches!(data, Data::Table(entries) if entries.is_empty())
}

fn together(root: &Section<'_>, lacks: &[Lack], found: Option<&ConfigError>) -> ConfigError {
    let names: Vec<String> = lacks.iter().map(|lack| format!("`{}`", lack.path)).collect();
    let keys = if lacks.len() == 1 { "missing key" } else { "missing keys:" };
    let mut error = root.node().place.error(format!("{keys} {}", names.join(", ")));
    for Lack { path, expected, near, .. } in lacks {
        let near = near.as_ref().map_or(String::new(), |near| format!("; `{near}` is there: did you mean this?"));
        error = error.with_note(format!("{path}: {expected}{near}"));
    }
    let error = with_unknown(root, error, found);
    match example(lacks) {
        Some(lines) => error
            .with_note("lines that would do (`initlab new` writes a whole file with comments):")
            .with_example(lines),
        None => error,
    }
}

/// The missing keys as a config has them, below the headers of their tables; nothing if one has no example, or stands in an array.
fn example(lacks: &[Lack]) -> Option<Vec<String>> {
    let mut tables: Vec<(&str, Vec<String>)> = Vec::new();
    for Lack { path, example, .. } in lacks {
        let (table, key) = path.rsplit_once('.').unwrap_or(("", path));
        let value = value_of_set(example, &Place::Call("example".into())).ok()?;
        if is_empty(&value.data) || table.split('.').any(|part| part.parse::<usize>().is_ok()) {
            return None;
        }
        let line = format!("{key} = {}", value.data.written());
        match tables.iter_mut().find(|(other, _)| *other == table) {
            Some((_, lines)) => lines.push(line),
            None => tables.push((table, vec![line])),
        }
    }
    // Keys of the top level stand before any header.
    tables.sort_by_key(|(table, _)| !table.is_empty());
    let header = |table: &str| (!table.is_empty()).then(|| format!("[{table}]"));
    Some(tables.into_iter().flat_map(|(table, lines)| header(table).into_iter().chain(lines)).collect())
}

#[cfg(test)]
mod tests {
    use crate::config::Experiment;

    fn message(text: &str) -> String {
        Experiment::parse("x.toml", text, &[]).unwrap_err().to_string()
    }

    #[test]
    fn all_keys_that_are_missing_are_in_one_message() {
        let whole = "\
x.toml: missing keys: `model.kind`, `model.widths`, `optimizer.lr`,
  `train.epochs`
  = model.kind: one of \"mlp\", \"cnn\"
  = model.widths: a list such as [50], or `width` and `depth`
  = optimizer.lr: the learning rate, such as 0.1
  = train.epochs: the number of epochs (or `steps`)
  = lines that would do (`initlab new` writes a whole file with comments):
      [model]
      kind = \"mlp\"
      widths = [50, 50]
      [optimizer]
      lr = 0.1
      [train]
      epochs = 1";
        assert_eq!(message(""), whole);
        for (text, expected) in [
            ("model.kind = 'cnn'", "x.toml: missing keys: `model.stages`, `optimizer.lr`, `train.epochs`"),
            ("model = { kind = 'cnn', stages = [{}, {}] }", "`model.stages.0.channels`, `model.stages.1.channels`,"),
            (
                "model = { kind = 'mlp', width = 3 }",
                "x.toml: missing keys: `model.depth`, `optimizer.lr`, `train.epochs`",
            ),
            ("model = { kind = 'mlp', widths = [3] }\ntrain.epochs = 1", "x.toml: missing key `optimizer.lr`"),
            ("modle = { kind = 'mlp', widths = [3] }", "x.toml:"),
            // What is unknown beside it is told, too.
            ("kind = 'mlp'\nmodel.widths = [3]\noptimizer.lr = 1", "= unknown key `kind` at the top level"),
            ("model = { kind = 'mlp', width = 3, colour = 1 }", "= unknown key `colour` in [model]"),
            // One that is missing is told at its table.
            ("model = { kind = 'mlp', widths = [3] }\ntrain.epochs = 1\n[optimizer]", "x.toml:3:1: missing key `lr`"),
        ] {
            let message = message(text).replace("\n  ", " ");
            assert!(message.contains(expected), "{text}\n{message}");
        }
    }

    #[test]
    fn the_lines_that_would_do_do() {
        for text in ["", "model.kind = 'cnn'", "model.width = 4", "[schedule]\nkind = 'step'"] {
            let message = message(text);
            let lines = message.split("with comments):\n").nth(1).unwrap_or_else(|| panic!("{message}"));
            let sets: Vec<String> = lines.lines().map(|line| line.trim().to_owned()).collect();
            let mut table = String::new();
            let mut added = Vec::new();
            for line in sets {
                match line.strip_prefix('[').and_then(|line| line.strip_suffix(']')) {
                    Some(header) if !line.contains('=') => table = format!("{header}."),
                    _ => added.push(format!("{table}{line}")),
                }
            }
            Experiment::parse("x.toml", text, &added).unwrap_or_else(|error| panic!("{text}: {error}"));
        }
    }

    #[test]
    fn what_a_misspelt_table_holds_is_not_missing() {
        let text = "model = { kind = 'mlp', widths = [3] }\noptimiser.lr = 0.1\ntrain.epochs = 1";
        let message = message(text);
        assert!(message.contains("missing key `optimizer`") && message.contains("`optimiser` is there"), "{message}");
        assert!(!message.contains("`optimizer.lr`"), "{message}");
    }
}
