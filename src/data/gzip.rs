//! A gzip file as `gzip -d` reads it: members one after the other, then nothing or zeros, which tapes and block devices
//! leave behind (RFC 1952, 2.2, has the members; the zeros are gzip's own habit).

use std::io::{self, BufRead, ErrorKind, Read};

use flate2::bufread::GzDecoder;

/// The content of all members.
pub(super) struct Members<R> {
    /// Absent after the end.
    member: Option<GzDecoder<R>>,
    /// True once a member has been read: bytes that follow it and are no member do no damage to the stream.
    later: bool,
}

/// Error that [`is_trailing`] recognises: bytes follow the stream.
#[derive(Debug, thiserror::Error)]
#[error("bytes after the end of the gzip stream")]
struct Trailing;

/// True if `error` says that bytes follow the stream which are no part of it.
pub(super) fn is_trailing(error: &io::Error) -> bool {
    error.get_ref().is_some_and(|inner| inner.is::<Trailing>())
}

fn trailing() -> io::Error {
    io::Error::new(ErrorKind::InvalidData, Trailing)
}

impl<R: BufRead> Members<R> {
    pub fn new(source: R) -> Self {
        Self { member: Some(GzDecoder::new(source)), later: false }
    }
}

impl<R: BufRead> Read for Members<R> {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        if buffer.is_empty() {
            return Ok(0);
        }
        while let Some(member) = &mut self.member {
            match member.read(buffer) {
                // A header that is none; a damaged member has one.
                Err(error) if self.later && error.kind() == ErrorKind::InvalidInput && member.header().is_none() => {
                    return Err(trailing());
                }
                Ok(0) => {}
                result => return result,
            }
            let Some(mut source) = self.member.take().map(GzDecoder::into_inner) else { break };
            self.later = true;
            match source.fill_buf()?.first() {
                None => {}
                Some(0) => skip_zeros(&mut source)?,
                Some(0x1f) => self.member = Some(GzDecoder::new(source)),
                Some(_) => return Err(trailing()),
            }
        }
        Ok(0)
    }
}

/// Reads zeros to the end of the file.
fn skip_zeros(source: &mut impl BufRead) -> io::Result<()> {
    loop {
        let bytes = source.fill_buf()?;
        if bytes.is_empty() {
            return Ok(());
        }
        if bytes.iter().any(|&byte| byte != 0) {
            return Err(trailing());
        }
        let count = bytes.len();
        source.consume(count);
    }
}
