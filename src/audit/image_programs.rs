//! [`ImageView`] as the search for programs and libraries reads it.

use std::borrow::Cow;

use super::{image_view::ImageView, rule_file::RuleFile};
use crate::{
    elf::{Elf, NotElf},
    rootfs::{
        EntryIndex, TarEntryKind,
        programs::{NotRead, ProgramFiles},
    },
};

impl ProgramFiles for ImageView<'_> {
    type File = EntryIndex;

    fn file(&self, path: &str) -> Option<EntryIndex> {
        self.find(path).ok().filter(|(_, _, entry)| entry.kind == TarEntryKind::File).map(|(_, node, _)| node.inode)
    }

    fn headers(&self, file: &EntryIndex) -> Result<Cow<'_, Elf>, NotRead> {
        match self.elf(*file).map(|file| &file.headers) {
            Some(Ok(elf)) => Ok(Cow::Borrowed(elf)),
            Some(Err(NotElf::TooFar)) => Err(NotRead::TooLarge),
            _ => Err(NotRead::NotElf),
        }
    }

    fn is_executable(&self, file: &EntryIndex) -> bool {
        self.entry(*file).is_some_and(|entry| entry.mode & 0o111 != 0)
    }

    fn text(&self, path: &str) -> Result<Option<Cow<'_, [u8]>>, NotRead> {
        match self.rule_file(path) {
            RuleFile::Nothing => Ok(None),
            RuleFile::Unread(_) => Err(NotRead::TooLarge),
            RuleFile::Kept(file) => {
                let is_whole = self.entry(file.node.inode).is_some_and(|entry| entry.size == file.text.len() as u64);
                if is_whole { Ok(Some(Cow::Borrowed(file.text))) } else { Err(NotRead::TooLarge) }
            }
        }
    }

    fn variable(&self, name: &str) -> Option<Cow<'_, str>> {
        self.env().into_iter().find(|(known, _)| *known == name).map(|(_, value)| Cow::Borrowed(value))
    }
}
