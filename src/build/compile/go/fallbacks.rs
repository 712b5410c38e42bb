//! Finds packages that are another package without cgo: stubs, which are refused by `needs-cgo`, and complete
//! stand-ins.
//!
//! A package may have files that import "C", and other files for a build without cgo. Some of those do the same in Go,
//! some only report that they do not work, and Go compiles both. Their declarations differ: a stand-in has all
//! exported names of the package, a stub has those that some importer needs to compile.

use std::collections::BTreeSet;

use super::{
    declarations::Declarations,
    packages::{GoPackage, GoPackages},
};
use crate::report::{Failure, Rule, printable};

/// How many names a message lists.
const SHOWN: usize = 4;

/// The packages of a program that differ without cgo.
#[derive(Debug, Default)]
pub(super) struct Fallbacks {
    /// The packages that do not work without cgo, each as a refusal by `needs-cgo`.
    pub(super) stubs: Vec<Failure>,
    /// The packages with a stand-in for their C code, by import path.
    pub(super) whole: Vec<String>,
}

impl Fallbacks {
    /// Compares the packages of a program without cgo (`pure`) with those that it has with cgo. Only packages that are in
    /// both count: an importer chose the others. Go's own packages are known to be fine.
    pub(super) fn compare(pure: &GoPackages, with_cgo: &GoPackages) -> Result<Self, Failure> {
        let mut found = Self::default();
        for package in with_cgo.iter().filter(|package| !package.standard && !package.cgo_files.is_empty()) {
            let Some(without) = pure.get(&package.import_path) else { continue };
            match missing_without_cgo(without, package)? {
                Some(lack) => found.stubs.push(refusal(pure, &package.import_path, &lack)),
                None => found.whole.push(package.import_path.clone()),
            }
        }
        Ok(found)
    }

    /// A line about the stand-ins.
    pub(super) fn note(&self) -> Option<String> {
        let names: Vec<_> = self.whole.iter().map(String::as_str).collect();
        (!names.is_empty())
            .then(|| format!("note: without cgo, Go code takes the place of C code in {}", shown_names(&names)))
    }
}

/// What `without` lacks of `package`, as the end of a sentence. A `main` package lacks nothing: no package imports it.
fn missing_without_cgo(without: &GoPackage, package: &GoPackage) -> Result<Option<String>, Failure> {
    if package.name == "main" {
        return Ok(None);
    }
    let (has, had) = (without.declarations()?, package.declarations()?);
    let missing: Vec<_> = had.exported().filter(|name| !has.has(name)).collect();
    if !missing.is_empty() {
        return Ok(Some(format!("the package lacks {}", shown_names(&missing))));
    }
    let unregistered: Vec<_> = had.registers.difference(&has.registers).map(String::as_str).collect();
    if !unregistered.is_empty() {
        return Ok(Some(format!("the package does not call {}", shown_names(&unregistered))));
    }
    // A package without exported names is imported for its side effects.
    let used_by_name = had.exported().next().is_some();
    let known: BTreeSet<_> = package.files().collect();
    let instead = Declarations::read(&without.dir, without.files().filter(|file| !known.contains(file)))?;
    let does_nothing = !instead.has_init && instead.names.is_empty();
    Ok((!used_by_name && does_nothing).then(|| "nothing stands in for its C code".to_owned()))
}

/// The first names, and how many more there are.
fn shown_names(names: &[&str]) -> String {
    let shown: Vec<_> = names.iter().take(SHOWN).map(|name| format!("`{}`", printable(name))).collect();
    match names.len().saturating_sub(SHOWN) {
        0 => shown.join(", "),
        more => format!("{} and {more} more", shown.join(", ")),
    }
}

fn refusal(pure: &GoPackages, import_path: &str, lack: &str) -> Failure {
    let chain = pure.chain(import_path);
    let importers: Vec<_> = chain.iter().map(|path| format!("`{}`", printable(path))).collect();
    let what = format!(
        "the Go package `{}` needs cgo: without it {lack}; imported as {}",
        printable(import_path),
        importers.join(" -> ")
    );
    Failure::refused(Rule::NeedsCgo, what).hint(
        "add `cgo = true` to this `[[binary]]`, or waive `needs-cgo` by `[[policy.allow]]` if the program does not use it",
    )
}
