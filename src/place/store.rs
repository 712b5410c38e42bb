//! Blobs by their names: opened without following a link, hashed while they are read.

use std::{
    collections::BTreeMap,
    fmt,
    fs::File,
    io::{self, Read},
    os::{fd::AsFd, unix::fs::FileExt as _},
    path::{Path, PathBuf},
    sync::Arc,
};

use rustix::{
    fs::{CWD, Mode, OFlags, openat},
    io::Errno,
};

use super::{
    BlobRef,
    document::{Document, Kind},
    fresh::Fresh,
    registry::Remote,
};
use crate::{
    cache::Cache,
    oci::{Digest, Open, Sha256},
    report::Failure,
};

/// The blobs of one or more places, asked in turn.
#[derive(Debug, Clone, Default)]
pub(super) struct Store {
    shelves: Vec<Shelf>,
    /// The place, for messages.
    path: PathBuf,
    /// Who knows files by their state.
    known: Option<Cache>,
}

/// Where blobs are.
#[derive(Debug, Clone)]
enum Shelf {
    /// The folder `blobs/sha256` of a layout.
    Folder(Arc<File>),
    /// The same of a staging folder, which nobody else writes to: opened when it is needed.
    Staged(Arc<Fresh>),
    /// An archive, with the places of its blobs.
    Archive(Arc<File>, Arc<BTreeMap<Digest, Span>>),
    /// The user's cache.
    Cache(Cache),
    /// A repository of a registry.
    Registry(Remote),
}

/// A piece of an archive.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Span {
    /// Its first byte.
    pub(super) start: u64,
    /// How many there are.
    pub(super) size: u64,
}

impl Store {
    /// The blobs of the layout at `path`; none when it has no such folder.
    ///
    /// # Errors
    /// `blobs` or `blobs/sha256` is a link or a file.
    pub(super) fn of(path: &Path) -> Result<Self, Failure> {
        let store = Self { shelves: Vec::new(), path: path.to_owned(), known: None };
        store.and(path)
    }

    /// What was staged a moment ago, for an image at `path`.
    pub(super) fn of_staged(fresh: &Arc<Fresh>, path: &Path) -> Self {
        Self { shelves: vec![Shelf::Staged(Arc::clone(fresh))], path: path.to_owned(), known: None }
    }

    /// The blobs at `spans` of the archive `file`, which is at `path`.
    pub(super) fn of_archive(file: File, spans: BTreeMap<Digest, Span>, path: &Path) -> Self {
        Self { shelves: vec![Shelf::Archive(Arc::new(file), Arc::new(spans))], path: path.to_owned(), known: None }
    }

    /// The blobs of a repository, which messages call `name`.
    pub(super) fn of_registry(remote: Remote, name: &Path) -> Self {
        Self { shelves: vec![Shelf::Registry(remote)], path: name.to_owned(), known: None }
    }

    /// The blobs of the cache, then those of a repository, which messages call `name`. What is fetched of documents is
    /// kept in the cache.
    pub(super) fn of_base(cache: Option<&Cache>, remote: Option<Remote>, name: &Path) -> Self {
        let shelves = cache.cloned().map(Shelf::Cache).into_iter().chain(remote.map(Shelf::Registry));
        Self { shelves: shelves.collect(), path: name.to_owned(), known: None }
    }

    /// The same with the layout at `path` as the next one to ask.
    pub(super) fn and(mut self, path: &Path) -> Result<Self, Failure> {
        // The layout itself may be reached through a link that the user gave; what is inside may not.
        let opened = openat(CWD, path, OFlags::RDONLY | OFlags::DIRECTORY | OFlags::CLOEXEC, Mode::empty())
            .map_err(io::Error::from)
            .and_then(|root| open_inside(&root, "blobs", OFlags::DIRECTORY))
            .and_then(|blobs| open_inside(&blobs, "sha256", OFlags::DIRECTORY));
        match opened {
            Ok(folder) => self.shelves.push(Shelf::Folder(Arc::new(folder))),
            Err(error) if error.kind() == io::ErrorKind::NotFound => {}
            Err(error) => return Err(Failure::io("open `blobs/sha256`", path, &error)),
        }
        Ok(self)
    }

