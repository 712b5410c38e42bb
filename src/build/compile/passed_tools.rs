//! Tools of a pipeline around compilers, a build cache of its own for Go (`GOCACHEPROG`) and a wrapper of rustc such as sccache
//! (`RUSTC_WRAPPER`): they reach a compile when the policy file of the pipeline names them, and never because a recipe does.

use std::{
    ffi::OsStr,
    path::{Path, PathBuf},
};

use super::{Toolchain, environment::Environment};
use crate::report::{ErrorName, Failure, printable};

/// The settings of sccache, which go along with it.
const SCCACHE: &str = "SCCACHE_";

impl Toolchain<'_> {
    /// Adds `GOCACHEPROG` of the caller, if the policy file names it.
    ///
    /// # Errors
    /// It names no program of the user.
    pub(super) fn pass_go_cache(&self, environment: &mut Environment) -> Result<(), Failure> {
        let Some(command) = self.passed_variable("GOCACHEPROG") else { return Ok(()) };
        let text = command.to_string_lossy();
        // A command with arguments (`go help environment`).
        let program = text.split_whitespace().next().unwrap_or_default().trim_matches(['"', '\'']);
        self.users_program("GOCACHEPROG", program)?;
        environment.insert("GOCACHEPROG".into(), command.to_owned());
        Ok(())
    }

    /// Adds `RUSTC_WRAPPER` of the caller and the settings of sccache, if the policy file names it.
    ///
    /// # Errors
    /// It names no program of the user.
    pub(super) fn pass_rustc_wrapper(&self, environment: &mut Environment) -> Result<(), Failure> {
        let Some(wrapper) = self.passed_variable("RUSTC_WRAPPER") else { return Ok(()) };
        let program = self.users_program("RUSTC_WRAPPER", &wrapper.to_string_lossy())?;
        environment.insert("RUSTC_WRAPPER".into(), program.into());
        let settings = self.caller.iter().filter(|(name, _)| name.to_string_lossy().starts_with(SCCACHE));
        environment.extend(settings.map(|(name, value)| (name.clone(), value.clone())));
        Ok(())
    }

    /// Whether the policy file lets a variable of the caller through that the caller has.
    pub(super) fn passed_variable(&self, name: &str) -> Option<&OsStr> {
        self.caller_variable(name).filter(|_| self.passed.compile.contains(name))
    }

    /// The program of this name in `PATH`, or at this absolute path outside of the checkout.
    fn users_program(&self, variable: &str, name: &str) -> Result<PathBuf, Failure> {
        let path = Path::new(name);
        let found =
            if name.contains('/') { Some(path.to_owned()).filter(|path| path.is_file()) } else { self.program(name) };
        let is_users = |path: &PathBuf| {
            path.is_absolute() && !path.canonicalize().is_ok_and(|real| real.starts_with(self.checkout))
        };
        found.filter(is_users).ok_or_else(|| {
            let what = format!(
                "`{variable}` is `{}`, which is no program in `PATH` and none at an absolute path outside of the checkout",
                printable(name)
            );
            Failure::error(ErrorName::Environment, what)
        })
    }
}
