//! [`LayerEntry`]: what a layer is made of.

use std::sync::Arc;

use crate::oci::{ImagePath, Open};

/// One entry of a layer. Times, names of owners, extended attributes and device numbers do not exist here: no
/// entry has any.
#[derive(Debug, Clone)]
pub struct LayerEntry {
    /// Where; never the root.
    pub path: ImagePath,
    /// Permission bits, at most `0o7777`. Ignored for symlinks, which are written as `0o777`.
    pub mode: u32,
    /// Owner.
    pub uid: u32,
    /// Group.
    pub gid: u32,
    /// The kind of entry.
    pub kind: EntryKind,
}

/// The kinds of entries that hardpan writes. Hard links, devices and FIFOs do not exist here.
#[derive(Debug, Clone)]
pub enum EntryKind {
    /// A directory.
    Directory,
    /// A regular file of exactly `size` bytes.
    File {
        /// Bytes; a `content` that gives more or fewer is an error.
        size: u64,
        /// Where the bytes come from.
        content: Arc<dyn Open>,
    },
    /// A symbolic link with this target, as it is.
    Symlink {
        /// Any bytes but NUL; not empty.
        target: Vec<u8>,
    },
}

impl EntryKind {
    /// Bytes of a file's content; 0 for everything else.
    pub const fn size(&self) -> u64 {
        match self {
            Self::File { size, .. } => *size,
            Self::Directory | Self::Symlink { .. } => 0,
        }
    }
}
