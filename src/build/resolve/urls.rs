//! Files that come from elsewhere.

use super::{Body, PinnedFile, Prepared, Resolver};
use crate::{
    oci::{Digest, ImagePath},
    recipe::Located,
    report::Failure,
};

impl Resolver<'_> {
    /// Fetches a file, unless it is here, and pins it as any other of this machine.
    pub(super) fn fetch(
        &self,
        prepared: &mut Prepared,
        url: &Located<String>,
        sha256: &Located<Digest>,
        to: &ImagePath,
    ) -> Result<Body, Failure> {
        let locked = self.lock.and_then(|lock| lock.urls.get(&url.value));
        let size = locked.filter(|locked| locked.sha256 == sha256.value).map(|locked| locked.size);
        let found = self.downloads.get(url, sha256, size)?;
        let known = self.pinned.borrow().get(found.path.as_os_str()).cloned();
        let (file, scan) = match known {
            Some(known) => known,
            None => {
                PinnedFile::pin_kept(&found.path, &url.value, found.kept).map_err(|failure| failure.at(&url.origin))?
            }
        };
        self.pinned.borrow_mut().insert(file.path(), (file.clone(), scan));
        Ok(Self::taken(prepared, file, scan, &url.value, to, &url.origin))
    }
}
