//! No circle between files: whoever reads a file needs to know only files that do not need it.
//!
//! Paths are read from `use` lines and expressions (`crate::…`, `super::…`, `self::…`, and names of child modules). A name that a
//! module only passes on (`pub use`) counts as that of the file which defines it.

use std::collections::{BTreeMap, BTreeSet};
use std::fs;
use std::path::Path;

use crate::architecture::{rust_files, source};

/// The path of a module from the crate's root, such as `["model", "network"]`.
type Module = Vec<String>;

/// A file's references to others.
#[derive(Debug, Default)]
struct File {
    /// Paths that it names, from the crate's root.
    uses: Vec<Module>,
    /// Names that it passes on, each with the path that it stands for; `*` for all of a module's.
    passes_on: Vec<(String, Module)>,
}

/// The crate's files by module.
struct Crate {
    files: BTreeMap<Module, File>,
}

impl Crate {
    fn read(source: &Path) -> Self {
        let mut texts = BTreeMap::new();
        for file in rust_files(source) {
            let name = file.strip_prefix(source).unwrap().with_extension("");
            let mut module: Module = name.iter().map(|part| part.to_str().unwrap().into()).collect();
            if module.last().is_some_and(|last| last == "mod" || last == "lib") {
                module.pop();
            }
            texts.insert(module, fs::read_to_string(file).unwrap());
        }
        texts.remove(&vec!["main".to_string()]);
        Self::of(&texts)
    }

    fn of(texts: &BTreeMap<Module, String>) -> Self {
        let is_module = |path: &[String]| texts.contains_key(path);
        let files = texts.iter().map(|(module, text)| (module.clone(), read_file(module, text, &is_module)));
        Self { files: files.collect() }
    }

    /// The file that defines what `path` names.
    fn definer(&self, path: &[String]) -> Option<Module> {
        self.follow(path, 0)
    }

    fn follow(&self, path: &[String], steps: usize) -> Option<Module> {
        let length = (0..=path.len()).rev().find(|&n| self.files.contains_key(&path[..n]))?;
        let (module, rest) = path.split_at(length);
        let Some(name) = rest.first() else { return Some(module.to_vec()) };
        let file = &self.files[module];
        let named = file.passes_on.iter().find(|(passed, _)| passed == name).map(|(_, path)| path.clone());
        match named {
            // A chain of names that pass each other on has an end, unless it does not compile.
            Some(path) if steps < 8 => self.follow(&path, steps + 1),
            _ => Some(module.to_vec()),
        }
    }

    /// The files that each file needs.
    fn needs(&self) -> BTreeMap<&Module, BTreeSet<Module>> {
        let of = |module: &Module, file: &File| {
            let needed = file.uses.iter().filter_map(|path| self.definer(path));
            needed.filter(|needed| needed != module && !needed.is_empty()).collect()
        };
        self.files.iter().map(|(module, file)| (module, of(module, file))).collect()
    }

    /// Every circle, as the files that it goes through.
    fn circles(&self) -> Vec<Vec<Module>> {
        let needs = self.needs();
        let reach: BTreeMap<&Module, BTreeSet<Module>> =
            needs.keys().map(|&module| (module, reachable(&needs, module))).collect();
        let mut circles = BTreeSet::new();
        for (module, reached) in &reach {
            if reached.contains(*module) {
                let back = reached.iter().filter(|other| reach[other].contains(*module));
                circles.insert(back.cloned().collect::<Vec<_>>());
            }
        }
        circles.into_iter().collect()
    }
}

fn reachable(needs: &BTreeMap<&Module, BTreeSet<Module>>, from: &Module) -> BTreeSet<Module> {
    let mut reached = BTreeSet::new();
    let mut waiting: Vec<Module> = needs[from].iter().cloned().collect();
    while let Some(module) = waiting.pop() {
        if reached.insert(module.clone()) {
            waiting.extend(needs[&module].iter().cloned());
        }
    }
    reached
}

fn read_file(module: &Module, text: &str, is_module: &impl Fn(&[String]) -> bool) -> File {
    // Tests within a file see all of it, and nobody sees them.
    let text = text.split("#[cfg(test)]\nmod tests {").next().unwrap();
    let text: String = text.lines().map(|line| line.split("//").next().unwrap().to_string() + "\n").collect();
    let mut file = File::default();
    for statement in uses(&text) {
        for (path, name) in leaves(&statement.tree) {
            let Some(path) = absolute(module, &path, is_module) else { continue };
            // A front page that passes a name on does not need it.
            if statement.public {
                file.passes_on.push((name, path));
                continue;
            }
            // `use crate::gpu::cuda;` and then `cuda::activate(…)`: what is needed is the file behind that name.
            let within = members(&text, &name).into_iter().map(|member| [path.clone(), vec![member]].concat());
            file.uses.extend(within.chain([path.clone()]));
        }
    }
    for path in expressions(&text) {
        file.uses.extend(absolute(module, &path, is_module));
    }
    file
}

/// Members that a text takes out of the module that it calls `name`.
fn members(text: &str, name: &str) -> Vec<String> {
    let whole = |at: usize| !text[..at].ends_with(|c: char| c.is_alphanumeric() || "_:".contains(c));
    let head = format!("{name}::");
    let found = text.match_indices(&head).filter(|(at, _)| whole(*at)).map(|(at, found)| at + found.len());
    found.map(|at| text[at..].chars().take_while(|c| c.is_alphanumeric() || *c == '_').collect()).collect()
}

struct Use {
    public: bool,
    tree: String,
}

