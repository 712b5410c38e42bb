//! Walks a `[[tree]]`: takes the files and links of a folder that the patterns match, in the order of their paths in
//! the image.

mod folder_names;
mod left_out;
mod patterns;

use std::{
    collections::{BTreeMap, BTreeSet},
    ffi::OsStr,
    os::unix::ffi::OsStrExt as _,
    path::{Path, PathBuf},
};

use rustix::fs::FileType;

use self::{folder_names::FolderNames, patterns::TreePatterns};
use super::outputs::{OutputKind, OutputPaths};
use crate::{
    oci::{ImagePath, ImagePathError},
    recipe::{Located, TreeEntry},
    report::{ErrorName, Failure, Limits, printable},
};

/// The files and links that a tree takes, and what it leaves out.
#[derive(Debug)]
pub(super) struct TreeFiles {
    pub(super) found: Vec<FolderLeaves>,
    /// Outputs of hardpan that the patterns match: paths below the tree, sorted.
    pub(super) left_out: Vec<(PathBuf, OutputKind)>,
}

/// The leaves of one folder between two of its subfolders, so that leaves are in the order of their paths.
#[derive(Debug)]
pub(super) struct FolderLeaves {
    /// Canonical.
    pub(super) folder: PathBuf,
    pub(super) leaves: Vec<TreeLeaf>,
}

/// A file or a link of a tree. Folders come with what is in them.
#[derive(Debug)]
pub(super) struct TreeLeaf {
    /// Its path in the image; the last component is its name in the folder.
    pub(super) to: ImagePath,
    pub(super) kind: TreeLeafKind,
}

/// The kind of a leaf.
#[derive(Debug)]
pub(super) enum TreeLeafKind {
    File { executable: bool },
    Link { target: Box<str> },
}

/// Walks the folder `root` (canonical) and gives what the tree's patterns take, but for `outputs` that they do not name.
pub(super) fn walk_tree(tree: &TreeEntry, root: &Path, outputs: &OutputPaths) -> Result<TreeFiles, Failure> {
    let meta =
        std::fs::metadata(root).map_err(|error| Failure::io("open the folder", root, &error).at(&tree.from.origin))?;
    if !meta.is_dir() {
        let what = format!("`{}` is not a folder", printable(&tree.from.value));
        return Err(Failure::error(ErrorName::InputKind, what)
            .at(&tree.from.origin)
            .hint("`[[file]]` takes a single file"));
    }
    let mut walk = TreeWalk {
        tree,
        root,
        outputs,
        include: TreePatterns::parse(&tree.include, false)?,
        hidden: TreePatterns::parse(&tree.include, true)?,
        exclude: TreePatterns::parse(&tree.exclude, true)?,
        executable: TreePatterns::parse(&tree.executable, false)?,
        found: Vec::new(),
        leaves: 0,
        apart: true,
        buffer: Vec::new(),
        folders: BTreeSet::new(),
        left_out: BTreeMap::new(),
    };
    walk.check_named()?;
    walk.walk_folder(root, &[], &tree.to.value)?;
    if let Some(idle) = walk.include.first_unmatched() {
        return Err(walk.no_match(idle));
    }
    if let Some(idle) = walk.executable.first_unmatched() {
        return Err(walk.no_match(idle));
    }
    walk.check_links()?;
    Ok(TreeFiles { found: walk.found, left_out: walk.left_out.into_iter().collect() })
}

struct TreeWalk<'a> {
    tree: &'a TreeEntry,
    root: &'a Path,
    outputs: &'a OutputPaths,
    include: TreePatterns<'a>,
    /// `include` with dotfiles, for the hint of a pattern that matches nothing.
    hidden: TreePatterns<'a>,
    exclude: TreePatterns<'a>,
    executable: TreePatterns<'a>,
    found: Vec<FolderLeaves>,
    /// How many leaves were found.
    leaves: usize,
    /// Whether the next leaf does not lie beside the last one.
    apart: bool,
    buffer: Vec<u8>,
    /// Relative paths of the folders that were seen, for the hint of an empty pattern.
    folders: BTreeSet<Vec<u8>>,
    /// The outputs that the patterns match, by their paths below the root.
    left_out: BTreeMap<PathBuf, OutputKind>,
}

