//! A file of the host, pinned: its size and fingerprint are known, and reading it again fails when its bytes changed.

mod content;
mod reader;

use std::{
    ffi::OsStr,
    fmt,
    fs::File,
    io::{self, Read as _},
    os::unix::ffi::OsStrExt as _,
    path::{Path, PathBuf},
    sync::{Arc, OnceLock},
};

use rustix::{
    fd::AsFd as _,
    fs::{CWD, Mode, OFlags},
};

use self::content::{PinnedContent, REGULAR, changed_error, read_content, stat_regular};
use crate::{
    cache::{Cache, Fingerprint, Identity, Input},
    elf::{self, Elf, NotElf},
    oci::Open,
    report::{AtomicFile, Failure, Limits, Rule},
    secrets::{self, SecretHit, SecretScanner},
};
pub(super) use content::read_small;

/// A regular file whose content was read once, now or by an earlier build; [`Open::open`] reads it again and fails when
/// anything changed.
///
/// A handle: there may be tens of thousands, and several places hold each of them.
#[derive(Clone)]
pub(super) struct PinnedFile(Arc<Pinned>);

struct Pinned {
    folder: Arc<PinnedFolder>,
    /// Where its name is in the names of the folder.
    name: (u32, u32),
    identity: Identity,
    fingerprint: Fingerprint,
    /// The CRC-32 of the content, where this process read it and the file is settled.
    sum: Option<u32>,
    headers: OnceLock<Box<Elf>>,
    /// Facts that few files have.
    rare: Option<Box<PinnedExtras>>,
}

/// What the files of one folder share, to save memory.
struct PinnedFolder {
    path: Box<OsStr>,
    /// The names of all of them, one after the other.
    names: Box<[u8]>,
    cache: Option<Cache>,
}

#[derive(Default)]
struct PinnedExtras {
    /// The byte offset of what may be a private key.
    possible_key: Option<u64>,
    /// A change since it was read might not show in the identity, so nothing about it is cached. True for every file on a
    /// file system without reliable times.
    unsettled: bool,
    /// Its first bytes could be those of an output of hardpan.
    may_be_output: bool,
    /// A temporary file of ours, removed with the last handle.
    _kept: Option<Arc<AtomicFile>>,
}

impl PinnedFile {
    /// Reads the file at `path` (canonical) once, unless the cache knows what is in it. `name` is how messages call it.
    pub(super) fn pin(path: &Path, name: &str, cache: Option<&Cache>) -> Result<Self, Failure> {
        let identity = stat_regular(CWD, path, name)?;
        let content = match cache.and_then(|cache| cache.input(&identity, path)) {
            Some(known) => PinnedContent::known(identity, &known),
            None => read_content(CWD, path, name, cache, &mut Vec::new())?,
        };
        Ok(Self::pin_alone(path, content, cache, None))
    }

    /// How many bytes [`pin`](Self::pin) would read.
    pub(super) fn unread_bytes(path: &Path, cache: Option<&Cache>) -> u64 {
        let Ok(identity) = stat_regular(CWD, path, "") else { return 0 };
        if cache.is_some_and(|cache| cache.input(&identity, path).is_some()) { 0 } else { identity.size() }
    }

    /// Pins a temporary file, which exists as long as `kept`. It is not cached.
    pub(super) fn pin_kept(path: &Path, name: &str, kept: Option<Arc<AtomicFile>>) -> Result<Self, Failure> {
        stat_regular(CWD, path, name)?;
        Ok(Self::pin_alone(path, read_content(CWD, path, name, None, &mut Vec::new())?, None, kept))
    }

