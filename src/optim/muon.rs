//! Muon (Jordan et al. 2024, kellerjordan.github.io/posts/muon): momentum whose matrices are brought near an orthogonal one, so that a
//! step is equally long in every direction. What is no matrix inside the network takes the steps of `AdamW`, as its authors advise.

use std::cell::RefCell;

use candle_core::{D, Result, Tensor};
use serde::Serialize;

use crate::cpu::dispatch;
use crate::cpu::gemm::{Matrix, matmul};
use crate::cpu::update::{scale, sum_of_squares};
use crate::optim::adam::AdamW;
use crate::optim::rule::{Part, Place, Rule, Step, Steps, UpdateNorms, Values, blend, decayed};
use crate::optim::settings::{Key, MOMENTUM, Range, Settings, Value, weight_decay};

/// Muon.
#[derive(Clone, Copy, Debug, PartialEq, Serialize)]
pub struct Muon {
    /// Share of the momentum that is kept.
    pub momentum: f64,
    /// True if the gradient looks ahead along the momentum.
    pub nesterov: bool,
    /// Share of a parameter that each step takes off, times the learning rate.
    pub weight_decay: f64,
    /// True if the weights of the first and the last layer go to `AdamW`, too.
    pub hidden_only: bool,
    /// The learning rate of what goes to `AdamW`, as a multiple of the matrices'.
    pub adamw_lr: f64,
    /// Its decays of the means of gradients and of their squares.
    pub adamw_betas: [f64; 2],
    /// Number that it adds to the root.
    pub adamw_eps: f64,
}

/// Its rows. The defaults are those of the authors' code: 0.95 for the matrices, and `AdamW` at 3e-4 beside 0.02.
pub const KEYS: &[Key] = &[
    Key { default: Value::Number(0.95), ..MOMENTUM },
    Key {
        name: "nesterov",
        default: Value::Flag(true),
        range: Range::Any,
        help: "Whether the gradient looks ahead along the momentum.",
    },
    weight_decay(0.0, "Share of a parameter that each step takes off, times the learning rate."),
    Key {
        name: "hidden_only",
        default: Value::Flag(true),
        range: Range::Any,
        help: "Whether the weights of the first and the last layer take AdamW's steps, as biases do.",
    },
    Key {
        name: "adamw_lr",
        default: Value::Number(0.015),
        range: Range::Positive,
        help: "AdamW's learning rate as a multiple of the matrices'.",
    },
    Key {
        name: "adamw_betas",
        default: Value::Pair([0.9, 0.95]),
        range: Range::Fraction,
        help: "AdamW's decays of the means of gradients and of their squares.",
    },
    Key {
        name: "adamw_eps",
        default: Value::Number(1e-10),
        range: Range::Positive,
        help: "What AdamW adds to the root.",
    },
];

impl Muon {
    /// From a config.
    pub fn new(s: &Settings) -> Self {
        Self {
            momentum: s.number("momentum"),
            nesterov: s.flag("nesterov"),
            weight_decay: s.number("weight_decay"),
            hidden_only: s.flag("hidden_only"),
            adamw_lr: s.number("adamw_lr"),
            adamw_betas: s.pair("adamw_betas"),
            adamw_eps: s.number("adamw_eps"),
        }
    }

    /// Rows and columns of a parameter that is orthogonalised; a convolution's columns are its input channels and pixels, in any order.
    fn matrix(&self, part: Part, shape: &[usize]) -> Option<[usize; 2]> {
        match part {
            Part::Other => None,
            Part::End if self.hidden_only => None,
            Part::End | Part::Hidden => Some([shape[0], shape[1..].iter().product()]),
        }
    }

    fn adamw(&self) -> AdamW {
        AdamW { betas: self.adamw_betas, eps: self.adamw_eps, weight_decay: self.weight_decay }
    }

    /// The step that `AdamW` takes instead.
    fn beside<'s>(&self, step: &Step<'s>) -> Step<'s> {
        Step { lr: step.lr * self.adamw_lr, ..*step }
    }

    fn step_of_matrix(&self, lr: f64, shape: [usize; 2], [p, g, momentum, _]: Values<'_>) {
        advance(g, momentum, self.momentum as f32, (1.0 - self.momentum) as f32, self.nesterov);
        orthogonalise(g, shape);
        move_by(p, g, (lr * length(shape)) as f32, (lr * self.weight_decay) as f32);
    }
}

