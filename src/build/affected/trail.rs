//! Follows a path of this machine link by link.

use std::{
    ffi::OsString,
    fs,
    path::{Component, Path, PathBuf},
};

use crate::{build::pinned::read_small, report::Limits};

/// Where a path leads, and the links that lead there: each of them is an input of the recipe that names the path.
#[derive(Debug, PartialEq, Eq)]
pub(super) struct PathTrail {
    /// The links, each by a path without links before its last name.
    pub(super) links: Vec<PathBuf>,
    /// The end. Where something is missing, what would be there.
    pub(super) end: PathBuf,
    /// Whether the end is there.
    pub(super) exists: bool,
}

impl PathTrail {
    /// Follows `path`, which is absolute.
    pub(super) fn of(path: &Path) -> Self {
        let mut trail = Self { links: Vec::new(), end: PathBuf::from("/"), exists: true };
        // The names that are still to be walked, the next one last.
        let mut ahead: Vec<OsString> = names(path);
        while let Some(name) = ahead.pop() {
            if name == ".." {
                trail.end.pop();
                continue;
            }
            trail.end.push(&name);
            if !trail.exists {
                continue;
            }
            let Ok(meta) = fs::symlink_metadata(&trail.end) else {
                trail.exists = false;
                continue;
            };
            if !meta.is_symlink() {
                continue;
            }
            trail.links.push(trail.end.clone());
            match fs::read_link(&trail.end) {
                Ok(target) if trail.links.len() <= Limits::LINK_DEPTH => {
                    trail.end.pop();
                    if target.is_absolute() {
                        trail.end = PathBuf::from("/");
                    }
                    ahead.extend(names(&target));
                }
                _ => trail.exists = false,
            }
        }
        trail
    }

    /// Every path that decides what is found: the links and the end.
    pub(super) fn paths(&self) -> impl Iterator<Item = &Path> {
        self.links.iter().chain([&self.end]).map(PathBuf::as_path)
    }
}

/// The bytes of the file that `path` leads to, links followed; none where it cannot be read or has more than `most`.
pub(super) fn read_through_links(path: &Path, most: u64) -> Option<Vec<u8>> {
    read_small(&fs::canonicalize(path).ok()?, "", most).ok()
}

/// The names of a path, the last one first.
fn names(path: &Path) -> Vec<OsString> {
    let names = path.components().rev().filter_map(|component| match component {
        Component::Normal(name) => Some(name.to_owned()),
        Component::ParentDir => Some("..".into()),
        _ => None,
    });
    names.collect()
}

#[cfg(test)]
#[allow(clippy::unwrap_used)]
mod tests {
    use std::os::unix::fs::symlink;

    use super::*;

    #[test]
    fn every_link_on_the_way_is_named() {
        let folder = tempfile::tempdir().unwrap();
        let top = fs::canonicalize(folder.path()).unwrap();
        fs::create_dir_all(top.join("real/deep")).unwrap();
        fs::write(top.join("real/deep/file"), "").unwrap();
        symlink("real", top.join("one")).unwrap();
        symlink("../one/deep", top.join("real/two")).unwrap();
        symlink("loop", top.join("loop")).unwrap();
        let trail = |path: &str| PathTrail::of(&top.join(path));
        let links = ["one", "real/two", "one"].map(|path| top.join(path)).to_vec();
        assert_eq!(trail("one/two/file"), PathTrail { links, end: top.join("real/deep/file"), exists: true });
        // `..` behind a link is the folder above the link's end.
        assert_eq!(trail("real/two/../deep").end, top.join("real/deep"));
        assert_eq!(trail("real/deep/file"), PathTrail { links: vec![], end: top.join("real/deep/file"), exists: true });
        assert_eq!(trail("none/../x"), PathTrail { links: vec![], end: top.join("x"), exists: false });
        assert!(!trail("loop/x").exists);
        assert!(!trail("real/deep/file/x").exists);
    }
}
