//! Protocol buffers and record framing, as little of them as event files need.
//!
//! Wire format: protobuf.dev/programming-guides/encoding. Framing: TensorFlow's TFRecord, a length, its checksum, the data,
//! its checksum; checksums are CRC-32C (RFC 3720, appendix B.4), masked.

/// A message that is being written, field by field.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Message(Vec<u8>);

impl Message {
    /// An integer, `bool` or `enum` field.
    pub fn varint(&mut self, field: u32, value: u64) -> &mut Self {
        self.key(field, 0);
        self.number(value);
        self
    }

    /// A `double` field.
    pub fn double(&mut self, field: u32, value: f64) -> &mut Self {
        self.key(field, 1);
        self.0.extend(value.to_le_bytes());
        self
    }

    /// A `float` field.
    pub fn float(&mut self, field: u32, value: f32) -> &mut Self {
        self.key(field, 5);
        self.0.extend(value.to_le_bytes());
        self
    }

    /// A `bytes`, `string` or message field.
    pub fn bytes(&mut self, field: u32, value: impl AsRef<[u8]>) -> &mut Self {
        let value = value.as_ref();
        self.key(field, 2);
        self.number(value.len() as u64);
        self.0.extend(value);
        self
    }

    /// A packed `repeated double` field.
    pub fn doubles(&mut self, field: u32, values: &[f64]) -> &mut Self {
        let bytes: Vec<u8> = values.iter().flat_map(|x| x.to_le_bytes()).collect();
        self.bytes(field, bytes)
    }

    fn key(&mut self, field: u32, wire_type: u32) {
        self.number(u64::from(field << 3 | wire_type));
    }

    /// Seven bits a byte, the lowest first; the highest bit says that more follows.
    fn number(&mut self, mut value: u64) {
        while value >= 0x80 {
            self.0.push(value as u8 | 0x80);
            value >>= 7;
        }
        self.0.push(value as u8);
    }
}

impl AsRef<[u8]> for Message {
    fn as_ref(&self) -> &[u8] {
        &self.0
    }
}

/// `data` as a record of a TFRecord file.
pub fn record(data: &[u8]) -> Vec<u8> {
    let length = (data.len() as u64).to_le_bytes();
    let mut record = Vec::with_capacity(data.len() + 16);
    record.extend(length);
    record.extend(masked(crc32c(&length)).to_le_bytes());
    record.extend(data);
    record.extend(masked(crc32c(data)).to_le_bytes());
    record
}

/// Checksums that stand beside what they are of are rotated and shifted, so that one of a whole file is not their sum.
fn masked(crc: u32) -> u32 {
    crc.rotate_right(15).wrapping_add(0xa282_ead8)
}

/// Remainders of each byte under Castagnoli's polynomial, bits reversed.
const REMAINDERS: [u32; 256] = {
    let mut table = [0; 256];
    let mut i = 0;
    while i < 256 {
        let (mut rest, mut bit) = (i as u32, 0);
        while bit < 8 {
            rest = if rest & 1 == 1 { rest >> 1 ^ 0x82f6_3b78 } else { rest >> 1 };
            bit += 1;
        }
        table[i] = rest;
        i += 1;
    }
    table
};

fn crc32c(bytes: &[u8]) -> u32 {
    !bytes.iter().fold(!0, |crc, &byte| REMAINDERS[((crc ^ u32::from(byte)) & 0xff) as usize] ^ crc >> 8)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn checksums_are_those_of_the_rfc() {
        let ascending: Vec<u8> = (0..32).collect();
        for (bytes, want) in [(&[0; 32][..], 0x8a91_36aa), (&[0xff; 32], 0x62a8_ab43), (&ascending, 0x46dd_794e)] {
            assert_eq!(crc32c(bytes), want);
        }
    }

    #[test]
    fn fields_have_the_bytes_of_the_wire_format() {
        let mut inner = Message::default();
        inner.varint(1, 150);
        assert_eq!(inner.as_ref(), [0x08, 0x96, 0x01]);
        let mut message = Message::default();
        message.bytes(3, &inner).bytes(2, "testing").float(5, 1.0).doubles(16, &[0.0]);
        let want = [
            &[0x1a, 0x03, 0x08, 0x96, 0x01][..],
            &[0x12, 0x07],
            b"testing",
            &[0x2d, 0, 0, 0x80, 0x3f],
            &[0x82, 0x01, 8, 0, 0, 0, 0, 0, 0, 0, 0],
        ];
        assert_eq!(message.as_ref(), want.concat());
    }
}
