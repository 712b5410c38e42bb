//! [`write()`]: writes entries as one layer into a blob sink.

use std::{
    borrow::Borrow,
    io::{self, Write},
    num::NonZeroUsize,
};

use hardpan_deflate::GzipWriter;

use super::{
    LayerEntry, LayerObserver, WrittenLayer, ZstdWriter,
    tar::{self, TarError},
};
use crate::{
    oci::{BlobDraft, BlobSink, DiffId, Sha256, media_type},
    report::{Failure, Limits},
};

/// How a layer is stored.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Compression {
    /// `tar+gzip`: the encoder of `format = 1`.
    Gzip,
    /// `tar+zstd`: libzstd at the level of `format = 1`. Smaller and faster; docker before 23 cannot unpack it.
    Zstd,
    /// `tar`: as it is.
    Uncompressed,
}

impl Compression {
    /// All of them.
    pub const ALL: [Self; 3] = [Self::Gzip, Self::Zstd, Self::Uncompressed];

    /// The name in a recipe.
    pub const fn name(self) -> &'static str {
        match self {
            Self::Gzip => "gzip",
            Self::Zstd => "zstd",
            Self::Uncompressed => "none",
        }
    }

    /// The media type of a layer stored like that (image-spec, `layer.md`).
    pub const fn media_type(self) -> &'static str {
        match self {
            Self::Gzip => media_type::LAYER_GZIP,
            Self::Zstd => media_type::LAYER_ZSTD,
            Self::Uncompressed => media_type::LAYER,
        }
    }
}

/// Writes `entries` as one layer into `sink`, compressing with up to `jobs` threads beside the calling one, at most
/// [`Limits::COMPRESSORS`].
///
/// The entries must be sorted by path, without duplicates and without the root. An error of a content that holds
/// a [`Failure`] is returned as that failure; everything else names the path in the image, or what the draft says
/// about itself. Nothing is sealed then. `observer` sees the tar as it passes by.
pub fn write<T: Borrow<LayerEntry>>(
    entries: &[T],
    compression: Compression,
    jobs: NonZeroUsize,
    sink: &dyn BlobSink,
    mut observer: Box<dyn LayerObserver + '_>,
) -> Result<WrittenLayer, Failure> {
    let watch = observer.as_mut();
    let draft = sink.draft()?;
    let jobs = jobs.min(NonZeroUsize::new(Limits::COMPRESSORS).unwrap_or(NonZeroUsize::MIN));
    let (diff_id, unpacked_size, draft) = match compression {
        Compression::Gzip => pack(entries, GzipWriter::new(draft, jobs), watch)?,
        Compression::Zstd => pack(entries, ZstdWriter::new(draft, jobs)?, watch)?,
        Compression::Uncompressed => pack(entries, draft, watch)?,
    };
    let blob = draft.seal(compression.media_type())?;
    let written = WrittenLayer { diff_id, blob, unpacked_size };
    observer.end(&written);
    Ok(written)
}

/// Writes the tar through `encoder`; the draft behind it comes back with all of it.
fn pack<'a, E: LayerEncoder<'a>>(
    entries: &[impl Borrow<LayerEntry>],
    encoder: E,
    observer: &mut dyn LayerObserver,
) -> Result<(DiffId, u64, Box<dyn BlobDraft + 'a>), Failure> {
    let mut tar = TarMeter::new(encoder, observer);
    let written = tar::write(entries, &mut tar).and_then(|()| tar.out.finish().map_err(TarError::Write));
    written.map_err(|error| match error {
        TarError::Entry(failure) => failure,
        TarError::Write(error) => tar.out.draft().failure(&error),
    })?;
    let (diff_id, unpacked_size, encoder) = tar.end();
    Ok((diff_id, unpacked_size, encoder.into_draft()))
}

