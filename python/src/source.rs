//! A config or a study as Python gives it: a path, the text itself or a dict; and changes to it.

use std::path::{Path, PathBuf};

use initlab::cli::config_file::{read_config, refuse_config, refuse_study};
use initlab::cli::shortcuts::KEYS;
use initlab::config::{Document, Experiment};
use pyo3::prelude::*;
use pyo3::types::{PyDict, PyMapping};

use crate::errors::Failure;
use crate::values;

/// The text of a config or a study.
pub struct Source {
    /// Its name in messages: the path, or a word for what has none.
    pub label: String,
    /// The TOML.
    pub text: String,
}

/// Changes, in the order in which they were given.
#[derive(Default)]
pub struct Changes {
    /// As after `--set`.
    pub sets: Vec<String>,
    /// Options by their short names, as the command has them, with their values.
    options: Vec<(usize, String)>,
}

impl Source {
    /// Reads the file, or takes the text or the dict. A text of several lines, or with a `=`, is no path.
    ///
    /// # Errors
    /// There is no such file, or the dict holds what TOML cannot.
    pub fn of(config: &Bound<'_, PyAny>) -> Result<Self, Failure> {
        if config.cast::<PyMapping>().is_ok() {
            let table = values::toml(config, "")?;
            let text = toml::to_string_pretty(&table).map_err(|error| Failure::usage(format!("config: {error}")))?;
            return Ok(Self { label: "config".into(), text });
        }
        if let Ok(text) = config.extract::<String>()
            && text.contains(['\n', '='])
        {
            return Ok(Self { label: "config".into(), text });
        }
        let path: PathBuf = config.extract().map_err(|_| {
            let class = config.get_type().name().map_or_else(|_| "something else".into(), |name| name.to_string());
            Failure::usage(format!("config: found {class}; expected a path, the text of a config, or a dict"))
        })?;
        let text = read_config(&path).map_err(|error| Failure::of_command(&error))?;
        Ok(Self { label: path.display().to_string(), text })
    }

    /// The name of a run that has none of its own.
    pub fn stem(&self) -> String {
        let stem = Path::new(&self.label).file_stem();
        stem.filter(|_| self.label != "config").map_or_else(|| "run".into(), |stem| stem.to_string_lossy().into_owned())
    }

    /// The changed document of one run's config, and the experiment that it describes.
    ///
    /// # Errors
    /// What is not understood, at its line; a study.
    pub fn experiment(&self, changes: &Changes) -> Result<(Document, Experiment), Failure> {
        let mut document = Document::parse(&self.label, &self.text, &changes.sets)?;
        for (option, value) in &changes.options {
            let (option, path, instead_of) = KEYS[*option];
            document.set_by_option(&name(option), path, instead_of, value)?;
        }
        refuse_study(&document.root(), Path::new(&self.label)).map_err(|error| Failure::of_command(&error))?;
        let experiment = Experiment::read(document.root(), &self.stem())?;
        Ok((document, experiment))
    }

    /// Refuses a run's config where a study is wanted.
    ///
    /// # Errors
    /// It is one.
    pub fn is_study(&self, changes: &Changes) -> Result<(), Failure> {
        let document = Document::parse(&self.label, &self.text, &changes.sets)?;
        refuse_config(&document.root(), Path::new(&self.label)).map_err(|error| Failure::of_command(&error))
    }
}

/// The option's name as Python's arguments have it.
fn name(option: &str) -> String {
    option.trim_start_matches('-').into()
}

impl Changes {
    /// Reads keyword arguments: short names such as `lr`, or paths with dots or double underscores between their keys.
    ///
    /// # Errors
    /// A value that no config has.
    pub fn of(overrides: Option<&Bound<'_, PyDict>>) -> Result<Self, Failure> {
        let mut changes = Self::default();
        for (key, value) in overrides.into_iter().flat_map(|overrides| overrides.iter()) {
            let key: String = key.extract()?;
            let value = values::toml(&value, &key)?;
            let short = KEYS.iter().position(|(option, ..)| name(option) == key);
            let set = |path: &str| format!("{path}={}", values::inline(&value));
            match (short, &value) {
                // A table at the name of a section is the section itself.
                (Some(option), toml::Value::Table(_)) if !KEYS[option].1.starts_with(&format!("{key}.")) => {
                    changes.sets.push(set(KEYS[option].1));
                }
                (Some(_), toml::Value::Table(_)) => changes.sets.push(set(&key)),
                (None, _) => changes.sets.push(set(&key.replace("__", "."))),
                (Some(option), toml::Value::String(text)) => changes.options.push((option, text.clone())),
                (Some(option), value) => changes.options.push((option, values::inline(value))),
            }
        }
        Ok(changes)
    }

    /// All of them as `PATH=VALUE`, for a run's name.
    pub fn told(&self) -> Vec<String> {
        let options = self.options.iter().map(|(option, value)| format!("{}={value}", KEYS[*option].1));
        options.chain(self.sets.iter().cloned()).collect()
    }
}
