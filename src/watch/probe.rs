//! A candle model before training: forward and backward statistics over seeds, beside the prediction for a plain chain of layers.
//!
//! Forwards, q_l = σ_w²·`E[φ(z_{l−1})²]` + σ_b² with σ_w² = fan_in·Var(w) (Poole et al. 2016, eq. 3). Backwards, the gradient with respect
//! to h_l is that of h_{l+1} times Wᵀ·φ′, so its mean square is n_{l+1}·Var(w_{l+1})·`E[φ′²]` times as large (Schoenholz et al. 2017,
//! section 4). The last layer's gradient is taken as it was measured.

use std::fmt;

use candle_core::{DType, Device, Result, Tensor};
use candle_nn::{VarBuilder, VarMap};

use crate::activation::Activation;
use crate::inference::spread::{mean, sample_std};
use crate::numerals::number;
use crate::record::row::Row;
use crate::start::{Start, Table};
use crate::theory::moments::moments;
use crate::watch::chain;
use crate::watch::error::WatchError;
use crate::watch::watcher::Watch;

/// Draws a candle model again and again and measures each layer of it.
///
/// ```
/// use candle_core::{DType, Device, Tensor};
/// use candle_nn::{Module, linear};
/// use initlab::{Activation, Preset, Probe, Start};
///
/// let images = Tensor::randn(0f32, 1.0, (64, 100), &Device::Cpu)?;
/// let probe = Probe::new(Start::preset(Preset::Kaiming).last("fc2.*"), 5)
///     .chain(&images, &[("fc1", Activation::Relu), ("fc2", Activation::Identity)]);
/// let probed = probe.run(DType::F32, &Device::Cpu, |vb, watch| {
///     let (fc1, fc2) = (linear(100, 80, vb.pp("fc1"))?, linear(80, 10, vb.pp("fc2"))?);
///     let h = watch.activation("fc1", &fc1.forward(&images)?, Activation::Relu)?;
///     watch.tap("fc2", &fc2.forward(&h)?)?.sqr()?.mean_all()
/// })?;
/// println!("{probed}");
/// assert_eq!(probed.rows.len(), 2);
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
#[derive(Clone, Debug)]
pub struct Probe {
    start: Start,
    seeds: u64,
    input: Option<f64>,
    chain: Vec<(String, Activation)>,
}

/// A layer over all seeds.
#[derive(Clone, Debug, PartialEq)]
#[non_exhaustive]
pub struct ProbeRow {
    /// The layer.
    pub layer: String,
    /// Mean over the seeds of the activations' mean square, and its deviation over them.
    pub act_second_moment: (f64, f64),
    /// Mean over the seeds of the activations' mean, and its deviation over them.
    pub act_mean: (f64, f64),
    /// Mean over the seeds of the mean square of the activations' gradient, and its deviation; nothing where none came back.
    pub grad_second_moment: Option<(f64, f64)>,
    /// The mean square that theory predicts, of a layer of the chain.
    pub act_predicted: Option<f64>,
    /// The gradient's mean square that theory predicts, given the last layer's.
    pub grad_predicted: Option<f64>,
}

/// The layers that a probe measured; printed as a table.
#[derive(Clone, Debug, PartialEq)]
#[non_exhaustive]
pub struct Probed {
    /// Seeds that were drawn.
    pub seeds: u64,
    /// The layers in the order in which they are passed.
    pub rows: Vec<ProbeRow>,
}

impl Probe {
    /// Probes `seeds` models that begin as `start` says, from its seed upwards.
    pub fn new(start: Start, seeds: u64) -> Self {
        Self { start, seeds: seeds.max(1), input: None, chain: Vec::new() }
    }

    /// Says that these layers follow each other, each with its activation and nothing else in between, from `input` on; theory then
    /// predicts them. A convolution counts as a layer whose windows no border cuts.
    #[must_use]
    pub fn chain(mut self, input: &Tensor, layers: &[(&str, Activation)]) -> Self {
        let square = || input.to_dtype(DType::F64)?.sqr()?.mean_all()?.to_scalar::<f64>();
        self.input = square().ok();
        self.chain = layers.iter().map(|(name, activation)| ((*name).into(), *activation)).collect();
        self
    }

    /// Takes the chain from `[model]` of a config in TOML; what else stands there is not looked at. The model has to tap its layers by the
    /// names that a run of that config gives them: `linear1`, `conv2`, ….
    ///
    /// ```
    /// use candle_core::{Device, Tensor};
    /// use initlab::{Preset, Probe, Start};
    ///
    /// let images = Tensor::randn(0f32, 1.0, (64, 784), &Device::Cpu)?;
    /// let config = "model = { kind = 'mlp', widths = [100, 50], activation = 'tanh' }";
    /// let probe = Probe::new(Start::from_toml(config)?.last("linear3.*"), 5).chain_from_toml(&images, config)?;
    /// # let _ = probe;
    /// # Ok::<(), Box<dyn std::error::Error>>(())
    /// ```
    ///
    /// # Errors
    /// The text is no config, or its network has norms, pooling, dropout or residual branches.
    pub fn chain_from_toml(self, input: &Tensor, text: &str) -> std::result::Result<Self, WatchError> {
        let layers = chain::of_toml(text, input)?;
        let named: Vec<_> = layers.iter().map(|(name, activation)| (name.as_str(), *activation)).collect();
        Ok(self.chain(input, &named))
    }

