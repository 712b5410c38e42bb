//! Adds the `[[file]]` and `[[dir]]` entries of a recipe, and pins the files of this machine that entries name.

use std::{path::Path, sync::Arc};

use super::{PreparedImage, Resolver, is_for_platform, unseen_inputs::unseen_body};
use crate::{
    build::{
        pinned::PinnedFile,
        plan::GroupKind,
        planned_rootfs::{FileBody, PlannedNode},
        private_keys::ShippedKeys,
    },
    oci::ImagePath,
    recipe::{FileEntry, FileSource},
    report::{Failure, Origin, printable},
};

impl Resolver<'_> {
    /// Pins a host file, once, and remembers private keys in it.
    pub(super) fn pin_file(
        &self,
        prepared: &mut PreparedImage,
        host: &Path,
        name: &str,
        to: &ImagePath,
        at: &Origin,
    ) -> Result<FileBody, Failure> {
        let known = self.pinned.borrow().get(host);
        let pin = || PinnedFile::pin(host, name, self.settings.blobs.as_ref()).map_err(|failure| failure.at(at));
        let file = known.map_or_else(pin, Ok)?;
        self.pinned.borrow_mut().extend([file.clone()]);
        Self::note_keys(prepared, file, name, to, at)
    }

    /// The body of a pinned file; private keys in it are remembered.
    pub(super) fn note_keys(
        prepared: &mut PreparedImage,
        file: PinnedFile,
        name: &str,
        to: &ImagePath,
        at: &Origin,
    ) -> Result<FileBody, Failure> {
        let keys = ShippedKeys::in_file(&file, name, to, at);
        prepared.keys.extend(keys.map_err(|error| Failure::io("read", printable(name).as_ref(), &error).at(at))?);
        Ok(FileBody::Host(file))
    }

    /// Adds a `[[file]]`.
    pub(super) fn add_file(&self, prepared: &mut PreparedImage, file: &FileEntry) -> Result<(), Failure> {
        let to = &file.to.value;
        let (body, content) = match &file.source {
            FileSource::From(from) if self.is_unseen(from) => (unseen_body(), &from.origin),
            FileSource::From(from) => {
                let shown = self.variables.expand(from, &prepared.platform)?;
                let host = self.bound.resolve(from, &shown)?;
                let body = self.pin_file(prepared, &host, &shown, to, &from.origin);
                (body.map_err(|failure| folder_hint(failure, &host))?, &from.origin)
            }
            FileSource::Text(text) => {
                prepared.keys.extend(ShippedKeys::in_text(&text.value, to, &text.origin));
                (FileBody::Memory(Arc::new(text.value.clone().into_bytes())), &text.origin)
            }
            FileSource::Url { url, .. } if self.is_unseen_download(url)? => (unseen_body(), &url.origin),
            FileSource::Url { url, sha256 } => (self.fetch_file(prepared, url, sha256, to)?, &url.origin),
        };
        let node = PlannedNode::file(body, file.mode, GroupKind::Files, &file.to.origin).with_content_origin(content);
        let node = node.with_replace(file.replace);
        prepared.rootfs.add(to.clone(), node)
    }

    /// Adds the `[[dir]]` entries.
    pub(super) fn add_dirs(&self, prepared: &mut PreparedImage) -> Result<(), Failure> {
        let user = self.recipe.run.user;
        for dir in self.recipe.dirs.iter().filter(|dir| is_for_platform(dir.platforms.as_ref(), &prepared.platform)) {
            let plain = PlannedNode::directory(GroupKind::Files, &dir.to.origin).with_replace(dir.replace);
            let node =
                if dir.writable { PlannedNode { mode: 0o700, uid: user.uid, gid: user.gid, ..plain } } else { plain };
            prepared.rootfs.add(dir.to.value.clone(), node)?;
            if dir.volume {
                prepared.config.volumes.insert(dir.to.value.as_str().to_owned());
            }
        }
        Ok(())
    }
}

/// Adds the hint for a `[[file]]` that names a folder.
fn folder_hint(failure: Failure, host: &Path) -> Failure {
    if host.is_dir() { failure.hint("`[[tree]]` takes folders, by patterns") } else { failure }
}