    /// Pins files that lie beside each other in `folder` (canonical), in their order; what cannot be pinned is `None`.
    ///
    /// They are opened relative to their folder, which takes half as long as by their whole paths, and cannot be redirected by
    /// a link.
    pub(super) fn pin_beside(folder: &Path, names: &[&[u8]], cache: Option<&Cache>) -> Vec<Option<Self>> {
        let flags = OFlags::RDONLY | OFlags::DIRECTORY | OFlags::NOFOLLOW | OFlags::CLOEXEC;
        let Ok(opened) = rustix::fs::open(folder, flags, Mode::empty()) else {
            return names.iter().map(|_| None).collect();
        };
        let at = opened.as_fd();
        let looked = names.iter().map(|name| stat_regular(at, Path::new(OsStr::from_bytes(name)), "").ok());
        let looked: Vec<Option<Identity>> = looked.collect();
        let known = cache.map(|cache| cache.inputs(folder, names, &looked)).unwrap_or_default();
        let mut known = known.into_iter().chain(std::iter::repeat_with(|| None));
        let path = folder.as_os_str().into();
        let common = Arc::new(PinnedFolder { path, names: names.concat().into(), cache: cache.cloned() });
        let (mut pinned, mut end, mut chunk) = (Vec::with_capacity(names.len()), 0, Vec::new());
        for (name, identity) in names.iter().zip(looked) {
            let start = end;
            end += name.len();
            let content = match (identity, known.next().flatten()) {
                (Some(identity), Some(known)) => Some(PinnedContent::known(identity, &known)),
                (Some(_), None) => read_content(at, Path::new(OsStr::from_bytes(name)), "", cache, &mut chunk).ok(),
                (None, _) => None,
            };
            pinned.push(content.map(|content| Self::of(&common, (start, end), content, None)));
        }
        pinned
    }

    /// A file that shares its folder with no other.
    fn pin_alone(path: &Path, content: PinnedContent, cache: Option<&Cache>, kept: Option<Arc<AtomicFile>>) -> Self {
        let folder = path.parent().unwrap_or(path).as_os_str().into();
        let names: Box<[u8]> = path.file_name().unwrap_or_default().as_bytes().into();
        let name = (0, names.len());
        Self::of(&Arc::new(PinnedFolder { path: folder, names, cache: cache.cloned() }), name, content, kept)
    }

    fn of(
        folder: &Arc<PinnedFolder>,
        (start, end): (usize, usize),
        content: PinnedContent,
        kept: Option<Arc<AtomicFile>>,
    ) -> Self {
        let PinnedContent { identity, fingerprint, headers, possible_key, settled, sum, may_be_output } = content;
        // What is beyond that is the name of no file.
        let place = |at: usize| u32::try_from(at).unwrap_or(u32::MAX);
        let name = (place(start), place(end));
        let is_rare = possible_key.is_some() || !settled || may_be_output || kept.is_some();
        let rare =
            is_rare.then(|| Box::new(PinnedExtras { possible_key, unsettled: !settled, may_be_output, _kept: kept }));
        Self(Arc::new(Pinned { folder: Arc::clone(folder), name, identity, fingerprint, sum, headers, rare }))
    }

    /// The folder it is in.
    pub(super) fn folder(&self) -> &OsStr {
        &self.0.folder.path
    }

    /// Its name there.
    pub(super) fn name(&self) -> &OsStr {
        self.0.name()
    }

    /// Whether there can be no private key in it, be it at `path` of an image: so it is of almost all files.
    pub(super) fn is_free_of_keys(&self, path: &str) -> bool {
        self.0.rare.as_ref().is_none_or(|rare| rare.possible_key.is_none()) && !secrets::path_is_of_keys(path)
    }

    /// The private keys in it, as the audit finds them in a file at `path` of an image. Where there can be any, the file is
    /// read again.
    pub(super) fn private_keys(&self, path: &str) -> io::Result<Vec<SecretHit>> {
        if self.is_free_of_keys(path) {
            return Ok(Vec::new());
        }
        let (mut scanner, mut reader, mut chunk) = (SecretScanner::sniffing(path), self.content().open()?, Vec::new());
        while reader.by_ref().take(Limits::SECRET_BLOCK as u64).read_to_end(&mut chunk)? > 0 {
            scanner.push(&chunk);
            chunk.clear();
        }
        Ok(scanner.finish().hits.into_iter().filter(|hit| hit.rule == Rule::PrivateKey).collect())
    }

    /// Whether it [may be an output](super::outputs::may_be_output) of hardpan; no is certain.
    pub(super) fn may_be_output(&self) -> bool {
        self.0.rare.as_ref().is_some_and(|rare| rare.may_be_output)
    }

    /// Bytes.
    pub(super) fn size(&self) -> u64 {
        self.0.identity.size()
    }

    /// Of the content.
    pub(super) fn fingerprint(&self) -> Fingerprint {
        self.0.fingerprint
    }

