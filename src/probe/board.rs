//! Every row's measured numbers beside their predictions, from which the record is made.

use crate::config::resolve::Resolved;
use crate::inference::spread;
use crate::init::fans;
use crate::model::{Family, Layer, Network, Op};
use crate::probe::backward::{BackForecast, Outputs, forecast_back, kept, slope_square};
use crate::probe::band::{Walk, around, of_std};
use crate::probe::forward::{RowForecast, forecast};
use crate::probe::jacobian::GramMoments;
use crate::probe::layers::weight_law;
use crate::probe::map::Taps;
use crate::probe::measure::{Measured, RowMeasured};
use crate::probe::one_image::{Exact, exact};
use crate::probe::record::{Condition, FarRecord, JacobianRecord, LayerRecord, Quantity};
use crate::probe::rows::{Row, kind};
use crate::probe::sample::Sample;
use crate::probe::zeros::{Seen, Zeros, zeros};
use crate::theory::fate::LengthLimit;
use crate::theory::finite_width::relative_variance;
use crate::theory::length::LengthMap;
use crate::theory::mean_field::mean_field;
use crate::theory::moments::moments;
use crate::theory::trainable::trainable_depth;
use crate::train::Plan;

/// True for each row whose units are all off in every seed though something reaches them.
fn off(rows: &[Row], measured: &[Measured]) -> Vec<bool> {
    let off = |row: &RowMeasured| row.z.largest > 0.0 && row.h.largest == 0.0;
    (0..rows.len()).map(|i| rows[i].h.is_some() && measured.iter().all(|seed| off(&seed.rows[i]))).collect()
}

/// True if the gradients of the outputs are all 0.
fn loss_is_flat(measured: &[Measured]) -> bool {
    let gradient = |seed: &Measured| seed.rows.last().and_then(|row| row.gradient);
    measured.iter().all(|seed| gradient(seed).is_some_and(|gradient| gradient.largest == 0.0))
}

/// Network and images that are probed, before anything is measured.
pub struct Probed<'a> {
    /// With activations in layers of their own.
    pub network: &'a Network,
    /// The config, with aims carried out.
    pub config: &'a Resolved,
    /// The first seed's start.
    pub plan: &'a Plan,
    /// The images.
    pub sample: &'a Sample,
}

/// Everything that the report is made of.
pub struct Board<'a> {
    network: &'a Network,
    config: &'a Resolved,
    rows: &'a [Row],
    measured: &'a [Measured],
    forward: Vec<Result<RowForecast, String>>,
    backward: Vec<Result<BackForecast, String>>,
    /// Laws of a single image that are known exactly.
    pub exact: Exact,
    /// Zeros by design.
    pub zeros: Zeros,
}

impl<'a> Board<'a> {
    /// Predicts every row beside what was measured of it.
    pub fn new(
        Probed { network, config, plan, sample }: Probed<'a>,
        rows: &'a [Row],
        measured: &'a [Measured],
    ) -> Self {
        let forward = forecast(network, config, rows, sample);
        let alike =
            [0, 1].map(|kind| spread::median(&measured.iter().map(|seed| seed.alike[kind]).collect::<Vec<_>>()));
        let outputs = Outputs { images: sample.len(), alike };
        let backward = forecast_back(network, config, rows, &forward, outputs);
        let off = off(rows, measured);
        let images = sample.images.iter().all(|&x| x == 0.0);
        let zeros = zeros(network, &plan.start, rows, Seen { images, loss: loss_is_flat(measured), off: &off });
        Self { network, config, rows, measured, forward, backward, exact: exact(network, config, rows), zeros }
    }

    fn row_layer(&self, i: usize) -> &Layer {
        self.network.flat_layers()[self.rows[i].layer]
    }

    /// A number of every seed at row `i`.
    fn seen(&self, i: usize, of: impl Fn(&RowMeasured) -> Option<f64>) -> Quantity {
        Quantity::measured(self.measured.iter().map(|seed| of(&seed.rows[i])))
    }

