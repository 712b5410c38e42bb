//! Opens files of the cache. Nothing but regular files is ever opened there: a FIFO would block, a device may do anything, and
//! a link leads out of the cache.

use std::{
    fs::{self, File},
    io::{self, Read as _},
    path::Path,
};

use rustix::fs::{Mode, OFlags};

/// A FIFO that took the place of the file since it was looked at does not block.
const FLAGS: OFlags = OFlags::NONBLOCK.union(OFlags::NOFOLLOW).union(OFlags::NOCTTY).union(OFlags::CLOEXEC);

/// Opens the regular file at `path` to read it.
///
/// # Errors
/// The system's; [`io::ErrorKind::InvalidInput`] where something else is there.
pub(super) fn open_regular(path: &Path) -> io::Result<File> {
    open_with_state(path).map(|(file, _)| file)
}

/// [`open_regular`], with the state in which the file was opened.
pub(super) fn open_with_state(path: &Path) -> io::Result<(File, fs::Metadata)> {
    // A device is not even opened: that alone can make it do something.
    check(&fs::symlink_metadata(path)?)?;
    open(path, OFlags::RDONLY)
}

/// The content of the regular file at `path`, of which at most `limit` bytes are read.
///
/// # Errors
/// Those of [`open_regular`], and a larger file.
pub fn read_regular(path: &Path, limit: u64) -> io::Result<Vec<u8>> {
    let (file, meta) = open_with_state(path)?;
    if meta.len() > limit {
        return Err(io::ErrorKind::FileTooLarge.into());
    }
    let mut bytes = Vec::with_capacity(usize::try_from(meta.len()).unwrap_or_default());
    file.take(limit).read_to_end(&mut bytes)?;
    Ok(bytes)
}

/// Opens the file at `path` that is locked, to read and write; makes it where it is missing. What is no regular file is
/// removed first: nothing that hardpan knows is in it.
///
/// # Errors
/// The system's.
pub fn open_lock_file(path: &Path) -> io::Result<File> {
    let is_other = |meta: &fs::Metadata| !meta.is_file() && !meta.is_dir();
    if fs::symlink_metadata(path).is_ok_and(|meta| is_other(&meta)) {
        fs::remove_file(path)?;
    }
    open(path, OFlags::RDWR | OFlags::CREATE).map(|(file, _)| file)
}

/// Opens the file at `path` to change its times alone; none where no regular file is there.
pub fn open_for_times(path: &Path) -> Option<File> {
    check(&fs::symlink_metadata(path).ok()?).ok()?;
    open(path, OFlags::WRONLY).ok().map(|(file, _)| file)
}

fn open(path: &Path, how: OFlags) -> io::Result<(File, fs::Metadata)> {
    let file = File::from(rustix::fs::open(path, how | FLAGS, Mode::from_raw_mode(0o666))?);
    let meta = file.metadata()?;
    check(&meta)?;
    Ok((file, meta))
}

fn check(meta: &fs::Metadata) -> io::Result<()> {
    if meta.is_file() { Ok(()) } else { Err(io::Error::new(io::ErrorKind::InvalidInput, "it is not a regular file")) }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]

    use rustix::fs::{CWD, FileType, mknodat};

    use super::*;

    #[test]
    fn only_regular_files_are_opened_and_nothing_blocks() {
        let folder = tempfile::tempdir().unwrap();
        let path = |name: &str| folder.path().join(name);
        fs::write(path("file"), "text").unwrap();
        std::os::unix::fs::symlink("file", path("link")).unwrap();
        mknodat(CWD, path("fifo"), FileType::Fifo, Mode::from_raw_mode(0o600), 0).unwrap();
        assert_eq!(read_regular(&path("file"), 4).unwrap(), b"text");
        assert!(read_regular(&path("file"), 3).is_err());
        for other in ["link", "fifo", "."] {
            assert!(open_regular(&path(other)).is_err() && open_for_times(&path(other)).is_none(), "{other}");
        }
        assert!(open_regular(Path::new("/dev/zero")).is_err());
        for lock in ["link", "fifo", "new"] {
            assert!(open_lock_file(&path(lock)).unwrap().metadata().unwrap().is_file(), "{lock}");
        }
        assert!(open_lock_file(&path(".")).is_err());
        assert_eq!(fs::read(path("file")).unwrap(), b"text");
    }
}
