//! The paths under which a compile sees the checkout, the target directory and the cargo home, and the prefix maps that
//! keep this machine's paths out of programs.

use std::{
    fs,
    path::{Path, PathBuf},
};

use super::super::{
    enclosure::{BindMount, Enclosure},
    host_paths::HostFolder,
};
use crate::report::{ErrorName, Failure};

/// The checkout, as programs know it.
const SOURCE: &str = "/build/source";
/// Where crates of registries are, as programs know it: the folder's own name says which mirror they came from.
const REGISTRY: &str = "/build/registry";

/// Where dependencies from git are, as programs know it. Cargo names their folders by the address that they were fetched
/// from, which a mirror changes, and by as many digits of the commit as that repository needs.
const GIT: &str = "/build/git";
/// As many digits of a commit as Go's pseudo-versions have.
const COMMIT_DIGITS: usize = 12;

/// The name of cargo for the folder of crates.io.
const CRATES_IO: &str = "index.crates.io-1949cf8c6b5b557f";

/// Folders of this machine and their names in programs.
///
/// Where the kernel allows namespaces, the compile really runs at these paths ([`Enclosure`]). Elsewhere it runs in place,
/// and compilers replace the beginnings of paths; a string such as `env!("CARGO_MANIFEST_DIR")` then keeps the host's path.
#[derive(Debug)]
pub(super) struct CompilePaths {
    enclosure: Option<Enclosure>,
    /// In place: what ends all that the compile started when hardpan ends.
    watch: Option<Enclosure>,
    folders: Vec<BindMount>,
    cargo_home: PathBuf,
}

/// The host folders of one compile.
pub(super) struct HostFolders<'a> {
    pub(super) checkout: &'a Path,
    pub(super) target_dir: &'a Path,
    pub(super) cargo_home: &'a Path,
    pub(super) home: &'a Path,
    pub(super) temporary: &'a Path,
}

impl CompilePaths {
    /// The fixed paths, where namespaces are to be had and `enclose` asks for them; else those of the host, with the
    /// reason. `program` is hardpan's executable.
    pub(super) fn choose(program: Option<&Path>, folders: &HostFolders<'_>, enclose: bool) -> (Self, Option<String>) {
        let mounts: Vec<_> = [
            (folders.checkout, SOURCE),
            (folders.target_dir, "/build/target"),
            (folders.cargo_home, "/build/cargo"),
            (folders.home, "/build/home"),
            (folders.temporary, "/build/tmp"),
        ]
        .map(|(host, inside)| BindMount { host: host.to_path_buf(), inside: inside.into() })
        .into();
        let cargo_home = folders.cargo_home.to_path_buf();
        let opened = if enclose { Enclosure::open(program, mounts.clone()).map_err(Some) } else { Err(None) };
        match opened {
            Ok(enclosure) => (Self { enclosure: Some(enclosure), watch: None, folders: mounts, cargo_home }, None),
            Err(why) => {
                (Self { enclosure: None, watch: Enclosure::watched(program), folders: mounts, cargo_home }, why)
            }
        }
    }

    /// The enclosure or watcher in which children of the compile are started.
    pub(super) fn stage(&self) -> Option<&Enclosure> {
        self.enclosure.as_ref().or(self.watch.as_ref())
    }

    /// Where the compile runs, if not in place.
    pub(super) fn enclosure(&self) -> Option<&Enclosure> {
        self.enclosure.as_ref()
    }

    /// The path in the compile for a path of the host.
    pub(super) fn inside(&self, host: &Path) -> PathBuf {
        self.enclosure.as_ref().map_or_else(|| host.to_path_buf(), |enclosure| enclosure.inside(host))
    }

    /// The host's path of what the compile calls `inside`.
    pub(super) fn host(&self, inside: &Path) -> PathBuf {
        self.enclosure.as_ref().map_or_else(|| inside.to_path_buf(), |enclosure| enclosure.host(inside))
    }

