//! `initlab lesson8` from outside, on the real MNIST where it is.

use std::fs;

use serde_json::Value;

use super::{Work, initlab};

#[test]
fn a_wrong_call_is_refused_and_says_what_is_right() {
    let cases: [(&[&str], i32, &str); 6] = [
        (&["--seeds", "4"], 2, "5..=1000000"),
        (&["--runs", "9"], 2, "--train"),
        (&["--train", "--runs", "2"], 2, "5..=10000"),
        (&["--json", "--markdown"], 2, "cannot be used with"),
        (&["--threads", "0"], 2, "1..=1024"),
        (&["--data", "no/such/place"], 1, "no/such/place"),
    ];
    for (arguments, code, part) in cases {
        let ran = initlab([&["lesson8"], arguments].concat());
        assert_eq!(ran.code, Some(code), "{arguments:?}: {ran:?}");
        assert!(ran.stdout.is_empty() && ran.message().contains(part), "{part}: {ran:?}");
    }
}

#[test]
fn another_reference_is_read_strictly() {
    let work = Work::new();
    let path = work.path("other.toml");
    let path = path.to_str().unwrap();
    for (text, part) in [
        ("", "missing key `result`"),
        ("[[result]]\nmean = 1", "missing key `id` in [result.0]"),
        ("[[result]]\nid = 'relu_kaimin'\nmean = 1", "other.toml:2:6: `id` in [result.0] has the unknown name"),
        ("[[result]]\nid = 'relu_kaiming'\nmaen = 1\nstd = 1", "other.toml:3:1: unknown key `maen` in [result.0]"),
        ("[[result]]\nid = 'relu_kaiming'", "other.toml:2:6: `id` in [result.0] has no number"),
        ("[[result]]\nid = 'relu_kaiming'\nmean = '1'", "other.toml:3:8: `mean` in [result.0] must be a number"),
        ("[[result]]\nid = 'gains'\ngains = [1, 1, 1, 1, 1, 1]", "has 6 numbers; at most 5"),
        ("[[result]]\nid = 'input'\ntrain_mean = 1\n[[result]]\nid = 'input'", "as that of another result"),
    ] {
        fs::write(path, text).unwrap();
        let ran = initlab(["lesson8", "--reference", path]);
        let message = ran.stderr.replace("\n  ", " ");
        assert!(ran.code == Some(2) && ran.stdout.is_empty() && message.contains(part), "{part}\n{ran:?}");
    }
    let ran = initlab(["lesson8", "--reference", "no/such.toml"]);
    assert!(ran.code == Some(2) && ran.message().contains("--reference no/such.toml: "), "{ran:?}");
}

#[test]
fn a_number_outside_is_told_and_ends_with_3() {
    let Some(directory) = crate::real_data::mnist() else { return };
    let work = Work::new();
    let path = work.path("other.toml");
    for (mean, code, told) in [("0.56", 0, "1 inside, 0 outside"), ("9.0", 3, "1 outside (relu_kaiming)")] {
        fs::write(&path, format!("[[result]]\nid = 'relu_kaiming'\nmean = {mean}")).unwrap();
        let own = ["lesson8", "--seeds", "5", "--data", directory.to_str().unwrap(), "--reference"];
        let ran = initlab(own.iter().copied().chain([path.to_str().unwrap()]));
        assert!(ran.code == Some(code) && ran.stdout.contains(told), "{ran:?}");
    }
}

#[test]
fn a_few_seeds_give_every_result_that_needs_no_training() {
    let Some(directory) = crate::real_data::mnist() else { return };
    let call = |more: &[&str]| {
        let own = ["lesson8", "--seeds", "5", "--data", directory.to_str().unwrap()];
        initlab(own.iter().chain(more))
    };
    let ran = call(&["--json", "--threads", "1"]);
    assert_eq!(ran.code, Some(0), "{ran:?}");
    assert_eq!(ran.stdout, call(&["--json", "--threads", "3"]).stdout);
    let object: Value = serde_json::from_str(&ran.stdout).unwrap();
    assert_eq!((&object["confidence"], &object["seeds"], &object["runs"]), (&0.999.into(), &5.into(), &Value::Null));
    let results = object["results"].as_array().unwrap();
    assert_eq!((results.len(), &object["inside"]), (38, &29.into()));
    assert_eq!((object["outside"].as_array().unwrap().len(), object["not_run"].as_array().unwrap().len()), (0, 9));
    for row in results.iter().flat_map(|result| result["numbers"].as_array().unwrap()) {
        for key in ["lesson", "median", "low", "high", "min", "max"] {
            assert!(row[key].is_number(), "{key} of {row}");
        }
        assert!(row["inside"].as_bool().unwrap() && row["name"].is_string() && row["range"].is_string(), "{row}");
    }

    let table = call(&[]);
    let widest = table.stdout.lines().map(|line| line.chars().count()).max().unwrap();
    assert!(table.code == Some(0) && widest <= 80, "{widest} columns\n{}", table.stdout);
    assert!(table.stdout.ends_with("38 results: 29 inside, 0 outside, 9 not run: add --train\n"), "{}", table.stdout);
    let markdown = call(&["--markdown"]).stdout;
    assert!(markdown.contains("Written by `initlab lesson8 --seeds 5 --markdown`"), "{markdown}");
    assert_eq!(markdown.matches("\n### ").count(), 29);
}
