//! `index.md`: what a directory holds, for whoever opens it and for programs that read before they act. What happened, what it shows, where
//! it departs from the prediction, what each file is, how to load it.

use std::path::Path;

use crate::findings::said_of;
use crate::numerals::{number, percent};
use crate::probe::record::ProbeRecord;
use crate::record::finding::Finding;
use crate::record::read::RunRecords;
use crate::record::run_dir::told_files;
use crate::study::record::StudyRecord;

/// Its name within the directory.
pub const FILE: &str = "index.md";

/// The text for the directory of a run.
pub fn of_run(run: &RunRecords) -> String {
    let findings = said_of(run);
    let summary = run.summary.as_ref();
    let mut head = vec![("kind", "run".to_owned())];
    if let Some(s) = summary {
        let outcome = serde_json::to_value(s.outcome).ok().and_then(|outcome| Some(outcome.as_str()?.to_owned()));
        head.extend([("name", quoted(&s.name)), ("seed", s.seed.to_string())]);
        head.extend(outcome.map(|outcome| ("outcome", outcome)));
        head.push(("steps", s.steps.to_string()));
        head.extend(s.test_accuracy.map(|accuracy| ("test_accuracy", accuracy.to_string())));
    }
    let title = summary.map_or_else(|| run.name(), |s| format!("{}, seed {}, on {}", s.name, s.seed, s.dataset));
    let happened = match summary {
        Some(s) => format!(
            "The run {}, of {} planned. Test accuracy {}, training loss {}, {} parameters, on {}.",
            s.how_it_ended(),
            s.planned_steps,
            s.test_accuracy.map_or_else(|| "not measured".into(), percent),
            s.train_loss.map_or_else(|| "not measured".into(), number),
            s.parameters,
            s.device
        ),
        None => "The run has no run.json: it goes on, or was killed.".into(),
    };
    let predicted = |finding: &&Finding| ["departs_from_prediction", "as_predicted"].contains(&&*finding.rule);
    let predicted = findings.iter().find(predicted).map_or_else(
        || "Nothing is predicted of this network from its records alone; `initlab probe config.toml` compares every layer.".into(),
        |finding| sentence(&finding.text),
    );
    whole(&head, &title, &happened, &findings, &predicted, &run.path, RUN)
}

/// The text for the directory of a study.
pub fn of_study(record: &StudyRecord, dir: &Path) -> String {
    let (arms, seeds, runs) = (record.arms.len(), record.seeds.len(), record.runs.len());
    let head = [
        ("kind", "study".to_owned()),
        ("name", quoted(&record.name)),
        ("arms", arms.to_string()),
        ("seeds", seeds.to_string()),
        ("runs", runs.to_string()),
        ("baseline", quoted(&record.baseline)),
    ];
    let happened = format!(
        "{arms} arms over {seeds} seeds, {runs} runs on {}, against {}. `{}` makes it again.",
        record.data.name, record.baseline, record.command
    );
    let departs = record.runs.iter().filter(|run| run.faults.iter().any(|name| name == "departs_from_prediction"));
    let predicted = match departs.count() {
        0 => "No run departs from what theory predicts of its first step, as far as it predicts it.".into(),
        n => format!("The first step of {n} of {runs} runs is not as theory predicts; their run.json say which layer."),
    };
    whole(&head, &record.name, &happened, &record.findings, &predicted, dir, STUDY)
}

/// The text for the directory of a probe.
pub fn of_probe(probe: &ProbeRecord, dir: &Path) -> String {
    let verdict = &probe.verdict;
    let head = [
        ("kind", "probe".to_owned()),
        ("name", quoted(&probe.name)),
        ("seeds", probe.seeds.len().to_string()),
        ("checked", verdict.checked.to_string()),
        ("inside", verdict.inside.to_string()),
    ];
    let happened = format!(
        "{} hidden layers of {} with {} weights, measured over {} seeds on {} images of {} before any training.",
        probe.depth,
        probe.activation,
        probe.init,
        probe.seeds.len(),
        probe.images,
        probe.dataset
    );
    let predicted = format!("{} of {} measured numbers lie in their band.", verdict.inside, verdict.checked);
    whole(&head, &probe.name, &happened, &probe.said(), &predicted, dir, PROBE)
}

