//! Starts for a candle model of your own: any rule of this crate, by name, with a seed.
//!
//! candle's generator cannot be seeded on the CPU, and its `Init` knows neither Xavier nor orthogonal. [`Start`] hands out an
//! ordinary `VarBuilder` that draws each parameter from a stream of its own name, so that the model's code stays as it is and
//! every draw follows from (seed, name) alone: not from the order of construction, the device, the type or the process.

mod apply;
mod assign;
mod backend;
mod draw;
pub mod error;
mod from_config;
mod geometry;
mod hint;
mod pattern;
mod place;
mod rule;
mod settings;
pub(crate) mod snapshot;
mod table;

use std::sync::Arc;

use candle_core::{DType, Device};
use candle_nn::{VarBuilder, VarMap};

use crate::activation::Activation;
use crate::init::{Aim, InitRule, Preset};
use crate::start::backend::Backend;
pub use crate::start::error::StartError;
use crate::start::pattern::Pattern;
pub use crate::start::rule::LayerRule;
use crate::start::settings::{Ends, Settings};
pub use crate::start::table::{Table, TableRow};

/// How the parameters of a candle model start.
///
/// Weights of linear layers and convolutions get the preset's rule for weights, their biases its rule for biases. What a module
/// asks to be constant (norms, running estimates) stays so, and embeddings keep their module's own distribution. Patterns change
/// that for single parameters: full names, or globs whose `*` also crosses dots; the last that covers a parameter wins.
///
/// ```
/// use candle_core::{DType, Device};
/// use candle_nn::{VarMap, linear};
/// use initlab::{Activation, Preset, Start, WeightInit};
///
/// let start = Start::preset(Preset::Kaiming)
///     .activation(Activation::Relu)
///     .seed(0)
///     .last("fc2.*")
///     .rule("fc2.weight", WeightInit::Normal { std: 0.01 });
/// let varmap = VarMap::new();
/// let vb = start.var_builder(&varmap, DType::F32, &Device::Cpu);
/// let (fc1, fc2) = (linear(784, 50, vb.pp("fc1"))?, linear(50, 10, vb.pp("fc2"))?);
/// println!("{}", start.table(&varmap)?);
/// # let _ = (fc1, fc2);
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
#[derive(Clone, Debug)]
pub struct Start {
    settings: Settings,
}

impl Start {
    fn new(base: Option<InitRule>, label: String) -> Self {
        let settings = Settings {
            base,
            label,
            aim: None,
            depth: None,
            ends: Ends::default(),
            seed: 0,
            activation: Activation::Relu,
            rules: Vec::new(),
            activations: Vec::new(),
            transposed: Vec::new(),
            groups: Vec::new(),
            hints: Arc::default(),
        };
        Self { settings }
    }

    /// Starts every layer from a framework's or a paper's rules.
    pub fn preset(preset: Preset) -> Self {
        Self::new(Some(preset.rule()), format!("the preset {preset}"))
    }

    /// Starts weights and biases by rules of your choice.
    ///
    /// ```
    /// use initlab::{BiasInit, Gain, InitRule, Start, WeightInit};
    ///
    /// let weight = WeightInit::Orthogonal { gain: Gain::Activation };
    /// let start = Start::rules(InitRule { weight, bias: BiasInit::Zeros }).seed(3);
    /// # let _ = start;
    /// ```
    pub fn rules(rule: InitRule) -> Self {
        Self::new(Some(rule), format!("the rule {}", rule.weight.name()))
    }

    /// Starts a plain chain of layers as a theory asks: it chooses the gains, and for some aims the activation too, which the model
    /// takes from [`Start::chosen_activation`]. Needs [`Start::depth`], [`Start::first`] and [`Start::last`].
    ///
    /// ```
    /// use initlab::{Activation, Aim, Start};
    ///
    /// let start = Start::aim(Aim::DepthAware { zeta: 1.5 }).depth(20).first("fc1.*").last("fc21.*");
    /// let Activation::GeneralRelu { leak, .. } = start.chosen_activation()? else { panic!("a leaky ReLU") };
    /// assert!((leak - 0.6943).abs() < 1e-4);
    /// # Ok::<(), Box<dyn std::error::Error>>(())
    /// ```
    pub fn aim(aim: Aim) -> Self {
        let mut start = Self::preset(Preset::Kaiming);
        (start.settings.aim, start.settings.label) = (Some(aim), format!("the aim {}", aim.name()));
        start
    }

    /// Starts every parameter as its module asks, but from named streams: candle, reproducible.
    pub fn hints() -> Self {
        Self::new(None, "the modules' hints".into())
    }

    /// Sets the seed from which all numbers are drawn. Without this call it is 0.
    #[must_use]
    pub fn seed(mut self, seed: u64) -> Self {
        self.settings.seed = seed;
        self
    }

