//! The depth up to which theory expects an arm's networks to train, as a line over the map of what trained.

use crate::numerals::number;
use crate::report::heat::Line;
use crate::report::study::Study;

/// Explanation of the line, and of where it lies if it is not on the map.
pub const ABOUT: &str = "The dashed line is the depth up to which networks are expected to train: from there on the gradient changes, from the \
     last hidden layer to the first, by more than any learning rate made up for in trainings of MLPs on MNIST. It runs along the \
     edge where that depth is beyond the grid.";

/// A depth that stands for infinity, so that its logarithm is a number.
const FAR: f64 = 1e12;

/// A cell of the map along the axis of the depth.
#[derive(Clone, Copy)]
struct Cell {
    /// Its place along the axis, in cells.
    centre: f64,
    depth: f64,
    /// Hidden layers that are expected to train; infinitely many where no limit is near.
    trainable: f64,
}

impl Cell {
    /// How much deeper it is than is expected to train, as a logarithm.
    fn excess(self) -> f64 {
        (self.depth / self.trainable.clamp(1.0 / FAR, FAR)).ln()
    }
}

impl Study<'_> {
    /// The line over an arm's map, whose axes are the study's two; or why there is none.
    pub(super) fn predicted(&self, arm: &str) -> Result<Line, &'static str> {
        let axes = &self.record.axes;
        let cell = |deep: usize, along: usize, across: usize| {
            let mut point = vec![String::new(); 2];
            point[deep].clone_from(&axes[deep].values[along]);
            point[1 - deep].clone_from(&axes[1 - deep].values[across]);
            let found = self.summary(arm, &point)?.predicted_depth?;
            let trainable = found.trainable.unwrap_or(f64::INFINITY);
            Some(Cell { centre: along as f64 + 0.5, depth: found.depth as f64, trainable })
        };
        let lines = |deep: usize| -> Vec<Vec<Cell>> {
            let line = |across| (0..axes[deep].values.len()).filter_map(|along| cell(deep, along, across)).collect();
            (0..axes[1 - deep].values.len()).map(line).collect()
        };
        if lines(0).iter().all(Vec::is_empty) {
            return Err(
                "No prediction is drawn: mean field theory's is for plain MLPs of equal widths from independent weights.",
            );
        }
        let (deep, lines) = [0, 1]
            .map(|deep| (deep, lines(deep)))
            .into_iter()
            .find(|(_, lines)| lines.iter().all(|cells| cells.is_empty() || deepen(cells)))
            .ok_or("No prediction is drawn: neither axis is the depth of the network.")?;
        let edge = axes[deep].values.len() as f64;
        let corner = |(across, cells): (usize, &Vec<Cell>)| {
            let place = if cells.is_empty() { f64::NAN } else { crossing(cells).clamp(0.0, edge) };
            let ends = [across as f64, across as f64 + 1.0];
            ends.map(|end| if deep == 0 { (place, end) } else { (end, place) })
        };
        let across = &axes[1 - deep];
        Ok(Line {
            label: "predicted trainable depth".into(),
            path: lines.iter().enumerate().flat_map(corner).collect(),
            side: across.name.clone(),
            values: across.values.iter().cloned().zip(lines.iter().map(|cells| expected(cells))).collect(),
        })
    }
}

/// True if each cell is deeper than the one before.
fn deepen(cells: &[Cell]) -> bool {
    cells.len() > 1 && cells.windows(2).all(|pair| pair[0].depth < pair[1].depth)
}

/// Where the cells become deeper than is expected to train, between their centres by the logarithm of the depth.
fn crossing(cells: &[Cell]) -> f64 {
    let last = &cells[cells.len() - 2..];
    let pair = cells.windows(2).find(|pair| pair[1].excess() > 0.0).unwrap_or(last);
    let (a, b) = (pair[0].excess(), pair[1].excess());
    let share = if b > a { -a / (b - a) } else { -a.signum() * FAR };
    pair[0].centre + share * (pair[1].centre - pair[0].centre)
}

/// The expected depth in words; from the least to the most where it depends on the depth itself.
fn expected(cells: &[Cell]) -> String {
    let depths = || cells.iter().map(|cell| cell.trainable);
    match (depths().reduce(f64::min), depths().reduce(f64::max)) {
        (Some(least), Some(most)) if least == most => number(least),
        (Some(least), Some(most)) => format!("{} … {}", number(least), number(most)),
        _ => "–".into(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn cells(trainable: [f64; 3]) -> Vec<Cell> {
        let cell = |i: usize| Cell { centre: i as f64 + 0.5, depth: [10.0, 20.0, 40.0][i], trainable: trainable[i] };
        (0..3).map(cell).collect()
    }

    #[test]
    fn the_line_crosses_between_the_depths_that_train_and_those_that_do_not() {
        let half = f64::sqrt(2.0);
        for (trainable, want) in [
            ([20.0; 3], 1.5),
            ([10.0 * half; 3], 1.0),
            ([20.0 * half; 3], 2.0),
            ([5.0; 3], -0.5),
            ([80.0; 3], 3.5),
            // The deeper the net, the less of it trains: 20 layers of 40, 40 of 20.
            ([40.0, 40.0, 20.0], 2.0),
        ] {
            assert!((crossing(&cells(trainable)) - want).abs() < 1e-9, "{trainable:?}");
        }
        for (trainable, beyond) in [(f64::INFINITY, true), (0.0, false)] {
            let place = crossing(&cells([trainable; 3]));
            assert!(if beyond { place > 10.0 } else { place < -10.0 }, "{trainable}: {place}");
        }
        // What is expected grows faster than the depth.
        assert!(crossing(&cells([f64::INFINITY, 1e9, f64::INFINITY])) > 10.0);
    }

    #[test]
    fn expected_depths_are_one_number_unless_they_depend_on_the_depth() {
        for (trainable, want) in [([20.0; 3], "20"), ([f64::INFINITY; 3], "∞"), ([10.0, 20.0, 15.0], "10 … 20")] {
            assert_eq!(expected(&cells(trainable)), want);
        }
        assert_eq!(expected(&[]), "–");
    }
}
