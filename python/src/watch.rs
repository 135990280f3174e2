//! The recorder behind `initlab.watch`: sums over tensors' memory, rows by step, and where they go.

use std::path::PathBuf;

use initlab::Activation;
use initlab::cpu::activation::Observation;
use initlab::cpu::histogram::histogram;
use initlab::cpu::live::{LiveUnits, live_interval};
use initlab::cpu::moments::Sums;
use initlab::record::layers::LayerSeen;
use initlab::record::statistics::STATISTICS;
use initlab::report;
use initlab::watch::seen::Seen;
use initlab::watch::slices;
use pyo3::prelude::*;
use pyo3::types::PyDict;

use crate::errors::{Failure, guarded};
use crate::values;

/// Where a tensor's numbers lie: its first value, how many there are, its units and the values of a unit that lie together.
type Memory = (usize, usize, usize, usize);

/// Sums that were taken elsewhere: n, Σx, Σx², smallest, largest, near zero.
type Taken = (u64, f64, f64, f32, f32, u64);

/// A page as HTML, and its charts as (title, SVG).
type Page = (String, Vec<(String, String)>);

/// Rows of layers, step by step.
#[pyclass(module = "initlab._initlab")]
pub struct Recorder {
    near_zero: f32,
    gradient_near_zero: f32,
    bins: usize,
    range: [f64; 2],
    /// Layers in the order in which they were first seen, with their units.
    names: Vec<String>,
    units: Vec<usize>,
    /// Layers of this step.
    now: Vec<LayerSeen>,
    rows: Vec<LayerSeen>,
}

/// The ends between which an activation's pre-activations are alive; nothing for one that is not known.
///
/// # Errors
/// There is no such activation.
#[pyfunction]
pub fn live_ends(activation: &Bound<'_, PyAny>) -> PyResult<(f32, f32)> {
    let activation: Activation = values::activation(activation)?;
    Ok(live_interval(activation))
}

/// Σx² of memory, and of the difference of two.
///
/// The caller answers for the addresses: `count` numbers of 32 bits, contiguous, at each.
#[pyfunction]
#[pyo3(signature = (address, count, other=None))]
pub fn square_sum(py: Python<'_>, address: usize, count: usize, other: Option<usize>) -> f64 {
    py.detach(|| {
        // SAFETY: the caller, `_watch.py`, holds the tensors whose memory this is, and lets nobody change them meanwhile.
        let values = |address: usize| unsafe { slice(address, count) };
        match other {
            None => slices::square_sum(values(address)),
            Some(other) => {
                let difference = |(&a, &b): (&f32, &f32)| f64::from(a - b);
                values(address).iter().zip(values(other)).map(difference).map(|x| x * x).sum()
            }
        }
    })
}

/// The numbers at an address.
///
/// # Safety
/// `count` numbers of 32 bits lie there, aligned, and stay as they are as long as the slice lives.
unsafe fn slice<'a>(address: usize, count: usize) -> &'a [f32] {
    if count == 0 {
        return &[];
    }
    // SAFETY: as the caller promises.
    unsafe { std::slice::from_raw_parts(address as *const f32, count) }
}

#[pymethods]
impl Recorder {
    #[new]
    fn new(near_zero: f32, gradient_near_zero: f32, bins: usize, range: [f64; 2]) -> PyResult<Self> {
        if !(range[0] < range[1] && range.iter().all(|end| end.is_finite()) && bins > 0) {
            let message =
                format!("{bins} bins from {} to {}: expected at least one, and low < high", range[0], range[1]);
            return Err(Failure::usage(message).into());
        }
        let (names, units, now, rows) = (Vec::new(), Vec::new(), Vec::new(), Vec::new());
        Ok(Self { near_zero, gradient_near_zero, bins, range, names, units, now, rows })
    }

    /// Takes a layer's pre-activations at `memory`; `ends` are those of [`live_ends`].
    #[pyo3(signature = (layer, memory, ends, higher))]
    fn before(
        &mut self,
        py: Python<'_>,
        layer: &str,
        memory: Memory,
        ends: Option<(f32, f32)>,
        higher: bool,
    ) -> PyResult<()> {
        let near_zero = self.near_zero;
        let (sums, live) = of_memory(py, memory, |values, shape| {
            let live = ends.map(|ends| slices::live_between(values, shape, ends));
            (slices::sums(values, near_zero, higher), live)
        });
        let observation = self.observation(layer, memory.2)?;
        observation.pre_activation.merge(&sums);
        join(&mut observation.live, live);
        Ok(())
    }