impl Rule for Muon {
    fn steps(&self) -> Steps {
        Steps::Orthogonal
    }

    fn weight_decay(&self) -> f64 {
        self.weight_decay
    }

    fn slots(&self) -> &'static [&'static str] {
        // Of a matrix the second stays 0.
        &["first", "second"]
    }

    fn step(&self, step: &Step<'_>, values: Values<'_>) {
        match self.matrix(step.part, step.shape) {
            Some(shape) => self.step_of_matrix(step.lr, shape, values),
            None => self.adamw().step(&self.beside(step), values),
        }
    }

    fn step_and_measure(&self, step: &Step<'_>, values: Values<'_>, norms: &mut UpdateNorms) {
        match self.matrix(step.part, step.shape) {
            Some(shape) => {
                let [p, g, first, second] = values;
                norms.weight = sum_of_squares(p).sqrt();
                self.step_of_matrix(step.lr, shape, [p, &mut *g, first, second]);
                norms.update = sum_of_squares(g).sqrt();
            }
            None => self.adamw().step_and_measure(&self.beside(step), values, norms),
        }
    }

    fn direction(&self, t: u64, p: &Tensor, g: &Tensor, slots: &mut [Tensor], places: &[Place]) -> Result<Tensor> {
        let (mut directions, mut kept) = (Vec::new(), [Vec::new(), Vec::new()]);
        for Place { range, shape, part } in places {
            let of = |all: &Tensor| all.narrow(1, range.start, range.len())?.contiguous();
            let (p, g, mut own) = (of(p)?, of(g)?, [of(&slots[0])?, of(&slots[1])?]);
            directions.push(match self.matrix(*part, shape) {
                Some(shape) => {
                    own[0] = blend(&own[0], self.momentum, &g, 1.0 - self.momentum)?;
                    let ahead = if self.nesterov {
                        blend(&g, 1.0 - self.momentum, &own[0], self.momentum)?
                    } else {
                        own[0].clone()
                    };
                    decayed(&p, &orthogonal(&ahead, shape)?.affine(length(shape), 0.0)?, self.weight_decay)?
                }
                None => self.adamw().direction(t, &p, &g, &mut own, &[])?.affine(self.adamw_lr, 0.0)?,
            });
            kept.iter_mut().zip(own).for_each(|(kept, own)| kept.push(own));
        }
        for (slot, kept) in slots.iter_mut().zip(kept) {
            *slot = Tensor::cat(&kept, 1)?;
        }
        Tensor::cat(&directions, 1)
    }
}

/// The quintic of a step of Newton and Schulz, x ↦ ax + bx³ + cx⁵: it is steep at 0, and keeps what has come near 1 within 0.7 and 1.2.
const QUINTIC: [f64; 3] = [3.4445, -4.775, 2.0315];
/// Its steps.
const STEPS: usize = 5;
/// The least norm that is divided by.
const LEAST: f64 = 1e-7;

/// The length of a matrix's step in a direction, √max(1, rows/columns), as in the authors' code (`PyTorch`: `adjust_lr_fn = "original"`).
fn length([rows, columns]: [usize; 2]) -> f64 {
    (rows as f64 / columns as f64).max(1.0).sqrt()
}

/// Room for the products of a thread.
#[derive(Default)]
struct Room {
    gram: Vec<f32>,
    factor: Vec<f32>,
    product: Vec<f32>,
}

thread_local! {
    static ROOM: RefCell<Room> = RefCell::default();
}

