//! Checks the files that packages embed by `//go:embed` for outputs of hardpan.
//!
//! Go has no way to leave out a file that a pattern matches, so a program that embeds the image of the build before is
//! another one each time. What this call writes is refused; what is an output by its content may be meant, and is said.

use std::{
    collections::BTreeSet,
    path::{Path, PathBuf},
};

use serde::{Deserialize, Serialize};

use super::{super::Toolchain, GoPackages};
use crate::{
    build::outputs::OutputFinder,
    report::{ErrorName, Failure, Origin, printable},
};

/// The files that a package of the checkout embeds.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub(super) struct EmbeddedFiles {
    import_path: String,
    folder: PathBuf,
    /// Relative to its folder.
    files: Vec<String>,
}

impl EmbeddedFiles {
    /// Those of all packages that lie in the checkout.
    pub(super) fn of(packages: &GoPackages, toolchain: &Toolchain<'_>) -> Vec<Self> {
        let embeds = packages.iter().filter(|package| !package.embed_files.is_empty());
        let own = embeds.filter(|package| package.dir.starts_with(toolchain.checkout));
        let files = own.map(|package| Self {
            import_path: package.import_path.clone(),
            folder: package.dir.clone(),
            files: package.embed_files.clone(),
        });
        files.collect()
    }

    /// The same in a checkout at another path; none where they are outside of the checkout.
    pub(super) fn moved(&self, from: &Path, to: &Path) -> Option<Self> {
        let below = self.folder.strip_prefix(from).ok()?;
        Some(Self { folder: to.join(below), ..self.clone() })
    }
}

/// Refuses a program that embeds what this call writes.
///
/// # Errors
/// At `origin`, the package of the recipe.
pub(super) fn check_embeds(
    toolchain: &Toolchain<'_>,
    origin: &Origin,
    embedded: &[EmbeddedFiles],
) -> Result<(), Failure> {
    let (mut finder, mut said) = (OutputFinder::default(), BTreeSet::new());
    for package in embedded {
        let name = printable(&package.import_path);
        for file in &package.files {
            let path = package.folder.join(file);
            if path.ancestors().any(|above| toolchain.written.contains(above)) {
                let what = format!(
                    "the Go package `{name}` embeds `{}`, an output of this build: the next build would give another digest",
                    printable(file)
                );
                let hint = "let `//go:embed` name less, or let the build write elsewhere";
                return Err(Failure::error(ErrorName::OutputConflict, what).at(origin).hint(hint));
            }
            if let Some((output, what)) =
                finder.find(&path, &package.folder).filter(|(output, _)| said.insert(output.clone()))
            {
                let output = output.strip_prefix(&package.folder).unwrap_or(&output).to_string_lossy();
                let line = format!("note: the Go package `{name}` embeds `{}`, {what}", printable(&output));
                toolchain.progress.step(&line);
            }
        }
    }
    Ok(())
}
