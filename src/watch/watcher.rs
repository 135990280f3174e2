//! The watch itself: taps in a forward pass, and the step that ends it.

use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use candle_core::backprop::GradStore;
use candle_core::{Result, Tensor};
use candle_nn::{Module, VarMap};

use crate::activation::Activation;
use crate::cpu::live::live_interval;
use crate::record::layers::LayerSeen;
use crate::record::row::{Row, Rows};
use crate::watch::error::WatchError;
use crate::watch::state::{Live, Mode, Side, State};
use crate::watch::warnings::warnings;

/// Watches the layers of a candle model.
///
/// Clones share what they see, so that a model may hold one.
///
/// ```
/// use candle_core::{DType, Device, Tensor};
/// use candle_nn::{Module, Optimizer, SGD, VarMap, linear, loss::cross_entropy};
/// use initlab::{Activation, Preset, Start, Watch};
///
/// let (start, varmap, watch) = (Start::preset(Preset::Kaiming), VarMap::new(), Watch::new());
/// let vb = start.var_builder(&varmap, DType::F32, &Device::Cpu);
/// let (fc1, fc2) = (linear(4, 8, vb.pp("fc1"))?, linear(8, 3, vb.pp("fc2"))?);
/// let mut sgd = SGD::new(varmap.all_vars(), 0.1)?;
/// let (images, labels) = (Tensor::ones((5, 4), DType::F32, &Device::Cpu)?, Tensor::zeros(5, DType::U32, &Device::Cpu)?);
/// for _ in 0..3 {
///     let h = watch.activation("fc1", &fc1.forward(&images)?, Activation::Relu)?;
///     let logits = watch.tap("fc2", &fc2.forward(&h)?)?;
///     let grads = cross_entropy(&logits, &labels)?.backward()?;
///     watch.step(&varmap, &grads)?; // before the optimiser, which moves the weights
///     sgd.step(&grads)?;
/// }
/// println!("{}", watch.table()?);
/// let std = watch.value("fc1", "grad_std", 2)?;
/// assert!(std.is_some_and(|std| std > 0.0));
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
#[derive(Clone, Debug, Default)]
pub struct Watch {
    state: Arc<Mutex<State>>,
}

impl Watch {
    /// Watches every step, with a histogram in every twentieth.
    pub fn new() -> Self {
        Self::default()
    }

    /// Watches every `steps`-th step, from the first on; 0 is never. Steps in between cost nothing.
    #[must_use]
    pub fn every(self, steps: usize) -> Self {
        self.state().settings.every = steps as u64;
        self
    }

    /// Takes a histogram of the activations, and the kurtosis of the pre-activations, in every `steps`-th step that is watched: `bins`
    /// equal bins over `range`, and two for what lies outside. 0 is never.
    #[must_use]
    pub fn histograms(self, steps: usize, bins: usize, range: (f64, f64)) -> Self {
        let mut state = self.state();
        (state.settings.histogram_every, state.settings.histogram_bins) = (steps as u64, bins.max(1));
        state.settings.histogram_range = [range.0, range.1];
        drop(state);
        self
    }

    /// Counts values as near zero whose size is below `values`, and gradients below `gradients`; 0.05 and 1e-8 otherwise.
    #[must_use]
    pub fn near_zero(self, values: f64, gradients: f64) -> Self {
        let mut state = self.state();
        (state.settings.near_zero, state.settings.gradient_near_zero) = (values, gradients);
        drop(state);
        self
    }

    /// Sets which dimension of a layer's tensor counts its units. By default it is the last of vectors and sequences
    /// `[batch, …, unit]`, and the second of images `[batch, channel, height, width]`.
    #[must_use]
    pub fn units(self, layer: &str, dim: usize) -> Self {
        self.state().settings.dims.push((layer.into(), dim));
        self
    }

    /// Takes the statistics of the activation `h` of a layer. Go on with the tensor that comes back: its gradient is recorded.
    ///
    /// Name the layer as its module is named in the VarMap, so that its weight's row is the same one. A unit counts as dead if its
    /// value is the same for all samples; [`Watch::activation`] judges by the slope.
    ///
    /// # Errors
    /// The layer had another number of units before, or the tensor has none.
    pub fn tap(&self, layer: &str, h: &Tensor) -> Result<Tensor> {
        let mut state = self.state();
        state.finish()?;
        if !state.is_active() {
            return Ok(h.clone());
        }
        let live = (!state.knows_live(layer)).then_some(Live::Varying);
        let going_on = state.see(layer, Side::After, h, live)?;
        Ok(going_on.unwrap_or_else(|| h.clone()))
    }

    /// Records the statistics of a layer's pre-activation `z`, for layers whose activation is watched by a call of its own.
    ///
    /// # Errors
    /// As [`Watch::tap`].
    pub fn pre_activation(&self, layer: &str, z: &Tensor) -> Result<()> {
        let mut state = self.state();
        state.finish()?;
        if state.is_active() {
            state.see(layer, Side::Before, z, None)?;
        }
        Ok(())
    }