    /// Draws and measures: `pass` builds the model, sends a batch through it with taps, and returns the loss.
    ///
    /// # Errors
    /// The pass fails, a parameter cannot start, or a layer of the chain is not tapped.
    pub fn run(
        &self,
        dtype: DType,
        device: &Device,
        mut pass: impl FnMut(VarBuilder<'static>, &Watch) -> Result<Tensor>,
    ) -> std::result::Result<Probed, WatchError> {
        let (mut seen, mut table) = (Vec::new(), Table::default());
        for seed in 0..self.seeds {
            let start = self.start.clone().seed(self.start.first_seed().wrapping_add(seed));
            let (varmap, watch) = (VarMap::new(), Watch::new());
            let loss = pass(start.var_builder(&varmap, dtype, device), &watch)?;
            watch.step(&varmap, &loss.backward()?)?;
            seen.push(watch.rows()?);
            if seed == 0 {
                table = start.table(&varmap)?;
            }
        }
        let layers: Vec<String> =
            seen[0].iter().filter(|row| row.get("act_mean").is_some()).map(|r| r.layer.clone()).collect();
        if let Some((name, _)) = self.chain.iter().find(|(name, _)| !layers.contains(name)) {
            let known = format!("the chain names it, and the pass taps {}", layers.join(", "));
            return Err(WatchError::Unknown { name: name.clone(), known });
        }
        let mut rows: Vec<ProbeRow> = layers.iter().map(|layer| measured(layer, &seen)).collect();
        self.predict(&table, &mut rows);
        Ok(Probed { seeds: self.seeds, rows })
    }

    /// Puts the predictions into the rows of the chain.
    fn predict(&self, table: &Table, rows: &mut [ProbeRow]) {
        let Some(mut below) = self.input else { return };
        let of = |name: &str, parameter: &str| table.rows.iter().find(|row| row.name == format!("{name}.{parameter}"));
        // Of each layer: its row, the variance of a weight, its units and E[φ′²].
        let mut links = Vec::with_capacity(self.chain.len());
        for (name, activation) in &self.chain {
            let Some((weight, std, fan_in)) = of(name, "weight").and_then(|w| Some((w, w.std_wanted?, w.fan_in?)))
            else {
                return;
            };
            let bias = of(name, "bias").and_then(|row| row.std_wanted).unwrap_or(0.0);
            let q = fan_in as f64 * std * std * below + bias * bias;
            let behind = moments(*activation, q);
            below = behind.mean_square;
            let place = rows.iter().position(|row| row.layer == *name).expect("the chain's layers were measured");
            rows[place].act_predicted = Some(below);
            links.push((place, std * std, weight.shape[0] as f64, behind.slope_square));
        }
        let Some((last, ..)) = links.last() else { return };
        let Some((mut gradient, _)) = rows[*last].grad_second_moment else { return };
        rows[*last].grad_predicted = Some(gradient);
        for pair in links.windows(2).rev() {
            let (_, variance, units, slope_square) = pair[1];
            gradient *= units * variance * slope_square;
            rows[pair[0].0].grad_predicted = Some(gradient);
        }
    }
}

fn measured(layer: &str, seeds: &[Vec<Row>]) -> ProbeRow {
    let of = |statistic: &str| {
        let rows = seeds.iter().filter_map(|rows| rows.iter().find(|row| row.layer == layer));
        let values: Vec<f64> = rows.filter_map(|row| row.get(statistic)).collect();
        (!values.is_empty()).then(|| (mean(&values), if values.len() > 1 { sample_std(&values) } else { 0.0 }))
    };
    ProbeRow {
        layer: layer.into(),
        act_second_moment: of("act_second_moment").unwrap_or((f64::NAN, f64::NAN)),
        act_mean: of("act_mean").unwrap_or((f64::NAN, f64::NAN)),
        grad_second_moment: of("grad_second_moment"),
        act_predicted: None,
        grad_predicted: None,
    }
}

impl fmt::Display for Probed {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let head =
            ["layer", "mean", "mean square", "±", "predicted", "gradient's square", "±", "predicted"].map(String::from);
        let shown = |x: Option<f64>| x.map_or_else(|| "–".into(), number);
        let mut lines = vec![head];
        for row in &self.rows {
            let (square, spread) = row.act_second_moment;
            let (gradient, gradient_spread) = row.grad_second_moment.unzip();
            lines.push([
                row.layer.clone(),
                number(row.act_mean.0),
                number(square),
                number(spread),
                shown(row.act_predicted),
                shown(gradient),
                shown(gradient_spread),
                shown(row.grad_predicted),
            ]);
        }
        let widths: [usize; 8] =
            std::array::from_fn(|column| lines.iter().map(|line| line[column].chars().count()).max().unwrap_or(0));
        for line in &lines {
            let first = widths[0];
            write!(f, "{:<first$}", line[0])?;
            for (cell, width) in line.iter().zip(widths).skip(1) {
                write!(f, "  {cell:>width$}")?;
            }
            writeln!(f)?;
        }
        writeln!(f, "{} seeds; ± is the deviation over them", self.seeds)
    }
}
