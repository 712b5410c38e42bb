//! The flags and the linker that the checkout's own cargo configuration asks for, by the rules of cargo.

use std::{collections::BTreeSet, path::PathBuf};

use cargo_platform::{Cfg, CfgExpr};
use toml::{Table, Value};

use super::{CargoConfigFile, CargoConfiguration, compile_context::CfgQuery};
use crate::report::{ErrorName, Failure, printable};

impl CargoConfiguration {
    /// The checkout's flags for `target`, and the configuration of the target with them; the latter is empty where no
    /// table depends on it.
    ///
    /// Cargo takes one of `target.*.rustflags` (all that match, joined) and `build.rustflags`. A condition may be about
    /// what the flags themselves switch on (`target_feature`), so cargo decides twice, and no more than that.
    pub(in super::super) fn flags(&self, target: &str, ask: CfgQuery<'_>) -> Result<(Vec<String>, Vec<Cfg>), Failure> {
        let mut flags = self.flags_with(target, &[]);
        let decides = |table: &Table| table.contains_key("rustflags") || table.contains_key("linker");
        if !self.all().any(|config| config.conditions().any(|(_, table)| decides(table))) {
            return Ok((flags, Vec::new()));
        }
        let mut cfgs = ask(&flags)?;
        let first = self.flags_with(target, &cfgs);
        if first != flags {
            cfgs = ask(&first)?;
            flags = self.flags_with(target, &cfgs);
        }
        Ok((flags, cfgs))
    }

    /// The flags where the conditions that hold are known.
    fn flags_with(&self, target: &str, cfgs: &[Cfg]) -> Vec<String> {
        let mut flags = self.joined(&["target", target, "rustflags"]);
        for condition in holding(self.own.iter(), cfgs) {
            flags.extend(self.joined(&["target", condition, "rustflags"]));
        }
        if flags.is_empty() { self.joined(&["build", "rustflags"]) } else { flags }
    }

    /// The flags at `path`, from the outermost file to the innermost: lists join, and a text replaces (cargo's
    /// `ConfigValue::merge`).
    fn joined(&self, path: &[&str]) -> Vec<String> {
        let mut flags: Vec<String> = Vec::new();
        for config in self.own.iter().rev() {
            match config.get(path) {
                Some(Value::Array(list)) => flags.extend(list.iter().filter_map(Value::as_str).map(str::to_owned)),
                Some(Value::String(text)) => flags = text.split_whitespace().map(str::to_owned).collect(),
                _ => {}
            }
        }
        flags
    }

    /// The linker that the checkout names for `target`, by its triple or by the one condition that holds.
    pub(in super::super) fn linker_with(&self, target: &str, cfgs: &[Cfg]) -> Result<Option<PathBuf>, Failure> {
        let at = |name: &str| self.own.iter().find_map(|config| config.program(&["target", name, "linker"]));
        if let Some(linker) = at(target) {
            return Ok(Some(linker));
        }
        let mut linkers = holding(self.own.iter(), cfgs).into_iter().filter_map(|name| Some((name, at(name)?)));
        let Some((_, linker)) = linkers.next() else { return Ok(None) };
        if let Some((name, _)) = linkers.next() {
            let path = ["target", name, "linker"];
            let config = self.own.iter().find(|config| config.get(&path).is_some());
            let what = format!("`{{key}}` is one of several linkers whose condition matches `{}`", printable(target));
            let failure = config.map_or_else(
                || Failure::error(ErrorName::CargoConfig, what.clone()),
                |config| config.failure(&path, &what),
            );
            return Err(failure.hint(format!("write the linker into `[target.{}]`", printable(target))));
        }
        Ok(Some(linker))
    }

    /// Whether a linker of this machine would take the place of the checkout's, or of the default.
    pub(super) fn has_foreign_linker(&self, target: &str, cfgs: &[Cfg]) -> bool {
        if self.has_own(&["target", target, "linker"]) {
            return false;
        }
        let conditions = holding(self.host.iter(), cfgs);
        let names: Vec<_> = conditions.into_iter().chain([target]).collect();
        self.host.iter().any(|config| names.iter().any(|name| config.get(&["target", name, "linker"]).is_some()))
    }

    /// All files, the checkout's first.
    pub(super) fn all(&self) -> impl Iterator<Item = &CargoConfigFile> {
        self.own.iter().chain(&self.host)
    }
}

/// The conditions in `configs` that hold, in the order in which cargo takes them. One that cannot be read holds for no
/// target, as for cargo.
pub(super) fn holding<'a>(configs: impl Iterator<Item = &'a CargoConfigFile>, cfgs: &[Cfg]) -> BTreeSet<&'a str> {
    let names = configs.flat_map(CargoConfigFile::conditions).map(|(name, _)| name);
    names.filter(|name| CfgExpr::matches_key(name, cfgs)).collect()
}
