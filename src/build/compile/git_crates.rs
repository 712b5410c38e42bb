//! Known crates that ask git about the checkout, by the packages of a `Cargo.lock`.

use std::{collections::BTreeSet, path::Path};

use super::cargo_lock::{CargoLock, LockedPackage};
use crate::report::Failure;

/// Crates that stamp programs with the commit, and libraries of git that such crates are made with.
const CRATES: [&str; 17] = [
    "build-data",
    "build-info",
    "build-info-build",
    "built",
    "git-const",
    "git-describe",
    "git-testament",
    "git-testament-derive",
    "git-version",
    "git-version-macro",
    "git2",
    "gix",
    "libgit2-sys",
    "shadow-rs",
    "vergen",
    "vergen-git2",
    "vergen-gitcl",
];

/// A crate that the package `name` may depend on by `lock` and that asks git: then a program may hold its commit.
///
/// # Errors
/// The lock cannot be read.
pub(in crate::build) fn crate_that_asks_git(lock: &Path, name: &str) -> Result<Option<String>, Failure> {
    let lock = CargoLock::read(lock)?;
    let (mut seen, mut waiting): (BTreeSet<&str>, Vec<&str>) = (BTreeSet::new(), vec![name]);
    while let Some(name) = waiting.pop() {
        if !seen.insert(name) {
            continue;
        }
        if CRATES.contains(&name) || name.starts_with("vergen") {
            return Ok(Some(name.to_owned()));
        }
        // Of several versions all count.
        let versions = lock.package.iter().filter(|package| package.name == name);
        let needed = versions.flat_map(|package: &LockedPackage| &package.dependencies);
        waiting.extend(needed.filter_map(|needed| needed.split(' ').next()));
    }
    Ok(None)
}

#[cfg(test)]
#[allow(clippy::unwrap_used)]
mod tests {
    use super::*;

    #[test]
    fn a_crate_that_asks_git_is_found_behind_others() {
        let folder = tempfile::tempdir().unwrap();
        let lock = folder.path().join("Cargo.lock");
        let text = "version = 4\n[[package]]\nname = \"app\"\nversion = \"1.0.0\"\ndependencies = [\"a 1.0.0\"]\n\
            [[package]]\nname = \"other\"\nversion = \"1.0.0\"\ndependencies = [\"app\"]\n\
            [[package]]\nname = \"a\"\nversion = \"1.0.0\"\nsource = \"x\"\ndependencies = [\"git-version\", \"a\"]\n";
        std::fs::write(&lock, text).unwrap();
        assert_eq!(crate_that_asks_git(&lock, "other").unwrap().as_deref(), Some("git-version"));
        std::fs::write(&lock, text.replace("git-version", "serde")).unwrap();
        assert_eq!(crate_that_asks_git(&lock, "other").unwrap(), None);
        assert!(crate_that_asks_git(&folder.path().join("none"), "other").is_err());
    }
}
