//! The binary files of CIFAR-10 (Krizhevsky 2009): `data_batch_1.bin` to `data_batch_5.bin` and `test_batch.bin`, with a label and three
//! planes of 32×32 bytes (red, green, blue) for each image.

use std::fs;
use std::path::{Path, PathBuf};

use crate::data::Images;
use crate::data::error::{DataError, Fault};
use crate::data::files::{ReadSet, Source, file_sha256, of_images};

/// Height and width of an image, in pixels.
const SIDE: usize = 32;
/// Values of a pixel.
const CHANNELS: usize = 3;
/// Bytes of an image with its label.
const RECORD: usize = 1 + CHANNELS * SIDE * SIDE;
/// Labels are below this.
const CLASSES: u8 = 10;
/// The directory that the published archive unpacks to.
const UNPACKED: &str = "cifar-10-batches-bin";
/// Name of the test images' file.
const TEST: &str = "test_batch.bin";

/// The directory at or below `directory` that holds such files, if one does.
pub fn locate(directory: &Path) -> Option<PathBuf> {
    let places = [directory.to_owned(), directory.join(UNPACKED)];
    places.into_iter().find(|place| place.join(TEST).is_file() || place.join(name(1)).is_file())
}

/// Name of the file with training batch `number`, from 1.
fn name(number: usize) -> String {
    format!("data_batch_{number}.bin")
}

/// Reads the files of `place`, which [`locate`] found, as the data set `set`.
///
/// # Errors
/// A file is missing, cannot be read, or is none of these.
pub fn read(place: &Path, set: &str) -> Result<ReadSet, DataError> {
    let train: Vec<PathBuf> = (1..).map(|number| place.join(name(number))).take_while(|path| path.is_file()).collect();
    let test = place.join(TEST);
    for (file, found) in [(name(1), !train.is_empty()), (TEST.into(), test.is_file())] {
        if !found {
            let found = "no such file".into();
            let next = format!("unpack the whole archive: it has {}, … and {TEST}", name(1));
            return Err(DataError::fault(
                place.join(file),
                Fault { field: "file", found, expected: "it".into(), next },
            ));
        }
    }
    let mut sources = Vec::new();
    let mut all = |paths: &[PathBuf]| -> Result<Images, DataError> {
        let mut images = empty();
        for path in paths {
            let bytes = fs::read(path).map_err(|error| DataError::io(path, "read", error))?;
            append(&mut images, &bytes).map_err(|fault| DataError::fault(path, fault))?;
            sources.push(Source { path: path.clone(), compressed: false, sha256: file_sha256(&bytes) });
        }
        Ok(images)
    };
    let (train, test) = (all(&train)?, all(&[test])?);
    Ok(of_images(set, usize::from(CLASSES), train, test, sources))
}

fn empty() -> Images {
    Images { pixels: Vec::new(), labels: Vec::new(), channels: CHANNELS, rows: SIDE, cols: SIDE }
}

/// Appends the images of a file to `images`.
fn append(images: &mut Images, bytes: &[u8]) -> Result<(), Fault> {
    let fault = |field, found: String, expected: String| {
        Err(Fault { field, found, expected, next: "get the file again".into() })
    };
    if bytes.is_empty() || !bytes.len().is_multiple_of(RECORD) {
        return fault(
            "size",
            format!("{} bytes", bytes.len()),
            format!("a multiple of {RECORD}, the bytes of an image"),
        );
    }
    for (at, record) in bytes.chunks_exact(RECORD).enumerate() {
        if record[0] >= CLASSES {
            return fault("label", format!("{} at index {at}", record[0]), format!("0 to {}", CLASSES - 1));
        }
        images.labels.push(record[0]);
        images.pixels.extend_from_slice(&record[1..]);
    }
    Ok(())
}

/// The training and test images of the published archive, `cifar-10-binary.tar.gz`, of which nothing else is read.
///
/// # Errors
/// Why it is none.
#[cfg(feature = "fetch")]
pub fn of_archive(archive: &[u8]) -> Result<(Images, Images), String> {
    use std::io::Read;
    /// More than all batches of the published set have.
    const MOST: u64 = 1 << 28;
    let mut parts = std::collections::BTreeMap::new();
    let mut tar = tar::Archive::new(flate2::read::GzDecoder::new(archive).take(MOST));
    for entry in tar.entries().map_err(|error| error.to_string())? {
        let mut entry = entry.map_err(|error| error.to_string())?;
        let path = entry.path().map_err(|error| error.to_string())?.into_owned();
        let Some(file) = path.file_name().and_then(|name| name.to_str()).filter(|name| name.ends_with(".bin")) else {
            continue;
        };
        let mut bytes = Vec::new();
        entry.read_to_end(&mut bytes).map_err(|error| format!("{file}: {error}"))?;
        parts.insert(file.to_owned(), bytes);
    }
    let (mut train, mut test) = (empty(), empty());
    for (file, bytes) in &parts {
        let images = if file == TEST { &mut test } else { &mut train };
        append(images, bytes).map_err(|fault| format!("{file}: {fault}"))?;
    }
    if train.is_empty() || test.is_empty() {
        return Err(format!("found {} files of batches, expected {}, … and {TEST}", parts.len(), name(1)));
    }
    Ok((train, test))
}

