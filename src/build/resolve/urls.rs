//! Adds the files that a recipe names by `url`.

use super::{PreparedImage, Resolver};
use crate::{
    build::{pinned::PinnedFile, planned_rootfs::FileBody},
    oci::{Digest, ImagePath},
    recipe::{Located, LockFile, Pin},
    report::{Failure, printable},
};

impl Resolver<'_> {
    /// Fetches a file, unless it is here, and pins it as any other of this machine.
    pub(super) fn fetch_file(
        &self,
        prepared: &mut PreparedImage,
        url: &Located<String>,
        sha256: &Located<Digest>,
        to: &ImagePath,
    ) -> Result<FileBody, Failure> {
        let found = self.downloads.get(url, sha256)?;
        self.lock.map_or(Ok(()), |lock| check_size(lock, url, sha256.value, found.size))?;
        let known = self.pinned.borrow().get(&found.path);
        let pin =
            || PinnedFile::pin_kept(&found.path, &url.value, found.kept).map_err(|failure| failure.at(&url.origin));
        let file = known.map_or_else(pin, Ok)?;
        self.pinned.borrow_mut().extend([file.clone()]);
        Self::note_keys(prepared, file, &url.value, to, &url.origin)
    }
}

/// Compares the size of a download with the lock.
fn check_size(lock: &LockFile, url: &Located<String>, sha256: Digest, size: u64) -> Result<(), Failure> {
    let locked = lock.lock.urls.get(&url.value).filter(|locked| locked.sha256 == sha256);
    let Some(locked) = locked.filter(|locked| locked.size != size) else { return Ok(()) };
    let pin = Pin::Url(url.value.clone());
    let failure = Failure::answer(format!("{pin} has {size} bytes, not {}", locked.size)).at(&lock.place(&pin, "size"));
    Err(failure.hint(format!("`hardpan lock --update {}` pins it anew", printable(pin.printable_name()))))
}
