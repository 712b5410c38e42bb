//! Decides for which file systems an unchanged ctime proves an unchanged content.
//!
//! [`KnownFiles`](super::known_files::KnownFiles) trusts the recorded digest of a file only there.

use std::{
    collections::BTreeMap,
    ffi::OsStr,
    fs::File,
    os::unix::ffi::OsStrExt as _,
    path::{Path, PathBuf},
};

use rustix::fs::{AtFlags, CWD, StatxFlags, fstatfs, statfs, statx};

use super::{
    Fingerprint, Identity,
    layers::{layers, mount_table, splits_by_default},
    mounted::mounting,
};

/// What an unchanged ctime proves about the content of a file.
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
pub(super) enum FilePlace<'a> {
    Path(&'a Path),
    /// A folder, and a name in it.
    In(&'a Path, &'a [u8]),
    Opened(&'a File),
}

/// The known devices, each examined once.
#[derive(Debug, Default)]
pub(super) struct Devices {
    witnesses: BTreeMap<u64, Witness>,
    /// The identifiers of their current mounts.
    mounted: BTreeMap<u64, Option<u64>>,
}

impl Devices {
    /// What the times of the file at `place`, which is on `device`, prove.
    pub(super) fn witness(&mut self, device: u64, place: FilePlace<'_>) -> Witness {
        *self.witnesses.entry(device).or_insert_with(|| witness(place))
    }

    /// The identity with a device that is another one each time its file system is mounted. `None` where that cannot be
    /// found out and the file may be one of an image: nothing but what makes images sets times of whole seconds.
    pub(super) fn mounted(&mut self, identity: &Identity) -> Option<Identity> {
        let name = |device: &u64| mounting(*device).map(|mounting| mixed(*device, mounting));
        match self.mounted.entry(identity.device).or_insert_with_key(name) {
            Some(name) => Some(identity.on_device(*name)),
            None => (identity.changed().1 != 0).then_some(*identity),
        }
    }
}

/// A number of both.
fn mixed(device: u64, mounting: u64) -> u64 {
    let bytes = [device.to_le_bytes(), mounting.to_le_bytes()].concat();
    let print = Fingerprint::of(&bytes);
    print.bytes().iter().take(8).fold(0, |number, byte| number << 8 | u64::from(*byte))
}

/// Whether each change of the file at `path` moves its ctime; `false` where that cannot be found out.
pub fn tells_changes(path: &Path) -> bool {
    witness(FilePlace::Path(path)) == Witness::Changes
}

/// Whether each change of the file at `path` by a system call moves its ctime; a store through a mapping may not. Enough to
/// tell whether it was edited during a compile; `false` where that cannot be found out.
pub fn tells_edits(path: &Path) -> bool {
    witness(FilePlace::Path(path)) >= Witness::Calls
}

fn witness(place: FilePlace<'_>) -> Witness {
    let kind = match place {
        FilePlace::Path(path) => statfs(path),
        FilePlace::In(folder, name) => return witness(FilePlace::Path(&folder.join(OsStr::from_bytes(name)))),
        FilePlace::Opened(file) => fstatfs(file),
    };
    let has_true_layers = || layers_of(place).is_some_and(|layers| are_true(&layers));
    kind.map_or(Witness::Nothing, |found| of_kind(found.f_type & 0xFFFF_FFFF, has_true_layers))
}

/// What the times of a file system of this `f_type` prove. `has_true_layers` answers for an overlay.
fn of_kind(kind: i64, has_true_layers: impl FnOnce() -> bool) -> Witness {
    match kind {
        // A file shows the times that it has in its layer, which may be on another file system. What hardpan wrote is in the
        // upper layer, for which the kernel takes no file system without true times.
        OVERLAY if has_true_layers() => Witness::Changes,
        OVERLAY | TMPFS => Witness::Calls,
        kind if TRUE_TIMES.contains(&kind) => Witness::Changes,
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
fn layers_of(place: FilePlace<'_>) -> Option<Vec<PathBuf>> {
    let found = match place {
        FilePlace::Path(path) => statx(CWD, path, AtFlags::SYMLINK_NOFOLLOW, StatxFlags::MNT_ID),
        FilePlace::In(folder, name) => return layers_of(FilePlace::Path(&folder.join(OsStr::from_bytes(name)))),
        FilePlace::Opened(file) => statx(file, "", AtFlags::EMPTY_PATH, StatxFlags::MNT_ID),
    };
    let found = found.ok().filter(|found| found.stx_mask & StatxFlags::MNT_ID.bits() != 0)?;
    layers(&mount_table()?, found.stx_mnt_id, splits_by_default())
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]

    use super::*;

    #[test]
    fn file_systems_that_are_no_disk_are_not_believed() {
        assert_eq!(witness(FilePlace::Path(Path::new("/proc/self/status"))), Witness::Nothing);
        assert_eq!(witness(FilePlace::Opened(&File::open("/proc/self/status").unwrap())), Witness::Nothing);
        assert_eq!(witness(FilePlace::Path(Path::new("/nothing/there"))), Witness::Nothing);
        assert!(!tells_changes(Path::new("/proc/version")));
        // What is there on any machine that has shared memory.
        assert_eq!(witness(FilePlace::Path(Path::new("/dev/shm"))), Witness::Calls);
    }

    #[test]
    fn the_file_systems_that_are_believed_are_those_of_a_disk_that_the_kernel_writes() {
        // `linux/magic.h`, and ZFS on Linux.
        let believed = [
            "ef53 ext2 to ext4",
            "58465342 xfs",
            "9123683e btrfs",
            "2fc12fc1 zfs",
            "f2f52010 f2fs",
            "ca451a4e bcachefs",
        ];
        let others = [
            "65735546 fuse",
            "73717368 squashfs",
            "e0f5e1e2 erofs",
            "9660 iso9660",
            "2011bab0 exfat",
            "4d44 vfat",
            "7366746e ntfs3",
            "482b hfs+",
            "15013346 udf",
            "6969 nfs",
            "ff534d42 cifs",
            "fe534d42 smb2",
            "01021997 9p",
            "00c36400 ceph",
            "5346414f afs",
            "f15f ecryptfs",
            "858458f6 ramfs",
            "28cd3d45 cramfs",
            "72b6 jffs2",
            "24051905 ubifs",
            "52654973 reiserfs",
            "9fa0 proc",
            "62656572 sysfs",
            "0 none",
        ];
        let witness = |line: &str| {
            let number = i64::from_str_radix(line.split(' ').next().unwrap(), 16).unwrap();
            of_kind(number, || panic!("{line} is no overlay"))
        };
        for line in believed {
            assert_eq!(witness(line), Witness::Changes, "{line}");
        }
        assert_eq!(TRUE_TIMES.len(), believed.len());
        for line in others {
            assert_eq!(witness(line), Witness::Nothing, "{line}");
        }
        assert_eq!(witness("01021994 tmpfs"), Witness::Calls);
        assert_eq!(of_kind(OVERLAY, || true), Witness::Changes);
        assert_eq!(of_kind(OVERLAY, || false), Witness::Calls);
    }

    #[test]
    fn a_time_of_whole_seconds_counts_only_where_a_new_mount_is_seen() {
        let mut devices = Devices::default();
        devices.mounted.extend([(1, Some(77)), (2, None)]);
        let identity = |device, nanos| Identity::new((device, 5), 6, (50, 7), (60, nanos));
        assert_eq!(devices.mounted(&identity(1, 0)), Some(identity(77, 0)));
        assert_eq!(devices.mounted(&identity(2, 0)), None);
        assert_eq!(devices.mounted(&identity(2, 9)), Some(identity(2, 9)));
        assert_ne!(mixed(1, 77), mixed(1, 78));
        assert_ne!(mixed(1, 77), mixed(2, 77));
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
        let shared = devices.witness(7, FilePlace::Path(Path::new("/dev/shm")));
        assert_eq!(devices.witness(7, FilePlace::Path(Path::new("/nothing/there"))), shared);
        assert_eq!(devices.witness(8, FilePlace::Path(Path::new("/nothing/there"))), Witness::Nothing);
    }
}
