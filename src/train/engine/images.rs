//! The data's images on a device.

use candle_core::{Device, Result, Tensor};

use crate::data::{Part, Prepared};
use crate::gpu;

/// The images of both parts on the device, as bytes; each part is uploaded when it is first asked for.
#[derive(Default)]
pub struct DeviceImages {
    train: Option<Tensor>,
    test: Option<Tensor>,
}

impl DeviceImages {
    /// Images by index, normalised, `[batch·row, pixel]`.
    ///
    /// # Errors
    /// The device fails.
    pub fn gather(&mut self, data: &Prepared, part: Part, indices: &[&[u32]], device: &Device) -> Result<Tensor> {
        let images = match part {
            Part::Train => &mut self.train,
            Part::Test => &mut self.test,
        };
        if images.is_none() {
            let shape = (data.len(part), data.pixels_per_image());
            *images = Some(Tensor::from_slice(data.pixels(part), shape, device)?);
        }
        let images = images.as_ref().expect("was just uploaded");
        let (scale, offset) = data.normalization().affine();
        let indices = Tensor::new(indices.concat(), device)?;
        gpu::gather_images(images, &indices, scale, offset)
    }
}