    /// The bytes.
    pub(super) fn content(&self) -> Arc<dyn Open> {
        Arc::clone(&self.0) as Arc<dyn Open>
    }

    /// Its ELF headers, read at the first call.
    pub(super) fn elf(&self) -> io::Result<Result<Elf, NotElf>> {
        if let Some(known) = self.0.headers.get() {
            return Ok(Ok(Elf::clone(known)));
        }
        let file = self.0.file()?;
        let read = elf::read(&file);
        if let Ok(elf) = &read {
            let unchanged = Identity::of(&file.metadata()?) == self.0.identity;
            if unchanged && self.0.rare.as_ref().is_none_or(|rare| !rare.unsettled) {
                self.0.remember(serde_json::to_vec(elf).unwrap_or_default());
            }
            let _ = self.0.headers.set(Box::new(elf.clone()));
        }
        Ok(read)
    }
}

impl Pinned {
    fn name(&self) -> &OsStr {
        let (start, end) = self.name;
        OsStr::from_bytes(self.folder.names.get(start as usize..end as usize).unwrap_or_default())
    }

    fn path(&self) -> PathBuf {
        PathBuf::from(&*self.folder.path).join(self.name())
    }

    fn remember(&self, note: Vec<u8>) {
        if let Some(cache) = &self.folder.cache {
            let possible_key = self.rare.as_ref().and_then(|rare| rare.possible_key);
            cache.remember_input(&self.identity, Input { fingerprint: self.fingerprint, possible_key, note });
        }
    }

    /// Opens the pinned file again.
    fn file(&self) -> io::Result<File> {
        let path = self.path();
        let file = File::from(rustix::fs::open(&path, REGULAR, Mode::empty())?);
        // The time may move (a `touch`), the bytes may not; those are checked by their fingerprint.
        if file.metadata()?.len() != self.identity.size() {
            return Err(changed_error(&path));
        }
        Ok(file)
    }
}

impl fmt::Debug for Pinned {
    /// Without the host path: nothing after the plan sees it.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "PinnedFile({} bytes, {})", self.identity.size(), self.fingerprint)
    }
}

impl fmt::Debug for PinnedFile {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.fmt(f)
    }
}

#[cfg(test)]
#[allow(clippy::unwrap_used)]
mod tests {
    use std::io::Read as _;

    use super::*;

    fn pinned(content: &[u8]) -> (tempfile::TempDir, PathBuf, PinnedFile) {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("file");
        std::fs::write(&path, content).unwrap();
        let file = PinnedFile::pin(&path, "file", None).unwrap();
        (folder, path, file)
    }

    #[test]
    fn the_pinned_bytes_are_read_again() {
        let (_folder, _, file) = pinned(b"hello");
        let mut text = String::new();
        file.content().open().unwrap().read_to_string(&mut text).unwrap();
        assert_eq!((text.as_str(), file.size(), file.fingerprint()), ("hello", 5, Fingerprint::of(b"hello")));
        let (_folder, _, empty) = pinned(b"");
        assert_eq!(empty.content().open().unwrap().read(&mut [0; 8]).unwrap(), 0);
    }

    #[test]
    fn another_content_of_the_same_size_is_an_error_and_so_is_another_size() {
        for other in [&b"hellO"[..], b"hell", b"hello world"] {
            let (_folder, path, file) = pinned(b"hello");
            std::fs::write(&path, other).unwrap();
            let read = file.content().open().and_then(|mut reader| io::copy(&mut reader, &mut io::sink()));
            assert!(read.is_err(), "{other:?}");
        }
    }

    /// Pinned with a cache, so that it is in a state in which no change can hide.
    fn settled() -> (tempfile::TempDir, PathBuf, PinnedFile) {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("file");
        std::fs::write(&path, b"hello").unwrap();
        std::thread::sleep(std::time::Duration::from_millis(25));
        let cache = Cache::new(&folder.path().join("cache"));
        let file = PinnedFile::pin(&path, "file", Some(&cache)).unwrap();
        assert!(file.0.rare.is_none(), "settled");
        (folder, path, file)
    }