    /// Takes a layer's activations at `memory`. Where nobody knows its slope the units count as alive that vary.
    #[pyo3(signature = (layer, memory, varying, with_histogram))]
    fn after(
        &mut self,
        py: Python<'_>,
        layer: &str,
        memory: Memory,
        varying: bool,
        with_histogram: bool,
    ) -> PyResult<()> {
        let (near_zero, bins, [low, high]) = (self.near_zero, self.bins, self.range.map(|end| end as f32));
        let (sums, live, counts) = of_memory(py, memory, |values, shape| {
            let counts = with_histogram.then(|| {
                let mut counts = vec![0; bins + 2];
                histogram(&mut counts, values, low, high);
                counts
            });
            (slices::sums(values, near_zero, false), varying.then(|| slices::live_varying(values, shape)), counts)
        });
        let observation = self.observation(layer, memory.2)?;
        observation.activation.merge(&sums);
        join(&mut observation.live, live);
        if let Some(counts) = counts {
            if observation.histogram.is_empty() {
                observation.histogram = counts;
            } else {
                observation.histogram.iter_mut().zip(counts).for_each(|(sum, count)| *sum += count);
            }
        }
        Ok(())
    }

    /// Takes the gradient of a layer's activations at `memory`.
    fn gradient(&mut self, py: Python<'_>, layer: &str, memory: Memory) -> PyResult<()> {
        let near_zero = self.gradient_near_zero;
        let sums = of_memory(py, memory, |values, _| slices::sums(values, near_zero, false));
        self.observation(layer, memory.2)?.gradient.merge(&sums);
        Ok(())
    }

    /// Takes sums of a layer that were taken on its device: `side` is `before`, `after` or `gradient`, `alive` has a mark for each unit.
    #[pyo3(signature = (side, layer, units, taken, alive))]
    fn taken(&mut self, side: &str, layer: &str, units: usize, taken: Taken, alive: Option<Vec<bool>>) -> PyResult<()> {
        let (n, sum, sum_of_squares, low, high, near_zero) = taken;
        let mut sums = Sums { n, sum, sum_of_squares, near_zero, ..Sums::default() };
        sums.join_extremes(low, high);
        let observation = self.observation(layer, units)?;
        match side {
            "before" => observation.pre_activation.merge(&sums),
            "after" => observation.activation.merge(&sums),
            _ => observation.gradient.merge(&sums),
        }
        join(&mut observation.live, alive.map(|alive| alive.into_iter().collect()));
        Ok(())
    }

    /// Takes ‖w‖ and ‖dL/dw‖ of a layer's weight, before the optimiser moves it.
    fn weight(&mut self, layer: &str, weight: f64, gradient: f64) -> PyResult<()> {
        let at = self.place(layer, None)?;
        self.row(at).norms = Some([weight, gradient, f64::NAN]);
        Ok(())
    }

    /// Takes ‖Δw‖ of a layer's weight.
    fn moved(&mut self, layer: &str, update: f64) {
        let at = self.names.iter().position(|name| name == layer);
        let row = self.now.iter_mut().find(|row| Some(row.layer) == at);
        row.and_then(|row| row.norms.as_mut()).into_iter().for_each(|norms| norms[2] = update);
    }

    /// Ends the step of this number.
    fn end(&mut self, step: u64) {
        let mut now = std::mem::take(&mut self.now);
        now.sort_by_key(|row| row.layer);
        now.iter_mut().for_each(|row| row.step = step);
        self.rows.extend(now);
    }

    /// Takes out the rows of this step so far, layer by layer, as (name, statistics).
    fn look(&mut self, py: Python<'_>) -> PyResult<Vec<(String, Py<PyDict>)>> {
        let seen = std::mem::take(&mut self.now);
        let row = |row: LayerSeen| {
            let numbers = PyDict::new(py);
            for statistic in STATISTICS {
                numbers.set_item(statistic.name, statistic.value(&row.observation, row.norms))?;
            }
            Ok((self.names[row.layer].clone(), numbers.unbind()))
        };
        seen.into_iter().map(row).collect()
    }

    /// Forgets what this step has seen so far.
    fn forget(&mut self) {
        self.now.clear();
    }

