//! The columns of `steps.csv`, `layers.csv` and `epochs.csv`.

use std::fmt::Write;

use crate::kernels::activation::Watch;
use crate::kernels::moments::Sums;

/// `steps.csv`: one line for each optimiser step.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct StepRow {
    /// Step, from 0.
    pub step: u64,
    /// Epoch of the step, from 0.
    pub epoch: u64,
    /// Training images seen before the step.
    pub images: u64,
    /// Learning rate.
    pub lr: f64,
    /// Mean loss of the batch.
    pub loss: f64,
    /// Share of the batch that is right.
    pub accuracy: f64,
    /// Norm of all gradients together, before clipping; absent if the step was not taken.
    pub gradient_norm: Option<f64>,
}

/// Header of `steps.csv`.
pub const STEPS: &str = "step,epoch,images,lr,loss,accuracy,gradient_norm";

impl StepRow {
    /// The line.
    pub fn write(&self, to: &mut String) {
        let Self { step, epoch, images, lr, loss, accuracy, gradient_norm } = self;
        write!(to, "{step},{epoch},{images},{lr:?},{loss:?},{accuracy:?},").expect("strings take everything");
        if let Some(norm) = gradient_norm {
            write!(to, "{norm:?}").expect("strings take everything");
        }
        to.push('\n');
    }
}

/// `epochs.csv`: one line for each evaluation.
#[derive(Clone, Copy, Debug, PartialEq, serde::Serialize, serde::Deserialize)]
pub struct EpochRow {
    /// Epochs done, with the part of a running one.
    pub epoch: f64,
    /// Steps done.
    pub step: u64,
    /// Mean training loss since the last evaluation.
    pub train_loss: f64,
    /// Training accuracy since the last evaluation.
    pub train_accuracy: f64,
    /// Mean loss on the test images.
    pub test_loss: f64,
    /// Accuracy on the test images.
    pub test_accuracy: f64,
}

/// Header of `epochs.csv`.
pub const EPOCHS: &str = "epoch,step,train_loss,train_accuracy,test_loss,test_accuracy";

impl EpochRow {
    /// The line.
    pub fn write(&self, to: &mut String) {
        let Self { epoch, step, train_loss, train_accuracy, test_loss, test_accuracy } = self;
        writeln!(to, "{epoch:?},{step},{train_loss:?},{train_accuracy:?},{test_loss:?},{test_accuracy:?}")
            .expect("strings take everything");
    }
}

/// Mean, std, second moment, near-zero share and extremes of a tensor.
#[derive(Clone, Copy, Debug, PartialEq, serde::Serialize)]
pub struct Moments {
    /// Mean.
    pub mean: f64,
    /// Standard deviation, N in the denominator.
    pub std: f64,
    /// Mean square.
    pub second_moment: f64,
    /// Share of values near zero.
    pub near_zero: f64,
    /// Smallest value.
    pub min: f64,
    /// Largest value.
    pub max: f64,
}

impl Moments {
    /// The moments behind the sums.
    pub fn of(sums: &Sums) -> Self {
        let n = sums.n as f64;
        let (mean, second_moment) = (sums.sum / n, sums.sum_of_squares / n);
        // NaN must stay NaN here, which `max` would turn into 0.
        let variance = second_moment - mean * mean;
        let std = if variance < 0.0 { 0.0 } else { variance.sqrt() };
        let near_zero = sums.near_zero as f64 / n;
        Self { mean, std, second_moment, near_zero, min: f64::from(sums.min), max: f64::from(sums.max) }
    }
}

/// Share of units that let no sample's gradient through.
pub fn dead_fraction(watch: &Watch) -> f64 {
    let dead = watch.live.iter().filter(|&&live| live == 0).count();
    dead as f64 / watch.live.len().max(1) as f64
}

/// `layers.csv`: one line for each watched layer and recorded step (phase `train`) or evaluation (phase `test`).
#[derive(Clone, Copy, Debug)]
pub struct LayerRow<'a> {
    /// Steps done before.
    pub step: u64,
    /// `train` or `test`.
    pub phase: &'static str,
    /// Name of the layer.
    pub layer: &'a str,
    /// What was seen.
    pub watch: &'a Watch,
    /// ‖w‖ before the step, ‖dL/dw‖ and ‖Δw‖ of the layer's weight.
    pub norms: Option<[f64; 3]>,
}

/// Header of `layers.csv`.
pub const LAYERS: &str = "step,phase,layer,\
    pre_mean,pre_std,pre_second_moment,pre_near_zero,pre_min,pre_max,\
    act_mean,act_std,act_second_moment,act_near_zero,act_min,act_max,dead,\
    grad_mean,grad_std,grad_second_moment,grad_near_zero,grad_min,grad_max,\
    weight_norm,weight_gradient_norm,update_ratio";

/// Numbers of a line of `layers.csv`, after step, phase and layer.
pub const NUMBERS: usize = 22;