    /// Sets the activation behind the layers, which gives some rules their gain; it is ReLU otherwise.
    #[must_use]
    pub fn activation(mut self, activation: Activation) -> Self {
        self.settings.activation = activation;
        self
    }

    /// Sets the activation behind the layers that `pattern` covers.
    #[must_use]
    pub fn activation_of(mut self, pattern: &str, activation: Activation) -> Self {
        self.settings.activations.push((Pattern::new(pattern), activation));
        self
    }

    /// Starts the parameters that `pattern` covers by a rule of their own.
    ///
    /// A rule for weights that needs no fans, as zeros or a normal of a given std, is also for the biases that its pattern covers. What
    /// a module wants constant is changed only by its full name: no glob spoils a norm.
    #[must_use]
    pub fn rule(mut self, pattern: &str, rule: impl Into<LayerRule>) -> Self {
        self.settings.rules.push((Pattern::new(pattern), rule.into()));
        self
    }

    /// Starts the parameters that `pattern` covers as their module asks, from named streams.
    #[must_use]
    pub fn keep(self, pattern: &str) -> Self {
        self.rule(pattern, LayerRule::Keep)
    }

    /// Sets the number of hidden layers, on which aims depend.
    #[must_use]
    pub fn depth(mut self, hidden_layers: usize) -> Self {
        self.settings.depth = Some(hidden_layers);
        self
    }

    /// Says which parameters are of the first layer. Needed where it starts differently: aims, `looks-linear`, `[init.first]`.
    #[must_use]
    pub fn first(mut self, pattern: &str) -> Self {
        self.settings.ends.first = Some(Pattern::new(pattern));
        self
    }

    /// Says which parameters are of the output layer, behind which there is no activation: a gain by the activation is 1 there.
    #[must_use]
    pub fn last(mut self, pattern: &str) -> Self {
        self.settings.ends.last = Some(Pattern::new(pattern));
        self
    }

    /// Says which weights are of transposed convolutions, `[in, out, kernel…]`. A `VarBuilder` of ours finds those of candle-nn by
    /// itself; [`Start::apply`] on another model cannot.
    ///
    /// fan_in is in·kernel. With stride s an output sums only a part of that, 1/s of it for each dimension of the kernel.
    #[must_use]
    pub fn transposed(mut self, pattern: &str) -> Self {
        self.settings.transposed.push(Pattern::new(pattern));
        self
    }

    /// Says in how many groups a convolution's channels are. fan_in is right without it; fan_out and rules that fill a matrix need
    /// it. Each group is drawn as a weight of its own.
    #[must_use]
    pub fn groups(mut self, pattern: &str, groups: usize) -> Self {
        self.settings.groups.push((Pattern::new(pattern), groups));
        self
    }

    /// The activation that the model is to use: the one that was set, or the one that the aim has made of it.
    ///
    /// # Errors
    /// The aim cannot be reached, or its depth is missing.
    pub fn chosen_activation(&self) -> Result<Activation, StartError> {
        self.settings.chosen_activation()
    }

    /// The seed.
    pub(crate) fn first_seed(&self) -> u64 {
        self.settings.seed
    }

    /// A `VarBuilder` that draws every parameter as the model asks for it, and puts it into `varmap`. What `varmap` holds already is
    /// handed out as it stands.
    pub fn var_builder(&self, varmap: &VarMap, dtype: DType, device: &Device) -> VarBuilder<'static> {
        let backend = Backend { settings: self.settings.clone(), varmap: varmap.clone() };
        VarBuilder::from_backend(Box::new(backend), dtype, device.clone())
    }

    /// Draws the parameters of a model that stands anew, in place: whoever holds its tensors sees the new values.
    ///
    /// Where the model was not built through [`Start::var_builder`] its modules' hints are unknown: norms, running estimates and what
    /// [`Start::keep`] covers stay as they are, and an embedding looks like a weight, so that it needs a [`Start::keep`].
    ///
    /// # Errors
    /// A pattern that is no glob or covers nothing, a parameter that its rule cannot fill. Then nothing was changed.
    pub fn apply(&self, varmap: &VarMap) -> Result<(), StartError> {
        apply::apply(&self.settings, &snapshot::sorted(varmap))
    }

    /// Every parameter with its shape, its fan_in, its rule, the standard deviation that was wanted and the one that stands there.
    /// Patterns that cover nothing and values that are not finite are among its warnings.
    ///
    /// # Errors
    /// A pattern that is no glob, a parameter that its rule cannot fill.
    pub fn table(&self, varmap: &VarMap) -> Result<Table, StartError> {
        table::table(&self.settings, &snapshot::sorted(varmap))
    }
}
