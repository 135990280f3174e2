//! The memory of a watch: this step's layers, the step whose update is still to come, and the rows of all before.

use candle_core::backprop::GradStore;
use candle_core::{Result, Tensor, Var};
use candle_nn::VarMap;

use crate::cpu::activation::Observation;
use crate::cpu::live::LiveUnits;
use crate::cpu::moments::Sums;
use crate::record::layers::LayerSeen;
use crate::start::snapshot;
use crate::watch::error::WatchError;
use crate::watch::settings::Settings;
use crate::watch::sums::{self, square_sum, unit_dim};

/// Which side of the activation a tensor is from.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Side {
    /// The pre-activation z.
    Before,
    /// The activation h.
    After,
}

/// How the live units of a layer are found.
#[derive(Clone, Copy, Debug)]
pub(super) enum Live {
    /// Pre-activations strictly between two ends.
    Between((f32, f32)),
    /// Activations that vary from sample to sample.
    Varying,
}

/// A layer in this step.
#[derive(Debug)]
pub(super) struct Tapped {
    layer: usize,
    observation: Observation,
    /// Zeros that were added to the activations, whose gradients are those of the activations.
    zeros: Vec<Var>,
}

/// A step whose weights the optimiser is about to move.
#[derive(Debug)]
struct Pending {
    rows: Vec<LayerSeen>,
    /// Layer, weight, and a copy of it from before the update.
    weights: Vec<(usize, Var, Tensor)>,
}

/// The purpose of passes.
#[derive(Debug, Default, PartialEq, Eq)]
pub(super) enum Mode {
    /// Training steps: every so many are recorded.
    #[default]
    Steps,
    /// A look at the layers, outside of the steps.
    Look,
    /// Nothing is looked at.
    Paused,
}

#[derive(Debug, Default)]
pub(super) struct State {
    pub settings: Settings,
    pub mode: Mode,
    /// Steps done.
    step: u64,
    /// Layers in the order in which they were first seen, with their units where they are known.
    layers: Vec<(String, Option<usize>)>,
    now: Vec<Tapped>,
    pending: Option<Pending>,
    rows: Vec<LayerSeen>,
}

impl State {
    /// True if tensors are to be looked at now.
    pub fn is_active(&self) -> bool {
        match self.mode {
            Mode::Steps => self.settings.every > 0 && self.step.is_multiple_of(self.settings.every),
            Mode::Look => true,
            Mode::Paused => false,
        }
    }

    fn has_histogram(&self) -> bool {
        let every = self.settings.histogram_every;
        every > 0 && self.step.is_multiple_of(every) && self.mode == Mode::Steps
    }

    pub fn names(&self) -> Vec<String> {
        self.layers.iter().map(|(name, _)| name.clone()).collect()
    }

    pub fn rows(&self) -> &[LayerSeen] {
        &self.rows
    }

    /// The place of the layer `name`, which is new if there is none.
    fn layer(&mut self, name: &str, units: Option<usize>) -> std::result::Result<usize, WatchError> {
        let Some(at) = self.layers.iter().position(|(other, _)| other == name) else {
            self.layers.push((name.into(), units));
            return Ok(self.layers.len() - 1);
        };
        match (self.layers[at].1, units) {
            (Some(before), Some(now)) if before != now => Err(WatchError::Units { layer: name.into(), before, now }),
            (None, Some(_)) => {
                self.layers[at].1 = units;
                Ok(at)
            }
            (Some(_) | None, Some(_) | None) => Ok(at),
        }
    }

    /// Takes the statistics of a tensor of the layer `name`. Returns the activations to go on with, where their gradient is wanted.
    pub fn see(
        &mut self,
        name: &str,
        side: Side,
        tensor: &Tensor,
        live: Option<Live>,
    ) -> std::result::Result<Option<Tensor>, WatchError> {
        let shape = || WatchError::Shape { layer: name.into(), shape: tensor.dims().to_vec() };
        if tensor.elem_count() == 0 {
            return Err(shape());
        }
        let dim = self.settings.dim_of(name).or_else(|| unit_dim(tensor.rank()));
        let dim = dim.filter(|&dim| dim < tensor.rank()).ok_or_else(shape)?;
        let layer = self.layer(name, Some(tensor.dim(dim)?))?;
        let (near_zero, histogram) = (self.settings.near_zero as f32, self.has_histogram());
        let marks: Option<LiveUnits> = match live {
            Some(Live::Between(ends)) => Some(sums::live_between(tensor, dim, ends)?),
            Some(Live::Varying) => Some(sums::live_varying(tensor, dim)?),
            None => None,
        };
        let seen = sums::sums(tensor, near_zero, histogram && side == Side::Before)?;
        let counts = if histogram && side == Side::After {
            let [low, high] = self.settings.histogram_range;
            Some(sums::histogram(tensor, self.settings.histogram_bins, (low as f32, high as f32))?)
        } else {
            None
        };
        let going_on = if side == Side::After && self.mode == Mode::Steps {
            let zeros = Var::zeros(tensor.shape(), tensor.dtype(), tensor.device())?;
            Some((zeros.as_tensor().add(tensor)?, zeros))
        } else {
            None
        };
        let tapped = self.tapped(layer);
        let observation = &mut tapped.observation;
        match side {
            Side::Before => observation.pre_activation.merge(&seen),
            Side::After => observation.activation.merge(&seen),
        }
        if let Some(marks) = marks {
            if observation.live.is_empty() { observation.live = marks } else { observation.live.merge(&marks) }
        }
        if let Some(counts) = counts {
            match observation.histogram.is_empty() {
                true => observation.histogram = counts,
                false => observation.histogram.iter_mut().zip(counts).for_each(|(sum, count)| *sum += count),
            }
        }
        Ok(going_on.map(|(tensor, zeros)| {
            tapped.zeros.push(zeros);
            tensor
        }))
    }