    /// The same, where a file that is known to hold its blob need not be read to verify it.
    pub(super) fn knowing(self, known: Option<Cache>) -> Self {
        Self { known, ..self }
    }

    /// The blob's bytes, not opened yet.
    pub(super) fn blob(&self, blob: &BlobRef) -> StoredBlob {
        StoredBlob { store: self.clone(), blob: blob.clone() }
    }

    /// The whole of a small blob, verified.
    ///
    /// # Errors
    /// Missing, not a regular file, other bytes than named, or larger than `limit`.
    pub(super) fn document(&self, blob: &BlobRef, limit: u64) -> Result<Vec<u8>, Failure> {
        if blob.size > limit {
            let what = format!("`{}` has {} bytes, more than the {limit} allowed", blob.digest, blob.size);
            return Err(Failure::new(what).in_path(&self.path));
        }
        if let Some(Shelf::Staged(fresh)) = self.shelves.first()
            && let Some(bytes) = fresh.document(blob.digest).filter(|bytes| bytes.len() as u64 == blob.size)
        {
            return Ok(bytes.to_vec());
        }
        // No capacity up front: the size is a claim.
        let mut bytes = Vec::new();
        self.reader(blob)
            .and_then(|mut reader| reader.read_to_end(&mut bytes))
            .map_err(|error| self.failure(blob, &error))?;
        for shelf in &self.shelves {
            if let Shelf::Cache(cache) = shelf {
                cache.keep(&bytes);
            }
        }
        Ok(bytes)
    }

    /// What was read before in this document, where it was staged a moment ago.
    pub(super) fn parsed(&self, blob: &BlobRef) -> Option<Arc<Document>> {
        let Some(Shelf::Staged(fresh)) = self.shelves.first() else { return None };
        let parsed = fresh.parsed(blob.digest, blob.size)?;
        // Another descriptor may call it something else.
        (parsed.kind() == Kind::of(&blob.media_type)).then_some(parsed)
    }

    /// Keeps what was read in a document that was staged a moment ago.
    pub(super) fn keep_parsed(&self, blob: &BlobRef, parsed: &Arc<Document>) {
        if let Some(Shelf::Staged(fresh)) = self.shelves.first() {
            fresh.keep_parsed(blob.digest, parsed);
        }
    }

    /// Reads the whole blob and forgets it, unless it is known that its bytes are right.
    pub(super) fn verify(&self, blob: &BlobRef) -> Result<(), Failure> {
        if self.is_known(blob) {
            return Ok(());
        }
        self.reader(blob)
            .and_then(|mut reader| crate::place::drain(&mut reader))
            .map_err(|error| self.failure(blob, &error))?;
        Ok(())
    }

    /// An error of reading `blob`, told with its name.
    pub(super) fn failure(&self, blob: &BlobRef, error: &io::Error) -> Failure {
        if error.kind() == io::ErrorKind::NotFound {
            return Failure::new(format!("the blob `{}` is missing", blob.digest)).in_path(&self.path);
        }
        Failure::io(&format!("read the blob `{}`", blob.digest), &self.path, error)
    }

    /// Whether the file of the blob, the first one there is, is known to be intact, or is read and is.
    fn is_known(&self, blob: &BlobRef) -> bool {
        if let Some(Shelf::Staged(fresh)) = self.shelves.first()
            && fresh.is_intact(blob.digest, blob.size)
        {
            return true;
        }
        let Some(known) = &self.known else { return false };
        for shelf in &self.shelves {
            let opened = match shelf {
                Shelf::Folder(folder) => open_inside(folder.as_ref(), &blob.digest.hex(), OFlags::empty()),
                Shelf::Staged(fresh) => fresh.open(blob.digest),
                _ => return false,
            };
            match opened {
                Ok(file) => return known.is_intact(&file, blob.digest, blob.size),
                Err(error) if error.kind() == io::ErrorKind::NotFound => {}
                Err(_) => return false,
            }
        }
        false
    }

