//! `[schedule]`: the learning rate over the run, as a factor on the optimiser's rate.

use std::f64::consts::PI;

use serde::Serialize;

use crate::config::key::{Key, Keys, choice, count, number};
use crate::config::range::{ABOVE_0, AT_LEAST_0, AT_LEAST_1, FRACTION};
use crate::config::{ConfigError, Section};

/// The learning rate's course.
#[derive(Clone, Copy, Debug, PartialEq, Serialize)]
pub struct Schedule {
    /// The shape.
    #[serde(flatten)]
    pub shape: ScheduleShape,
    /// Steps of linear growth before everything else takes effect.
    pub warmup_steps: usize,
}

/// The shape of a schedule; `start` and `end` are factors on the optimiser's rate.
#[derive(Clone, Copy, Debug, PartialEq, Serialize)]
#[serde(tag = "kind", rename_all = "snake_case")]
pub enum ScheduleShape {
    /// Always 1.
    Constant,
    /// Times `factor` after every `every` steps.
    Step {
        /// Steps between two drops.
        every: usize,
        /// The drop.
        factor: f64,
    },
    /// Half a cosine from 1 to `end` (Loshchilov & Hutter 2017, eq. 5, without restarts).
    Cosine {
        /// Factor at the end.
        end: f64,
    },
    /// Half a cosine up from `start` to 1 over the first `warm` of the run, half a cosine down to `end` (Smith 2018).
    OneCycle {
        /// Share of the run that goes up.
        warm: f64,
        /// Factor at the beginning.
        start: f64,
        /// Factor at the end.
        end: f64,
    },
    /// From 1 to `end` in equal ratios: the range test's.
    Exponential {
        /// Factor at the end.
        end: f64,
    },
    /// Lesson 8's two cosines, half of the run each: 0.2 to 1, then 1 to 0.1.
    Lesson,
}

/// The shapes, before their parameters are read.
#[derive(Clone, Copy)]
enum Kind {
    Constant,
    Step,
    Cosine,
    OneCycle,
    Exponential,
    Lesson,
}

const KIND: Key<Kind> = choice(
    "kind",
    || {
        vec![
            ("constant", Kind::Constant, "Always 1."),
            ("step", Kind::Step, "Times a factor after every so many steps."),
            ("cosine", Kind::Cosine, "Half a cosine from 1 to the end's factor (Loshchilov & Hutter 2017)."),
            ("one_cycle", Kind::OneCycle, "Half a cosine up, half a cosine down (Smith 2018)."),
            ("exponential", Kind::Exponential, "From 1 to the end's factor in equal ratios: the range test's."),
            ("lesson", Kind::Lesson, "Lesson 8's two cosines, half of the run each: 0.2 to 1, then 1 to 0.1."),
        ]
    },
    "The course of the factor.",
)
.default("constant");
const EVERY: Key<usize> = count("every", "Steps between two drops.")
    .within(&[AT_LEAST_1])
    .expects("the steps between two drops")
    .example("100");
const FACTOR: Key<f64> = number("factor", "What each drop multiplies the rate by.").within(&[ABOVE_0]).default("0.1");
const COSINE_END: Key<f64> = number("end", "The factor at the end of the run.").within(&[AT_LEAST_0]).default("0");
const WARM: Key<f64> = number("warm", "Share of the run that goes up.").within(&[FRACTION]).default("0.3");
const START: Key<f64> = number("start", "The factor at the beginning.").within(&[AT_LEAST_0]).default("0.04");
const CYCLE_END: Key<f64> = number("end", "The factor at the end of the run.").within(&[AT_LEAST_0]).default("4e-6");
const EXPONENTIAL_END: Key<f64> =
    number("end", "The factor at the end of the run.").within(&[ABOVE_0]).expects("the factor at the end of the run");
const WARMUP_STEPS: Key<usize> =
    count("warmup_steps", "Steps of linear growth, whose factor is multiplied with the course's.").default("0");