    fn tapped(&mut self, layer: usize) -> &mut Tapped {
        let at = self.now.iter().position(|tapped| tapped.layer == layer).unwrap_or_else(|| {
            self.now.push(Tapped { layer, observation: Observation::default(), zeros: Vec::new() });
            self.now.len() - 1
        });
        &mut self.now[at]
    }

    /// True if the layer was tapped before its activation in this pass, so that its live units are known.
    pub fn knows_live(&self, name: &str) -> bool {
        let known = |tapped: &&Tapped| self.layers[tapped.layer].0 == name;
        self.now.iter().find(known).is_some_and(|tapped| !tapped.observation.live.is_empty())
    }

    /// Makes room for a look; what this step has seen so far is returned.
    pub fn set_aside(&mut self) -> Vec<Tapped> {
        std::mem::take(&mut self.now)
    }

    /// Takes back what [`State::set_aside`] gave.
    pub fn put_back(&mut self, now: Vec<Tapped>) {
        self.now = now;
    }

    /// The layers that the passes since the last step have seen, without gradients; they are forgotten.
    pub fn take_look(&mut self) -> Vec<LayerSeen> {
        let step = self.step;
        let seen = |tapped: Tapped| LayerSeen {
            step,
            phase: "test",
            layer: tapped.layer,
            observation: tapped.observation,
            norms: None,
        };
        std::mem::take(&mut self.now).into_iter().map(seen).collect()
    }

    /// Ends a step before the optimiser moves the weights: gradients of activations and weights are taken from `grads`.
    pub fn step(&mut self, varmap: &VarMap, grads: &GradStore) -> std::result::Result<(), WatchError> {
        self.finish()?;
        if self.is_active() {
            self.pending = Some(self.ended_step(varmap, grads)?);
        }
        self.now.clear();
        self.step += 1;
        Ok(())
    }

    fn ended_step(&mut self, varmap: &VarMap, grads: &GradStore) -> std::result::Result<Pending, WatchError> {
        let near_zero = self.settings.gradient_near_zero as f32;
        let step = self.step;
        let mut rows = Vec::with_capacity(self.layers.len());
        for tapped in std::mem::take(&mut self.now) {
            let Tapped { layer, mut observation, zeros } = tapped;
            for gradient in zeros.iter().filter_map(|zeros| grads.get(zeros.as_tensor())) {
                observation.gradient.merge(&sums::sums(gradient, near_zero, false)?);
            }
            rows.push(LayerSeen { step, phase: "train", layer, observation, norms: None });
        }
        let mut weights = Vec::new();
        for (name, var) in snapshot::sorted(varmap).into_iter().filter(|(_, var)| var.rank() > 1) {
            let Some(gradient) = grads.get(var.as_tensor()) else { continue };
            let layer = self.layer(name.strip_suffix(".weight").unwrap_or(&name), None)?;
            let row = rows.iter().position(|row| row.layer == layer).unwrap_or_else(|| {
                let observation = Observation::default();
                rows.push(LayerSeen { step, phase: "train", layer, observation, norms: None });
                rows.len() - 1
            });
            let norm = |tensor: &Tensor| square_sum(tensor).map(f64::sqrt);
            rows[row].norms = Some([norm(&var)?, norm(gradient)?, f64::NAN]);
            let before = var.as_tensor().detach().copy()?;
            weights.push((layer, var, before));
        }
        rows.sort_by_key(|row| row.layer);
        Ok(Pending { rows, weights })
    }

    /// Ends the step that waits for its update: the weights have moved since.
    pub fn finish(&mut self) -> Result<()> {
        let Some(Pending { mut rows, weights }) = self.pending.take() else { return Ok(()) };
        for (layer, var, before) in weights {
            let moved = square_sum(&var.as_tensor().detach().sub(&before)?)?.sqrt();
            let row = rows.iter_mut().find(|row| row.layer == layer);
            row.and_then(|row| row.norms.as_mut()).into_iter().for_each(|norms| norms[2] = moved);
        }
        self.rows.extend(rows);
        Ok(())
    }
}

/// True if some value of the sums is not finite.
pub(super) fn is_broken(sums: &Sums) -> bool {
    sums.n > 0 && !sums.is_finite()
}
