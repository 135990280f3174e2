//! Long curves in few points, with no extreme lost.

/// A point of a curve with what it stands for: where a window of steps is drawn as one point, its mean and extremes.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Point {
    /// Place along the x axis.
    pub x: f64,
    /// The value, or the mean of the window's finite values; NaN if there are none.
    pub y: f64,
    /// The smallest value that the point stands for.
    pub low: f64,
    /// The largest.
    pub high: f64,
}

impl Point {
    /// A point that stands for itself.
    pub fn new(x: f64, y: f64) -> Self {
        Self { x, y, low: y, high: y }
    }
}

/// At most `columns` points: one for each value where they are few, else one for each window of values.
pub fn thin(
    xs: impl ExactSizeIterator<Item = f64>,
    ys: impl ExactSizeIterator<Item = f64>,
    columns: usize,
) -> Vec<Point> {
    let n = xs.len().min(ys.len());
    let pairs = xs.zip(ys);
    if n <= columns {
        return pairs.map(|(x, y)| Point::new(x, y)).collect();
    }
    let mut points = Vec::with_capacity(columns);
    let (mut window, mut end) = (Window::default(), n / columns);
    for (i, (x, y)) in pairs.enumerate() {
        window.add(x, y);
        if i + 1 == end {
            points.push(window.point());
            window = Window::default();
            // Windows differ by one value at most, and the last ends with the curve.
            end = (points.len() + 1) * n / columns;
        }
    }
    points
}

#[derive(Default)]
struct Window {
    n: usize,
    x: f64,
    finite: usize,
    sum: f64,
    low: f64,
    high: f64,
}

impl Window {
    fn add(&mut self, x: f64, y: f64) {
        self.n += 1;
        self.x += x;
        if !y.is_finite() {
            return;
        }
        (self.low, self.high) = if self.finite == 0 { (y, y) } else { (self.low.min(y), self.high.max(y)) };
        self.finite += 1;
        self.sum += y;
    }

    fn point(&self) -> Point {
        let x = self.x / self.n as f64;
        if self.finite == 0 {
            return Point::new(x, f64::NAN);
        }
        Point { x, y: self.sum / self.finite as f64, low: self.low, high: self.high }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn curve(ys: &[f64], columns: usize) -> Vec<Point> {
        thin((0..ys.len()).map(|i| i as f64), ys.iter().copied(), columns)
    }

    #[test]
    fn a_short_curve_keeps_every_point() {
        assert_eq!(curve(&[1.0, 2.0, 3.0], 3), [Point::new(0.0, 1.0), Point::new(1.0, 2.0), Point::new(2.0, 3.0)]);
    }

    #[test]
    fn no_extreme_of_a_long_curve_is_lost() {
        let mut ys: Vec<f64> = (0..5003).map(|i| f64::from(i % 7)).collect();
        (ys[17], ys[2501], ys[5002]) = (-40.0, 900.0, 50.0);
        let points = curve(&ys, 160);
        assert_eq!(points.len(), 160);
        let low = points.iter().map(|p| p.low).fold(f64::INFINITY, f64::min);
        let high = points.iter().map(|p| p.high).fold(f64::NEG_INFINITY, f64::max);
        assert_eq!((low, high, points[159].high), (-40.0, 900.0, 50.0));
    }

    #[test]
    fn values_that_are_not_finite_leave_a_gap_only_where_nothing_else_is() {
        let mut ys = vec![f64::NAN; 20];
        ys[3] = 2.0;
        let points = curve(&ys, 4);
        assert_eq!(points[0].y, 2.0);
        assert!(points[1..].iter().all(|p| p.y.is_nan()));
    }
}
