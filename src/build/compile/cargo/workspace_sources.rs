//! The source files of a workspace's packages, identified by their content. [`super::freshness`] compares them with the
//! state at the last compile.

use std::{
    collections::{BTreeMap, BTreeSet},
    ffi::OsStr,
    fs::{self, File},
    io::{self, Read as _},
    os::unix::ffi::OsStrExt as _,
    path::{Path, PathBuf},
};

use super::super::Toolchain;
use crate::{
    build::{
        outputs,
        pinned::{PinnedFile, read_small},
    },
    cache::{Fingerprint, Fingerprinter},
    image::LAYOUT_NAMES,
    output::is_staging_name,
    recipe,
    report::Limits,
};

/// Above this many files, every package counts as changed: looking would cost more than compiling.
const MOST_FILES: usize = 200_000;
/// Links that are followed one inside of the other.
const MOST_LINKS: usize = 40;
/// How a folder says that it is a cache (bford.info/cachedir), as cargo's `target` does.
const CACHE_SIGNATURE: &[u8] = b"Signature: 8a477f597d28d172789f06886806bc55";
/// Documentation files beside the packages of a workspace. They belong to no package; a package that reads one names it in
/// its dep-info.
const PROSE: [&str; 9] =
    ["README", "LICENSE", "LICENCE", "COPYING", "CHANGELOG", "CONTRIBUTING", "CODE_OF_CONDUCT", "SECURITY", "NOTICE"];

/// The state of each package of a workspace: a digest over the names and contents of its files.
///
/// A file belongs to the innermost package that it lies in, whether a compiler names it or not, because build scripts and
/// procedural macros read files that no dep-info names. Files in no package belong to all of them, as the group `""`.
pub(super) struct WorkspaceSources<'a> {
    /// The workspace's folder, canonical.
    root: &'a Path,
    /// The folders of its packages, relative to the root, `""` for the root itself.
    packages: &'a BTreeSet<PathBuf>,
    /// Knows the paths that this call writes, and its recipe: no sources.
    toolchain: &'a Toolchain<'a>,
}

/// A file of a package, and what is in it.
type SourceFiles = BTreeMap<PathBuf, Fingerprint>;

/// The group of files that are in no package.
pub(super) const OUTSIDE: &str = "";

/// The files of a workspace.
#[derive(Debug, Default)]
pub(super) struct SourceListing {
    /// By package folder, or [`OUTSIDE`]; relative to the root.
    groups: BTreeMap<String, SourceFiles>,
    count: usize,
}

impl<'a> WorkspaceSources<'a> {
    pub(super) fn new(root: &'a Path, packages: &'a BTreeSet<PathBuf>, toolchain: &'a Toolchain<'a>) -> Self {
        Self { root, packages, toolchain }
    }

    /// Walks over the workspace. `None` where it has too many files, or a file that cannot be read.
    pub(super) fn list(&self) -> Option<SourceListing> {
        let mut listing = SourceListing::default();
        let mut trail = Vec::new();
        self.walk(self.root, Path::new(""), &mut trail, &mut listing).ok()?;
        Some(listing)
    }

    fn walk(
        &self,
        folder: &Path,
        below: &Path,
        trail: &mut Vec<PathBuf>,
        listing: &mut SourceListing,
    ) -> io::Result<()> {
        for entry in fs::read_dir(folder)? {
            let entry = entry?;
            let (path, name) = (folder.join(entry.file_name()), below.join(entry.file_name()));
            let is_no_source = self.toolchain.ignored.contains(&path) || self.toolchain.written.contains(&path);
            if is_no_source || is_staging_name(&entry.file_name()) {
                continue;
            }
            listing.count += 1;
            if listing.count > MOST_FILES {
                return Err(io::ErrorKind::Other.into());
            }
            let kind = entry.file_type()?;
            if kind.is_dir() {
                if !is_left_out(&path, &entry.file_name()) {
                    self.walk(&path, &name, trail, listing)?;
                }
            } else if kind.is_symlink() {
                self.walk_link(&path, &name, trail, listing)?;
            } else if kind.is_file() {
                self.add(&path, &name, listing)?;
            }
        }
        Ok(())
    }