    fn reader(&self, blob: &BlobRef) -> io::Result<VerifiedReader> {
        let (digest, size) = (blob.digest, blob.size);
        let name = digest.hex();
        let whole = |file| VerifiedReader::new(Stored::whole(file)?, digest, size);
        for shelf in &self.shelves {
            match shelf {
                Shelf::Folder(folder) => match open_inside(folder.as_ref(), &name, OFlags::empty()) {
                    Err(error) if error.kind() == io::ErrorKind::NotFound => {}
                    opened => return opened.and_then(whole),
                },
                Shelf::Staged(fresh) => match fresh.open(digest) {
                    Err(error) if error.kind() == io::ErrorKind::NotFound => {}
                    opened => return opened.and_then(whole),
                },
                Shelf::Archive(file, spans) => {
                    if let Some(span) = spans.get(&digest) {
                        return VerifiedReader::new(Stored::piece(file, *span), digest, size);
                    }
                }
                Shelf::Cache(cache) => {
                    if let Some(found) = cache.blob(digest, size) {
                        return VerifiedReader::new(Stored::stream(found.open()?), digest, size);
                    }
                }
                Shelf::Registry(remote) => {
                    return VerifiedReader::new(Stored::stream(remote.open_blob(blob)?), digest, size);
                }
            }
        }
        Err(io::Error::new(io::ErrorKind::NotFound, "the blob is missing"))
    }
}

/// A blob in its place.
#[derive(Debug, Clone)]
pub(super) struct StoredBlob {
    store: Store,
    blob: BlobRef,
}

impl Open for StoredBlob {
    fn open(&self) -> io::Result<Box<dyn Read + Send>> {
        Ok(Box::new(self.store.reader(&self.blob)?))
    }
}

/// The bytes of a blob. The last ones are given out only when size and digest are right, so a reader that counts
/// bytes is as safe as one that waits for the end.
#[derive(Debug)]
pub(super) struct VerifiedReader {
    stored: Stored,
    hasher: Sha256,
    digest: Digest,
    size: u64,
    read: u64,
    state: State,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum State {
    Reading,
    Good,
    Bad,
}

impl VerifiedReader {
    fn new(stored: Stored, digest: Digest, size: u64) -> io::Result<Self> {
        if let Some(found) = stored.size().filter(|found| *found != size) {
            return Err(bad(format!("it has {found} bytes, its descriptor says {size}")));
        }
        Ok(Self { stored, hasher: Sha256::new(), digest, size, read: 0, state: State::Reading })
    }

    /// Reads on and checks; any error is final.
    fn advance(&mut self, buf: &mut [u8]) -> io::Result<usize> {
        let left = self.size - self.read;
        let want = usize::try_from(left).unwrap_or(usize::MAX).min(buf.len());
        let read = self.stored.read_at(self.read, buf.get_mut(..want).unwrap_or_default())?;
        if read == 0 && left > 0 {
            return Err(bad(format!("it ends after {} of {} bytes", self.read, self.size)));
        }
        self.hasher.update(buf.get(..read).unwrap_or_default());
        self.read += read as u64;
        if self.read == self.size {
            // It may have grown since it was opened.
            if self.stored.has_grown()? {
                return Err(bad(format!("it has more than {} bytes", self.size)));
            }
            let found = self.hasher.clone().finish();
            if found != self.digest {
                return Err(bad(format!("its bytes are `{found}`")));
            }
            self.state = State::Good;
        }
        Ok(read)
    }
}

impl Read for VerifiedReader {
    fn read(&mut self, buf: &mut [u8]) -> io::Result<usize> {
        match self.state {
            _ if buf.is_empty() => Ok(0),
            State::Good => Ok(0),
            State::Bad => Err(bad("its bytes are not those of its name")),
            State::Reading => {
                let result = self.advance(buf);
                if result.as_ref().is_err_and(|error| error.kind() != io::ErrorKind::Interrupted) {
                    self.state = State::Bad;
                }
                result
            }
        }
    }
}

/// The bytes of a blob where they lie.
enum Stored {
    /// A file, which may grow while it is read.
    Whole(File, u64),
    /// A piece of a file.
    Piece(Arc<File>, Span),
    /// What comes over a connection.
    Stream(Box<dyn Read + Send>),
}

impl Stored {
    fn whole(file: File) -> io::Result<Self> {
        let found = file.metadata()?;
        if !found.is_file() {
            return Err(bad("it is not a regular file"));
        }
        Ok(Self::Whole(file, found.len()))
    }

