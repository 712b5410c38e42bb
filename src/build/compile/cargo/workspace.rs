//! Asks `cargo metadata` and `cargo tree` about a workspace, and caches the answers until a file or setting that they
//! depend on changes.

use std::{
    collections::BTreeSet,
    ffi::OsString,
    path::{Path, PathBuf},
};

use serde::{Deserialize, Serialize};

use super::{
    super::{cargo_lock::CargoLock, cargo_metadata::CargoMetadata, cargo_tree},
    CargoJob,
    freshness::OwnPackage,
    workspace_sources::{SourceListing, WorkspaceSources},
};
use crate::{
    oci::Digest,
    report::{ErrorName, Failure, printable},
};

/// The answer of `cargo metadata`, with all dependencies, and what it was an answer to.
#[derive(Debug, Serialize, Deserialize)]
struct CachedMetadata {
    /// Of everything that the answer depends on.
    key: String,
    /// The document.
    metadata: String,
    /// `cargo tree` of the package.
    tree: String,
}

/// A workspace whose dependencies are on this machine.
#[derive(Debug)]
pub(super) struct CargoWorkspace {
    /// The whole answer of `cargo metadata`, in the paths of the host.
    pub(super) metadata: Vec<u8>,
    /// The output of `cargo tree` for the package, with the features that are on.
    pub(super) tree: String,
    /// The packages whose sources are in folders: members and path dependencies.
    pub(super) packages: Vec<OwnPackage>,
    /// The manifests of the packages that come from git, and the source of each as `Cargo.lock` has it.
    pub(super) from_git: Vec<(PathBuf, String)>,
    /// The manifests of all packages, dependencies included.
    manifests: Vec<PathBuf>,
    /// Every file of the workspace; `None` where there are too many.
    pub(super) listing: Option<SourceListing>,
}

