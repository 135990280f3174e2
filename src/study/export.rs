//! `study.json`, `runs.csv` and `comparison.csv`: complete or not there, and the same bytes for the same runs.

use std::fmt::Write;
use std::path::Path;

use crate::record::RecordError;
use crate::record::manifest::FileSum;
use crate::record::seal::seal;
use crate::record::summary::Outcome;
use crate::record::whole::{sync_directory, write_changed};
use crate::study::comparison::{Comparison, Difference, Judged, Ratio, TargetComparison, Verdict};
use crate::study::record::{RunRecord, StudyRecord};
use crate::study::target::Target;

/// The record of a study, which is the last of its files to be written.
pub const FILE: &str = "study.json";

/// Writes the study's files into `dir`, those of them that change. Until `study.json` is replaced, the old one's sums tell
/// that the tables beside it are not its own.
///
/// # Errors
/// A file cannot be written.
pub fn write(record: &StudyRecord, dir: &Path) -> Result<(), RecordError> {
    let tables = [("runs.csv", runs_csv(record)), ("comparison.csv", comparison_csv(record))];
    let mut whole = record.clone();
    for (name, text) in &tables {
        write_changed(&dir.join(name), text.as_bytes())?;
        whole.files.add(name, FileSum::of_text(text));
    }
    let json = serde_json::to_string_pretty(&whole).expect("a study is made of strings and finite numbers");
    sync_directory(dir)?;
    write_changed(&dir.join(FILE), seal(&format!("{json}\n")).as_bytes())?;
    sync_directory(dir)
}

/// A line for each run.
fn runs_csv(record: &StudyRecord) -> String {
    let mut header = vec!["arm".into()];
    header.extend(record.axes.iter().map(|axis| quoted(&axis.name)));
    let own = "seed,learning_rate,device,outcome,diverged_at,steps,planned_steps,test_accuracy,best_test_accuracy,test_loss,mean_loss";
    header.push(own.into());
    header.extend(record.targets.iter().map(|target| format!("steps_to_{}", target_name(target))));
    header.push("dir".into());
    header.extend(record.targets.iter().map(|target| format!("lost_{}", target_name(target))));
    header.push("batch_size".into());
    let mut text = header.join(",") + "\n";
    record.runs.iter().for_each(|run| run_line(&mut text, run));
    text
}

/// A line for each comparison and target.
fn comparison_csv(record: &StudyRecord) -> String {
    let mut header = vec!["arm".into(), "baseline".into()];
    header.extend(record.axes.iter().map(|axis| quoted(&axis.name)));
    let own = "target,verdict,reached,runs,baseline_reached,baseline_runs,pairs,ratio,low,high,bootstrap_low,bootstrap_high,\
               bound,test,p,p_holm,log_rank_p,sign_p";
    header.push(own.into());
    for difference in ["test_accuracy", "mean_loss"] {
        header.extend(["", "_low", "_high", "_p"].map(|end| format!("{difference}_difference{end}")));
    }
    header.push("leaning,p_holm_tests,unit,lost,baseline_lost".into());
    header.extend(["", "_low", "_high", "_p"].map(|end| format!("test_loss_difference{end}")));
    for difference in ["test_accuracy", "mean_loss", "test_loss"] {
        header.extend(["verdict", "leaning", "p_holm", "test", "margin"].map(|what| format!("{difference}_{what}")));
    }
    for what in ["sooner", "more_accurate"] {
        header.extend(["", "_low", "_high"].map(|end| format!("{what}_probability{end}")));
    }
    let mut text = header.join(",") + "\n";
    for comparison in &record.comparisons {
        comparison.targets.iter().for_each(|at| comparison_line(&mut text, comparison, &record.baseline, at));
    }
    text
}

fn comparison_line(text: &mut String, comparison: &Comparison, baseline: &str, at: &TargetComparison) {
    let mut fields = vec![quoted(&comparison.arm), quoted(baseline)];
    fields.extend(comparison.point.iter().map(|label| quoted(label)));
    fields.extend([target_name(&at.target), at.verdict.text().into()]);
    fields.extend([at.reached, at.runs, at.baseline_reached, at.baseline_runs].map(|n| n.to_string()));
    let ratio = at.ratio.as_ref();
    fields.push(ratio.map_or_else(String::new, |ratio| ratio.pairs.to_string()));
    let of = |value: fn(&Ratio) -> f64| number(ratio.map(value));
    fields.extend([of(|r| r.ratio), of(|r| r.interval[0]), of(|r| r.interval[1])]);
    fields.extend([of(|r| r.bootstrap[0]), of(|r| r.bootstrap[1])]);
    fields.push(ratio.map_or("", |ratio| ratio.bound.name()).into());
    fields.push(ratio.map_or("", |ratio| ratio.test.name()).into());
    fields.extend([of(|r| r.p_value), of(|r| r.p_holm), number(Some(at.log_rank_p)), number(Some(at.sign_p))]);
    for difference in [&comparison.test_accuracy, &comparison.mean_loss] {
        let of = |value: fn(&Difference) -> f64| number(difference.as_ref().map(value));
        fields.extend([of(|d| d.mean), of(|d| d.interval[0]), of(|d| d.interval[1]), of(|d| d.p_value)]);
    }
    fields.extend([said(at.leaning), count(ratio.map(|ratio| ratio.tests as u64))]);
    fields.push(ratio.map_or("", |ratio| ratio.unit.name()).into());
    fields.extend([at.lost, at.baseline_lost].map(|n| n.to_string()));
    let of = |value: fn(&Difference) -> f64| number(comparison.test_loss.as_ref().map(value));
    fields.extend([of(|d| d.mean), of(|d| d.interval[0]), of(|d| d.interval[1]), of(|d| d.p_value)]);
    for difference in [&comparison.test_accuracy, &comparison.mean_loss, &comparison.test_loss] {
        fields.extend(judged_fields(difference.as_ref().and_then(|difference| difference.judged.as_ref())));
    }
    for ahead in [at.sooner, comparison.more_accurate] {
        fields.extend([
            number(ahead.map(|ahead| ahead.probability)),
            number(ahead.map(|ahead| ahead.interval[0])),
            number(ahead.map(|ahead| ahead.interval[1])),
        ]);
    }
    writeln!(text, "{}", fields.join(",")).expect("strings take everything");
}

