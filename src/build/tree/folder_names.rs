//! Reads the names in one folder, sorted so that a walk meets the paths below it in byte order.

use std::{io, path::Path};

use rustix::fs::{AtFlags, FileType, Mode, OFlags, RawDir};

/// Bytes of names that the system gives at once.
const NAMES: usize = 32 << 10;

/// The names in one folder, in the order of the paths below it.
pub(super) struct FolderNames {
    /// One after the other; a folder's ends with a slash, so that `a-b` comes before what is in `a`.
    bytes: Vec<u8>,
    /// Where each of them is.
    list: Vec<(usize, usize, FileType)>,
}

impl FolderNames {
    /// Reads the folder `host`. `buffer` is memory that is reused.
    pub(super) fn of(host: &Path, buffer: &mut Vec<u8>) -> io::Result<Self> {
        let flags = OFlags::RDONLY | OFlags::DIRECTORY | OFlags::NOFOLLOW | OFlags::CLOEXEC;
        let folder = rustix::fs::open(host, flags, Mode::empty())?;
        buffer.reserve(NAMES);
        let mut entries = RawDir::new(&folder, buffer.spare_capacity_mut());
        let (mut bytes, mut list) = (Vec::new(), Vec::new());
        while let Some(entry) = entries.next() {
            let entry = entry?;
            let name = entry.file_name();
            if matches!(name.to_bytes(), b"." | b"..") {
                continue;
            }
            // All usual file systems store the type in the folder: no `stat` for each file.
            let kind = match entry.file_type() {
                FileType::Unknown => {
                    let stat = rustix::fs::statat(&folder, name, AtFlags::SYMLINK_NOFOLLOW)?;
                    FileType::from_raw_mode(stat.st_mode)
                }
                known => known,
            };
            let start = bytes.len();
            bytes.extend_from_slice(name.to_bytes());
            if kind == FileType::Directory {
                bytes.push(b'/');
            }
            list.push((start, bytes.len(), kind));
        }
        // The order of the file system must not reach the image.
        list.sort_unstable_by(|one, other| bytes.get(one.0..one.1).cmp(&bytes.get(other.0..other.1)));
        Ok(Self { bytes, list })
    }

    /// Whether a regular file has this name.
    pub(super) fn has_file(&self, name: &[u8]) -> bool {
        let at = self.list.binary_search_by(|(start, end, _)| self.bytes.get(*start..*end).cmp(&Some(name)));
        at.is_ok_and(|at| self.list.get(at).is_some_and(|(_, _, kind)| *kind == FileType::RegularFile))
    }

    pub(super) fn iter(&self) -> impl Iterator<Item = (&[u8], FileType)> {
        let name = |(start, end, kind): &(usize, usize, FileType)| {
            let name = self.bytes.get(*start..*end).unwrap_or_default();
            (name.strip_suffix(b"/").unwrap_or(name), *kind)
        };
        self.list.iter().map(name)
    }
}
