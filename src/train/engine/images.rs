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
            let shape = (data.len(part), data.values_per_image());
            *images = Some(Tensor::from_slice(data.pixels(part), shape, device)?);
        }
        let images = images.as_ref().expect("was just uploaded");
        let indices = Tensor::new(indices.concat(), device)?;
        match data.normalization() {
            [all] => {
                let (scale, offset) = all.affine();
                gpu::gather_images(images, &indices, scale, offset)
            }
            channels => {
                let affine: Vec<(f64, f64)> = channels.iter().map(|channel| channel.affine()).collect();
                gpu::gather_channels(images, &indices, &affine)
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::data::{Dataset, Images, Split};

    #[test]
    fn images_on_a_device_have_the_range_that_was_asked_for() {
        let images = |n: usize| Images {
            pixels: (0..6 * n).map(|i| (i * 51 % 256) as u8).collect(),
            labels: vec![0; n],
            channels: 1,
            rows: 2,
            cols: 3,
        };
        let dataset =
            Dataset { name: "test".into(), sha256: String::new(), classes: 1, train: images(8), test: images(2) };
        let data = Prepared::new(dataset, Split::Usual).unwrap().in_range(Some([-0.5, 0.5]));
        let indices = [5u32, 0, 7];
        let mut wanted = vec![0.0; 18];
        data.gather(Part::Train, &indices, &mut wanted);
        let found = DeviceImages::default().gather(&data, Part::Train, &[&indices], &Device::Cpu).unwrap();
        let found = found.flatten_all().unwrap().to_vec1::<f32>().unwrap();
        assert!(found.iter().zip(&wanted).all(|(a, b)| (a - b).abs() < 1e-6), "{found:?} {wanted:?}");
        // Grey value 0 of image 0, and 255 of a pixel five further.
        assert!((wanted[6] + 0.5).abs() < 1e-6 && (wanted[11] - 0.5).abs() < 1e-6, "{wanted:?}");
    }
}
