//! Python's module `initlab._initlab`: the crate's rooms as functions over plain values. What people see of it, names, defaults,
//! documentation and records, is Python's own, in `python/initlab`.

mod arrays;
mod command;
mod compare;
mod errors;
mod lr_find;
mod lsuv;
mod probe;
mod read;
mod sample;
mod source;
mod start;
mod theory;
mod train;
mod values;
mod watch;
mod work;

use pyo3::prelude::*;

#[pymodule]
fn _initlab(m: &Bound<'_, PyModule>) -> PyResult<()> {
    m.add("__version__", env!("CARGO_PKG_VERSION"))?;
    m.add_function(wrap_pyfunction!(command::main, m)?)?;
    m.add_function(wrap_pyfunction!(theory::theory, m)?)?;
    m.add_function(wrap_pyfunction!(sample::sample, m)?)?;
    m.add_function(wrap_pyfunction!(train::train, m)?)?;
    m.add_function(wrap_pyfunction!(compare::compare, m)?)?;
    m.add_function(wrap_pyfunction!(probe::probe, m)?)?;
    m.add_function(wrap_pyfunction!(probe::probe_page, m)?)?;
    m.add_function(wrap_pyfunction!(lr_find::lr_find, m)?)?;
    m.add_function(wrap_pyfunction!(lr_find::rate_chart, m)?)?;
    m.add_function(wrap_pyfunction!(read::kind, m)?)?;
    m.add_function(wrap_pyfunction!(read::table, m)?)?;
    m.add_function(wrap_pyfunction!(read::weights, m)?)?;
    m.add_function(wrap_pyfunction!(read::epoch_order, m)?)?;
    m.add_function(wrap_pyfunction!(read::page, m)?)?;
    m.add_function(wrap_pyfunction!(read::charts, m)?)?;
    m.add_function(wrap_pyfunction!(start::start, m)?)?;
    m.add_function(wrap_pyfunction!(lsuv::lsuv_layer, m)?)?;
    m.add_function(wrap_pyfunction!(watch::live_ends, m)?)?;
    m.add_function(wrap_pyfunction!(watch::square_sum, m)?)?;
    m.add_class::<watch::Recorder>()?;
    Ok(())
}
