//! Where bytes come from: a path or standard input, plain or packed.

use super::{FileError, Reason};
use std::{
    fs::File,
    io::{self, BufReader, Cursor, Read},
    path::Path,
};

/// The most bytes of one file, unpacked.
pub const MAX_BYTES: u64 = 256 << 20;

/// The widest zstd window accepted, as a power of two.
const ZSTD_WINDOW_LOG: u32 = 27;

/// An opened input with the name that errors call it by.
pub struct Source<'a> {
    pub(super) name: String,
    pub(super) bytes: Box<dyn Read + 'a>,
}

impl<'a> Source<'a> {
    /// Opens `path`, or standard input for `-`, and unpacks gzip and zstd by their first bytes.
    ///
    /// # Errors
    /// [`Reason::Io`] when it cannot be opened or its first bytes cannot be read.
    pub fn open(path: &Path) -> Result<Source<'static>, FileError> {
        let name = path.to_string_lossy().into_owned();
        let failed = |e| FileError { file: name.clone(), line: 0, column: "", reason: Reason::Io(e) };
        let raw: Box<dyn Read> =
            if name == "-" { Box::new(io::stdin()) } else { Box::new(File::open(path).map_err(failed)?) };
        Source::unpack(name.clone(), raw).map_err(failed)
    }

    /// Takes bytes from memory under a name for errors.
    ///
    /// # Errors
    /// [`Reason::Io`] when their packing is damaged.
    pub fn bytes(name: &str, bytes: &'a [u8]) -> Result<Source<'a>, FileError> {
        Source::unpack(name.to_owned(), Box::new(bytes)).map_err(|e| FileError {
            file: name.to_owned(),
            line: 0,
            column: "",
            reason: Reason::Io(e),
        })
    }

    fn unpack(name: String, mut raw: Box<dyn Read + 'a>) -> io::Result<Source<'a>> {
        let mut head = Vec::with_capacity(4);
        raw.by_ref().take(4).read_to_end(&mut head)?;
        let packing = head.clone();
        let whole = Cursor::new(head).chain(raw);
        let bytes: Box<dyn Read + 'a> = match packing.as_slice() {
            [0x28, 0xb5, 0x2f, 0xfd] => {
                let mut decoder = zstd::stream::read::Decoder::new(whole)?;
                decoder.window_log_max(ZSTD_WINDOW_LOG)?;
                Box::new(decoder)
            }
            [0x1f, 0x8b, ..] => Box::new(flate2::read::MultiGzDecoder::new(BufReader::new(whole))),
            _ => Box::new(whole),
        };
        Ok(Source { name, bytes: Box::new(Capped { inner: bytes, left: MAX_BYTES }) })
    }
}

/// Fails, instead of ending, when more bytes come than allowed.
struct Capped<R> {
    inner: R,
    left: u64,
}

/// Marks the error of [`Capped`] among other read errors.
#[derive(Debug, thiserror::Error)]
#[error("longer than {MAX_BYTES} bytes unpacked")]
pub(super) struct TooLong;

impl<R: Read> Read for Capped<R> {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        let read = self.inner.read(buffer)?;
        self.left = self.left.checked_sub(read as u64).ok_or_else(|| io::Error::other(TooLong))?;
        Ok(read)
    }
}
