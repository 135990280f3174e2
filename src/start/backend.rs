//! The `VarBuilder` that draws every parameter as it is asked for.

use candle_core::{DType, Device, Result, Shape, Tensor, Var};
use candle_nn::var_builder::SimpleBackend;
use candle_nn::{Init, VarMap};

use crate::start::assign::Parameter;
use crate::start::draw::tensor;
use crate::start::error::StartError;
use crate::start::hint::Hint;
use crate::start::settings::Settings;

/// Puts drawn parameters into a VarMap, which stays an ordinary one.
pub(super) struct Backend {
    pub settings: Settings,
    pub varmap: VarMap,
}

impl Backend {
    fn find_or_draw(
        &self,
        shape: &[usize],
        name: &str,
        hint: Init,
        dtype: DType,
        device: &Device,
    ) -> std::result::Result<Tensor, StartError> {
        self.settings.check_patterns()?;
        let hint = Hint::of(hint, shape);
        self.settings.remember(name, shape, hint);
        let mut data = self.varmap.data().lock().expect("no thread panicked over the VarMap");
        if let Some(var) = data.get(name) {
            if var.dims() != shape {
                let (found, expected) = (var.dims().to_vec(), shape.to_vec());
                return Err(StartError::Shape { name: name.into(), found, expected });
            }
            return Ok(var.as_tensor().clone());
        }
        let parameter = Parameter { name, shape, hint: Some(hint) };
        let described = self.settings.describe(&parameter, |other| data.get(other).map(|var| var.dims().to_vec()))?;
        let values = self.settings.values(&parameter, &described)?.expect("what has a hint is drawn");
        let var = Var::from_tensor(&tensor(name, values, shape, dtype, device)?)?;
        let tensor = var.as_tensor().clone();
        data.insert(name.into(), var);
        Ok(tensor)
    }
}

impl SimpleBackend for Backend {
    fn get(&self, shape: Shape, name: &str, hint: Init, dtype: DType, device: &Device) -> Result<Tensor> {
        self.find_or_draw(shape.dims(), name, hint, dtype, device).map_err(candle_core::Error::wrap)
    }

    /// Finds a parameter that was drawn before: without a shape none can be drawn.
    fn get_unchecked(&self, name: &str, _: DType, _: &Device) -> Result<Tensor> {
        let data = self.varmap.data().lock().expect("no thread panicked over the VarMap");
        let absent = || candle_core::Error::CannotFindTensor { path: name.into() }.bt();
        data.get(name).map(|var| var.as_tensor().clone()).ok_or_else(absent)
    }

    fn contains_tensor(&self, name: &str) -> bool {
        self.varmap.data().lock().expect("no thread panicked over the VarMap").contains_key(name)
    }
}
