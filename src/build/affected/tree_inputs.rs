//! Judges a `[[tree]]`: which changes of its folder its patterns take.

use std::{ffi::OsStr, os::unix::ffi::OsStrExt as _, path::Path};

use super::{
    change_index::{ChangeIndex, MOST_ENTRIES},
    reason::{ReasonKind, ReasonList},
};
use crate::{
    build::{compile::ChangeKind, glob_pattern::GlobPattern},
    recipe::TreeEntry,
};

/// The patterns of a tree.
struct TreeGlobs {
    include: Vec<GlobPattern>,
    exclude: Vec<GlobPattern>,
}

impl TreeGlobs {
    /// None where a pattern is no pattern.
    fn parse(tree: &TreeEntry) -> Option<Self> {
        let include = tree.include.iter().map(|text| GlobPattern::parse(&text.value, false));
        let exclude = tree.exclude.iter().map(|text| GlobPattern::parse(&text.value, true));
        Some(Self {
            include: include.collect::<Result<_, _>>().ok()?,
            exclude: exclude.collect::<Result<_, _>>().ok()?,
        })
    }

    /// Whether a file at these names below the folder is taken. What is excluded takes all that is in it along.
    fn take(&self, names: &[&[u8]]) -> bool {
        self.include.iter().any(|pattern| pattern.matches(names)) && !self.exclude(names)
    }

    fn exclude(&self, names: &[&[u8]]) -> bool {
        (1..=names.len()).any(|length| {
            let above = names.get(..length).unwrap_or_default();
            self.exclude.iter().any(|pattern| pattern.matches(above))
        })
    }

    /// Whether a pattern names the path, so that it is taken even where it is an output of hardpan.
    fn name(&self, names: &[&[u8]]) -> bool {
        (1..=names.len()).any(|length| {
            let above = names.get(..length).unwrap_or_default();
            self.include.iter().any(|pattern| pattern.begins_with(above))
        })
    }
}

/// Judges the tree whose folder is at `path`.
pub(super) fn check_tree(index: &ChangeIndex, tree: &TreeEntry, path: &Path, input: &str, list: &mut ReasonList) {
    let trail = index.follow(path, input, list);
    let root = trail.end.as_path();
    if !trail.exists {
        index.check_path(root, input, list);
        return;
    }
    let Some(globs) = TreeGlobs::parse(tree) else {
        list.add(None, ReasonKind::Unknown, format!("a pattern of {input} is invalid"));
        return;
    };
    if let Some(text) = tree.include.iter().find(|text| text.value.split('/').any(|name| name == ".git")) {
        list.add(None, ReasonKind::Unknown, format!("`{}` takes the state of git: {input}", text.value));
    }
    let below = |path: &Path| {
        path.strip_prefix(root).map(|below| below.iter().map(OsStr::as_bytes).map(<[u8]>::to_vec).collect::<Vec<_>>())
    };
    let takes = |path: &Path| {
        let names = below(path).unwrap_or_default();
        let names: Vec<&[u8]> = names.iter().map(Vec::as_slice).collect();
        globs.take(&names) && (globs.name(&names) || !index.is_own(path))
    };
    for (path, kind) in index.below(root) {
        let names = below(path).unwrap_or_default();
        let names: Vec<&[u8]> = names.iter().map(Vec::as_slice).collect();
        // A folder stands for what is in it: a submodule, or one whose attributes changed.
        let is_folder = path.is_dir() || matches!(kind, ChangeKind::Submodule | ChangeKind::Attributes);
        let is_taken = if is_folder { !globs.exclude(&names) } else { globs.take(&names) };
        if is_taken && (globs.name(&names) || !index.is_passed_over(path, kind)) {
            list.add(Some(index.shown(path)), kind.into(), input);
        }
    }
    for ignored in index.ignored_in(root) {
        if root.starts_with(ignored) {
            list.add(Some(index.shown(ignored)), ReasonKind::Ignored, input);
            continue;
        }
        let mut left = MOST_ENTRIES;
        if let Some(found) = index.find_file(ignored, &mut |path| takes(path), &mut left) {
            list.add(Some(index.shown(&found)), ReasonKind::Ignored, input);
        }
    }
}
