//! Keeps the names of the conditional files of this machine that compiled code was made with, beside that code: no
//! compiler reports them again when the code is reused.

use std::{
    collections::BTreeSet,
    fs,
    path::{Path, PathBuf},
};

use super::{
    super::compile_folder::{CompileFolder, remove_folder},
    MachineFiles, MachineInputs,
};
use crate::report::{ErrorName, Failure};

/// The list of their names, in the folder of the compiled code.
const FILE: &str = "needed.json";

/// Compiled code in a folder of the cache.
pub(in super::super) struct CompiledCode<'a> {
    pub(in super::super) compile_folder: &'a CompileFolder,
    /// Relative to the compile folder. Whatever removes the code removes this folder.
    pub(in super::super) folder: &'a str,
}

impl CompiledCode<'_> {
    fn names(&self) -> BTreeSet<String> {
        let text = self.compile_folder.record(&self.record_name()).unwrap_or_default();
        serde_json::from_slice(&text).unwrap_or_default()
    }

    fn record_name(&self) -> String {
        format!("{}/{FILE}", self.folder)
    }

    /// Whether there is a list that is not sealed: what the code was compiled with is not known then.
    fn is_unknown(&self) -> bool {
        let name = self.record_name();
        self.compile_folder.record(&name).is_none()
            && fs::symlink_metadata(self.compile_folder.root().join(name)).is_ok()
    }

    fn remove(&self) -> Result<(), Failure> {
        remove_folder(&self.compile_folder.root().join(self.folder))
    }

    /// Removes the code where it was, or may have been, compiled with other files than those of the lock, so that it is
    /// compiled again.
    pub(in super::super) fn remove_unless(
        &self,
        pinned: &dyn Fn(&MachineFiles) -> Result<(), Failure>,
        machine: &MachineInputs,
    ) -> Result<(), Failure> {
        if !self.is_unknown() && pinned(&machine.recall(self)).is_ok() { Ok(()) } else { self.remove() }
    }
}

impl MachineInputs {
    /// [Checks](Self::check_headers) the lists in `logs` and removes them; gives the conditional files that all of `code`
    /// was compiled with. Code that is refused is removed with its lists, so that no compile finds it fresh.
    pub(in super::super) fn check_code(
        &self,
        code: &CompiledCode<'_>,
        logs: &Path,
        host: &dyn Fn(&Path) -> PathBuf,
        own: &dyn Fn(&Path) -> bool,
    ) -> Result<MachineFiles, Failure> {
        let checked = self.check_headers(logs, host, own);
        if checked.is_err() {
            code.remove()?;
            remove_folder(logs)?;
        }
        // The names are written before the lists are removed: a crash in between must not lose both.
        let needed = self.remember(code, &checked?)?;
        remove_folder(logs)?;
        Ok(needed)
    }

    /// The conditional files that `code` was compiled with.
    fn recall(&self, code: &CompiledCode<'_>) -> MachineFiles {
        let names = code.names();
        let mut files = MachineFiles::default();
        for (name, file) in self.conditional().filter(|(name, _)| names.contains(*name)) {
            files.add(name, file);
        }
        files
    }

    /// Keeps that `code` was compiled with `needed`, too, and gives all that it was compiled with.
    fn remember(&self, code: &CompiledCode<'_>, needed: &MachineFiles) -> Result<MachineFiles, Failure> {
        let mut names = code.names();
        let known = names.len();
        names.extend(needed.0.keys().cloned());
        if names.len() != known {
            let text = serde_json::to_vec(&names).map_err(|error| {
                Failure::error(
                    ErrorName::Internal,
                    format!("cannot record the files that code was compiled with: {error}"),
                )
            })?;
            code.compile_folder.keep(&code.record_name(), &text)?;
        }
        Ok(self.recall(code))
    }
}
