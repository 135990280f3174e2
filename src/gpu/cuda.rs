//! Kernels of our own for NVIDIA GPUs, where candle's need many passes or leave the GPU idle.
//!
//! Every function answers `None` where its kernels do not serve (another device or type, no room in shared memory), and
//! then the caller goes through candle's tensors. The kernels add in a fixed order: the same call gives the same bits.

mod batch;
mod conv;
mod gradients;
mod launch;
mod observe;
mod phi;
mod pool;

pub use batch::{cross_entropy, images};
pub use conv::Convolution;
pub use gradients::{join, squares_of_ranges};
pub use observe::{histogram, observe};
pub use phi::{phi_backward, phi_backward_sums, phi_forward};
pub use pool::{mean_of_pixels, mean_of_pixels_backward};

/// The kernels as PTX.
mod ptx {
    include!(concat!(env!("OUT_DIR"), "/ptx.rs"));
}