    /// The record of row `i`, where the first image's mean square is `input`.
    pub fn layer(&self, i: usize, input: f64) -> LayerRecord {
        let (row, layer) = (&self.rows[i], self.row_layer(i));
        let forward = self.forward[i].as_ref();
        let weight = layer.weight.map(|index| &self.network.params[index]);
        let taps = layer.op.windows().map(|shape| Taps { shape, centre_only: false });
        let [z_second, z_mean, z_std, h_second, h_mean, h_std] = self.signal(i);
        let (same, different) = (forward.ok().and_then(|f| f.same), forward.ok().and_then(|f| f.different));
        let has_band = forward.is_ok_and(|f| f.z_walk.is_small());
        let beside = |quantity: Quantity, forecast: Option<(f64, f64)>| {
            let band = forecast.filter(|_| has_band).map(|(c, std)| around(c, std));
            let band = band.map(|(low, high)| (low.max(-1.0), high.min(1.0)));
            quantity.beside(forecast.map(|(c, _)| c), band)
        };
        let fans = weight.and_then(|param| fans(&param.shape).ok());
        let [gradient_variance, gradient_ratio] = self.gradient(i);
        let [one_image, one_image_step] = self.one_image(i, input);
        let (forward_condition, backward_condition) = self.conditions(i);
        LayerRecord {
            name: layer.name.clone(),
            depth: i + 1,
            op: kind(layer).into(),
            activation: row.activation.to_string(),
            units: layer.output.units(),
            pixels: layer.output.pixels(),
            fan_in: fans.map(|fans| fans.fan_in),
            fan_out: fans.map(|fans| fans.fan_out),
            fan_in_inside: taps.as_ref().map(Taps::inside),
            fan_out_met: taps.as_ref().map(Taps::met),
            variance_w: self.seen(i, |row| row.variance_w).median,
            z_second_moment: z_second,
            z_mean,
            z_std,
            h_second_moment: h_second,
            h_mean,
            h_std,
            one_image,
            one_image_step,
            gradient_variance,
            gradient_ratio,
            correlation_same: beside(self.seen(i, |row| row.same), same),
            correlation_different: beside(self.seen(i, |row| row.different), different),
            forward_condition,
            backward_condition,
            not_predicted: forward.err().cloned(),
            gradient_not_predicted: self.backward[i].as_ref().err().cloned(),
        }
    }

    /// Second moment, mean and standard deviation of z and of h.
    fn signal(&self, i: usize) -> [Quantity; 6] {
        let forward = self.forward[i].as_ref().ok();
        let three = |of: &dyn Fn(&RowMeasured) -> crate::probe::measure::Moments,
                     forecast: Option<(f64, Walk, f64, f64)>| {
            let second = self.seen(i, |row| Some(of(row).second));
            let mean = self.seen(i, |row| Some(of(row).mean));
            let std = self.seen(i, |row| Some(of(row).variance().sqrt()));
            let Some((predicted, walk, predicted_mean, mean_std)) = forecast else { return [second, mean, std] };
            let band = walk.interval(predicted);
            let mean_band = band.map(|_| around(predicted_mean, mean_std));
            let std_band = band.zip(mean_band).map(|(band, mean)| of_std(band, mean));
            let predicted_std = (predicted - predicted_mean * predicted_mean).max(0.0).sqrt();
            [
                second.beside(Some(predicted), band),
                mean.beside(Some(predicted_mean), mean_band),
                std.beside(Some(predicted_std), std_band),
            ]
        };
        let [a, b, c] = three(&|row| row.z, forward.map(|f| (f.z_second, f.z_walk, 0.0, f.z_mean_std)));
        let [d, e, f] = three(&|row| row.h, forward.map(|f| (f.h_second, f.h_walk, f.h_mean, f.h_mean_std)));
        [a, b, c, d, e, f]
    }

