//! Draws `sharpness.csv`: λ₁ over time beside the limit of stable steps.

use crate::record::read::RunRecords;
use crate::report::chart::{Axis, Chart, Series, Shape};
use crate::report::page::Section;
use crate::report::palette::Style;
use crate::report::thin::thin;

/// Points of a curve at most.
const POINTS: usize = 160;

/// The section about curvature; without blocks if none was recorded.
pub fn section(run: &RunRecords) -> Section {
    let mut section = Section::new("Curvature");
    if run.sharpness.is_empty() {
        return section;
    }
    section.text(
        "The largest eigenvalue of the loss's Hessian on a fixed part of the training images. Gradient descent overshoots along its \
         direction where it is above the limit, 2/η without momentum; with all images a step, it rises to the limit and stays there, at \
         the edge of stability (Cohen et al. 2021).",
    );
    let curve = |name: &str, column: &str, place: usize, shape: Shape| {
        let (xs, ys) = (run.sharpness.get("step"), run.sharpness.get(column));
        let points = thin(xs.iter().copied(), ys.iter().copied(), POINTS);
        Series::new(name, Style::Category(place), shape, points)
    };
    let mut series = vec![curve("sharpness", "sharpness", 0, Shape::Marked), curve("limit", "limit", 1, Shape::Stairs)];
    series.retain(|series| series.points.iter().any(|point| point.y.is_finite()));
    section.chart(Chart {
        title: "Sharpness".into(),
        about: "Largest eigenvalue of the Hessian, and the one at which steps of this size begin to overshoot.".into(),
        x: Axis::counts("step"),
        y: Axis::log("eigenvalue"),
        series,
        rules: Vec::new(),
    });
    section
}