/// The compression between the tar and the draft of the blob.
trait LayerEncoder<'a>: Write {
    /// Writes what it still holds. Called once, at the end.
    fn finish(&mut self) -> io::Result<()>;

    /// Where the bytes go.
    fn draft(&self) -> &(dyn BlobDraft + 'a);

    fn into_draft(self) -> Box<dyn BlobDraft + 'a>;
}

impl<'a> LayerEncoder<'a> for GzipWriter<Box<dyn BlobDraft + 'a>> {
    fn finish(&mut self) -> io::Result<()> {
        Self::finish(self)
    }

    fn draft(&self) -> &(dyn BlobDraft + 'a) {
        self.get_ref().as_ref()
    }

    fn into_draft(self) -> Box<dyn BlobDraft + 'a> {
        self.into_inner()
    }
}

impl<'a> LayerEncoder<'a> for ZstdWriter<Box<dyn BlobDraft + 'a>> {
    fn finish(&mut self) -> io::Result<()> {
        Self::finish(self)
    }

    fn draft(&self) -> &(dyn BlobDraft + 'a) {
        self.get_ref().as_ref()
    }

    fn into_draft(self) -> Box<dyn BlobDraft + 'a> {
        self.into_inner()
    }
}

impl<'a> LayerEncoder<'a> for Box<dyn BlobDraft + 'a> {
    fn finish(&mut self) -> io::Result<()> {
        Ok(())
    }

    fn draft(&self) -> &(dyn BlobDraft + 'a) {
        self.as_ref()
    }

    fn into_draft(self) -> Box<dyn BlobDraft + 'a> {
        self
    }
}

/// Hashes and counts the tar on its way to the encoder.
struct TarMeter<'o, W> {
    out: W,
    observer: &'o mut dyn LayerObserver,
    hash: Sha256,
    bytes: u64,
}

impl<'o, W: Write> TarMeter<'o, W> {
    fn new(out: W, observer: &'o mut dyn LayerObserver) -> Self {
        Self { out, observer, hash: Sha256::new(), bytes: 0 }
    }

    /// The digest and the number of bytes that went through.
    fn end(self) -> (DiffId, u64, W) {
        (DiffId::new(self.hash.finish()), self.bytes, self.out)
    }
}

