//! A data set as a directory of four IDX files: finding them, reading them in parallel, checking that they
//! fit together, and writing them.

use std::fs::{self, File};
use std::io::{self, Read, Write};
use std::path::{Path, PathBuf};

use sha2::{Digest, Sha256};

use crate::data::error::{DataError, Fault};
use crate::data::form::Form;
use crate::data::idx::{self, Kind, ReadError};
use crate::data::locate::{self, NAMES};
use crate::data::{Dataset, Images};

const KINDS: [Kind; 4] = [Kind::Images, Kind::Labels, Kind::Images, Kind::Labels];

/// One file that was read.
#[derive(Clone, Debug)]
pub struct Source {
    /// Where it is.
    pub path: PathBuf,
    /// True if the file is gzip-compressed.
    pub compressed: bool,
    /// SHA-256, in hexadecimal, of the uncompressed file; of labels of 32 bits that of the same labels as bytes.
    pub sha256: String,
}

/// A set that was read and whose files fit together.
#[derive(Debug)]
pub struct ReadSet {
    /// The images and labels.
    pub dataset: Dataset,
    /// The files; four of them in the order of [`NAMES`].
    pub sources: Vec<Source>,
    /// The sums of the four plain IDX files, in the order of [`NAMES`]: those read, or those that the images would make.
    pub sums: [String; 4],
}

/// The set `name` of images that were read from `sources`, which are no IDX files.
pub fn of_images(name: &str, classes: usize, train: Images, test: Images, sources: Vec<Source>) -> ReadSet {
    let sums = sums_of(&train, &test);
    let sha256 = combined_sha256(sums.each_ref().map(String::as_str));
    ReadSet { dataset: Dataset { name: name.into(), sha256, classes, train, test }, sources, sums }
}

/// How many classes the labels may name.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Classes {
    /// Labels are `0..n`.
    Exactly(usize),
    /// The largest training label plus one. Between the smallest and the largest, every label must occur in the
    /// training images, so that one stray label cannot make 200 classes out of ten; test labels must be among them.
    FromLabels,
}

/// Reads the four files of `directory`, which have the given form, as the data set `name`.
///
/// # Errors
/// A missing file, a file that is no IDX file, or files that do not fit together.
pub fn read(directory: &Path, name: &str, classes: Classes, form: Form) -> Result<ReadSet, DataError> {
    let paths = locate::required(directory, name)?;
    join_four(side_by_side(|file| read_one(&paths[file], KINDS[file])), name, classes, form)
}

/// Like [`read`] with four files of a known set that are in memory, in the order of [`NAMES`], each with the place that errors name. The
/// files may come from anyone: none is unpacked beyond `most` bytes.
///
/// # Errors
/// As those of [`read`].
#[cfg(feature = "fetch")]
pub(super) fn parse(
    files: [(&Path, &[u8]); 4],
    most: u64,
    (name, classes, form): (&str, usize, Form),
) -> Result<ReadSet, DataError> {
    let one = |file: usize| {
        let (path, bytes): (_, &[u8]) = files[file];
        parse_one(path, KINDS[file], bytes, bytes.len() as u64, most)
    };
    join_four(side_by_side(one), name, Classes::Exactly(classes), form)
}

/// A file in memory, and where it came from.
type One = (Source, idx::Idx);

fn join_four(
    four: [Result<One, DataError>; 4],
    name: &str,
    classes: Classes,
    form: Form,
) -> Result<ReadSet, DataError> {
    let [test_images, test_labels, train_images, train_labels] = four;
    let [test_images, test_labels, train_images, train_labels] =
        [test_images?, test_labels?, train_images?, train_labels?];
    let sources = [&test_images.0, &test_labels.0, &train_images.0, &train_labels.0].map(Clone::clone);
    let mut train = join(train_images, &train_labels)?;
    let mut test = join(test_images, &test_labels)?;
    for (images, labels) in [(&mut train, 3), (&mut test, 1)] {
        form.undo(images).map_err(|fault| DataError::fault(&sources[labels].path, fault))?;
    }
    if train.dims() != test.dims() {
        let size = |images: &Images| match images.channels {
            1 => format!("{}x{} pixels", images.rows, images.cols),
            channels => format!("{}x{} pixels of {channels} values", images.rows, images.cols),
        };
        return Err(mismatch(&sources[0], "image size", size(&test), size(&train) + ", as the training images have"));
    }
    let classes = count_classes(classes, &train.labels, &test.labels, [&sources[3], &sources[1]])?;
    let read = sources.each_ref().map(|source| source.sha256.clone());
    let sums = if form == Form::MNIST { read.clone() } else { sums_of(&train, &test) };
    let sha256 = combined_sha256(sums.each_ref().map(String::as_str));
    let dataset = Dataset { name: name.into(), sha256, classes, train, test };
    Ok(ReadSet { dataset, sources: sources.into(), sums: read })
}

