//! The IDX format of MNIST: bytes to arrays and back, trusting nothing that a file says.
//!
//! Layout, all numbers big-endian u32: magic number `0x0000_08nn` (`08` = unsigned bytes, `nn` = number of
//! dimensions), one size per dimension, then the bytes. Images have three dimensions (count, rows, columns), or four with
//! channels, labels one (count). Labels may also have 32 bits (`0c`), and a second dimension of which the first column is the
//! class, as QMNIST's have (Yadav & Bottou 2019). A file may be gzip-compressed; its first two bytes tell, not its name.

use std::io::{self, BufReader, Read};

use crate::data::error::Fault;
use crate::data::gzip::{self, Members};

/// The largest content that is read unless told otherwise: 1 GiB, more than the largest EMNIST file.
pub const MAX_BYTES: u64 = 1 << 30;

/// Deflate cannot expand a byte of input to more than this (RFC 1951: 258 bytes from two bits).
const MAX_EXPANSION: u64 = 1032;

/// Kind of content that a file should hold.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Kind {
    /// Three dimensions (count, rows, columns), or four with channels.
    Images,
    /// One dimension: count.
    Labels,
}

impl Kind {
    fn magic(self) -> u32 {
        match self {
            Self::Images => 0x0000_0803,
            Self::Labels => 0x0000_0801,
        }
    }

    fn name(self) -> &'static str {
        match self {
            Self::Images => "images",
            Self::Labels => "labels",
        }
    }

    /// The form that a magic number announces, if this kind may have it.
    fn form(self, magic: u32) -> Option<Form> {
        let form = |dimensions, width| Some(Form { dimensions, width });
        match (self, magic) {
            (Self::Images, 0x0000_0803) => form(&["image count", "rows", "columns"], 1),
            (Self::Images, 0x0000_0804) => form(&["image count", "channels", "rows", "columns"], 1),
            (Self::Labels, 0x0000_0801) => form(&["label count"], 1),
            (Self::Labels, 0x0000_0c01) => form(&["label count"], 4),
            (Self::Labels, 0x0000_0c02) => form(&["label count", "columns"], 4),
            (Self::Images | Self::Labels, _) => None,
        }
    }
}

/// How the values of a file are laid out.
struct Form {
    /// A name for each dimension.
    dimensions: &'static [&'static str],
    /// Bytes of a value.
    width: usize,
}

/// An IDX file in memory.
#[derive(Clone, Debug, PartialEq)]
pub struct Idx {
    /// The size of each dimension: `[count, rows, columns]`, with channels one more, or `[count]`.
    pub shape: Vec<usize>,
    /// The bytes, row-major.
    pub bytes: Vec<u8>,
    /// True if the file was gzip-compressed.
    pub compressed: bool,
}

/// The header of an IDX file of unsigned bytes with the sizes `shape`.
///
/// # Panics
/// If a size does not fit in 32 bits or there are more than 255 of them.
pub fn header(shape: &[usize]) -> Vec<u8> {
    let dimensions = u8::try_from(shape.len()).expect("an IDX file has at most 255 dimensions");
    let mut bytes = vec![0, 0, 8, dimensions];
    for &size in shape {
        bytes.extend(u32::try_from(size).expect("an IDX size has 32 bits").to_be_bytes());
    }
    bytes
}

/// Why [`read`] failed.
#[derive(Debug)]
pub enum ReadError {
    /// The content is wrong.
    Fault(Fault),
    /// The source failed.
    Io(io::Error),
}

impl From<Fault> for ReadError {
    fn from(fault: Fault) -> Self {
        Self::Fault(fault)
    }
}

/// Reads one file of `kind` from `source`, which holds `stored` bytes (as stored, so compressed if it is).
///
/// The header is judged before anything is allocated, and the memory taken is at most what the header
/// announces, what the stored bytes can expand to, and `max_bytes`. No more than one byte beyond the announced
/// size is ever decompressed.
///
/// # Errors
/// A [`Fault`] that names the field, or the source's own error.
pub fn read(kind: Kind, source: impl Read, stored: u64, max_bytes: u64) -> Result<Idx, ReadError> {
    let mut source = BufReader::with_capacity(1 << 16, source);
    let start = io::BufRead::fill_buf(&mut source).map_err(ReadError::Io)?;
    if start.is_empty() {
        return Err(fault("size", "an empty file", &format!("an IDX file of {}", kind.name()), GET_AGAIN).into());
    }
    if start.starts_with(&[0x1f, 0x8b]) {
        let content = stored.saturating_mul(MAX_EXPANSION);
        let idx = read_plain(kind, Members::new(source), content, max_bytes);
        return Ok(Idx { compressed: true, ..idx.map_err(damaged_gzip)? });
    }
    read_plain(kind, source, stored, max_bytes)
}

