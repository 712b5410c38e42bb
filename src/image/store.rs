//! Reads blobs by digest from one or more sources: layout folders, archives, the cache, staging folders, registries.
//!
//! All readers of images use [`Store`]. It never follows a symbolic link inside of a layout, and a reader hands out the
//! last bytes of a blob only when size and digest are right.

use std::{
    collections::BTreeMap,
    fmt,
    fs::File,
    io::{self, Read},
    os::fd::AsFd,
    path::{Path, PathBuf},
    sync::Arc,
};

use rustix::{
    fs::{CWD, Mode, OFlags, openat},
    io::Errno,
};

use crate::{
    cache::Cache,
    image::{
        BlobRef, drain,
        stored_bytes::{Span, StoredBytes, VerifiedReader, wrong_kind},
    },
    oci::{Digest, Open},
    report::{ErrorName, Failure, NamedReason},
};

/// A place that blobs are read from by their digests: a folder, an archive, the cache, a staging folder, a repository.
pub trait BlobSource: fmt::Debug + Send + Sync {
    /// The bytes as they lie there, not verified; none where this source does not have the blob, and the next one is asked.
    ///
    /// # Errors
    /// The source has it and cannot read it.
    fn open(&self, blob: &BlobRef) -> io::Result<Option<StoredBytes>>;

    /// Whether the bytes are known to be right without reading them; none where this source does not have the blob.
    /// `known` knows files by their state.
    ///
    /// # Errors
    /// The source has it and cannot tell.
    fn is_intact(&self, _blob: &BlobRef, _known: Option<&Cache>) -> io::Result<Option<bool>> {
        Ok(Some(false))
    }

    /// Takes the bytes of a document that was read from a source behind this one, where this one is a cache.
    fn keep(&self, _bytes: &[u8]) {}
}

/// The blobs of one or more sources, asked in turn.
#[derive(Debug, Clone, Default)]
pub struct Store {
    sources: Vec<Arc<dyn BlobSource>>,
    /// The place, for messages.
    path: PathBuf,
    /// Recognises files that were verified before by their state.
    known: Option<Cache>,
}

/// The folder `blobs/sha256` of a layout.
#[derive(Debug)]
struct BlobFolder(File);

impl BlobFolder {
    fn file(&self, blob: &BlobRef) -> io::Result<Option<File>> {
        match open_inside(&self.0, &blob.digest.hex(), OFlags::empty()) {
            Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(None),
            opened => opened.map(Some),
        }
    }
}

impl BlobSource for BlobFolder {
    fn open(&self, blob: &BlobRef) -> io::Result<Option<StoredBytes>> {
        self.file(blob)?.map(StoredBytes::whole).transpose()
    }

    fn is_intact(&self, blob: &BlobRef, known: Option<&Cache>) -> io::Result<Option<bool>> {
        let file = self.file(blob)?;
        Ok(file.map(|file| known.is_some_and(|known| known.is_intact(&file, blob.digest, blob.size))))
    }
}

/// An archive, with the spans of its blobs.
#[derive(Debug)]
struct ArchiveBlobs(Arc<File>, BTreeMap<Digest, Span>);

impl BlobSource for ArchiveBlobs {
    fn open(&self, blob: &BlobRef) -> io::Result<Option<StoredBytes>> {
        Ok(self.1.get(&blob.digest).map(|span| StoredBytes::piece(&self.0, *span)))
    }
}

impl BlobSource for Cache {
    fn open(&self, blob: &BlobRef) -> io::Result<Option<StoredBytes>> {
        let found = self.blob(blob.digest, blob.size);
        found.map(|found| Ok(StoredBytes::stream(found.open()?))).transpose()
    }

    fn keep(&self, bytes: &[u8]) {
        Self::keep(self, bytes);
    }
}

impl Store {
    /// The blobs of the layout at `path`; none when it has no such folder.
    ///
    /// # Errors
    /// `blobs` or `blobs/sha256` is a link or a file.
    pub fn of_layout(path: &Path) -> Result<Self, Failure> {
        Self::of_sources(Vec::new(), path).and_layout(path)
    }

    /// The blobs of `sources`, asked in turn; messages call the place `name`.
    pub fn of_sources(sources: Vec<Arc<dyn BlobSource>>, name: &Path) -> Self {
        Self { sources, path: name.to_owned(), known: None }
    }

    /// The blobs at `spans` of the archive `file`, which is at `path`.
    pub(crate) fn of_archive(file: File, spans: BTreeMap<Digest, Span>, path: &Path) -> Self {
        Self::of_sources(vec![Arc::new(ArchiveBlobs(Arc::new(file), spans))], path)
    }

    /// The same with the layout at `path` as the next one to ask.
    ///
    /// # Errors
    /// `blobs` or `blobs/sha256` is a link or a file.
    pub fn and_layout(mut self, path: &Path) -> Result<Self, Failure> {
        // The layout itself may be reached through a link that the user gave; what is inside may not.
        let opened = openat(CWD, path, OFlags::RDONLY | OFlags::DIRECTORY | OFlags::CLOEXEC, Mode::empty())
            .map_err(io::Error::from)
            .and_then(|root| open_inside(&root, "blobs", OFlags::DIRECTORY))
            .and_then(|blobs| open_inside(&blobs, "sha256", OFlags::DIRECTORY));
        match opened {
            Ok(folder) => self.sources.push(Arc::new(BlobFolder(folder))),
            Err(error) if error.kind() == io::ErrorKind::NotFound => {}
            Err(error) => return Err(Failure::io("open `blobs/sha256`", path, &error)),
        }
        Ok(self)
    }