    #[test]
    fn a_change_of_a_settled_file_is_found_also_under_its_old_time() {
        let read = |file: &PinnedFile| {
            let mut bytes = Vec::new();
            file.content().open().and_then(|mut reader| reader.read_to_end(&mut bytes)).map(|_| bytes)
        };
        let (_folder, path, file) = settled();
        assert_eq!(read(&file).unwrap(), b"hello");
        let modified = std::fs::metadata(&path).unwrap().modified().unwrap();
        let set_modified = || File::options().write(true).open(&path).unwrap().set_modified(modified).unwrap();
        std::fs::write(&path, b"hellO").unwrap();
        set_modified();
        assert!(read(&file).is_err());
        // The same bytes again, whatever the times say.
        std::fs::write(&path, b"hello").unwrap();
        assert_eq!(read(&file).unwrap(), b"hello");
    }

    #[test]
    fn a_change_after_the_file_was_opened_is_found() {
        let read = |mut reader: Box<dyn io::Read + Send>| reader.read_to_end(&mut Vec::new());
        // The polynomial of CRC-32: bytes that differ by it have the same sum.
        let mut other = *b"hello";
        let polynomial = (0xEDB8_8320_u64 << 1 | 1).to_le_bytes();
        other.iter_mut().zip(polynomial).for_each(|(byte, change)| *byte ^= change);
        assert_eq!(crc32fast::hash(&other), crc32fast::hash(b"hello"));
        let (_folder, path, file) = settled();
        let reader = file.content().open().unwrap();
        std::fs::write(&path, other).unwrap();
        assert!(read(reader).is_err(), "the sum is the same, and the state is not");
        for (_folder, path, file) in [settled(), pinned(b"hello")] {
            let reader = file.content().open().unwrap();
            std::fs::write(&path, b"hello world").unwrap();
            assert!(read(reader).is_err(), "it has grown");
        }
    }

    /// The cached state of a file that was changed through a memory mapping, which `stat` does not show.
    fn believed_wrongly(folder: &Path, path: &Path) -> (Cache, Identity) {
        std::fs::write(path, b"hellO").unwrap();
        let cache = Cache::new(&folder.join("cache"));
        let identity = Identity::of(&std::fs::metadata(path).unwrap());
        let input = Input { fingerprint: Fingerprint::of(b"hello"), possible_key: None, note: Vec::new() };
        cache.remember_input(&identity, input);
        (cache, identity)
    }

    #[test]
    fn a_state_that_was_believed_wrongly_is_found_when_the_bytes_are_read_and_believed_no_more() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("file");
        let (cache, identity) = believed_wrongly(folder.path(), &path);
        let file = PinnedFile::pin(&path, "file", Some(&cache)).unwrap();
        assert_eq!(file.fingerprint(), Fingerprint::of(b"hello"), "believed");
        let error = file.content().open().and_then(|mut reader| io::copy(&mut reader, &mut io::sink())).unwrap_err();
        assert_eq!(error.to_string(), format!("`{}` changed while it was read", path.display()));
        assert!(cache.input(&identity, &path).is_none());
        let again = Cache::new(cache.root());
        assert!(again.input(&identity, &path).is_none(), "the next build does not believe it");
        let file = PinnedFile::pin(&path, "file", Some(&again)).unwrap();
        assert_eq!(file.fingerprint(), Fingerprint::of(b"hellO"));
    }

    #[test]
    fn where_times_tell_nothing_no_state_is_believed_or_remembered() {
        let path = Path::new("/proc/version");
        let folder = tempfile::tempdir().unwrap();
        let cache = Cache::new(&folder.path().join("cache"));
        let identity = Identity::of(&std::fs::metadata(path).unwrap());
        assert!(cache.moment(&identity, &File::open(path).unwrap()).is_none());
        let input = Input { fingerprint: Fingerprint::of(b"other"), possible_key: None, note: Vec::new() };
        cache.remember_input(&identity, input);
        assert!(cache.input(&identity, path).is_none());
        assert!(cache.inputs(Path::new("/proc"), &[b"version"], &[Some(identity)]).iter().all(Option::is_none));
    }

    #[test]
    fn a_change_in_the_middle_of_reading_is_found_before_the_last_byte_is_given_out() {
        let (_folder, path, file) = settled();
        let mut reader = file.content().open().unwrap();
        assert_eq!(reader.read(&mut [0; 3]).unwrap(), 3);
        std::fs::write(&path, b"hELlO").unwrap();
        assert!(reader.read(&mut [0; 3]).is_err());
    }
}
