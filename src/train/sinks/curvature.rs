//! The sharpness of a run's network whenever `stats.sharpness_every` asks for it; a file and memory keep it alike.

use crate::model::sharpness::Sharpness;
use crate::record::sharpness::SharpnessRow;
use crate::train::prepare::{Plan, TrainError};
use crate::train::sinks::listen::Step;

/// Measures a run's sharpness at the start and after every so many steps.
#[derive(Default)]
pub struct Curvature {
    /// Made when it is first needed.
    measure: Option<Sharpness>,
}

impl Curvature {
    /// Tells `row` what is due after `step`; after the first step that includes the start.
    ///
    /// # Errors
    /// The device fails, or `row` does.
    pub fn after(
        &mut self,
        step: &Step<'_>,
        mut row: impl FnMut(SharpnessRow) -> Result<(), TrainError>,
    ) -> Result<(), TrainError> {
        let (plan, done) = (step.plan, step.at + 1);
        let stats = &plan.experiment.stats;
        let due = done.is_multiple_of(stats.sharpness_every as u64) && step.updated.is_some();
        let starts = step.at == 0 && stats.sharpness_every > 0;
        if !due && !starts {
            return Ok(());
        }
        let measure = self.measure.get_or_insert_with(|| plan.sharpness(stats.sharpness_images, step.threads()));
        if starts {
            // The measure has the parameters of the start.
            row(measured(measure, plan, 0))?;
        }
        if due {
            step.weights()?.params.iter().enumerate().for_each(|(i, values)| measure.model_mut().set_param(i, values));
            row(measured(measure, plan, done))?;
        }
        Ok(())
    }
}

/// Measures the network as it stands after `step` steps.
fn measured(measure: &mut Sharpness, plan: &Plan, step: u64) -> SharpnessRow {
    let found = measure.measure();
    let lr = plan.lr(step);
    let limit = plan.experiment.optimizer.rule.rule().sharpness_limit(lr);
    SharpnessRow { step, lr, sharpness: found.value, limit, residual: found.residual, products: found.products }
}
