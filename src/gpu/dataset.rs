//! A data set as candle's own type, for models and loops that are written on candle and expect what `candle-datasets` gives.
//!
//! The images are those that initlab found and checked: from IDX files of any layout, from the hub, or the built-in digits.

use candle_core::{DType, Device, Result, Tensor};
use candle_datasets::vision;

use crate::data::{Dataset, Images};

/// The set as `candle_datasets::vision::mnist::load` would give it: images `[image, pixel]` as `f32` from 0 to 1, labels `[image]` as
/// bytes.
///
/// # Errors
/// The device fails.
pub fn to_candle(data: &Dataset, device: &Device) -> Result<vision::Dataset> {
    let images = |part: &Images| -> Result<Tensor> {
        let shape = (part.labels.len(), part.dims().iter().product::<usize>());
        Tensor::from_slice(&part.pixels, shape, device)?.to_dtype(DType::F32)? / 255.0
    };
    let labels = |part: &Images| Tensor::from_slice(&part.labels, part.labels.len(), device);
    Ok(vision::Dataset {
        train_images: images(&data.train)?,
        train_labels: labels(&data.train)?,
        test_images: images(&data.test)?,
        test_labels: labels(&data.test)?,
        labels: data.classes,
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::data::{Choice, Request, load};

    #[test]
    fn candle_sees_every_pixel_and_label() {
        let data = load(&Request::new(Choice::Digits)).unwrap().dataset;
        let found = to_candle(&data, &Device::Cpu).unwrap();
        let pixels = data.train.dims().iter().product::<usize>();
        assert_eq!(found.train_images.dims(), [data.train.labels.len(), pixels]);
        let last = found.test_images.get(data.test.labels.len() - 1).unwrap().to_vec1::<f32>().unwrap();
        let bytes = &data.test.pixels[data.test.pixels.len() - pixels..];
        let expected: Vec<f32> = bytes.iter().map(|&byte| f32::from(byte) / 255.0).collect();
        assert!(last.iter().zip(&expected).all(|(found, expected)| (found - expected).abs() < 1e-7));
        assert_eq!((found.train_labels.to_vec1::<u8>().unwrap(), found.labels), (data.train.labels, data.classes));
    }
}
