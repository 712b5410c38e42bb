//! Random walks: how far they go, by which dice, and on which file system.
//!
//! By default they are short and lie where temporary folders are. Three variables make them long and take them elsewhere:
//!
//! * `HARDPAN_TEST_STEPS=200`: how many steps each walk takes.
//! * `HARDPAN_TEST_SEED=7`: another walk than the one that every run takes.
//! * `HARDPAN_TEST_GROUND=squashfs`: where what changes lies in the walks that compile, by a name of [`GROUNDS`]. The walks
//!   that only copy files have a test for each.
//!
//! `TMPDIR` is where all else is: recipes, caches, images.
//!
//! ```text
//! HARDPAN_TEST_STEPS=200 HARDPAN_TEST_GROUND=overlay cargo test --test suite a_warm -- --test-threads=1
//! ```

use std::{
    fs,
    path::{Path, PathBuf},
    process::{Command, Stdio},
    thread::sleep,
    time::Duration,
};

use super::{
    judges::{checked, tool},
    mounts::Mount,
};

/// How many steps a walk takes, where nobody wants another number.
pub fn steps(default: u32) -> u32 {
    number("HARDPAN_TEST_STEPS").map_or(default, |steps| u32::try_from(steps).expect("a number of steps"))
}

fn number(variable: &str) -> Option<u64> {
    let text = std::env::var(variable).ok()?;
    Some(text.parse().unwrap_or_else(|error| panic!("{variable}={text}: {error}")))
}

/// Which walk, where somebody wants another one than every run takes.
pub fn seed(default: u64) -> u64 {
    number("HARDPAN_TEST_SEED").unwrap_or(default)
}

/// Small numbers that look random, the same in every run.
pub struct Dice(u64);

impl Dice {
    pub fn new() -> Self {
        Self::of_seed(seed(0))
    }

    /// The dice of one seed, whatever the caller of the tests chose.
    pub fn of_seed(seed: u64) -> Self {
        // Never zero, which would stay zero.
        Self(0x9e37_79b9_7f4a_7c15 ^ seed.wrapping_mul(0xff51_afd7_ed55_8ccd))
    }

    pub fn below(&mut self, sides: usize) -> usize {
        self.0 ^= self.0 << 13;
        self.0 ^= self.0 >> 7;
        self.0 ^= self.0 << 17;
        usize::try_from(self.0 % sides as u64).expect("a small number")
    }

    pub fn one_of<T: Copy>(&mut self, sides: &[T]) -> T {
        sides[self.below(sides.len())]
    }
}

/// Starts a program and kills it after a while. What it prints is nobody's.
pub fn kill(command: &mut Command, after: Duration) {
    let mut child = command.stdout(Stdio::null()).stderr(Stdio::null()).spawn().expect("a program to kill");
    sleep(after);
    drop(child.kill());
    child.wait().expect("its end");
}

/// The names of the grounds that a walk may be on.
pub const GROUNDS: [&str; 8] = ["here", "ext4", "tmpfs", "fuse", "overlay", "fuse-overlayfs", "squashfs", "image"];

/// A folder that is on a file system of its own for the time of a walk.
pub struct Ground {
    at: PathBuf,
    kind: &'static str,
    mount: Option<Mount>,
}

impl Ground {
    /// The folder `at`, with what it holds, on the file system of that name:
    ///
    /// * `here`: the one that it is on already.
    /// * `fuse`: a bindfs whose ctime is the modification time.
    /// * `squashfs`, `image`: an image of a squashfs or an ext4 that is made anew for each step, and never tells a change.
    #[track_caller]
    pub fn new(kind: &str, at: &Path) -> Self {
        let Some(kind) = GROUNDS.into_iter().find(|known| *known == kind) else {
            panic!("no ground is called `{kind}`: {GROUNDS:?}");
        };
        let mount = match kind {
            "ext4" => Some(Mount::ext4(at)),
            "tmpfs" => Some(Mount::tmpfs(at)),
            "fuse" => Some(Mount::fuse(at)),
            "overlay" => Some(Mount::overlay(at)),
            "fuse-overlayfs" => Some(Mount::fuse_overlayfs(at)),
            _ => None,
        };
        let mut ground = Self { at: at.to_owned(), kind, mount };
        if ground.is_image() {
            fs::rename(at, ground.stage()).expect("what the image is made of");
            fs::create_dir(at).expect("a folder to mount over");
            ground.show();
        }
        ground
    }

    /// The one that the caller of the tests chose.
    #[track_caller]
    pub fn chosen(at: &Path) -> Self {
        let kind = std::env::var("HARDPAN_TEST_GROUND").unwrap_or_else(|_| "here".to_owned());
        Self::new(&kind, at)
    }

    fn is_image(&self) -> bool {
        ["squashfs", "image"].contains(&self.kind)
    }

    /// Where a step writes.
    pub fn stage(&self) -> PathBuf {
        if self.is_image() { self.at.with_extension("stage") } else { self.at.clone() }
    }

    /// Shows in the folder what a step wrote.
    #[track_caller]
    pub fn show(&mut self) {
        if !self.is_image() {
            return;
        }
        // The next image is mounted by the same device.
        drop(self.mount.take());
        let (stage, image) = (self.stage(), self.at.with_extension("image"));
        if self.kind == "squashfs" {
            // What was killed may still hold the last one, whose pages the kernel would show for the same file.
            let _ = fs::remove_file(&image);
            let mut make = tool("mksquashfs");
            make.arg(&stage).arg(&image).args(["-noappend", "-quiet", "-no-progress", "-noI", "-noD", "-noF"]);
            checked(make.args(["-all-time", "1500000000", "-mkfs-time", "1500000000"]));
            self.mount = Some(Mount::image(&self.at, &image));
        } else {
            self.mount = Some(Mount::ext4_image(&self.at, &stage, &image));
        }
        checked(tool("diff").args(["-r", "--no-dereference", "--exclude=lost+found"]).arg(&stage).arg(&self.at));
    }
}

impl Drop for Ground {
    fn drop(&mut self) {
        drop(self.mount.take());
        // A folder of the case is a folder again, wherever the case goes from here.
        if self.is_image() {
            let _ = fs::remove_dir(&self.at);
            let _ = fs::rename(self.stage(), &self.at);
        }
    }
}