    /// The beginnings of paths that compilers see and what programs have instead. Of several prefixes that fit, compilers
    /// take the last one given, so the longest comes last. `from_git` are the manifests of dependencies with their source.
    pub(super) fn maps(
        &self,
        library: (&Path, &str),
        from_git: &[(PathBuf, String)],
    ) -> Result<Vec<(PathBuf, String)>, Failure> {
        let mut maps = vec![(library.0.to_path_buf(), library.1.to_owned())];
        if self.enclosure.is_none() {
            maps.extend(
                self.folders
                    .iter()
                    .map(|BindMount { host, inside }| (host.clone(), inside.to_string_lossy().into_owned())),
            );
        }
        let sources = self.cargo_home.join("registry/src");
        let registries = fs::read_dir(&sources).into_iter().flatten().flatten().map(|entry| entry.path());
        maps.extend(registries.map(|registry| (self.inside(&registry), REGISTRY.to_owned())));
        maps.extend(from_git.iter().filter_map(|(manifest, source)| {
            let checkouts = self.checkouts();
            let mut below = manifest.strip_prefix(&checkouts).ok()?.components();
            let folder = checkouts.join(below.next()?).join(below.next()?);
            Some((self.inside(&folder), format!("{GIT}/{}", git_name(source)?)))
        }));
        maps.sort_by(|one, other| (one.0.as_os_str().len(), &one.0).cmp(&(other.0.as_os_str().len(), &other.0)));
        maps.dedup();
        maps.retain(|(from, _)| from.parent().is_some());
        match maps.iter().find(|(from, _)| from.to_str().is_none()) {
            Some((from, _)) => Err(Failure::error(
                ErrorName::InputName,
                "this path is not UTF-8, and cargo takes only UTF-8 in its flags",
            )
            .in_path(from)),
            None => Ok(maps),
        }
    }

    /// The folders of this machine that no program may name.
    pub(super) fn host_folders(&self) -> Vec<HostFolder> {
        let folder = |path: PathBuf, what| HostFolder { path, what, anywhere: false };
        if self.enclosure.is_none() {
            let names =
                ["the checkout", "the target directory", "the cargo home", "the home of the compile", "`TMPDIR`"];
            return self.folders.iter().zip(names).map(|(mount, what)| folder(mount.host.clone(), what)).collect();
        }
        // At fixed paths only folders of registries and of git have a name of this machine, but not that of crates.io.
        let sources = self.cargo_home.join("registry/src");
        let registries = fs::read_dir(&sources).into_iter().flatten().flatten().map(|entry| entry.path());
        let foreign = registries.filter(|registry| !registry.ends_with(CRATES_IO));
        let foreign = foreign.map(|registry| folder(self.inside(&registry), "a registry's folder"));
        let git = folder(self.inside(&self.cargo_home.join("git")), "the folder of git dependencies");
        foreign.chain([git]).collect()
    }

    /// Where cargo unpacks dependencies from git: `<name>-<hash of the address>/<beginning of the commit>`.
    fn checkouts(&self) -> PathBuf {
        self.cargo_home.join("git/checkouts")
    }
}

/// The name in programs for the folder of `git+https://example.com/path/name.git?branch=x#<commit>`: `name-<commit>`.
fn git_name(source: &str) -> Option<String> {
    let (address, commit) = source.rsplit_once('#')?;
    let path = address.split(['?', '#']).next()?.trim_end_matches('/');
    let name = path.rsplit(['/', ':']).next()?;
    let name = name.strip_suffix(".git").unwrap_or(name);
    let is_plain = |c: &char| c.is_ascii_alphanumeric() || matches!(c, '-' | '_' | '.');
    let name: String = name.chars().filter(is_plain).collect();
    Some(format!("{name}-{}", commit.get(..COMMIT_DIGITS)?))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_dependency_from_git_is_named_by_what_cargo_lock_says() {
        for (source, name) in [
            ("git+https://example.com/a/tokio.git?branch=x#0123456789abcdef0123", Some("tokio-0123456789ab")),
            ("git+ssh://git@example.com/tokio/?rev=1#0123456789abcdef0123", Some("tokio-0123456789ab")),
            ("git+https://example.com/a=b%20c#0123456789abcdef0123", Some("ab20c-0123456789ab")),
            ("git+https://example.com/tokio#0123", None),
            ("git+https://example.com/tokio", None),
        ] {
            assert_eq!(git_name(source).as_deref(), name, "{source}");
        }
    }
}
