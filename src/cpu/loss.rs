//! The losses on slices share their sums and the search for the answer.

/// The loss over a set of rows.
#[derive(Clone, Copy, Debug, Default, PartialEq)]
pub struct LossSums {
    /// Σ of the rows' losses.
    pub loss: f64,
    /// Rows whose prediction is right. A row whose loss is NaN predicts nothing, so it is wrong.
    pub correct: usize,
    /// Rows.
    pub rows: usize,
}

impl LossSums {
    /// Adds the sums of other rows.
    pub fn merge(&mut self, other: &Self) {
        self.loss += other.loss;
        self.correct += other.correct;
        self.rows += other.rows;
    }
}

/// Index of the first largest value; NaN is never chosen.
pub fn argmax(row: &[f32]) -> usize {
    row.iter().enumerate().fold(0, |best, (i, &x)| if x > row[best] || row[best].is_nan() { i } else { best })
}
