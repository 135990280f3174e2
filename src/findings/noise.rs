//! The finding about the noise of gradients: which batch size it speaks for.

use crate::findings::evidence::Evidence;
use crate::findings::found::Found;
use crate::inference::noise::scale_of;
use crate::numerals::three_digits;
use crate::record::noise::ALL;

/// Fewer recorded steps than this tell nothing.
const FEW: usize = 8;

/// The simple noise scale over the last half of the recorded steps, where it is told apart from 0 and from infinity.
pub(super) fn scale(evidence: &Evidence<'_>, _: f64) -> Option<Found> {
    let all = evidence.run.noise.iter().find(|layer| layer.layer == ALL)?;
    let last = all.noise.len() / 2;
    let steps = &all.noise[last..];
    if steps.len() < FEW {
        return None;
    }
    let images = *all.images.iter().max()? as f64;
    let Some(scale) = scale_of(steps).filter(|scale| scale.high.is_finite() && scale.low > 0.0) else {
        let text = format!(
            "the gradient of the later half of the run is lost in noise: its noise scale is beyond what {} recorded steps of {images} \
             images can tell",
            steps.len()
        );
        return Some(Found::new(text, "a larger batch, or a lower rate, averages it out"));
    };
    let [value, low, high] = [scale.value, scale.low, scale.high].map(three_digits);
    let [steps, seen] = [1.0 + scale.value / images, 1.0 + images / scale.value].map(three_digits);
    let text = format!(
        "over the later half of the run the gradient noise scale is {value} images ({low} to {high}), the batch that it speaks for: with \
         {images} a step training takes about {steps} times the fewest steps and {seen} times the fewest images"
    );
    Some(Found::new(text, ""))
}
