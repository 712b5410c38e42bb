//! Checks the files that packages embed by `//go:embed` for outputs of hardpan.
//!
//! Go has no way to leave out a file that a pattern matches, so a program that embeds the image of the build before is
//! another one each time. What this call writes is refused; what is an output by its content may be meant, and is said.

use std::collections::BTreeSet;

use super::{GoJob, GoPackages};
use crate::{
    build::outputs::OutputFinder,
    report::{ErrorName, Failure, printable},
};

impl GoJob<'_> {
    /// Refuses a program that embeds what this call writes.
    ///
    /// # Errors
    /// At the package of the recipe.
    pub(super) fn check_embeds(&self, packages: &GoPackages) -> Result<(), Failure> {
        let (mut finder, mut said) = (OutputFinder::default(), BTreeSet::new());
        let own = packages.iter().filter(|package| package.dir.starts_with(self.toolchain.checkout));
        for package in own {
            let name = printable(&package.import_path);
            for file in &package.embed_files {
                let path = package.dir.join(file);
                if path.ancestors().any(|above| self.toolchain.written.contains(above)) {
                    let what = format!(
                        "the Go package `{name}` embeds `{}`, an output of this build: the next build would give another digest",
                        printable(file)
                    );
                    let hint = "let `//go:embed` name less, or let the build write elsewhere";
                    return Err(Failure::error(ErrorName::OutputConflict, what)
                        .at(&self.binary.package.origin)
                        .hint(hint));
                }
                if let Some((output, what)) =
                    finder.find(&path, &package.dir).filter(|(output, _)| said.insert(output.clone()))
                {
                    let output = output.strip_prefix(&package.dir).unwrap_or(&output).to_string_lossy();
                    let line = format!("note: the Go package `{name}` embeds `{}`, {what}", printable(&output));
                    self.toolchain.progress.step(&line);
                }
            }
        }
        Ok(())
    }
}
