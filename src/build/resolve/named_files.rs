//! Pins the files that a recipe names one by one, with several threads, before the resolver adds them.

use std::{
    collections::BTreeSet,
    path::{Path, PathBuf},
};

use super::{Resolver, is_for_platform};
use crate::{
    build::read_ahead::pin_large,
    oci::Platform,
    recipe::{BinarySource, FileSource, Located},
};

impl Resolver<'_> {
    /// Pins the files and prebuilt programs of the recipe. A failure is left to the step that adds the file: it knows the
    /// line of the recipe.
    pub(super) fn pin_named_files(&self, platform: &Platform) {
        let files = self.recipe.files.iter().filter(|file| is_for_platform(file.platforms.as_ref(), platform));
        let files = files.filter_map(|file| if let FileSource::From(from) = &file.source { Some(from) } else { None });
        let programs = self.binaries(platform).into_iter();
        let programs =
            programs.filter_map(|one| if let BinarySource::Path(path) = &one.source { Some(path) } else { None });
        let named: Vec<_> = files.chain(programs).collect();
        if let [] | [_] = named[..] {
            return;
        }
        let host =
            |text: &&Located<String>| self.bound.resolve(text, &self.variables.expand(text, platform).ok()?).ok();
        let hosts: BTreeSet<PathBuf> = named.iter().filter_map(host).collect();
        let mut pinned = self.pinned.borrow_mut();
        let unread: Vec<&Path> = hosts.iter().map(PathBuf::as_path).filter(|host| pinned.get(host).is_none()).collect();
        pinned.extend(pin_large(&unread, self.settings.jobs, self.settings.blobs.as_ref()));
    }
}
