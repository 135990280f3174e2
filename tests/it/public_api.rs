//! The names and signatures that users of the library see, beside the list that says what they are: a change of them is seen.
//!
//! `INITLAB_BLESS=1 cargo test --release --test it signatures` writes the list anew.

use std::collections::BTreeSet;
use std::fs;
use std::path::{Path, PathBuf};

/// First words of public items.
const KINDS: [&str; 9] = [
    "pub fn ",
    "pub const fn ",
    "pub struct ",
    "pub enum ",
    "pub trait ",
    "pub const ",
    "pub static ",
    "pub type ",
    "pub use ",
];

/// A module's file with what its `pub mod` says of it.
struct Module {
    path: String,
    text: String,
    /// Its own name is public, so that everything public in it is.
    open: bool,
}

/// Every module below the file, but those that are hidden from the documentation.
fn modules(file: &Path, path: &str, open: bool, all: &mut Vec<Module>) {
    let text = fs::read_to_string(file).unwrap();
    let text = text.split("\n#[cfg(test)]\nmod ").next().unwrap().to_string();
    let dir = if ["lib.rs", "mod.rs"].iter().any(|name| file.ends_with(name)) {
        file.parent().unwrap().to_path_buf()
    } else {
        file.with_extension("")
    };
    let lines: Vec<&str> = text.lines().collect();
    for (i, line) in lines.iter().enumerate() {
        let Some((kind, name)) = line.strip_suffix(';').and_then(|line| line.split_once("mod ")) else { continue };
        let attributes = lines[..i].iter().rev().take_while(|line| line.starts_with("#["));
        let hidden = attributes.clone().any(|line| line.contains("doc(hidden)") || line.contains("cfg(test)"));
        let is_public = match kind {
            "pub " => true,
            "" => false,
            _ => continue,
        };
        let places = [dir.join(format!("{name}.rs")), dir.join(name).join("mod.rs")];
        let Some(place) = places.iter().find(|place| place.is_file()) else { continue };
        if !hidden {
            let path = if path.is_empty() { name.to_string() } else { format!("{path}::{name}") };
            modules(place, &path, open && is_public, all);
        }
    }
    all.push(Module { path: path.to_string(), text, open });
}

/// The signatures of a module, each with the type whose method it is.
fn items(text: &str) -> Vec<(Option<String>, String)> {
    let mut items = Vec::new();
    let mut of = None;
    let lines: Vec<&str> = text.lines().collect();
    for (i, line) in lines.iter().enumerate() {
        if line.starts_with("impl") {
            of = Some(line.trim_end_matches('{').rsplit(" for ").next().unwrap());
            of = of.map(|of| of.trim_start_matches("impl").trim_start());
            of = of.map(|of| if of.starts_with('<') { of.split_once("> ").map_or(of, |(_, of)| of) } else { of });
        } else if !line.starts_with(' ') {
            of = of.filter(|_| !line.starts_with('}'));
        }
        let body = line.trim_start();
        let depth = line.len() - body.len();
        if depth > 4 || depth == 4 && of.is_none() || !KINDS.iter().any(|kind| body.starts_with(kind)) {
            continue;
        }
        let mut signature = String::new();
        for line in &lines[i..] {
            signature.push_str(line.trim());
            signature.push(' ');
            if line.ends_with('{') || line.contains(';') || line.ends_with('}') {
                break;
            }
        }
        let signature =
            signature.split(" {").next().unwrap().split(" = ").next().unwrap().trim_end_matches(['{', ';', ' ']);
        let whole = if body.starts_with("pub use") {
            signature.into()
        } else {
            signature.replace("( ", "(").replace(", )", ")")
        };
        let of = of.filter(|_| depth == 4).map(|of| of.split(['<', ' ']).next().unwrap().to_string());
        items.push((of, whole));
    }
    items
}

/// The name that a signature gives.
fn name(signature: &str) -> &str {
    let kind = KINDS.iter().filter(|kind| signature.starts_with(**kind)).max_by_key(|kind| kind.len()).unwrap();
    signature[kind.len()..].split(['(', '<', ':', ' ', ';']).next().unwrap()
}

fn listing() -> String {
    let mut all = Vec::new();
    modules(&Path::new(env!("CARGO_MANIFEST_DIR")).join("src/lib.rs"), "", true, &mut all);
    let uses = all.iter().filter(|module| module.open).flat_map(|module| items(&module.text));
    let uses: Vec<String> = uses.filter(|(_, item)| item.starts_with("pub use")).map(|(_, item)| item).collect();
    let reexported: BTreeSet<&str> =
        uses.iter().flat_map(|line| line.split(|c: char| !c.is_alphanumeric() && c != '_')).collect();
    let mut lines = BTreeSet::new();
    for module in &all {
        for (of, item) in items(&module.text) {
            let seen = match &of {
                _ if item.starts_with("pub use") => module.open,
                Some(of) => module.open || reexported.contains(of.as_str()),
                None => module.open || reexported.contains(name(&item)),
            };
            if seen {
                let of = of.map_or_else(String::new, |of| format!(" {of}:"));
                lines.insert(format!("{}:{of} {item}", if module.path.is_empty() { "initlab" } else { &module.path }));
            }
        }
    }
    lines.into_iter().map(|line| line + "\n").collect()
}

#[test]
fn the_librarys_names_and_signatures_are_those_of_the_list() {
    let place: PathBuf = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/public_api.txt");
    let found = listing();
    if std::env::var_os("INITLAB_BLESS").is_some() {
        fs::write(&place, &found).unwrap();
    }
    let expected = fs::read_to_string(&place).unwrap_or_default();
    let only = |a: &str, b: &str| {
        let b: BTreeSet<&str> = b.lines().collect();
        a.lines().filter(|line| !b.contains(line)).map(String::from).collect::<Vec<_>>()
    };
    let (new, gone) = (only(&found, &expected), only(&expected, &found));
    assert!(
        new.is_empty() && gone.is_empty(),
        "new: {new:#?}\ngone: {gone:#?}\nIf that is meant, write the list anew: INITLAB_BLESS=1 cargo test --release --test it signatures"
    );
}

#[test]
fn no_public_function_takes_a_bare_bool() {
    let listing = listing();
    let bare: Vec<&str> = listing.lines().filter(|line| line.contains("fn ") && line.contains(": bool")).collect();
    assert!(bare.is_empty(), "give the choice a name, as an enum or a method: {bare:#?}");
}
