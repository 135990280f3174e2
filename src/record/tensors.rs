//! Named tensors in safetensors files, byte for byte the same for the same content.

use std::collections::HashMap;
use std::io::Write;
use std::path::Path;

use safetensors::Dtype;
use safetensors::tensor::{SafeTensors, TensorView};
use serde_json::Value;

use crate::record::RecordError;

/// One tensor to be written.
#[derive(Clone, Debug, PartialEq)]
pub struct NamedTensor {
    /// Its name in the file.
    pub name: String,
    /// Its dimensions.
    pub shape: Vec<usize>,
    /// Its values.
    pub values: Values,
}

/// The values of a tensor.
#[derive(Clone, Debug, PartialEq)]
pub enum Values {
    /// 32-bit floats.
    F32(Vec<f32>),
    /// 64-bit integers.
    I64(Vec<i64>),
    /// 64-bit floats.
    F64(Vec<f64>),
}

impl NamedTensor {
    /// A tensor of 32-bit floats.
    pub fn f32(name: impl Into<String>, shape: Vec<usize>, values: Vec<f32>) -> Self {
        Self { name: name.into(), shape, values: Values::F32(values) }
    }

    /// A tensor of 64-bit integers.
    pub fn i64(name: impl Into<String>, shape: Vec<usize>, values: Vec<i64>) -> Self {
        Self { name: name.into(), shape, values: Values::I64(values) }
    }

    /// A tensor of 64-bit floats.
    pub fn f64(name: impl Into<String>, shape: Vec<usize>, values: Vec<f64>) -> Self {
        Self { name: name.into(), shape, values: Values::F64(values) }
    }
}

/// Writes `tensors` to `path`, complete or not at all. `about` goes into the metadata under the one key `initlab`: one
/// key, because the format's metadata has no order and the bytes should.
///
/// # Errors
/// The file cannot be written.
pub fn write(path: &Path, tensors: &[NamedTensor], about: &Value) -> Result<(), RecordError> {
    let bytes: Vec<(Dtype, Vec<u8>)> = tensors
        .iter()
        .map(|tensor| match &tensor.values {
            Values::F32(v) => (Dtype::F32, v.iter().flat_map(|x| x.to_le_bytes()).collect()),
            Values::I64(v) => (Dtype::I64, v.iter().flat_map(|x| x.to_le_bytes()).collect()),
            Values::F64(v) => (Dtype::F64, v.iter().flat_map(|x| x.to_le_bytes()).collect()),
        })
        .collect();
    let views = tensors.iter().zip(&bytes).map(|(tensor, (dtype, bytes))| {
        let view = TensorView::new(*dtype, tensor.shape.clone(), bytes).expect("shape and values agree");
        (tensor.name.as_str(), view)
    });
    let metadata = HashMap::from([("initlab".to_string(), about.to_string())]);
    let file = safetensors::serialize(views, Some(metadata)).expect("views were just checked");
    write_atomically(path, &file)
}

/// How the names of temporary files begin.
pub(crate) const TEMPORARY: &str = ".initlab-";

/// Writes `bytes` to `path` by way of a temporary file beside it.
///
/// # Errors
/// The file cannot be written; the old one, if there was one, is then still there.
pub fn write_atomically(path: &Path, bytes: &[u8]) -> Result<(), RecordError> {
    let dir = path.parent().filter(|dir| !dir.as_os_str().is_empty()).unwrap_or(Path::new("."));
    let write = || -> std::io::Result<()> {
        let mut file = tempfile::Builder::new().prefix(TEMPORARY).tempfile_in(dir)?;
        file.write_all(bytes)?;
        file.as_file().sync_data()?;
        // A temporary file is private; a record is to be read by whoever may read the directory.
        #[cfg(unix)]
        {
            use std::os::unix::fs::PermissionsExt;
            file.as_file().set_permissions(std::fs::Permissions::from_mode(0o644))?;
        }
        file.persist(path).map_err(|error| error.error)?;
        Ok(())
    };
    write().map_err(RecordError::io(path, "writing the file"))
}

/// Reads a file that [`write()`] wrote: the tensors by name, and what it says about them.
///
/// # Errors
/// The file is absent, or no such file.
pub fn read(path: &Path) -> Result<(HashMap<String, NamedTensor>, Value), RecordError> {
    let bytes = std::fs::read(path).map_err(RecordError::io(path, "reading the file"))?;
    let broken = |what: String| RecordError::Broken {
        path: path.into(),
        what,
        expected: "a safetensors file written by initlab".into(),
        advice: "the file is damaged: start the run again with --overwrite",
    };
    let (_, metadata) = SafeTensors::read_metadata(&bytes).map_err(|e| broken(e.to_string()))?;
    let about = metadata.metadata().as_ref().and_then(|m| m.get("initlab"));
    let about = about.ok_or_else(|| broken("has no metadata of initlab".into()))?;
    let about = serde_json::from_str(about).map_err(|e| broken(e.to_string()))?;
    let file = SafeTensors::deserialize(&bytes).map_err(|e| broken(e.to_string()))?;
    let mut tensors = HashMap::new();
    for (name, view) in file.iter() {
        let values = match view.dtype() {
            Dtype::F32 => Values::F32(numbers(view.data(), f32::from_le_bytes)),
            Dtype::I64 => Values::I64(numbers(view.data(), i64::from_le_bytes)),
            Dtype::F64 => Values::F64(numbers(view.data(), f64::from_le_bytes)),
            other => return Err(broken(format!("tensor {name} has type {other:?}"))),
        };
        tensors.insert(name.to_string(), NamedTensor { name: name.into(), shape: view.shape().to_vec(), values });
    }
    Ok((tensors, about))
}

fn numbers<T, const N: usize>(bytes: &[u8], read: fn([u8; N]) -> T) -> Vec<T> {
    bytes.chunks_exact(N).map(|b| read(b.try_into().expect("chunks of N"))).collect()
}
