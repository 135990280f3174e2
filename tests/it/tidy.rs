//! The words of doc comments: a first line names an item or says what it does, and is no clause that hangs in the air.

use std::fs;
use std::path::Path;

use crate::architecture::rust_files;

/// Directories whose Rust files are read.
const DIRECTORIES: [&str; 5] = ["src", "benches", "examples", "tests", "python/src"];

/// Words that no first line begins with: a noun or a verb in their place says more in as few words.
const REFUSED: [&str; 5] = ["What", "Of which", "Those that", "The same", "Whether"];

/// Marks of a doc comment about what stands around it, and about what stands below it.
const MARKS: [&str; 2] = ["//!", "///"];

/// The mark and the words of a doc comment, if `line` is one.
fn doc_comment(line: &str) -> Option<(&str, &str)> {
    let line = line.trim_start();
    let mark = MARKS.into_iter().find(|mark| line.starts_with(mark))?;
    let words = &line[mark.len()..];
    // Four slashes begin a plain comment.
    (!words.starts_with('/')).then(|| (mark, words.trim()))
}

/// The words of the first line of each block of doc comments, with the line's number from 1.
fn first_lines(text: &str) -> Vec<(usize, &str)> {
    let (mut first, mut before) = (Vec::new(), None);
    for (i, line) in text.lines().enumerate() {
        let comment = doc_comment(line);
        if let Some((mark, words)) = comment
            && before != Some(mark)
        {
            first.push((i + 1, words));
        }
        before = comment.map(|(mark, _)| mark);
    }
    first
}

/// True if `line` begins with one of the [`REFUSED`], as whole words.
fn is_refused(line: &str) -> bool {
    let ends = |rest: &str| !rest.starts_with(char::is_alphanumeric);
    REFUSED.iter().any(|words| line.strip_prefix(words).is_some_and(ends))
}

#[test]
fn first_lines_of_doc_comments_begin_with_a_noun_or_a_verb() {
    let root = Path::new(env!("CARGO_MANIFEST_DIR"));
    let mut wrong = Vec::new();
    for file in DIRECTORIES.iter().flat_map(|directory| rust_files(&root.join(directory))) {
        let place = file.strip_prefix(root).unwrap();
        // An example with a manifest of its own is built beside it, of code that others wrote.
        if place.components().any(|part| part.as_os_str() == "target") {
            continue;
        }
        let text = fs::read_to_string(&file).unwrap();
        let lines = first_lines(&text).into_iter().filter(|(_, line)| is_refused(line));
        wrong.extend(lines.map(|(number, line)| format!("{}:{number}: {line}", place.display())));
    }
    assert!(wrong.is_empty(), "first lines that begin with one of {REFUSED:?}:\n{}", wrong.join("\n"));
}

#[test]
fn the_first_line_of_every_block_is_found() {
    for (text, want) in [
        ("//! A module.\n//!\n//! More.\n\n/// An item.\nfn f() {}", &[(1, "A module."), (5, "An item.")][..]),
        ("struct A {\n    /// Its name.\n    /// And more.\n    name: u8,\n}", &[(2, "Its name.")]),
        ("//! A module.\n/// An item.", &[(1, "A module."), (2, "An item.")]),
        ("/// One.\n#[test]\n/// Another.", &[(1, "One."), (3, "Another.")]),
        ("// Plain.\n//// Plain too.\nlet x = \"/// a text\"; /// behind code", &[]),
    ] {
        assert_eq!(first_lines(text), want, "{text}");
    }
}

#[test]
fn whole_words_at_the_beginning_are_refused() {
    for (line, refused) in [
        ("What is wrong.", true),
        ("What's wrong.", true),
        ("Whether it is wrong.", true),
        ("The same, turned round.", true),
        ("Those that are wrong.", true),
        ("Of which there is none.", true),
        ("Whatever is wrong.", false),
        ("The sameness of two runs.", false),
        ("Those of a run.", false),
        ("True if it is what it was, and the same.", false),
        ("", false),
    ] {
        assert_eq!(is_refused(line), refused, "{line}");
    }
}
