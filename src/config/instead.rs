//! Keys that stand instead of others: a value that is laid on a config takes their place, where one text with both is a mistake.

use crate::config::node::{Data, Entry, Node};

/// A table by its last key, and the sets of its keys of which only one may be given.
const INSTEAD: [(&str, &[&[&str]]); 2] =
    [("train", &[&["epochs"], &["steps"]]), ("model", &[&["widths"], &["width", "depth"]])];

/// Takes away from the entries of the table called `table` what the keys `new`, which are about to be put there, stand instead of.
pub(crate) fn make_room(table: &str, entries: &mut Vec<Entry>, new: &[&str]) {
    let sets = INSTEAD.iter().filter(|(name, _)| *name == table).flat_map(|(_, sets)| sets.iter().enumerate());
    let given: Vec<(usize, &&[&str])> = sets.collect();
    let is_replaced = |key: &str| {
        let of = |key: &str| given.iter().find(|(_, set)| set.contains(&key)).map(|(at, _)| *at);
        of(key).is_some_and(|own| new.iter().any(|new| of(new).is_some_and(|other| other != own)))
    };
    let kept = kept_of_widths(table, entries, new);
    entries.retain(|entry| !is_replaced(&entry.key));
    entries.extend(kept);
}

/// The part of a model's `widths` that still holds where one of `width` and `depth` takes their place: their number, or the width of
/// all.
fn kept_of_widths(table: &str, entries: &[Entry], new: &[&str]) -> Option<Entry> {
    let widths = entries.iter().find(|entry| table == "model" && entry.key == "widths")?;
    let Data::Array(items) = &widths.node.data else { return None };
    let first = items.first()?;
    // A text with both is a mistake, and stays one.
    if entries.iter().any(|entry| ["width", "depth"].contains(&entry.key.as_str())) {
        return None;
    }
    let entry = |key: &str, data| Entry {
        key: key.into(),
        place: widths.place.clone(),
        node: Node { place: widths.node.place.clone(), data },
    };
    match (new.contains(&"width"), new.contains(&"depth")) {
        (true, false) => {
            let depth = items.len();
            Some(entry("depth", Data::Integer(i128::try_from(depth).ok(), depth.to_string())))
        }
        (false, true) => {
            let is_first = |item: &Node| item.data.written() == first.data.written();
            items.iter().all(is_first).then(|| entry("width", first.data.clone()))
        }
        (true, true) | (false, false) => None,
    }
}

#[cfg(test)]
mod tests {
    use crate::config::{Document, Experiment};

    const REST: &str = "[optimizer]\nlr = 0.1\n";

    fn read(model: &str, train: &str, sets: &[&str]) -> Result<String, String> {
        let text = format!("[model]\nkind = 'mlp'\n{model}\n[train]\n{train}\n{REST}");
        let sets: Vec<String> = sets.iter().map(|set| (*set).to_owned()).collect();
        let read = Experiment::parse("x.toml", &text, &sets).map_err(|error| error.message().to_owned())?;
        Ok(format!("{:?} {:?}", read.model.body, read.train.budget))
    }

    #[test]
    fn a_value_that_is_set_replaces_what_it_stands_instead_of_and_two_in_a_text_are_a_mistake() {
        for (model, train, sets, expected) in [
            ("widths = [3]", "epochs = 1", &["train.steps=60"][..], Ok("Mlp { widths: [3] } Steps(60)")),
            ("widths = [3]", "steps = 9", &["train.epochs=2"], Ok("Mlp { widths: [3] } Epochs(2)")),
            ("widths = [3]", "steps = 9", &["train.epochs=2", "train.steps=4"], Ok("Mlp { widths: [3] } Steps(4)")),
            ("widths = [3]", "epochs = 1", &["model.width=4", "model.depth=2"], Ok("Mlp { widths: [4, 4] } Epochs(1)")),
            ("width = 4\ndepth = 2", "epochs = 1", &["model.widths=[3]"], Ok("Mlp { widths: [3] } Epochs(1)")),
            ("width = 4\ndepth = 2", "epochs = 1", &["model.depth=1"], Ok("Mlp { widths: [4] } Epochs(1)")),
            ("widths = [3, 3]", "epochs = 1", &["model.depth=3"], Ok("Mlp { widths: [3, 3, 3] } Epochs(1)")),
            ("widths = [3, 4]", "epochs = 1", &["model.width=5"], Ok("Mlp { widths: [5, 5] } Epochs(1)")),
            ("widths = [3, 4]", "epochs = 1", &["model={kind='mlp',width=5}"], Err("missing key `depth` in [model]")),
            ("widths = [3, 4]", "epochs = 1", &["model.depth=3"], Err("takes the place of `widths`")),
            ("widths = [3, 4]", "epochs = 1", &["model.depth=1", "model.width=5"], Ok("Mlp { widths: [5] } Epochs(1)")),
            ("widths = [3]", "epochs = 1\nsteps = 2", &[], Err("stands instead of `epochs`")),
            ("widths = [3]\ndepth = 1", "epochs = 1", &[], Err("stands for `width` and `depth`")),
            ("widths = [3]", "epochs = 1", &["train={epochs=1, steps=2}"], Err("stands instead of `epochs`")),
        ] {
            match (read(model, train, sets), expected) {
                (Ok(found), Ok(expected)) => assert_eq!(found, expected, "{model} {train} {sets:?}"),
                (Err(found), Err(expected)) => assert!(found.contains(expected), "{model} {train} {sets:?}: {found}"),
                (found, _) => panic!("{model} {train} {sets:?}: {found:?}"),
            }
        }
    }

    #[test]
    fn a_change_that_has_both_is_a_mistake_too() {
        let base = "model = { kind = 'mlp', widths = [3] }\ntrain.epochs = 1\noptimizer.lr = 0.1";
        let laid = |over: &str| {
            let mut document = Document::parse("x.toml", base, &[]).unwrap();
            document.overlay(&Document::parse("over.toml", over, &[]).unwrap());
            Experiment::read(document.root(), "run")
        };
        assert!(laid("train.steps = 5").is_ok() && laid("model = { width = 4, depth = 3 }").is_ok());
        assert!(laid("train = { steps = 5, epochs = 1 }").is_err());
    }
}
