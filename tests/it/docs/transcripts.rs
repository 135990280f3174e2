//! Transcripts of the documentation, run: what a page says that a command prints, it prints.

use std::fs;
use std::path::Path;
use std::process::Command;

use super::commands::call;
use super::page::{page, pages, root};
use super::transcript::{Numbers, Transcript, transcripts};

/// Numbers before training, which differ by rounding alone.
const ROUNDED: Numbers = Numbers::Near { share: 0.01, distance: 1e-3 };
/// Numbers after a short training.
const TRAINED: Numbers = Numbers::Near { share: 0.15, distance: 0.15 };

/// Where a transcript stands, how its call begins, and how closely its numbers are held. Calls without `--dataset digits` need MNIST.
const HELD: [(&str, &str, Numbers); 3] = [
    ("README.md", "cargo run --release -- train", TRAINED),
    ("docs/tutorial.md", "initlab train", TRAINED),
    ("docs/tutorial.md", "initlab probe", ROUNDED),
];
/// Transcripts of studies, which take minutes: a smaller study is held to their form.
const STUDIES: [(&str, &str); 1] = [("docs/studies.md", "initlab compare")];

/// A directory with the configs, in which calls leave their records.
fn place() -> tempfile::TempDir {
    let place = tempfile::tempdir().unwrap();
    copy(&root().join("configs"), &place.path().join("configs"));
    place
}

fn copy(from: &Path, to: &Path) {
    fs::create_dir(to).unwrap();
    for entry in fs::read_dir(from).unwrap().map(|entry| entry.unwrap()) {
        let to = to.join(entry.file_name());
        if entry.path().is_dir() {
            copy(&entry.path(), &to);
        } else {
            fs::copy(entry.path(), to).unwrap();
        }
    }
}

/// The output of a call in a terminal of 80 columns.
fn printed(call: &[String]) -> String {
    let place = place();
    let ran = Command::new(env!("CARGO_BIN_EXE_initlab"))
        .args(&call[1..])
        .env("COLUMNS", "80")
        .current_dir(place.path())
        .output()
        .unwrap();
    assert!(ran.status.success(), "{call:?}: {}", String::from_utf8_lossy(&ran.stderr));
    String::from_utf8(ran.stdout).unwrap()
}

fn transcript(name: &str, begins: &str) -> Transcript {
    let mut found = transcripts(&page(name)).into_iter().filter(|transcript| transcript.call.starts_with(begins));
    found.next().unwrap_or_else(|| panic!("{name} has no transcript of {begins}"))
}

#[test]
fn what_pages_say_that_commands_print_they_print() {
    for (name, begins, numbers) in HELD {
        let transcript = transcript(name, begins);
        if !transcript.call.contains("--dataset digits") && std::env::var_os("INITLAB_MNIST").is_none() {
            eprintln!("skipped, without INITLAB_MNIST: {}", transcript.call);
            continue;
        }
        let printed = printed(&call(&transcript.call).unwrap());
        transcript.check(&printed, numbers).unwrap_or_else(|error| panic!("{name}: {error}\n{printed}"));
    }
}

#[test]
fn the_tables_of_studies_have_the_form_that_pages_show() {
    for (name, begins) in STUDIES {
        let transcript = transcript(name, begins);
        let smaller = [
            "--dataset",
            "digits",
            "--set",
            "seeds=2",
            "--set",
            "set.train.steps=20",
            "--set",
            "set.train.evaluate_every=20",
        ];
        let call = [call(&transcript.call).unwrap(), smaller.map(str::to_owned).to_vec()].concat();
        let printed = printed(&call);
        let names = |text: &str| {
            let table = text.lines().skip(2).take(7);
            let mut names: Vec<String> = table.map(|line| line[..15.min(line.len())].trim().to_owned()).collect();
            names.sort();
            names
        };
        let head = |text: &str| text.lines().nth(1).unwrap().split_whitespace().collect::<Vec<_>>().join(" ");
        assert_eq!(head(&printed), head(&transcript.printed), "{printed}");
        assert_eq!(names(&printed), names(&transcript.printed), "{printed}");
    }
}

#[test]
fn no_transcript_is_left_out() {
    for page in pages() {
        for transcript in transcripts(&page) {
            let begins = HELD
                .iter()
                .map(|(name, begins, _)| (name, begins))
                .chain(STUDIES.iter().map(|(name, begins)| (name, begins)));
            let held =
                begins.into_iter().any(|(name, begins)| *name == page.name && transcript.call.starts_with(begins));
            assert!(held, "{}: nothing holds the transcript of {}", page.name, transcript.call);
        }
    }
}
