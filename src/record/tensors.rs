//! Named tensors in safetensors files, byte for byte the same for the same content.

use std::borrow::Cow;
use std::collections::HashMap;
use std::fs::File;
use std::path::Path;

use safetensors::tensor::{SafeTensors, View};
use safetensors::{Dtype, SafeTensorError};
use serde_json::Value;
use sha2::{Digest, Sha256};

use crate::record::RecordError;
use crate::record::whole::Scratch;

/// One tensor to be written.
#[derive(Clone, Debug, PartialEq)]
pub struct NamedTensor<'a> {
    /// Its name in the file.
    pub name: String,
    /// Its dimensions.
    pub shape: Vec<usize>,
    /// Its values.
    pub values: Values<'a>,
}

/// The values of a tensor.
#[derive(Clone, Debug, PartialEq)]
pub enum Values<'a> {
    /// 32-bit floats.
    F32(Cow<'a, [f32]>),
    /// 64-bit integers.
    I64(Cow<'a, [i64]>),
    /// 64-bit floats.
    F64(Cow<'a, [f64]>),
}

impl<'a> NamedTensor<'a> {
    /// A tensor of 32-bit floats.
    pub fn f32(name: impl Into<String>, shape: Vec<usize>, values: impl Into<Cow<'a, [f32]>>) -> Self {
        Self { name: name.into(), shape, values: Values::F32(values.into()) }
    }

    /// A tensor of 64-bit integers.
    pub fn i64(name: impl Into<String>, shape: Vec<usize>, values: impl Into<Cow<'a, [i64]>>) -> Self {
        Self { name: name.into(), shape, values: Values::I64(values.into()) }
    }

    /// A tensor of 64-bit floats.
    pub fn f64(name: impl Into<String>, shape: Vec<usize>, values: impl Into<Cow<'a, [f64]>>) -> Self {
        Self { name: name.into(), shape, values: Values::F64(values.into()) }
    }
}

impl View for &NamedTensor<'_> {
    fn dtype(&self) -> Dtype {
        match self.values {
            Values::F32(_) => Dtype::F32,
            Values::I64(_) => Dtype::I64,
            Values::F64(_) => Dtype::F64,
        }
    }
    fn shape(&self) -> &[usize] {
        &self.shape
    }
    fn data(&self) -> Cow<'_, [u8]> {
        match &self.values {
            Values::F32(values) => values.iter().flat_map(|x| x.to_le_bytes()).collect(),
            Values::I64(values) => values.iter().flat_map(|x| x.to_le_bytes()).collect(),
            Values::F64(values) => values.iter().flat_map(|x| x.to_le_bytes()).collect(),
        }
    }
    fn data_len(&self) -> usize {
        match &self.values {
            Values::F32(values) => size_of_val(&**values),
            Values::I64(values) => size_of_val(&**values),
            Values::F64(values) => size_of_val(&**values),
        }
    }
}

/// Writes `tensors` to `path`, complete or not at all, one after the other, so that no second copy of them all is made. `about` goes
/// into the metadata under the one key `initlab`: one key, because the format's metadata has no order and the bytes should.
///
/// # Errors
/// The file cannot be written; the old one, if there was one, is then still there.
pub fn write(path: &Path, tensors: &[NamedTensor<'_>], about: &Value) -> Result<(), RecordError> {
    let views = tensors.iter().map(|tensor| (tensor.name.as_str(), tensor));
    let metadata = HashMap::from([("initlab".to_string(), about.to_string())]);
    let write = || -> std::io::Result<()> {
        let scratch = Scratch::beside(path);
        let permissions = scratch.file()?.metadata()?.permissions();
        // The library writes to a file of its own beside the one it is told; both are to go with their directory.
        let room = Scratch::beside(path);
        let whole = room.directory()?.join("tensors");
        safetensors::serialize_to_file(views, Some(metadata), &whole).map_err(|error| {
            if let SafeTensorError::IoError(error) = error { plain(error) } else { std::io::Error::other(error) }
        })?;
        let file = File::open(&whole)?;
        // The library's file is for its owner alone; this process gives its files other permissions.
        file.set_permissions(permissions)?;
        file.sync_all()?;
        std::fs::rename(&whole, path)
    };
    write().map_err(RecordError::io(path, "writing the file"))
}

/// The system's error without the name of a temporary file, which tells nobody anything.
fn plain(error: std::io::Error) -> std::io::Error {
    let inner = error.get_ref().and_then(|inner| inner.source()).and_then(|inner| inner.downcast_ref());
    inner.and_then(std::io::Error::raw_os_error).map_or(error, std::io::Error::from_raw_os_error)
}

/// The tensors of a file by name.
pub type Tensors = HashMap<String, NamedTensor<'static>>;

/// SHA-256 over names, shapes and bytes of tensors, in whatever order they come, and a text.
pub fn digest<'a>(tensors: impl IntoIterator<Item = &'a NamedTensor<'a>>, text: &str) -> [u8; 32] {
    let mut tensors: Vec<&NamedTensor<'_>> = tensors.into_iter().collect();
    tensors.sort_by(|a, b| a.name.cmp(&b.name));
    let mut hash = Sha256::new_with_prefix(text);
    for tensor in tensors {
        hash.update(format!("\n{} {:?} {:?}\n", tensor.name, tensor.dtype(), tensor.shape));
        hash.update(tensor.data());
    }
    hash.finalize().into()
}

/// Reads a file that [`write()`] wrote: the tensors by name, and what it says about them.
///
/// # Errors
/// The file is absent, or no such file.
pub fn read(path: &Path) -> Result<(Tensors, Value), RecordError> {
    read_text(path).map(|(tensors, _, about)| (tensors, about))
}

/// Reads as [`read()`], with the text of what the file says about its tensors.
///
/// # Errors
/// The file is absent, or no such file.
pub fn read_text(path: &Path) -> Result<(Tensors, String, Value), RecordError> {
    let bytes = std::fs::read(path).map_err(RecordError::io(path, "reading the file"))?;
    let broken = |what: String| RecordError::Broken {
        path: path.into(),
        what,
        expected: "a safetensors file written by initlab".into(),
        advice: "the file is damaged: start the run again with --overwrite",
    };
    let (_, metadata) = SafeTensors::read_metadata(&bytes).map_err(|e| broken(e.to_string()))?;
    let about = metadata.metadata().as_ref().and_then(|m| m.get("initlab"));
    let text = about.ok_or_else(|| broken("has no metadata of initlab".into()))?;
    let about = serde_json::from_str(text).map_err(|e| broken(e.to_string()))?;
    let file = SafeTensors::deserialize(&bytes).map_err(|e| broken(e.to_string()))?;
    let mut tensors = HashMap::new();
    for (name, view) in file.iter() {
        #[allow(clippy::wildcard_enum_match_arm, reason = "the library may know further types")]
        let values = match view.dtype() {
            Dtype::F32 => Values::F32(numbers(view.data(), f32::from_le_bytes).into()),
            Dtype::I64 => Values::I64(numbers(view.data(), i64::from_le_bytes).into()),
            Dtype::F64 => Values::F64(numbers(view.data(), f64::from_le_bytes).into()),
            other => return Err(broken(format!("tensor {name} has type {other:?}"))),
        };
        tensors.insert(name.to_string(), NamedTensor { name: name.into(), shape: view.shape().to_vec(), values });
    }
    Ok((tensors, text.clone(), about))
}

fn numbers<T, const N: usize>(bytes: &[u8], read: fn([u8; N]) -> T) -> Vec<T> {
    bytes.chunks_exact(N).map(|b| read(b.try_into().expect("chunks of N"))).collect()
}
