//! The shape of one sample between two layers.

/// The shape of one sample between two layers.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Shape {
    /// A vector.
    Flat(usize),
    /// An image.
    Image {
        /// Channels.
        channels: usize,
        /// Rows of pixels.
        height: usize,
        /// Columns of pixels.
        width: usize,
    },
}

impl Shape {
    /// Values in a sample.
    pub fn len(self) -> usize {
        match self {
            Self::Flat(n) => n,
            // What does not fit is refused when the network is planned.
            Self::Image { channels, height, width } => channels.saturating_mul(height).saturating_mul(width),
        }
    }

    /// True if a sample has no values.
    pub fn is_empty(self) -> bool {
        self.len() == 0
    }

    /// Channels of an image, or the length of a vector: the units of a layer with this output.
    pub fn units(self) -> usize {
        match self {
            Self::Flat(n) => n,
            Self::Image { channels, .. } => channels,
        }
    }

    /// Pixels of an image; 1 for a vector.
    pub fn pixels(self) -> usize {
        self.len() / self.units().max(1)
    }

    /// The dimensions as PyTorch orders them, without the batch.
    pub fn dims(self) -> Vec<usize> {
        match self {
            Self::Flat(n) => vec![n],
            Self::Image { channels, height, width } => vec![channels, height, width],
        }
    }
}

impl std::fmt::Display for Shape {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        let dims: Vec<_> = self.dims().iter().map(usize::to_string).collect();
        f.write_str(&dims.join("×"))
    }
}
