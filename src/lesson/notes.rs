//! Why the lesson's number, ours and theory's differ, in a sentence or two.

/// The note on the result `id`, if there is one.
pub fn note(id: &str) -> Option<&'static str> {
    NOTES.iter().find(|(result, _)| *result == id).map(|(_, note)| *note)
}

const NOTES: [(&str, &str); 22] = [
    (
        "input",
        "Pixels divided by 255 would have mean 0.1310. valid_mean is -0.0058506 in float64, which rounds to -0.0059; \
         the lesson's float32 sum ended on the other side of the edge.",
    ),
    (
        "linear_xavier",
        "Theory's mean 0 takes independent inputs. Images share a mean image, which has 29 % of their mean square: it \
         moves a unit's 10,000 outputs together, and 50 units do not average that out.",
    ),
    (
        "relu_kaiming",
        "Kaiming's start keeps the mean square at 1 (0.564² + 0.826²), not the mean at 0. The rest is the images' \
         correlation, as above.",
    ),
    (
        "relu_kaiming_fan_out",
        "torch reads a weight as [out, in]. This one is stored [in, out], so that its fan_out is the true fan_in: the \
         draws are those of relu_kaiming.",
    ),
    ("shifted_relu_kaiming", "The mean is 0.564 before the shift: 0.5 leaves 0.064, and the std as it was."),
    ("mse_untrained", "Theory: 28.15 from the digits themselves, 0.69 from the mean square of the shifted ReLU."),
    (
        "backward_by_hand",
        "Of x this test says little: its gradients are mostly smaller than the absolute tolerance of 1e-5, being \
         divided by 50,000.",
    ),
    ("products_explode", "Each product makes x √512 = 22.6 times as long, and 22.6^28.4 is the largest float32."),
    (
        "products_scaled",
        "Theory's 1 takes a new matrix each time. Of the same one a hundred times the largest eigenvalue decides, \
         which at size 512 lies a little above 1.",
    ),
    (
        "product_second_moment",
        "Given x the entries of a@x are independent N(0, |x|²), and they are drawn so, without the matrix.",
    ),
    (
        "conv_default_init",
        "Windows on the background are all alike and those on strokes have a larger mean square: a mixture of lengths, \
         where theory has one.",
    ),
    (
        "conv_kaiming_relu",
        "Of a mixture of lengths the mean is lower than theory's and the std higher; the start is not at fault.",
    ),
    ("conv_kaiming_uniform_relu", "a = √5 makes the bound 1/√fan_in, which is torch's default: the same draws."),
    (
        "convnet_default",
        "torch's default keeps a sixth of the mean square in each ReLU layer: the output hardly depends on the image.",
    ),
    (
        "train_default_lr09",
        "At 0.9 without clipping some runs stay at guessing for an epoch or for good. They belong to what the lesson could \
         have drawn, and make the range so wide that it hardly excludes anything.",
    ),
    (
        "train_kaiming_lr09",
        "conv1 is the first convolution before training, on one batch of 512. It has only eight channels: a draw may \
         lie far from theory.",
    ),
    ("train_scheduled_normal", "The gain is that for a leak of 0.1, which this plain ReLU has not: √(2/1.01)."),
    (
        "lsuv_before",
        "The signal falls faster than theory says, because of the padding: of the last convolution's windows 4 of 9 \
         inputs are pixels, the others zeros.",
    ),
    (
        "lsuv_after",
        "The lesson moves the shift first and scales the weight second, which moves the mean again. Weight first and \
         shift second, as [init.lsuv] does it, ends with mean 0 and std 1.",
    ),
    (
        "train_after_lsuv_lr06",
        "With std 1 in every layer gradients are larger too: at 0.6 without clipping some runs leave the range of float32 \
         in their first steps, on both executors of this program alike. The lesson's did not.",
    ),
    ("deep_relu_vanishes_unit", "Each layer is √2 too small: after 50 of them, 2^25 times smaller than the next one."),
    (
        "deep_relu_kaiming",
        "Kaiming keeps the mean square on average only. At width 100 its logarithm walks: after 50 layers it is N(-1.25, \
         2.5).",
    ),
];

#[cfg(test)]
mod tests {
    use super::*;
    use crate::lesson::reference::references;

    #[test]
    fn every_note_belongs_to_a_result() {
        let results = references();
        for (id, note) in NOTES {
            assert!(results.iter().any(|result| result.id == id), "{id}");
            assert!(note.ends_with('.') && note.len() < 320, "{id}: one or two sentences");
        }
    }
}
