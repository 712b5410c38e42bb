//! Opens, checks and reads regular files of the host. Links, FIFOs and devices are refused, and a change during the
//! read is found.

use std::{
    fs::File,
    io::{self, Read as _},
    path::Path,
    sync::OnceLock,
};

use rustix::{
    fd::BorrowedFd,
    fs::{AtFlags, CWD, FileType, Mode, OFlags},
};

use crate::{
    build::outputs,
    cache::{Cache, Fingerprint, Fingerprinter, Identity, Input},
    elf::Elf,
    report::{ErrorName, Failure, printable},
    secrets::KeySearch,
};

/// Bytes of one read.
const CHUNK: usize = 256 << 10;
/// How a regular file is opened, and nothing else: never waits for a FIFO, never follows a link.
pub(super) const REGULAR: OFlags =
    OFlags::RDONLY.union(OFlags::NOFOLLOW).union(OFlags::NONBLOCK).union(OFlags::CLOEXEC);

/// What the cache keeps with a file that [may be an output](outputs::may_be_output) of hardpan. No ELF file is one.
const OUTPUT_NOTE: &[u8] = b"output";

/// The facts about the content of a file in one state.
pub(super) struct PinnedContent {
    pub(super) identity: Identity,
    pub(super) fingerprint: Fingerprint,
    pub(super) headers: OnceLock<Box<Elf>>,
    pub(super) possible_key: Option<u64>,
    pub(super) settled: bool,
    /// The CRC-32 of what was read now, of a file that is settled.
    pub(super) sum: Option<u32>,
    pub(super) may_be_output: bool,
}

impl PinnedContent {
    /// The facts that the cache has.
    pub(super) fn known(identity: Identity, known: &Input) -> Self {
        let headers = OnceLock::new();
        if !known.note.is_empty()
            && let Ok(elf) = serde_json::from_slice::<Elf>(&known.note)
        {
            let _ = headers.set(Box::new(elf));
        }
        let Input { fingerprint, possible_key, .. } = *known;
        let may_be_output = known.note == OUTPUT_NOTE;
        Self { identity, fingerprint, headers, possible_key, settled: true, sum: None, may_be_output }
    }
}

/// Reads the whole file: its fingerprint, and whether there may be a private key in it. Its metadata was read before.
/// `chunk` is memory that is used again.
pub(super) fn read_content(
    at: BorrowedFd<'_>,
    path: &Path,
    name: &str,
    cache: Option<&Cache>,
    chunk: &mut Vec<u8>,
) -> Result<PinnedContent, Failure> {
    let fault = |doing: &str, error: &io::Error| Failure::io(doing, printable(name).as_ref(), error);
    let opened = rustix::fs::openat(at, path, REGULAR, Mode::empty()).map_err(|error| fault("read", &error.into()))?;
    let mut file = File::from(opened);
    // Between `stat` and `open` it may have been replaced.
    let meta = file.metadata().ok().filter(std::fs::Metadata::is_file).ok_or_else(|| changed(name))?;
    let identity = Identity::of(&meta);
    // Taken before the first byte is read.
    let moment = cache.and_then(|cache| cache.moment(&identity, &file));
    let (mut hasher, mut keys, mut read) = (Fingerprinter::default(), KeySearch::new(), 0_u64);
    let mut sum = crc32fast::Hasher::new();
    let mut may_be_output = false;
    let room = CHUNK.min(usize::try_from(identity.size()).unwrap_or(CHUNK).max(512)) + 1;
    if chunk.len() < room {
        chunk.resize(room, 0);
    }
    loop {
        let n = retry_interrupted(|| file.read(chunk)).map_err(|error| fault("read", &error))?;
        let Some(bytes) = chunk.get(..n).filter(|bytes| !bytes.is_empty()) else { break };
        if read == 0 {
            may_be_output = outputs::may_be_output(bytes, identity.size());
        }
        hasher.update(bytes);
        sum.update(bytes);
        keys.push(bytes);
        read += bytes.len() as u64;
        // A file that grows while it is read may never end.
        if read > identity.size() {
            return Err(changed(name));
        }
    }
    let after = file.metadata().map(|meta| Identity::of(&meta)).map_err(|error| fault("read", &error))?;
    if read != identity.size() || !identity.is_renamed(&after) {
        return Err(changed(name));
    }
    let (fingerprint, possible_key) = (hasher.finish(), keys.finish());
    let settled = identity == after && moment.is_some_and(|moment| identity.is_settled(moment));
    if let Some(cache) = cache.filter(|_| settled) {
        let note = if may_be_output { OUTPUT_NOTE.to_vec() } else { Vec::new() };
        cache.remember_input(&identity, Input { fingerprint, possible_key, note });
    }
    let sum = settled.then(|| sum.finalize());
    Ok(PinnedContent { identity, fingerprint, headers: OnceLock::new(), possible_key, settled, sum, may_be_output })
}

