//! The reference of configs: every key with its type, range, default and a line of help, as text and as Markdown.

use crate::config::error::folded;
use crate::config::key::{Keys, Part, Row};
use crate::config::reader::TABLES;
use crate::config::{
    data, experiment, init, model, norm, optimizer, record, residual, schedule, stage, stats, train, vocabulary,
};

/// Chapter of the reference: the keys of one table.
pub struct Chapter {
    /// Path of the table, by which the chapter is asked for.
    pub name: String,
    heading: String,
    about: &'static str,
    parts: Vec<Part>,
}

/// The chapters on a run's config, in the order of reading.
pub fn chapters() -> Vec<Chapter> {
    let of = |keys: &[Keys]| keys.iter().map(Part::from).collect();
    let lists: [Vec<Part>; 10] = [
        of(&[experiment::KEYS, data::KEYS]),
        of(model::KEYS),
        vocabulary::activations(),
        of(stage::KEYS),
        of(&[norm::KEYS, residual::KEYS]),
        of(init::KEYS),
        vocabulary::starts(),
        optimizer::parts(),
        of(schedule::KEYS),
        of(&[train::KEYS, stats::KEYS, record::KEYS]),
    ];
    of_parts("", lists.into_iter().flatten().collect())
}

/// The path of every key of a run's config, as `--set` takes it; those of tables in arrays are left out.
pub fn paths() -> Vec<String> {
    let chapters = chapters();
    let mut paths: Vec<String> = Vec::new();
    for chapter in chapters.iter().filter(|chapter| !chapter.heading.starts_with("[[")) {
        for row in chapter.rows() {
            let path = if chapter.name == "top" { row.name.into() } else { format!("{}.{}", chapter.name, row.name) };
            if !paths.contains(&path) {
                paths.push(path);
            }
        }
    }
    paths
}

/// A chapter for each table of `parts`, which stand in a config, or in a file of another `kind`.
pub fn of_parts(kind: &str, parts: Vec<Part>) -> Vec<Chapter> {
    let own_row = |path: &str| {
        let (above, key) = path.rsplit_once('.').unwrap_or(("", path));
        let above = parts.iter().filter(|part| part.path == above).flat_map(|part| &part.rows);
        above.into_iter().find(|row| row.name == key).cloned()
    };
    let own: Vec<Option<Row>> = parts.iter().map(|part| own_row(part.path)).collect();
    let mut chapters: Vec<Chapter> = Vec::new();
    for (part, own) in parts.into_iter().zip(own) {
        let name = match (kind, part.path) {
            ("", "") => "top".into(),
            (name, "") | ("", name) => name.to_owned(),
            (kind, path) => format!("{kind}.{path}"),
        };
        if let Some(chapter) = chapters.iter_mut().find(|chapter| chapter.name == name) {
            chapter.parts.push(part);
            continue;
        }
        let heading = match &own {
            None if kind.is_empty() => "the top level".into(),
            None => format!("the top level of a {kind}"),
            Some(row) if row.form == TABLES => format!("[[{}]]", part.path),
            Some(_) => format!("[{}]", part.path),
        };
        chapters.push(Chapter { name, heading, about: own.map_or("", |row| row.help), parts: vec![part] });
    }
    chapters
}

impl Chapter {
    /// True if the chapter is about `section` or about a table below it.
    pub fn is_about(&self, section: &str) -> bool {
        self.name.strip_prefix(section).is_some_and(|rest| rest.is_empty() || rest.starts_with('.'))
    }

    /// True if the chapter is about keys outside any table.
    pub(crate) fn is_top(&self) -> bool {
        self.parts.iter().all(|part| part.path.is_empty())
    }

    /// True if the chapter is about a table of which a config may have several.
    pub fn is_array(&self) -> bool {
        self.heading.starts_with("[[")
    }

    /// Its keys, each with the choice that makes it valid.
    pub(crate) fn rows_when(&self) -> impl Iterator<Item = (&str, &Row)> {
        self.parts.iter().flat_map(|part| part.rows.iter().map(|row| (part.when.as_str(), row)))
    }

    /// Its keys.
    pub(crate) fn rows(&self) -> impl Iterator<Item = &Row> {
        self.rows_when().map(|(_, row)| row)
    }

    /// The key whose name may stand for the whole table, as in `norm = "batch"`, if it has one.
    pub(crate) fn naming_row(&self) -> Option<&Row> {
        self.rows().next().filter(|row| ["kind", "start"].contains(&row.name) && !row.choices.is_empty())
    }

    /// The chapter for a terminal of 80 columns.
    pub fn text(&self) -> String {
        let mut text = format!("{}\n", self.heading);
        let mut add = |line: &str, indent: usize| {
            text += &format!("{}\n", folded(&format!("{:indent$}{line}", ""), indent + 2));
        };
        if !self.about.is_empty() {
            add(self.about, 0);
        }
        for Part { when, rows, .. } in &self.parts {
            if !when.is_empty() {
                add(&format!("with {when}:"), 0);
            }
            for row in rows {
                add(&format!("{}: {}; {}", row.name, row.form, row.absent), 2);
                if !row.help.is_empty() {
                    add(row.help, 6);
                }
                choices(row).iter().for_each(|choice| add(choice, 8));
            }
        }
        text
    }

