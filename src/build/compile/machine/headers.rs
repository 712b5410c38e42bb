//! Digests of the headers that C code may be compiled with, by folder, and the owner of a header.

use std::{
    collections::BTreeMap,
    ffi::OsStr,
    fs,
    os::unix::ffi::OsStrExt as _,
    path::{Path, PathBuf},
};

use super::{
    Toolchain,
    c_library::{HeaderKind, is_folder_of_it, kind_of},
};
use crate::{
    build::pinned::PinnedFile,
    oci::Digest,
    report::{ErrorName, Failure},
};

/// Folders in folders; more of them are a circle of links.
const MOST_LEVELS: usize = 32;

/// Digests of the names and contents of headers.
#[derive(Debug, Default)]
pub(super) struct HeaderDigests {
    /// Of the compiler and the C library.
    pub(super) base: Option<Digest>,
    /// Of the kernel, beyond what the C library reads of them.
    pub(super) kernel: Option<Digest>,
    /// Headers that lie elsewhere, to which links in the folders lead. Canonical: gcc calls them so.
    pub(super) elsewhere: BTreeMap<PathBuf, HeaderKind>,
}

/// Whether all libraries of a system put their headers into this folder, so that only the C library's own ones can be
/// taken for granted. Folders of a compiler or of one C library alone are none.
pub(super) fn is_shared(folder: &Path) -> bool {
    let real = fs::canonicalize(folder);
    let folder = real.as_deref().unwrap_or(folder);
    let is_multiarch = folder.parent() == Some(Path::new("/usr/include"))
        && folder.file_name().is_some_and(|name| name.to_string_lossy().contains("-linux-gnu"));
    is_multiarch || ["/usr/include", "/usr/local/include", "/include"].iter().any(|shared| folder == Path::new(shared))
}

/// The owner of a header, by the closest of the folders in `include`; `None` where it is in none of them. Files in these
/// folders may be links to others.
pub(super) fn header_kind(header: &Path, include: &[PathBuf]) -> Option<HeaderKind> {
    let real = include.iter().filter_map(|folder| Some((fs::canonicalize(folder).ok()?, folder)));
    let named = include.iter().map(|folder| (folder.clone(), folder));
    let below = |(at, folder): (PathBuf, &PathBuf)| {
        let below = header.strip_prefix(&at).ok()?.to_path_buf();
        Some((at.as_os_str().len(), kind_of(&below, is_shared(folder))))
    };
    named.chain(real).filter_map(below).max_by_key(|(length, _)| *length).map(|(_, kind)| kind)
}

impl Toolchain<'_> {
    /// The digests of all headers of the compiler, the C library and the kernel in `include`; `is_whole` takes those of
    /// other libraries, too.
    pub(super) fn header_digests(&self, include: &[PathBuf], is_whole: bool) -> Result<HeaderDigests, Failure> {
        let (mut base, mut kernel, mut elsewhere) = (Vec::new(), Vec::new(), BTreeMap::new());
        for folder in include {
            let is_shared = is_shared(folder);
            base.extend_from_slice(b"folder\n");
            let root = fs::canonicalize(folder).map_err(|error| Failure::io("resolve the path", folder, &error))?;
            let (base, kernel, elsewhere) = (&mut base, &mut kernel, &mut elsewhere);
            let mut walk = HeaderWalk { toolchain: self, root: &root, base, kernel, elsewhere, is_shared, is_whole };
            walk.walk_folder(folder, "", MOST_LEVELS)?;
        }
        let digest = |said: &[u8]| (!said.is_empty()).then(|| Digest::of(said));
        Ok(HeaderDigests { base: digest(&base), kernel: digest(&kernel), elsewhere })
    }
}

/// The headers of one folder, and where they are noted.
struct HeaderWalk<'a> {
    toolchain: &'a Toolchain<'a>,
    /// Canonical.
    root: &'a Path,
    base: &'a mut Vec<u8>,
    kernel: &'a mut Vec<u8>,
    elsewhere: &'a mut BTreeMap<PathBuf, HeaderKind>,
    is_shared: bool,
    is_whole: bool,
}

