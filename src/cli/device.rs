//! `--device`: where a command computes.

use std::str::FromStr;

use anyhow::Result;

use crate::cli::UsageError;
use crate::cli::output::say;
use crate::train::engine::Compute;
use crate::train::threads::{cores, startable};

/// Where to compute.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum DeviceChoice {
    /// The CPU's kernels.
    Cpu,
    /// The CUDA device of this number, through candle.
    Cuda(usize),
    /// The first CUDA device if it answers, else the CPU.
    Auto,
}

impl FromStr for DeviceChoice {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        let number = text.strip_prefix("cuda:").map(str::parse);
        match (text, number) {
            ("cpu", _) => Ok(Self::Cpu),
            ("auto", _) => Ok(Self::Auto),
            ("cuda", _) => Ok(Self::Cuda(0)),
            (_, Some(Ok(number))) => Ok(Self::Cuda(number)),
            _ => Err("expected cpu, cuda, cuda:N (N counts from 0) or auto".into()),
        }
    }
}

impl std::fmt::Display for DeviceChoice {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match self {
            Self::Cpu => f.write_str("cpu"),
            Self::Cuda(0) => f.write_str("cuda"),
            Self::Cuda(number) => write!(f, "cuda:{number}"),
            Self::Auto => f.write_str("auto"),
        }
    }
}

impl DeviceChoice {
    /// Names to begin with; a GPU's number may be another.
    pub(crate) const NAMES: [(&str, &str); 4] = [
        ("cpu", "The CPU's kernels."),
        ("cuda", "The first GPU."),
        ("cuda:0", "The GPU of this number."),
        ("auto", "A GPU if one answers, else the CPU."),
    ];

    /// The device, made ready; `threads` counts on the CPU. If [`DeviceChoice::Auto`] finds no GPU, stderr says so.
    ///
    /// # Errors
    /// The CUDA device does not answer, or this build knows none.
    pub fn compute(self, threads: usize) -> Result<Compute> {
        let host = host(threads);
        match self {
            Self::Cpu => Ok(host),
            Self::Cuda(_) if !cfg!(feature = "cuda") => {
                let message = "--device cuda: this build has no CUDA; build it with `cargo build --release --features cuda` (docs/cuda.md)";
                Err(UsageError(message.into()).into())
            }
            Self::Cuda(number) => Compute::cuda(number).map_err(|error| {
                let cause = first_line(&error);
                anyhow::anyhow!("CUDA device {number} does not answer: {cause}; see `nvidia-smi`, or use --device cpu")
            }),
            Self::Auto if !cfg!(feature = "cuda") => {
                say("computing on the CPU: this build has no CUDA");
                Ok(host)
            }
            Self::Auto => Ok(Compute::cuda(0).unwrap_or_else(|error| {
                say(&format!("computing on the CPU: no CUDA device answers ({})", first_line(&error)));
                host
            })),
        }
    }
}

/// The CPU with [`host_threads`].
pub fn host(threads: usize) -> Compute {
    Compute::Cpu { threads: host_threads(threads) }
}

/// `threads`, or as many as the system starts; stderr says so if these are fewer.
pub fn host_threads(threads: usize) -> usize {
    let startable = if threads > 1 { startable(threads) } else { threads };
    // At a limit the last half is left alone, and more threads than cores are none: what else is to come needs threads and room too.
    let started = if startable < threads { (startable / 2).clamp(1, cores()) } else { threads };
    if started < threads {
        let limits = "the system starts no more (`ulimit -u`, `ulimit -v`)";
        say(&format!("computing with {started} of {threads} threads: {limits}"));
    }
    started
}

/// candle's errors may carry a backtrace.
fn first_line(error: &candle_core::Error) -> String {
    error.to_string().lines().next().unwrap_or_default().into()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn devices_have_names_and_numbers() {
        for (text, want) in [
            ("cpu", Some(DeviceChoice::Cpu)),
            ("auto", Some(DeviceChoice::Auto)),
            ("cuda", Some(DeviceChoice::Cuda(0))),
            ("cuda:3", Some(DeviceChoice::Cuda(3))),
            ("cuda:", None),
            ("cuda:-1", None),
            ("cuda3", None),
            ("gpu", None),
            ("", None),
        ] {
            assert_eq!(text.parse().ok(), want, "{text}");
            assert!(want.is_none_or(|device| device.to_string() == text), "{text}");
        }
    }
}
