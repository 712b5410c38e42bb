//! The owner and the mode of a folder: a cache of another user, and a world-writable one, is not used.

use std::{io, os::unix::fs::MetadataExt as _, path::Path};

use rustix::process::geteuid;

/// The mode bit that makes a folder world-writable.
const WORLD_WRITABLE: u32 = 0o002;
/// What is in it can be removed and renamed by its owner alone.
const STICKY: u32 = 0o1000;

/// Why the folder is not used, as part of a sentence; none where it is this user's or the superuser's, and others cannot
/// replace what is in it. Groups may write: those who share a cache.
///
/// # Errors
/// It is not there, or cannot be looked at.
pub fn distrust(folder: &Path) -> io::Result<Option<String>> {
    let meta = folder.metadata()?;
    let (owner, mode) = (meta.uid(), meta.mode());
    if owner != geteuid().as_raw() && owner != 0 {
        return Ok(Some(format!("it belongs to the user {owner}")));
    }
    let is_open = mode & WORLD_WRITABLE != 0 && mode & STICKY == 0;
    Ok(is_open.then(|| format!("everybody can write to it (mode {:04o})", mode & 0o7777)))
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]

    use std::{fs, os::unix::fs::PermissionsExt as _};

    use super::*;

    #[test]
    fn a_folder_that_everybody_can_write_to_is_nobodys() {
        let folder = tempfile::tempdir().unwrap();
        for (mode, is_used) in
            [(0o700, true), (0o755, true), (0o770, true), (0o1777, true), (0o777, false), (0o702, false)]
        {
            fs::set_permissions(folder.path(), fs::Permissions::from_mode(mode)).unwrap();
            assert_eq!(distrust(folder.path()).unwrap().is_none(), is_used, "{mode:o}");
        }
        assert!(distrust(&folder.path().join("nothing")).is_err());
    }
}
