//! Images from bytes.

dispatch! {
    /// out = pixel·`scale` + `offset`.
    pub fn normalise(pixels: &[u8], scale: f32, offset: f32, out: &mut [f32]) {
        // One multiplication and one addition per value vectorise; a table of 256 values would not.
        out.iter_mut().zip(pixels).for_each(|(out, &pixel)| *out = f32::from(pixel) * scale + offset);
    }
}

/// Asks for pixels that are wanted soon.
pub fn prefetch(pixels: &[u8]) {
    super::simd::prefetch(pixels);
}
