//! The snippets of docs/python.md, run in order where Python has the packages that they import.

use std::fs;
use std::path::Path;
use std::process::Command;

use super::tensorboard::python_with;
use super::{Work, initlab};

/// The fenced Python blocks of a Markdown text.
fn snippets(text: &str) -> Vec<&str> {
    text.split("```python\n").skip(1).map(|rest| rest.split("```").next().expect("a block ends")).collect()
}

#[test]
fn the_snippets_for_python_run() {
    let Some(python) = python_with("pandas, safetensors, numpy") else { return };
    let root = Path::new(env!("CARGO_MANIFEST_DIR"));
    let page = fs::read_to_string(root.join("docs/python.md")).unwrap();
    let mut snippets = snippets(&page);
    assert_eq!(snippets.len(), 5);
    if python_with("torch").is_none() {
        snippets.retain(|snippet| !snippet.contains("import torch"));
    }
    let work = Work::new();
    let [config, run] = [root.join("configs/lesson_cnn.toml"), work.path("runs/lesson_cnn-seed0")];
    let ran = initlab([
        Path::new("train"),
        &config,
        Path::new("--dataset=digits"),
        Path::new("--set=train.epochs=1"),
        Path::new("--out"),
        &run,
    ]);
    assert_eq!(ran.code, Some(0), "{ran:?}");
    work.study(super::compare::STUDY);
    assert_eq!(work.compare("studies/lesson8", &[]).code, Some(0));
    fs::write(work.path("snippets.py"), snippets.concat()).unwrap();
    let ran = Command::new(python).arg("snippets.py").current_dir(work.path("")).output().unwrap();
    assert!(ran.status.success(), "{}", String::from_utf8_lossy(&ran.stderr));
}