    /// Read by position: several readers share the file.
    fn piece(file: &Arc<File>, span: Span) -> Self {
        Self::Piece(Arc::clone(file), span)
    }

    fn stream(reader: Box<dyn Read + Send>) -> Self {
        Self::Stream(reader)
    }

    /// How many bytes there are, where that is known before they are read.
    fn size(&self) -> Option<u64> {
        match self {
            Self::Whole(_, size) => Some(*size),
            Self::Piece(_, span) => Some(span.size),
            Self::Stream(_) => None,
        }
    }

    /// Reads what is `at` bytes behind the start; a stream is there anyway.
    fn read_at(&mut self, at: u64, buf: &mut [u8]) -> io::Result<usize> {
        match self {
            Self::Whole(file, _) => file.read_at(buf, at),
            Self::Piece(file, span) => file.read_at(buf, span.start.saturating_add(at)),
            Self::Stream(_) if buf.is_empty() => Ok(0),
            Self::Stream(reader) => reader.read(buf),
        }
    }

    /// Whether there are more bytes than there should be, all of those having been read.
    fn has_grown(&mut self) -> io::Result<bool> {
        match self {
            Self::Whole(file, size) => Ok(file.metadata()?.len() != *size),
            Self::Piece(..) => Ok(false),
            Self::Stream(reader) => Ok(reader.read(&mut [0])? > 0),
        }
    }
}

impl fmt::Debug for Stored {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_tuple("Stored").field(&self.size()).finish()
    }
}

/// The whole of a small file that is no blob, so without a digest to check.
///
/// # Errors
/// Missing, a link, not a regular file, or larger than `limit`.
pub(super) fn read_small(path: &Path, limit: u64) -> io::Result<Vec<u8>> {
    let file = open_at(CWD, path, OFlags::empty())?;
    if !file.metadata()?.is_file() {
        return Err(bad("it is not a regular file"));
    }
    let mut bytes = Vec::new();
    file.take(limit.saturating_add(1)).read_to_end(&mut bytes)?;
    if bytes.len() as u64 > limit {
        return Err(bad(format!("it has more than the {limit} bytes allowed")));
    }
    Ok(bytes)
}

/// Opens `name` in `folder`, not through a link and without waiting for the other end of a pipe.
fn open_inside(folder: impl AsFd, name: &str, flags: OFlags) -> io::Result<File> {
    open_at(folder, Path::new(name), flags)
}

pub(super) fn open_at(folder: impl AsFd, name: &Path, flags: OFlags) -> io::Result<File> {
    let flags = flags | OFlags::RDONLY | OFlags::NOFOLLOW | OFlags::NONBLOCK | OFlags::CLOEXEC;
    match openat(folder, name, flags, Mode::empty()) {
        Ok(file) => Ok(File::from(file)),
        Err(Errno::LOOP) => Err(bad("it is a symbolic link, which is not followed")),
        Err(error) => Err(error.into()),
    }
}

fn bad(what: impl Into<String>) -> io::Error {
    io::Error::new(io::ErrorKind::InvalidData, what.into())
}
