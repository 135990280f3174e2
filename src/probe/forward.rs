//! The forward prediction: mean field from the images' own lengths and correlations, pixel by pixel.
//!
//! A convolution's pre-activation at a pixel has the mean over its window's taps of the second moments before it, and so
//! has the covariance of two images at the same pixel (the diagonal of Xiao et al. 2018, eq. 2.3). Averages over pixels
//! would need the covariance of different pixels, so pooling ends the prediction; so do norms and residual sums.

use crate::config::resolve::Resolved;
use crate::inference::spread::sample_std;
use crate::model::{Family, Layer, Network};
use crate::probe::band::Walk;
use crate::probe::layers::{WeightLaw, weight_law};
use crate::probe::map::Taps;
use crate::probe::response::{correlation_noise, correlation_slope, log_map, log_slope};
use crate::probe::rows::Row;
use crate::probe::sample::Sample;
use crate::theory::moments::Moments;
use crate::theory::pair::{PairResponse, relative_covariance_of_squares};

/// Prediction of one row.
#[derive(Clone, Debug)]
pub(super) struct RowForecast {
    /// The layer's draws.
    pub law: WeightLaw,
    /// `E[z²]` over pixels and images, and its walk.
    pub z_second: f64,
    pub z_walk: Walk,
    /// Standard deviation over networks of the mean of z.
    pub z_mean_std: f64,
    /// `E[h²]` over pixels and images, and its walk.
    pub h_second: f64,
    pub h_walk: Walk,
    pub h_mean: f64,
    pub h_mean_std: f64,
    /// Mean correlation of z over the pairs of one class, and of different classes, with the std of one pair's over networks.
    pub same: Option<(f64, f64)>,
    pub different: Option<(f64, f64)>,
    /// `E[φ²]`/q and `E[φ′²]` over pixels and images.
    pub kept: f64,
    pub slope_square: f64,
    /// `E[φ′(z)²]` of each image at each pixel.
    pub slopes: Vec<Vec<f64>>,
    /// Correlations of z, for means over random pairs of images.
    pub correlations: PairList,
}

/// Correlations of the pairs of images at one place, with the weights that make a mean over random pairs of them.
#[derive(Clone, Debug, Default)]
pub(super) struct PairList {
    /// Each pair's correlation, those of one class first.
    pub correlations: Vec<f64>,
    /// Pairs of one class.
    pub same: usize,
    /// Weight of an image with itself, then of each pair; they sum to 1.
    weights: Vec<f64>,
    /// The weights times the product of both lengths over the squared mean length: a longer image counts more in a mean.
    relative: Vec<f64>,
}

impl PairList {
    /// Mean over random pairs, an image with itself included, given its value there and at each pair.
    pub fn mean(&self, itself: f64, pairs: impl IntoIterator<Item = f64>) -> f64 {
        self.weights.iter().zip(std::iter::once(itself).chain(pairs)).map(|(w, x)| w * x).sum()
    }

    /// Covariance of images over random pairs, at least 0 and with two standard errors of a mean over so few pairs: where
    /// images are nearly unrelated the mean alone may come out negative.
    pub fn covariance(&self, itself: f64, pairs: impl IntoIterator<Item = f64>) -> f64 {
        let pairs: Vec<f64> = pairs.into_iter().collect();
        let (same, different) = pairs.split_at(self.same);
        let error = |group: &[f64], weights: &[f64]| {
            let share: f64 = weights.iter().sum();
            if group.len() > 1 { (share * sample_std(group)).powi(2) / group.len() as f64 } else { 0.0 }
        };
        let (of_same, of_different) = self.weights[1..].split_at(self.same);
        let error = (error(same, of_same) + error(different, of_different)).sqrt();
        self.mean(itself, pairs).max(0.0) + 2.0 * error
    }

    /// Mean covariance of two images' relative deviations, which `f` gives for each correlation.
    pub fn mean_of(&self, f: impl Fn(&[f64]) -> Vec<f64>) -> f64 {
        let with_itself: Vec<f64> = std::iter::once(1.0).chain(self.correlations.iter().copied()).collect();
        self.relative.iter().zip(f(&with_itself)).map(|(w, x)| w * x).sum()
    }
}

