//! `events.jsonl`: what the CSV files say, as JSON, one object a line.

use std::ffi::OsStr;
use std::fs;

use serde_json::Value;

use super::{MLP, Work, initlab, json};

/// The fields of a CSV file's lines, each with its column's name.
fn fields(work: &Work, name: &str) -> Vec<Vec<(String, String)>> {
    let text = fs::read_to_string(work.path("run").join(name)).unwrap();
    let header: Vec<String> = text.lines().next().unwrap().split(',').map(String::from).collect();
    let line = |line: &str| header.iter().cloned().zip(line.split(',').map(String::from)).collect();
    text.lines().skip(1).map(line).collect()
}

/// True if a JSON value is the one that a CSV file has in a field.
fn same(value: &Value, field: &str) -> bool {
    match value {
        Value::Null => field.is_empty(),
        Value::String(word) => ["NaN", "inf", "-inf"].contains(&&**word) && word == field,
        // The parser of the test is right to the last bit but one; the digits themselves are compared where it matters.
        number => {
            let (got, want) = (number.as_f64().unwrap(), field.parse::<f64>().unwrap());
            (got - want).abs() <= 4.0 * f64::EPSILON * want.abs()
        }
    }
}

#[test]
fn every_step_and_evaluation_is_an_object_with_the_numbers_of_the_csv_files() {
    for (name, more) in [("finished", &[][..]), ("diverged", &["--set", "optimizer.lr=1e30"])] {
        let work = Work::new();
        work.config(&format!("{MLP}[record]\njson_lines = true\n"));
        let ran = work.train("run", &[&["--no-report"], more].concat());
        assert!(ran.stdout.contains(name), "{ran:?}");
        let text = fs::read_to_string(work.path("run/events.jsonl")).unwrap();
        let events: Vec<Value> = text.lines().map(|line| serde_json::from_str(line).unwrap()).collect();
        let [steps, epochs] = ["steps.csv", "epochs.csv"].map(|name| fields(&work, name));
        assert!(events.len() == steps.len() + epochs.len() && text.ends_with('\n'), "{name}: {text}");
        for (event, rows) in [("step", &steps), ("evaluation", &epochs)] {
            let found: Vec<_> = events.iter().zip(text.lines()).filter(|(e, _)| e["event"] == event).collect();
            assert_eq!(found.len(), rows.len(), "{name}: {event}");
            for ((object, line), row) in found.iter().zip(rows) {
                for (column, field) in row {
                    assert!(same(&object[column], field), "{name}: {column} is {field} in {line}");
                    // To the digit.
                    assert!(object[column].is_null() || line.contains(field), "{name}: {column}={field} in {line}");
                }
            }
        }
        let layers = fields(&work, "layers.csv");
        let in_objects: usize = events.iter().map(|event| event["layers"].as_object().unwrap().len()).sum();
        assert_eq!(in_objects, layers.len(), "{name}");
        for row in &layers {
            let [step, phase, layer] = [0, 1, 2].map(|i| row[i].1.as_str());
            let event = if phase == "train" { "step" } else { "evaluation" };
            let number: u64 = step.parse().unwrap();
            let of = |e: &&Value| e["event"] == event && e["step"] == number;
            let object = &events.iter().find(of).unwrap()["layers"][layer];
            for (column, field) in &row[3..] {
                assert!(same(&object[column], field), "{name}: {column} of {layer} is {field} in {object}");
            }
        }
        assert_eq!(name == "diverged", text.contains("\"NaN\"") || text.contains("\"inf\""), "{text}");
        let sum = &json(&work.path("run/run.json"))["files"]["events.jsonl"];
        assert_eq!(sum["bytes"], text.len());
        // Its digits are under a sum like all others.
        fs::write(work.path("run/events.jsonl"), text.replacen("\"epoch\":0", "\"epoch\":1", 1)).unwrap();
        let ran = initlab([OsStr::new("report"), work.path("run").as_os_str()]);
        assert!(ran.code == Some(1) && ran.message().contains("events.jsonl"), "{ran:?}");
    }
}