impl TreeWalk<'_> {
    /// Takes what is in one folder; `above` holds its components below the root, `to` is its path in the image.
    fn walk_folder(&mut self, host: &Path, above: &[&[u8]], to: &ImagePath) -> Result<(), Failure> {
        let names = FolderNames::of(host, &mut self.buffer)
            .map_err(|error| Failure::io("read the folder", host, &error).at(&self.tree.from.origin))?;
        if self.is_own_layout(host, &names, above)? {
            return Ok(());
        }
        // Almost always empty.
        let outputs = self.outputs.within(host);
        self.apart = true;
        let mut path = above.to_vec();
        for (name, kind) in names.iter() {
            path.push(name);
            let known = outputs.get(OsStr::from_bytes(name)).copied();
            if !self.is_output(host, kind, &path, known)? {
                self.take_entry(host, kind, &path, to)?;
            }
            path.pop();
        }
        self.apart = true;
        Ok(())
    }

    /// Takes what is at `path` below the root, in the folder `host`.
    fn take_entry(&mut self, host: &Path, kind: FileType, path: &[&[u8]], to: &ImagePath) -> Result<(), Failure> {
        let shown = || printable(&String::from_utf8_lossy(&path.join(&b'/'))).into_owned();
        let name = path.last().copied().unwrap_or_default();
        if kind == FileType::Directory {
            self.folders.insert(path.join(&b'/'));
            let host = host.join(OsStr::from_bytes(name));
            return match to.join(name) {
                Ok(to) => self.walk_folder(&host, path, &to),
                // Refused only when something in it is taken.
                Err(why) => self.nameless_folder(&host, path, &shown(), why),
            };
        }
        // Without dotfiles, both take the same.
        if path.iter().any(|name| name.starts_with(b".")) {
            self.hidden.mark_taken(path);
        }
        if !self.include.mark_taken(path) {
            return Ok(());
        }
        let executable = self.executable.mark_taken(path);
        let to = to.join(name).map_err(|error| {
            let failure =
                Failure::error(ErrorName::InputName, format!("`{}`: {error}", shown())).at(&self.tree.from.origin);
            failure.hint("leave it out with `exclude`")
        })?;
        let kind = match kind {
            FileType::RegularFile => TreeLeafKind::File { executable },
            FileType::Symlink => {
                let at = host.join(OsStr::from_bytes(name));
                let target = std::fs::read_link(&at)
                    .map_err(|error| Failure::io("read the link", &at, &error).at(&self.tree.from.origin))?;
                let target = target.into_os_string().into_string().map_err(|_| {
                    let failure = Failure::error(
                        ErrorName::InputName,
                        format!("the link `{}` has a target that is not UTF-8", shown()),
                    );
                    failure.at(&self.tree.from.origin).hint("leave it out with `exclude`")
                })?;
                TreeLeafKind::Link { target: target.into_boxed_str() }
            }
            _ => {
                let what = format!("`{}` is neither a file, a folder nor a link", shown());
                return Err(Failure::error(ErrorName::InputKind, what)
                    .at(&self.tree.from.origin)
                    .hint("leave it out with `exclude`"));
            }
        };
        self.add_leaf(host, TreeLeaf { to, kind })
    }

    fn add_leaf(&mut self, host: &Path, leaf: TreeLeaf) -> Result<(), Failure> {
        self.leaves += 1;
        if self.leaves > Limits::ENTRIES {
            let what = format!("the tree has more than {} files", Limits::ENTRIES);
            return Err(Failure::error(ErrorName::RecipeLimit, what).at(&self.tree.from.origin));
        }
        match self.found.last_mut().filter(|_| !self.apart) {
            Some(last) => last.leaves.push(leaf),
            None => self.found.push(FolderLeaves { folder: host.to_path_buf(), leaves: vec![leaf] }),
        }
        self.apart = false;
        Ok(())
    }

    /// A folder whose name cannot be in an image: a failure where a pattern matches a file in it.
    fn nameless_folder(
        &mut self,
        host: &Path,
        path: &[&[u8]],
        shown: &str,
        why: ImagePathError,
    ) -> Result<(), Failure> {
        // Its files have no valid path, and must not be taken for files of the parent.
        let others = std::mem::take(&mut self.found);
        self.walk_folder(host, path, &ImagePath::root())?;
        if std::mem::replace(&mut self.found, others).is_empty() {
            return Ok(());
        }
        let failure = Failure::error(ErrorName::InputName, format!("`{shown}`: {why}")).at(&self.tree.from.origin);
        Err(failure.hint("leave it out with `exclude`"))
    }

    /// Every link must lead to something that is taken too.
    fn check_links(&self) -> Result<(), Failure> {
        let leaves = || self.found.iter().flat_map(|beside| &beside.leaves);
        let mut paths: Option<Vec<&ImagePath>> = None;
        for TreeLeaf { to: at, kind } in leaves() {
            let TreeLeafKind::Link { target } = kind else { continue };
            let paths = paths.get_or_insert_with(|| leaves().map(|leaf| &leaf.to).collect());
            let fault = |what: &str| {
                Failure::error(ErrorName::InputLink, format!("the link `{at}` to `{}` {what}", printable(target)))
                    .at(&self.tree.from.origin)
                    .hint("leave it out with `exclude`; a `[[symlink]]` can say the same link")
            };
            let host = self.host_path(at);
            let real = std::fs::canonicalize(&host).map_err(|error| match error.raw_os_error() {
                Some(code) if code == rustix::io::Errno::LOOP.raw_os_error() => fault("leads back to itself"),
                _ => fault("leads to nothing"),
            })?;
            let inside = real.strip_prefix(self.root).ok().filter(|_| !target.starts_with('/'));
            let inside = inside.ok_or_else(|| fault("leaves the tree"))?;
            let end = self.image_path(inside);
            let taken = end.as_ref().is_some_and(|end| self.is_taken(end, paths));
            if !taken {
                return Err(fault("leads to what the patterns leave out"));
            }
            self.check_link_text(at, target).map_err(|()| fault("leaves the tree"))?;
        }
        Ok(())
    }

    /// Refuses a link text that climbs above the tree, even if it comes back: the folder's own name is not in the image.
    fn check_link_text(&self, at: &ImagePath, target: &str) -> Result<(), ()> {
        let mut depth = at.components().count() - self.tree.to.value.components().count() - 1;
        for name in target.split('/') {
            match name {
                "" | "." => {}
                ".." => depth = depth.checked_sub(1).ok_or(())?,
                _ => depth += 1,
            }
        }
        Ok(())
    }

    /// Whether the path, or something below it, is in the image: among `paths`, which are in their order.
    fn is_taken(&self, end: &ImagePath, paths: &[&ImagePath]) -> bool {
        let from = |start: &[u8]| paths.get(paths.partition_point(|path| path.as_bytes() < start)..);
        let begins = |start: &[u8]| from(start).and_then(<[_]>::first).map(|path| path.as_bytes());
        *end == self.tree.to.value
            || begins(end.as_bytes()) == Some(end.as_bytes())
            || begins(&[end.as_bytes(), b"/"].concat())
                .is_some_and(|path| path.strip_prefix(end.as_bytes()).is_some_and(|below| below.starts_with(b"/")))
    }

    fn host_path(&self, at: &ImagePath) -> PathBuf {
        let below = at.components().skip(self.tree.to.value.components().count());
        below.fold(self.root.to_path_buf(), |path, name| path.join(name))
    }

    fn image_path(&self, below: &Path) -> Option<ImagePath> {
        below.iter().try_fold(self.tree.to.value.clone(), |path, name| path.join(name.as_bytes()).ok())
    }

    fn no_match(&self, idle: &Located<String>) -> Failure {
        let text = &idle.value;
        let failure =
            Failure::error(ErrorName::RecipePattern, format!("no file matches `{}`", printable(text))).at(&idle.origin);
        if let Some(hint) = self.left_out_hint(idle) {
            return failure.hint(hint);
        }
        let plain = text.trim_end_matches('/');
        if self.folders.contains(plain.as_bytes()) {
            return failure.hint(format!("it is a folder; write `{}/**`", printable(plain)));
        }
        if self.hidden.has_taken(&idle.origin) {
            return failure.hint("names that begin with a dot are taken only by a pattern that writes the dot");
        }
        if text.contains('*') && !text.contains("**") {
            return failure.hint("`*` stays within one folder, `**/` goes through all of them");
        }
        failure
    }
}

#[cfg(test)]
mod tests;
