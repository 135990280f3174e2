//! `noise.csv`: one line for each layer with parameters, and one for all of them together, in each step whose gradients' noise was taken.

use std::fmt::Write;
use std::path::Path;

use crate::inference::noise::GradientNoise;
use crate::record::RecordError;
use crate::record::lines::{broken, rows, whole_lines};

/// Name of the file.
pub const FILE: &str = "noise.csv";

/// Header of `noise.csv`.
pub const HEADER: &str = "step,layer,images,parts,trace,square,scale,snr";

/// Name of the line about all parameters.
pub const ALL: &str = "all";

/// A line of `noise.csv`.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct NoiseRow<'a> {
    /// Step, from 0.
    pub step: u64,
    /// Name of the layer, or [`ALL`].
    pub layer: &'a str,
    /// Images of the batch.
    pub images: usize,
    /// Parts that it was cut into.
    pub parts: usize,
    /// Estimates of the step.
    pub noise: GradientNoise,
}

impl NoiseRow<'_> {
    /// The line; scale and signal-to-noise ratio are empty where they do not exist.
    pub fn write(&self, to: &mut String) {
        let Self { step, layer, images, parts, noise } = self;
        write!(to, "{step},{layer},{images},{parts},{:?},{:?},", noise.trace, noise.square).expect(TAKES);
        if let Some(scale) = noise.scale() {
            write!(to, "{scale:?}").expect(TAKES);
        }
        to.push(',');
        if let Some(ratio) = noise.signal_to_noise(*images) {
            write!(to, "{ratio:?}").expect(TAKES);
        }
        to.push('\n');
    }
}

const TAKES: &str = "strings take everything";

/// The lines of `noise.csv` about one layer.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct LayerNoise {
    /// Name of the layer, or [`ALL`].
    pub layer: String,
    /// The steps.
    pub steps: Vec<u64>,
    /// Images of each step's batch.
    pub images: Vec<usize>,
    /// Estimates of each step.
    pub noise: Vec<GradientNoise>,
}

/// Reads the file of the run in `dir`, a layer after the other; nothing if it is absent.
///
/// # Errors
/// The file cannot be read, or a line is something else.
pub(super) fn read(dir: &Path) -> Result<Vec<LayerNoise>, RecordError> {
    let path = dir.join(FILE);
    let text = whole_lines(&path)?;
    let mut layers: Vec<LayerNoise> = Vec::new();
    for (i, line) in rows(&path, &text, HEADER)?.enumerate() {
        let (step, name, images, noise) = parse(line).ok_or_else(|| broken(&path, i))?;
        let at = layers.iter().position(|layer| layer.layer == name).unwrap_or_else(|| {
            layers.push(LayerNoise { layer: name.into(), ..LayerNoise::default() });
            layers.len() - 1
        });
        layers[at].steps.push(step);
        layers[at].images.push(images);
        layers[at].noise.push(noise);
    }
    Ok(layers)
}

fn parse(line: &str) -> Option<(u64, &str, usize, GradientNoise)> {
    let fields: Vec<&str> = line.split(',').collect();
    let [step, layer, images, _, trace, square, _, _] = fields[..] else { return None };
    let noise = GradientNoise { trace: trace.parse().ok()?, square: square.parse().ok()? };
    Some((step.parse().ok()?, layer, images.parse().ok()?, noise))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn lines_are_read_as_they_were_written() {
        let dir = tempfile::tempdir().unwrap();
        let mut text = format!("{HEADER}\n");
        let noise = [GradientNoise { trace: 3.0, square: 0.5 }, GradientNoise { trace: 1.0, square: -0.1 }];
        for (step, noise) in noise.into_iter().enumerate() {
            for layer in ["conv1", ALL] {
                NoiseRow { step: step as u64, layer, images: 64, parts: 2, noise }.write(&mut text);
            }
        }
        assert!(
            text.contains("\n0,conv1,64,2,3.0,0.5,6.0,10.666666666666666\n") && text.contains("-0.1,,-6.4\n"),
            "{text}"
        );
        std::fs::write(dir.path().join(FILE), &text).unwrap();
        let found = read(dir.path()).unwrap();
        assert_eq!(
            found[1],
            LayerNoise { layer: ALL.into(), steps: vec![0, 1], images: vec![64, 64], noise: noise.to_vec() }
        );
        std::fs::write(dir.path().join(FILE), text.replace("0.5", "x")).unwrap();
        assert!(read(dir.path()).unwrap_err().to_string().contains("line 2"));
        assert_eq!(read(tempfile::tempdir().unwrap().path()).unwrap(), []);
    }
}
