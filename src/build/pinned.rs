//! A file of the host, pinned: its size and fingerprint are known, and no other bytes will ever be read from it.

use std::{
    ffi::OsStr,
    fmt,
    fs::File,
    io::{self, Read},
    os::unix::fs::FileTypeExt as _,
    path::Path,
    sync::{Arc, OnceLock},
};

use rustix::fs::{Mode, OFlags};
use tempfile::TempPath;

use super::secrets::KeyScanner;
use crate::{
    cache::{Cache, Fingerprint, Fingerprinter, Identity, Input},
    elf::{self, Elf, NotElf},
    oci::Open,
    report::{Failure, printable},
};

/// Bytes of one read.
const CHUNK: usize = 256 << 10;

/// A regular file whose content was read once, now or by an earlier build; [`Open::open`] reads it again and fails when
/// anything changed.
///
/// A handle: there may be tens of thousands, and several places hold each of them.
#[derive(Clone)]
pub(super) struct PinnedFile(Arc<Pinned>);

struct Pinned {
    path: Arc<OsStr>,
    identity: Identity,
    fingerprint: Fingerprint,
    /// A file of ours that goes when nobody needs it any more.
    _kept: Option<Arc<TempPath>>,
    scan: Scan,
    /// A change since it was read would show in the identity: what is found out about it may be remembered.
    settled: bool,
    headers: OnceLock<Box<Elf>>,
    cache: Option<Cache>,
}

/// What the scan of a file found besides its fingerprint.
#[derive(Debug, Clone, Copy)]
pub(super) struct Scan {
    /// The byte offset of a private key.
    pub(super) private_key: Option<u64>,
}

impl PinnedFile {
    /// Reads the file at `path` (canonical) once, unless the cache knows what is in it. `name` is how messages call it.
    pub(super) fn pin(path: &Path, name: &str, cache: Option<&Cache>) -> Result<(Self, Scan), Failure> {
        let identity = look(path, name)?;
        if let Some(known) = cache.and_then(|cache| cache.input(&identity)) {
            let scan = Scan { private_key: known.private_key };
            let headers = OnceLock::new();
            if !known.note.is_empty()
                && let Ok(elf) = serde_json::from_slice::<Elf>(&known.note)
            {
                let _ = headers.set(Box::new(elf));
            }
            let (path, fingerprint, cache) = (path.as_os_str().into(), known.fingerprint, cache.cloned());
            let pinned = Pinned { path, identity, fingerprint, scan, settled: true, headers, cache, _kept: None };
            return Ok((Self(Arc::new(pinned)), scan));
        }
        let pinned = read(path, name, cache)?;
        let scan = pinned.scan;
        Ok((Self(Arc::new(pinned)), scan))
    }

    /// The same of a file that is there as long as `kept` is; the cache need not know such a one.
    pub(super) fn pin_kept(path: &Path, name: &str, kept: Option<Arc<TempPath>>) -> Result<(Self, Scan), Failure> {
        let pinned = Pinned { _kept: kept, ..read(path, name, None)? };
        let scan = pinned.scan;
        Ok((Self(Arc::new(pinned)), scan))
    }

    /// Where it is; shared with whoever asks.
    pub(super) fn path(&self) -> Arc<OsStr> {
        Arc::clone(&self.0.path)
    }

    /// Bytes.
    pub(super) fn size(&self) -> u64 {
        self.0.identity.size()
    }

    /// Of the content.
    pub(super) fn fingerprint(&self) -> Fingerprint {
        self.0.fingerprint
    }

    /// What its headers say, read when they are asked for the first time.
    pub(super) fn elf(&self) -> io::Result<Result<Elf, NotElf>> {
        if let Some(known) = self.0.headers.get() {
            return Ok(Ok(Elf::clone(known)));
        }
        let file = self.file()?;
        let read = elf::read(&file);
        if let Ok(elf) = &read {
            let unchanged = Identity::of(&file.metadata()?) == self.0.identity;
            if self.0.settled && unchanged {
                self.remember(serde_json::to_vec(elf).unwrap_or_default());
            }
            let _ = self.0.headers.set(Box::new(elf.clone()));
        }
        Ok(read)
    }