impl LayerRow<'_> {
    /// The numbers of the line, in the header's order; absent where nothing was measured.
    pub fn numbers(&self) -> [Option<f32>; NUMBERS] {
        let Watch { pre_activation, activation, gradient, .. } = self.watch;
        let norms = match self.norms {
            // A weight of zeros moves infinitely far, compared with its size.
            Some([weight, gradient, update]) => {
                [weight, gradient, if weight > 0.0 { update / weight } else { f64::INFINITY }].map(Some)
            }
            None => [None; 3],
        };
        let parts = moments(pre_activation)
            .into_iter()
            .chain(moments(activation))
            .chain([Some(dead_fraction(self.watch))])
            .chain(moments(gradient))
            .chain(norms);
        let mut numbers = [None; NUMBERS];
        numbers.iter_mut().zip(parts).for_each(|(number, part)| *number = part.map(|x| x as f32));
        numbers
    }

    /// The line; numbers with the digits of an `f32`.
    pub fn write(&self, to: &mut String) {
        write!(to, "{},{},{}", self.step, self.phase, self.layer).expect("strings take everything");
        let mut digits = zmij::Buffer::new();
        let mut fields = Fields::default();
        for number in self.numbers() {
            fields.push(number.map_or("", |x| digits.format(x)));
        }
        to.push_str(fields.text());
        to.push('\n');
    }
}

/// The numbers of a line, each after a comma. A line has many, and each step many lines, so they are copied a word at a time.
struct Fields {
    bytes: [u8; NUMBERS * (1 + LONGEST)],
    len: usize,
}

/// Characters of the longest `f32`, as in `-1.17549435e-38`, and one to spare.
const LONGEST: usize = 16;

impl Default for Fields {
    fn default() -> Self {
        Self { bytes: [b','; NUMBERS * (1 + LONGEST)], len: 0 }
    }
}

impl Fields {
    fn push(&mut self, text: &str) {
        let (text, start) = (text.as_bytes(), self.len + 1);
        let to = &mut self.bytes[start..start + text.len()];
        // Two words that may overlap.
        if let (Some(first), Some(last)) = (text.first_chunk::<8>(), text.last_chunk::<8>())
            && text.len() <= 16
        {
            *to.first_chunk_mut().expect("as long as the text") = *first;
            *to.last_chunk_mut().expect("as long as the text") = *last;
        } else {
            to.copy_from_slice(text);
        }
        self.len = start + text.len();
    }

    fn text(&self) -> &str {
        std::str::from_utf8(&self.bytes[..self.len]).expect("whole numbers were copied")
    }
}

/// A tensor's moments in the columns' order; none if nothing was seen.
fn moments(sums: &Sums) -> [Option<f64>; 6] {
    if sums.n == 0 {
        return [None; 6];
    }
    let Moments { mean, std, second_moment, near_zero, min, max } = Moments::of(sums);
    [mean, std, second_moment, near_zero, min, max].map(Some)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn numbers_of_every_length_are_written_whole() {
        let mut watch = Watch::default();
        let numbers = [-1.175_494_4e-38, 0.1, f32::NAN, -3.402_823_5e38, 123_456.79, 1e-45, f32::NEG_INFINITY, 0.0];
        for x in numbers {
            (watch.pre_activation.n, watch.pre_activation.min, watch.pre_activation.max) = (1, x, -x);
            let mut line = String::new();
            LayerRow { step: 0, phase: "train", layer: "fc", watch: &watch, norms: Some([f64::from(x); 3]) }
                .write(&mut line);
            let fields: Vec<&str> = line.trim_end().split(',').collect();
            assert_eq!(fields.len(), 3 + NUMBERS, "{line}");
            let same = |field: &str, x: f32| field.parse::<f32>().is_ok_and(|y| y == x || y.is_nan() && x.is_nan());
            assert!(same(fields[7], x) && same(fields[8], -x) && same(fields[22], x), "{x:e}: {line}");
        }
    }

    #[test]
    fn every_row_has_as_many_fields_as_its_header() {
        let watch = Watch { live: vec![0, 1], ..Watch::default() };
        let mut full = watch.clone();
        for sums in [&mut full.pre_activation, &mut full.activation, &mut full.gradient] {
            crate::kernels::moments::add_block(sums, &[1.0, f32::NAN], 0.1);
        }
        let fields = |line: &str| line.trim_end_matches('\n').split(',').count();
        for (watch, norms) in [(&watch, None), (&full, Some([1.0, 2.0, 3.0])), (&full, None)] {
            let mut line = String::new();
            LayerRow { step: 3, phase: "train", layer: "conv1", watch, norms }.write(&mut line);
            assert_eq!(fields(&line), fields(LAYERS), "{line}");
        }
        let mut line = String::new();
        let row = StepRow { step: 0, epoch: 0, images: 0, lr: 0.1, loss: f64::NAN, accuracy: 0.1, gradient_norm: None };
        row.write(&mut line);
        assert_eq!(line, "0,0,0,0.1,NaN,0.1,\n");
    }
}
