//! Memory for the kernels that begins where a cache line does.

use std::ops::{Deref, DerefMut};

/// Values in a cache line.
const LINE: usize = 16;

#[derive(Clone, Copy)]
#[repr(C, align(64))]
struct Line([f32; LINE]);

/// A vector of values whose first one begins a cache line, so that no vector register straddles two: what the system's allocator gives
/// begins 16 bytes into one, and then every access of 64 bytes costs two.
#[derive(Clone, Default)]
pub struct Buffer {
    lines: Vec<Line>,
    len: usize,
}

impl Buffer {
    /// `len` zeros.
    pub fn zeros(len: usize) -> Self {
        let mut buffer = Self::default();
        buffer.resize(len);
        buffer
    }

    /// Changes the number of values; those that stay keep what they were, new ones are zero.
    pub fn resize(&mut self, len: usize) {
        let before = std::mem::replace(&mut self.len, len);
        self.lines.resize(len.div_ceil(LINE), Line([0.0; LINE]));
        if let Some(rest) = self.get_mut(before..before.next_multiple_of(LINE).min(len)) {
            rest.fill(0.0);
        }
    }
}

impl From<&[f32]> for Buffer {
    fn from(values: &[f32]) -> Self {
        let mut buffer = Self::zeros(values.len());
        buffer.copy_from_slice(values);
        buffer
    }
}

impl Deref for Buffer {
    type Target = [f32];

    fn deref(&self) -> &[f32] {
        // SAFETY: the lines hold at least `len` values, one after the other.
        unsafe { std::slice::from_raw_parts(self.lines.as_ptr().cast(), self.len) }
    }
}

impl DerefMut for Buffer {
    fn deref_mut(&mut self) -> &mut [f32] {
        // SAFETY: as above, and they are borrowed mutably.
        unsafe { std::slice::from_raw_parts_mut(self.lines.as_mut_ptr().cast(), self.len) }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_buffer_begins_a_line_and_keeps_its_values_as_it_grows() {
        let mut buffer = Buffer::default();
        assert!(buffer.is_empty());
        for len in [1, 16, 17, 100, 5000] {
            let before = buffer.to_vec();
            buffer.resize(len);
            assert_eq!(buffer.len(), len);
            assert_eq!(buffer.as_ptr().align_offset(64), 0);
            assert_eq!(buffer[..before.len()], before);
            assert!(buffer[before.len()..].iter().all(|&x| x == 0.0));
            buffer.fill(len as f32);
        }
        buffer.resize(3);
        buffer.resize(40);
        assert_eq!(buffer[..3], [5000.0; 3]);
        assert_eq!(buffer[3..], [0.0; 37]);
    }
}
