//! How often a watch looks, and what it looks for.

/// The settings of a watch; the defaults are those of a config's `[stats]`.
#[derive(Clone, Debug)]
pub(super) struct Settings {
    /// Steps between two records; 0 for none.
    pub every: u64,
    /// Steps between two histograms; 0 for none.
    pub histogram_every: u64,
    /// Bins within the range.
    pub histogram_bins: usize,
    /// Ends of the histograms.
    pub histogram_range: [f64; 2],
    /// |z| or |h| below this counts as near zero.
    pub near_zero: f64,
    /// A gradient below this in size counts as near zero.
    pub gradient_near_zero: f64,
    /// The dimension of a layer's units, where it is not the usual one.
    pub dims: Vec<(String, usize)>,
}

impl Default for Settings {
    fn default() -> Self {
        Self {
            every: 1,
            histogram_every: 20,
            histogram_bins: 70,
            histogram_range: [-7.0, 7.0],
            near_zero: 0.05,
            gradient_near_zero: 1e-8,
            dims: Vec::new(),
        }
    }
}

impl Settings {
    /// The dimension that was set for the units of `layer`.
    pub fn dim_of(&self, layer: &str) -> Option<usize> {
        self.dims.iter().find(|(name, _)| name == layer).map(|(_, dim)| *dim)
    }
}
