//! The two Parquet files of a set on the Hugging Face hub, got over HTTP and turned into images.
//!
//! A hub is not trusted, least of all one that `HF_ENDPOINT` names. Its answers are read into memory up to [`MOST_BYTES`];
//! no header of theirs names a file, and nothing is kept of them but images that [`Known::check`] then knows.
//! The hub's own client keeps what comes in a cache, under names that the answer's ETag gives: `../` leads out of it.

use std::io::{Cursor, Read};
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::mpsc::{RecvTimeoutError, channel};
use std::time::{Duration, Instant};

use bytes::Bytes;
use image::{ImageFormat, ImageReader, Limits};
use indicatif::{ProgressBar, ProgressStyle};
use parquet::file::reader::{FileReader, SerializedFileReader};
use parquet::record::{Field, Row};
use reqwest::blocking::{Client, Response};

use crate::data::Images;
use crate::data::known::{self, HubPlace, Known};

/// The hub, unless `HF_ENDPOINT` names a mirror.
const ENDPOINT: &str = "https://huggingface.co";

/// More than either file of a known set has; an answer that goes on beyond it is left.
const MOST_BYTES: u64 = 1 << 26;

/// Height and width of the known sets' images, in pixels.
const SIDE: u32 = known::SIDE as u32;

/// The most images of a known set's part.
const MOST_IMAGES: usize = 60_000;

/// The training and the test images, or the reason why they did not come.
type Outcome = Result<(Images, Images), String>;

/// Gets `known`, which has a place on the hub, within `limit`; progress goes to stderr.
pub fn download(known: Known, limit: Duration) -> Outcome {
    let (sender, receiver) = channel();
    let (start, arrived) = (Instant::now(), Arc::new(AtomicU64::new(0)));
    let counter = Arc::clone(&arrived);
    // The thread may hang in one read at the limit; nobody listens then, and it ends with that read or the process.
    std::thread::Builder::new()
        .name("download".into())
        .spawn(move || {
            let _ = sender.send(load(known, start + limit, &counter));
        })
        .map_err(|error| format!("the system starts no thread for it: {error}"))?;
    let bar = progress(known, limit);
    loop {
        let left = limit.saturating_sub(start.elapsed());
        match receiver.recv_timeout(left.min(Duration::from_millis(200))) {
            Ok(outcome) => return outcome,
            Err(RecvTimeoutError::Disconnected) => return Err("the files that came could not be decoded".into()),
            Err(RecvTimeoutError::Timeout) if start.elapsed() >= limit => return Err(too_late(limit)),
            Err(RecvTimeoutError::Timeout) => bar.set_position(arrived.load(Ordering::Relaxed)),
        }
    }
}

fn too_late(limit: Duration) -> String {
    format!("no end after {} s (INITLAB_FETCH_SECONDS sets this limit)", limit.as_secs())
}

fn progress(known: Known, limit: Duration) -> ProgressBar {
    let bar = ProgressBar::new(known.hub.as_ref().map_or(0, |place| place.bytes));
    if bar.is_hidden() {
        // No terminal, no bar: one plain line. If it cannot be written, the download goes on.
        let line = format!("downloading {} (at most {} s)\n", known.name, limit.as_secs());
        let _ = std::io::Write::write_all(&mut std::io::stderr().lock(), line.as_bytes());
    }
    let style = ProgressStyle::with_template("downloading {msg} {bar:30} {bytes} {elapsed}");
    bar.set_style(style.expect("the template is valid"));
    bar.set_message(known.name);
    bar
}

fn load(known: Known, end: Instant, arrived: &AtomicU64) -> Outcome {
    let endpoint = std::env::var("HF_ENDPOINT").ok().filter(|endpoint| !endpoint.is_empty());
    let endpoint = endpoint.as_deref().unwrap_or(ENDPOINT).trim_end_matches('/');
    let client = Client::builder()
        // A server that is asked over TLS sends nobody elsewhere in the clear.
        .https_only(endpoint.starts_with("https:"))
        .user_agent(concat!("initlab/", env!("CARGO_PKG_VERSION")))
        .timeout(end.saturating_duration_since(Instant::now()))
        .build()
        .map_err(|error| causes(&error))?;
    let Some(HubPlace { repository, folder, .. }) = &known.hub else { return Err("the hub does not have it".into()) };
    let part = |part: &str| {
        let address =
            format!("{endpoint}/datasets/{repository}/resolve/refs%2Fconvert%2Fparquet/{folder}/{part}/0000.parquet");
        let answer = client.get(&address).send().and_then(Response::error_for_status);
        let bytes = body(answer.map_err(|error| causes(&error))?, end, arrived)?;
        decode(bytes).map_err(|reason| format!("what came from {address} is not to be used: {reason}"))
    };
    Ok((part("train")?, part("test")?))
}

/// The bytes of an answer, of which there are at most [`MOST_BYTES`] and which have come by `end`.
fn body(answer: Response, end: Instant, arrived: &AtomicU64) -> Result<Bytes, String> {
    let address = answer.url().to_string();
    let (mut answer, mut bytes, mut part) = (answer.take(MOST_BYTES + 1), Vec::new(), vec![0; 1 << 16]);
    loop {
        match answer.read(&mut part).map_err(|error| format!("{address}: {}", causes(&error)))? {
            0 => return Ok(bytes.into()),
            count => bytes.extend(&part[..count]),
        }
        arrived.fetch_add(1 << 16, Ordering::Relaxed);
        if bytes.len() as u64 > MOST_BYTES {
            return Err(format!("{address}: more than {MOST_BYTES} bytes came"));
        }
        if Instant::now() > end {
            return Err("too late".into());
        }
    }
}

/// An error and what it came of: reqwest's says what it did, its sources why that failed.
fn causes(error: &dyn std::error::Error) -> String {
    let mut said = error.to_string();
    let mut source = error.source();
    while let Some(cause) = source {
        let cause_says = cause.to_string();
        if !said.contains(&cause_says) {
            said = format!("{said}: {cause_says}");
        }
        source = cause.source();
    }
    said
}

/// The images of a Parquet file of rows `{image: {bytes, path}, label}`, as the hub converts image sets.
fn decode(bytes: Bytes) -> Result<Images, String> {
    let reader = SerializedFileReader::new(bytes).map_err(|error| error.to_string())?;
    let mut images = Images { pixels: Vec::new(), labels: Vec::new(), rows: SIDE as usize, cols: SIDE as usize };
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
