//! The headers that C code of a program is compiled with.

use std::{
    fs,
    os::unix::ffi::OsStrExt as _,
    path::{Path, PathBuf},
};

use super::{Toolchain, c_library};
use crate::{build::pinned::PinnedFile, oci::Digest, report::Failure};

/// Folders in folders; more of them are a circle of links.
const MOST_LEVELS: usize = 32;

/// Whether all libraries of a system put their headers into this folder, so that only the C library's own ones can be
/// taken for granted. Folders of a compiler or of one C library alone are none.
pub(super) fn is_shared(folder: &Path) -> bool {
    let is_multiarch = folder.parent() == Some(Path::new("/usr/include"))
        && folder.file_name().is_some_and(|name| {
            let name = name.to_string_lossy();
            name.contains("-linux-gnu") || name == "i386-linux-gnu"
        });
    is_multiarch || ["/usr/include", "/usr/local/include", "/include"].iter().any(|shared| folder == Path::new(shared))
}

/// The folder among `include` that says whether a header is the C library's, and whether it is. A header in none of them
/// is not. `is_whole` takes all headers of shared folders.
pub(super) fn is_known(header: &Path, include: &[PathBuf], is_whole: bool) -> bool {
    let folders = include.iter().filter_map(|folder| Some((folder, header.strip_prefix(folder).ok()?)));
    let closest = folders.max_by_key(|(folder, _)| folder.as_os_str().len());
    closest.is_some_and(|(folder, below)| is_whole || !is_shared(folder) || c_library::has(below))
}

impl Toolchain<'_> {
    /// A digest of the names and contents of all headers of the compiler and the C library in `include`; `is_whole` takes
    /// those of other libraries, too.
    pub(super) fn headers_digest(&self, include: &[PathBuf], is_whole: bool) -> Result<Digest, Failure> {
        let mut said = Vec::new();
        for folder in include {
            said.extend_from_slice(b"folder\n");
            let takes: &dyn Fn(&str) -> bool =
                if is_shared(folder) && !is_whole { &c_library::may_have } else { &|_| true };
            self.add_headers(folder, "", takes, MOST_LEVELS, &mut said)?;
        }
        Ok(Digest::of(&said))
    }

    /// Adds a line for each file of `folder` that `takes` takes, and of the folders in it.
    fn add_headers(
        &self,
        folder: &Path,
        above: &str,
        takes: &dyn Fn(&str) -> bool,
        levels: usize,
        said: &mut Vec<u8>,
    ) -> Result<(), Failure> {
        let real = fs::canonicalize(folder).map_err(|error| Failure::io("find it", folder, &error))?;
        let names = super::names(&real, takes);
        let bytes: Vec<_> = names.iter().map(|name| std::ffi::OsStr::new(name).as_bytes()).collect();
        let pinned = PinnedFile::pin_beside(&real, &bytes, self.blobs);
        for (name, pinned) in names.iter().zip(pinned) {
            let path = real.join(name);
            let fingerprint = match pinned {
                Some(pinned) => pinned.fingerprint(),
                None if path.is_dir() => {
                    let Some(levels) = levels.checked_sub(1) else {
                        return Err(Failure::new("folders of headers lead into each other").in_path(&path));
                    };
                    self.add_headers(&path, &format!("{above}{name}/"), &|_| true, levels, said)?;
                    continue;
                }
                // A link that leads nowhere is no header.
                None if !path.exists() => continue,
                None => self.fingerprint(&path)?,
            };
            said.extend_from_slice(format!("{above}{name} {}\n", fingerprint.hex()).as_bytes());
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn headers_are_known_by_the_closest_folder() {
        let include = ["/usr/lib/gcc/x86_64-linux-gnu/12/include", "/usr/include/x86_64-linux-gnu", "/usr/include"];
        let include = include.map(PathBuf::from);
        for (header, expected) in [
            ("/usr/lib/gcc/x86_64-linux-gnu/12/include/immintrin.h", true),
            ("/usr/include/stdio.h", true),
            ("/usr/include/x86_64-linux-gnu/sys/types.h", true),
            ("/usr/include/zlib.h", false),
            ("/usr/include/x86_64-linux-gnu/openssl/opensslconf.h", false),
            ("/opt/x/include/stdio.h", false),
        ] {
            assert_eq!(is_known(Path::new(header), &include, false), expected, "{header}");
        }
        assert!(is_known(Path::new("/usr/include/zlib.h"), &include, true));
        assert!(!is_known(Path::new("/opt/x/include/stdio.h"), &include, true));
        assert!(!is_shared(Path::new("/usr/include/x86_64-linux-musl")));
        assert!(!is_shared(Path::new("/usr/aarch64-linux-gnu/include")));
    }
}
