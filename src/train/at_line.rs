//! Errors that show up only when a run is prepared, pointed at the line of the config that causes them.

use crate::config::{ConfigError, Document};
use crate::model::build::BuildError;
use crate::train::TrainError;
use crate::train::memory::{Most, TooMuch};

/// The error at its line of `document`, if the config is to blame.
pub fn config_error(document: &Document, error: &TrainError) -> Option<ConfigError> {
    match error {
        TrainError::Build(error) => Some(at_model(document, error)),
        TrainError::Memory(error) => Some(at_memory(document, error)),
        TrainError::Resolve(error) => Some(at_init(document, &error.to_string())),
        TrainError::Init(error) => Some(at_init(document, &error.to_string())),
        TrainError::OneValue(error) => Some(at_key(document, "train", "batch_size", &error.to_string())),
        TrainError::Noise(error) => Some(at_key(document, "stats", "noise_every", &error.to_string())),
        TrainError::LsuvOfOne { .. } => Some(at_init(document, &error.to_string())),
        TrainError::Lsuv(error) => Some(at_init(document, &error.to_string())),
        TrainError::Parametrisation(error) => Some(at_init(document, &error.to_string())),
        TrainError::Sizes { .. }
        | TrainError::Record(_)
        | TrainError::Device(_)
        | TrainError::Together
        | TrainError::OtherRun { .. } => None,
    }
}

/// A network that cannot be built, at the line of the stage or of the sizes.
pub fn at_model(document: &Document, error: &BuildError) -> ConfigError {
    let root = document.root();
    let Ok(Some(model)) = root.section("model") else { return root.error("model", error.to_string()) };
    let message = format!("cannot be built: {error}");
    if let (Some(stage), Ok(Some(stages))) = (error.stage, model.sections("stages"))
        && let Some(stage) = stages.get(stage)
    {
        return stage.error("channels", message);
    }
    let key = ["residual", "widths", "width", "stages"].into_iter().find(|key| model.value(key).is_some());
    model.error(key.unwrap_or("kind"), message)
}

/// A value that is understood and cannot be had, at its line or at its section's.
fn at_key(document: &Document, section: &str, key: &str, message: &str) -> ConfigError {
    let root = document.root();
    match root.section(section) {
        Ok(Some(section)) => section.error(key, message),
        _ => root.error(section, message),
    }
}

/// A run that takes too much memory, at the line that makes most of it.
pub fn at_memory(document: &Document, error: &TooMuch) -> ConfigError {
    let root = document.root();
    let at = |table: &str, key: &str| root.section(table).ok().flatten().filter(|table| table.value(key).is_some());
    let found = match error.run.most {
        Most::Batch => at("train", "batch_size").map(|train| (train, "batch_size")),
        Most::Histograms => at("stats", "histogram_every").map(|stats| (stats, "histogram_every")),
        Most::Stage(stage) => {
            let stages = at("model", "stages").and_then(|model| model.sections("stages").ok().flatten());
            let stage = stages.and_then(|stages| stages.into_iter().nth(stage));
            stage.map(|stage| if stage.value("padding").is_some() { (stage, "padding") } else { (stage, "channels") })
        }
        Most::Model => None,
    };
    match (found, root.section("model")) {
        (Some((section, key)), _) => section.error(key, error.to_string()),
        (None, Ok(Some(model))) => {
            let key = ["widths", "width", "hidden", "stages"].into_iter().find(|key| model.value(key).is_some());
            model.error(key.unwrap_or("kind"), error.to_string())
        }
        (None, _) => root.error("model", error.to_string()),
    }
}

/// A start that is impossible, at the line of `[init]`.
fn at_init(document: &Document, message: &str) -> ConfigError {
    let root = document.root();
    let Ok(Some(init)) = root.section("init") else { return root.error("init", message) };
    let key = ["lsuv", "weight", "aim", "preset"].into_iter().find(|key| init.value(key).is_some());
    init.error(key.unwrap_or("weight"), format!("cannot be done: {message}"))
}