    /// Follows a link: what it leads to can be compiled by its name.
    fn walk_link(
        &self,
        path: &Path,
        name: &Path,
        trail: &mut Vec<PathBuf>,
        listing: &mut SourceListing,
    ) -> io::Result<()> {
        let target = fs::read_link(path)?;
        self.enter(name, Fingerprint::of(target.as_os_str().as_bytes()), listing);
        let Ok(real) = fs::canonicalize(path) else { return Ok(()) };
        if real.is_dir() {
            // A folder inside of the workspace is walked by its own name.
            let is_walked = real.starts_with(self.root) || trail.contains(&real) || trail.len() >= MOST_LINKS;
            if !is_walked && !is_left_out(&real, real.file_name().unwrap_or_default()) {
                trail.push(real.clone());
                self.walk(&real, name, trail, listing)?;
                trail.pop();
            }
            return Ok(());
        }
        self.add(&real, &name.join("->"), listing)
    }

    fn add(&self, path: &Path, name: &Path, listing: &mut SourceListing) -> io::Result<()> {
        if is_recipe_or_lock(path) {
            return Ok(());
        }
        let pinned = PinnedFile::pin(path, "", self.toolchain.blobs).map_err(|_| io::ErrorKind::Other)?;
        if pinned.may_be_output() && outputs::file_output(path).is_some() {
            return Ok(());
        }
        self.enter(name, pinned.fingerprint(), listing);
        Ok(())
    }

    fn enter(&self, name: &Path, content: Fingerprint, listing: &mut SourceListing) {
        let package = name.ancestors().skip(1).find(|folder| self.packages.contains(*folder));
        let group = match package {
            Some(folder) => group_name(folder),
            None if !self.packages.is_empty() && is_prose(name) => return,
            None => OUTSIDE.to_owned(),
        };
        listing.groups.entry(group).or_default().insert(name.to_owned(), content);
    }

    /// The digest of a group, with the files outside of it that its units were compiled from (`named`: absolute, or
    /// relative to the root).
    pub(super) fn state(&self, listing: &SourceListing, group: &str, named: &BTreeSet<String>) -> String {
        let mut hasher = Fingerprinter::default();
        let mut part = |bytes: &[u8]| hasher.update_part(bytes);
        for (name, content) in listing.groups.get(group).into_iter().flatten() {
            part(name.as_os_str().as_bytes());
            part(content.bytes());
        }
        for name in named {
            part(name.as_bytes());
            part(&self.named(&self.root.join(name)));
        }
        hasher.finish().hex()
    }

    /// The folder of each package with the digest of its files, relative to the root. The files outside of all packages have
    /// the root's folder.
    pub(super) fn groups(&self, listing: &SourceListing) -> impl Iterator<Item = (PathBuf, String)> {
        let none = BTreeSet::new();
        let state = move |group: &String| (group.trim_start_matches('/').into(), self.state(listing, group, &none));
        listing.groups.keys().map(state)
    }

    /// The digest of all files of the workspace, whatever package they are in.
    pub(super) fn whole_state(&self, listing: &SourceListing) -> String {
        let groups =
            listing.groups.keys().map(|group| format!("{group} {}", self.state(listing, group, &BTreeSet::new())));
        Fingerprint::of(groups.collect::<Vec<_>>().join("\n").as_bytes()).hex()
    }

