//! A Markdown page: its prose, its code, its headings and its links.

use std::fs;
use std::path::{Path, PathBuf};

/// Directories whose pages are read, seen from the root.
const DIRECTORIES: [&str; 3] = ["", "docs", "data"];

/// The repository's root.
pub fn root() -> &'static Path {
    Path::new(env!("CARGO_MANIFEST_DIR"))
}

/// A page with its place, seen from the root.
pub struct Page {
    /// Place from the root, such as `docs/faq.md`.
    pub name: String,
    /// The Markdown.
    pub text: String,
}

/// A block of code between fences.
pub struct Block<'a> {
    /// The word behind the opening fence, such as `rust`; mostly none.
    pub language: &'a str,
    /// Its lines.
    pub lines: Vec<&'a str>,
}

/// A link of a page.
pub struct Link<'a> {
    /// The words that are shown.
    pub words: &'a str,
    /// Where it leads.
    pub target: &'a str,
    /// Place of its words in the text, in bytes.
    pub at: usize,
}

/// All pages of the root, docs/ and data/, by name.
pub fn pages() -> Vec<Page> {
    let mut paths: Vec<PathBuf> = DIRECTORIES
        .iter()
        .filter_map(|directory| fs::read_dir(root().join(directory)).ok())
        .flat_map(|entries| entries.map(|entry| entry.unwrap().path()))
        .filter(|path| path.extension().is_some_and(|extension| extension == "md"))
        .collect();
    paths.sort();
    paths.into_iter().map(|path| page(path.strip_prefix(root()).unwrap().to_str().unwrap())).collect()
}

/// The page with this name.
pub fn page(name: &str) -> Page {
    let text = fs::read_to_string(root().join(name)).unwrap_or_else(|error| panic!("{name}: {error}"));
    Page { name: name.replace('\\', "/"), text }
}

impl Page {
    /// Blocks of code between fences.
    pub fn blocks(&self) -> Vec<Block<'_>> {
        let (mut blocks, mut open) = (Vec::new(), None);
        for line in self.text.lines() {
            match (line.strip_prefix("```"), open.take()) {
                (Some(language), None) => open = Some(Block { language, lines: Vec::new() }),
                (Some(_), Some(block)) => blocks.push(block),
                (None, Some(mut block)) => {
                    block.lines.push(line);
                    open = Some(block);
                }
                (None, None) => {}
            }
        }
        assert!(open.is_none(), "{}: a block of code does not end", self.name);
        blocks
    }

    /// The text with all code, between fences and within lines, replaced by spaces of the same length.
    pub fn prose(&self) -> String {
        let mut prose = String::with_capacity(self.text.len());
        let (mut fenced, mut spans) = (false, false);
        for line in self.text.split_inclusive('\n') {
            let fence = line.starts_with("```");
            if fence || fenced {
                prose.extend(line.bytes().map(|byte| if byte == b'\n' { '\n' } else { ' ' }));
                fenced ^= fence;
                continue;
            }
            // A span may go over lines, but not over paragraphs.
            spans &= !line.trim().is_empty();
            for c in line.chars() {
                spans ^= c == '`';
                match c {
                    '\n' => prose.push('\n'),
                    c if spans || c == '`' => prose.extend(std::iter::repeat_n(' ', c.len_utf8())),
                    c => prose.push(c),
                }
            }
        }
        prose
    }

    /// Code within lines of prose.
    pub fn spans(&self) -> Vec<&str> {
        let mut fenced = false;
        let outside = self.text.lines().filter(|line| {
            let fence = line.starts_with("```");
            fenced ^= fence;
            !fenced && !fence
        });
        outside.flat_map(|line| line.split('`').skip(1).step_by(2)).collect()
    }

    /// Links of the prose, pictures included.
    pub fn links(&self) -> Vec<Link<'_>> {
        let prose = self.prose();
        let mut links = Vec::new();
        for (at, _) in prose.match_indices("](") {
            let rest = &self.text[at + 2..];
            let target =
                &rest[..rest.find(')').unwrap_or_else(|| panic!("{}: a link without an end: {rest:.40}", self.name))];
            let start = opening(&prose[..at]).unwrap_or_else(|| panic!("{}: no words for {target}", self.name));
            links.push(Link { words: &self.text[start..at], target, at: start });
        }
        links
    }

    /// Anchors of its headings, as the usual hosts make them.
    pub fn anchors(&self) -> Vec<String> {
        let mut fenced = false;
        let mut anchors: Vec<String> = Vec::new();
        for line in self.text.lines() {
            fenced ^= line.starts_with("```");
            if let Some(heading) = line.strip_prefix('#').filter(|_| !fenced) {
                let anchor = anchor(heading.trim_start_matches('#'));
                let before = anchors.iter().filter(|one| **one == anchor).count();
                anchors.push(if before == 0 { anchor } else { format!("{anchor}-{before}") });
            }
        }
        anchors
    }
}

/// Place behind the bracket that opens the words of a link, which end where `before` does.
fn opening(before: &str) -> Option<usize> {
    let mut depth = 0_usize;
    for (at, c) in before.char_indices().rev() {
        match c {
            ']' => depth += 1,
            '[' if depth == 0 => return Some(at + 1),
            '[' => depth -= 1,
            _ => {}
        }
    }
    None
}

/// A heading's anchor: small letters, without punctuation, with hyphens for spaces.
pub fn anchor(heading: &str) -> String {
    let kept = heading.trim().chars().filter(|c| c.is_alphanumeric() || " -_".contains(*c));
    kept.flat_map(char::to_lowercase).map(|c| if c == ' ' { '-' } else { c }).collect()
}

#[test]
fn a_page_is_taken_apart_into_prose_code_headings_and_links() {
    let text = "# A page\n\nSee [one `x` thing](b.md#there) and\n`[no](link)`.\n\n```sh\n# no heading\ninitlab train\n```\n\n## `[init]`: the start\n## A page\n![E[z²]](p.svg)\n";
    let page = Page { name: "a.md".into(), text: text.into() };
    assert_eq!(page.anchors(), ["a-page", "init-the-start", "a-page-1"]);
    let links: Vec<(&str, &str)> = page.links().iter().map(|link| (link.words, link.target)).collect();
    assert_eq!(links, [("one `x` thing", "b.md#there"), ("E[z²]", "p.svg")]);
    let blocks: Vec<(&str, Vec<&str>)> = page.blocks().into_iter().map(|block| (block.language, block.lines)).collect();
    assert_eq!(blocks, [("sh", vec!["# no heading", "initlab train"])]);
    assert_eq!(page.spans(), ["x", "[no](link)", "[init]"]);
    let prose = page.prose();
    assert!(prose.len() == text.len() && !prose.contains("initlab") && prose.contains("thing"), "{prose}");
}