impl HeaderWalk<'_> {
    /// Notes the files of `folder`, whose path in the folder of headers is `above`, and of the folders in it.
    fn walk_folder(&mut self, folder: &Path, above: &str, levels: usize) -> Result<(), Failure> {
        let real = fs::canonicalize(folder).map_err(|error| Failure::io("resolve the path", folder, &error))?;
        let names = super::file_names(&real);
        let bytes: Vec<_> = names.iter().filter(|name| self.list(above, name).is_some()).collect();
        let bytes: Vec<_> = bytes.into_iter().map(|name| OsStr::new(name).as_bytes()).collect();
        let mut pinned = PinnedFile::pin_beside(&real, &bytes, self.toolchain.blobs).into_iter();
        for name in &names {
            let (path, below) = (real.join(name), format!("{above}{name}"));
            let known = self.list(above, name).and_then(|_| pinned.next().flatten());
            let is_link = known.is_none();
            let fingerprint = match known {
                Some(pinned) => pinned.fingerprint(),
                None if path.is_dir() => {
                    if !above.is_empty() || !self.is_shared || self.is_whole || is_folder_of_it(name) {
                        self.walk_below(&path, &below, levels)?;
                    }
                    continue;
                }
                // Another library's; or a link that leads nowhere, which is no header.
                None if self.list(above, name).is_none() || !path.exists() => continue,
                None => self.toolchain.fingerprint(&path)?,
            };
            if let Some(list) = self.list(above, name) {
                let end = if is_link { fs::canonicalize(&path).unwrap_or(path) } else { path };
                if !end.starts_with(self.root) {
                    self.elsewhere.insert(end, list);
                }
                let list = if list == HeaderKind::Kernel { &mut *self.kernel } else { &mut *self.base };
                list.extend_from_slice(format!("{below} {}\n", fingerprint.hex()).as_bytes());
            }
        }
        Ok(())
    }

    fn walk_below(&mut self, path: &Path, below: &str, levels: usize) -> Result<(), Failure> {
        let Some(levels) = levels.checked_sub(1) else {
            return Err(
                Failure::error(ErrorName::FileError, "symbolic links of header folders form a loop").in_path(path)
            );
        };
        self.walk_folder(path, &format!("{below}/"), levels)
    }

    /// In which list a header is noted, if in one.
    fn list(&self, above: &str, name: &str) -> Option<HeaderKind> {
        match kind_of(Path::new(&format!("{above}{name}")), self.is_shared) {
            HeaderKind::Other => self.is_whole.then_some(HeaderKind::Base),
            kind => Some(kind),
        }
    }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use std::os::unix::fs::symlink;

    use super::*;

    #[test]
    fn headers_are_known_by_the_closest_folder() {
        let include = ["/usr/lib/gcc/x86_64-linux-gnu/12/include", "/usr/include/x86_64-linux-gnu", "/usr/include"];
        let include = include.map(PathBuf::from);
        for (header, expected) in [
            ("/usr/lib/gcc/x86_64-linux-gnu/12/include/immintrin.h", Some(HeaderKind::Base)),
            ("/usr/include/stdio.h", Some(HeaderKind::Base)),
            ("/usr/include/linux/bpf.h", Some(HeaderKind::Kernel)),
            ("/usr/include/x86_64-linux-gnu/sys/types.h", Some(HeaderKind::Base)),
            ("/usr/include/zlib.h", Some(HeaderKind::Other)),
            ("/usr/include/x86_64-linux-gnu/openssl/opensslconf.h", Some(HeaderKind::Other)),
            ("/opt/x/include/stdio.h", None),
        ] {
            assert_eq!(header_kind(Path::new(header), &include), expected, "{header}");
        }
        assert!(!is_shared(Path::new("/usr/include/x86_64-linux-musl")));
        assert!(!is_shared(Path::new("/usr/aarch64-linux-gnu/include")));
    }

    #[test]
    fn a_header_that_is_a_link_counts_by_what_it_leads_to() {
        let folder = tempfile::tempdir().unwrap();
        let at = |name: &str| folder.path().join(name);
        fs::create_dir_all(at("include/linux")).unwrap();
        fs::create_dir_all(at("elsewhere")).unwrap();
        fs::write(at("elsewhere/errno.h"), "1").unwrap();
        fs::write(at("include/linux/bpf.h"), "1").unwrap();
        symlink(at("elsewhere"), at("include/asm")).unwrap();
        symlink(at("nowhere"), at("include/lost.h")).unwrap();
        let include = [at("include")];
        let toolchain = Toolchain {
            caller: &BTreeMap::new(),
            passed: &crate::build::passed_variables::PassedVariables::default(),
            offline: true,
            jobs: std::num::NonZeroUsize::MIN,
            program: None,
            cache: None,
            scratch: std::sync::Arc::new(crate::output::ScratchFolder::below(std::env::temp_dir())),
            blobs: None,
            shared: None,
            states: crate::build::compile::StatesOfCall::default(),
            ignored: &[],
            written: std::sync::Arc::default(),
            checkout: folder.path(),
            progress: &crate::report::Silent,
        };
        let digests = || toolchain.header_digests(&include, false).unwrap();
        let before = digests();
        assert_eq!(header_kind(&at("include/asm/errno.h"), &include), Some(HeaderKind::Base));
        let real = fs::canonicalize(at("elsewhere/errno.h")).unwrap();
        assert_eq!(before.elsewhere, BTreeMap::from([(real, HeaderKind::Base)]));
        fs::write(at("elsewhere/errno.h"), "2").unwrap();
        let after = digests();
        assert!(before.base != after.base && before.kernel == after.kernel);
        fs::write(at("include/linux/bpf.h"), "2").unwrap();
        assert!(digests().base == after.base && digests().kernel != after.kernel);
    }
}