    /// Mean square of h for the first image, whose own mean square is `input`, and its step from the row before.
    fn one_image(&self, i: usize, input: f64) -> [Quantity; 2] {
        let length = self.seen(i, |row| Some(row.first_image));
        let step = Quantity::measured(self.measured.iter().map(|seed| {
            let before = i.checked_sub(1).map_or(input, |before| seed.rows[before].first_image);
            (before > 0.0).then(|| seed.rows[i].first_image / before)
        }));
        let Some(law) = self.exact.rows.get(i) else { return [length, step] };
        let band = (input * law.length.0, input * law.length.1);
        [length.beside(Some(input * law.mean), Some(band)), step.beside(Some(law.step_mean), Some(law.step))]
    }

    /// The gradient's variance, and its ratio to the next row's.
    fn gradient(&self, i: usize) -> [Quantity; 2] {
        let of = |row: &RowMeasured| row.gradient.map(|gradient| gradient.variance());
        let variance = self.seen(i, of);
        let ratio = |seed: &Measured| {
            let (here, next) = (of(&seed.rows[i])?, of(seed.rows.get(i + 1)?)?);
            (next > 0.0).then(|| here / next)
        };
        let ratio = Quantity::measured(self.measured.iter().map(ratio));
        let Ok(back) = &self.backward[i] else { return [variance, ratio] };
        let band =
            |predicted: f64, variance: f64| Walk { bias: 0.0, single: variance, pooled: variance }.interval(predicted);
        // The gradient of the outputs is where the prediction starts: it is taken as it is, in the median, and its own
        // spread over seeds widens the band.
        let start = self.seen(self.rows.len() - 1, of);
        let logs: Vec<f64> = start.measured.iter().flatten().map(|x| x.ln()).filter(|x| x.is_finite()).collect();
        let own = if logs.len() > 1 { spread::sample_std(&logs).powi(2) } else { 0.0 };
        let predicted = start.median.map(|start| start * back.from_output);
        // The last row is its own prediction, and has no next one.
        if i + 1 == self.rows.len() {
            return [variance, Quantity::default()];
        }
        let variance = variance.beside(predicted, predicted.and_then(|p| band(p, back.variance + own)));
        [variance, ratio.beside(Some(back.step), band(back.step, back.step_variance))]
    }

    /// He et al. 2015, eq. 10 and 14, of a row's weights with the activation before it.
    fn conditions(&self, i: usize) -> (Option<Condition>, Option<Condition>) {
        let Ok(law) = weight_law(self.network, self.config, self.row_layer(i)) else { return (None, None) };
        if self.rows[i].z != self.rows[i].layer {
            return (None, None);
        }
        let Some(before) = i.checked_sub(1) else { return (Condition::of(law.variance_w), None) };
        let (row, forward) = (&self.rows[before], self.forward[before].as_ref().ok());
        let forward_condition = kept(row, forward).and_then(|kept| Condition::of(law.variance_w * kept));
        let backward_condition = slope_square(row, forward).and_then(|s| Condition::of(law.variance_back * s));
        (forward_condition, backward_condition)
    }

    /// The singular values of the network's Jacobian beside their prediction.
    pub fn jacobian(&self) -> Option<JacobianRecord> {
        let all: Vec<&Vec<f64>> = self.measured.iter().map(|seed| &seed.singular_values).collect();
        let outputs = self.network.output().len();
        let finite: Vec<_> = all.iter().filter(|values| values.len() == outputs).collect();
        if finite.is_empty() {
            return None;
        }
        let at = |i: usize| spread::median(&finite.iter().map(|values| values[i]).collect::<Vec<_>>());
        let squares = |values: &[f64]| values.iter().map(|s| s * s).sum::<f64>() / values.len() as f64;
        let spread_of = |values: &[f64]| {
            let mean = squares(values);
            let fourth = values.iter().map(|s| s.powi(4)).sum::<f64>() / values.len() as f64;
            (mean > 0.0).then(|| fourth / (mean * mean) - 1.0)
        };
        let of = |f: &dyn Fn(&[f64]) -> Option<f64>| {
            Quantity::measured(all.iter().map(|values| if values.is_empty() { None } else { f(values) }))
        };
        let (mean_square, spread) = self.jacobian_forecast().map_or((None, None), |(a, b)| (Some(a), Some(b)));
        Some(JacobianRecord {
            singular_values: (0..outputs).map(at).collect(),
            mean_square: of(&|values| Some(squares(values))).beside(mean_square, None),
            spread: of(&spread_of).beside(spread, None),
        })
    }

