//! The texts and words that a study is read from, kept so that it can be read again where its files are not, or have changed.

use std::cell::RefCell;
use std::collections::BTreeMap;
use std::io;
use std::path::Path;

use serde::{Deserialize, Serialize};

use crate::cluster::shell;
use crate::config::ConfigError;
use crate::study::Study;
use crate::study::file::Load;

/// The texts and the words of the command line that make a study.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct StudySource {
    /// The study file, as it was named.
    pub file: String,
    /// Its text.
    pub text: String,
    /// The texts of the files that it names, by their paths.
    pub bases: BTreeMap<String, String>,
    /// Changes to it: `path=value`.
    pub sets: Vec<String>,
    /// The data set, if the command line names another.
    pub dataset: Option<String>,
}

impl StudySource {
    /// Reads a study, and keeps what it is read from.
    ///
    /// # Errors
    /// As [`Study::parse`].
    pub fn read(
        file: String,
        text: String,
        sets: Vec<String>,
        dataset: Option<String>,
        load: Load<'_>,
    ) -> Result<(Self, Study), ConfigError> {
        let bases = RefCell::new(BTreeMap::new());
        let keep = |path: &Path| {
            let text = load(path)?;
            bases.borrow_mut().insert(path.display().to_string(), text.clone());
            Ok(text)
        };
        let study = study(&file, &text, &sets, dataset.as_deref(), &keep)?;
        let bases = bases.into_inner();
        Ok((Self { file, text, bases, sets, dataset }, study))
    }

    /// The study.
    ///
    /// # Errors
    /// As [`Study::parse`].
    pub fn study(&self) -> Result<Study, ConfigError> {
        let load = |path: &Path| {
            let text = self.bases.get(&path.display().to_string()).cloned();
            text.ok_or_else(|| io::Error::new(io::ErrorKind::NotFound, "the plan does not hold it"))
        };
        study(&self.file, &self.text, &self.sets, self.dataset.as_deref(), &load)
    }

    /// The command that makes the study on one machine.
    pub fn command(&self) -> String {
        let mut words = vec!["initlab".into(), "compare".into(), self.file.clone()];
        words.extend(self.sets.iter().flat_map(|set| ["--set".into(), set.clone()]));
        words.extend(self.dataset.iter().flat_map(|dataset| ["--dataset".into(), dataset.clone()]));
        shell::command(&words)
    }
}

fn study(file: &str, text: &str, sets: &[String], dataset: Option<&str>, load: Load<'_>) -> Result<Study, ConfigError> {
    let mut study = Study::parse(file, text, sets, load)?;
    if let Some(dataset) = dataset {
        study.cells.iter_mut().for_each(|cell| cell.experiment.data.dataset = dataset.into());
    }
    Ok(study)
}
