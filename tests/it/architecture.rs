//! The order of the modules: each uses only those that stand before it, so that the crate reads from top to bottom.

use std::fs;
use std::path::{Path, PathBuf};

/// Modules of one row do not use each other; each uses only rows above its own.
const ORDER: &[&[&str]] = &[
    &["spelling"],
    &["rng", "numerals", "inference"],
    &["activation"],
    &["theory", "cpu"],
    &["data", "init"],
    &["gpu"],
    &["optim", "loss"],
    &["config"],
    &["model", "start"],
    &["record"],
    &["findings"],
    &["train"],
    &["probe", "width"],
    &["study"],
    &["lesson", "papers", "cluster"],
    &["report"],
    &["watch"],
    &["cli"],
];

/// Modules that know nothing of tensors: scalar mathematics, slices, files and pictures.
const WITHOUT_CANDLE: &[&str] = &[
    "spelling",
    "rng",
    "numerals",
    "inference",
    "activation",
    "theory",
    "cpu",
    "data",
    "init",
    "config",
    "record",
    "findings",
    "report",
];

/// The roots of the crate's two targets, which may use everything.
const ROOTS: &[&str] = &["lib", "main"];

/// A use of one top-level module by another.
#[derive(Debug, PartialEq)]
struct Use {
    /// The module that is used.
    module: String,
    /// Line in the file, from 1.
    line: usize,
}

/// The crate's sources.
pub fn source() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("src")
}

/// Every Rust file under `dir`.
pub fn rust_files(dir: &Path) -> Vec<PathBuf> {
    let mut files = Vec::new();
    for entry in fs::read_dir(dir).unwrap() {
        let path = entry.unwrap().path();
        if path.is_dir() {
            files.extend(rust_files(&path));
        } else if path.extension().is_some_and(|e| e == "rs") {
            files.push(path);
        }
    }
    files.sort();
    files
}

/// The top-level module that a file belongs to: `kernels` for `src/cpu/conv.rs`.
fn module_of(file: &Path) -> String {
    let first = file.strip_prefix(source()).unwrap().components().next().unwrap();
    Path::new(first.as_os_str()).file_stem().unwrap().to_str().unwrap().to_string()
}

/// The source with its comments blanked out, lines kept. A `//` inside a string hides the rest of that line, in which
/// no path is expected.
fn without_comments(text: &str) -> String {
    text.lines().map(|line| line.split("//").next().unwrap()).collect::<Vec<_>>().join("\n")
}

/// Every `crate::name`, in `use` lines, in groups (`crate::{a::B, c}`) and within expressions.
fn uses(text: &str) -> Vec<Use> {
    let text = without_comments(text);
    let mut found = Vec::new();
    for (at, _) in text.match_indices("crate::") {
        // `$crate` stands in macros and means the same; `mycrate::` is another word.
        if text[..at].ends_with(|c: char| c.is_alphanumeric() || c == '_') {
            continue;
        }
        let rest = &text[at + "crate::".len()..];
        let line = text[..at].matches('\n').count() + 1;
        let names = if rest.starts_with('{') { first_names(rest) } else { vec![identifier(rest)] };
        found.extend(names.into_iter().map(|name| Use { module: name.to_string(), line }));
    }
    found
}

fn identifier(text: &str) -> &str {
    text.split(|c: char| !c.is_alphanumeric() && c != '_').next().unwrap()
}

/// The first names of the paths in a `use` group that begins with `{`, whose own groups may follow each name.
fn first_names(group: &str) -> Vec<&str> {
    let (mut depth, mut names, mut expected) = (0, Vec::new(), false);
    for (at, c) in group.char_indices() {
        match c {
            '{' => {
                depth += 1;
                expected |= depth == 1;
            }
            '}' => depth -= 1,
            ',' if depth == 1 => expected = true,
            c if expected && !c.is_whitespace() => {
                names.push(identifier(&group[at..]));
                expected = false;
            }
            _ => {}
        }
        if depth == 0 {
            break;
        }
    }
    names
}

fn row_of(module: &str) -> Option<usize> {
    ORDER.iter().position(|row| row.contains(&module))
}

/// Complains of `module` using `used`, if that is wrong.
fn complaint(module: &str, used: &str) -> Option<String> {
    if module == used || ROOTS.contains(&module) {
        return None;
    }
    match (row_of(module), row_of(used)) {
        (None, _) => Some(format!("`{module}` has no place in the order of the modules; give it one")),
        (_, None) => Some(format!("`{module}` uses `{used}`, which has no place in the order of the modules")),
        (Some(own), Some(other)) if other < own => None,
        _ => Some(format!("`{module}` uses `{used}`, which must stand before it")),
    }
}

#[test]
fn modules_use_only_those_before_them() {
    let mut wrong = Vec::new();
    for file in rust_files(&source()) {
        let (module, text) = (module_of(&file), fs::read_to_string(&file).unwrap());
        let place = file.strip_prefix(source()).unwrap().display().to_string();
        // A file that uses nothing has its place in the order too.
        if row_of(&module).is_none() && !ROOTS.contains(&module.as_str()) {
            wrong.push(format!("{place}: `{module}` has no place in the order of the modules; give it one"));
        }
        for Use { module: used, line } in uses(&text) {
            wrong.extend(complaint(&module, &used).map(|what| format!("{place}:{line}: {what}")));
        }
    }
    assert!(wrong.is_empty(), "\n{}", wrong.join("\n"));
}

#[test]
fn modules_without_tensors_do_not_name_candle() {
    let mut wrong = Vec::new();
    let apart = |file: &Path| WITHOUT_CANDLE.contains(&module_of(file).as_str());
    for file in rust_files(&source()).iter().filter(|file| apart(file)) {
        let text = without_comments(&fs::read_to_string(file).unwrap());
        let lines = text.lines().enumerate().filter(|(_, l)| l.contains("candle_core") || l.contains("candle_nn"));
        wrong.extend(lines.map(|(i, _)| format!("{}:{}", file.display(), i + 1)));
    }
    assert!(wrong.is_empty(), "candle is named in\n{}", wrong.join("\n"));
}

#[test]
fn every_way_to_write_a_use_is_read() {
    let names = |text| uses(text).into_iter().map(|u| (u.module, u.line)).collect::<Vec<_>>();
    for (text, want) in [
        ("use crate::rng;", &[("rng", 1)][..]),
        ("\npub use crate::model::{Network, Op};", &[("model", 2)]),
        ("use crate::{activation::Activation, cpu::{conv, pool}, rng};", &[("activation", 1), ("cpu", 1), ("rng", 1)]),
        ("use crate::{\n    data,\n};\nfn f() { crate::gpu::activate() }", &[("data", 1), ("gpu", 4)]),
        ("// use crate::cli;\nlet x = y; // crate::cli\n/// [`crate::cli`]", &[]),
        ("pub(crate) fn f() {} use mycrate::cli;", &[]),
    ] {
        let want: Vec<_> = want.iter().map(|&(name, line)| (name.to_string(), line)).collect();
        assert_eq!(names(text), want, "{text}");
    }
}

#[test]
fn a_wrong_use_and_an_unknown_module_are_refused() {
    for (module, used, allowed) in [
        ("cpu", "activation", true),
        ("config", "init", true),
        ("cli", "report", true),
        ("lib", "cli", true),
        ("model", "model", true),
        ("data", "config", false),
        ("data", "init", false),
        ("activation", "cpu", false),
        ("model", "train", false),
        ("helpers", "rng", false),
        ("train", "helpers", false),
    ] {
        assert_eq!(complaint(module, used).is_none(), allowed, "{module} uses {used}");
    }
}
