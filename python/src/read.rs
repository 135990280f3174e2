//! Records that are there, finished or not: their tables, tensors, pages and charts.

use std::path::{Path, PathBuf};

use initlab::record::RecordError;
use initlab::record::layers;
use initlab::record::read::RunRecords;
use initlab::record::rows::{EPOCHS, STEPS};
use initlab::record::summary::Summary;
use initlab::record::tensors::{self, Values};
use initlab::report;
use pyo3::prelude::*;
use pyo3::types::{PyDict, PyList};

use crate::arrays::array;
use crate::errors::{Failure, guarded};

/// The kind of records in `directory`: `run`, `study` or `probe`, whole as far as it has ended.
///
/// # Errors
/// It holds none of them, or something damaged.
#[pyfunction]
pub fn kind(py: Python<'_>, directory: PathBuf) -> PyResult<&'static str> {
    py.detach(|| guarded(|| kind_of(&directory)))
}

fn kind_of(directory: &Path) -> Result<&'static str, Failure> {
    let has = |name: &str| directory.join(name).is_file();
    if has("study.json") || has("plan.json") {
        return Ok("study");
    }
    if has("probe.json") {
        return Ok("probe");
    }
    if RunRecords::is_run(directory) || has("run.json") || has("config.toml") {
        if let Some(summary) = Summary::read(directory)? {
            summary.verify(directory)?;
        }
        return Ok("run");
    }
    std::fs::read_dir(directory).map_err(|error| {
        Failure::Of("RecordError", format!("{}: cannot be read: {error}; check the path", directory.display()))
    })?;
    let path = directory.display();
    Err(Failure::Of("RecordError", format!("{path}: holds no run, no study and no probe; initlab.train makes a run")))
}

/// The columns of a CSV file of ours, by name: whole numbers, numbers, or texts; a number that is absent is NaN.
///
/// # Errors
/// The file is absent.
#[pyfunction]
pub fn table<'py>(py: Python<'py>, path: PathBuf) -> PyResult<Bound<'py, PyDict>> {
    let columns = py.detach(|| guarded(|| columns(&path)))?;
    let table = PyDict::new(py);
    for (name, column) in columns {
        match column {
            Column::Whole(values) => table.set_item(name, array(py, &values, &[values.len()])?)?,
            Column::Numbers(values) => table.set_item(name, array(py, &values, &[values.len()])?)?,
            Column::Texts(values) => table.set_item(name, PyList::new(py, values)?)?,
        }
    }
    Ok(table)
}

/// A column of a table.
enum Column {
    Whole(Vec<i64>),
    Numbers(Vec<f64>),
    Texts(Vec<String>),
}

fn columns(path: &Path) -> Result<Vec<(String, Column)>, Failure> {
    let text = text(path)?;
    let mut lines = text.split_inclusive('\n');
    let names = fields(lines.next().unwrap_or_default().trim_end());
    let mut cells: Vec<Vec<String>> = vec![Vec::new(); names.len()];
    for line in lines {
        // A line that is still being written has no end.
        let Some(line) = line.strip_suffix('\n') else { break };
        let fields = fields(line);
        if fields.len() != names.len() {
            let row = cells[0].len() + 2;
            let (found, expected) = (fields.len(), names.len());
            let message = format!("{}: line {row} has {found} fields, expected {expected}", path.display());
            return Err(Failure::Of("RecordError", message));
        }
        cells.iter_mut().zip(fields).for_each(|(column, field)| column.push(field));
    }
    Ok(names.into_iter().zip(cells.into_iter().map(typed)).collect())
}

/// The text of a table. One of a run that is about to write its first line is the header alone.
fn text(path: &Path) -> Result<String, Failure> {
    let begun = || -> Option<String> {
        let header = match path.file_name()?.to_str()? {
            "steps.csv" => STEPS.into(),
            "epochs.csv" => EPOCHS.into(),
            "layers.csv" => layers::header(),
            _ => return None,
        };
        (path.with_file_name("config.toml").is_file() && !path.with_file_name("run.json").exists()).then_some(header)
    };
    match std::fs::read_to_string(path) {
        Ok(text) if text.contains('\n') => Ok(text),
        Ok(text) => Ok(begun().unwrap_or(text)),
        Err(error) => begun()
            .filter(|_| error.kind() == std::io::ErrorKind::NotFound)
            .ok_or_else(|| Failure::Of("RecordError", format!("{}: reading the file failed: {error}", path.display()))),
    }
}

