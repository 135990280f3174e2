//! Findings at the end of a command's output, in 80 columns, and the path of the report behind them.

use std::path::Path;

use crate::config::error::folded;
use crate::record::finding::Finding;
use crate::report::text::visible;

/// A line for each finding and one for its advice; empty without any.
pub(crate) fn text(findings: &[Finding]) -> String {
    let lines = |finding: &Finding| {
        let told = folded(&format!("{}: {}", finding.severity.name(), visible(&finding.text)), 2);
        let advice = match &*finding.advice {
            "" => String::new(),
            advice => format!("{}\n", folded(&format!("  => {}", visible(advice)), 5)),
        };
        format!("{told}\n{advice}")
    };
    findings.iter().map(lines).collect()
}

/// The last line: what to look at.
pub(crate) fn path_of_report(file: &Path) -> String {
    format!("{}\n", file.display())
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::record::finding::Severity;

    #[test]
    fn findings_fit_a_terminal_and_advice_stands_below_what_it_is_about() {
        let long = "the signal vanishes layer by layer, from the first one down to the last of them ".repeat(3);
        let (text_of, advice) = (long.trim().to_owned(), long.trim().to_owned());
        let finding = Finding { rule: "fading_signal".into(), severity: Severity::Warning, text: text_of, advice };
        let told = text(&[finding]);
        assert!(told.lines().all(|line| line.chars().count() <= 80), "{told}");
        assert!(told.starts_with("warning: the signal") && told.contains("\n  => the signal"), "{told}");
    }
}
