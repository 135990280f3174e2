//! Mirrored blocks (Balduzzi et al. 2017, "The shattered gradients problem", section 4): units in pairs of opposite sign, so that
//! a network of ReLU layers starts as a linear map.
//!
//! A layer's sums are (u, −u). Behind a ReLU the next layer subtracts the second half, max(−u, 0), from the first, max(u, 0), which
//! gives u back: its weight is `[W −W; −W W]`. The first layer has no halves before it and is `[W; −W]`, the last is `[W −W]`.
//! W is orthogonal, so that the map keeps lengths as orthogonal layers without a ReLU do.

/// The sides of a weight on which units stand in pairs.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Mirror {
    /// The second half of the outputs is the first with the other sign.
    pub outputs: bool,
    /// The second half of the inputs counts against the first.
    pub inputs: bool,
}

impl Mirror {
    /// Outputs and inputs of W in a weight of `shape`.
    pub fn block(self, shape: &[usize]) -> [usize; 2] {
        let half = |halved: bool, size: usize| if halved { size / 2 } else { size };
        [half(self.outputs, shape[0]), half(self.inputs, shape[1])]
    }

    /// Copies of W, of either sign.
    pub fn copies(self) -> usize {
        (1 + usize::from(self.outputs)) * (1 + usize::from(self.inputs))
    }

    /// Why a weight of `shape` has no such halves.
    pub fn misfit(self, shape: &[usize]) -> Option<String> {
        let odd = |halved: bool, size: usize, what: &str| {
            (halved && size % 2 == 1).then(|| format!("{size} {what} do not stand in pairs; expected an even number"))
        };
        odd(self.outputs, shape[0], "outputs").or_else(|| odd(self.inputs, shape[1], "inputs"))
    }

    /// W (`[rows, columns]`, row-major) with its copies.
    pub fn unfold(self, block: &[f64], rows: usize, columns: usize) -> Vec<f64> {
        let (all_rows, all_columns) =
            (rows * (1 + usize::from(self.outputs)), columns * (1 + usize::from(self.inputs)));
        let entry = |i: usize| {
            let (row, column) = (i / all_columns, i % all_columns);
            let sign = if (row < rows) == (column < columns) { 1.0 } else { -1.0 };
            sign * block[row % rows * columns + column % columns]
        };
        (0..all_rows * all_columns).map(entry).collect()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn each_side_is_mirrored_alone_and_both_together() {
        let unfold = |outputs, inputs| Mirror { outputs, inputs }.unfold(&[1.0, 2.0], 1, 2);
        assert_eq!(unfold(false, false), [1.0, 2.0]);
        assert_eq!(unfold(true, false), [1.0, 2.0, -1.0, -2.0]);
        assert_eq!(unfold(false, true), [1.0, 2.0, -1.0, -2.0]);
        assert_eq!(unfold(true, true), [1.0, 2.0, -1.0, -2.0, -1.0, -2.0, 1.0, 2.0]);
    }
}
