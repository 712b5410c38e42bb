//! Which file systems are believed when the state of a file says that its content has not changed.

use std::{
    collections::BTreeMap,
    ffi::OsStr,
    fs::File,
    os::unix::ffi::OsStrExt as _,
    path::{Path, PathBuf},
};

use rustix::fs::{AtFlags, CWD, StatxFlags, fstatfs, statfs, statx};

use super::layers::{layers, mount_table};

/// What the time of the last change (`ctime`) tells of the content of a file.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub(super) enum Witness {
    /// Nothing: it may be the modification time, a constant or the clock of another machine.
    Nothing,
    /// Each change by a system call, but a store through a mapping may move no time. That is enough for files that
    /// hardpan writes itself, which it never maps.
    Calls,
    /// Each change. Of stores through a mapping that is open already it tells the first one after the pages were written
    /// to the disk, as POSIX asks.
    Changes,
}

/// `f_type` of the file systems whose ctime the kernel moves by its own clock with each change of a file, and nothing
/// else sets: ext2, ext3 and ext4; XFS; Btrfs; ZFS; F2FS; bcachefs.
const TRUE_TIMES: [i64; 6] = [0xEF53, 0x5846_5342, 0x9123_683E, 0x2FC1_2FC1, 0xF2F5_2010, 0xCA45_1A4E];
/// A store through a mapping of a page of tmpfs that was read before moves no time, ever: its pages are never clean.
const TMPFS: i64 = 0x0102_1994;
const OVERLAY: i64 = 0x794C_7630;

/// A file, by the way that leads to it.
#[derive(Debug, Clone, Copy)]
pub(super) enum Place<'a> {
    Path(&'a Path),
    /// A folder, and a name in it.
    In(&'a Path, &'a [u8]),
    Opened(&'a File),
}

/// What is known of devices, each of which is asked once.
#[derive(Debug, Default)]
pub(super) struct Devices(BTreeMap<u64, Witness>);

impl Devices {
    /// What the times of the file at `place` tell, which is on `device`.
    pub(super) fn witness(&mut self, device: u64, place: Place<'_>) -> Witness {
        *self.0.entry(device).or_insert_with(|| witness(place))
    }
}

/// Whether each change of the file at `path` moves its ctime; `false` where that cannot be found out.
pub fn tells_changes(path: &Path) -> bool {
    witness(Place::Path(path)) == Witness::Changes
}

fn witness(place: Place<'_>) -> Witness {
    let kind = match place {
        Place::Path(path) => statfs(path),
        Place::In(folder, name) => return witness(Place::Path(&folder.join(OsStr::from_bytes(name)))),
        Place::Opened(file) => fstatfs(file),
    };
    match kind.map(|found| found.f_type & 0xFFFF_FFFF) {
        // A file shows the times that it has in its layer, which may be on another file system. What hardpan wrote is in the
        // upper layer, for which the kernel takes no file system without true times.
        Ok(OVERLAY) if layers_of(place).is_some_and(|layers| are_true(&layers)) => Witness::Changes,
        Ok(OVERLAY | TMPFS) => Witness::Calls,
        Ok(kind) if TRUE_TIMES.contains(&kind) => Witness::Changes,
        _ => Witness::Nothing,
    }
}

/// Whether the layers are all here to be looked at, and on file systems with true times. A layer on another overlay is not
/// followed.
fn are_true(layers: &[PathBuf]) -> bool {
    let is_true = |path: &PathBuf| statfs(path).is_ok_and(|found| TRUE_TIMES.contains(&(found.f_type & 0xFFFF_FFFF)));
    !layers.is_empty() && layers.iter().all(is_true)
}

/// The layers of the overlay that the file is on. `None` where the kernel does not say: Linux before 5.8, or no `/proc`.
fn layers_of(place: Place<'_>) -> Option<Vec<PathBuf>> {
    let found = match place {
        Place::Path(path) => statx(CWD, path, AtFlags::SYMLINK_NOFOLLOW, StatxFlags::MNT_ID),
        Place::In(folder, name) => return layers_of(Place::Path(&folder.join(OsStr::from_bytes(name)))),
        Place::Opened(file) => statx(file, "", AtFlags::EMPTY_PATH, StatxFlags::MNT_ID),
    };
    let found = found.ok().filter(|found| found.stx_mask & StatxFlags::MNT_ID.bits() != 0)?;
    layers(&mount_table()?, found.stx_mnt_id)
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]

    use super::*;

    #[test]
    fn file_systems_that_are_no_disk_are_not_believed() {
        assert_eq!(witness(Place::Path(Path::new("/proc/self/status"))), Witness::Nothing);
        assert_eq!(witness(Place::Opened(&File::open("/proc/self/status").unwrap())), Witness::Nothing);
        assert_eq!(witness(Place::Path(Path::new("/nothing/there"))), Witness::Nothing);
        assert!(!tells_changes(Path::new("/proc/version")));
        // What is there on any machine that has shared memory.
        assert_eq!(witness(Place::Path(Path::new("/dev/shm"))), Witness::Calls);
    }

    #[test]
    fn layers_count_only_if_all_of_them_can_be_looked_at() {
        let disk = PathBuf::from(env!("CARGO_MANIFEST_DIR"));
        let is_disk = tells_changes(&disk);
        assert_eq!(are_true(std::slice::from_ref(&disk)), is_disk);
        for other in ["/proc", "/dev/shm", "/nothing/there"] {
            assert!(!are_true(&[disk.clone(), other.into()]), "{other}");
        }
        assert!(!are_true(&[]));
    }

    #[test]
    fn a_device_is_asked_once() {
        let mut devices = Devices::default();
        let shared = devices.witness(7, Place::Path(Path::new("/dev/shm")));
        assert_eq!(devices.witness(7, Place::Path(Path::new("/nothing/there"))), shared);
        assert_eq!(devices.witness(8, Place::Path(Path::new("/nothing/there"))), Witness::Nothing);
    }
}