    /// Mean of s² and its relative variance, for a plain chain of vectors.
    fn jacobian_forecast(&self) -> Option<(f64, f64)> {
        let mut gram = GramMoments::identity(self.network.output().len());
        let mut mean_square = 1.0;
        for (i, row) in self.rows.iter().enumerate().rev() {
            let forward = self.forward[i].as_ref().ok()?;
            let layer = self.row_layer(i);
            if !matches!(layer.op, Op::Linear) {
                return None;
            }
            if row.h.is_some() {
                let m = moments(row.activation, forward.z_second);
                mean_square *= forward.slope_square;
                gram.through_slopes(m.slope_fourth / m.slope_square.powi(2));
            }
            mean_square *= forward.law.variance_w;
            gram.through_weights(layer.input.len(), forward.law.orthogonal);
        }
        Some((mean_square, gram.spread()))
    }

    /// The limit of depth, from the law of a layer between the first and the last.
    pub fn far(&self) -> Option<FarRecord> {
        let hidden: Vec<usize> = (0..self.rows.len()).filter(|&i| self.rows[i].h.is_some()).collect();
        let plain = |i: usize| self.rows[i].z == self.rows[i].layer && self.row_layer(i).op.family() == Family::Weights;
        if hidden.is_empty() || !(0..self.rows.len()).all(plain) {
            return None;
        }
        let middle = hidden[hidden.len() / 2];
        let law = weight_law(self.network, self.config, self.row_layer(middle)).ok()?;
        let map = LengthMap::new(self.rows[middle].activation, law.variance_w, law.variance_b).ok()?;
        let field = mean_field(&map);
        let gradient_scale =
            field.chi.filter(|chi| (chi - 1.0).abs() > 1e-6 && *chi > 0.0).map(|chi| 1.0 / chi.ln().abs());
        let settles = matches!(field.limit, LengthLimit::Fixed(point) if point.slope.abs() < 1.0 - 1e-6);
        let inverse: f64 = hidden.iter().map(|&i| 1.0 / self.row_layer(i).output.units() as f64).sum();
        let v = relative_variance(self.rows[middle].activation, field.q.unwrap_or(1.0));
        Some(FarRecord {
            variance_w: law.variance_w,
            variance_b: law.variance_b,
            q_fixed: match field.limit {
                LengthLimit::Fixed(point) => Some(point.q),
                LengthLimit::Kept | LengthLimit::Unbounded | LengthLimit::Unsettled => None,
            },
            chi: field.chi,
            correlation_fixed: field.correlation_fixed,
            xi: field.xi,
            gradient_scale,
            trainable_depth: trainable_depth(&map),
            width_depth: v.filter(|_| !settles).map(|v| hidden.len() as f64 / (v * inverse)),
        })
    }

    /// First row from the input, and from the output, where a seed's values leave the range of floats. What is 0 by design
    /// does not.
    pub fn leaving(&self) -> (Option<usize>, Option<usize>) {
        let any =
            |i: usize, leaves: &dyn Fn(&RowMeasured) -> bool| self.measured.iter().any(|seed| leaves(&seed.rows[i]));
        let n = self.rows.len();
        let (forward, backward) = (&self.zeros.forward, &self.zeros.backward);
        let gradient = |row: &RowMeasured| row.gradient.is_some_and(|gradient| gradient.leaves_floats());
        let forwards = (0..n).find(|&i| forward[i].is_none() && any(i, &|row| row.z.leaves_floats()));
        let backwards = (0..n).rev().find(|&i| backward[i].is_none() && any(i, &gradient));
        (forwards.map(|i| i + 1), backwards.map(|i| i + 1))
    }
}