impl<W: Write> Write for TarMeter<'_, W> {
    fn write(&mut self, buf: &[u8]) -> io::Result<usize> {
        let taken = self.out.write(buf)?;
        let taken_bytes = buf.get(..taken).unwrap_or_default();
        self.hash.update(taken_bytes);
        self.observer.observe(taken_bytes);
        self.bytes += taken as u64;
        Ok(taken)
    }

    fn flush(&mut self) -> io::Result<()> {
        self.out.flush()
    }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]

    use std::{
        collections::BTreeMap,
        io::Read as _,
        sync::{
            Arc, Mutex,
            atomic::{AtomicUsize, Ordering},
        },
    };

    use super::*;
    use crate::oci::Descriptor;
    use crate::{
        layer::{EntryKind, NoObserver},
        oci::{BlobDraft, Digest, ImagePath},
        report::ErrorName,
    };

    /// Keeps what was sealed in memory, when it is not more than there is room for.
    #[derive(Debug)]
    struct Memory {
        room: usize,
        sealed: Mutex<Vec<Vec<u8>>>,
        dropped: AtomicUsize,
    }

    struct Half<'a> {
        memory: &'a Memory,
        bytes: Vec<u8>,
    }

    impl Memory {
        fn of(room: usize) -> Self {
            Self { room, sealed: Mutex::default(), dropped: AtomicUsize::new(0) }
        }

        fn sealed(self) -> Vec<Vec<u8>> {
            self.sealed.into_inner().unwrap()
        }
    }

    impl BlobSink for Memory {
        fn draft(&self) -> Result<Box<dyn BlobDraft + '_>, Failure> {
            Ok(Box::new(Half { memory: self, bytes: Vec::new() }))
        }
    }

    impl BlobDraft for Half<'_> {
        fn seal(mut self: Box<Self>, media_type: &'static str) -> Result<Descriptor, Failure> {
            let bytes = std::mem::take(&mut self.bytes);
            let (digest, size) = (Digest::of(&bytes), bytes.len() as u64);
            self.memory.sealed.lock().unwrap().push(bytes);
            Ok(Descriptor { media_type, digest, size, platform: None, annotations: BTreeMap::new() })
        }

        fn failure(&self, error: &io::Error) -> Failure {
            Failure::error(ErrorName::DiskFull, format!("full after {}: {error}", self.bytes.len()))
        }
    }

    impl Write for Half<'_> {
        fn write(&mut self, buf: &[u8]) -> io::Result<usize> {
            let room = self.memory.room - self.bytes.len();
            if room == 0 {
                return Err(io::ErrorKind::StorageFull.into());
            }
            self.bytes.extend_from_slice(&buf[..buf.len().min(room)]);
            Ok(buf.len().min(room))
        }

        fn flush(&mut self) -> io::Result<()> {
            Ok(())
        }
    }

    impl Drop for Half<'_> {
        fn drop(&mut self) {
            self.memory.dropped.fetch_add(1, Ordering::Relaxed);
        }
    }

    fn entries(size: u64) -> Vec<LayerEntry> {
        let kind = EntryKind::File { size, content: Arc::new(b"#!\n".repeat(400_000)) };
        vec![LayerEntry { path: ImagePath::parse("/usr/bin/server").unwrap(), mode: 0o555, uid: 0, gid: 0, kind }]
    }

    fn put(entries: &[LayerEntry], jobs: usize, memory: &Memory) -> Result<WrittenLayer, Failure> {
        write(entries, Compression::Gzip, NonZeroUsize::new(jobs).unwrap(), memory, Box::new(NoObserver))
    }

    #[test]
    fn a_layer_is_named_by_its_bytes_packed_and_unpacked() {
        let mut blobs = Vec::new();
        for jobs in [1, 2, 16] {
            let memory = Memory::of(usize::MAX);
            let written = put(&entries(1_200_000), jobs, &memory).unwrap();
            let [blob] = memory.sealed().try_into().unwrap();
            let mut tar = Vec::new();
            flate2::read::GzDecoder::new(blob.as_slice()).read_to_end(&mut tar).unwrap();
            assert_eq!(written.unpacked_size, tar.len() as u64);
            assert_eq!(written.diff_id, DiffId::new(Digest::of(&tar)));
            assert_eq!(written.blob.digest, Digest::of(&blob));
            assert_eq!(written.blob.size, blob.len() as u64);
            assert_eq!(written.blob.media_type, "application/vnd.oci.image.layer.v1.tar+gzip");
            blobs.push(blob);
        }
        assert!(blobs.windows(2).all(|pair| pair[0] == pair[1]));
    }

    #[test]
    fn a_full_place_is_told_by_the_draft_and_leaves_nothing() {
        let memory = Memory::of(usize::MAX);
        let size = usize::try_from(put(&entries(1_200_000), 2, &memory).unwrap().blob.size).unwrap();
        for room in (0..size).step_by(size / 20).chain(size - 10..size) {
            let memory = Memory::of(room);
            let failure = put(&entries(1_200_000), 2, &memory).unwrap_err();
            assert!(failure.what.starts_with(&format!("full after {room}: ")), "{failure}");
            assert_eq!(memory.dropped.load(Ordering::Relaxed), 1);
            assert!(memory.sealed().is_empty());
        }
    }

    #[test]
    fn a_content_that_changed_leaves_nothing() {
        let memory = Memory::of(usize::MAX);
        let failure = put(&entries(1_200_001), 2, &memory).unwrap_err();
        let why = "`/usr/bin/server` changed while it was read: it is no longer 1200001 bytes";
        assert_eq!(failure.to_string(), why);
        assert!(memory.sealed().is_empty());
    }
}
