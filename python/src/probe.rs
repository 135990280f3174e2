//! `initlab.probe`: a config's network before training, measured beside what theory predicts.

use std::panic::resume_unwind;
use std::path::PathBuf;
use std::sync::atomic::{AtomicU64, Ordering};

use initlab::cli::probe::write;
use initlab::probe::{Probe, ProbeError, ProbeRecord, probe as measure};
use initlab::report;
use pyo3::prelude::*;
use pyo3::types::PyDict;

use crate::errors::{Failure, guarded};
use crate::source::{Changes, Source};
use crate::train::{Asked, overridden, threads_of};
use crate::work::{News, work};

/// Payload that a probe unwinds with which nobody waits for any more.
struct Stopped;

/// Probes, and gives the object of `probe.json`.
///
/// # Errors
/// The call, the config, the data or the directory.
#[pyfunction]
#[pyo3(signature = (config, overrides, seed, dataset, data, seeds, pairs, out, threads, show))]
#[allow(clippy::too_many_arguments, reason = "Python's keyword arguments, one for one")]
pub fn probe(
    py: Python<'_>,
    config: &Bound<'_, PyAny>,
    overrides: Option<&Bound<'_, PyDict>>,
    seed: Option<u64>,
    dataset: Option<String>,
    data: Option<PathBuf>,
    seeds: usize,
    pairs: usize,
    out: Option<PathBuf>,
    threads: Option<usize>,
    show: Option<&Bound<'_, PyAny>>,
) -> PyResult<String> {
    for (name, found, most) in [("seeds", seeds, 10_000), ("pairs", pairs, 2_000)] {
        if !(1..=most).contains(&found) {
            return Err(Failure::usage(format!("{name} = {found}: expected 1 to {most}")).into());
        }
    }
    let (document, read) = Source::of(config)?.experiment(&Changes::of(overrides)?)?;
    let asked = Asked { document, experiment: overridden(read, seed, dataset), data };
    let options = Probe { seeds, pairs, threads: threads_of(threads)? };
    work(py, show, |stop, teller| {
        let images = asked.data(teller)?;
        teller.tell(News::Begin { total: seeds as u64, done: 0 });
        let done = AtomicU64::new(0);
        let found = measure(&asked.experiment, &images, options, || {
            if stop.load(Ordering::Relaxed) {
                // Nothing of a probe is kept before its end, so that leaving it in the middle loses nothing.
                resume_unwind(Box::new(Stopped));
            }
            teller.progress(1 + done.fetch_add(1, Ordering::Relaxed), String::new);
        });
        let found = found.map_err(|error| match error {
            ProbeError::Network(error) => asked.at_line(error),
            error @ ProbeError::Images { .. } => Failure::Of("DataError", error.to_string()),
        })?;
        teller.tell(News::Done(seeds as u64, String::new()));
        if let Some(directory) = &out {
            write(directory, &found).map_err(|error| Failure::of_command(&error))?;
        }
        serde_json::to_string(&found).map_err(|error| Failure::Of("Error", error.to_string()))
    })
}

/// The page of a probe's object, and its charts as (title, SVG).
///
/// # Errors
/// It is no such object.
#[pyfunction]
pub fn probe_page(py: Python<'_>, json: &str) -> PyResult<(String, Vec<(String, String)>)> {
    py.detach(|| {
        guarded(|| {
            let record: ProbeRecord = serde_json::from_str(json)
                .map_err(|error| Failure::usage(format!("this is no probe of this version of initlab: {error}")))?;
            let page = report::probe::page(&record);
            Ok((page.html(), page.pictures(&|_| true)))
        })
    })
}
