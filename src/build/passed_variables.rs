//! [`PassedVariables`]: variables of the caller that reach toolchains because the caller of hardpan says so, never a recipe.

use std::{
    collections::{BTreeMap, BTreeSet},
    ffi::{OsStr, OsString},
};

/// What the command line and the policy file let through.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct PassedVariables {
    /// `--fetch-env`: variables that reach the fetch although they look like secrets.
    pub fetch: BTreeSet<OsString>,
    /// `[compile] pass` of the policy file: variables that reach the compile.
    pub compile: BTreeSet<String>,
}

impl PassedVariables {
    /// Of the variables that the policy names, those that the caller has.
    pub fn in_effect(&self, caller: &BTreeMap<OsString, OsString>) -> Vec<String> {
        let is_set = |name: &&String| caller.get(OsStr::new(name)).is_some_and(|value| !value.is_empty());
        self.compile.iter().filter(is_set).cloned().collect()
    }
}