    /// The state of a path that a compiler or a build script named: a file, or a folder with all files in it.
    fn named(&self, path: &Path) -> Vec<u8> {
        let Ok(real) = fs::canonicalize(path) else { return b"none".to_vec() };
        if !real.is_dir() {
            let pinned = PinnedFile::pin(&real, "", self.toolchain.blobs);
            return pinned.map_or_else(|_| b"unreadable".to_vec(), |file| file.fingerprint().bytes().to_vec());
        }
        let none = BTreeSet::new();
        let folder = WorkspaceSources { root: &real, packages: &none, toolchain: self.toolchain };
        let Some(listing) = folder.list() else { return b"too many".to_vec() };
        folder.state(&listing, OUTSIDE, &BTreeSet::new()).into_bytes()
    }
}

impl SourceListing {
    /// Whether the walk met a file of this name, relative to the root.
    pub(super) fn has(&self, name: &Path) -> bool {
        self.groups.values().any(|files| files.contains_key(name))
    }

    /// Whether the walk met a file of this name, or one in a folder of this name; relative to the root.
    pub(super) fn has_at(&self, path: &Path) -> bool {
        let is_below = |files: &SourceFiles| {
            files.range(path.to_path_buf()..).next().is_some_and(|(name, _)| name.starts_with(path))
        };
        self.groups.values().any(is_below)
    }

    /// A fingerprint of what cargo finds packages and targets by: the names of all files, and the contents of
    /// manifests, locks and configurations.
    pub(super) fn shape(&self) -> Fingerprint {
        let mut hasher = Fingerprinter::default();
        for (name, content) in self.groups.values().flatten() {
            hasher.update_part(name.as_os_str().as_bytes());
            let file = name.file_name().unwrap_or_default();
            let counts = ["Cargo.toml", "Cargo.lock", "config", "config.toml", "rust-toolchain", "rust-toolchain.toml"];
            if counts.iter().any(|counted| file == *counted) {
                hasher.update(content.bytes());
            }
        }
        hasher.finish()
    }
}

/// The group of a package's folder.
pub(super) fn group_name(folder: &Path) -> String {
    format!("/{}", folder.to_string_lossy())
}

/// Folders that hold no sources: git's own, caches that say so, and image layouts of hardpan.
fn is_left_out(folder: &Path, name: &OsStr) -> bool {
    let is_layout = || LAYOUT_NAMES.iter().all(|entry| folder.join(entry).is_file());
    name == ".git" || has_cache_tag(folder) || (is_layout() && outputs::folder_output(folder).is_some())
}

/// Whether a folder says that it is a cache.
pub(in crate::build) fn has_cache_tag(folder: &Path) -> bool {
    begins_with(&folder.join("CACHEDIR.TAG"), CACHE_SIGNATURE)
}

/// Whether a file is a recipe or a lock, which no compiler reads unasked.
fn is_recipe_or_lock(path: &Path) -> bool {
    let name = path.file_name().unwrap_or_default();
    let is_recipe = || {
        let text = if name == "Cargo.toml" { None } else { read_small(path, "", Limits::RECIPE_BYTES).ok() };
        text.and_then(|text| String::from_utf8(text).ok())
            .is_some_and(|text| recipe::parse("hardpan.toml", &text).is_ok())
    };
    ["hardpan.lock", recipe::WORKSPACE_LOCK, recipe::WORKSPACE_FILE].iter().any(|own| name == *own)
        || (path.extension() == Some(OsStr::new("toml")) && is_recipe())
}

fn begins_with(path: &Path, bytes: &[u8]) -> bool {
    let mut start = vec![0; bytes.len()];
    File::open(path).and_then(|mut file| file.read_exact(&mut start)).is_ok_and(|()| start == bytes)
}

/// Whether a file that is in no package is there for readers.
fn is_prose(name: &Path) -> bool {
    let is_github = name.components().next().is_some_and(|first| first.as_os_str() == ".github");
    let file = name.file_name().unwrap_or_default().to_string_lossy();
    let stem = file.split(['.', '-']).next().unwrap_or_default();
    is_github || file == ".gitignore" || PROSE.contains(&stem.to_uppercase().as_str())
}
