//! [`SealedFile`]: a file that hardpan keeps beside what a compiler made, sealed with its place in the cache.

use std::{
    io::{self, Read as _, Write as _},
    path::{Path, PathBuf},
};

use super::{
    SealKey,
    regular_file::{open_regular, read_regular},
    seal_key::SEAL_BYTES,
};
use crate::report::{AtomicFile, FileAccess, folder_of};

/// Begins every such file.
const MAGIC: &[u8] = b"hardpan sealed 1\n";
/// What a seal says that the file is.
const KIND: &str = "file";

/// A file of the cache whose content is believed only under the seal of this user, at its own place.
#[derive(Debug, Clone)]
pub struct SealedFile {
    path: PathBuf,
    /// Below the folder of the cache.
    place: Vec<u8>,
}

impl SealedFile {
    /// The file at `place` below the cache in `root`.
    pub fn new(root: &Path, place: &Path) -> Self {
        Self { path: root.join(place), place: place.as_os_str().as_encoded_bytes().to_vec() }
    }

    /// The content; none where the file is missing, is larger than `limit`, or has no seal by `key`.
    pub fn read(&self, key: &SealKey, limit: u64) -> Option<Vec<u8>> {
        let mut bytes = read_regular(&self.path, limit).ok()?;
        let (seal, content) = bytes.strip_prefix(MAGIC)?.split_at_checked(SEAL_BYTES)?;
        let start = bytes.len() - content.len();
        key.is_sealed(seal, KIND, &self.place, &[content]).then(|| bytes.split_off(start))
    }

    /// Writes it: what was there stays until all of the new content is.
    ///
    /// # Errors
    /// The file cannot be written.
    pub fn write(&self, key: &SealKey, content: &[u8]) -> io::Result<()> {
        let Some(seal) = key.seal(KIND, &self.place, &[content]) else { return Ok(()) };
        let mut file = AtomicFile::create(folder_of(&self.path), ".new-", FileAccess::Umask)?;
        for part in [MAGIC, seal.bytes(), content] {
            file.write_all(part)?;
        }
        file.replace(&self.path).map(drop)
    }

    /// Whether it begins as such a file does.
    pub(super) fn is_one(&self) -> bool {
        let mut start = [0; MAGIC.len()];
        open_regular(&self.path).and_then(|mut file| file.read_exact(&mut start)).is_ok_and(|()| start == *MAGIC)
    }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]

    use std::fs;

    use super::*;

    #[test]
    fn a_file_is_believed_at_its_own_place_under_its_own_seal() {
        let folder = tempfile::tempdir().unwrap();
        let file = |place: &str| SealedFile::new(folder.path(), Path::new(place));
        let (key, other) = (SealKey::of_tests(1), SealKey::of_tests(2));
        fs::create_dir(folder.path().join("go")).unwrap();
        file("go/known").write(&key, b"content").unwrap();
        assert_eq!(file("go/known").read(&key, 100).as_deref(), Some(&b"content"[..]));
        assert!(file("go/known").read(&other, 100).is_none() && file("go/known").read(&key, 50).is_none());
        fs::copy(folder.path().join("go/known"), folder.path().join("go/moved")).unwrap();
        assert!(file("go/moved").is_one() && file("go/moved").read(&key, 100).is_none());
        let sound = fs::read(folder.path().join("go/known")).unwrap();
        for at in 0..sound.len() {
            let mut damaged = sound.clone();
            damaged[at] ^= 1;
            fs::write(folder.path().join("go/known"), damaged).unwrap();
            assert!(file("go/known").read(&key, 100).is_none(), "byte {at}");
        }
    }
}
