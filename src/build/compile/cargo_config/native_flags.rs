//! Refuses flags in the checkout's cargo configuration that ask for the processor of the machine that compiles.

use std::collections::BTreeSet;

use cargo_platform::Cfg;
use toml::{Table, Value};

use super::{CargoConfigFile, CargoConfiguration, CompileContext, checkout_flags::holding, config_file};
use crate::{
    recipe::{is_native_for_rustc, native_for_c},
    report::{ErrorName, Failure, printable},
};

/// The hint: a CPU by name.
const NAME_IT: &str = "name the CPU, such as `-Ctarget-cpu=x86-64-v3`";

impl CargoConfiguration {
    /// Refuses such flags, at the place that they are written at: among `flags`, which count in this compile, in `[env]`,
    /// and in the profile of the compile.
    pub(super) fn refuse_native(
        &self,
        reach: &CompileContext<'_>,
        flags: &[String],
        cfgs: &[Cfg],
        profiles: &BTreeSet<String>,
    ) -> Result<(), Failure> {
        if let Some(flag) = flags.iter().find(|flag| is_refused(flag)) {
            return Err(self.refusal_of(flag, reach.target, cfgs));
        }
        for config in &self.own {
            let variables = config.get(&["env"]).and_then(Value::as_table);
            for name in variables.into_iter().flat_map(Table::keys) {
                let text = config.variable(name).unwrap_or_default();
                if let Some(flag) = native_for_c(text) {
                    let what =
                        format!("`{{key}}` has `{flag}`, which makes a program for the machine that compiles it");
                    let hint = "name the CPU, such as `-march=x86-64-v3`";
                    let failure = config.failure(&["env", name], &what).named(ErrorName::CompilerFlag);
                    return Err(failure.hint(hint));
                }
            }
        }
        // One that cannot be read is refused by cargo, in its own words.
        let manifest = config_file::read_file(&reach.workspace.join("Cargo.toml")).unwrap_or_default();
        for config in self.own.iter().chain(&manifest) {
            for name in profiles {
                let path = ["profile", name.as_str()];
                if let Some((path, flag)) = config.get(&path).and_then(|profile| native_within(&path, profile)) {
                    return Err(refusal(config, &path, flag));
                }
            }
        }
        Ok(())
    }

    /// The refusal of a flag that is in one of the tables that count.
    fn refusal_of(&self, flag: &str, target: &str, cfgs: &[Cfg]) -> Failure {
        let conditions = holding(self.own.iter(), cfgs);
        let tables = conditions.into_iter().chain([target]).map(|name| vec!["target", name, "rustflags"]);
        for path in tables.chain([vec!["build", "rustflags"]]) {
            let found = self.own.iter().find(|config| config.get(&path).is_some_and(|value| holds(value, flag)));
            if let Some(config) = found {
                return refusal(config, &path, flag);
            }
        }
        Failure::error(ErrorName::CompilerFlag, format!("the flag `{}` is not allowed", printable(flag))).hint(NAME_IT)
    }
}

/// Whether a flag asks for this machine, or may: rustc reads more flags from a response file.
fn is_refused(flag: &str) -> bool {
    flag.starts_with('@') || is_native_for_rustc(flag)
}

/// Whether a list of flags, or a text of them, has `flag`.
fn holds(value: &Value, flag: &str) -> bool {
    words(value).any(|word| word == flag)
}

fn words(value: &Value) -> impl Iterator<Item = &str> {
    let list = value.as_array().into_iter().flatten().filter_map(Value::as_str);
    list.chain(value.as_str().into_iter().flat_map(str::split_whitespace))
}

/// The first refused flag in the `rustflags` of a profile, of its packages and its build scripts, with the path to it.
fn native_within<'a>(path: &[&'a str], value: &'a Value) -> Option<(Vec<&'a str>, &'a str)> {
    value.as_table()?.iter().find_map(|(name, inner)| {
        let path: Vec<_> = path.iter().copied().chain([name.as_str()]).collect();
        if name == "rustflags" {
            return words(inner).find(|flag| is_refused(flag)).map(|flag| (path, flag));
        }
        native_within(&path, inner)
    })
}

fn refusal(config: &CargoConfigFile, path: &[&str], flag: &str) -> Failure {
    if flag.starts_with('@') {
        let what = format!("`{{key}}` has the response file `{}`, whose flags are not checked", printable(flag));
        let failure = config.failure(path, &what).named(ErrorName::CompilerFlag);
        return failure.hint("write the flags that are in it here");
    }
    let what = format!("`{{key}}` has `{}`, which makes a program for the machine that compiles it", printable(flag));
    config.failure(path, &what).named(ErrorName::CompilerFlag).hint(NAME_IT)
}
