//! Small blobs (manifests, configs) that are looked up by digest without a known size.

use std::{
    fs,
    io::{Read as _, Write as _},
};

use super::{Cache, regular_file::open_regular};
use crate::oci::Digest;

impl Cache {
    /// The content of the entry with this digest, if it has at most `limit` bytes: for a pinned manifest, whose size is not
    /// known. `None` if it is missing or damaged.
    pub fn document(&self, digest: Digest, limit: u64) -> Option<Vec<u8>> {
        let size = fs::symlink_metadata(self.blob_path(digest)).ok()?.len();
        if size > limit {
            return None;
        }
        let blob = self.blob(digest, size)?;
        let mut bytes = Vec::new();
        open_regular(&blob.path).ok()?.take(limit).read_to_end(&mut bytes).ok()?;
        (Digest::of(&bytes) == digest).then_some(bytes)
    }

    /// Stores a small blob, unless it is there. A cache that cannot be written is not an error.
    pub fn keep(&self, bytes: &[u8]) {
        let (digest, size) = (Digest::of(bytes), bytes.len() as u64);
        if self.blob(digest, size).is_some() {
            return;
        }
        if let Ok(mut draft) = self.draft()
            && draft.write_all(bytes).is_ok()
        {
            let _ = draft.seal(digest, size);
        }
    }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]

    use super::*;

    #[test]
    fn a_document_is_found_by_its_digest_alone_and_only_whole() {
        let folder = tempfile::tempdir().unwrap();
        let cache = Cache::new(folder.path());
        let digest = Digest::of(b"{}");
        assert_eq!(cache.document(digest, 9), None);
        cache.keep(b"{}");
        cache.keep(b"{}");
        assert_eq!(cache.document(digest, 2).as_deref(), Some(&b"{}"[..]));
        assert_eq!(cache.document(digest, 1), None);
        fs::write(cache.blobs().join(digest.hex()), b"[]").unwrap();
        assert_eq!(cache.document(digest, 9), None);
    }
}
