//! How the numbers of a rule are drawn. The stream `init/{name}` of standard normals is the base of every random law.

use std::f64::consts::FRAC_1_SQRT_2;

use crate::init::asymmetric;
use crate::init::error::InitError;
use crate::init::fans::{FanMode, fans};
use crate::init::mirrored::Mirror;
use crate::init::orthogonal::orthonormal;
use crate::init::scale::{Scale, Size};
use crate::rng::{permutation, rng, standard_normals};

/// How numbers are drawn, before they are scaled.
#[derive(Clone, Copy, Debug, PartialEq)]
pub enum Law {
    /// All the same value.
    Constant,
    /// Independent normal numbers.
    Normal,
    /// Independent uniform numbers.
    Uniform,
    /// A normal cut at two standard deviations of the uncut one, widened to the std that is asked for.
    TruncatedNormal,
    /// Haar-random orthonormal rows or columns of the weight as `[out, fan_in]`, whichever are fewer.
    Orthogonal,
    /// Orthonormal columns at the centre of each window, zero elsewhere.
    DeltaOrthogonal,
    /// Orthogonal blocks of either sign, for a convolution at the centre of each window.
    Mirrored(Mirror),
    /// Normal, with a fraction of each column of the weight as `[out, fan_in]` zero.
    Sparse {
        /// The fraction; as many entries of each column are zero as it takes, rounded up.
        sparsity: f64,
    },
    /// Normal, with one entry of each row of [W b] from Beta(2, 1); see [`asymmetric`].
    Asymmetric,
    /// Ones that copy input i to output i, through the centre of the window; zero elsewhere.
    Identity,
}

/// Properties of a law that theory depends on.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Structure {
    /// True if the weight is orthogonal, so that it strays less than independent draws.
    pub orthogonal: bool,
    /// True if a convolution's weights are at the centre of the window alone.
    pub centre_only: bool,
    /// Why theory has nothing to say, if it has nothing.
    pub unpredictable: Option<&'static str>,
}

/// Where a truncated normal is cut, in standard deviations of the uncut one.
const CUT: f64 = 2.0;
/// Standard deviation of a standard normal cut at ±2: √(1 − 4φ(2)/(2Φ(2) − 1)), φ the density.
pub(super) const CUT_STD: f64 = 0.879_625_661_034_239_8;

impl Law {
    /// The std of an entry of a weight of `shape`, zeros of a mask or around a centre included; `None` for the identity and
    /// the asymmetric law, whose entries are not around zero at random.
    ///
    /// # Errors
    /// The shape has no fans where the law asks for them.
    pub fn std(self, size: f64, shape: &[usize]) -> Result<Option<f64>, InitError> {
        Ok(Some(match self {
            Self::Constant => 0.0,
            Self::Normal | Self::Uniform | Self::TruncatedNormal => size,
            Self::Orthogonal => {
                // The orthonormal vectors have the longer side's length and one unit of squares each.
                let longer = fans(shape)?.of(FanMode::FanIn).max(shape[0] as f64);
                size / longer.sqrt()
            }
            Self::DeltaOrthogonal => size / fans(shape)?.of(FanMode::FanOut).sqrt(),
            Self::Mirrored(mirror) => {
                let [rows, columns] = mirror.block(shape);
                let units = mirror.copies() * rows.min(columns);
                size * (units as f64 / shape.iter().product::<usize>() as f64).sqrt()
            }
            Self::Sparse { sparsity } => {
                size * (1.0 - zeros_per_column(sparsity, shape[0]) as f64 / shape[0] as f64).sqrt()
            }
            Self::Asymmetric | Self::Identity => return Ok(None),
        }))
    }

    /// The std that the entries have as numbers around their mean: [`Law::std`], and that of the identity and the asymmetric law.
    ///
    /// # Errors
    /// As there.
    pub fn spread(self, size: f64, shape: &[usize]) -> Result<f64, InitError> {
        if let Some(std) = self.std(size, shape)? {
            return Ok(std);
        }
        if self == Self::Asymmetric {
            return Ok(asymmetric::spread(size, fans(shape)?.of(FanMode::FanIn)));
        }
        // Of the identity as many entries are the gain as the shorter side is long; the others are 0.
        let share = shape[0].min(shape[1]) as f64 / shape.iter().product::<usize>() as f64;
        Ok(size * (share * (1.0 - share)).sqrt())
    }