impl CargoJob<'_> {
    /// Fetches what `Cargo.lock` names and asks cargo about all of it, unless the last answer still holds and everything
    /// that it names is there.
    pub(super) fn workspace(&self, root: &Path) -> Result<CargoWorkspace, Failure> {
        if let Some(workspace) = self.last_answer().and_then(|last| self.revalidate(root, last)) {
            return Ok(workspace);
        }
        let (_, metadata) = super::metadata(self.toolchain, &self.rust.cargo, self.dir, &self.environment)?;
        metadata.choose(self.binary)?;
        self.fetch()?;
        let mut arguments: Vec<OsString> =
            ["metadata", "--format-version=1", "--locked", "--offline"].map(Into::into).into();
        arguments.extend(["--filter-platform".into(), self.target.into()]);
        // At the root of a virtual workspace cargo takes no features.
        let manifest = metadata.manifest(&self.binary.package.value).unwrap_or_else(|| self.dir.join("Cargo.toml"));
        arguments.extend(["--manifest-path".into(), manifest.into_os_string()]);
        arguments.extend(self.selection().into_iter().map(OsString::from));
        let ended = self.cargo_in_place(arguments)?;
        if !ended.status.success() {
            return Err(self.explain(&ended, ErrorName::SourceInvalid, "cargo metadata"));
        }
        self.refuse_unlocked(root, &ended.stdout)?;
        let tree = self.tree()?;
        // Known before anything is compiled, but for procedural macros.
        if let Some(folder) = path_dependency_outside(&tree, root) {
            return Err(outside_of_workspace(folder));
        }
        let mut workspace = CargoWorkspace::read(root, ended.stdout, tree)?;
        workspace.listing = self.list(root, &workspace.packages);
        if let Some(listing) = &workspace.listing {
            let metadata = String::from_utf8_lossy(&workspace.metadata).into_owned();
            let tree = workspace.tree.clone();
            self.keep_answer(&CachedMetadata { key: self.answer_key(root, listing), metadata, tree })?;
        }
        Ok(workspace)
    }

    /// Refuses a crate that `Cargo.lock` does not pin. The feature of a dependency (`dependency/feature`) that no feature of
    /// the package names may bring one, which cargo takes in whatever version this machine has, also with `--locked`.
    fn refuse_unlocked(&self, root: &Path, metadata: &[u8]) -> Result<(), Failure> {
        let Some((name, version)) = first_unpinned(metadata, &CargoLock::read(&root.join("Cargo.lock"))?)? else {
            return Ok(());
        };
        let (name, version) = (printable(&name), printable(&version));
        Err(self.not_pinned(Failure::error(
            ErrorName::SourceUnpinned,
            format!("`Cargo.lock` does not pin `{name}`; {version} is on this machine"),
        )))
    }

    /// A failure that comes from the feature of a dependency, with its line and what to do.
    pub(super) fn not_pinned(&self, failure: Failure) -> Failure {
        let Some(feature) = self.binary.features.iter().find(|feature| feature.value.contains('/')) else {
            return failure;
        };
        let hint = format!(
            "a feature in the `Cargo.toml` of the package that names `{}` has the lock pin what it brings; take that one here",
            printable(&feature.value)
        );
        failure.at(&feature.origin).hint(hint)
    }

    /// The workspace as the last answer has it, if nothing changed that it depends on.
    fn revalidate(&self, root: &Path, last: CachedMetadata) -> Option<CargoWorkspace> {
        let mut workspace = CargoWorkspace::read(root, last.metadata.into_bytes(), last.tree).ok()?;
        let listing = self.list(root, &workspace.packages)?;
        if last.key != self.answer_key(root, &listing) || !workspace.manifests.iter().all(|manifest| manifest.is_file())
        {
            return None;
        }
        workspace.listing = Some(listing);
        Some(workspace)
    }

    fn list(&self, root: &Path, packages: &[OwnPackage]) -> Option<SourceListing> {
        let folders = package_folders(packages);
        WorkspaceSources::new(root, &folders, self.toolchain).list()
    }

    /// Which packages the program is made of, and with which features.
    fn tree(&self) -> Result<String, Failure> {
        let mut arguments: Vec<String> = cargo_tree::ARGUMENTS.map(str::to_owned).into();
        arguments.extend(["--target", self.target, "--package", &self.binary.package.value].map(str::to_owned));
        arguments.extend(self.selection());
        let ended = self.cargo_in_place(arguments)?;
        if ended.status.success() {
            Ok(ended.text())
        } else {
            Err(self.explain(&ended, ErrorName::SourceInvalid, "cargo tree"))
        }
    }

    /// Features and the flags of cargo that choose them.
    fn selection(&self) -> Vec<String> {
        let mut words: Vec<_> =
            self.binary.features.iter().map(|feature| format!("--features={}", feature.value)).collect();
        let flags = self.binary.flags.iter().map(|flag| flag.value.as_str());
        words
            .extend(flags.filter(|flag| ["--no-default-features", "--all-features"].contains(flag)).map(str::to_owned));
        words
    }

    /// A digest of everything that `cargo metadata` and `cargo fetch` depend on.
    fn answer_key(&self, root: &Path, listing: &SourceListing) -> String {
        let mut said =
            vec![root.to_string_lossy().into_owned(), self.dir.to_string_lossy().into_owned(), self.target.to_owned()];
        said.extend([self.rust.verbose.clone(), listing.shape().hex(), self.cargo_home.to_string_lossy().into_owned()]);
        said.extend(self.selection());
        said.extend(self.overrides.iter().cloned());
        said.push(self.configuration.clone());
        Digest::of(format!("{said:?}").as_bytes()).hex()
    }

    /// The file in which the last answer about this package, target and choice of features is.
    fn answer_name(&self) -> String {
        let said = format!("{} {} {:?}", self.binary.package.value, self.target, self.selection());
        let name: String = Digest::of(said.as_bytes()).hex().chars().take(16).collect();
        format!("metadata-{name}.json")
    }

    fn last_answer(&self) -> Option<CachedMetadata> {
        serde_json::from_slice(&self.compile_folder.record(&self.answer_name())?).ok()
    }

    fn keep_answer(&self, answer: &CachedMetadata) -> Result<(), Failure> {
        let text = serde_json::to_vec(answer).map_err(|error| {
            Failure::error(ErrorName::Internal, format!("cannot record the output of `cargo metadata`: {error}"))
        })?;
        self.compile_folder.keep(&self.answer_name(), &text)
    }
}

impl CargoWorkspace {
    /// The members, as `cargo metadata --no-deps` has them.
    pub(super) fn own_metadata(&self) -> Result<CargoMetadata, Failure> {
        CargoMetadata::read(&self.metadata)
    }