#[cfg(test)]
mod tests {
    use super::*;

    /// A file of `n` images; the first value of each plane tells the image and the plane.
    fn file(n: usize) -> Vec<u8> {
        let record = |i: usize| {
            let planes = (0..CHANNELS).flat_map(move |c| [vec![(10 * i + c) as u8], vec![7; SIDE * SIDE - 1]].concat());
            [vec![(i % 10) as u8], planes.collect()].concat()
        };
        (0..n).flat_map(record).collect()
    }

    /// Names with what is in them.
    type Files<'a> = &'a [(&'a str, &'a [u8])];

    fn directory(files: Files<'_>) -> tempfile::TempDir {
        let dir = tempfile::tempdir().unwrap();
        fs::create_dir(dir.path().join(UNPACKED)).unwrap();
        files.iter().for_each(|(name, bytes)| fs::write(dir.path().join(UNPACKED).join(name), bytes).unwrap());
        dir
    }

    #[test]
    fn planes_and_labels_of_all_batches_are_read_in_order() {
        let dir = directory(&[("data_batch_1.bin", &file(3)), ("data_batch_2.bin", &file(2)), (TEST, &file(4))]);
        let read = read(&locate(dir.path()).unwrap(), "coloured").unwrap();
        let (train, test) = (&read.dataset.train, &read.dataset.test);
        assert_eq!((train.dims(), train.labels.as_slice(), test.len()), ([3, 32, 32], &[0, 1, 2, 0, 1][..], 4));
        assert_eq!([0, 1024, 2048, 3072].map(|at| train.pixels[at]), [0, 1, 2, 10]);
        assert_eq!((read.sources.len(), read.dataset.classes, read.dataset.name.as_str()), (3, 10, "coloured"));
    }

    #[test]
    fn each_kind_of_bad_file_is_named() {
        let (good, mut label) = (file(2), file(2));
        label[RECORD] = 10;
        #[rustfmt::skip]
        let cases: [(Files<'_>, &str); 5] = [
            (&[("data_batch_1.bin", &good)], "test_batch.bin: file: found no such file"),
            (&[(TEST, &good)], "data_batch_1.bin: file: found no such file"),
            (&[("data_batch_1.bin", &good[1..]), (TEST, &good)], "data_batch_1.bin: size: found 6145 bytes, expected a multiple of 3073"),
            (&[("data_batch_1.bin", &[]), (TEST, &good)], "size: found 0 bytes"),
            (&[("data_batch_1.bin", &good), (TEST, &label)], "test_batch.bin: label: found 10 at index 1, expected 0 to 9"),
        ];
        for (files, message) in cases {
            let dir = directory(files);
            let error = read(&locate(dir.path()).unwrap(), "coloured").unwrap_err().to_string();
            assert!(error.contains(message), "{message}\n{error}");
        }
    }

    #[cfg(feature = "fetch")]
    #[test]
    fn the_archive_gives_the_same_images_and_what_is_none_is_refused() {
        let files = [("data_batch_1.bin", file(3)), ("test_batch.bin", file(1)), ("readme.html", b"text".to_vec())];
        let mut tar = tar::Builder::new(flate2::write::GzEncoder::new(Vec::new(), flate2::Compression::fast()));
        for (name, bytes) in &files {
            let mut header = tar::Header::new_gnu();
            header.set_size(bytes.len() as u64);
            tar.append_data(&mut header, format!("{UNPACKED}/{name}"), bytes.as_slice()).unwrap();
        }
        let archive = tar.into_inner().unwrap().finish().unwrap();
        let (train, test) = of_archive(&archive).unwrap();
        assert_eq!((train.len(), test.len(), train.pixels[1024]), (3, 1, 1));
        assert!(of_archive(&archive[..archive.len() / 2]).is_err());
        assert!(of_archive(b"no archive").is_err() && of_archive(&[]).is_err());
    }
}
