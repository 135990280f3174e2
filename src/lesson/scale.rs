//! The scale on which draws of a number are closest to normal, so that no range leaves what is possible.

/// A scale.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Scale {
    /// The number itself.
    Plain,
    /// Its logarithm, for sizes.
    Log,
    /// The logarithm of x/(1 − x), for shares.
    LogOdds,
}

impl Scale {
    /// The scale of the number called `name`, if all its draws have a place there, else the plain one.
    pub(super) fn of(name: &str, draws: &[f64]) -> Self {
        let is_one_of = |words: &[&str]| words.iter().any(|word| name.contains(word));
        let within = |low: f64, high: f64| draws.iter().all(|&x| x > low && x < high);
        if is_one_of(&["accuracy"]) && within(0.0, 1.0) {
            Self::LogOdds
        } else if is_one_of(&[".std", "_std", "mse", "rms", "square", "loss"]) && within(0.0, f64::INFINITY) {
            Self::Log
        } else {
            Self::Plain
        }
    }

    /// Onto the scale.
    pub(super) fn to(self, x: f64) -> f64 {
        match self {
            Self::Plain => x,
            Self::Log => x.ln(),
            Self::LogOdds => (x / (1.0 - x)).ln(),
        }
    }

    /// Back from it.
    pub(super) fn from(self, x: f64) -> f64 {
        match self {
            Self::Plain => x,
            Self::Log => x.exp(),
            Self::LogOdds => 1.0 / (1.0 + (-x).exp()),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn each_number_has_its_scale_unless_a_draw_has_no_place_there() {
        for (name, draws, scale) in [
            ("relu_xavier.mean", [-0.1, 0.4], Scale::Plain),
            ("relu_xavier.std", [0.5, 0.7], Scale::Log),
            ("products_vanish.std", [0.0, 0.0], Scale::Plain),
            ("train_x.train_loss.1", [2.3, 0.4], Scale::Log),
            ("train_x.valid_accuracy.1", [0.1, 0.97], Scale::LogOdds),
            ("train_x.valid_accuracy.1", [0.1, 1.0], Scale::Plain),
        ] {
            assert_eq!(Scale::of(name, &draws), scale, "{name}");
            draws.iter().for_each(|&x| assert!((scale.from(scale.to(x)) - x).abs() < 1e-12, "{x}"));
        }
    }
}