/// Prediction of every row, or why it has none.
pub(super) fn forecast(
    network: &Network,
    config: &Resolved,
    rows: &[Row],
    sample: &Sample,
) -> Vec<Result<RowForecast, String>> {
    let mut forecasts: Vec<Result<RowForecast, String>> = Vec::new();
    let mut signal = Ok(Signal::of(network, sample));
    let places = top_level_places(network);
    for (i, row) in rows.iter().enumerate() {
        let before = if i == 0 { 0 } else { rows[i - 1].h.unwrap_or(rows[i - 1].z) + 1 };
        let next = signal.and_then(|signal| advance(network, config, row, &places, before, signal));
        signal = match next {
            Ok((forecast, signal)) => {
                forecasts.push(Ok(forecast));
                Ok(signal)
            }
            Err(reason) => {
                forecasts.push(Err(reason.clone()));
                Err(reason)
            }
        };
    }
    forecasts
}

/// The layer at each flat index, if it is not inside a residual block.
pub(super) fn top_level_places(network: &Network) -> Vec<Option<&Layer>> {
    fn inside(layer: &Layer) -> usize {
        layer.body().iter().map(|layer| inside(layer) + 1).sum()
    }
    network.layers.iter().flat_map(|layer| std::iter::repeat_n(None, inside(layer)).chain([Some(layer)])).collect()
}

/// From flat layer `before` to behind the activation of `row`.
fn advance(
    network: &Network,
    config: &Resolved,
    row: &Row,
    places: &[Option<&Layer>],
    before: usize,
    mut signal: Signal,
) -> Result<(RowForecast, Signal), String> {
    for place in &places[before..row.layer] {
        signal = signal.through(place.ok_or(RESIDUAL)?)?;
    }
    let layer = places[row.layer].ok_or(RESIDUAL)?;
    if row.z != row.layer {
        return Err(NORM.into());
    }
    if layer.op.family() == Family::Sum {
        return Err(RESIDUAL.into());
    }
    let law = weight_law(network, config, layer)?;
    signal.weigh(layer, &law);
    Ok(signal.activate(row, law, layer.output.units()))
}

/// Why nothing is predicted inside and behind a residual block.
pub(super) const RESIDUAL: &str = "the theory here is that of plain chains, and this is a residual block or behind one";
/// Why nothing is predicted behind a norm.
pub(super) const NORM: &str = "a norm rescales by the batch's or the sample's own moments";

/// Second moments of every image, and of every pair of images, at each pixel.
struct Signal {
    lengths: Vec<Vec<f64>>,
    pairs: Vec<(usize, usize)>,
    crosses: Vec<Vec<f64>>,
    same: usize,
    weights: Vec<f64>,
    walk: Walk,
    /// Variance over networks of one pair's correlation, of one class and of different ones.
    strays: [f64; 2],
}

impl Signal {
    fn of(network: &Network, sample: &Sample) -> Self {
        let len = network.input.len();
        let pixels = network.input.pixels();
        let image = |i: usize| &sample.images[i * len..(i + 1) * len];
        // [channels, pixels] in files' order: the mean over channels at each pixel.
        let product = |a: usize, b: usize| -> Vec<f64> {
            let (x, y) = (image(a), image(b));
            let at = |pixel: usize| {
                let channels = (pixel..len).step_by(pixels);
                channels.map(|i| f64::from(x[i]) * f64::from(y[i])).sum::<f64>() / (len / pixels) as f64
            };
            (0..pixels).map(at).collect()
        };
        let lengths = (0..sample.len()).map(|i| product(i, i)).collect();
        let pairs: Vec<(usize, usize)> = sample.same.iter().chain(&sample.different).copied().collect();
        let crosses = pairs.iter().map(|&(a, b)| product(a, b)).collect();
        let weights = pair_weights(sample);
        let same = sample.same.len();
        Self { lengths, pairs, crosses, same, weights, walk: Walk::default(), strays: [0.0; 2] }
    }

    /// Through a layer without weights.
    fn through(mut self, layer: &Layer) -> Result<Self, String> {
        match layer.op.family() {
            Family::Reshape => self.average(),
            Family::Mean if layer.op.windows().is_none() && layer.input.pixels() == 1 => {}
            Family::Mean => {
                return Err("averages over pixels need the covariance of pixels, which is not followed".into());
            }
            Family::Maximum => return Err("a maximum over pixels has no prediction".into()),
            Family::Norm => return Err(NORM.into()),
            Family::Activation => return Err("an activation without a weight layer before it".into()),
            Family::Weights | Family::Scalar | Family::Sum => return Err(RESIDUAL.into()),
        }
        Ok(self)
    }

