//! [`PlannedNode`]: one path of an image that is planned.

use std::{
    io::{Cursor, Read as _},
    sync::Arc,
};

use super::base_file::BaseFile;
use crate::{
    build::{pinned::PinnedFile, plan::GroupKind},
    cache::Fingerprint,
    elf::{self, Elf, NotElf},
    oci::Open,
    report::{Limits, Origin},
    rootfs::{RootfsNode, WalkStep},
};

/// One path of the image.
#[derive(Debug, Clone)]
pub(in crate::build) struct PlannedNode {
    pub(in crate::build) kind: NodeKind,
    pub(in crate::build) mode: u32,
    pub(in crate::build) uid: u32,
    pub(in crate::build) gid: u32,
    pub(in crate::build) group: GroupKind,
    /// Whether it may replace a path of the base.
    pub(in crate::build) replace: bool,
    /// The `to` of its entry.
    pub(in crate::build) origin: Origin,
    /// The key that gave the content: `from`, `path`, `text`, `target`, a package. Faults of the content point there.
    pub(in crate::build) content: Origin,
}

/// What is at a path.
#[derive(Debug, Clone)]
pub(in crate::build) enum NodeKind {
    Directory,
    File(FileBody),
    Symlink(Box<str>),
    /// A device or a FIFO of the base.
    Special,
}

/// The content of a file.
#[derive(Debug, Clone)]
pub(in crate::build) enum FileBody {
    Host(PinnedFile),
    Memory(Arc<Vec<u8>>),
    /// A file of the base: its headers or text, where a build reads them.
    Base(Arc<BaseFile>),
}

impl RootfsNode for PlannedNode {
    fn step(&self) -> WalkStep<'_> {
        match &self.kind {
            NodeKind::Directory => WalkStep::Enter,
            NodeKind::Symlink(target) => WalkStep::Follow(target),
            NodeKind::File(_) | NodeKind::Special => WalkStep::End,
        }
    }
}

impl PlannedNode {
    /// A file that root owns, with this mode.
    pub(in crate::build) fn file(body: FileBody, mode: u32, group: GroupKind, origin: &Origin) -> Self {
        Self::new(NodeKind::File(body), mode, group, origin)
    }

    /// A directory that root owns, 0755.
    pub(in crate::build) fn directory(group: GroupKind, origin: &Origin) -> Self {
        Self::new(NodeKind::Directory, 0o755, group, origin)
    }

    /// A link.
    pub(in crate::build) fn symlink(target: Box<str>, group: GroupKind, origin: &Origin) -> Self {
        Self::new(NodeKind::Symlink(target), 0o777, group, origin)
    }

    /// Sets the line of the recipe that faults of the content point to.
    pub(in crate::build) fn with_content_origin(self, content: &Origin) -> Self {
        Self { content: content.clone(), ..self }
    }

    /// Sets whether it may replace a path of the base.
    pub(in crate::build) fn with_replace(self, replace: bool) -> Self {
        Self { replace, ..self }
    }

    /// Where it comes from, as the end of a sentence about the place `from`. The defaults of `[system]` have no line.
    pub(super) fn describe_origin(&self, from: &Origin) -> String {
        match self.group {
            GroupKind::Base => "in the base".to_owned(),
            GroupKind::System => "in `[system]`".to_owned(),
            GroupKind::Files | GroupKind::Binaries => format!("on {}", self.origin.line_seen_from(from)),
        }
    }

    /// A node that root owns.
    pub(super) fn new(kind: NodeKind, mode: u32, group: GroupKind, origin: &Origin) -> Self {
        Self { kind, mode, uid: 0, gid: 0, group, replace: false, origin: origin.clone(), content: origin.clone() }
    }
}

impl FileBody {
    /// Bytes.
    pub(super) fn size(&self) -> u64 {
        match self {
            Self::Host(file) => file.size(),
            Self::Memory(bytes) => bytes.len() as u64,
            Self::Base(file) => file.size(),
        }
    }

    /// The fingerprint and the bytes; `None` for a file of the base, which no layer of ours holds.
    pub(super) fn content(&self) -> Option<(Fingerprint, Arc<dyn Open>)> {
        match self {
            Self::Host(file) => Some((file.fingerprint(), file.content())),
            Self::Memory(bytes) => Some((Fingerprint::of(bytes), Arc::clone(bytes) as Arc<dyn Open>)),
            Self::Base(_) => None,
        }
    }

    /// Its ELF headers.
    pub(in crate::build) fn elf(&self) -> std::io::Result<Result<Elf, NotElf>> {
        match self {
            Self::Host(file) => file.elf(),
            Self::Memory(bytes) => Ok(elf::read(Cursor::new(bytes.as_slice()))),
            Self::Base(file) => Ok(file.elf()),
        }
    }

    /// The whole text of a small file, such as passwd; `None` where it is too large or was not kept.
    pub(in crate::build) fn read_small(&self) -> Option<Vec<u8>> {
        match self {
            Self::Base(file) => file.text(),
            other => {
                let (mut bytes, limit) = (Vec::new(), Limits::AUDIT_KEPT_BYTES as u64);
                let (_, content) = other.content()?;
                content.open().ok()?.take(limit + 1).read_to_end(&mut bytes).ok()?;
                (bytes.len() as u64 <= limit).then_some(bytes)
            }
        }
    }
}
