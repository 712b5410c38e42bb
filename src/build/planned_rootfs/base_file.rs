//! [`BaseFile`]: a file of the base, as far as its layer's scan kept its content.

use std::sync::Arc;

use crate::{
    elf::{Elf, NotElf},
    rootfs::{FileContent, LayerScan},
};

/// A file of a base, and what was seen of it.
#[derive(Debug)]
pub(in crate::build) struct BaseFile {
    pub(super) size: u64,
    /// The scan of its layer, and its entry there, where its content is kept.
    pub(super) content: Option<(Arc<LayerScan>, usize)>,
}

impl BaseFile {
    /// Bytes.
    pub(super) fn size(&self) -> u64 {
        self.size
    }

    /// Its ELF headers.
    pub(super) fn elf(&self) -> Result<Elf, NotElf> {
        match self.seen() {
            Some(FileContent::Elf(file)) => file.headers.clone(),
            Some(FileContent::Script(line)) => Err(NotElf::Script(line.clone())),
            None if self.size == 0 => Err(NotElf::Empty),
            Some(FileContent::Kept { .. } | FileContent::Data(_)) | None => Err(NotElf::Other),
        }
    }

    /// The whole of it, where it is a small file that a build reads: accounts, certificates, the settings of the loader.
    pub(super) fn text(&self) -> Option<Vec<u8>> {
        match self.seen() {
            Some(FileContent::Kept { text, .. }) if text.len() as u64 == self.size => Some(text.clone()),
            None if self.size == 0 => Some(Vec::new()),
            _ => None,
        }
    }

    fn seen(&self) -> Option<&FileContent> {
        let (scan, entry) = self.content.as_ref()?;
        scan.contents.get(entry)
    }
}