/// The keys of `[schedule]`.
pub(crate) const KEYS: &[Keys] = &[
    Keys { path: "schedule", when: "", keys: &[&KIND, &WARMUP_STEPS] },
    Keys { path: "schedule", when: "kind = \"step\"", keys: &[&EVERY, &FACTOR] },
    Keys { path: "schedule", when: "kind = \"cosine\"", keys: &[&COSINE_END] },
    Keys { path: "schedule", when: "kind = \"one_cycle\"", keys: &[&WARM, &START, &CYCLE_END] },
    Keys { path: "schedule", when: "kind = \"exponential\"", keys: &[&EXPONENTIAL_END] },
];

impl Schedule {
    /// Always the optimiser's rate.
    pub const CONSTANT: Self = Self { shape: ScheduleShape::Constant, warmup_steps: 0 };

    /// The factor at `step` (from 0) of `total`.
    pub fn factor(&self, step: u64, total: u64) -> f64 {
        let position = step as f64 / total.max(1) as f64;
        let shape = match self.shape {
            ScheduleShape::Constant => 1.0,
            ScheduleShape::Step { every, factor } => factor.powf((step / every as u64) as f64),
            ScheduleShape::Cosine { end } => half_cosine(1.0, end, position),
            ScheduleShape::OneCycle { warm, start, end } => two_phases(warm, start, end, position),
            ScheduleShape::Exponential { end } => end.powf(position),
            ScheduleShape::Lesson => two_phases(0.5, 0.2, 0.1, position),
        };
        let warmup = if step < self.warmup_steps as u64 { (step + 1) as f64 / self.warmup_steps as f64 } else { 1.0 };
        shape * warmup
    }

    pub(crate) fn read(section: Section<'_>) -> Result<Self, ConfigError> {
        let shape = match section.get(&KIND)? {
            Kind::Constant => ScheduleShape::Constant,
            Kind::Step => ScheduleShape::Step { every: section.get(&EVERY)?, factor: section.get(&FACTOR)? },
            Kind::Cosine => ScheduleShape::Cosine { end: section.get(&COSINE_END)? },
            Kind::OneCycle => ScheduleShape::OneCycle {
                warm: section.get(&WARM)?,
                start: section.get(&START)?,
                end: section.get(&CYCLE_END)?,
            },
            Kind::Exponential => ScheduleShape::Exponential { end: section.get(&EXPONENTIAL_END)? },
            Kind::Lesson => ScheduleShape::Lesson,
        };
        let warmup_steps = section.get(&WARMUP_STEPS)?;
        section.finish()?;
        Ok(Self { shape, warmup_steps })
    }
}

fn half_cosine(from: f64, to: f64, position: f64) -> f64 {
    from + (to - from) * (1.0 - (PI * position).cos()) / 2.0
}

fn two_phases(warm: f64, start: f64, end: f64, position: f64) -> f64 {
    if position < warm {
        half_cosine(start, 1.0, position / warm)
    } else {
        half_cosine(1.0, end, (position - warm) / (1.0 - warm))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn schedules_pass_through_their_known_points() {
        let plain = |shape| Schedule { shape, warmup_steps: 0 };
        let cycle = ScheduleShape::OneCycle { warm: 0.25, start: 0.1, end: 0.0 };
        let cases = [
            (plain(ScheduleShape::Constant), 7, 1.0),
            (plain(ScheduleShape::Step { every: 40, factor: 0.5 }), 39, 1.0),
            (plain(ScheduleShape::Step { every: 40, factor: 0.5 }), 80, 0.25),
            (plain(ScheduleShape::Cosine { end: 0.2 }), 0, 1.0),
            (plain(ScheduleShape::Cosine { end: 0.2 }), 50, 0.6),
            (plain(ScheduleShape::Lesson), 0, 0.2),
            (plain(ScheduleShape::Lesson), 25, 0.6),
            (plain(ScheduleShape::Lesson), 50, 1.0),
            (plain(ScheduleShape::Lesson), 75, 0.55),
            (plain(ScheduleShape::Exponential { end: 100.0 }), 50, 10.0),
            (plain(cycle), 0, 0.1),
            (plain(cycle), 25, 1.0),
            (Schedule { shape: ScheduleShape::Constant, warmup_steps: 10 }, 0, 0.1),
            (Schedule { shape: ScheduleShape::Constant, warmup_steps: 10 }, 9, 1.0),
        ];
        for (schedule, step, factor) in cases {
            assert!((schedule.factor(step, 100) - factor).abs() < 1e-12, "{schedule:?} at {step}");
        }
    }
}