/// The `use` statements of a text.
fn uses(text: &str) -> Vec<Use> {
    let mut found = Vec::new();
    for (at, _) in text.match_indices("use ") {
        let before = text[..at].rsplit('\n').next().unwrap().trim();
        let public = before.starts_with("pub");
        let tree = text[at + 4..].split(';').next().unwrap();
        // The words of a text may begin a line too.
        if (!before.is_empty() && !public) || tree.contains(|c: char| !c.is_alphanumeric() && !"_:{}*, \n".contains(c))
        {
            continue;
        }
        found.push(Use { public, tree: tree.split_whitespace().collect::<Vec<_>>().join(" ") });
    }
    found
}

/// The paths of a use tree, each with the name that it brings in.
fn leaves(tree: &str) -> Vec<(Vec<String>, String)> {
    let tree = tree.trim();
    let Some(open) = tree.find('{') else {
        let (path, alias) = tree.split_once(" as ").map_or((tree, None), |(path, alias)| (path, Some(alias)));
        let path: Vec<String> = path.trim().split("::").map(|part| part.trim().to_string()).collect();
        let name = alias.map_or_else(|| path.last().unwrap().clone(), |alias| alias.trim().to_string());
        return vec![(path, name)];
    };
    let head: Vec<String> =
        tree[..open].split("::").map(|part| part.trim().to_string()).filter(|p| !p.is_empty()).collect();
    let inner = &tree[open + 1..tree.rfind('}').unwrap()];
    let mut parts = vec![String::new()];
    let mut depth = 0;
    for c in inner.chars() {
        depth += i32::from(c == '{') - i32::from(c == '}');
        if c == ',' && depth == 0 {
            parts.push(String::new());
        } else {
            parts.last_mut().unwrap().push(c);
        }
    }
    let mut all = Vec::new();
    for part in parts.iter().filter(|part| !part.trim().is_empty()) {
        for (path, name) in leaves(part) {
            let path = [head.clone(), path].concat();
            // `self` in a group is the group's own path.
            let own = path.last().is_some_and(|last| last == "self");
            let path = if own { path[..path.len() - 1].to_vec() } else { path };
            all.push((path.clone(), if own { path.last().unwrap().clone() } else { name }));
        }
    }
    all
}

/// Paths that begin with `crate::` or `super::` in expressions and types.
fn expressions(text: &str) -> Vec<Vec<String>> {
    let mut found = Vec::new();
    for root in ["crate::", "super::"] {
        for (at, _) in text.match_indices(root) {
            let before = text[..at].chars().next_back();
            // `pub(in crate::train)` says who may see, not what is needed.
            if before.is_some_and(|c| c.is_alphanumeric() || "_:$".contains(c)) || text[..at].ends_with("(in ") {
                continue;
            }
            let path: String = text[at..].chars().take_while(|c| c.is_alphanumeric() || "_:".contains(*c)).collect();
            // What ends in `::` is the head of a group, which is read as a use.
            if !path.ends_with("::") {
                found.push(path.split("::").map(String::from).collect());
            }
        }
    }
    found
}

/// `path`, as a file of `module` writes it, from the crate's root; none if it leads elsewhere.
fn absolute(module: &Module, path: &[String], is_module: &impl Fn(&[String]) -> bool) -> Option<Module> {
    let mut base = module.clone();
    let mut rest = path;
    match path.first()?.as_str() {
        "crate" => {
            base.clear();
            rest = &path[1..];
        }
        "self" => rest = &path[1..],
        "super" => {
            while rest.first().is_some_and(|part| part == "super") {
                base.pop();
                rest = &rest[1..];
            }
        }
        child => {
            base.push(child.into());
            if !is_module(&base) {
                return None;
            }
            rest = &path[1..];
        }
    }
    base.extend(rest.iter().cloned());
    Some(base)
}

#[test]
fn no_file_needs_a_file_that_needs_it() {
    let circles = Crate::read(&source()).circles();
    let told: Vec<String> =
        circles.iter().map(|files| files.iter().map(|file| file.join("::")).collect::<Vec<_>>().join(", ")).collect();
    assert!(told.is_empty(), "files that need each other:\n{}", told.join("\n"));
}

#[test]
fn circles_are_found_however_a_path_is_written() {
    let circles = |files: &[(&str, &str)]| {
        let module = |name: &str| name.split("::").filter(|part| !part.is_empty()).map(String::from).collect();
        let texts = files.iter().map(|(name, text)| (module(name), (*text).to_string())).collect();
        Crate::of(&texts).circles().len()
    };
    for (files, want) in [
        (&[("a", "use crate::b::B;"), ("b", "")][..], 0),
        (&[("a", "use crate::b::B;"), ("b", "fn f() { crate::a::g() }")], 1),
        (&[("a", "use crate::{b::{B, C}, c};"), ("b", ""), ("c", "use crate::a;")], 1),
        (&[("a", "mod b;\nuse b::B;"), ("a::b", "use super::A;")], 1),
        (&[("a", "mod b;\npub use b::B;"), ("a::b", "use super::A;"), ("a::c", "use super::B;")], 0),
        (&[("a", "pub use self::b::B;\npub use crate::a::c::C;"), ("a::b", "use crate::a::C;"), ("a::c", "")], 0),
        (&[("a", "pub use b::B;\npub use c::C;"), ("a::b", "use crate::a::C;"), ("a::c", "use crate::a::B;")], 1),
        (&[("a", "use crate::b;\nfn f() { b::g() }"), ("b", "pub use c::g;"), ("b::c", "use crate::a::A;")], 1),
        (&[("a", "// use crate::b;"), ("b", "use crate::a;\n#[cfg(test)]\nmod tests {\nuse super::*;\n}")], 0),
        (&[("a", "use crate::b;"), ("b", "use crate::c;"), ("c", "use crate::a as d;")], 1),
    ] {
        assert_eq!(circles(files), want, "{files:?}");
    }
}
