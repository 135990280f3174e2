//! A pen that bends strokes at random and inks them on 28×28 pixels.
//!
//! Only additions, multiplications, divisions, square roots and the `libm` crate's sine are used, so the same
//! draws give the same bytes on every machine.

use std::f64::consts::TAU;

use rand::RngCore;

use crate::data::digits::shapes::{Stroke, Style};
use crate::rng::{Rng, uniform};

/// Height and width of an image in pixels.
pub const SIZE: usize = 28;

/// Straight pieces between two control points of a curve.
const PIECES: usize = 5;

/// A draw of mean 0, standard deviation 1 and at most 3.5 in size: a sum of four uniforms, which unlike a normal
/// draw needs no logarithm and cannot tear a digit apart.
fn bell(rng: &mut Rng) -> f64 {
    let bits = rng.next_u64();
    let sum: u64 = (0..4).map(|i| bits >> (16 * i) & 0xffff).sum();
    (sum as f64 / 65535.0 - 2.0) * (3.0f64).sqrt()
}

fn between(rng: &mut Rng, low: f64, high: f64) -> f64 {
    low + (high - low) * uniform(rng)
}

/// Draws `style` once into `pixels`, `[SIZE, SIZE]`, as one random hand would.
pub fn draw(style: Style, rng: &mut Rng, pixels: &mut [u8]) {
    let mut lines: Vec<Vec<[f64; 2]>> = style.iter().map(|stroke| trace(stroke, rng)).collect();
    let hand = Hand::new(rng);
    lines.iter_mut().flatten().for_each(|point| *point = hand.bend(*point));
    let place = hand.placement(&lines);
    lines.iter_mut().flatten().for_each(|point| *point = [point[0] + place[0], point[1] + place[1]]);
    ink(&lines, hand.radius as f32, hand.softness as f32, pixels);
}

/// The points of a stroke, its control points shifted a little. Units: heights of the digit, centred.
fn trace(stroke: &Stroke, rng: &mut Rng) -> Vec<[f64; 2]> {
    let (Stroke::Curve(points) | Stroke::Line(points)) = stroke;
    let mut jitter = || 0.026 * bell(rng);
    let control: Vec<[f64; 2]> = points
        .iter()
        .map(|&[x, y]| [f64::from(x) / 100.0 - 0.35 + jitter(), f64::from(y) / 100.0 - 0.5 + jitter()])
        .collect();
    match stroke {
        Stroke::Line(_) => control,
        Stroke::Curve(_) => smooth(&control),
    }
}

/// A Catmull–Rom spline through `control` in straight pieces; the ends are doubled so that it reaches them.
fn smooth(control: &[[f64; 2]]) -> Vec<[f64; 2]> {
    let at = |i: usize| control[i.clamp(1, control.len()) - 1];
    let mut points = vec![control[0]];
    for i in 1..control.len() {
        let [a, b, c, d] = [at(i - 1), at(i), at(i + 1), at(i + 2)];
        for piece in 1..=PIECES {
            let t = piece as f64 / PIECES as f64;
            points.push([0, 1].map(|axis| catmull_rom([a[axis], b[axis], c[axis], d[axis]], t)));
        }
    }
    points
}

/// The cubic through `b` (t = 0) and `c` (t = 1) whose slopes there are `(c−a)/2` and `(d−b)/2`.
fn catmull_rom([a, b, c, d]: [f64; 4], t: f64) -> f64 {
    let (linear, square, cube) = (c - a, 2.0 * a - 5.0 * b + 4.0 * c - d, 3.0 * (b - c) + d - a);
    b + 0.5 * t * (linear + t * (square + t * cube))
}

/// How one image is written: everything about it that is drawn at random, bar the control points.
struct Hand {
    /// `[[xx, xy], [yx, yy]]`: size, slant and rotation in one matrix, to pixels.
    matrix: [[f64; 2]; 2],
    /// Amplitude (heights), frequency (waves per height) and phase of the wave that bends x along y, and y along x.
    waves: [[f64; 3]; 2],
    /// Distance of the middle from the image's centre, pixels.
    shift: [f64; 2],
    /// Half the width of the line, pixels.
    radius: f64,
    /// Half the width of the grey seam of the line, pixels.
    softness: f64,
}

impl Hand {
    fn new(rng: &mut Rng) -> Self {
        let height = between(rng, 16.5, 20.5);
        let width = height * (1.0 + 0.17 * bell(rng));
        let (slant, turn) = (0.14 + 0.22 * bell(rng), 0.10 * bell(rng));
        let mut wave = || [0.038 * bell(rng), between(rng, 0.5, 1.3), TAU * uniform(rng)];
        let waves = [wave(), wave()];
        let shift = [1.2 * bell(rng), 1.2 * bell(rng)];
        let radius = (1.15 + 0.33 * bell(rng)).max(0.55);
        let softness = between(rng, 0.45, 0.85);
        // y points down: a slant to the right moves the top, where y is negative, to the right.
        let matrix = [[width, -slant * height - turn * width], [turn * height, height]];
        Self { matrix, waves, shift, radius, softness }
    }