    /// Every pixel becomes a unit of a vector, and a vector has one place.
    fn average(&mut self) {
        for map in self.lengths.iter_mut().chain(&mut self.crosses) {
            *map = vec![mean(map)];
        }
    }

    /// Through the weights: the pre-activations.
    fn weigh(&mut self, layer: &Layer, law: &WeightLaw) {
        let taps = layer.op.windows().map(|shape| Taps { shape, centre_only: law.centre_only });
        for map in self.lengths.iter_mut().chain(&mut self.crosses) {
            let gathered = taps.as_ref().map_or_else(|| map.clone(), |taps| taps.gather(map));
            *map = gathered.into_iter().map(|m| law.variance_w * m + law.variance_b).collect();
        }
        let total = mean_over(&self.lengths);
        let share = if total > 0.0 { 1.0 - law.variance_b / total } else { 1.0 };
        self.walk = self.walk.thinned(share);
        self.strays = self.strays.map(|variance| share * share * variance);
    }

    /// The row's numbers at z and h; the signal becomes h.
    fn activate(mut self, row: &Row, law: WeightLaw, units: usize) -> (RowForecast, Self) {
        let n = units as f64;
        let q = mean_over(&self.lengths);
        let list = self.pair_list();
        let response = PairResponse::new(row.activation);
        // z: normal given the layer before; the square of a normal has relative variance 2.
        let z_noise = list.mean_of(|cs| cs.iter().map(|c| 2.0 * c * c).collect()) / n;
        let z_walk = Walk { single: self.walk.single + 2.0 / n, pooled: self.walk.pooled + z_noise, ..self.walk };
        let z_mean_std = (list.covariance(q, self.crosses.iter().map(|map| mean(map))) / n).sqrt();
        let at_z = self.mean_correlations(&list, n);

        // h.
        let moments: Vec<Vec<_>> =
            self.lengths.iter().map(|map| map.iter().map(|&q| moments_at(&response, q)).collect()).collect();
        let map_of = |of: &dyn Fn(&Moments) -> f64| -> Vec<Vec<f64>> {
            moments.iter().map(|map| map.iter().map(of).collect()).collect()
        };
        let (means, squares, slopes) = (map_of(&|m| m.mean), map_of(&|m| m.mean_square), map_of(&|m| m.slope_square));
        let crosses = self.products(&response);
        let covariances = self.pairs.iter().zip(&crosses).map(|(&(a, b), cross)| {
            let product: Vec<f64> = means[a].iter().zip(&means[b]).map(|(x, y)| x * y).collect();
            mean(cross) - mean(&product)
        });
        let (h_second, h_mean) = (mean_over(&squares), mean_over(&means));
        let own: Vec<f64> = moments.iter().flatten().map(|m| m.variance()).collect();
        let chance = list.covariance(mean(&own), covariances) / n;
        let moved = log_slope(q, |q| response.moments(q).mean);
        let h_mean_std = (chance + moved * moved * self.walk.pooled).sqrt();

        let noise = |list: &PairList| list.mean_of(|cs| relative_covariance_of_squares(row.activation, q, cs)) / n;
        let single = relative_covariance_of_squares(row.activation, q, &[1.0])[0] / n;
        let map = log_map(&response, q);
        let h_walk = self.walk.step(map, single, noise(&list));
        for (stray, at_z) in self.strays.iter_mut().zip(&at_z) {
            let Some((c, _)) = at_z else { continue };
            let slope = correlation_slope(&response, q, *c);
            *stray = slope * slope * *stray + correlation_noise(&response, q, *c) / n;
        }
        let forecast = RowForecast {
            law,
            z_second: q,
            z_walk,
            z_mean_std,
            h_second,
            h_walk,
            h_mean,
            h_mean_std,
            same: at_z[0],
            different: at_z[1],
            kept: h_second / q,
            slope_square: mean_over(&slopes),
            slopes,
            correlations: list,
        };
        (self.lengths, self.crosses, self.walk) = (squares, crosses, h_walk);
        (forecast, self)
    }