fn whole(
    head: &[(&str, String)],
    title: &str,
    happened: &str,
    findings: &[Finding],
    predicted: &str,
    dir: &Path,
    load: &str,
) -> String {
    let line = |finding: &Finding| {
        let advice = if finding.advice.is_empty() { String::new() } else { format!("  - => {}\n", finding.advice) };
        format!("- {} `{}`: {}\n{advice}", finding.severity.name(), finding.rule, finding.text)
    };
    let shows = match findings {
        [] => "Nothing that a rule speaks of.\n".into(),
        findings => findings.iter().map(line).collect::<String>(),
    };
    page(head, title, happened, &shows, predicted, dir, load)
}

fn page(
    head: &[(&str, String)],
    title: &str,
    happened: &str,
    shows: &str,
    predicted: &str,
    dir: &Path,
    load: &str,
) -> String {
    let head: String = head.iter().map(|(key, value)| format!("{key}: {value}\n")).collect();
    let there = told_files().filter(|(name, _)| dir.join(name).exists());
    let files: String = there.map(|(name, about)| format!("| [`{name}`]({name}) | {about} |\n")).collect();
    format!(
        "---\n{head}---\n\n# {}\n\n{happened}\n\n## What it shows\n\n{shows}\n## Beside the prediction\n\n{predicted}\n\n## Files\n\n\
         | file | what it holds |\n|---|---|\n{files}\n## Loading it\n\n{load}",
        one_line(title)
    )
}

/// A name as YAML takes it.
fn quoted(text: &str) -> String {
    serde_json::to_string(text).expect("a string is JSON")
}

/// Without ends of lines and what begins markup.
fn one_line(text: &str) -> String {
    let safe = |c: char| if c.is_control() || "<>#`[]".contains(c) { ' ' } else { c };
    text.chars().map(safe).collect()
}

/// The text as a sentence of its own.
fn sentence(text: &str) -> String {
    let mut chars = text.chars();
    chars.next().map_or_else(String::new, |first| first.to_uppercase().chain(chars).collect::<String>() + ".")
}

const RUN: &str = "\
In Python, from this directory (`pip install pandas safetensors`):

```python
import json
import pandas as pd

summary = json.load(open(\"run.json\"))
steps = pd.read_csv(\"steps.csv\", index_col=\"step\")
layers = pd.read_csv(\"layers.csv\")
std = layers[layers.phase == \"train\"].pivot(index=\"step\", columns=\"layer\", values=\"act_std\")
```

In Rust:

```rust
use initlab::record::read::RunRecords;

let run = RunRecords::read(std::path::Path::new(\".\"), &[\"act_std\", \"dead\"])?;
let losses: &[f64] = run.steps.get(\"loss\");
let first = run.layers[0].train.get(\"act_std\");
```
";

const STUDY: &str = "\
In Python, from this directory (`pip install pandas`):

```python
import json
import pandas as pd

study = json.load(open(\"study.json\"))
runs = pd.read_csv(\"runs.csv\")
comparison = pd.read_csv(\"comparison.csv\")
print(comparison[[\"arm\", \"verdict\", \"ratio\", \"low\", \"high\", \"p_holm\"]])
```

In Rust:

```rust
use initlab::study::record::StudyRecord;

let study: StudyRecord = serde_json::from_str(&std::fs::read_to_string(\"study.json\")?)?;
```
";

const PROBE: &str = "\
In Python, from this directory:

```python
import json

probe = json.load(open(\"probe.json\"))
q = [(layer[\"name\"], layer[\"z_second_moment\"][\"median\"], layer[\"z_second_moment\"][\"predicted\"]) for layer in probe[\"layers\"]]
```

In Rust:

```rust
use initlab::probe::ProbeRecord;

let probe: ProbeRecord = serde_json::from_str(&std::fs::read_to_string(\"probe.json\")?)?;
```
";
