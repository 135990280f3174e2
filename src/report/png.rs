//! Pictures of few colours as PNG files, small enough to stand within a page.

use std::io::Write;

use flate2::Compression;
use flate2::write::ZlibEncoder;

/// A PNG of `width` columns whose bytes are indices into `colours`; the first colour is transparent.
///
/// # Panics
/// If the pixels are not whole rows.
pub fn indexed(width: usize, pixels: &[u8], colours: &[[u8; 3]]) -> Vec<u8> {
    assert!(width > 0 && pixels.len().is_multiple_of(width), "a picture has whole rows");
    let mut header = Vec::new();
    header.extend((width as u32).to_be_bytes());
    header.extend(((pixels.len() / width) as u32).to_be_bytes());
    // Eight bits, palette, and the only compression, filter and order that there are.
    header.extend([8, 3, 0, 0, 0]);
    let mut encoder = ZlibEncoder::new(Vec::new(), Compression::best());
    for row in pixels.chunks(width) {
        encoder.write_all(&[0]).and_then(|()| encoder.write_all(row)).expect("vectors take everything");
    }
    let data = encoder.finish().expect("vectors take everything");
    let mut png = b"\x89PNG\r\n\x1a\n".to_vec();
    for (kind, content) in
        [(b"IHDR", &header[..]), (b"PLTE", colours.as_flattened()), (b"tRNS", &[0]), (b"IDAT", &data), (b"IEND", &[])]
    {
        chunk(&mut png, kind, content);
    }
    png
}

fn chunk(png: &mut Vec<u8>, kind: &[u8; 4], content: &[u8]) {
    let mut crc = flate2::Crc::new();
    crc.update(kind);
    crc.update(content);
    png.extend((content.len() as u32).to_be_bytes());
    png.extend(kind);
    png.extend(content);
    png.extend(crc.sum().to_be_bytes());
}

/// Bytes as a `data:` address of a PNG (base 64, RFC 4648).
pub fn data_uri(png: &[u8]) -> String {
    const DIGITS: &[u8; 64] = b"ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";
    let mut text = String::from("data:image/png;base64,");
    for three in png.chunks(3) {
        let bits = three.iter().enumerate().fold(0u32, |bits, (i, &byte)| bits | u32::from(byte) << (16 - 8 * i));
        for i in 0..4 {
            let digit = DIGITS[(bits >> (18 - 6 * i) & 63) as usize];
            text.push(if i <= three.len() { char::from(digit) } else { '=' });
        }
    }
    text
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn bytes_in_base_64_are_those_of_the_standard() {
        for (bytes, want) in [("", ""), ("f", "Zg=="), ("fo", "Zm8="), ("foo", "Zm9v"), ("foobar", "Zm9vYmFy")] {
            assert_eq!(data_uri(bytes.as_bytes()), format!("data:image/png;base64,{want}"));
        }
    }

    #[test]
    fn a_picture_has_the_chunks_of_a_png_in_order() {
        let png = indexed(2, &[0, 1, 1, 0], &[[0; 3], [255, 0, 9]]);
        assert_eq!(&png[..8], b"\x89PNG\r\n\x1a\n");
        let (mut at, mut kinds) = (8, Vec::new());
        while at < png.len() {
            let length = u32::from_be_bytes(png[at..at + 4].try_into().unwrap()) as usize;
            kinds.push(String::from_utf8(png[at + 4..at + 8].to_vec()).unwrap());
            at += length + 12;
        }
        assert_eq!((at, kinds.join(" ").as_str()), (png.len(), "IHDR PLTE tRNS IDAT IEND"));
    }
}
