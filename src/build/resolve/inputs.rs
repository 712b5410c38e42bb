//! The inputs of a recipe's programs that the recipe does not name itself, for `hardpan plan --inputs`: commits, lock
//! files of dependencies, and files of this machine.

use std::path::PathBuf;

use super::Resolver;
use crate::{
    build::compile::{CompileInput, MachineFile, PlannedGo, file_digest},
    oci::{Digest, Platform},
    recipe::{BinarySource, Compiler, GitWord, Located},
    report::{Failure, printable},
};

/// The sources of programs in one folder.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct SourceInput {
    /// `dir` of the recipe.
    pub dir: String,
    /// The commit, where the folder is in a checkout of git.
    pub commit: Option<String>,
    /// Whether files differ from the commit.
    pub is_dirty: bool,
    /// The files that pin dependencies (`Cargo.lock`, `go.sum` and their like), each with its digest.
    pub pins: Vec<(PathBuf, Digest)>,
}

/// A file of this machine that programs take, by the name in the lock.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct MachineInput {
    /// The toolchain that takes it.
    pub compiler: Compiler,
    /// The target or platform, and what the recipe names for it.
    pub scope: String,
    /// As the lock calls it.
    pub name: String,
    /// Where it is, and its digest.
    pub file: MachineFile,
}

/// What a program was compiled from.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ProgramInputs {
    /// Its package in the recipe.
    pub package: String,
    /// The bound of host paths.
    pub checkout: PathBuf,
    /// Sorted; none where not everything is known that the compile read.
    pub inputs: Option<Vec<CompileInput>>,
}

/// Files by which cargo and Go pin what they fetch.
const PINS: [&str; 5] = ["Cargo.lock", "go.mod", "go.sum", "go.work", "go.work.sum"];

impl Resolver<'_> {
    /// The files of this machine that the programs which were compiled take.
    pub fn machine_inputs(&self) -> Vec<MachineInput> {
        let machine = self.machine.borrow();
        let scopes = machine.iter().flat_map(|((compiler, _, scope), files)| {
            let input = move |(name, file): (&String, &MachineFile)| MachineInput {
                compiler: *compiler,
                scope: scope.clone(),
                name: name.clone(),
                file: file.clone(),
            };
            files.0.iter().map(input)
        });
        scopes.collect()
    }

    /// What the programs for a platform were compiled from, as the record of each compile has it. Programs are named by their
    /// package in the recipe.
    pub fn compile_inputs(&self, platform: &Platform) -> Result<Vec<ProgramInputs>, Failure> {
        let mut found = Vec::new();
        for PlannedGo { binary, dir, checkout, .. } in self.go_programs(platform)? {
            let inputs = self.toolchain(&checkout).go_inputs(&binary, &dir, platform)?;
            found.push(ProgramInputs { package: binary.package.value, checkout, inputs });
        }
        for binary in self.binaries(platform) {
            let BinarySource::Cargo(cargo) = &binary.source else { continue };
            let dir = self.source_dir(cargo.dir.as_ref())?;
            let checkout = self.bound.checkout(&dir);
            let inputs =
                self.toolchain(&checkout).cargo_inputs(&self.expanded_cargo(cargo, platform)?, &dir, platform)?;
            found.push(ProgramInputs { package: cargo.package.value.clone(), checkout, inputs });
        }
        Ok(found)
    }

    /// The sources of all programs that are compiled, each folder once.
    pub fn source_inputs(&self) -> Result<Vec<SourceInput>, Failure> {
        let mut inputs: Vec<SourceInput> = Vec::new();
        for binary in &self.recipe.binaries {
            let dir = match &binary.source {
                BinarySource::Go(go) => go.dir.as_ref(),
                BinarySource::Cargo(cargo) => cargo.dir.as_ref(),
                BinarySource::Path(_) => continue,
            };
            let name = dir.map_or(".", |dir| dir.value.as_str());
            if inputs.iter().all(|input| input.dir != name) {
                inputs.push(self.source_input(name, dir)?);
            }
        }
        Ok(inputs)
    }

    fn source_input(&self, name: &str, dir: Option<&Located<String>>) -> Result<SourceInput, Failure> {
        let host = self.source_dir(dir)?;
        let checkout = self.bound.checkout(&host);
        let toolchain = self.toolchain(&checkout);
        let has_git = host.ancestors().any(|folder| folder.join(".git").exists());
        let ask = |word| if has_git { toolchain.git(word, &host).map(Some) } else { Ok(None) };
        let commit = ask(GitWord::Revision).unwrap_or_default();
        let is_dirty = commit.is_some() && ask(GitWord::Dirty)?.as_deref() == Some("true");
        let mut pins = Vec::new();
        for name in PINS {
            let folders = host.ancestors().take_while(|folder| folder.starts_with(&checkout));
            // The closest one is that of the program.
            let mut paths = folders.map(|folder| folder.join(name));
            if let Some(path) = paths.find(|path| path.is_file()) {
                let below = path.strip_prefix(&checkout).unwrap_or(&path).to_path_buf();
                pins.push((below, file_digest(&path)?));
            }
        }
        Ok(SourceInput { dir: printable(name).into_owned(), commit, is_dirty, pins })
    }
}
