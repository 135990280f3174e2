//! Stands in for the CUDA kernels in a build without them: nothing is served.

use std::ops::Range;

use candle_core::{DType, Device, Result, Tensor};

use super::activated::{Activated, Phi};
use super::loss::Measured;
use crate::cpu::conv::ConvShape;

/// Uninhabited: without feature `cuda` no CUDA convolution can exist.
pub enum Convolution {}

impl Convolution {
    pub fn new(_: ConvShape, _: &Phi, _: DType, _: &Device) -> Result<Option<Self>> {
        Ok(None)
    }

    pub fn forward(&self, _: &Tensor, _: &Tensor, _: Option<&Tensor>, _: &Phi) -> Result<(Tensor, Activated)> {
        match *self {}
    }

    pub fn backward(&self, _: &Tensor, _: &Tensor) -> Result<Tensor> {
        match *self {}
    }

    pub fn backward_through(
        &self,
        _: &Tensor,
        _: &Tensor,
        _: &Phi,
        _: [&Tensor; 2],
        _: bool,
    ) -> Result<(Option<Tensor>, Tensor)> {
        match *self {}
    }

    pub fn gradient(&self, _: &Tensor, _: &Tensor, _: bool) -> Result<(Tensor, Option<Tensor>)> {
        match *self {}
    }
}

pub fn phi_forward(_: &Phi, _: &Tensor, _: Option<&Tensor>) -> Result<Option<(Tensor, Activated)>> {
    Ok(None)
}

pub fn phi_backward(_: &Phi, _: &Tensor, _: &Tensor, _: &Tensor) -> Result<Option<Tensor>> {
    Ok(None)
}

pub fn phi_backward_sums(_: &Phi, _: &Tensor, _: &Tensor, _: &Tensor) -> Result<Option<(Tensor, Tensor)>> {
    Ok(None)
}

pub fn mean_of_pixels(_: &Tensor, _: usize) -> Result<Option<Tensor>> {
    Ok(None)
}

pub fn mean_of_pixels_backward(_: &Tensor, _: usize) -> Result<Option<Tensor>> {
    Ok(None)
}

pub fn join(_: &[Tensor]) -> Result<Option<(Tensor, Tensor)>> {
    Ok(None)
}

pub fn squares_of_ranges(_: [&Tensor; 3], _: &[Range<usize>]) -> Result<Option<Tensor>> {
    Ok(None)
}

pub fn observe(_: &[(&Tensor, f64)], _: &[Option<Vec<(f64, f64)>>]) -> Result<Option<(Tensor, Option<Tensor>)>> {
    Ok(None)
}

pub fn histogram(_: &Tensor, _: usize, _: (f64, f64)) -> Result<Option<Tensor>> {
    Ok(None)
}

pub fn images(_: &Tensor, _: &Tensor, _: f64, _: f64) -> Result<Option<Tensor>> {
    Ok(None)
}

pub fn cross_entropy(_: &Tensor, _: &Tensor, _: f64) -> Result<Option<Measured>> {
    Ok(None)
}
