//! Words of a study: names that a terminal or a spreadsheet would act on, batch sizes that differ, verdicts from both
//! sides.

use std::fs;

use super::{Work, json};

/// Two arms of a few steps; `ARM` and `MORE` are filled in.
const STUDY: &str = "
base = 'net.toml'
seeds = 3
baseline = 'plain'
targets = [{ test_accuracy = 0.99 }]
set.stats.every = 0
[[arms]]
name = 'plain'
[[arms]]
name = ARM
MORE
";

impl Work {
    fn words(&self, arm: &str, more: &str) {
        self.study(&STUDY.replace("ARM", &format!("{arm:?}").replace("\\u{1b}", "\\u001b")).replace("MORE", more));
    }
}

#[test]
fn names_are_text_in_tables_and_shown_in_terminals_and_reports() {
    // Name, as it stands in a CSV file, as it is shown.
    for (name, cell, shown) in [
        ("=1+1", "'=1+1,", "=1+1"),
        ("@SUM(1)", "'@SUM(1),", "@SUM(1)"),
        ("-2+3", "'-2+3,", "-2+3"),
        ("+1", "'+1,", "+1"),
        ("\t=1", "\"'\t=1\",", "\\t=1"),
        ("\u{1b}[31mred", "\u{1b}[31mred,", "\\x1b[31mred"),
    ] {
        let work = Work::new();
        work.words(name, "set.optimizer.lr = 0.01");
        let ran = work.compare("out", &["--threads", "1"]);
        assert_eq!(ran.code, Some(0), "{ran:?}");
        for file in ["runs.csv", "comparison.csv"] {
            let text = fs::read_to_string(work.path("out").join(file)).unwrap();
            assert!(text.lines().any(|line| line.starts_with(cell)), "{file}: {text}");
        }
        let html = fs::read_to_string(work.path("out/report.html")).unwrap();
        for text in [&ran.stdout, &ran.stderr, &html] {
            // A tab is white space in markup and stays one.
            assert!(text.contains(shown) || *text == html && text.contains(name), "{shown}: {text}");
            assert!(text.chars().all(|c| c == '\n' || c == '\t' || !c.is_control()), "{text:?}");
        }
        assert!(!ran.stdout.contains('\t') && !ran.message().contains('\t'), "{ran:?}");
        assert_eq!(json(&work.path("out/study.json"))["arms"][1], name);
    }
}

#[test]
fn a_name_that_pandas_reads_as_missing_gets_a_word() {
    for (name, told) in [("None", true), ("NA", true), ("nan", true), ("null", true), ("none at all", false)] {
        let work = Work::new();
        work.words(name, "set.optimizer.lr = 0.01");
        let ran = work.compare("out", &["--dry-run"]);
        let text = ran.stdout.replace("\n    ", " ");
        let part = format!("an arm is called \"{name}\", which pandas reads as missing in runs.csv");
        assert!(ran.code == Some(0) && text.contains(&part) == told && ran.stderr.is_empty(), "{ran:?}");
        let ran = work.compare("out", &["--threads", "1"]);
        assert!(ran.code == Some(0) && ran.stderr.replace("\n  ", " ").contains(&part) == told, "{ran:?}");
    }
}

#[test]
fn batch_sizes_that_differ_are_named_in_plan_verdict_and_report() {
    let work = Work::new();
    work.words("large", "set.train.batch_size = 30");
    let part = "arms differ in batch size (30, 64): a step is not the same amount of data";
    let dry = work.compare("out", &["--dry-run"]);
    assert!(dry.code == Some(0) && dry.stdout.replace("\n    ", " ").contains(part), "{dry:?}");
    let ran = work.compare("out", &["--set", "targets=[{test_accuracy=0.3}]"]);
    assert!(ran.code == Some(0) && ran.stdout.replace("\n  ", " ").contains(part), "{ran:?}");
    assert!(ran.stdout.contains("the images"), "{ran:?}");
    assert!(fs::read_to_string(work.path("out/report.html")).unwrap().contains(part));
    let csv = fs::read_to_string(work.path("out/comparison.csv")).unwrap();
    let column = |name: &str| csv.lines().next().unwrap().split(',').position(|column| column == name).unwrap();
    assert_eq!(csv.lines().nth(1).unwrap().split(',').nth(column("unit")), Some("images"), "{csv}");
}

#[test]
fn a_pair_has_the_same_verdict_and_p_from_either_side() {
    let work = Work::new();
    work.words("slow", "set.optimizer.lr = 0.001");
    assert_eq!(work.compare("one", &[]).code, Some(0));
    assert_eq!(work.compare("other", &["--set", "baseline='slow'"]).code, Some(0));
    let [one, other] = ["one", "other"].map(|out| json(&work.path(out).join("study.json"))["comparisons"][0].clone());
    let mirrored = |verdict: &str| match verdict {
        "sooner" => "later".to_string(),
        "later" => "sooner".into(),
        "higher" => "lower".into(),
        "lower" => "higher".into(),
        same => same.into(),
    };
    assert_eq!(mirrored(one["verdict"].as_str().unwrap()), other["verdict"]);
    for what in ["test_accuracy", "test_loss", "mean_loss"] {
        assert_eq!(
            mirrored(one[what]["judged"]["verdict"].as_str().unwrap()),
            other[what]["judged"]["verdict"],
            "{what}"
        );
        assert_eq!(one[what]["p_value"], other[what]["p_value"], "{what}");
        assert_eq!(one[what]["mean"].as_f64(), other[what]["mean"].as_f64().map(|mean| -mean), "{what}");
    }
}