    fn remember(&self, note: Vec<u8>) {
        if let Some(cache) = &self.0.cache {
            let (fingerprint, private_key) = (self.0.fingerprint, self.0.scan.private_key);
            cache.remember_input(&self.0.identity, Input { fingerprint, private_key, note });
        }
    }

    /// The file itself; the same one that was pinned.
    fn file(&self) -> io::Result<File> {
        let file = rustix::fs::open(
            &*self.0.path,
            OFlags::RDONLY | OFlags::NOFOLLOW | OFlags::NONBLOCK | OFlags::CLOEXEC,
            Mode::empty(),
        )?;
        let file = File::from(file);
        // The time may move (a `touch`), the bytes may not; those are checked by their fingerprint.
        if file.metadata()?.len() != self.size() {
            return Err(changed_io());
        }
        Ok(file)
    }
}

/// Reads the whole file: its fingerprint, and whether there is a private key in it.
fn read(path: &Path, name: &str, cache: Option<&Cache>) -> Result<Pinned, Failure> {
    let fault = |doing: &str, error: &io::Error| Failure::io(doing, printable(name).as_ref(), error);
    let mut file = open_regular(path, name)?;
    let state = |file: &File| file.metadata().map(|meta| Identity::of(&meta)).map_err(|error| fault("read", &error));
    let identity = state(&file)?;
    // Asked before the first byte is read.
    let moment = cache.and_then(|cache| cache.moment(&identity));
    let (mut hasher, mut keys, mut read) = (Fingerprinter::default(), KeyScanner::new(), 0_u64);
    let mut chunk = vec![0; CHUNK.min(usize::try_from(identity.size()).unwrap_or(CHUNK).max(512) + 1)];
    loop {
        let n = retry(|| file.read(&mut chunk)).map_err(|error| fault("read", &error))?;
        let Some(bytes) = chunk.get(..n).filter(|bytes| !bytes.is_empty()) else { break };
        hasher.update(bytes);
        keys.push(bytes);
        read += bytes.len() as u64;
        // A file that grows while it is read may never end.
        if read > identity.size() {
            return Err(changed(name));
        }
    }
    let after = state(&file)?;
    if read != identity.size() || !identity.is_renamed(&after) {
        return Err(changed(name));
    }
    let (fingerprint, private_key) = (hasher.finish(), keys.finish());
    let settled = identity == after && moment.is_some_and(|moment| identity.is_settled(moment));
    if let Some(cache) = cache.filter(|_| settled) {
        cache.remember_input(&identity, Input { fingerprint, private_key, note: Vec::new() });
    }
    let (scan, cache) = (Scan { private_key }, cache.cloned());
    Ok(Pinned {
        path: path.as_os_str().into(),
        identity,
        fingerprint,
        scan,
        settled,
        headers: OnceLock::new(),
        cache,
        _kept: None,
    })
}

impl Open for PinnedFile {
    fn open(&self) -> io::Result<Box<dyn Read + Send>> {
        Ok(Box::new(PinnedReader {
            file: self.file()?,
            hasher: Fingerprinter::default(),
            left: self.size(),
            fingerprint: self.0.fingerprint,
            checked: false,
        }))
    }
}

impl fmt::Debug for PinnedFile {
    /// Without the host path: nothing after the plan sees it.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "PinnedFile({} bytes, {})", self.size(), self.0.fingerprint)
    }
}

/// Reads exactly the pinned bytes, or fails.
struct PinnedReader {
    file: File,
    hasher: Fingerprinter,
    left: u64,
    fingerprint: Fingerprint,
    checked: bool,
}

impl Read for PinnedReader {
    fn read(&mut self, buf: &mut [u8]) -> io::Result<usize> {
        if buf.is_empty() || self.checked {
            return Ok(0);
        }
        let room = buf.len().min(usize::try_from(self.left).unwrap_or(usize::MAX));
        let Some(room) = buf.get_mut(..room) else { return Ok(0) };
        let n = if room.is_empty() { 0 } else { retry(|| self.file.read(room))? };
        self.hasher.update(room.get(..n).unwrap_or_default());
        self.left -= n as u64;
        if self.left == 0 && !self.checked {
            self.checked = true;
            if self.hasher.finish() != self.fingerprint || retry(|| self.file.read(&mut [0]))? != 0 {
                return Err(changed_io());
            }
        } else if n == 0 {
            return Err(changed_io());
        }
        Ok(n)
    }
}