    /// Applies `activation` to the pre-activation `z` of a layer and watches both sides of it. Go on with the tensor that comes back.
    ///
    /// # Errors
    /// As [`Watch::tap`].
    pub fn activation(&self, layer: &str, z: &Tensor, activation: Activation) -> Result<Tensor> {
        let mut state = self.state();
        state.finish()?;
        let h = activation.forward(z)?;
        if !state.is_active() {
            return Ok(h);
        }
        state.see(layer, Side::Before, z, Some(Live::Between(live_interval(activation))))?;
        let going_on = state.see(layer, Side::After, &h, None)?;
        Ok(going_on.unwrap_or(h))
    }

    /// Ends a training step: call it between `backward` and the optimiser's step. Records the gradients of what was tapped, and of
    /// every weight of `varmap` its norm, its gradient's and, once the optimiser has moved it, its update's.
    ///
    /// Layers without a tap have a row too, with the numbers of their weight alone. Biases, norms and other vectors have none.
    ///
    /// # Errors
    /// candle refuses.
    pub fn step(&self, varmap: &VarMap, grads: &GradStore) -> Result<()> {
        Ok(self.state().step(varmap, grads)?)
    }

    /// Runs `pass` without looking: for evaluations between steps.
    pub fn paused<T>(&self, pass: impl FnOnce() -> T) -> T {
        let _until_the_end = self.in_mode(Mode::Paused);
        pass()
    }

    /// Runs `pass` and returns what its taps saw, apart from the steps and without gradients.
    ///
    /// # Errors
    /// The pass fails.
    pub fn look<T>(&self, pass: impl FnOnce() -> Result<T>) -> Result<Rows> {
        let seen = self.observe(pass)?;
        let names = self.state().names();
        let rows = seen.iter().map(|seen| Row::new(seen, &names)).collect();
        Ok(Rows { rows, warnings: warnings(&seen, &names) })
    }

    /// Every row so far. Steps are whole once the optimiser has moved the weights.
    ///
    /// # Errors
    /// candle refuses.
    pub fn rows(&self) -> std::result::Result<Vec<Row>, WatchError> {
        let (names, rows) = self.seen()?;
        Ok(rows.iter().map(|seen| Row::new(seen, &names)).collect())
    }

    /// A statistic of a layer at a step, by its name in `layers.csv`: nothing where it was not measured.
    ///
    /// # Errors
    /// There is no such layer.
    pub fn value(&self, layer: &str, statistic: &str, step: u64) -> std::result::Result<Option<f64>, WatchError> {
        let (names, rows) = self.seen()?;
        let at = self.place(layer, &names)?;
        let row = rows.iter().find(|row| row.step == step && row.layer == at);
        Ok(row.and_then(|row| Row::new(row, &names).get(statistic)))
    }

    /// The layers, in the order in which they were first seen.
    pub fn layers(&self) -> Vec<String> {
        self.state().names()
    }

    /// The place of `layer` among `names`.
    pub(super) fn place(&self, layer: &str, names: &[String]) -> std::result::Result<usize, WatchError> {
        let unknown = || {
            let near = crate::spelling::nearest(layer, names.iter().map(String::as_str));
            let known = match (near, names.is_empty()) {
                (Some(near), _) => format!("did you mean {near}?"),
                (None, false) => format!("there are {}", names.join(", ")),
                (None, true) => "tap one in the forward pass: h = watch.tap(\"conv1\", &h)?".into(),
            };
            WatchError::Unknown { name: layer.into(), known }
        };
        names.iter().position(|name| name == layer).ok_or_else(unknown)
    }

    /// Names and rows of all whole steps.
    pub(super) fn seen(&self) -> std::result::Result<(Vec<String>, Vec<LayerSeen>), WatchError> {
        let mut state = self.state();
        state.finish()?;
        Ok((state.names(), state.rows().to_vec()))
    }

    /// Runs `pass` apart from the steps.
    pub(super) fn observe<T>(&self, pass: impl FnOnce() -> Result<T>) -> Result<Vec<LayerSeen>> {
        let in_look = self.in_mode(Mode::Look);
        let kept = self.state().set_aside();
        let passed = pass();
        let seen = self.state().take_look();
        self.state().put_back(kept);
        drop(in_look);
        passed.map(|_| seen)
    }

    pub(super) fn state(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Changes what passes are for until the guard is dropped.
    pub(super) fn in_mode(&self, mode: Mode) -> impl Drop {
        let before = std::mem::replace(&mut self.state().mode, mode);
        Restore { watch: self, before }
    }
}

/// Puts a watch back as it was.
struct Restore<'a> {
    watch: &'a Watch,
    before: Mode,
}

impl Drop for Restore<'_> {
    fn drop(&mut self) {
        self.watch.state().mode = std::mem::take(&mut self.before);
    }
}
