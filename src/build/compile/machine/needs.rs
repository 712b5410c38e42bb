//! Which conditional files of this machine compiled code was made with: kept beside that code, because no compiler says it
//! again when the code is used again.

use std::{collections::BTreeSet, fs};

use super::{super::bench::Bench, MachineFiles, MachineInputs};
use crate::report::Failure;

/// The list of their names, in the folder of the compiled code.
const FILE: &str = "needed.json";

/// Compiled code in a folder of the cache.
#[derive(Clone, Copy)]
pub(in super::super) struct CompiledCode<'a> {
    pub(in super::super) bench: &'a Bench,
    /// Relative to the bench. Whatever removes the code removes this folder.
    pub(in super::super) folder: &'a str,
}

impl CompiledCode<'_> {
    fn names(&self) -> BTreeSet<String> {
        let text = fs::read(self.bench.root().join(self.folder).join(FILE)).unwrap_or_default();
        serde_json::from_slice(&text).unwrap_or_default()
    }
}

impl MachineInputs {
    /// The conditional files that `code` was compiled with.
    pub(in super::super) fn recall(&self, code: CompiledCode<'_>) -> MachineFiles {
        let names = code.names();
        let mut files = MachineFiles::default();
        for (name, file) in self.conditional().filter(|(name, _)| names.contains(*name)) {
            files.add(name, file);
        }
        files
    }

    /// Keeps that code in the folder of `code` was compiled with `needed`, too, and gives all that it was compiled with.
    pub(in super::super) fn remember(
        &self,
        code: CompiledCode<'_>,
        needed: &MachineFiles,
    ) -> Result<MachineFiles, Failure> {
        let mut names = code.names();
        let known = names.len();
        names.extend(needed.0.keys().cloned());
        if names.len() != known {
            let text = serde_json::to_vec(&names)
                .map_err(|error| Failure::new(format!("cannot note what code was compiled with: {error}")))?;
            code.bench.keep(&format!("{}/{FILE}", code.folder), &text)?;
        }
        Ok(self.recall(code))
    }
}
