//! Colours, dashes and markers. No two series of a chart differ by colour alone.

use std::fmt::Write;

/// How a series looks: what is told apart by kind, or what has an order.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Style {
    /// One of several things without an order, such as arms.
    Category(usize),
    /// A place between the first and the last, such as a layer's depth: of so many.
    Depth(usize, usize),
}

/// Colours of categories on a light and on a dark page: the palette of Okabe and Ito (2008), made darker or lighter
/// where the page would swallow it.
const CATEGORIES: [(&str, &str); 8] = [
    ("#0072b2", "#56b4e9"),
    ("#d55e00", "#f0803c"),
    ("#009e73", "#2bc79a"),
    ("#b0568f", "#d98db8"),
    ("#b87700", "#f0b030"),
    ("#2f9bd8", "#a8d8f5"),
    ("#444444", "#e0e0e0"),
    ("#8a8000", "#f0e442"),
];

/// Places in the order of depth that have a colour of their own.
pub const DEPTHS: usize = 8;

/// Dash patterns; the first is a solid line.
const DASHES: [&str; 4] = ["", "7 3", "2 3", "9 3 2 3"];

/// Outlines of markers around (0, 0).
const MARKERS: [&str; 6] = [
    "M-3.5,0A3.5,3.5 0 1 0 3.5,0A3.5,3.5 0 1 0 -3.5,0Z",
    "M-3,-3H3V3H-3Z",
    "M0,-4L4,3H-4Z",
    "M0,-4.5L4.5,0L0,4.5L-4.5,0Z",
    "M0,4L4,-3H-4Z",
    "M-1.2,-4H1.2V-1.2H4V1.2H1.2V4H-1.2V1.2H-4V-1.2H-1.2Z",
];

impl Style {
    /// The class that colours it.
    pub fn class(self) -> String {
        match self {
            Self::Category(i) => format!("s{}", i % CATEGORIES.len()),
            Self::Depth(i, n) => format!("d{}", if n < 2 { 0 } else { i * (DEPTHS - 1) / (n - 1) }),
        }
    }

    fn place(self) -> usize {
        match self {
            Self::Category(i) | Self::Depth(i, _) => i,
        }
    }

    /// The value of `stroke-dasharray`; empty for a solid line. Every round through the colours has other dashes.
    pub fn dash(self) -> &'static str {
        let place = self.place();
        DASHES[(place + place / CATEGORIES.len()) % DASHES.len()]
    }

    /// The outline of its marker.
    pub fn marker(self) -> &'static str {
        let place = self.place();
        MARKERS[(place + place / CATEGORIES.len()) % MARKERS.len()]
    }
}

/// Rules that colour every style: `light` and `dark` pages have their own.
pub fn rules(dark: bool) -> String {
    let mut css = String::new();
    let depths = (0..DEPTHS).map(|i| {
        let share = i as f64 / (DEPTHS - 1) as f64;
        // The two ends of the scale would be lost against one of the pages.
        let [r, g, b] = sequential(if dark { 0.3 + 0.7 * share } else { 0.78 * share });
        (format!("d{i}"), format!("#{r:02x}{g:02x}{b:02x}"))
    });
    let categories = CATEGORIES
        .iter()
        .enumerate()
        .map(|(i, (on_light, on_dark))| (format!("s{i}"), if dark { on_dark } else { on_light }.to_string()));
    for (class, colour) in categories.chain(depths) {
        writeln!(css, ".{class} .line{{stroke:{colour}}}.{class} .fill{{fill:{colour}}}")
            .expect("strings take everything");
    }
    css
}

/// The colour of `share` (0 to 1) on the scale from dark blue over green to light yellow; its lightness only grows, so
/// that it reads the same in grey and with any colour vision.
pub fn sequential(share: f64) -> [u8; 3] {
    const ANCHORS: [[f64; 3]; 6] = [
        [26.0, 20.0, 70.0],
        [46.0, 66.0, 130.0],
        [36.0, 118.0, 140.0],
        [70.0, 168.0, 122.0],
        [166.0, 208.0, 84.0],
        [253.0, 236.0, 120.0],
    ];
    let place = share.clamp(0.0, 1.0) * (ANCHORS.len() - 1) as f64;
    let below = (place.floor() as usize).min(ANCHORS.len() - 2);
    let part = place - below as f64;
    std::array::from_fn(|c| (ANCHORS[below][c] * (1.0 - part) + ANCHORS[below + 1][c] * part).round() as u8)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_lightness_of_the_sequential_scale_only_grows() {
        let linear = |c: u8| (f64::from(c) / 255.0).powf(2.2);
        let luminance = |[r, g, b]: [u8; 3]| 0.2126 * linear(r) + 0.7152 * linear(g) + 0.0722 * linear(b);
        let steps: Vec<f64> = (0..=100).map(|i| luminance(sequential(f64::from(i) / 100.0))).collect();
        assert!(steps.windows(2).all(|pair| pair[0] < pair[1]), "{steps:?}");
    }

    #[test]
    fn no_two_of_24_categories_share_colour_dash_and_marker() {
        let looks: std::collections::BTreeSet<_> =
            (0..24).map(Style::Category).map(|style| (style.class(), style.dash(), style.marker())).collect();
        assert_eq!(looks.len(), 24);
    }
}