const GET_AGAIN: &str = "get the file again";

fn fault(field: &'static str, found: &str, expected: &str, next: &str) -> Fault {
    Fault { field, found: found.into(), expected: expected.into(), next: next.into() }
}

/// The decoder reports damage as an I/O error; it is the file that is wrong.
fn damaged_gzip(error: ReadError) -> ReadError {
    match error {
        ReadError::Io(e) if gzip::is_trailing(&e) => {
            let found = "bytes after its end that are neither zeros nor gzip";
            fault("gzip stream", found, "the end of the file", "cut them off, or get the file again").into()
        }
        ReadError::Io(e) if matches!(e.kind(), io::ErrorKind::InvalidInput | io::ErrorKind::InvalidData) => {
            fault("gzip stream", &format!("damage ({e})"), "a whole gzip file", GET_AGAIN).into()
        }
        error @ (ReadError::Io(_) | ReadError::Fault(_)) => error,
    }
}

/// Reads header and bytes from `source`, which can deliver at most `available` bytes.
fn read_plain(kind: Kind, mut source: impl Read, available: u64, max_bytes: u64) -> Result<Idx, ReadError> {
    let magic = read_u32(&mut source, "magic number", &format!("0x{:08x}", kind.magic()))?;
    let Some(form) = kind.form(magic) else { return Err(wrong_magic(kind, magic).into()) };
    let mut shape = Vec::with_capacity(3);
    let mut announced = form.width as u64;
    for &dimension in form.dimensions {
        let size = read_u32(&mut source, dimension, "a 32-bit number")?;
        if size == 0 {
            return Err(fault(dimension, "0", "at least 1", GET_AGAIN).into());
        }
        shape.push(size as usize);
        announced = announced.saturating_mul(u64::from(size));
        if announced > max_bytes {
            let found = format!("{size}, in all {announced} bytes or more");
            return Err(fault(dimension, &found, &format!("at most {max_bytes} bytes"), GET_AGAIN).into());
        }
    }
    let bytes = read_bytes(source, announced, available)?;
    if form.width == 1 {
        return Ok(Idx { shape, bytes, compressed: false });
    }
    let columns = shape[1..].iter().product();
    Ok(Idx { bytes: narrow(&bytes, columns)?, shape: vec![shape[0]], compressed: false })
}

/// The first of every `columns` values of 32 bits, which must be classes, as bytes.
fn narrow(bytes: &[u8], columns: usize) -> Result<Vec<u8>, Fault> {
    let first = bytes.chunks_exact(4 * columns).map(|row| i32::from_be_bytes([row[0], row[1], row[2], row[3]]));
    let class = |(index, label): (usize, i32)| {
        let wrong = |_| fault("label", &format!("{label} at index {index}"), "0 to 255", GET_AGAIN);
        u8::try_from(label).map_err(wrong)
    };
    first.enumerate().map(class).collect()
}

fn wrong_magic(kind: Kind, magic: u32) -> Fault {
    let other = if kind == Kind::Images { Kind::Labels } else { Kind::Images };
    let expected = format!("0x{:08x} ({})", kind.magic(), kind.name());
    if other.form(magic).is_some() {
        let found = format!("0x{magic:08x} ({})", other.name());
        return fault("magic number", &found, &expected, "the images and labels files are swapped: rename them");
    }
    let next = match &magic.to_be_bytes() {
        b"PK\x03\x04" => "this is a zip archive: unpack it there",
        b"BZh9" | b"\xfd7zX" | b"\x28\xb5\x2f\xfd" => "this is compressed otherwise than by gzip: unpack it there",
        b"<!DO" | b"<!do" | b"<htm" | b"<HTM" => {
            "this is a web page, not the file that it leads to: get the file again"
        }
        b"vers" => "this is a pointer of Git LFS, if it begins with `version`: get the file with `git lfs pull`",
        _ => "this is no IDX file of unsigned bytes: put the right file there",
    };
    fault("magic number", &format!("0x{magic:08x}"), &expected, next)
}

fn read_u32(source: &mut impl Read, field: &'static str, expected: &str) -> Result<u32, ReadError> {
    let mut bytes = [0; 4];
    match source.read_exact(&mut bytes) {
        Ok(()) => Ok(u32::from_be_bytes(bytes)),
        Err(e) if e.kind() == io::ErrorKind::UnexpectedEof => {
            Err(fault(field, "the end of the file", expected, GET_AGAIN).into())
        }
        Err(e) => Err(ReadError::Io(e)),
    }
}