    /// Returns the properties of the law at this scale that theory depends on.
    pub fn structure(self, scale: Scale) -> Structure {
        let plain = Structure { orthogonal: false, centre_only: false, unpredictable: None };
        match self {
            Self::Constant if scale != Scale::Value(0.0) => {
                Structure { unpredictable: Some("constant weights are not drawn around 0"), ..plain }
            }
            Self::Mirrored(_) => Structure { unpredictable: Some("mirrored weights are not independent"), ..plain },
            Self::Asymmetric => Structure { unpredictable: Some("rai weights are not drawn around 0"), ..plain },
            Self::Identity => Structure { unpredictable: Some("identity weights are not drawn"), ..plain },
            Self::Orthogonal => Structure { orthogonal: true, ..plain },
            Self::DeltaOrthogonal => Structure { orthogonal: true, centre_only: true, ..plain },
            Self::Constant | Self::Normal | Self::Uniform | Self::TruncatedNormal | Self::Sparse { .. } => plain,
        }
    }

    /// True if the law fills the weight as a matrix, so that a shape without fans cannot have it.
    pub fn needs_fans(self) -> bool {
        match self {
            Self::Orthogonal
            | Self::DeltaOrthogonal
            | Self::Mirrored(_)
            | Self::Sparse { .. }
            | Self::Asymmetric
            | Self::Identity => true,
            Self::Constant | Self::Normal | Self::Uniform | Self::TruncatedNormal => false,
        }
    }

    /// Says what is wrong with the law's own number, if anything.
    pub fn complaint(self) -> Option<String> {
        let Self::Sparse { sparsity } = self else { return None };
        let valid = (0.0..=1.0).contains(&sparsity);
        (!valid).then(|| format!("sparsity is {sparsity}; expected a fraction from 0 to 1"))
    }

    /// Why a shape that has fans, where it needs them, cannot have this law all the same.
    pub fn misfit(self, shape: &[usize]) -> Option<String> {
        match self {
            Self::DeltaOrthogonal => delta_misfit(shape),
            Self::Mirrored(mirror) => mirror.misfit(shape).or_else(|| no_centre(&shape[2..])),
            Self::Sparse { sparsity } => sparse_misfit(sparsity, shape[0]),
            Self::Constant
            | Self::Normal
            | Self::Uniform
            | Self::TruncatedNormal
            | Self::Orthogonal
            | Self::Asymmetric
            | Self::Identity => None,
        }
    }

    /// The values of the parameter `name` of `shape`, row-major in PyTorch's layout.
    pub fn draw(self, seed: u64, name: &str, size: Size, shape: &[usize]) -> Vec<f64> {
        let entries: usize = shape.iter().product();
        let normals = |n| standard_normals(&mut rng(seed, &format!("init/{name}")), n);
        match self {
            Self::Constant => vec![size.std; entries],
            Self::Normal => scaled(size.std, normals(entries)),
            Self::Uniform => uniform(size.bound, normals(entries)),
            Self::TruncatedNormal => scaled(size.std / CUT_STD, truncated(seed, name, normals(entries))),
            Self::Orthogonal => {
                let (rows, columns) = (shape[0], entries / shape[0]);
                scaled(size.std, orthonormal(normals(entries), rows, columns))
            }
            Self::DeltaOrthogonal => {
                let (outputs, inputs) = (shape[0], shape[1]);
                let taps = orthonormal(normals(outputs * inputs), outputs, inputs);
                at_centre(&scaled(size.std, taps), shape)
            }
            Self::Mirrored(mirror) => {
                let [rows, columns] = mirror.block(shape);
                let block = scaled(size.std, orthonormal(normals(rows * columns), rows, columns));
                at_centre(&mirror.unfold(&block, rows, columns), shape)
            }
            // The size is that of the entries which stay, not of all.
            Self::Sparse { sparsity } => masked(seed, name, sparsity, scaled(size.std, normals(entries)), shape[0]),
            Self::Asymmetric => asymmetric::in_weight(seed, name, scaled(size.std, normals(entries)), shape[0]),
            Self::Identity => {
                let (outputs, inputs) = (shape[0], shape[1]);
                let mut taps = vec![0.0; outputs * inputs];
                taps.iter_mut().step_by(inputs + 1).take(outputs.min(inputs)).for_each(|x| *x = size.std);
                at_centre(&taps, shape)
            }
        }
    }
}

