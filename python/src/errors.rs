//! From the crate's errors to Python's exceptions: the same text, a class for each kind, and none for which the interpreter ends.

use std::any::Any;

use initlab::cli::UsageError;
use initlab::config::ConfigError;
use initlab::data::DataError;
use initlab::record::RecordError;
use initlab::report::ReportError;
use initlab::start::StartError;
use initlab::train::TrainError;
use pyo3::prelude::*;

/// Why a call has no result.
#[derive(Debug)]
pub enum Failure {
    /// A mistake in a config, with its place.
    Config(ConfigError),
    /// An exception of the class of this name in `initlab._errors`.
    Of(&'static str, String),
    /// An exception that Python has raised itself.
    Python(PyErr),
}

impl Failure {
    /// An argument that means nothing.
    pub fn usage(message: impl Into<String>) -> Self {
        Self::Of("UsageError", message.into())
    }

    /// A panic of the crate, which is a fault of ours.
    pub fn panic(cause: &(dyn Any + Send)) -> Self {
        let text = cause.downcast_ref::<&str>().map(|text| (*text).to_owned());
        let text = text.or_else(|| cause.downcast_ref::<String>().cloned()).unwrap_or_else(|| "no words".into());
        Self::Of("InternalError", format!("initlab has a fault: {text}; please tell how to repeat it"))
    }

    /// An error of several kinds, with what the command says of it.
    pub fn of_command(error: &anyhow::Error) -> Self {
        if let Some(error) = error.downcast_ref::<ConfigError>() {
            return Self::Config(error.clone());
        }
        let text = initlab::cli::output::with_causes(error);
        Self::Of(if error.is::<UsageError>() { "UsageError" } else { "Error" }, text)
    }
}

impl From<PyErr> for Failure {
    fn from(error: PyErr) -> Self {
        Self::Python(error)
    }
}

impl From<ConfigError> for Failure {
    fn from(error: ConfigError) -> Self {
        Self::Config(error)
    }
}

impl From<DataError> for Failure {
    fn from(error: DataError) -> Self {
        Self::Of("DataError", error.to_string())
    }
}

impl From<RecordError> for Failure {
    fn from(error: RecordError) -> Self {
        Self::Of("RecordError", error.to_string())
    }
}

impl From<ReportError> for Failure {
    fn from(error: ReportError) -> Self {
        Self::Of("RecordError", error.to_string())
    }
}

impl From<StartError> for Failure {
    fn from(error: StartError) -> Self {
        match error {
            StartError::Config(error) => Self::Config(error),
            error => Self::usage(error.to_string()),
        }
    }
}

impl From<TrainError> for Failure {
    fn from(error: TrainError) -> Self {
        match error {
            TrainError::Record(error) => error.into(),
            error => Self::Of("Error", error.to_string()),
        }
    }
}

impl From<Failure> for PyErr {
    fn from(failure: Failure) -> Self {
        Python::attach(|py| raised(py, failure).unwrap_or_else(|error| error))
    }
}

/// The exception of a failure.
fn raised(py: Python<'_>, failure: Failure) -> PyResult<PyErr> {
    let errors = py.import("initlab._errors")?;
    match failure {
        Failure::Python(error) => Ok(error),
        Failure::Of(class, message) => Ok(PyErr::from_value(errors.getattr(class)?.call1((message,))?)),
        Failure::Config(error) => {
            let (file, line, key) = error.place();
            let exception = errors.getattr("ConfigError")?.call1((error.to_string(), file, line, key))?;
            Ok(PyErr::from_value(exception))
        }
    }
}

/// Runs `job` so that a panic in it becomes an exception of ours.
pub fn guarded<T>(job: impl FnOnce() -> Result<T, Failure>) -> PyResult<T> {
    let done = std::panic::catch_unwind(std::panic::AssertUnwindSafe(job));
    Ok(done.unwrap_or_else(|cause| Err(Failure::panic(&*cause)))?)
}