fn read_bytes(source: impl Read, announced: u64, available: u64) -> Result<Vec<u8>, ReadError> {
    // One byte more than announced shows that something follows; the vector grows beyond the first
    // allocation only with bytes that really arrived.
    let mut bytes = Vec::with_capacity(announced.min(available) as usize + 1);
    let end = source.take(announced + 1).read_to_end(&mut bytes);
    // Only a compressed stream reports its early end; what is missing is said below, in bytes.
    let cut_short = match end {
        Err(e) if e.kind() != io::ErrorKind::UnexpectedEof => return Err(ReadError::Io(e)),
        end => end.is_err(),
    };
    let found = bytes.len() as u64;
    let expected = format!("{announced} bytes, as the header announces");
    if found < announced {
        return Err(fault("data", &format!("{found} bytes (truncated)"), &expected, GET_AGAIN).into());
    }
    if found > announced {
        return Err(fault("data", "trailing bytes after the last", &expected, GET_AGAIN).into());
    }
    if cut_short {
        return Err(fault("gzip stream", "its checksum cut off", "a whole gzip file", GET_AGAIN).into());
    }
    Ok(bytes)
}

#[cfg(test)]
mod tests {
    use std::io::Write;

    use flate2::{Compression, write::GzEncoder};
    use proptest::prelude::*;

    use super::*;

    fn file(shape: &[usize], bytes: &[u8]) -> Vec<u8> {
        [&header(shape), bytes].concat()
    }

    fn gzip(bytes: &[u8]) -> Vec<u8> {
        let mut encoder = GzEncoder::new(Vec::new(), Compression::default());
        encoder.write_all(bytes).unwrap();
        encoder.finish().unwrap()
    }

    fn read_slice(kind: Kind, bytes: &[u8], max_bytes: u64) -> Result<Idx, String> {
        read(kind, bytes, bytes.len() as u64, max_bytes).map_err(|e| match e {
            ReadError::Fault(fault) => fault.to_string(),
            ReadError::Io(e) => panic!("a slice cannot fail: {e}"),
        })
    }

    #[test]
    fn plain_and_compressed_files_give_the_same_array() {
        let plain = file(&[2, 1, 3], &[1, 2, 3, 4, 5, 6]);
        for (bytes, compressed) in [(plain.clone(), false), (gzip(&plain), true)] {
            let idx = read_slice(Kind::Images, &bytes, MAX_BYTES).unwrap();
            assert_eq!(idx, Idx { shape: vec![2, 1, 3], bytes: vec![1, 2, 3, 4, 5, 6], compressed });
        }
    }

    #[test]
    fn gzip_files_in_parts_or_padded_with_zeros_are_read_as_gzip_reads_them() {
        let plain = file(&[2, 1, 3], &[1, 2, 3, 4, 5, 6]);
        let (start, end) = plain.split_at(9);
        for bytes in [
            [gzip(&plain), vec![0; 1]].concat(),
            [gzip(&plain), vec![0; 1 << 17]].concat(),
            [gzip(start), gzip(&[]), gzip(end)].concat(),
            [gzip(start), gzip(end), vec![0; 512]].concat(),
        ] {
            let idx = read_slice(Kind::Images, &bytes, MAX_BYTES).unwrap();
            assert_eq!(idx, Idx { shape: vec![2, 1, 3], bytes: vec![1, 2, 3, 4, 5, 6], compressed: true });
        }
    }

    #[test]
    fn labels_of_32_bits_are_classes_in_their_first_column() {
        let word = |x: i32| x.to_be_bytes();
        let one = [&[0, 0, 0x0c, 1][..], &word(3), &word(5), &word(0), &word(255)].concat();
        let two = [&[0, 0, 0x0c, 2][..], &word(3), &word(2), &[5, -1, 0, 70_000, 255, 8].map(word).concat()].concat();
        for bytes in [one, two] {
            let idx = read_slice(Kind::Labels, &bytes, MAX_BYTES).unwrap();
            assert_eq!((idx.shape, idx.bytes), (vec![3], vec![5, 0, 255]));
        }
    }