    /// The columns of `layers.csv`: keys, then numbers, NaN where nothing was measured.
    fn columns(&self, py: Python<'_>) -> PyResult<Py<PyDict>> {
        let columns = PyDict::new(py);
        let steps: Vec<i64> = self.rows.iter().map(|row| row.step as i64).collect();
        columns.set_item("step", crate::arrays::array(py, &steps, &[steps.len()])?)?;
        columns.set_item("phase", self.rows.iter().map(|row| row.phase).collect::<Vec<_>>())?;
        columns.set_item("layer", self.rows.iter().map(|row| self.names[row.layer].as_str()).collect::<Vec<_>>())?;
        for statistic in STATISTICS {
            let value = |row: &LayerSeen| statistic.value(&row.observation, row.norms).unwrap_or(f64::NAN);
            let values: Vec<f64> = self.rows.iter().map(value).collect();
            columns.set_item(statistic.name, crate::arrays::array(py, &values, &[values.len()])?)?;
        }
        Ok(columns.unbind())
    }

    /// The table of the last step, if there is one.
    fn table(&self) -> Option<String> {
        self.seen().table().map(|rows| rows.to_string())
    }

    /// A sentence for each layer in which values are not finite.
    fn warnings(&self) -> Vec<String> {
        self.seen().warnings()
    }

    /// The report as HTML and its charts as (title, SVG), if there is a step.
    fn page(&self, py: Python<'_>, title: String) -> PyResult<Option<Page>> {
        py.detach(|| {
            guarded(|| {
                let page = self.seen().page(title);
                Ok(page.map(|page| {
                    let charts = page.pictures(&|title| report::pick::is_wanted(title, &[]));
                    (page.html(), charts)
                }))
            })
        })
    }

    /// Writes all rows as a `layers.csv`.
    fn write_csv(&self, py: Python<'_>, path: PathBuf) -> PyResult<()> {
        py.detach(|| guarded(|| Ok(self.seen().write_csv(&path)?)))
    }

    /// Writes TensorBoard's event file into a directory; gives its path.
    fn write_tensorboard(&self, py: Python<'_>, directory: PathBuf) -> PyResult<PathBuf> {
        py.detach(|| guarded(|| Ok(self.seen().write_tensorboard(&directory)?)))
    }
}

impl Recorder {
    fn seen(&self) -> Seen<'_> {
        Seen { names: &self.names, rows: &self.rows, bins: self.bins, range: self.range, of: "a PyTorch module" }
    }

    /// The place of a layer, which is new if there is none.
    fn place(&mut self, layer: &str, units: Option<usize>) -> Result<usize, Failure> {
        let Some(at) = self.names.iter().position(|name| name == layer) else {
            self.names.push(layer.into());
            self.units.push(units.unwrap_or(0));
            return Ok(self.names.len() - 1);
        };
        let (before, now) = (self.units[at], units.unwrap_or(self.units[at]));
        if before != 0 && before != now {
            return Err(Failure::usage(format!(
                "`{layer}` had {before} units and now has {now}; a layer's number of units must stay as it is"
            )));
        }
        self.units[at] = now;
        Ok(at)
    }

    /// This step's row of a layer.
    fn row(&mut self, layer: usize) -> &mut LayerSeen {
        let at = self.now.iter().position(|row| row.layer == layer).unwrap_or_else(|| {
            let observation = Observation::default();
            self.now.push(LayerSeen { step: 0, phase: "train", layer, observation, norms: None });
            self.now.len() - 1
        });
        &mut self.now[at]
    }

    fn observation(&mut self, layer: &str, units: usize) -> Result<&mut Observation, Failure> {
        let at = self.place(layer, Some(units))?;
        Ok(&mut self.row(at).observation)
    }
}

/// Runs `f` on the numbers of a tensor, with units and inner values, without Python's lock.
fn of_memory<T: Send>(
    py: Python<'_>,
    (address, count, units, inner): Memory,
    f: impl FnOnce(&[f32], [usize; 2]) -> T + Send,
) -> T {
    py.detach(|| {
        // SAFETY: the caller, `_watch.py`, holds the tensor whose memory this is, and lets nobody change it meanwhile.
        f(unsafe { slice(address, count) }, [units.max(1), inner.max(1)])
    })
}

/// Adds marks to those that are there.
fn join(live: &mut LiveUnits, more: Option<LiveUnits>) {
    match more {
        Some(more) if live.is_empty() => *live = more,
        Some(more) => live.merge(&more),
        None => {}
    }
}