/// Brings the singular values of a matrix near 1: after Frobenius' norm has brought them to at most 1, each step multiplies it by
/// aI + bG + cG², where G is its smaller Gram matrix. One thread does a matrix, so that the number of threads changes nothing.
fn orthogonalise(x: &mut [f32], [rows, columns]: [usize; 2]) {
    scale(x, (1.0 / sum_of_squares(x).sqrt().max(LEAST)) as f32);
    let [a, b, c] = QUINTIC.map(|x| x as f32);
    let small = rows.min(columns);
    ROOM.with_borrow_mut(|Room { gram, factor, product }| {
        gram.resize(small * small, 0.0);
        factor.resize(small * small, 0.0);
        product.resize(x.len(), 0.0);
        for _ in 0..STEPS {
            let matrix = Matrix::new(x, rows, columns);
            let [left, right] = if rows <= columns { [matrix, matrix.t()] } else { [matrix.t(), matrix] };
            matmul(gram, left, right, false, 1);
            let square = Matrix::new(gram, small, small);
            matmul(factor, square, square, false, 1);
            combine(factor, gram, c, b);
            factor.iter_mut().step_by(small + 1).for_each(|diagonal| *diagonal += a);
            let factor = Matrix::new(factor, small, small);
            let [left, right] = if rows <= columns { [factor, matrix] } else { [matrix, factor] };
            matmul(product, left, right, false, 1);
            x.copy_from_slice(product);
        }
    });
}

/// [`orthogonalise`] on tensors `[run, value]`.
fn orthogonal(update: &Tensor, [rows, columns]: [usize; 2]) -> Result<Tensor> {
    let [a, b, c] = QUINTIC;
    let norm = update.sqr()?.sum_keepdim(D::Minus1)?.sqrt()?.maximum(LEAST)?;
    let mut x = update.broadcast_div(&norm)?.reshape(((), rows, columns))?;
    for _ in 0..STEPS {
        let transposed = x.t()?.contiguous()?;
        let gram = if rows <= columns { x.matmul(&transposed)? } else { transposed.matmul(&x)? };
        let factor = blend(&gram, b, &gram.matmul(&gram)?, c)?;
        let product = if rows <= columns { factor.matmul(&x)? } else { x.matmul(&factor)? };
        x = blend(&x, a, &product, 1.0)?;
    }
    x.reshape(((), rows * columns))
}

dispatch! {
    /// The momentum takes the gradient in, which becomes what is made orthogonal.
    fn advance(gradient: &mut [f32], momentum: &mut [f32], keep: f32, add: f32, nesterov: bool) {
        for (g, m) in gradient.iter_mut().zip(momentum) {
            *m = keep * *m + add * *g;
            *g = if nesterov { add * *g + keep * *m } else { *m };
        }
    }
}

dispatch! {
    /// values·`by` + others·`add`.
    fn combine(values: &mut [f32], others: &[f32], by: f32, add: f32) {
        values.iter_mut().zip(others).for_each(|(x, &y)| *x = by * *x + add * y);
    }
}

dispatch! {
    /// The direction becomes the step.
    fn move_by(parameters: &mut [f32], direction: &mut [f32], lr: f32, decay: f32) {
        for (p, d) in parameters.iter_mut().zip(direction) {
            *d = lr * *d + decay * *p;
            *p -= *d;
        }
    }
}

#[cfg(test)]
mod tests {
    use candle_core::Device;

    use super::*;
    use crate::rng::{rng, standard_normals};

    fn noise(name: &str, n: usize) -> Vec<f32> {
        standard_normals(&mut rng(0, name), n).into_iter().map(|x| x as f32).collect()
    }

    /// The least and the largest singular value, by the power method on the smaller Gram matrix.
    fn extremes(x: &[f32], [rows, columns]: [usize; 2]) -> [f64; 2] {
        let small = rows.min(columns);
        let value =
            |i: usize, k: usize| f64::from(if rows <= columns { x[i * columns + k] } else { x[k * columns + i] });
        let gram = |i, j| (0..rows.max(columns)).map(|k| value(i, k) * value(j, k)).sum::<f64>();
        let gram: Vec<f64> = (0..small * small).map(|at| gram(at / small, at % small)).collect();
        // Of shift·I − G, or of G where the shift is 0.
        let largest = |shift: f64| {
            let (mut v, mut norm) = (standard_normals(&mut rng(1, "v"), small), 0.0);
            for _ in 0..3000 {
                let rows = gram.chunks_exact(small).map(|row| row.iter().zip(&v).map(|(g, v)| g * v).sum::<f64>());
                let next: Vec<f64> = rows.zip(&v).map(|(g, v)| if shift > 0.0 { shift * v - g } else { g }).collect();
                norm = next.iter().map(|x| x * x).sum::<f64>().sqrt();
                // All singular values are equal, or there is but one.
                if norm == 0.0 {
                    break;
                }
                v = next.into_iter().map(|x| x / norm).collect();
            }
            norm
        };
        let top = largest(0.0);
        [(top - largest(top)).max(0.0).sqrt(), top.sqrt()]
    }

