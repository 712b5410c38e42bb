//! From a stored layer to its tar.

use std::io::{self, BufReader, Read};

use flate2::bufread::MultiGzDecoder;
use sha2::{Digest as _, Sha256};

use super::Packing;
use crate::oci::{DiffId, Digest};

/// Unpacks `stored` and checks `diff_id` at its end.
pub(super) fn open(
    stored: Box<dyn Read + Send>,
    packing: Packing,
    diff_id: DiffId,
) -> io::Result<Box<dyn Read + Send>> {
    let unsupported = |what: &str| Err(io::Error::new(io::ErrorKind::Unsupported, what.to_owned()));
    match packing {
        Packing::Plain => Ok(Box::new(Unpacked::new(stored, diff_id))),
        Packing::Gzip => {
            // All members: a reader that stops after the first would take the rest for granted.
            let gzip = MultiGzDecoder::new(BufReader::with_capacity(64 << 10, stored));
            Ok(Box::new(Unpacked::new(gzip, diff_id)))
        }
        Packing::Zstd => unsupported("layers packed with zstd cannot be read yet"),
        Packing::Unknown => unsupported("its media type is none of a layer"),
    }
}

/// Reads `reader` to its end. Readers of this room report every mismatch there at the latest.
///
/// # Errors
/// Whatever the reader finds: other bytes than its digest promised, or an error of the system.
pub fn drain(reader: &mut dyn Read) -> io::Result<u64> {
    io::copy(reader, &mut io::sink())
}

/// A tar that is hashed on its way.
struct Unpacked<R> {
    tar: R,
    hasher: Sha256,
    diff_id: DiffId,
}

impl<R: Read> Unpacked<R> {
    fn new(tar: R, diff_id: DiffId) -> Self {
        Self { tar, hasher: Sha256::new(), diff_id }
    }
}

impl<R: Read> Read for Unpacked<R> {
    fn read(&mut self, buf: &mut [u8]) -> io::Result<usize> {
        if buf.is_empty() {
            return Ok(0);
        }
        let read = self.tar.read(buf)?;
        self.hasher.update(buf.get(..read).unwrap_or_default());
        if read == 0 {
            let found = Digest::from_bytes(self.hasher.clone().finalize().into());
            if found != self.diff_id.digest() {
                let what = format!("the unpacked bytes are `{found}`, the config says `{}`", self.diff_id);
                return Err(io::Error::new(io::ErrorKind::InvalidData, what));
            }
        }
        Ok(read)
    }
}
