//! One value of a config replaced, added or taken away by its path, as `--set path=value` does it.

use crate::config::error::shortened;
use crate::config::instead::make_room;
use crate::config::node::{Data, Entry, Node, Place, place_of_set, value_of_set};

/// Most keys that a path may have; deeper tables have no meaning and would only cost stack.
const MAX_KEYS: usize = 64;

/// Applies the `--set` argument `set` to the tree; the error is one sentence.
pub(crate) fn apply(root: &mut Node, set: &str) -> Result<(), String> {
    let (path, text) = set
        .split_once('=')
        .ok_or("no `=` in the argument; expected `path=value`, such as `optimizer.lr=0.1`".to_owned())?;
    // A wrong path is the first thing to say.
    keys(path)?;
    put(root, path, value_of_set(text, &Place::Call(place_of_set(set).into()))?)
}

/// Puts `value` at `path`, and makes the tables on the way that are absent; what it stands instead of goes away.
pub(crate) fn put(root: &mut Node, path: &str, value: Node) -> Result<(), String> {
    let mut target = root;
    let keys = keys(path)?;
    for (depth, key) in keys.iter().enumerate() {
        if depth + 1 == keys.len()
            && let Data::Table(entries) = &mut target.data
        {
            make_room(keys[..depth].last().unwrap_or(&""), entries, &[key]);
        }
        target = descend(target, key, &keys[..depth], &value.place)?;
    }
    *target = value;
    Ok(())
}

/// Takes the entry at `path` away; says if it was there.
pub(crate) fn remove(root: &mut Node, path: &str) -> Result<bool, String> {
    let keys = keys(path)?;
    let (last, above) = keys.split_last().expect("a path has at least one key");
    let mut target = root;
    for key in above {
        let Data::Table(entries) = &mut target.data else { return Ok(false) };
        let Some(entry) = entries.iter_mut().find(|entry| entry.key == *key) else { return Ok(false) };
        target = &mut entry.node;
    }
    let Data::Table(entries) = &mut target.data else { return Ok(false) };
    let before = entries.len();
    entries.retain(|entry| entry.key != *last);
    Ok(entries.len() < before)
}

/// The keys of a path, of which there is at least one.
fn keys(path: &str) -> Result<Vec<&str>, String> {
    let keys: Vec<&str> = path.trim().split('.').map(str::trim).collect();
    if keys == [""] {
        return Err("the path is empty; expected keys with dots between them, such as `optimizer.lr`".into());
    }
    if keys.len() > MAX_KEYS {
        return Err(format!("the path has {} keys; expected at most {MAX_KEYS}", keys.len()));
    }
    let letter = |c: char| c.is_ascii_alphanumeric() || c == '_' || c == '-';
    if let Some(key) = keys.iter().find(|key| key.is_empty() || !key.chars().all(letter)) {
        return Err(format!(
            "`{}` in the path is no key; expected letters, digits, `_` and `-`, with dots between keys",
            shortened(key, 40)
        ));
    }
    Ok(keys)
}

/// The entry `key` of `node`, made if it is absent from a table; `above` is the path to `node`.
fn descend<'n>(node: &'n mut Node, key: &str, above: &[&str], place: &Place) -> Result<&'n mut Node, String> {
    let here = above.join(".");
    match &mut node.data {
        Data::Table(entries) => {
            let at = entries.iter().position(|entry| entry.key == key);
            if at.is_none() && entries.is_empty() && key.parse::<usize>().is_ok() {
                return Err(format!("`{here}` is absent or empty, so it has no entry `{key}`"));
            }
            if at.is_none() {
                let node = Node { place: place.clone(), data: Data::Table(Vec::new()) };
                entries.push(Entry { key: key.into(), place: place.clone(), node });
            }
            let at = at.unwrap_or(entries.len() - 1);
            Ok(&mut entries[at].node)
        }
        Data::Array(items) => {
            let count = items.len();
            let found = key.parse().ok().and_then(|at: usize| items.get_mut(at));
            found.ok_or_else(|| match count {
                0 => format!("`{here}` is an empty array; it has no entry `{key}`"),
                _ => format!("`{here}` is an array; expected an index from 0 to {}, found `{key}`", count - 1),
            })
        }
        single @ (Data::String(_) | Data::Integer(..) | Data::Float(..) | Data::Boolean(_) | Data::Datetime(_)) => {
            Err(format!("`{here}` is {}, so it has no key `{key}`", single.describe()))
        }
    }
}
