//! NumPy's arrays from the crate's values, by bytes that become the array's memory.

use pyo3::prelude::*;
use pyo3::types::PyByteArray;

/// A number that NumPy knows.
pub trait Number: Copy {
    /// Its name there.
    const NAME: &'static str;
    /// Its bytes, lowest first, as in memory.
    fn bytes(self) -> [u8; 8];
    /// How many of them count.
    const SIZE: usize;
}

impl Number for f32 {
    const NAME: &'static str = "<f4";
    const SIZE: usize = 4;
    fn bytes(self) -> [u8; 8] {
        u64::from(self.to_bits()).to_le_bytes()
    }
}

impl Number for f64 {
    const NAME: &'static str = "<f8";
    const SIZE: usize = 8;
    fn bytes(self) -> [u8; 8] {
        self.to_le_bytes()
    }
}

impl Number for i64 {
    const NAME: &'static str = "<i8";
    const SIZE: usize = 8;
    fn bytes(self) -> [u8; 8] {
        self.to_le_bytes()
    }
}

/// An array of its own, row-major, of this shape.
///
/// # Errors
/// NumPy is not there.
pub fn array<'py, T: Number>(py: Python<'py>, values: &[T], shape: &[usize]) -> PyResult<Bound<'py, PyAny>> {
    let bytes = PyByteArray::new_with(py, T::SIZE * values.len(), |to| {
        for (to, value) in to.chunks_exact_mut(T::SIZE).zip(values) {
            to.copy_from_slice(&value.bytes()[..T::SIZE]);
        }
        Ok(())
    })?;
    let flat = py.import("numpy")?.call_method1("frombuffer", (bytes, T::NAME))?;
    flat.call_method1("reshape", (shape.to_vec(),))
}
