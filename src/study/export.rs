//! `study.json` and `runs.csv`: complete or not there, and the same bytes for the same runs.

use std::fmt::Write;
use std::path::Path;

use crate::record::RecordError;
use crate::record::summary::Outcome;
use crate::record::tensors::write_atomically;
use crate::study::record::{Measure, RunRecord, StudyRecord};

/// The files of a finished study, beside the directory `runs`.
const FILES: [&str; 2] = ["study.json", "runs.csv"];

/// Writes the study's files into `dir`.
///
/// # Errors
/// A file cannot be written.
pub fn write(record: &StudyRecord, dir: &Path) -> Result<(), RecordError> {
    let json = serde_json::to_string_pretty(record).expect("a study is made of strings and finite numbers");
    write_atomically(&dir.join("runs.csv"), runs_csv(record).as_bytes())?;
    write_atomically(&dir.join("study.json"), format!("{json}\n").as_bytes())
}

/// Removes the files of an earlier state of the study, so that what lies there belongs to the runs.
///
/// # Errors
/// A file is there and cannot be removed.
pub fn remove(dir: &Path) -> Result<(), RecordError> {
    for name in FILES {
        let path = dir.join(name);
        match std::fs::remove_file(&path) {
            Err(error) if error.kind() != std::io::ErrorKind::NotFound => {
                return Err(RecordError::io(&path, "removing the file")(error));
            }
            _ => {}
        }
    }
    Ok(())
}

/// A line for each run.
fn runs_csv(record: &StudyRecord) -> String {
    let mut text = String::from("arm");
    let columns = record.axes.iter().map(|axis| quoted(&axis.name));
    columns.for_each(|name| write!(text, ",{name}").expect("strings take everything"));
    text.push_str(",seed,learning_rate,outcome,diverged_at,steps,planned_steps,test_accuracy,best_test_accuracy");
    text.push_str(",test_loss,mean_loss");
    for target in &record.targets {
        let name = match target.measure {
            Measure::TestAccuracy => "test_accuracy",
            Measure::TrainLoss => "train_loss",
        };
        write!(text, ",steps_to_{name}_{}", target.value).expect("strings take everything");
    }
    text.push_str(",dir\n");
    record.runs.iter().for_each(|run| run_line(&mut text, run));
    text
}

fn run_line(text: &mut String, run: &RunRecord) {
    let number = |x: Option<f64>| x.map_or_else(String::new, |x| format!("{x:?}"));
    let count = |x: Option<u64>| x.map_or_else(String::new, |x| x.to_string());
    let mut fields = vec![quoted(&run.arm)];
    fields.extend(run.point.iter().map(|label| quoted(label)));
    let outcome = match run.outcome {
        Outcome::Finished => "finished",
        Outcome::Diverged => "diverged",
        Outcome::Interrupted => "interrupted",
    };
    fields.extend([run.seed.to_string(), format!("{:?}", run.learning_rate), outcome.into()]);
    fields.push(count(run.diverged.as_ref().map(|diverged| diverged.step)));
    fields.extend([run.steps.to_string(), run.planned_steps.to_string()]);
    fields.extend([run.test_accuracy, run.best_test_accuracy, run.test_loss, run.mean_loss].map(number));
    fields.extend(run.steps_to_target.iter().map(|&steps| count(steps)));
    fields.push(quoted(&run.dir));
    writeln!(text, "{}", fields.join(",")).expect("strings take everything");
}

/// A field in quotes where CSV needs them (RFC 4180).
fn quoted(field: &str) -> String {
    if field.contains([',', '"', '\n', '\r']) { format!("\"{}\"", field.replace('"', "\"\"")) } else { field.into() }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn fields_with_commas_and_quotes_stay_one_field() {
        assert_eq!(["a b", "a,b", "a\"b"].map(quoted), ["a b", "\"a,b\"", "\"a\"\"b\""]);
    }
}