/// Verdict, leaning, corrected p-value, test and margin.
fn judged_fields(judged: Option<&Judged>) -> [String; 5] {
    [
        said(judged.map(|judged| judged.verdict)),
        said(judged.and_then(|judged| judged.leaning)),
        number(judged.map(|judged| judged.p_holm)),
        judged.map_or("", |judged| judged.test.name()).into(),
        number(judged.map(|judged| judged.margin)),
    ]
}

fn said(verdict: Option<Verdict>) -> String {
    verdict.map_or("", Verdict::text).into()
}

fn count(x: Option<u64>) -> String {
    x.map_or_else(String::new, |x| x.to_string())
}

/// `test_accuracy_0.95`.
fn target_name(target: &Target) -> String {
    format!("{}_{}", target.measure.name(), target.value)
}

/// A number with all its digits; nothing where there is none.
fn number(x: Option<f64>) -> String {
    x.map_or_else(String::new, |x| format!("{x:?}"))
}

fn run_line(text: &mut String, run: &RunRecord) {
    let mut fields = vec![quoted(&run.arm)];
    fields.extend(run.point.iter().map(|label| quoted(label)));
    let outcome = match run.outcome {
        Outcome::Finished => "finished",
        Outcome::Diverged => "diverged",
        Outcome::Interrupted => "interrupted",
    };
    fields.extend([run.seed.to_string(), format!("{:?}", run.learning_rate), quoted(&run.device), outcome.into()]);
    fields.push(count(run.diverged.as_ref().map(|diverged| diverged.step)));
    fields.extend([run.steps.to_string(), run.planned_steps.to_string()]);
    fields.extend([run.test_accuracy, run.best_test_accuracy, run.test_loss, run.mean_loss].map(number));
    fields.extend(run.steps_to_target.iter().map(|&steps| count(steps)));
    fields.push(quoted(&run.dir));
    fields.extend((0..run.steps_to_target.len()).map(|at| count(run.lost.get(at).copied().flatten())));
    fields.push(run.batch_size.to_string());
    writeln!(text, "{}", fields.join(",")).expect("strings take everything");
}

/// A field in quotes where CSV needs them (RFC 4180). What a spreadsheet would take for a formula begins with an apostrophe,
/// which makes it text there (OWASP, CSV injection); numbers below 0 stay numbers.
fn quoted(field: &str) -> String {
    let number = field.starts_with('-') && field.parse::<f64>().is_ok_and(f64::is_finite);
    let formula = !number && field.starts_with(['=', '+', '-', '@', '\t', '\r', '\n', '＝', '＋', '－', '＠']);
    let field = if formula { format!("'{field}") } else { field.into() };
    if field.contains([',', '"', '\n', '\r', '\t', ';']) {
        format!("\"{}\"", field.replace('"', "\"\""))
    } else {
        field
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn fields_with_commas_and_quotes_stay_one_field() {
        assert_eq!(["a b", "a,b", "a\"b"].map(quoted), ["a b", "\"a,b\"", "\"a\"\"b\""]);
    }

    #[test]
    fn what_a_spreadsheet_would_compute_is_text() {
        for (field, want) in [
            ("=1+1", "'=1+1"),
            ("@SUM(1)", "'@SUM(1)"),
            ("-2+3", "'-2+3"),
            ("+1", "'+1"),
            ("\tx", "\"'\tx\""),
            ("\r=1", "\"'\r=1\""),
            ("=HYPERLINK(\"a\",\"b\")", "\"'=HYPERLINK(\"\"a\"\",\"\"b\"\")\""),
            // Some programs cut fields at semicolons, and what follows one would begin a cell.
            ("a;=1", "\"a;=1\""),
            ("＝1", "'＝1"),
            ("-0.5", "-0.5"),
            ("-1e-3", "-1e-3"),
            ("a=1", "a=1"),
        ] {
            assert_eq!(quoted(field), want);
        }
    }
}