/// A whole regular file of at most `limit` bytes. `name` is how messages call it.
pub(in crate::build) fn read_small(path: &Path, name: &str, limit: u64) -> Result<Vec<u8>, Failure> {
    let file = open_regular(path, name)?;
    let mut bytes = Vec::new();
    let read = file.take(limit + 1).read_to_end(&mut bytes);
    read.map_err(|error| Failure::io("read", printable(name).as_ref(), &error))?;
    if bytes.len() as u64 > limit {
        let what = format!("`{}` is larger than {} MiB", printable(name), limit >> 20);
        return Err(Failure::error(ErrorName::FileTooLarge, what));
    }
    Ok(bytes)
}

/// The state of a regular file; anything else is a failure. `path` begins at the folder `at`.
pub(super) fn stat_regular(at: BorrowedFd<'_>, path: &Path, name: &str) -> Result<Identity, Failure> {
    let shown = printable(name);
    let stat = rustix::fs::statat(at, path, AtFlags::SYMLINK_NOFOLLOW)
        .map_err(|error| Failure::io("read", shown.as_ref(), &error.into()))?;
    let odd = match FileType::from_raw_mode(stat.st_mode) {
        FileType::RegularFile => return Ok(Identity::of_stat(&stat)),
        FileType::Directory => "a folder",
        FileType::Fifo => "a FIFO",
        FileType::Socket => "a socket",
        FileType::BlockDevice | FileType::CharacterDevice => "a device",
        FileType::Symlink => "a link",
        FileType::Unknown => "something unknown",
    };
    Err(Failure::error(ErrorName::InputKind, format!("`{shown}` is {odd}, not a file")))
}

/// Opens a regular file and nothing else (`path` is canonical).
fn open_regular(path: &Path, name: &str) -> Result<File, Failure> {
    stat_regular(CWD, path, name)?;
    let shown = printable(name);
    let opened = rustix::fs::open(path, REGULAR, Mode::empty())
        .map_err(|error| Failure::io("read", shown.as_ref(), &error.into()))?;
    let file = File::from(opened);
    // Between `stat` and `open` it may have been replaced.
    match file.metadata() {
        Ok(meta) if meta.is_file() => Ok(file),
        _ => Err(changed(name)),
    }
}

/// Calls again what a signal interrupted.
pub(super) fn retry_interrupted<T>(mut call: impl FnMut() -> io::Result<T>) -> io::Result<T> {
    loop {
        match call() {
            Err(error) if error.kind() == io::ErrorKind::Interrupted => {}
            result => return result,
        }
    }
}

fn changed(name: &str) -> Failure {
    Failure::error(ErrorName::InputChanged, format!("`{}` changed while it was read", printable(name)))
        .hint("build from files that nothing else is writing")
}

pub(super) fn changed_error(path: &Path) -> io::Error {
    io::Error::other(changed(&path.to_string_lossy()))
}
