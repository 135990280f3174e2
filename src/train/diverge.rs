//! Finding the runs whose numbers are not finite, and the first layer of which this is so.

use candle_core::Result;

use crate::cpu::moments::Sums;
use crate::model::ObservedLayer;
use crate::model::observe::{Observe, Observed};
use crate::record::summary::Divergence;
use crate::train::engine::Engine;
use crate::train::running::{Running, batches};
use crate::train::step::RunStep;

/// Marks the live runs whose last forward and backward pass, which observed `observe`, met numbers that are not finite.
///
/// # Errors
/// The device fails.
pub fn mark_after_pass(engine: &mut dyn Engine, runs: &mut [Option<Running<'_>>], observe: &Observe) -> Result<()> {
    let mut repeated = None;
    for i in 0..runs.len() {
        let Some(run) = &runs[i] else { continue };
        let (observed, layers, step) = (&engine.observed()[i], &run.plan.network.observed, run.batches.step());
        let mut diverged = first_layer(layers, observed, step);
        if diverged.is_none() && !observed.loss.loss.is_finite() {
            // Without this step's statistics, the batch is run again to find the layer.
            if !observe.statistics && repeated.is_none() {
                let all = Observe { statistics: true, histogram_bins: 0, noise: false, ..*observe };
                repeated = Some(engine.repeat(&mut batches(runs), &all)?);
            }
            diverged = repeated.as_ref().and_then(|repeated| first_layer(layers, &repeated[i], step));
            diverged.get_or_insert_with(|| Divergence { step, layer: None, what: "loss".into() });
        }
        runs[i].as_mut().expect("the run is live").diverged = diverged;
    }
    Ok(())
}

/// Marks the live runs whose update, taken as `steps` say, met gradients that are not finite.
///
/// # Errors
/// The device fails.
pub fn mark_after_update(engine: &dyn Engine, runs: &mut [Option<Running<'_>>], steps: &[RunStep]) -> Result<()> {
    for (i, run) in runs.iter_mut().enumerate() {
        let Some(run) = run else { continue };
        if steps[i].moves && !engine.updated()[i].gradient_norm.is_finite() {
            let param = engine.first_non_finite_gradient(i)?.map(|param| &run.plan.network.params[param].name);
            let layer = param.map(|name| name.split('.').next().unwrap_or(name).into());
            run.diverged = Some(Divergence { step: run.batches.step(), layer, what: "weight gradient".into() });
        }
    }
    Ok(())
}

/// The first layer whose numbers are not finite: forwards in execution order, then backwards from the loss.
fn first_layer(layers: &[ObservedLayer], observed: &Observed, step: u64) -> Option<Divergence> {
    let bad = |sums: &Sums| !sums.is_finite();
    let layers = || layers.iter().zip(&observed.observations);
    let forward = layers().find(|(_, observation)| bad(&observation.pre_activation) || bad(&observation.activation));
    let found = forward.map(|(layer, _)| (layer, "pre-activation")).or_else(|| {
        let backward = layers().rev().find(|(_, observation)| bad(&observation.gradient));
        backward.map(|(layer, _)| (layer, "gradient"))
    });
    found.map(|(layer, what)| Divergence { step, layer: Some(layer.name.clone()), what: what.into() })
}
