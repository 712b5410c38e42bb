//! Adds `-ffile-prefix-map` to `CFLAGS` and `CXXFLAGS`, so that C code which build scripts compile holds no folder of
//! this machine.
//!
//! `__FILE__`, and with it every `assert`, is the path that the compiler was called with, and most build scripts
//! call it with absolute ones.

use std::path::PathBuf;

use super::{cargo_config::CargoConfigFile, environment::Environment};

/// The variables from which the `cc` and `cmake` crates, autoconf and most makefiles take their flags.
pub(super) const NAMES: [&str; 2] = ["CFLAGS", "CXXFLAGS"];

/// Adds to the flags of the recipe, else of the checkout's cargo configuration, those that replace the beginnings of
/// paths; of several that fit, gcc (8) and clang (10) take the last one given.
///
/// A path with white space cannot be said in these variables, and keeps its name.
pub(super) fn add(environment: &mut Environment, own: &[CargoConfigFile], maps: &[(PathBuf, String)]) {
    let sayable = |path: &&str| !path.contains(|c: char| c.is_whitespace() || matches!(c, '"' | '\'' | '\\' | '='));
    let said = maps.iter().filter_map(|(from, to)| Some((from.to_str().filter(sayable)?, to)));
    let flags: Vec<_> = said.map(|(from, to)| format!("-ffile-prefix-map={from}={to}")).collect();
    for name in NAMES {
        // Cargo's `[env]` yields to a variable that is there, so what it says is taken along.
        let configured = || own.iter().find_map(|config| config.variable(name)).map(Into::into);
        let mut all = environment.remove(std::ffi::OsStr::new(name)).or_else(configured).unwrap_or_default();
        for flag in &flags {
            if !all.is_empty() {
                all.push(" ");
            }
            all.push(flag);
        }
        environment.insert(name.into(), all);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn flags_of_the_recipe_stay_and_paths_with_blanks_are_left_out() {
        let mut environment = Environment::from([("CFLAGS".into(), "-O3".into())]);
        let maps = [("/a b", "/build/x"), ("/work/p", "/build/source")].map(|(from, to)| (from.into(), to.into()));
        add(&mut environment, &[], &maps);
        let said = |name: &str| environment.get(std::ffi::OsStr::new(name)).map(|value| value.to_string_lossy());
        assert_eq!(said("CFLAGS").as_deref(), Some("-O3 -ffile-prefix-map=/work/p=/build/source"));
        assert_eq!(said("CXXFLAGS").as_deref(), Some("-ffile-prefix-map=/work/p=/build/source"));
    }
}