/// A whole regular file of at most `limit` bytes. `name` is how messages call it.
pub(super) fn read_small(path: &Path, name: &str, limit: u64) -> Result<Vec<u8>, Failure> {
    let file = open_regular(path, name)?;
    let mut bytes = Vec::new();
    let read = file.take(limit + 1).read_to_end(&mut bytes);
    read.map_err(|error| Failure::io("read", printable(name).as_ref(), &error))?;
    if bytes.len() as u64 > limit {
        let what = format!("`{}` is larger than {} MiB", printable(name), limit >> 20);
        return Err(Failure::new(what));
    }
    Ok(bytes)
}

/// The state of a regular file; anything else is a failure.
fn look(path: &Path, name: &str) -> Result<Identity, Failure> {
    let shown = printable(name);
    let meta = fs_err::symlink_metadata(path)
        .map_err(|error| Failure::io("read", shown.as_ref(), &super::host::cause(&error)))?;
    let kind = meta.file_type();
    let odd = match () {
        () if kind.is_dir() => Some("a folder"),
        () if kind.is_fifo() => Some("a FIFO"),
        () if kind.is_socket() => Some("a socket"),
        () if kind.is_block_device() || kind.is_char_device() => Some("a device"),
        () if kind.is_symlink() => Some("a link"),
        () => None,
    };
    match odd {
        Some(odd) => Err(Failure::new(format!("`{shown}` is {odd}, not a file"))),
        None => Ok(Identity::of(&meta)),
    }
}

/// Opens a regular file and nothing else; never waits for a FIFO, never follows a link (`path` is canonical).
fn open_regular(path: &Path, name: &str) -> Result<File, Failure> {
    look(path, name)?;
    let shown = printable(name);
    let flags = OFlags::RDONLY | OFlags::NOFOLLOW | OFlags::NONBLOCK | OFlags::CLOEXEC;
    let file = rustix::fs::open(path, flags, Mode::empty())
        .map_err(|error| Failure::io("read", shown.as_ref(), &error.into()))?;
    let file = File::from(file);
    // Between the look and the opening it may have become something else.
    match file.metadata() {
        Ok(meta) if meta.is_file() => Ok(file),
        _ => Err(changed(name)),
    }
}

/// Calls again what a signal interrupted.
fn retry<T>(mut call: impl FnMut() -> io::Result<T>) -> io::Result<T> {
    loop {
        match call() {
            Err(error) if error.kind() == io::ErrorKind::Interrupted => {}
            result => return result,
        }
    }
}

fn changed(name: &str) -> Failure {
    Failure::new(format!("`{}` changed while it was read", printable(name)))
        .hint("build from files that nothing else is writing")
}

fn changed_io() -> io::Error {
    io::Error::other("it changed while it was read")
}

#[cfg(test)]
#[allow(clippy::unwrap_used)]
mod tests {
    use super::*;

    fn pinned(content: &[u8]) -> (tempfile::TempDir, std::path::PathBuf, PinnedFile) {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("file");
        std::fs::write(&path, content).unwrap();
        let (file, _) = PinnedFile::pin(&path, "file", None).unwrap();
        (folder, path, file)
    }

    #[test]
    fn the_pinned_bytes_are_read_again() {
        let (_folder, _, file) = pinned(b"hello");
        let mut text = String::new();
        file.open().unwrap().read_to_string(&mut text).unwrap();
        assert_eq!((text.as_str(), file.size(), file.fingerprint()), ("hello", 5, Fingerprint::of(b"hello")));
        let (_folder, _, empty) = pinned(b"");
        assert_eq!(empty.open().unwrap().read(&mut [0; 8]).unwrap(), 0);
    }

    #[test]
    fn another_content_of_the_same_size_is_an_error_and_so_is_another_size() {
        for other in [&b"hellO"[..], b"hell", b"hello world"] {
            let (_folder, path, file) = pinned(b"hello");
            std::fs::write(&path, other).unwrap();
            let read = file.open().and_then(|mut reader| io::copy(&mut reader, &mut io::sink()));
            assert!(read.is_err(), "{other:?}");
        }
    }
}