    fn bend(&self, [x, y]: [f64; 2]) -> [f64; 2] {
        let wave =
            |[amplitude, frequency, phase]: [f64; 3], at: f64| amplitude * libm::sin(TAU * frequency * at + phase);
        let (x, y) = (x + wave(self.waves[0], y), y + wave(self.waves[1], x));
        self.matrix.map(|[by_x, by_y]| by_x * x + by_y * y)
    }

    /// Returns the offset that moves the ink's centre of mass to the middle of the image plus the shift, as in MNIST.
    fn placement(&self, lines: &[Vec<[f64; 2]>]) -> [f64; 2] {
        let (mut mass, mut moment) = (0.0, [0.0, 0.0]);
        for pair in lines.iter().flat_map(|line| line.windows(2)) {
            let length = ((pair[1][0] - pair[0][0]).powi(2) + (pair[1][1] - pair[0][1]).powi(2)).sqrt();
            mass += length;
            moment = [0, 1].map(|axis| moment[axis] + length * 0.5 * (pair[0][axis] + pair[1][axis]));
        }
        let middle = (SIZE as f64 - 1.0) / 2.0;
        [0, 1].map(|axis| middle + self.shift[axis] - moment[axis] / f64::max(mass, 1e-9))
    }
}

/// Inks the lines: black within `radius` − `softness` of a line, white beyond `radius` + `softness`.
fn ink(lines: &[Vec<[f64; 2]>], radius: f32, softness: f32, pixels: &mut [u8]) {
    let reach = radius + softness;
    // Squared distance to the nearest line, where it is below reach².
    let mut nearest = [[reach * reach; SIZE]; SIZE];
    for pair in lines.iter().flat_map(|line| line.windows(2)) {
        approach(&mut nearest, pair[0].map(|v| v as f32), pair[1].map(|v| v as f32), reach);
    }
    for (pixel, &squared) in pixels.iter_mut().zip(nearest.iter().flatten()) {
        let depth = ((reach - squared.sqrt()) / (2.0 * softness)).clamp(0.0, 1.0);
        // A smooth seam: the cubic that starts and ends flat.
        *pixel = (255.0 * depth * depth * (3.0 - 2.0 * depth) + 0.5) as u8;
    }
}

/// Lowers `nearest` to the squared distance from the segment `a`–`b` in the box that the segment can reach.
fn approach(nearest: &mut [[f32; SIZE]; SIZE], a: [f32; 2], b: [f32; 2], reach: f32) {
    let range = |axis: usize| {
        let low = (a[axis].min(b[axis]) - reach).max(0.0) as usize;
        let high = (a[axis].max(b[axis]) + reach + 1.0).clamp(0.0, SIZE as f32) as usize;
        low.min(high)..high
    };
    let along = [b[0] - a[0], b[1] - a[1]];
    let inverse = 1.0 / (along[0] * along[0] + along[1] * along[1]).max(1e-6);
    let (columns, first) = (range(0), range(0).start as f32);
    for (row, line) in range(1).clone().zip(&mut nearest[range(1)]) {
        let y = row as f32 - a[1];
        for (i, value) in line[columns.clone()].iter_mut().enumerate() {
            let x = first + i as f32 - a[0];
            let t = ((x * along[0] + y * along[1]) * inverse).clamp(0.0, 1.0);
            let (dx, dy) = (x - t * along[0], y - t * along[1]);
            *value = value.min(dx * dx + dy * dy);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::rng::rng;

    #[test]
    fn bell_has_mean_0_and_std_1_and_is_bounded() {
        let mut rng = rng(0, "test");
        let draws: Vec<f64> = (0..40_000).map(|_| bell(&mut rng)).collect();
        let mean = draws.iter().sum::<f64>() / 4e4;
        let std = (draws.iter().map(|x| x * x).sum::<f64>() / 4e4).sqrt();
        // Four standard errors: 1/√n of the mean, below 1/√(2n) of the std.
        assert!(mean.abs() < 0.02 && (std - 1.0).abs() < 0.015, "{mean} {std}");
        assert!(draws.iter().all(|x| x.abs() < 3.5));
    }

    #[test]
    fn a_curve_passes_through_its_control_points() {
        let control = [[0.0, 0.0], [1.0, 2.0], [3.0, 1.0], [4.0, 4.0]];
        let points = smooth(&control);
        for (i, want) in control.iter().enumerate() {
            assert_eq!(points[i * PIECES], *want);
        }
    }

    #[test]
    fn a_line_is_black_in_the_middle_and_white_beyond_its_reach() {
        let mut pixels = [7; SIZE * SIZE];
        ink(&[vec![[4.0, 10.0], [20.0, 10.0]]], 1.5, 0.5, &mut pixels);
        let at = |x: usize, y: usize| pixels[y * SIZE + x];
        assert_eq!((at(12, 10), at(12, 11), at(12, 12), at(12, 8)), (255, 255, 0, 0));
        assert_eq!((at(3, 10), at(2, 10), at(22, 10), at(0, 0)), (255, 0, 0, 0));
    }

    #[test]
    fn lines_off_the_page_ink_nothing_and_do_not_panic() {
        let mut pixels = [7; SIZE * SIZE];
        ink(&[vec![[-40.0, -9.0], [-30.0, 80.0], [90.0, 90.0]]], 2.0, 1.0, &mut pixels);
        assert!(pixels.iter().all(|&pixel| pixel == 0));
    }
}