    /// The chapter of a page.
    pub fn markdown(&self) -> String {
        let heading = if self.heading.starts_with('[') { format!("`{}`", self.heading) } else { self.heading.clone() };
        let mut text = format!("## {heading}\n\n");
        if !self.about.is_empty() {
            text += &format!("{}\n\n", self.about);
        }
        for Part { when, rows, .. } in &self.parts {
            if !when.is_empty() {
                text += &format!("With `{when}`:\n\n");
            }
            text += "| key | type and range | if absent | what |\n|---|---|---|---|\n";
            for row in rows {
                let help = Some(row.help.to_owned()).filter(|help| !help.is_empty());
                let what = help.into_iter().chain(choices(row)).collect::<Vec<_>>().join("<br>");
                let absent = row.absent.strip_prefix("else ").unwrap_or(&row.absent).to_owned();
                let cells = [format!("`{}`", row.name), row.form.clone(), absent, what];
                text += &format!("| {} |\n", cells.map(|cell| cell.replace('|', "\\|")).join(" | "));
            }
            text += "\n";
        }
        text
    }
}

/// The names of a choice that have no line of their own, then the others with theirs.
fn choices(row: &Row) -> Vec<String> {
    let (bare, told): (Vec<_>, Vec<_>) = row.choices.iter().partition(|(_, help)| help.is_empty());
    let bare = bare.iter().map(|(name, _)| *name).collect::<Vec<_>>().join(", ");
    let told = told.iter().map(|(name, help)| format!("{name}: {help}"));
    Some(bare).filter(|bare| !bare.is_empty()).into_iter().chain(told).collect()
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeSet;

    use super::*;
    use crate::config::Experiment;

    const CONFIG: &str = "[model]\nkind = 'mlp'\nwidths = [5]\n[optimizer]\nlr = 0.1\n[train]\nepochs = 1\n";
    const CNN: &str = "model={kind='cnn',stages=[{channels=1,pool={kind='max'}}]}";

    /// The keys that the reader says are valid in the table `path` of the config with `sets`.
    fn valid(path: &str, sets: &[&str]) -> BTreeSet<String> {
        let unknown = format!("{path}{}zzz=1", if path.is_empty() { "" } else { "." });
        let sets: Vec<String> = sets.iter().copied().chain([unknown.as_str()]).map(String::from).collect();
        let error = Experiment::parse("x.toml", CONFIG, &sets).unwrap_err().to_string().replace("\n   ", "");
        let names = error.split("valid keys here: ").nth(1).unwrap_or_else(|| panic!("{path}: {error}"));
        names.split(", ").map(|name| name.trim().to_owned()).collect()
    }

    #[test]
    fn the_reference_lists_the_keys_that_the_reader_takes() {
        let chapters = chapters();
        for chapter in &chapters {
            let name = chapter.name.as_str();
            let path = name.replace("top", "").replace("stages", "stages.0");
            // Each kind that the chapter knows of, or the one that needs no name.
            let rows = chapter.parts.iter().flat_map(|part| &part.rows);
            let kinds: Vec<&str> = match rows.clone().find(|row| row.name == "kind") {
                Some(row) => row.choices.iter().map(|(kind, _)| *kind).collect(),
                None => vec![""],
            };
            for kind in kinds.into_iter().filter(|kind| *kind != "none") {
                let sets = match (name, kind) {
                    (_, "cnn") | ("model.stages" | "model.stages.pool", _) => CNN.to_owned(),
                    ("schedule", "step") => "schedule={kind='step',every=1}".into(),
                    ("schedule", "exponential") => "schedule={kind='exponential',end=2}".into(),
                    (_, "") => "seed=1".into(),
                    (path, kind) => format!("{path}.kind={kind}"),
                };
                let valid_then = |when: &str| when.is_empty() || when.contains(&format!("\"{kind}\""));
                let parts = chapter.parts.iter().filter(|part| valid_then(&part.when));
                let listed = parts.flat_map(|part| part.rows.iter().map(|row| row.name.to_owned())).collect();
                assert_eq!(valid(&path, &[&sets]), listed, "{name} {kind}");
            }
        }
        assert!(chapters.len() > 15);
    }

    #[test]
    fn a_config_with_every_default_written_out_is_the_config() {
        let mut sets = Vec::new();
        for name in ["data", "optimizer", "schedule", "train", "stats", "record"] {
            let chapter = chapters().into_iter().find(|chapter| chapter.name == name).unwrap();
            let parts = chapter.parts.iter().filter(|part| ["", "kind = \"sgd\""].contains(&part.when.as_str()));
            for row in parts.flat_map(|part| &part.rows) {
                let default = row.absent.strip_prefix("default ");
                sets.extend(default.map(|default| format!("{name}.{}={default}", row.name)));
            }
        }
        let plain = Experiment::parse("x.toml", CONFIG, &[]).unwrap();
        assert!(sets.len() > 15, "{sets:?}");
        assert_eq!(Experiment::parse("x.toml", CONFIG, &sets).unwrap(), plain);
    }

    #[test]
    fn every_help_of_the_optimiser_is_a_sentence() {
        for chapter in chapters().into_iter().filter(|chapter| chapter.name == "optimizer") {
            for row in chapter.rows() {
                let helps = row.choices.iter().map(|(_, help)| *help).chain([row.help]).filter(|help| !help.is_empty());
                for help in helps {
                    let begins = help.chars().next().is_some_and(|first| !first.is_lowercase() || !first.is_ascii());
                    assert!(begins && help.ends_with('.'), "{} {}: {help}", chapter.name, row.name);
                }
            }
        }
    }

    #[test]
    fn the_text_fits_in_80_columns() {
        for chapter in chapters() {
            assert!(chapter.text().lines().all(|line| line.chars().count() <= 80), "{}", chapter.text());
        }
    }
}