/// The column with its type: texts that are all whole numbers, or all numbers where they are not empty, are these.
fn typed(cells: Vec<String>) -> Column {
    if let Some(whole) = cells.iter().map(|cell| cell.parse().ok()).collect::<Option<Vec<i64>>>()
        && !whole.is_empty()
    {
        return Column::Whole(whole);
    }
    let number = |cell: &String| if cell.is_empty() { Some(f64::NAN) } else { cell.parse().ok() };
    match cells.iter().map(number).collect::<Option<Vec<f64>>>() {
        Some(numbers) => Column::Numbers(numbers),
        None => Column::Texts(cells),
    }
}

/// The fields of a line (RFC 4180).
fn fields(line: &str) -> Vec<String> {
    let (mut fields, mut field, mut quoted) = (Vec::new(), String::new(), false);
    let mut letters = line.chars().peekable();
    while let Some(letter) = letters.next() {
        match (letter, quoted) {
            ('"', true) if letters.peek() == Some(&'"') => {
                field.push('"');
                letters.next();
            }
            ('"', _) => quoted = !quoted,
            (',', false) => fields.push(std::mem::take(&mut field)),
            (letter, _) => field.push(letter),
        }
    }
    fields.push(field);
    fields
}

/// The tensors of a safetensors file of ours, by name, in the order of the names.
///
/// # Errors
/// The file is absent or damaged.
#[pyfunction]
pub fn weights<'py>(py: Python<'py>, path: PathBuf) -> PyResult<Bound<'py, PyDict>> {
    let read = || -> Result<_, RecordError> {
        let (tensors, _) = tensors::read(&path)?;
        let mut tensors: Vec<_> = tensors.into_iter().collect();
        tensors.sort_by(|(a, _), (b, _)| a.cmp(b));
        Ok(tensors)
    };
    let weights = PyDict::new(py);
    for (name, tensor) in py.detach(|| guarded(|| Ok(read()?)))? {
        let array = match &tensor.values {
            Values::F32(values) => array(py, values, &tensor.shape)?,
            Values::I64(values) => array(py, values, &tensor.shape)?,
            Values::F64(values) => array(py, values, &tensor.shape)?,
        };
        weights.set_item(name, array)?;
    }
    Ok(weights)
}

/// The report of directories as an HTML page.
///
/// # Errors
/// One holds nothing to report on, or something damaged.
#[pyfunction]
pub fn page(py: Python<'_>, directories: Vec<PathBuf>) -> PyResult<String> {
    py.detach(|| guarded(|| Ok(report::page(&directories)?.html())))
}

/// The charts of the report whose titles have one of these words, as (title, SVG); all without words.
///
/// # Errors
/// As [`page`]; no chart is called so.
#[pyfunction]
pub fn charts(py: Python<'_>, directories: Vec<PathBuf>, words: Vec<String>) -> PyResult<Vec<(String, String)>> {
    py.detach(|| {
        guarded(|| {
            let page = report::page(&directories)?;
            let found = page.pictures(&|title| report::pick::is_wanted(title, &words));
            if found.is_empty() && !words.is_empty() {
                let mut titles = page.titles();
                titles.dedup();
                let message = format!("no chart is called {}; there are {}", words.join(", "), titles.join("; "));
                return Err(Failure::usage(message));
            }
            Ok(found)
        })
    })
}

/// The order in which the training images of an epoch come: the batches are its parts.
#[pyfunction]
pub fn epoch_order(py: Python<'_>, seed: u64, epoch: usize, images: usize) -> PyResult<Bound<'_, PyAny>> {
    let order: Vec<i64> = initlab::data::epoch_order(seed, epoch, images).into_iter().map(i64::from).collect();
    array(py, &order, &[order.len()])
}
