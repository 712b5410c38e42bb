//! An identifier of the current mount of a file system, for [`witness`](super::witness).
//!
//! A disk keeps true times as long as the kernel writes it. What makes an image of a file system from a folder
//! (`mke2fs -d`, `mkfs.btrfs --rootdir`) sets all times itself, and where images are to be the same each time, they are. Then
//! a file of the next image has the device, inode, size and times of the one in the last, and other bytes. So what is known
//! of a file is forgotten when its file system is mounted again.

use std::{
    fs,
    os::unix::fs::MetadataExt as _,
    path::{Path, PathBuf},
};

use rustix::fs::{major, minor};

/// The folders in which a file system has one for each device it is mounted from, by the device's name: of ext2 to ext4, XFS
/// and F2FS.
const FOLDERS: [&str; 3] = ["fs/ext4", "fs/xfs", "fs/f2fs"];

/// A number that the kernel gave to the file system on `device` when it was mounted, and to nothing else since it was
/// started. `None` where it cannot be found out: several devices that are one file system, or no `/sys`.
pub(super) fn mounting(device: u64) -> Option<u64> {
    in_system(Path::new("/sys"), device)
}

fn in_system(system: &Path, device: u64) -> Option<u64> {
    let link = fs::read_link(system.join(format!("dev/block/{}:{}", major(device), minor(device)))).ok()?;
    let name = PathBuf::from(link.file_name()?);
    // Folders of the kernel are made when a file system is mounted, and their inode numbers count up.
    FOLDERS.iter().find_map(|folder| fs::metadata(system.join(folder).join(&name)).ok()).map(|meta| meta.ino())
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]

    use std::os::unix::fs::symlink;

    use rustix::fs::makedev;

    use super::*;

    #[test]
    fn a_file_system_is_known_by_the_folder_of_its_device() {
        let system = tempfile::tempdir().unwrap();
        let path = |path: &str| system.path().join(path);
        for folder in ["dev/block", "fs/ext4/sda1", "fs/xfs/dm-0"] {
            fs::create_dir_all(path(folder)).unwrap();
        }
        for (device, target) in [("8:1", "sda/sda1"), ("253:0", "virtual/block/dm-0"), ("8:2", "sda/sda2")] {
            symlink(format!("../../devices/{target}"), path(&format!("dev/block/{device}"))).unwrap();
        }
        let found = |major, minor| in_system(system.path(), makedev(major, minor));
        let inode = |folder: &str| Some(fs::metadata(path(folder)).unwrap().ino());
        assert_eq!(found(8, 1), inode("fs/ext4/sda1"));
        assert_eq!(found(253, 0), inode("fs/xfs/dm-0"));
        // Nothing is mounted from the one, and the other is no block device, as that of Btrfs.
        assert_eq!((found(8, 2), found(0, 40)), (None, None));
    }
}
