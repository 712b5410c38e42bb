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
    /// What its layers are on.
    #[expect(dead_code, reason = "it is there as long as what is above it")]
    below: Option<Box<Mount>>,
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
        let mut mount = Self { at: at.to_owned(), child: Some(bindfs.spawn().expect("bindfs")), below: None };
        let start = Instant::now();
        while device() == below {
            let ended = mount.child.as_mut().and_then(|child| child.try_wait().expect("the state of bindfs"));
            assert!(ended.is_none(), "bindfs mounts nothing: {ended:?}");
            assert!(start.elapsed() < PATIENCE, "bindfs mounts nothing");
            sleep(Duration::from_millis(2));
        }
        mount
    }

    /// What `from` holds, which cannot be changed here.
    #[track_caller]
    pub fn read_only(from: &Path, at: &Path) -> Self {
        fs::create_dir_all(at).expect("a folder to mount over");
        checked(tool("mount").arg("--bind").arg(from).arg(at));
        let mount = Self { at: at.to_owned(), child: None, below: None };
        checked(tool("mount").args(["-o", "remount,bind,ro"]).arg(at));
        mount
    }

    /// A tmpfs with a copy of what the folder holds.
    #[track_caller]
    pub fn tmpfs(at: &Path) -> Self {
        Self::filled(at, &["-t", "tmpfs", "tmpfs"])
    }

    /// A tmpfs of so many bytes with a copy of what the folder holds.
    #[track_caller]
    pub fn small(at: &Path, bytes: usize) -> Self {
        Self::filled(at, &["-t", "tmpfs", "-o", &format!("size={bytes}"), "tmpfs"])
    }

    /// An ext4 of its own with a copy of what the folder holds: nothing else on the machine syncs it.
    #[track_caller]
    pub fn ext4(at: &Path) -> Self {
        let image = at.with_extension("ext4");
        fs::File::create(&image).and_then(|file| file.set_len(32 << 20)).expect("room for a file system");
        checked(tool("mkfs.ext4").args(["-q", "-F"]).arg(&image));
        Self::filled(at, &["-o", "loop", image.to_str().expect("a path of the tests")])
    }

    /// An overlay whose lower layer holds what the folder held. Its layers are on an ext4 of their own, because no overlay
    /// takes an overlay, on which containers have their folders, for an upper layer.
    #[track_caller]
    pub fn overlay(at: &Path) -> Self {
        let (disk, options) = Self::layers(at);
        checked(tool("mount").args(["-t", "overlay", "overlay", "-o", &options]).arg(at));
        Self { at: at.to_owned(), child: None, below: Some(Box::new(disk)) }
    }

    /// The same, whose layer `in.layers/lower` has the bytes of the files, and the upper one their times.
    #[track_caller]
    pub fn overlay_of_split_files(at: &Path) -> Self {
        let (disk, options) = Self::layers(at);
        let options = format!("{options},metacopy=on,redirect_dir=on");
        checked(tool("mount").args(["-t", "overlay", "overlay", "-o", &options]).arg(at));
        // Only what is of an inode goes up.
        checked(tool("chown").args(["-R", "1:1"]).arg(at));
        Self { at: at.to_owned(), child: None, below: Some(Box::new(disk)) }
    }

    /// The same, served by a process.
    #[track_caller]
    pub fn fuse_overlayfs(at: &Path) -> Self {
        let (disk, options) = Self::layers(at);
        checked(tool("fuse-overlayfs").args(["-o", &options]).arg(at));
        Self { at: at.to_owned(), child: None, below: Some(Box::new(disk)) }
    }

    /// A disk with the layers of an overlay over what the folder holds, and the options that name them.
    #[track_caller]
    fn layers(at: &Path) -> (Self, String) {
        let layers = at.with_extension("layers");
        fs::create_dir(&layers).expect("a folder for the layers");
        let disk = Self::ext4(&layers);
        for name in ["upper", "scratch"] {
            fs::create_dir(layers.join(name)).expect("a layer");
        }
        checked(tool("cp").arg("-a").arg(at).arg(layers.join("lower")));
        let layers = layers.to_str().expect("a path of the tests");
        (disk, format!("lowerdir={layers}/lower,upperdir={layers}/upper,workdir={layers}/scratch"))
    }

    /// What a file that is an image of a file system holds.
    #[track_caller]
    pub fn image(at: &Path, image: &Path) -> Self {
        checked(tool("mount").args(["-o", "loop,ro"]).arg(image).arg(at));
        Self { at: at.to_owned(), child: None, below: None }
    }

    /// An image of an ext4 with what `stage` holds, all of whose names, times and numbers are those of any other image that
    /// is made so: what makes images the same each time makes them so.
    #[track_caller]
    pub fn ext4_image(at: &Path, stage: &Path, image: &Path) -> Self {
        let _ = fs::remove_file(image);
        fs::File::create(image).and_then(|file| file.set_len(32 << 20)).expect("room for a file system");
        let name = "01234567-89ab-cdef-0123-456789abcdef";
        checked(tool("mkfs.ext4").args(["-q", "-F", "-U", name, "-d"]).arg(stage).arg(image));
        let listed = checked(tool("find").args([".", "-type", "f", "-printf", "%P\n"]).current_dir(stage));
        let set = |(path, time)| format!("set_inode_field \"{path}\" {time} 20170714024000\n");
        let times = ["ctime", "mtime", "atime", "crtime"];
        let commands: String = listed.lines().flat_map(|path| times.map(|time| set((path, time)))).collect();
        let script = image.with_extension("debugfs");
        fs::write(&script, commands).expect("what is changed in the image");
        checked(tool("debugfs").arg("-w").arg("-f").arg(&script).arg(image));
        Self::image(at, image)
    }

    #[track_caller]
    fn filled(at: &Path, what: &[&str]) -> Self {
        let aside = at.with_extension("aside");
        checked(tool("cp").arg("-a").arg(at).arg(&aside));
        checked(tool("mount").args(what).arg(at));
        let mount = Self { at: at.to_owned(), child: None, below: None };
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