    /// Reads an answer of cargo. Path dependencies outside of the workspace are no packages of its own: a compile that
    /// needs one is refused.
    fn read(root: &Path, metadata: Vec<u8>, tree: String) -> Result<Self, Failure> {
        let document = CargoMetadata::read(&metadata)?;
        let manifests = document.packages.iter().map(|package| package.manifest_path.clone()).collect();
        let from_git = document.packages.iter().filter_map(|package| {
            let source = package.source.as_ref().filter(|source| source.starts_with("git+"))?;
            Some((package.manifest_path.clone(), source.clone()))
        });
        let from_git = from_git.collect();
        let own = document.packages.into_iter().filter(|package| package.source.is_none());
        let packages = own.filter_map(|package| {
            let folder = package.manifest_path.parent()?.strip_prefix(root).ok()?.to_path_buf();
            let crates = package.targets.iter().map(|target| target.name.replace('-', "_")).collect();
            Some(OwnPackage { name: package.name, folder, crates })
        });
        Ok(Self { packages: packages.collect(), from_git, manifests, metadata, tree, listing: None })
    }
}

/// The first package with a source that a lock does not have, by name and version.
fn first_unpinned(metadata: &[u8], lock: &CargoLock) -> Result<Option<(String, String)>, Failure> {
    let document = CargoMetadata::read(metadata)?;
    let pinned: BTreeSet<_> =
        lock.package.iter().map(|package| (package.name.as_str(), package.version.as_str())).collect();
    let foreign = document.packages.iter().filter(|package| package.source.is_some());
    let mut foreign = foreign.map(|package| (package.name.as_str(), package.version.as_str()));
    Ok(foreign.find(|package| !pinned.contains(package)).map(|(name, version)| (name.to_owned(), version.to_owned())))
}

/// The folder of a package of the program that lies outside of the workspace at `root`, by what `cargo tree` says
/// (`name v1.0.0 (/folder)|features`).
fn path_dependency_outside<'a>(tree: &'a str, root: &Path) -> Option<&'a Path> {
    let folders = tree.lines().filter_map(|line| Some(line.rsplit_once(")|")?.0.split_once(" (")?.1));
    folders.map(Path::new).find(|folder| folder.is_absolute() && !folder.starts_with(root))
}

/// The refusal of a path dependency whose own path enters the program.
pub(super) fn outside_of_workspace(folder: &Path) -> Failure {
    let what = "this path dependency is outside of the cargo workspace, so its own path enters the program";
    let hint = "write a `Cargo.toml` with `[workspace]` in a folder above both, and make it a member";
    Failure::error(ErrorName::SourceUnpinned, what).in_path(folder).hint(hint)
}

/// The folders of packages, relative to the workspace.
pub(super) fn package_folders(packages: &[OwnPackage]) -> BTreeSet<PathBuf> {
    packages.iter().map(|package| package.folder.clone()).collect()
}

#[cfg(test)]
#[allow(clippy::unwrap_used)]
mod tests {
    use super::*;

    #[test]
    fn a_package_in_a_folder_outside_of_the_workspace_is_seen_in_the_tree() {
        let tree =
            "app v0.1.0 (/w/app)|\n|-- own v0.1.0 (/w/own (x))|a,b\n|-- serde v1.0.0|std (*)\n`-- far v0.1.0 (/far)|\n";
        assert_eq!(path_dependency_outside(tree, Path::new("/w")), Some(Path::new("/far")));
        assert_eq!(path_dependency_outside(tree, Path::new("/")), None);
    }

    #[test]
    fn a_crate_that_the_lock_does_not_pin_in_this_version_is_found() {
        let package = |name: &str, version: &str, source: &str| {
            format!(
                r#"{{"name": "{name}", "version": "{version}", "source": {source}, "manifest_path": "/x", "targets": []}}"#
            )
        };
        let document = |packages: &[String]| format!(r#"{{"packages": [{}]}}"#, packages.join(", "));
        let registry = r#""registry+https://example.com""#;
        let lock = toml::from_str("[[package]]\nname = \"a\"\nversion = \"1.0.0\"\n").unwrap();
        // The members themselves are no matter of the lock here: cargo compares them.
        let (own, pinned) = (package("own", "9.9.9", "null"), package("a", "1.0.0", registry));
        assert_eq!(first_unpinned(document(&[own, pinned]).as_bytes(), &lock).unwrap(), None);
        for (name, version) in [("a", "1.0.1"), ("b", "1.0.0")] {
            let found = first_unpinned(document(&[package(name, version, registry)]).as_bytes(), &lock).unwrap();
            assert_eq!(found, Some((name.to_owned(), version.to_owned())));
        }
    }
}
