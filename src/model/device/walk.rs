//! The walk from layer to layer, forwards and backwards, for all runs at once.

use candle_core::{Result, Tensor};

use crate::model::device::observe::Seen;
use crate::model::device::pass::{At, Back, Gradient, Kept, Pass, Trace};
use crate::model::device::prepared::Prepared;
use crate::model::layer::Layer;
use crate::model::layers;

/// Runs `samples` through `layers`.
pub fn forward(layers: &[Layer], prepared: &[Prepared], pass: &Pass<'_>, samples: &Tensor) -> Result<Vec<Trace>> {
    let mut traces: Vec<Trace> = Vec::with_capacity(layers.len());
    for (layer, prepared) in layers.iter().zip(prepared) {
        let input = traces.last().map_or(samples, Trace::out).clone();
        let body = forward(layer.body(), &prepared.body, pass, &input)?;
        traces.push(layers::forward_on_device(layer, prepared, pass, input, body)?);
    }
    Ok(traces)
}

/// Layers one after the other with what they remember of a forward pass.
#[derive(Clone, Copy)]
pub struct Chain<'a> {
    pub layers: &'a [Layer],
    pub prepared: &'a [Prepared],
    pub traces: &'a [Trace],
}

impl Chain<'_> {
    /// The gradient of the input from that of the output; what the parameters' gradients are made of goes to `found`. With
    /// `first`, nothing before that layer is needed, and neither is its own input's gradient.
    pub fn backward(
        self,
        pass: &Pass<'_>,
        gradient: Tensor,
        first: Option<usize>,
        found: &mut [Option<Tensor>],
        seen: &mut Seen<'_>,
    ) -> Result<Option<Tensor>> {
        let Self { layers, prepared, traces } = self;
        let mut gradient = Gradient::of_output(gradient);
        for i in (first.unwrap_or(0)..layers.len()).rev() {
            if let Some(dh) = &gradient.dh {
                seen.gradient(&layers[i], dh);
            }
            let branch = if let (Kept::Body(traces), Some(dh)) = (&traces[i].kept, &gradient.dh) {
                let body = Chain { layers: layers[i].body(), prepared: &prepared[i].body, traces };
                body.backward(pass, dh.clone(), None, found, seen)?
            } else {
                None
            };
            let at = |i: usize| {
                let (layer, prepared, trace) = (&layers[i], &prepared[i], &traces[i]);
                At { layer, prepared, trace, observed: seen.wants(layer) }
            };
            let before = i.checked_sub(1).map(at);
            let mut back = Back { pass, gradient, branch, before, wanted: first != Some(i), found };
            gradient = layers::backward_on_device(at(i), &mut back)?;
            if gradient.dh.is_none() && gradient.dz.is_none() {
                return Ok(None);
            }
        }
        Ok(gradient.dh)
    }
}