    #[test]
    fn each_kind_of_bad_file_is_named_with_its_field() {
        use Kind::{Images, Labels};
        let good = file(&[2, 1, 3], &[1, 2, 3, 4, 5, 6]);
        let bomb = gzip(&[file(&[2, 1, 3], &[0; 6]), vec![0; 1 << 24]].concat());
        let gz = gzip(&good);
        #[rustfmt::skip]
        let cases: [(&str, Kind, Vec<u8>, &str); 24] = [
            ("empty", Images, vec![], "size: found an empty file"),
            ("one byte", Images, vec![0], "magic number: found the end of the file"),
            ("wrong magic", Images, b"PK\x03\x04....".to_vec(), "magic number: found 0x504b0304, expected 0x00000803 (images)"),
            ("float type", Images, file(&[1, 1, 1], &[0; 4]).into_iter().enumerate().map(|(i, b)| if i == 2 { 0x0d } else { b }).collect(), "magic number: found 0x00000d03"),
            ("swapped images", Images, file(&[2], &[1, 2]), "images and labels files are swapped"),
            ("swapped labels", Labels, good.clone(), "images and labels files are swapped"),
            ("cut header", Images, good[..10].to_vec(), "rows: found the end of the file"),
            ("no images", Images, file(&[0, 1, 3], &[]), "image count: found 0, expected at least 1"),
            ("no columns", Images, file(&[2, 1, 0], &[]), "columns: found 0"),
            ("oversized", Images, file(&[1 << 20, 1 << 10, 28], &[]), "columns: found 28, in all 30064771072 bytes or more, expected at most 1073741824"),
            ("product overflows", Images, file(&[u32::MAX as usize; 3], &[]), "image count: found 4294967295"),
            ("truncated", Images, good[..good.len() - 1].to_vec(), "data: found 5 bytes (truncated), expected 6 bytes"),
            ("trailing", Images, [good.clone(), vec![0]].concat(), "data: found trailing bytes after the last, expected 6"),
            ("gzip bomb", Images, bomb, "data: found trailing bytes after the last, expected 6"),
            ("gzip of nothing", Labels, gzip(&[]), "magic number: found the end of the file"),
            ("truncated gzip", Images, gz[..gz.len() - 12].to_vec(), "(truncated), expected 6"),
            ("gzip without its end", Images, gz[..gz.len() - 1].to_vec(), "gzip stream: found its checksum cut off"),
            ("gzip, then text", Images, [gz.clone(), b"garbage".to_vec()].concat(), "gzip stream: found bytes after its end that are neither zeros nor gzip, expected the end of the file; cut them off"),
            ("gzip, zeros, text", Images, [gz.clone(), vec![0; 99], vec![1]].concat(), "gzip stream: found bytes after its end"),
            ("gzip, then more data", Images, [gz.clone(), gzip(&[7])].concat(), "data: found trailing bytes after the last, expected 6"),
            ("labels of 32 bits beyond a byte", Labels, [&[0, 0, 0x0c, 1, 0, 0, 0, 2, 0, 0, 0, 9][..], &256i32.to_be_bytes()].concat(), "label: found 256 at index 1, expected 0 to 255"),
            ("labels of 32 bits cut", Labels, vec![0, 0, 0x0c, 2, 0, 0, 0, 1, 0, 0, 0, 8, 0, 0, 0, 5], "data: found 4 bytes (truncated), expected 32 bytes"),
            ("zip archive", Images, b"PK\x03\x04....".to_vec(), "this is a zip archive: unpack it there"),
            ("damaged gzip", Images, gz.iter().enumerate().map(|(i, b)| if i == gz.len() - 8 { !b } else { *b }).collect(), "gzip stream: found damage"),
        ];
        for (name, kind, bytes, message) in cases {
            let error = read_slice(kind, &bytes, MAX_BYTES).expect_err(name);
            assert!(error.contains(message), "{name}: {error}");
        }
    }

    /// Counts what was taken from it.
    struct Counting<'a>(&'a mut u64, io::Repeat);
    impl Read for Counting<'_> {
        fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
            *self.0 += buffer.len() as u64;
            self.1.read(buffer)
        }
    }

    #[test]
    fn an_endless_source_is_left_after_the_announced_size() {
        let mut taken = 0;
        let start = header(&[100]);
        let source = start.as_slice().chain(Counting(&mut taken, io::repeat(0)));
        assert!(read(Kind::Labels, source, u64::MAX, MAX_BYTES).is_err());
        assert!(taken <= 1 << 17, "{taken}");
    }

    fn mutated() -> impl Strategy<Value = Vec<u8>> {
        let good = file(&[3, 2, 2], &[7; 12]);
        let edits = proptest::collection::vec((any::<prop::sample::Index>(), any::<u8>()), 0..4);
        (edits, any::<bool>(), any::<prop::sample::Index>(), any::<bool>()).prop_map(move |(edits, gz, end, cut)| {
            let mut bytes = if gz { gzip(&good) } else { good.clone() };
            for (at, value) in edits {
                let at = at.index(bytes.len());
                bytes[at] = value;
            }
            if cut {
                bytes.truncate(end.index(bytes.len()));
            }
            bytes
        })
    }

    proptest! {
        #[test]
        fn no_bytes_panic_or_take_more_than_the_limit(
            bytes in prop_oneof![proptest::collection::vec(any::<u8>(), 0..64), mutated()],
            images in any::<bool>(),
        ) {
            let kind = if images { Kind::Images } else { Kind::Labels };
            if let Ok(idx) = read_slice(kind, &bytes, 1000) {
                prop_assert_eq!(idx.bytes.len(), idx.shape.iter().product::<usize>());
                prop_assert!(idx.bytes.capacity() <= 2000);
            }
        }
    }
}
