//! Entry points for the fuzz targets to the parsers of Go's output and of Go's files. Nothing else uses them.

use super::{
    declarations::Declarations, go_directives::GoDirectives, go_source::GoSource, packages::GoPackages, tokens::tokens,
};
use crate::report::Failure;

/// Packages of a program whose chain of imports is asked for.
const CHAINS: usize = 8;

/// A program in the output of `go list`.
#[derive(Debug)]
pub struct ProgramImports {
    /// Its import path.
    pub path: String,
    /// The import paths of all that it is made of.
    pub packages: Vec<String>,
    /// For some of them, how it comes to import them.
    pub chains: Vec<Vec<String>>,
}

/// The import paths in the output of `go list -deps -json`, and the programs.
///
/// # Errors
/// It is none.
pub fn packages(answer: &[u8]) -> Result<(Vec<String>, Vec<ProgramImports>), Failure> {
    let packages = GoPackages::parse(answer)?;
    let owned = |texts: Vec<&str>| texts.into_iter().map(str::to_owned).collect::<Vec<_>>();
    let programs = packages.named().into_iter().take(CHAINS).map(|program| {
        let own = packages.of_program(&program.import_path);
        ProgramImports {
            path: program.import_path.clone(),
            chains: own.paths().into_iter().take(CHAINS).map(|path| owned(own.chain(path))).collect(),
            packages: owned(own.paths().into_iter().collect()),
        }
    });
    Ok((owned(packages.paths().into_iter().collect()), programs.collect()))
}

/// The imports of a Go file, those of the part of it that `go list` reads, and what it may embed.
pub fn source(text: &str) -> Option<(Vec<String>, Vec<String>, Vec<String>)> {
    let source = GoSource::parse(text)?;
    let listed = GoSource::listed_parts(text)?;
    let head = GoSource::parse(listed.first()?)?;
    let list = |set: std::collections::BTreeSet<String>| set.into_iter().collect();
    Some((list(source.imports), list(head.imports), list(source.embeds)))
}

/// The names that a Go file declares, its exported ones, and whether each of those is found again.
pub fn declarations(text: &str) -> (Vec<String>, bool) {
    let mut all = Declarations::default();
    all.add(text);
    let is_found = all.exported().all(|name| all.has(name));
    (all.names.into_keys().collect(), is_found)
}

/// How many words a Go file has.
pub fn words(text: &str) -> usize {
    tokens(text).len()
}

/// The module path and the folders that a `go.mod` or a `go.work` names.
pub fn directives(text: &str) -> Option<(Option<String>, Vec<String>)> {
    let all = GoDirectives::parse(text)?;
    let folders = all.replaced.into_iter().map(|(_, folder)| folder).chain(all.used);
    Some((all.module, folders.collect()))
}
