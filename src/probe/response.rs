//! How an activation answers a small change of a layer's lengths and correlations, and how much chance n units leave: the
//! scalar mathematics of the forward prediction and of its bands.

use crate::probe::band::LogMap;
use crate::theory::pair::PairResponse;

/// Slope and curvature of log `E[φ²]` against log q.
pub(super) fn log_map(response: &PairResponse, q: f64) -> LogMap {
    let slope = |q: f64| {
        let m = response.moments(q);
        if m.mean_square > 0.0 { q * m.growth / m.mean_square } else { 0.0 }
    };
    LogMap { slope: slope(q), curvature: log_slope(q, slope) }
}

/// df/d(log q).
pub(super) fn log_slope(q: f64, f: impl Fn(f64) -> f64) -> f64 {
    const STEP: f64 = 0.05;
    (f(q * STEP.exp()) - f(q * (-STEP).exp())) / (2.0 * STEP)
}

/// Slope of the correlation of h against that of z, at length q.
pub(super) fn correlation_slope(response: &PairResponse, q: f64, c: f64) -> f64 {
    let square = response.moments(q).mean_square;
    let (low, high) = ((c - 1e-3).max(-1.0), (c + 1e-3).min(1.0));
    if square > 0.0 {
        (response.product(q, q, high) - response.product(q, q, low)) / ((high - low) * square)
    } else {
        0.0
    }
}

/// `E[φ′(u₁)φ′(u₂)]`/`E[φ′²]` at length q, by Price's theorem from the slope of the correlation.
pub(super) fn slope_correlation(response: &PairResponse, q: f64, c: f64) -> f64 {
    let m = response.moments(q);
    let at_one = q * m.slope_square;
    if at_one > 0.0 { (correlation_slope(response, q, c) * m.mean_square / at_one).clamp(-1.0, 1.0) } else { 0.0 }
}

/// n times the variance of the correlation h·h′/(|h||h′|) over n units, by the delta method: `E[(φφ′/b − r(φ²+φ′²)/2b)²]`
/// with b = `E[φ²]` and r the expected correlation.
pub(super) fn correlation_noise(response: &PairResponse, q: f64, c: f64) -> f64 {
    let (phi, square) = (response.phi(), response.moments(q).mean_square);
    if square <= 0.0 {
        return 0.0;
    }
    let r = response.product(q, q, c) / square;
    let (sigma, s) = (q.sqrt(), ((1.0 - c) * (1.0 + c)).max(0.0).sqrt());
    // A band needs two digits: the midpoint rule on 60² cells of ±6 standard deviations has them, kinks and all.
    const CELLS: i32 = 60;
    let node = |i: i32| (f64::from(i) + 0.5) / f64::from(CELLS) * 12.0 - 6.0;
    let cell = (12.0 / f64::from(CELLS)).powi(2);
    let mut sum = 0.0;
    for i in 0..CELLS {
        let (z1, h1) = (node(i), phi.value(sigma * node(i)));
        for j in 0..CELLS {
            let z2 = node(j);
            let h2 = phi.value(sigma * (c * z1 + s * z2));
            let deviation = (h1 * h2 - 0.5 * r * (h1 * h1 + h2 * h2)) / square;
            sum += (-0.5 * (z1 * z1 + z2 * z2)).exp() / std::f64::consts::TAU * cell * deviation * deviation;
        }
    }
    sum
}