    /// Mean correlation of z over the pairs of one class, and of different ones, with the std of one pair's over networks of
    /// `n` units.
    fn mean_correlations(&self, list: &PairList, n: f64) -> [Option<(f64, f64)>; 2] {
        let of = |group: std::ops::Range<usize>, stray: f64| {
            let c = mean_if_any(&list.correlations[group])?;
            Some((c, (stray + (1.0 - c * c).powi(2) / n).sqrt()))
        };
        [of(0..self.same, self.strays[0]), of(self.same..self.pairs.len(), self.strays[1])]
    }

    /// `E[φ(z)φ(z′)]` of each pair of images at each pixel.
    fn products(&self, response: &PairResponse) -> Vec<Vec<f64>> {
        let of = |(&(a, b), cross): (&(usize, usize), &Vec<f64>)| {
            let lengths = self.lengths[a].iter().zip(&self.lengths[b]);
            let at = |((&q1, &q2), &k): ((&f64, &f64), &f64)| {
                let scale = (q1 * q2).sqrt();
                response.product(q1, q2, if scale > 0.0 { k / scale } else { 0.0 })
            };
            lengths.zip(cross).map(at).collect()
        };
        self.pairs.iter().zip(&self.crosses).map(of).collect()
    }

    fn pair_list(&self) -> PairList {
        let lengths: Vec<f64> = self.lengths.iter().map(|map| mean(map)).collect();
        let of = |(&(a, b), cross): (&(usize, usize), &Vec<f64>)| {
            let scale = (lengths[a] * lengths[b]).sqrt();
            if scale > 0.0 { (mean(cross) / scale).clamp(-1.0, 1.0) } else { 0.0 }
        };
        let correlations = self.pairs.iter().zip(&self.crosses).map(of).collect();
        let square = mean(&lengths).powi(2);
        let itself = lengths.iter().map(|q| q * q).sum::<f64>() / lengths.len() as f64;
        let products = std::iter::once(itself).chain(self.pairs.iter().map(|&(a, b)| lengths[a] * lengths[b]));
        let relative =
            self.weights.iter().zip(products).map(|(w, p)| if square > 0.0 { w * p / square } else { *w }).collect();
        PairList { correlations, same: self.same, weights: self.weights.clone(), relative }
    }
}

/// Weights of an image with itself, of the pairs of one class and of those of different classes, as often as they come up
/// among all pairs of the sample.
fn pair_weights(sample: &Sample) -> Vec<f64> {
    let n = sample.len() as f64;
    let alike = sample.labels.iter().map(|a| sample.labels.iter().filter(|b| a == *b).count()).sum::<usize>() as f64;
    let (itself, mut same, mut different) = (1.0 / n, alike / (n * n) - 1.0 / n, 1.0 - alike / (n * n));
    // Without pairs of a kind the other stands for it.
    match (sample.same.is_empty(), sample.different.is_empty()) {
        (true, false) => (same, different) = (0.0, same + different),
        (false, true) => (same, different) = (same + different, 0.0),
        _ => {}
    }
    let each = |share: f64, count: usize| vec![share / count.max(1) as f64; count];
    [vec![itself], each(same, sample.same.len()), each(different, sample.different.len())].concat()
}

pub(super) fn mean(values: &[f64]) -> f64 {
    values.iter().sum::<f64>() / values.len() as f64
}

/// Moments of φ under N(0,q); at length 0, where the tables end, those of the number φ(0).
fn moments_at(response: &PairResponse, q: f64) -> Moments {
    if q > 0.0 {
        return response.moments(q);
    }
    let (value, slope) = (response.phi().value(0.0), response.phi().derivative(0.0));
    Moments {
        mean: value,
        mean_square: value.powi(2),
        mean_fourth: value.powi(4),
        slope_square: slope.powi(2),
        slope_fourth: slope.powi(4),
        growth: 0.0,
    }
}

fn mean_if_any(values: &[f64]) -> Option<f64> {
    (!values.is_empty()).then(|| mean(values))
}

pub(super) fn mean_over(maps: &[Vec<f64>]) -> f64 {
    maps.iter().map(|map| mean(map)).sum::<f64>() / maps.len() as f64
}