/// One sum over four: the SHA-256 of the text that `sha256sum` prints for the plain files in the order of
/// [`NAMES`], so `sha256sum t10k-images-idx3-ubyte … | sha256sum` gives it too.
pub fn combined_sha256(sums: [&str; 4]) -> String {
    let lines: String = sums.iter().zip(NAMES).map(|(sum, name)| format!("{sum}  {name}\n")).collect();
    hex(&Sha256::digest(lines.as_bytes()))
}

/// SHA-256 of a file's content.
pub fn file_sha256(bytes: &[u8]) -> String {
    hex(&Sha256::digest(bytes))
}

/// SHA-256 of the IDX file with this shape and content.
pub fn idx_sha256(shape: &[usize], bytes: &[u8]) -> String {
    let mut hash = Sha256::new();
    hash.update(idx::header(shape));
    hash.update(bytes);
    hex(&hash.finalize())
}

/// The sums of the four plain files that would hold `train` and `test`, in the order of [`NAMES`].
pub fn sums_of(train: &Images, test: &Images) -> [String; 4] {
    let contents = contents(train, test);
    side_by_side(|file| idx_sha256(&contents[file].0, contents[file].1))
}

/// `work` on each of the four files, in threads of their own as far as the system starts them.
fn side_by_side<T: Send>(work: impl Fn(usize) -> T + Sync) -> [T; 4] {
    let work = &work;
    std::thread::scope(|scope| {
        let start = |file| std::thread::Builder::new().spawn_scoped(scope, move || work(file)).map_err(|_| file);
        [0, 1, 2, 3].map(start).map(|started| match started {
            Ok(handle) => handle.join().expect("work on a file does not panic"),
            Err(file) => work(file),
        })
    })
}

/// Writes the four plain files into `directory`, which appears complete or not at all. An existing directory
/// is kept: it is an error if one of the four names is taken.
///
/// # Errors
/// The system's errors; nothing is left behind then.
pub fn write(directory: &Path, train: &Images, test: &Images) -> Result<(), DataError> {
    let parent = match directory.parent() {
        Some(parent) if !parent.as_os_str().is_empty() => parent,
        _ => Path::new("."),
    };
    fs::create_dir_all(parent).map_err(|e| DataError::io(parent, "create the directory", e))?;
    let staging = tempfile::Builder::new()
        .prefix(".initlab-data-")
        .tempdir_in(parent)
        .map_err(|e| DataError::io(parent, "create a temporary directory in it", e))?;
    for (name, (shape, bytes)) in NAMES.iter().zip(contents(train, test)) {
        let path = staging.path().join(locate::name_of(name, shape.len()));
        write_one(&path, &shape, bytes).map_err(|e| DataError::io(path, "write", e))?;
    }
    install(staging, directory)
}

/// Moves the finished directory into place by one rename, which replaces an empty directory too.
fn install(staging: tempfile::TempDir, directory: &Path) -> Result<(), DataError> {
    #[cfg(unix)]
    {
        use std::os::unix::fs::PermissionsExt;
        // A temporary directory is private; a data set is not.
        fs::set_permissions(staging.path(), fs::Permissions::from_mode(0o755))
            .map_err(|e| DataError::io(staging.path(), "set the permissions", e))?;
    }
    fs::rename(staging.path(), directory)
        .map_err(|e| DataError::io(directory, "put the files there (an existing directory must be empty)", e))?;
    // The directory has its new name: there is nothing left to remove.
    let _ = staging.keep();
    Ok(())
}

fn contents<'a>(train: &'a Images, test: &'a Images) -> [(Vec<usize>, &'a [u8]); 4] {
    let shape = |set: &'a Images| match set.channels {
        1 => vec![set.len(), set.rows, set.cols],
        channels => vec![set.len(), channels, set.rows, set.cols],
    };
    let images = |set: &'a Images| (shape(set), set.pixels.as_slice());
    let labels = |set: &'a Images| (vec![set.len()], set.labels.as_slice());
    [images(test), labels(test), images(train), labels(train)]
}

fn write_one(path: &Path, shape: &[usize], bytes: &[u8]) -> io::Result<()> {
    let mut file = File::create(path)?;
    file.write_all(&idx::header(shape))?;
    file.write_all(bytes)?;
    file.sync_all()
}

