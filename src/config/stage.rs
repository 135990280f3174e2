//! `[[model.stages]]`: convolutions of one width, and the pooling after them.

use serde::Serialize;

use crate::config::key::{Key, Keys, Optional, choice, count, form, table};
use crate::config::range::AT_LEAST_1;
use crate::config::{ConfigError, Section, Value};

/// Convolutions of the same width.
#[derive(Clone, Copy, Debug, PartialEq, Serialize)]
pub struct Stage {
    /// Output channels of every layer.
    pub channels: usize,
    /// Layers.
    pub layers: usize,
    /// Kernel height and width.
    pub kernel: [usize; 2],
    /// Stride of the first layer; the others have 1.
    pub stride: usize,
    /// Zeros around the image.
    pub padding: usize,
    /// Pooling after the stage.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub pool: Option<PoolConfig>,
}

/// Pooling over windows.
#[derive(Clone, Copy, Debug, PartialEq, Serialize)]
pub struct PoolConfig {
    /// Maximum or mean.
    pub kind: PoolKind,
    /// Window size.
    pub kernel: usize,
    /// Step between windows.
    pub stride: usize,
    /// Padding (maximum only).
    pub padding: usize,
}

/// Maximum or mean.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum PoolKind {
    /// Maximum.
    Max,
    /// Mean.
    Average,
}

const KERNEL: Key<[usize; 2]> =
    form("kernel", "a size or [height, width]", read_kernel, "Height and width of the window.").default("3");
const CHANNELS: Key<usize> = count("channels", "Output channels of every layer.")
    .within(&[AT_LEAST_1])
    .expects("the output channels of the stage")
    .example("8");
const LAYERS: Key<usize> = count("layers", "Convolutions in the stage.").within(&[AT_LEAST_1]).default("1");
const STRIDE: Key<usize> =
    count("stride", "Stride of the first layer; the others have 1.").within(&[AT_LEAST_1]).default("1");
const PADDING: Optional<usize> =
    count("padding", "Zeros around the image.").or("it is half of the kernel's larger side");
const POOL: Optional<PoolConfig> =
    table("pool", |value| PoolConfig::read(value.to_section()?), "Pooling after the stage.").or("there is none");

const POOL_KIND: Key<PoolKind> = choice(
    "kind",
    || vec![("max", PoolKind::Max, "The maximum."), ("average", PoolKind::Average, "The mean.")],
    "What a window becomes.",
);
const POOL_KERNEL: Key<usize> = count("kernel", "Height and width of the window.").within(&[AT_LEAST_1]).default("2");
const POOL_STRIDE: Optional<usize> =
    count("stride", "Step between windows.").within(&[AT_LEAST_1]).or("it is the kernel");
const POOL_PADDING: Key<usize> = count("padding", "Padding, at most half of the window; 0 for average.").default("0");

/// The keys of a stage and of its pooling.
pub(crate) const KEYS: &[Keys] = &[
    Keys { path: "model.stages", when: "", keys: &[&KERNEL, &CHANNELS, &LAYERS, &STRIDE, &PADDING, &POOL] },
    Keys { path: "model.stages.pool", when: "", keys: &[&POOL_KIND, &POOL_KERNEL, &POOL_STRIDE, &POOL_PADDING] },
];

impl Stage {
    pub(crate) fn read(section: Section<'_>) -> Result<Self, ConfigError> {
        let kernel = section.get(&KERNEL)?;
        let stage = Self {
            channels: section.get(&CHANNELS)?,
            layers: section.get(&LAYERS)?,
            kernel,
            stride: section.get(&STRIDE)?,
            padding: section.find(&PADDING)?.unwrap_or(kernel[0].max(kernel[1]) / 2),
            pool: section.find(&POOL)?,
        };
        section.finish()?;
        Ok(stage)
    }
}

fn read_kernel(value: &Value<'_>) -> Result<[usize; 2], ConfigError> {
    let wrong = || value.wrong("a size or [height, width]");
    let kernel = match (value.as_usize(), value.as_array()) {
        (Some(size), _) => [size, size],
        (None, Some(items)) => {
            let sizes: Option<Vec<_>> = items.iter().map(Value::as_usize).collect();
            sizes.and_then(|sizes| sizes.try_into().ok()).ok_or_else(wrong)?
        }
        (None, None) => return Err(wrong()),
    };
    if kernel.contains(&0) { Err(value.error("must be at least 1, found 0")) } else { Ok(kernel) }
}

impl PoolConfig {
    fn read(section: Section<'_>) -> Result<Self, ConfigError> {
        let kind = section.get(&POOL_KIND)?;
        let kernel = section.get(&POOL_KERNEL)?;
        let stride = section.find(&POOL_STRIDE)?.unwrap_or(kernel);
        let padding = section.get(&POOL_PADDING)?;
        if kind == PoolKind::Average && padding > 0 {
            return Err(section.error(POOL_PADDING.name, "must be 0 for average pooling"));
        }
        if padding > kernel / 2 {
            let most = kernel / 2;
            return Err(section.error(
                POOL_PADDING.name,
                format!(
                    "must be at most half of the pooling window (PyTorch's rule), {most} for {kernel}; found {padding}"
                ),
            ));
        }
        section.finish()?;
        Ok(Self { kind, kernel, stride, padding })
    }
}
