//! A finding of a command, in words: as `run.json` and `study.json` keep it, and terminal, page and `index.md` show it.

use serde::{Deserialize, Serialize};

/// How much a finding matters.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Severity {
    /// The run is spoilt, or part of the network does nothing.
    Fault,
    /// It costs time or accuracy.
    Warning,
    /// It is good to know.
    Note,
}

impl Severity {
    /// The word that stands before the sentence.
    pub fn name(self) -> &'static str {
        match self {
            Self::Fault => "fault",
            Self::Warning => "warning",
            Self::Note => "note",
        }
    }
}

/// Something that was found, and what to do about it.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Finding {
    /// Name of the rule that found it; docs/findings.md has its threshold and source.
    pub rule: String,
    /// How much it matters.
    pub severity: Severity,
    /// The observation, with its numbers.
    pub text: String,
    /// The remedy; empty where nothing is to be done.
    #[serde(default, skip_serializing_if = "String::is_empty")]
    pub advice: String,
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_finding_is_read_as_it_was_written_and_faults_come_first() {
        for (severity, advice) in [(Severity::Fault, "lower the rate"), (Severity::Note, "")] {
            let (rule, text) = ("dead_units".into(), "46 % of the units are dead".into());
            let finding = Finding { rule, severity, text, advice: advice.into() };
            let json = serde_json::to_string(&finding).unwrap();
            assert_eq!(json.contains("advice"), !finding.advice.is_empty());
            assert_eq!(serde_json::from_str::<Finding>(&json).unwrap(), finding);
        }
        assert!(Severity::Fault < Severity::Warning && Severity::Warning < Severity::Note);
    }
}
