//! The learning rates that a search tries.

use crate::numerals::rounded_to_three;

/// A grid of learning rates.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Grid {
    /// The lowest rate.
    pub low: f64,
    /// The highest rate.
    pub high: f64,
    /// Rates, at least two.
    pub points: usize,
    /// Seeds of each rate.
    pub seeds: usize,
}

impl Grid {
    /// The grid with `below` more rates under its low end and `above` over its high one, ascending.
    pub fn rates(&self, below: usize, above: usize) -> Vec<f64> {
        let step = (self.high / self.low).ln() / (self.points - 1) as f64;
        let exponents = -(below as i64)..(self.points + above) as i64;
        exponents.map(|i| rounded_to_three(self.low * (step * i as f64).exp())).collect()
    }

    /// Rates that a best one at an edge may add, on both sides together.
    pub fn spare(&self) -> usize {
        self.points
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn rates_are_logarithmic_readable_and_grow_beyond_both_ends() {
        let grid = Grid { low: 0.01, high: 1.0, points: 5, seeds: 1 };
        assert_eq!(grid.rates(0, 0), [0.01, 0.0316, 0.1, 0.316, 1.0]);
        assert_eq!(grid.rates(1, 2), [0.00316, 0.01, 0.0316, 0.1, 0.316, 1.0, 3.16, 10.0]);
    }
}
