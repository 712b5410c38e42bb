//! Other file systems, mounted over a folder until the test ends. It takes root.

use std::fs;
use std::os::unix::fs::MetadataExt as _;
use std::path::{Path, PathBuf};
use std::process::{Child, Stdio};
use std::thread::sleep;
use std::time::{Duration, Instant};

use super::case::wait;
use super::judges::{checked, tool};

const PATIENCE: Duration = Duration::from_secs(30);

/// A folder that is on another file system for a while.
pub struct Mount {
    at: PathBuf,
    /// Who serves it, where that is a process.
    child: Option<Child>,
}

impl Mount {
    /// One whose ctime is the modification time, as on exFAT, vfat or sshfs: bindfs, through FUSE. The folder shows what it
    /// held.
    #[track_caller]
    pub fn fuse(at: &Path) -> Self {
        assert!(Path::new("/dev/fuse").exists(), "bindfs needs /dev/fuse, which this machine does not have");
        let device = || fs::metadata(at).expect("the folder to mount over").dev();
        let below = device();
        let mut bindfs = tool("bindfs");
        bindfs.args(["-f", "--ctime-from-mtime"]).arg(at).arg(at).stdin(Stdio::null());
        let mut mount = Self { at: at.to_owned(), child: Some(bindfs.spawn().expect("bindfs")) };
        let start = Instant::now();
        while device() == below {
            let ended = mount.child.as_mut().and_then(|child| child.try_wait().expect("the state of bindfs"));
            assert!(ended.is_none(), "bindfs mounts nothing: {ended:?}");
            assert!(start.elapsed() < PATIENCE, "bindfs mounts nothing");
            sleep(Duration::from_millis(2));
        }
        mount
    }

    /// A tmpfs with a copy of what the folder holds.
    #[track_caller]
    pub fn tmpfs(at: &Path) -> Self {
        Self::filled(at, &["-t", "tmpfs", "tmpfs"])
    }

    /// An ext4 of its own with a copy of what the folder holds: nothing else on the machine syncs it.
    #[track_caller]
    pub fn ext4(at: &Path) -> Self {
        let image = at.with_extension("ext4");
        fs::File::create(&image).and_then(|file| file.set_len(32 << 20)).expect("room for a file system");
        checked(tool("mkfs.ext4").args(["-q", "-F"]).arg(&image));
        Self::filled(at, &["-o", "loop", image.to_str().expect("a path of the tests")])
    }

    #[track_caller]
    fn filled(at: &Path, what: &[&str]) -> Self {
        let aside = at.with_extension("aside");
        checked(tool("cp").arg("-a").arg(at).arg(&aside));
        checked(tool("mount").args(what).arg(at));
        let mount = Self { at: at.to_owned(), child: None };
        checked(tool("cp").arg("-a").arg(aside.join(".")).arg(at));
        fs::remove_dir_all(aside).expect("the copy is removed");
        mount
    }
}

impl Drop for Mount {
    fn drop(&mut self) {
        // Lazily: whatever a failed test left open there does not keep it.
        let _ = tool("umount").arg("-l").arg(&self.at).status();
        if let Some(child) = &mut self.child {
            // It is killed where it does not end by itself.
            wait(child, PATIENCE);
        }
    }
}
