//! The two Parquet files of a set on the Hugging Face hub, turned into images.
//!
//! A hub is not trusted, least of all one that `HF_ENDPOINT` names: nothing is kept of its answers but images that
//! [`Known::check`] then knows. The hub's own client keeps what comes in a cache, under names that the answer's ETag
//! gives: `../` leads out of it.

use std::io::Cursor;

use bytes::Bytes;
use image::{ImageFormat, ImageReader, Limits};
use parquet::file::reader::{FileReader, SerializedFileReader};
use parquet::record::{Field, Row};

use crate::data::Images;
use crate::data::client::Client;
use crate::data::known::{self, HubPlace, Known};

/// The hub, unless `HF_ENDPOINT` names a mirror.
const ENDPOINT: &str = "https://huggingface.co";

/// Height and width of the known sets' images, in pixels.
const SIDE: u32 = known::SIDE as u32;

/// More than either Parquet file of a set has.
const MOST_BYTES: u64 = 1 << 26;

/// The most images of a known set's part.
const MOST_IMAGES: usize = 60_000;

/// Gets `known` from its `place`: the training and the test images.
///
/// # Errors
/// Which file does not come, or is none, and why.
pub fn download(known: Known, place: &HubPlace, client: &Client) -> Result<(Images, Images), String> {
    let endpoint = std::env::var("HF_ENDPOINT").ok().filter(|endpoint| !endpoint.is_empty());
    let endpoint = endpoint.as_deref().unwrap_or(ENDPOINT).trim_end_matches('/');
    let HubPlace { repository, folder, bytes } = place;
    let set = format!("{endpoint}/datasets/{repository}");
    client.announce(known.name, &set, *bytes);
    let part = |part: &str| {
        let address = format!("{set}/resolve/refs%2Fconvert%2Fparquet/{folder}/{part}/0000.parquet");
        let bytes = client.get(&address, MOST_BYTES)?;
        decode(bytes.into()).map_err(|reason| format!("what came from {address} is not to be used: {reason}"))
    };
    Ok((part("train")?, part("test")?))
}

/// The images of a Parquet file of rows `{image: {bytes, path}, label}`, as the hub converts image sets.
fn decode(bytes: Bytes) -> Result<Images, String> {
    let reader = SerializedFileReader::new(bytes).map_err(|error| error.to_string())?;
    let mut images =
        Images { pixels: Vec::new(), labels: Vec::new(), channels: 1, rows: SIDE as usize, cols: SIDE as usize };
    for row in reader.get_row_iter(None).map_err(|error| error.to_string())? {
        if images.len() == MOST_IMAGES {
            return Err(format!("found more than {MOST_IMAGES} images"));
        }
        let at = images.len();
        add(&row.map_err(|error| error.to_string())?, &mut images).map_err(|reason| format!("row {at}: {reason}"))?;
    }
    Ok(images)
}

fn add(row: &Row, images: &mut Images) -> Result<(), String> {
    let field = |row: &Row, name: &str| row.get_column_iter().find(|(key, _)| *key == name).map(|(_, f)| f.clone());
    let picture = match field(row, "image") {
        Some(Field::Group(group)) => field(&group, "bytes"),
        _ => None,
    };
    let (Some(Field::Bytes(picture)), Some(Field::Long(label))) = (picture, field(row, "label")) else {
        return Err("found other columns, expected image.bytes and label".into());
    };
    images.pixels.extend(grey(picture.data())?);
    images.labels.push(u8::try_from(label).map_err(|_| format!("found label {label}, expected 0 to 255"))?);
    Ok(())
}

/// The pixels of a PNG file of [`SIDE`]×[`SIDE`]; its size is judged before memory is taken for it.
fn grey(picture: &[u8]) -> Result<Vec<u8>, String> {
    let mut reader = ImageReader::with_format(Cursor::new(picture), ImageFormat::Png);
    let mut limits = Limits::default();
    (limits.max_image_width, limits.max_image_height) = (Some(SIDE), Some(SIDE));
    reader.limits(limits);
    let picture = reader.decode().map_err(|error| error.to_string())?.into_luma8();
    match picture.dimensions() {
        (SIDE, SIDE) => Ok(picture.into_raw()),
        (width, height) => Err(format!("found an image of {height}x{width} pixels, expected {SIDE}x{SIDE}")),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_file_of_the_hub_gives_its_images_and_labels() {
        let file = include_bytes!("../../tests/fixtures/hub_two_images.parquet");
        let images = decode(Bytes::from_static(file)).unwrap();
        assert_eq!((images.len(), images.pixels.len()), (2, 2 * 784));
        assert!(images.pixels.iter().any(|&pixel| pixel > 0));
    }

    #[test]
    fn what_is_no_file_of_the_hub_is_an_error_and_no_panic() {
        let file = include_bytes!("../../tests/fixtures/hub_two_images.parquet");
        assert!(decode(Bytes::from_static(b"not a file of the hub")).is_err());
        for cut in (0..file.len()).step_by(7) {
            assert!(decode(Bytes::from_static(&file[..cut])).is_err(), "{cut}");
        }
        assert!(grey(&[]).is_err() && grey(b"\x89PNG\r\n\x1a\n").is_err());
    }
}
