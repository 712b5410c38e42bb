//! Adds the `[[tree]]` entries of a recipe.

use std::{ffi::OsStr, path::Path};

use super::{GroupKind, PlannedNode, PreparedImage, Resolver};
use crate::{
    build::{
        LeftOut,
        pinned::PinnedFile,
        planned_rootfs::FileBody,
        read_ahead::{self, FolderFiles},
        tree::{self, FolderLeaves, TreeLeaf, TreeLeafKind},
    },
    oci::ImagePath,
    recipe::TreeEntry,
    report::{Failure, Origin},
};

impl Resolver<'_> {
    /// The files of a tree, in their order, read unless they were before; `None` for what cannot be read.
    fn pin_ahead(&self, found: &[FolderLeaves]) -> Vec<Option<PinnedFile>> {
        let mut known = Vec::new();
        let mut unknown = Vec::new();
        let pinned = self.pinned.borrow();
        for FolderLeaves { folder, leaves } in found {
            let mut beside = FolderFiles { folder, names: Vec::new() };
            for leaf in leaves.iter().filter(|leaf| matches!(leaf.kind, TreeLeafKind::File { .. })) {
                let name = leaf.to.file_name();
                let file = pinned.find(folder, OsStr::new(name));
                if file.is_none() {
                    beside.names.push(name.as_bytes());
                }
                known.push(file);
            }
            unknown.push(beside);
        }
        drop(pinned);
        let mut read = read_ahead::pin_folders(&unknown, self.settings.jobs, self.settings.blobs.as_ref()).into_iter();
        for file in known.iter_mut().filter(|file| file.is_none()) {
            *file = read.next().flatten();
        }
        self.pinned.borrow_mut().extend(known.iter().flatten().cloned());
        known
    }

    /// Walks a tree and pins its files; records what it leaves out.
    fn walk_tree(
        &self,
        prepared: &mut PreparedImage,
        tree: &TreeEntry,
        root: &Path,
        shown: &str,
    ) -> Result<(Vec<FolderLeaves>, Vec<Option<PinnedFile>>), Failure> {
        let mut walked = tree::walk_tree(tree, root, &self.outputs)?;
        let mut files = self.pin_ahead(&walked.found);
        if self.finds_outputs(&files) {
            // Patterns and links are judged again without what was taken for an input: rare, and the files are pinned.
            walked = tree::walk_tree(tree, root, &self.outputs)?;
            files = self.pin_ahead(&walked.found);
        }
        for (path, what) in walked.left_out {
            let path = Path::new(shown).join(path);
            let path = path.strip_prefix(".").unwrap_or(&path).to_string_lossy().into_owned();
            prepared.left_out.push(LeftOut { path, what, origin: tree.from.origin.clone() });
        }
        Ok((walked.found, files))
    }

    /// Whether files turn out to be outputs of hardpan by their content.
    fn finds_outputs(&self, files: &[Option<PinnedFile>]) -> bool {
        let suspects = files.iter().flatten().filter(|file| file.may_be_output());
        // Examines all of them, so that one more walk is enough.
        suspects.filter(|file| self.outputs.is_new_output(&Path::new(file.folder()).join(file.name()))).count() > 0
    }

    /// Adds the files and links of a tree.
    pub(super) fn add_tree(&self, prepared: &mut PreparedImage, tree: &TreeEntry) -> Result<(), Failure> {
        if self.is_unseen(&tree.from) {
            return Ok(());
        }
        let shown = self.variables.expand(&tree.from, &prepared.platform)?;
        let root = self.bound.resolve(&tree.from, &shown)?;
        let (found, files) = self.walk_tree(prepared, tree, &root, &shown)?;
        let mut files = files.into_iter();
        let mut nodes = Vec::with_capacity(found.iter().map(|beside| beside.leaves.len()).sum());
        for FolderLeaves { folder, leaves } in found {
            for TreeLeaf { to, kind } in leaves {
                let node = match kind {
                    TreeLeafKind::Link { target } => PlannedNode::symlink(target, GroupKind::Files, &tree.to.origin),
                    TreeLeafKind::File { executable } => {
                        let file = files.next().flatten();
                        let body = self.leaf_body(prepared, file, &folder, &to, &tree.from.origin)?;
                        let mode = if executable { 0o555 } else { 0o444 };
                        PlannedNode::file(body, mode, GroupKind::Files, &tree.to.origin)
                    }
                };
                nodes.push((to, node.with_content_origin(&tree.from.origin).with_replace(tree.replace)));
            }
        }
        prepared.rootfs.add_sorted(nodes)
    }

    /// The body of a file of a tree; `read` is the file where it could be read.
    fn leaf_body(
        &self,
        prepared: &mut PreparedImage,
        read: Option<PinnedFile>,
        folder: &Path,
        to: &ImagePath,
        at: &Origin,
    ) -> Result<FileBody, Failure> {
        // The common case needs no name for messages.
        let path = to.as_str();
        let is_plain = |file: &PinnedFile| file.is_free_of_keys(path);
        if let Some(file) = read.clone().filter(is_plain) {
            return Ok(FileBody::Host(file));
        }
        let host = folder.join(to.file_name());
        let name = host.strip_prefix(&self.bound.folder).unwrap_or(&host).to_string_lossy().into_owned();
        match read {
            Some(file) => Self::note_keys(prepared, file, &name, to, at),
            None => self.pin_file(prepared, &host, &name, to, at),
        }
    }
}
