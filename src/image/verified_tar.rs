//! Unpacks the stored bytes of a layer (plain, gzip, zstd) to its tar, and verifies the diff_id at its end.
//!
//! [`StoredLayer::open_tar`](super::StoredLayer::open_tar) uses it. A layer that unpacks to far more bytes than it has,
//! or is packed in another way than its media type says, ends in an error.

use std::io::{self, BufRead as _, BufReader, Read};

use flate2::bufread::MultiGzDecoder;

use crate::{
    image::Packing,
    oci::{DiffId, Digest, Sha256},
    report::{ErrorName, Limits, NamedReason},
};

/// Unpacks `stored`, which has `size` bytes, and checks `diff_id` at its end.
pub(super) fn open_verified_tar(
    stored: Box<dyn Read + Send>,
    packing: Packing,
    size: u64,
    diff_id: DiffId,
) -> io::Result<Box<dyn Read + Send>> {
    let most = most_unpacked(size);
    let mut stored = BufReader::with_capacity(64 << 10, stored);
    let begin = loop {
        match stored.fill_buf() {
            Err(error) if error.kind() == io::ErrorKind::Interrupted => {}
            result => break result?,
        }
    };
    check_packing(packing, begin)?;
    match packing {
        Packing::Plain => Ok(Box::new(VerifiedTar::new(stored, diff_id, most))),
        // All members, all frames: a reader that stops after the first would take the rest for granted.
        Packing::Gzip => Ok(Box::new(VerifiedTar::new(MultiGzDecoder::new(stored), diff_id, most))),
        Packing::Zstd => {
            let mut zstd = ::zstd::Decoder::with_buffer(stored)?;
            zstd.window_log_max(Limits::ZSTD_WINDOW_LOG)?;
            Ok(Box::new(VerifiedTar::new(zstd, diff_id, most)))
        }
        Packing::Unknown => Err(NamedReason::error(
            ErrorName::ImageUnsupported,
            io::ErrorKind::Unsupported,
            "its media type is none of a layer",
        )),
    }
}

/// Unpacks the stored bytes of a layer, of which there are `size`, as their first bytes say they are packed, and gives the
/// SHA-256 and the number of the unpacked ones.
///
/// # Errors
/// They cannot be read or unpacked, or are too many.
pub fn unpack_layer(stored: Box<dyn Read + Send>, size: u64) -> io::Result<(Digest, u64)> {
    let mut stored = BufReader::with_capacity(64 << 10, stored);
    let begin = stored.fill_buf()?;
    let mut tar: Box<dyn Read> = if begin.starts_with(b"\x1f\x8b\x08") {
        Box::new(MultiGzDecoder::new(stored))
    } else if begin.starts_with(b"\x28\xb5\x2f\xfd") {
        let mut zstd = ::zstd::Decoder::with_buffer(stored)?;
        zstd.window_log_max(Limits::ZSTD_WINDOW_LOG)?;
        Box::new(zstd)
    } else {
        Box::new(stored)
    };
    let most = most_unpacked(size);
    let mut hasher = HashingWriter::default();
    let unpacked = io::copy(&mut tar.by_ref().take(most.saturating_add(1)), &mut hasher)?;
    if unpacked > most {
        return Err(io::ErrorKind::FileTooLarge.into());
    }
    Ok((hasher.0.finish(), unpacked))
}

/// Hashes what is written.
#[derive(Default)]
struct HashingWriter(Sha256);

impl io::Write for HashingWriter {
    fn write(&mut self, buf: &[u8]) -> io::Result<usize> {
        self.0.update(buf);
        Ok(buf.len())
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}

/// How many bytes a layer of that stored size may unpack to; one with more is refused as a decompression bomb.
pub fn most_unpacked(size: u64) -> u64 {
    size.saturating_mul(Limits::UNPACK_RATIO).max(Limits::UNPACK_BYTES)
}

/// Refuses a layer whose first bytes are of another format than its media type.
fn check_packing(packing: Packing, begin: &[u8]) -> io::Result<()> {
    const MAGIC: [(&[u8], &str); 5] = [
        (b"\x1f\x8b\x08", "gzip"),
        (b"\x28\xb5\x2f\xfd", "zstd"),
        (b"\xfd7zXZ\0", "xz"),
        (b"BZh", "bzip2"),
        (b"PK\x03\x04", "a zip archive"),
    ];
    let is_tar = begin.get(257..262) == Some(b"ustar");
    let seen = MAGIC.iter().find(|(magic, _)| begin.starts_with(magic)).map(|(_, name)| *name).filter(|_| !is_tar);
    let called = match packing {
        Packing::Plain if seen.is_some() => "a tar",
        Packing::Gzip if is_tar || seen.is_some_and(|seen| seen != "gzip") => "gzip",
        Packing::Zstd if is_tar || seen.is_some_and(|seen| seen != "zstd") => "zstd",
        _ => return Ok(()),
    };
    let seen = seen.unwrap_or("a tar");
    let what = format!("its media type calls it {called}, and its bytes are {seen}");
    Err(NamedReason::error(ErrorName::ImageInvalid, io::ErrorKind::Other, what))
}

/// Reads `reader` to its end. Readers of this room report every mismatch there at the latest.
///
/// # Errors
/// Whatever the reader finds: other bytes than its digest promised, or an error of the system.
pub fn drain(reader: &mut dyn Read) -> io::Result<u64> {
    io::copy(reader, &mut io::sink())
}

/// A tar that is hashed on its way.
struct VerifiedTar<R> {
    tar: R,
    hasher: Sha256,
    diff_id: DiffId,
    /// Bytes that it may still have.
    left: u64,
}

impl<R: Read> VerifiedTar<R> {
    fn new(tar: R, diff_id: DiffId, most: u64) -> Self {
        Self { tar, hasher: Sha256::new(), diff_id, left: most }
    }
}

impl<R: Read> Read for VerifiedTar<R> {
    fn read(&mut self, buf: &mut [u8]) -> io::Result<usize> {
        if buf.is_empty() {
            return Ok(0);
        }
        let read = self.tar.read(buf)?;
        self.hasher.update(buf.get(..read).unwrap_or_default());
        self.left = self.left.checked_sub(read as u64).ok_or_else(|| {
            let what = format!("it unpacks to more than {} times its size", Limits::UNPACK_RATIO);
            NamedReason::error(ErrorName::ImageTooLarge, io::ErrorKind::InvalidData, what)
        })?;
        if read == 0 {
            let found = self.hasher.clone().finish();
            if found != self.diff_id.digest() {
                let what = format!("the unpacked bytes are `{found}`, the config says `{}`", self.diff_id);
                return Err(NamedReason::error(ErrorName::BlobMismatch, io::ErrorKind::InvalidData, what));
            }
        }
        Ok(read)
    }
}