    #[test]
    fn singular_values_come_near_1_whatever_the_shape_and_the_size() {
        for (shape, size) in
            [([16, 16], 1.0), ([24, 60], 1e-3), ([60, 24], 1e3), ([1, 9], 1.0), ([9, 1], 1.0), ([10, 150], 1.0)]
        {
            let mut x: Vec<f32> = noise("matrix", shape[0] * shape[1]).into_iter().map(|x| size * x).collect();
            orthogonalise(&mut x, shape);
            let [least, largest] = extremes(&x, shape);
            // What starts far below the others, as a square matrix has it, is still on its way.
            let bound = if shape[0] == shape[1] { 0.1 } else { 0.65 };
            assert!(least > bound && largest < 1.25, "{shape:?}: from {least} to {largest}");
        }
    }

    #[test]
    fn nothing_stays_nothing() {
        let mut x = [0.0; 12];
        orthogonalise(&mut x, [3, 4]);
        assert_eq!(x, [0.0; 12]);
    }

    /// The parameters of a net: what is inside, an end, a bias.
    fn places() -> Vec<Place> {
        let mut start = 0;
        let place = |(shape, part): (Vec<usize>, Part)| {
            let range = start..start + shape.iter().product::<usize>();
            start = range.end;
            Place { range, shape, part }
        };
        let parts = [
            (vec![6, 5], Part::End),
            (vec![6], Part::Other),
            (vec![8, 2, 3, 3], Part::Hidden),
            (vec![8, 4], Part::Hidden),
        ];
        parts.map(place).into()
    }

    #[test]
    fn steps_on_slices_are_those_on_tensors() {
        let places = places();
        let n = places.last().unwrap().range.end;
        let rule = Muon::new(&{
            let mut settings = Settings::default();
            KEYS.iter().for_each(|key| settings.push(key.name, key.default));
            settings
        });
        for rule in [rule, Muon { hidden_only: false, nesterov: false, weight_decay: 0.1, ..rule }] {
            let [mut p, mut first, mut second] = [noise("p", n), vec![0.0; n], vec![0.0; n]];
            let tensor = |values: &[f32]| Tensor::from_slice(values, (1, n), &Device::Cpu).unwrap();
            let (mut p_tensor, mut slots) = (tensor(&p), [tensor(&first), tensor(&second)]);
            for t in 1..5 {
                let mut g = noise(&format!("g{t}"), n);
                let direction = rule.direction(t, &p_tensor, &tensor(&g), &mut slots, &places).unwrap();
                p_tensor = (p_tensor - direction.affine(0.02, 0.0).unwrap()).unwrap();
                for Place { range, shape, part } in &places {
                    let step = Step { lr: 0.02, t, shape, part: *part };
                    let values = [&mut p, &mut g, &mut first, &mut second].map(|values| &mut values[range.clone()]);
                    // Norms change nothing.
                    if t % 2 == 0 {
                        let (before, mut norms) = (values[0].to_vec(), UpdateNorms::default());
                        rule.step_and_measure(&step, values, &mut norms);
                        let moved =
                            before.iter().zip(&p[range.clone()]).map(|(a, b)| f64::from(a - b).powi(2)).sum::<f64>();
                        assert!((norms.update / moved.sqrt() - 1.0).abs() < 1e-3, "{norms:?}, moved {}", moved.sqrt());
                    } else {
                        rule.step(&step, values);
                    }
                }
            }
            for (found, want) in [(&p, &p_tensor), (&first, &slots[0]), (&second, &slots[1])] {
                let want = want.to_vec2::<f32>().unwrap().remove(0);
                let apart = found.iter().zip(&want).map(|(a, b)| (a - b).abs()).fold(0.0, f32::max);
                assert!(apart < 2e-5, "{rule:?}: {apart}");
            }
        }
    }
}
