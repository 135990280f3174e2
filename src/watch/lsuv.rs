//! Layer-sequential unit variance for a candle model (Mishkin & Matas 2016, algorithm 1).

use candle_core::{Result, Tensor, Var};
use candle_nn::VarMap;

use crate::cpu::moments::Sums;
use crate::model::lsuv::{Goal, to_unit_std};
use crate::watch::error::WatchError;
use crate::watch::watcher::Watch;

/// Rescales the weights of a candle model, layer by layer in the order of execution, until what a batch shows of each has standard
/// deviation 1. Start the model orthogonally first, as the paper does.
///
/// ```
/// use candle_core::{DType, Device, Tensor};
/// use candle_nn::{Module, VarMap, linear};
/// use initlab::{Activation, Lsuv, Preset, Start, Watch};
///
/// let (varmap, watch) = (VarMap::new(), Watch::new());
/// let vb = Start::preset(Preset::Orthogonal).var_builder(&varmap, DType::F32, &Device::Cpu);
/// let (fc1, fc2) = (linear(4, 8, vb.pp("fc1"))?, linear(8, 3, vb.pp("fc2"))?);
/// let forward = |x: &Tensor| {
///     let h = watch.activation("fc1", &fc1.forward(x)?, Activation::Relu)?;
///     watch.tap("fc2", &fc2.forward(&h)?)
/// };
/// let batch = Tensor::arange(0f32, 40.0, &Device::Cpu)?.sin()?.reshape((10, 4))?;
/// let done = Lsuv::new().run(&varmap, &watch, &["fc1", "fc2"], forward, &batch)?;
/// assert!((done[1].std_after - 1.0).abs() < 1e-3);
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Lsuv {
    tolerance: f64,
    max_iterations: usize,
    of_activations: bool,
    centred: bool,
}

/// A layer after it was rescaled.
#[derive(Clone, Debug, PartialEq)]
#[non_exhaustive]
pub struct Rescaled {
    /// The layer.
    pub layer: String,
    /// Its standard deviation before.
    pub std_before: f64,
    /// Its standard deviation after.
    pub std_after: f64,
    /// Its mean after.
    pub mean_after: f64,
}

impl Default for Lsuv {
    fn default() -> Self {
        Self { tolerance: 1e-3, max_iterations: 20, of_activations: false, centred: false }
    }
}

impl Lsuv {
    /// Unit variance of the pre-activations, or of what was tapped where these are not watched; means stay as they are.
    pub fn new() -> Self {
        Self::default()
    }

    /// A layer is done when its standard deviation is within `tolerance` of 1; 1e-3 otherwise.
    #[must_use]
    pub fn tolerance(self, tolerance: f64) -> Self {
        Self { tolerance, ..self }
    }

    /// Gives a layer up after so many rescalings; 20 otherwise.
    #[must_use]
    pub fn max_iterations(self, max_iterations: usize) -> Self {
        Self { max_iterations, ..self }
    }

    /// Brings the activations to unit variance, as lesson 8 does.
    #[must_use]
    pub fn of_activations(self) -> Self {
        Self { of_activations: true, ..self }
    }

    /// Lets each layer's bias take the mean off as well, once its weight is scaled. Not with [`Lsuv::of_activations`]: a bias in front
    /// of the activation would change its deviation again.
    #[must_use]
    pub fn centred(self) -> Self {
        Self { centred: true, ..self }
    }

    /// Rescales the layers of `order`, which `forward` taps with `watch` under their modules' names.
    ///
    /// # Errors
    /// A layer that is not tapped, has no weight in `varmap` or cannot come to unit variance; it is named. Layers before it are done.
    pub fn run(
        &self,
        varmap: &VarMap,
        watch: &Watch,
        order: &[&str],
        forward: impl Fn(&Tensor) -> Result<Tensor>,
        batch: &Tensor,
    ) -> std::result::Result<Vec<Rescaled>, WatchError> {
        let images = batch.dims().first().copied().unwrap_or(0);
        let sums = |layer: &str| self.sums(watch, layer, || forward(batch));
        let mut done = Vec::with_capacity(order.len());
        for &layer in order {
            let std_before = sums(layer)?.std();
            let weight = find(varmap, layer, "weight")?;
            let Self { tolerance, max_iterations, .. } = *self;
            let goal = Goal { layer, images, tolerance, max_iterations };
            // candle may fail in the middle, which the loop below sees as a std that is no number.
            let failed = std::cell::RefCell::new(None);
            let noted = |error: WatchError| *failed.borrow_mut() = Some(error);
            let measure = |_: &mut ()| {
                sums(layer)
                    .map_or_else(|error| (noted(error), (f64::NAN, f64::NAN)).1, |sums| (sums.mean(), sums.std()))
            };
            let divide = |_: &mut (), std: f64| {
                let divided = weight.as_tensor().detach().affine(1.0 / std, 0.0).and_then(|w| weight.set(&w));
                divided.unwrap_or_else(|error| noted(error.into()));
            };
            let scaled = to_unit_std(&mut (), &goal, measure, divide);
            if let Some(error) = failed.into_inner() {
                return Err(error);
            }
            let mean = scaled?;
            if self.centred && !self.of_activations {
                let bias = find(varmap, layer, "bias")?;
                bias.set(&bias.as_tensor().detach().affine(1.0, -mean)?)?;
            }
            let after = sums(layer)?;
            let (std_after, mean_after) = (after.std(), after.mean());
            done.push(Rescaled { layer: layer.into(), std_before, std_after, mean_after });
        }
        Ok(done)
    }

    /// Sums the outputs of `layer` in a pass.
    fn sums(
        &self,
        watch: &Watch,
        layer: &str,
        pass: impl FnOnce() -> Result<Tensor>,
    ) -> std::result::Result<Sums, WatchError> {
        let seen = watch.observe(pass)?;
        let names = watch.layers();
        let at = watch.place(layer, &names)?;
        let of_layer = seen.into_iter().find(|seen| seen.layer == at);
        let observation = of_layer
            .ok_or_else(|| WatchError::Unknown {
                name: layer.into(),
                known: "the forward pass does not tap it".into(),
            })?
            .observation;
        let before = observation.pre_activation;
        Ok(if self.of_activations || before.n == 0 { observation.activation } else { before })
    }
}

/// Layer-sequential unit variance with the usual settings: [`Lsuv::run`].
///
/// # Errors
/// As there.
pub fn lsuv(
    varmap: &VarMap,
    watch: &Watch,
    order: &[&str],
    forward: impl Fn(&Tensor) -> Result<Tensor>,
    batch: &Tensor,
) -> std::result::Result<Vec<Rescaled>, WatchError> {
    Lsuv::new().run(varmap, watch, order, forward, batch)
}

/// The parameter of `layer` in the VarMap.
fn find(varmap: &VarMap, layer: &str, parameter: &str) -> std::result::Result<Var, WatchError> {
    let name = format!("{layer}.{parameter}");
    let data = varmap.data().lock().expect("no thread panicked over the VarMap");
    data.get(&name).cloned().ok_or_else(|| WatchError::NoWeight { layer: layer.into(), weight: name })
}
