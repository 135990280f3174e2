//! A module whose output is tapped.

use candle_core::{Result, Tensor};
use candle_nn::Module;

use crate::watch::watcher::Watch;

/// A module with a tap behind it, made by [`Watch::module`].
///
/// ```
/// use candle_core::{DType, Device, Tensor};
/// use candle_nn::{Module, VarMap, linear, seq};
/// use initlab::{Preset, Start, Watch};
///
/// let (watch, varmap) = (Watch::new(), VarMap::new());
/// let vb = Start::preset(Preset::Kaiming).var_builder(&varmap, DType::F32, &Device::Cpu);
/// let model = seq().add(watch.module("fc1", linear(4, 8, vb.pp("fc1"))?));
/// let rows = watch.look(|| model.forward(&Tensor::ones((5, 4), DType::F32, &Device::Cpu)?))?;
/// assert_eq!(rows.rows[0].layer, "fc1");
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
#[derive(Clone, Debug)]
pub struct Watched<M> {
    watch: Watch,
    layer: String,
    module: M,
}

impl Watch {
    /// Wraps a module, so that every pass taps what comes out of it.
    pub fn module<M>(&self, layer: &str, module: M) -> Watched<M> {
        Watched { watch: self.clone(), layer: layer.into(), module }
    }
}

impl<M> Watched<M> {
    /// The module itself.
    pub fn inner(&self) -> &M {
        &self.module
    }
}

impl<M: Module> Module for Watched<M> {
    fn forward(&self, x: &Tensor) -> Result<Tensor> {
        self.watch.tap(&self.layer, &self.module.forward(x)?)
    }
}