    /// The same, where a file that is known to hold its blob need not be read to verify it.
    #[must_use]
    pub fn knowing(self, known: Option<Cache>) -> Self {
        Self { known, ..self }
    }

    /// The blob's bytes, not opened yet.
    pub fn blob(&self, blob: &BlobRef) -> impl Open + use<> {
        StoredBlob { store: self.clone(), blob: blob.clone() }
    }

    /// The whole of a small blob, verified.
    ///
    /// # Errors
    /// Missing, not a regular file, other bytes than named, or larger than `limit`.
    pub fn document(&self, blob: &BlobRef, limit: u64) -> Result<Vec<u8>, Failure> {
        if blob.size > limit {
            let what = format!("`{}` has {} bytes, more than the {limit} allowed", blob.digest, blob.size);
            return Err(Failure::error(ErrorName::ImageTooLarge, what).in_path(&self.path));
        }
        // No capacity up front: the size is a claim.
        let mut bytes = Vec::new();
        self.open_verified(blob)
            .and_then(|mut reader| reader.read_to_end(&mut bytes))
            .map_err(|error| self.failure(blob, &error))?;
        self.sources.iter().for_each(|source| source.keep(&bytes));
        Ok(bytes)
    }

    /// Reads the whole blob and drops the bytes, unless they are known to be right.
    ///
    /// # Errors
    /// Missing, not a regular file, or other bytes than named.
    pub fn verify(&self, blob: &BlobRef) -> Result<(), Failure> {
        if self.is_known(blob) {
            return Ok(());
        }
        let drained = self.open_verified(blob).and_then(|mut reader| drain(&mut reader));
        drained.map(|_| ()).map_err(|error| self.failure(blob, &error))
    }

    /// An error of reading `blob`, with its digest.
    pub fn failure(&self, blob: &BlobRef, error: &io::Error) -> Failure {
        if error.kind() == io::ErrorKind::NotFound {
            let what = format!("the blob `{}` is missing", blob.digest);
            return Failure::error(ErrorName::BlobMissing, what).in_path(&self.path);
        }
        Failure::io(&format!("read the blob `{}`", blob.digest), &self.path, error)
    }

    /// Whether the blob in the first source that has it is known to be intact.
    fn is_known(&self, blob: &BlobRef) -> bool {
        let mut answers = self.sources.iter().map(|source| source.is_intact(blob, self.known.as_ref()).transpose());
        matches!(answers.find_map(|answer| answer), Some(Ok(true)))
    }

    fn open_verified(&self, blob: &BlobRef) -> io::Result<VerifiedReader> {
        for source in &self.sources {
            if let Some(bytes) = source.open(blob)? {
                return VerifiedReader::new(bytes, blob.digest, blob.size);
            }
        }
        Err(io::Error::new(io::ErrorKind::NotFound, "the blob is missing"))
    }
}

/// A blob of a store that was not opened yet.
#[derive(Debug, Clone)]
struct StoredBlob {
    store: Store,
    blob: BlobRef,
}

impl Open for StoredBlob {
    fn open(&self) -> io::Result<Box<dyn Read + Send>> {
        Ok(Box::new(self.store.open_verified(&self.blob)?))
    }
}

/// The whole of a small file that is no blob, so without a digest to check.
///
/// # Errors
/// Missing, a link, not a regular file, or larger than `limit`.
pub(crate) fn read_small(path: &Path, limit: u64) -> io::Result<Vec<u8>> {
    let file = open_at(CWD, path, OFlags::empty())?;
    if !file.metadata()?.is_file() {
        return Err(wrong_kind("it is not a regular file"));
    }
    let mut bytes = Vec::new();
    file.take(limit.saturating_add(1)).read_to_end(&mut bytes)?;
    if bytes.len() as u64 > limit {
        let what = format!("it has more than the {limit} bytes allowed");
        return Err(NamedReason::error(ErrorName::ImageTooLarge, io::ErrorKind::InvalidData, what));
    }
    Ok(bytes)
}

/// Opens `name` in `folder`, not through a link and without waiting for the other end of a pipe.
fn open_inside(folder: impl AsFd, name: &str, flags: OFlags) -> io::Result<File> {
    open_at(folder, Path::new(name), flags)
}

pub(crate) fn open_at(folder: impl AsFd, name: &Path, flags: OFlags) -> io::Result<File> {
    let flags = flags | OFlags::RDONLY | OFlags::NOFOLLOW | OFlags::NONBLOCK | OFlags::CLOEXEC;
    match openat(folder, name, flags, Mode::empty()) {
        Ok(file) => Ok(File::from(file)),
        Err(Errno::LOOP) => Err(wrong_kind("it is a symbolic link, which is not followed")),
        Err(error) => Err(error.into()),
    }
}

/// The name for an error of reading a layer or an archive, with those of the tar reader and of the decompressors, which
/// have none of their own: what they report is about the content, and not about the file that holds it.
pub(crate) fn content_error_name(error: &io::Error) -> ErrorName {
    match blob_error_name(error) {
        ErrorName::FileError | ErrorName::DiskFull if error.raw_os_error().is_none() => match error.kind() {
            io::ErrorKind::QuotaExceeded => ErrorName::ImageTooLarge,
            _ => ErrorName::ImageInvalid,
        },
        name => name,
    }
}

/// The name for an error of reading a blob: a file that is not there is a missing blob.
pub(crate) fn blob_error_name(error: &io::Error) -> ErrorName {
    if error.kind() == io::ErrorKind::NotFound { ErrorName::BlobMissing } else { ErrorName::of_io(error) }
}
