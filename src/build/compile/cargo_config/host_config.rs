//! Checks a cargo configuration file outside of the checkout key by key: ignores it, overrides it on the command line,
//! or refuses the build.

use std::{collections::BTreeSet, ffi::OsStr};

use toml::{Table, Value};

use super::{CargoConfigFile, CargoConfiguration, CompileContext, ConfigOverride, dotted};
use crate::report::Failure;

/// Keys of `[build]` that replace the compiler or stand between cargo and it, and what turns them off.
const COMPILERS: [(&str, &str); 2] = [("rustc", "rustc"), ("rustc-wrapper", "")];
/// Where a key that changes the program belongs.
const MOVE: &str = "move it into a `.cargo/config.toml` of the checkout, which every machine has";

/// The check of one file.
pub(super) struct HostConfigCheck<'a> {
    pub(super) configuration: &'a CargoConfiguration,
    pub(super) config: &'a CargoConfigFile,
    pub(super) reach: &'a CompileContext<'a>,
    /// The profile of the compile and those that it inherits from.
    pub(super) profiles: &'a BTreeSet<String>,
}

impl HostConfigCheck<'_> {
    /// Adds what the command line has to override, or refuses the first key that it cannot.
    ///
    /// Every other table says where crates come from (`registries`, `net`, `http`), is about another command
    /// (`install`, `alias`, `doc`) or about what is shown (`term`). Flags of the compiler have no effect because
    /// hardpan sets `CARGO_ENCODED_RUSTFLAGS`, and a linker is overridden for all files at once.
    pub(super) fn judge(&self, overrides: &mut Vec<ConfigOverride>) -> Result<(), Failure> {
        for (name, value) in self.config.table() {
            match (name.as_str(), value) {
                ("build", Value::Table(build)) => self.build(build, overrides)?,
                ("env", Value::Table(variables)) => self.variables(variables, overrides)?,
                ("profile", Value::Table(profiles)) => self.profile(profiles)?,
                ("target", Value::Table(targets)) => self.libraries(targets)?,
                ("source", Value::Table(sources)) => self.sources(sources)?,
                ("unstable", Value::Table(features)) => self.unstable(features, overrides)?,
                ("patch", patch) => self.refuse_within(&["patch"], patch, MOVE)?,
                ("paths", paths) => self.refuse_within(&["paths"], paths, MOVE)?,
                ("resolver", Value::Table(resolver)) => {
                    if let Some(value) = resolver.get("lockfile-path") {
                        self.refuse_within(&["resolver", "lockfile-path"], value, MOVE)?;
                    }
                }
                _ => {}
            }
        }
        Ok(())
    }

    fn build(&self, build: &Table, overrides: &mut Vec<ConfigOverride>) -> Result<(), Failure> {
        // Cargo makes even an empty one part of the names of symbols, and with it does not remember what rustc said: it is
        // no override for every machine.
        let wrapper = ["build", "rustc-workspace-wrapper"];
        if build.contains_key("rustc-workspace-wrapper") && !self.configuration.has_own(&wrapper) {
            return Err(
                self.refusal(&wrapper, "leave it out for this build: it names a compiler for the checkout alone")
            );
        }
        for (name, off) in COMPILERS {
            let path = ["build", name];
            if build.contains_key(name) && !self.configuration.has_own(&path) {
                overrides.push((dotted(&path), off.into()));
            }
        }
        Ok(())
    }

    /// `[env]` reaches the compiler and build scripts, but yields to the variables of the compile unless it insists.
    fn variables(&self, variables: &Table, overrides: &mut Vec<ConfigOverride>) -> Result<(), Failure> {
        for (name, value) in variables {
            let path = ["env", name.as_str()];
            // Of a table the keys that the checkout's own does not have would be added to it.
            let adds = |key: &str| value.get(key).is_some() && !self.configuration.has_own(&["env", name, key]);
            if self.configuration.has_own(&path) {
                if let Some(key) = ["force", "relative"].into_iter().find(|key| adds(key)) {
                    return Err(self.refusal(&["env", name, key], MOVE));
                }
                continue;
            }
            let is_set = self.reach.environment.contains_key(OsStr::new(name))
                || super::super::c_flags::NAMES.contains(&name.as_str());
            if !is_set {
                let hint = "move it into `env` of the recipe, or into a `.cargo/config.toml` of the checkout";
                return Err(self.refusal(&path, hint));
            }
            if value.get("force").is_some() {
                overrides.push((dotted(&["env", name, "force"]), false.into()));
            }
        }
        Ok(())
    }

    /// Profiles that the compile uses; others are of no account.
    fn profile(&self, profiles: &Table) -> Result<(), Failure> {
        for (name, profile) in profiles.iter().filter(|(name, _)| self.profiles.contains(*name)) {
            for (key, value) in profile.as_table().into_iter().flatten() {
                // `CARGO_INCREMENTAL` of the compile wins.
                if key != "incremental" {
                    let hint = "move it into the `Cargo.toml` of the workspace, which every machine has";
                    self.refuse_within(&["profile", name, key], value, hint)?;
                }
            }
        }
        Ok(())
    }

    /// Tables below a triple replace the build script of a package that links a library (The Cargo Book, "Overriding
    /// Build Scripts").
    fn libraries(&self, targets: &Table) -> Result<(), Failure> {
        for triple in [self.reach.target, self.reach.host] {
            for (name, value) in targets.get(triple).and_then(Value::as_table).into_iter().flatten() {
                if value.is_table() {
                    self.refuse_within(&["target", triple, name], value, MOVE)?;
                }
            }
        }
        Ok(())
    }

    /// Crates that lie unpacked in a folder have paths of this machine, and those get into the program.
    fn sources(&self, sources: &Table) -> Result<(), Failure> {
        let names = || self.configuration.all().filter_map(|config| config.get(&["source"])?.as_table());
        for (name, _) in sources.iter().filter(|(_, source)| source.get("directory").is_some()) {
            // The first file with a `replace-with` for a source has precedence.
            let is_used = names().flat_map(Table::keys).any(|replaced| {
                let path = ["source", replaced.as_str(), "replace-with"];
                let with = self.configuration.all().find_map(|config| config.get(&path));
                with.and_then(Value::as_str) == Some(name)
            });
            if is_used || name == "crates-io" {
                let hint = "`cargo vendor` in the checkout, with its `.cargo/config.toml`, brings the crates to every \
                            machine";
                return Err(self.refusal(&["source", name, "directory"], hint));
            }
        }
        Ok(())
    }

    /// Features of a nightly cargo. Most are switches, and the command line turns a switch off.
    fn unstable(&self, features: &Table, overrides: &mut Vec<ConfigOverride>) -> Result<(), Failure> {
        for (name, value) in features {
            let path = ["unstable", name.as_str()];
            match value {
                Value::Boolean(false) => {}
                Value::Boolean(true) if self.configuration.has_own(&path) => {}
                Value::Boolean(true) => overrides.push((dotted(&path), false.into())),
                value => self.refuse_within(&path, value, MOVE)?,
            }
        }
        Ok(())
    }

    /// Refuses the first value at `path` or below it; a table or a list without any is none.
    fn refuse_within(&self, path: &[&str], value: &Value, hint: &str) -> Result<(), Failure> {
        match value {
            Value::Table(table) => table.iter().try_for_each(|(name, value)| {
                let path: Vec<_> = path.iter().copied().chain([name.as_str()]).collect();
                self.refuse_within(&path, value, hint)
            }),
            Value::Array(list) if list.is_empty() => Ok(()),
            _ => Err(self.refusal(path, hint)),
        }
    }

    fn refusal(&self, path: &[&str], hint: &str) -> Failure {
        let what = "`{key}` in the cargo configuration of this machine would change the program";
        self.config.failure(path, what).hint(hint)
    }
}
