//! The five ways in which engines of Debian turn layers into a tree.

use std::{
    fs,
    path::{Path, PathBuf},
    process::{Command, Stdio},
};

use tempfile::TempDir;

use super::tree::Tree;
use crate::support::{
    case::scratch,
    engines::{Containerd, PodmanStore},
    judges::{checked, tool},
};

/// The engines, in the order in which [`unpack`] has their trees.
pub const ENGINES: [Engine; 5] = [
    Engine { name: "umoci", follows_links: true },
    Engine { name: "containerd native", follows_links: false },
    Engine { name: "containerd overlayfs", follows_links: false },
    Engine { name: "podman overlay", follows_links: false },
    Engine { name: "podman vfs", follows_links: true },
];

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Engine {
    pub name: &'static str,
    /// Whether what a layer writes through a link of a lower layer is where the link leads. Otherwise a folder takes the
    /// place of the link.
    pub follows_links: bool,
}

/// What an engine made of an image: its tree, or the words with which it refused.
pub type Unpacked = Result<Tree, String>;

/// What each engine makes of each image of a layout: by engine, then by image.
pub fn unpack(containerd: &Containerd, layout: &Path, tags: &[String]) -> Vec<Vec<Unpacked>> {
    std::thread::scope(|scope| {
        let podman = ["overlay", "vfs"].map(|driver| scope.spawn(move || podman(driver, layout, tags)));
        let mut all = vec![umoci(layout, tags)];
        let imported = Imported::new(containerd, layout, tags);
        all.extend(["native", "overlayfs"].map(|snapshotter| imported.unpack(snapshotter)));
        drop(imported);
        all.extend(podman.map(|thread| thread.join().expect("podman's trees")));
        all
    })
}

/// Runs an engine to its end: its standard output, or why it failed.
fn attempt(command: &mut Command) -> Result<String, String> {
    let output =
        command.stdin(Stdio::null()).output().unwrap_or_else(|e| panic!("{}: {e}", command.get_program().display()));
    let text = |bytes: &[u8]| String::from_utf8_lossy(bytes).trim().to_owned();
    if output.status.success() { Ok(text(&output.stdout)) } else { Err(text(&output.stderr)) }
}

fn umoci(layout: &Path, tags: &[String]) -> Vec<Unpacked> {
    let scratch = scratch();
    let unpack = |tag: &String| {
        let root = scratch.path().join(tag);
        let mut umoci = tool("umoci");
        // Without `--keep-dirlinks`, as it is by default. `raw`, because a runtime's configuration is not wanted.
        umoci.args(["raw", "unpack", "--image"]).arg(format!("{}:{tag}", layout.display())).arg(&root);
        attempt(&mut umoci).map(|_| Tree::read(&root))
    };
    tags.iter().map(unpack).collect()
}

/// The images of a layout in a containerd, which may be unpacked by several snapshotters.
struct Imported<'a> {
    containerd: &'a Containerd,
    tags: &'a [String],
    mounts: TempDir,
}

impl<'a> Imported<'a> {
    fn new(containerd: &'a Containerd, layout: &Path, tags: &'a [String]) -> Self {
        let imported = Self { containerd, tags, mounts: scratch() };
        let archive = imported.mounts.path().join("layout.tar");
        checked(tool("tar").arg("-C").arg(layout).arg("-cf").arg(&archive).arg("."));
        let mut import = containerd.command();
        checked(import.args(["images", "import", "--no-unpack", "--base-name", "layers"]).arg(&archive));
        imported
    }

    fn unpack(&self, snapshotter: &str) -> Vec<Unpacked> {
        let unpack = |tag: &String| {
            let at = self.mounts.path().join(format!("{snapshotter}-{tag}"));
            fs::create_dir(&at).expect("a folder to mount over");
            let mut mount = self.containerd.command();
            mount.args(["images", "mount", "--snapshotter", snapshotter, &format!("layers:{tag}")]);
            attempt(mount.arg(&at))?;
            let mounted = Mounted(at);
            Ok(Tree::read(&mounted.0))
        };
        self.tags.iter().map(unpack).collect()
    }
}

impl Drop for Imported<'_> {
    fn drop(&mut self) {
        let names = self.tags.iter().map(|tag| format!("layers:{tag}"));
        self.containerd.command().args(["images", "remove"]).args(names).output().ok();
    }
}

/// A snapshot that is mounted over a folder for a while.
struct Mounted(PathBuf);

impl Drop for Mounted {
    fn drop(&mut self) {
        tool("umount").arg(&self.0).status().ok();
    }
}

fn podman(driver: &str, layout: &Path, tags: &[String]) -> Vec<Unpacked> {
    let store = PodmanStore::with_driver(driver);
    let unpack = |tag: &String| {
        let image = format!("oci:{}:{tag}", layout.display());
        let id = attempt(store.command().args(["pull", "--quiet", &image]))?;
        let at = attempt(store.command().args(["image", "mount", &id]))?;
        let tree = Tree::read(&PathBuf::from(at));
        checked(store.command().args(["image", "unmount", &id]));
        Ok(tree)
    };
    tags.iter().map(unpack).collect()
}