fn read_one(path: &Path, kind: Kind) -> Result<One, DataError> {
    let file = File::open(path).map_err(|e| DataError::io(path, "read", e))?;
    let stored = file.metadata().map_err(|e| DataError::io(path, "read", e))?.len();
    parse_one(path, kind, file, stored, idx::MAX_BYTES)
}

fn parse_one(path: &Path, kind: Kind, content: impl Read, stored: u64, most: u64) -> Result<One, DataError> {
    let idx = idx::read(kind, content, stored, most).map_err(|error| match error {
        ReadError::Fault(fault) => DataError::fault(path, fault),
        ReadError::Io(e) => DataError::io(path, "read", e),
    })?;
    let sha256 = idx_sha256(&idx.shape, &idx.bytes);
    Ok((Source { path: path.into(), compressed: idx.compressed, sha256 }, idx))
}

fn mismatch(source: &Source, field: &'static str, found: String, expected: String) -> DataError {
    let next = "the files do not belong together: get all four again".into();
    DataError::fault(&source.path, Fault { field, found, expected, next })
}

fn join(images: One, labels: &One) -> Result<Images, DataError> {
    let (count, labelled) = (images.1.shape[0], labels.1.shape[0]);
    if count != labelled {
        let expected = format!("{count}, one for each image of {}", images.0.path.display());
        return Err(mismatch(&labels.0, "label count", labelled.to_string(), expected));
    }
    let (pixels, [channels, rows, cols]) = planes(images.1).map_err(|fault| DataError::fault(&images.0.path, fault))?;
    Ok(Images { pixels, labels: labels.1.bytes.clone(), channels, rows, cols })
}

/// Most values that a pixel may have.
const MOST_CHANNELS: usize = 4;

/// The images of a file as `[count, channels, rows, columns]`, and the last three sizes. Of four sizes the second is that of the channels, or
/// the last one where only that is small enough to be.
fn planes(idx: idx::Idx) -> Result<(Vec<u8>, [usize; 3]), Fault> {
    match idx.shape[1..] {
        [rows, cols] => Ok((idx.bytes, [1, rows, cols])),
        [channels, rows, cols] if channels <= MOST_CHANNELS => Ok((idx.bytes, [channels, rows, cols])),
        [rows, cols, channels] if channels <= MOST_CHANNELS => {
            let (plane, mut planes) = (rows * cols, vec![0; idx.bytes.len()]);
            let images = idx.bytes.chunks_exact(plane * channels).zip(planes.chunks_exact_mut(plane * channels));
            for (pixels, planes) in images {
                for (at, pixel) in pixels.chunks_exact(channels).enumerate() {
                    pixel.iter().enumerate().for_each(|(channel, &value)| planes[channel * plane + at] = value);
                }
            }
            Ok((planes, [channels, rows, cols]))
        }
        ref sizes => Err(Fault {
            field: "channels",
            found: format!("sizes {sizes:?}"),
            expected: format!("1 to {MOST_CHANNELS} channels in the second place, or in the last"),
            next: "write the images as [count, channels, rows, columns]".into(),
        }),
    }
}

fn count_classes(rule: Classes, train: &[u8], test: &[u8], sources: [&Source; 2]) -> Result<usize, DataError> {
    let mut allowed = [false; 256];
    match rule {
        Classes::Exactly(n) => allowed[..n].fill(true),
        Classes::FromLabels => {
            train.iter().for_each(|&label| allowed[usize::from(label)] = true);
            // What follows the first gap is no class.
            let first = allowed.iter().position(|&seen| seen).unwrap_or(0);
            let end = (first..256).find(|&label| !allowed[label]).unwrap_or(256);
            allowed[end..].fill(false);
        }
    }
    let classes = allowed.iter().rposition(|&seen| seen).map_or(0, |last| last + 1);
    let first = allowed.iter().position(|&seen| seen).unwrap_or(0);
    for (labels, source) in [(train, sources[0]), (test, sources[1])] {
        if let Some(at) = labels.iter().position(|&label| !allowed[usize::from(label)]) {
            let expected = match rule {
                Classes::Exactly(_) => format!("{first} to {}", classes - 1),
                Classes::FromLabels => format!("{first} to {}, the training labels without a gap", classes - 1),
            };
            return Err(mismatch(source, "label", format!("{} at index {at}", labels[at]), expected));
        }
    }
    Ok(classes)
}

/// Lower-case hexadecimal digits.
pub fn hex(bytes: &[u8]) -> String {
    bytes.iter().map(|byte| format!("{byte:02x}")).collect()
}
