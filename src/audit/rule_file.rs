//! [`RuleFile`]: what a layer scan kept of a file that rules read.

use crate::rootfs::{EntryIndex, NodeEntries};

/// The file at a path that rules read.
#[derive(Debug, Clone, Copy, Default)]
pub(super) enum RuleFile<'a> {
    /// It was kept.
    Kept(KeptFile<'a>),
    /// A file that is not empty and was not kept: a symbolic link leads to it, and its content does not identify it.
    Unread(EntryIndex),
    #[default]
    Nothing,
}

/// A file that was kept whole.
#[derive(Debug, Clone, Copy)]
pub(super) struct KeptFile<'a> {
    pub(super) text: &'a [u8],
    pub(super) longest: usize,
    pub(super) node: NodeEntries,
}