#[test]
fn records_of_earlier_versions_make_a_report() {
    let work = Work::new();
    work.words("slow", "set.optimizer.lr = 0.001");
    assert_eq!(work.compare("out", &[]).code, Some(0));
    let path = work.path("out/study.json");
    let mut study = json(&path);
    let drop = |of: &mut serde_json::Value, names: &[&str]| {
        names.iter().for_each(|name| drop_one(of, name));
    };
    for run in study["runs"].as_array_mut().unwrap() {
        drop(run, &["lost", "batch_size", "test_images", "chance"]);
    }
    for summary in study["summaries"].as_array_mut().unwrap() {
        drop(summary, &["remarks"]);
        drop(&mut summary["targets"][0], &["lost"]);
        drop(&mut summary["test_accuracy"], &["median", "quartiles"]);
        drop(&mut summary["mean_loss"], &["median", "quartiles"]);
    }
    for comparison in study["comparisons"].as_array_mut().unwrap() {
        drop(comparison, &["test_loss", "at_end", "more_accurate"]);
        drop(&mut comparison["targets"][0], &["leaning", "lost", "baseline_lost", "sooner"]);
        drop(&mut comparison["targets"][0]["ratio"], &["tests", "unit", "reached", "way"]);
        ["test_accuracy", "mean_loss"].iter().for_each(|what| drop(&mut comparison[*what], &["judged"]));
    }
    fs::write(&path, study.to_string()).unwrap();
    let ran = super::initlab(["report".as_ref(), work.path("out").as_os_str()]);
    assert_eq!(ran.code, Some(0), "{ran:?}");
}

fn drop_one(of: &mut serde_json::Value, name: &str) {
    of.as_object_mut().unwrap().remove(name).unwrap_or_else(|| panic!("no field {name}"));
}

#[test]
fn every_pair_is_compared_on_demand_and_tables_are_written_for_papers() {
    let work = Work::new();
    work.study(&super::compare::STUDY.replace("values = [[12, 9], [8]]", "values = [[8]]"));
    assert_eq!(work.compare("out", &[]).code, Some(0));
    let record = || json(&work.path("out/study.json"));
    assert!(record()["pairs"].is_null());
    let before = record();
    let ran = work.compare("out", &["--report-only", "--pairs"]);
    assert!(ran.code == Some(0) && ran.stdout.contains("every pair, steps to"), "{ran:?}");
    assert!(ran.stdout.lines().all(|line| line.chars().count() <= 80 || line.contains("records in")), "{ran:?}");
    assert!(ran.stdout.trim_end().ends_with("out/report.html"), "the report is the last line: {ran:?}");
    let pairs = record()["pairs"].as_array().unwrap().clone();
    let names: Vec<String> = pairs
        .iter()
        .map(|pair| format!("{}/{}", pair["comparison"]["arm"], pair["against"]).replace('"', ""))
        .collect();
    assert_eq!(names, ["xavier, small/kaiming", "too fast/kaiming", "too fast/xavier, small"]);
    assert!(fs::read_to_string(work.path("out/report.html")).unwrap().contains("<h2>Every pair</h2>"));
    for (option, parts) in [
        ("--markdown", ["| arm | verdict | reached |", "|---|---|", "| xavier, small |"]),
        ("--latex", ["\\toprule", "xavier, small &", "$\\times$ baseline"]),
    ] {
        let ran = work.compare("out", &["--report-only", option]);
        assert!(ran.code == Some(0) && parts.iter().all(|part| ran.stdout.contains(part)), "{option}: {ran:?}");
    }
    assert_eq!(record(), before);
    let ran = work.compare("out", &["--markdown", "--latex"]);
    assert_eq!(ran.code, Some(2), "{ran:?}");
}

#[test]
fn seeds_for_a_factor_are_told_on_demand() {
    let work = Work::new();
    work.words("slow", "set.optimizer.lr = 0.001");
    assert_eq!(work.compare("out", &[]).code, Some(0));
    let before = json(&work.path("out/study.json"));
    let ran = work.compare("out", &["--report-only", "--power=2"]);
    assert!(ran.code == Some(0) && ran.stdout.contains("seeds that would show a factor of 2"), "{ran:?}");
    assert!(ran.stdout.lines().all(|line| line.chars().count() <= 80 || line.contains("records in")), "{ran:?}");
    let needed = json(&work.path("out/study.json"))["seeds_needed"].clone();
    assert_eq!((needed[0]["arm"].as_str(), needed[0]["factor"].as_f64()), (Some("slow"), Some(2.0)), "{needed}");
    assert!(fs::read_to_string(work.path("out/report.html")).unwrap().contains("<h2>Seeds for a factor of 2</h2>"));
    assert_eq!(work.compare("out", &["--report-only"]).code, Some(0));
    assert_eq!(json(&work.path("out/study.json")), before);
    let ran = work.compare("out", &["--power=1"]);
    assert!(ran.code == Some(2) && ran.message().contains("expected a factor above 1"), "{ran:?}");
}
