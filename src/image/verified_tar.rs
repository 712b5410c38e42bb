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

/// A tar that is unpacked while it is read.
pub(super) type TarReader = Box<dyn Read + Send>;

/// Unpacks `stored`, which has `size` bytes, and checks `diff_id` at its end.
pub(super) fn open_verified_tar(
    stored: TarReader,
    packing: Packing,
    size: u64,
    diff_id: DiffId,
) -> io::Result<TarReader> {
    let (stored, packed) = look_at_packing(stored, packing)?;
    match packed {
        Some(other) => Err(NamedReason::error(ErrorName::ImageInvalid, io::ErrorKind::Other, other.what(packing))),
        None => unpack(stored, packing, size, diff_id),
    }
}

/// Unpacks `stored` as [`open_verified_tar`] does; where its bytes are of another packing than `packing`, by the packing of
/// its bytes. The second value then says what differs.
pub(super) fn open_verified_tar_as_packed(
    stored: TarReader,
    packing: Packing,
    size: u64,
    diff_id: DiffId,
) -> io::Result<(TarReader, Option<String>)> {
    let (stored, packed) = look_at_packing(stored, packing)?;
    let Some(other) = packed else { return Ok((unpack(stored, packing, size, diff_id)?, None)) };
    let what = other.what(packing);
    match other.packing {
        Some(found) => Ok((unpack(stored, found, size, diff_id)?, Some(what))),
        None => Err(NamedReason::error(ErrorName::ImageInvalid, io::ErrorKind::Other, what)),
    }
}

/// Looks at the first bytes of a layer, which stay in the reader.
fn look_at_packing(stored: TarReader, packing: Packing) -> io::Result<(BufReader<TarReader>, Option<OtherPacking>)> {
    let mut stored = BufReader::with_capacity(64 << 10, stored);
    let begin = loop {
        match stored.fill_buf() {
            Err(error) if error.kind() == io::ErrorKind::Interrupted => {}
            result => break result?,
        }
    };
    let other = other_packing(packing, begin);
    Ok((stored, other))
}

/// Unpacks by `packing`.
fn unpack(stored: BufReader<TarReader>, packing: Packing, size: u64, diff_id: DiffId) -> io::Result<TarReader> {
    let most = most_unpacked(size);
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

/// What a layer is by its first bytes, where its media type says something else.
struct OtherPacking {
    /// `None` for what no layer is packed with.
    packing: Option<Packing>,
    /// What the bytes are.
    name: &'static str,
}

impl OtherPacking {
    /// The difference, for a message.
    fn what(&self, called: Packing) -> String {
        let called = match called {
            Packing::Gzip => "gzip",
            Packing::Zstd => "zstd",
            Packing::Plain | Packing::Unknown => "a tar",
        };
        format!("its media type calls it {called}, and its bytes are {}", self.name)
    }
}

/// What a layer is whose first bytes are of another format than its media type says.
fn other_packing(packing: Packing, begin: &[u8]) -> Option<OtherPacking> {
    const MAGIC: [(&[u8], Option<Packing>, &str); 5] = [
        (b"\x1f\x8b\x08", Some(Packing::Gzip), "gzip"),
        (b"\x28\xb5\x2f\xfd", Some(Packing::Zstd), "zstd"),
        (b"\xfd7zXZ\0", None, "xz"),
        (b"BZh", None, "bzip2"),
        (b"PK\x03\x04", None, "a zip archive"),
    ];
    let is_tar = begin.get(257..262) == Some(b"ustar");
    let magic = MAGIC.iter().find(|(magic, ..)| !is_tar && begin.starts_with(magic));
    let seen = match magic {
        Some((_, packing, name)) => OtherPacking { packing: *packing, name },
        None if is_tar => OtherPacking { packing: Some(Packing::Plain), name: "a tar" },
        // What has no mark may be anything.
        None => return None,
    };
    (packing != Packing::Unknown && seen.packing != Some(packing)).then_some(seen)
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
