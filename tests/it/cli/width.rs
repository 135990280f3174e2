//! The coordinate check from outside.

use std::fs;

use super::{MLP, Work, initlab};

const FEW: [&str; 6] = ["--widths", "12..48", "--seeds", "2", "--steps", "2"];

#[test]
fn a_check_prints_tables_a_verdict_and_a_chart_for_any_number_of_threads() {
    let work = Work::new();
    let config = work.config(MLP.replace("[12, 9]", "[12, 12]").as_str());
    let chart = work.path("width.svg");
    let call = |threads: &str| {
        let given = ["width", config.to_str().unwrap(), "--threads", threads, "--chart", chart.to_str().unwrap()];
        let ran = initlab([&given[..], &FEW].concat());
        assert!(ran.code == Some(0) && ran.stderr.is_empty(), "{ran:?}");
        ran.stdout
    };
    let text = call("1");
    assert_eq!(text, call("2"));
    assert!(text.lines().all(|line| line.chars().count() <= 80 || line.ends_with("width.svg")), "{text}");
    for part in [
        "3 widths from 12 to 48, standard parametrisation, sgd at rate 0.1",
        "linear3",
        "logits' change",
        "below the 64 inputs",
    ] {
        assert!(text.split_whitespace().collect::<Vec<_>>().join(" ").contains(part), "{part}: {text}");
    }
    let svg = fs::read_to_string(chart).unwrap();
    assert!(svg.contains("linear1") && svg.contains("change of the pre-activations by width"));
}

#[test]
fn a_check_as_json_has_every_size_and_exponent() {
    let work = Work::new();
    let config = work.config(MLP);
    let ran =
        initlab([&["width", config.to_str().unwrap(), "--json", "--set", "model.widths=[12,6]"], &FEW[..]].concat());
    assert_eq!(ran.code, Some(0), "{ran:?}");
    let found: serde_json::Value = serde_json::from_str(&ran.stdout).unwrap();
    let layer = &found["layers"][2];
    assert_eq!((&found["widths"], &layer["place"]), (&serde_json::json!([12, 24, 48]), &"output".into()));
    assert_eq!(layer["changes"].as_array().map(Vec::len), Some(2));
    assert!(layer["changes"][1]["sizes"][2][1].is_f64() && layer["changes"][1]["interval"][0].is_f64());
    assert!(found["optimizer"]["kind"] == "sgd" && found["findings"][0]["rule"].is_string());
}

#[test]
fn a_wrong_call_is_refused_and_says_what_is_right() {
    let work = Work::new();
    let config = work.config(MLP);
    let cases: [(&[&str], i32, &str); 5] = [
        (&["--widths", "64..1000"], 2, "not to 1000"),
        (&["--widths", "13,24,48"], 2, "take other widths"),
        (&["--set", "model.widths=[]"], 2, "no hidden layer"),
        (&["--steps", "0"], 2, "1..=1000"),
        (&["--chart", "width.txt", "--widths", "12..48", "--seeds", "1", "--steps", "1"], 2, ".svg or .png"),
    ];
    for (arguments, code, part) in cases {
        let ran = initlab([&["width", config.to_str().unwrap()], arguments].concat());
        let message = ran.stderr.replace("\n  ", " ");
        assert!(ran.code == Some(code) && message.contains(part), "{part}\n{ran:?}");
    }
}