fn delta_misfit(shape: &[usize]) -> Option<String> {
    let (outputs, inputs, window) = (shape[0], shape[1], &shape[2..]);
    if window.is_empty() {
        return Some("a linear weight has no window; expected a convolution's".into());
    }
    let few = outputs < inputs;
    no_centre(window).or_else(|| {
        few.then(|| format!("{outputs} outputs for {inputs} inputs; expected at least as many outputs as inputs"))
    })
}

fn no_centre(window: &[usize]) -> Option<String> {
    let even = window.iter().find(|&size| size % 2 == 0)?;
    Some(format!("a window of {even} has no centre; expected odd sizes"))
}

/// Zeros are counted per column and rounded up, so with few outputs a sparsity below 1 can leave nothing.
fn sparse_misfit(sparsity: f64, rows: usize) -> Option<String> {
    if zeros_per_column(sparsity, rows) < rows {
        return None;
    }
    let outputs = if rows == 1 { "1 output".to_string() } else { format!("{rows} outputs") };
    let most = (rows - 1) as f64 / rows as f64;
    Some(format!(
        "sparsity {sparsity} sets every weight to 0 (of each input's weights to {outputs}, rounded up); \
         expected at most {most}, or the rule zeros"
    ))
}

/// How many of a column's `rows` entries a sparse law sets to zero.
fn zeros_per_column(sparsity: f64, rows: usize) -> usize {
    (sparsity * rows as f64).ceil() as usize
}

fn scaled(factor: f64, mut values: Vec<f64>) -> Vec<f64> {
    values.iter_mut().for_each(|x| *x *= factor);
    values
}

/// Uniform on ±`bound` with the ranks of `normals`: bound·(2Φ(z) − 1).
fn uniform(bound: f64, mut normals: Vec<f64>) -> Vec<f64> {
    normals.iter_mut().for_each(|z| *z = bound * libm::erf(*z * FRAC_1_SQRT_2));
    normals
}

/// `normals` with those beyond the cut replaced by draws of a stream of their own.
fn truncated(seed: u64, name: &str, mut normals: Vec<f64>) -> Vec<f64> {
    let mut stream = rng(seed, &format!("init/{name}/redraw"));
    for z in &mut normals {
        while z.abs() > CUT {
            *z = standard_normals(&mut stream, 1)[0];
        }
    }
    normals
}

/// `values` (`[rows, columns]`) with the given fraction of each column zero, at rows from a stream of their own.
fn masked(seed: u64, name: &str, sparsity: f64, mut values: Vec<f64>, rows: usize) -> Vec<f64> {
    let columns = values.len() / rows;
    let mut stream = rng(seed, &format!("init/{name}/sparse"));
    for column in 0..columns {
        for row in &permutation(&mut stream, rows)[..zeros_per_column(sparsity, rows)] {
            values[*row as usize * columns + column] = 0.0;
        }
    }
    values
}

/// `taps` (`[out, in]`) at the centre of each window of a weight of `shape`, which is zero elsewhere.
fn at_centre(taps: &[f64], shape: &[usize]) -> Vec<f64> {
    let window: usize = shape[2..].iter().product();
    let centre = shape[2..].iter().fold(0, |at, &size| at * size + size / 2);
    let mut weight = vec![0.0; taps.len() * window];
    for (place, tap) in weight.iter_mut().skip(centre).step_by(window).zip(taps) {
        *place = *tap;
    }
    weight
}
