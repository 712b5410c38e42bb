//! The environment variables of a compile and of a fetch. That of a compile is built from nothing and has the same
//! values on every machine, but for `PATH` and the folders of toolchains.

use std::{
    collections::BTreeMap,
    env,
    ffi::{OsStr, OsString},
    os::unix::fs::PermissionsExt as _,
    path::{Path, PathBuf},
};

use super::{Toolchain, compile_folder::CompileFolder};
use crate::{
    recipe::{Located, native_for_c},
    report::{ErrorName, Failure, printable},
};

/// The variables of a child.
pub(super) type Environment = BTreeMap<OsString, OsString>;

/// Switches off everything in git that another file than the checkout's could switch on, and hooks with it.
/// `safe.directory` lets another user's checkout be read, which a container build often is. `core.abbrev` is what
/// `{git.describe}` takes: else the name of a commit is as long as the number of objects in the clone asks for.
pub(super) const GIT_SETTINGS: [(&str, &str); 4] =
    [("core.hooksPath", "/dev/null"), ("core.fsmonitor", "false"), ("safe.directory", "*"), ("core.abbrev", "12")];

impl Toolchain<'_> {
    /// A variable of the caller; an empty one is none, as for Go and cargo.
    pub(super) fn caller_variable(&self, name: &str) -> Option<&OsStr> {
        self.caller.get(OsStr::new(name)).map(OsString::as_os_str).filter(|value| !value.is_empty())
    }

    /// The caller's `PATH` without the entries that depend on the folder a child runs in: those would let a
    /// checkout bring its own `cc`.
    pub(super) fn path(&self) -> OsString {
        let path = self.caller_variable("PATH").unwrap_or(OsStr::new("/usr/local/bin:/usr/bin:/bin"));
        let absolute = env::split_paths(path).filter(|entry| entry.is_absolute());
        env::join_paths(absolute).unwrap_or_default()
    }

    /// Where `name` is in `PATH`.
    pub(super) fn program(&self, name: &str) -> Option<PathBuf> {
        env::split_paths(&self.path()).map(|folder| folder.join(name)).find(|file| {
            file.metadata().is_ok_and(|metadata| metadata.is_file() && metadata.permissions().mode() & 0o111 != 0)
        })
    }

    /// The program that a recipe or a configuration names: in `PATH`, or at a path relative to `dir`.
    pub(super) fn named_program(&self, name: &str, dir: &Path) -> Result<PathBuf, Failure> {
        if name.contains('/') {
            let path = dir.join(name);
            return if path.is_file() {
                Ok(path)
            } else {
                Err(Failure::error(ErrorName::ToolMissing, format!("the program `{}` does not exist", printable(name))))
            };
        }
        self.program(name).ok_or_else(|| {
            Failure::error(ErrorName::ToolMissing, format!("the program `{}` is not in `PATH`", printable(name)))
        })
    }

    /// The caller's environment for a fetch. The variables by which a caller (or `cargo run`, by way of rustup)
    /// picks another toolchain are gone: fetch and compile use the same one, which the checkout or the machine's
    /// default names. So are those that look like secrets ([`withhold_secrets`](Self::withhold_secrets)). Git may read a checkout of another owner, as in the compile. Without a home that can be entered it gets
    /// one in the scratch folder.
    pub(super) fn fetch_environment(&self) -> Result<Environment, Failure> {
        let mut environment = self.caller.clone();
        for name in ["RUSTUP_TOOLCHAIN", "RUST_RECURSION_COUNT", "RUSTC"] {
            environment.remove(OsStr::new(name));
        }
        for (name, _) in super::ignored_variables::GO {
            environment.remove(OsStr::new(name));
        }
        self.withhold_secrets(&mut environment);
        environment.insert("PATH".into(), self.path());
        environment.insert("GOTOOLCHAIN".into(), "local".into());
        environment.extend(self.home_in_scratch()?.map(|home| ("HOME".into(), home.into())));
        add_git_settings(&mut environment);
        Ok(environment)
    }

    /// The environment of every compile: the caller's `PATH`, an empty home, a temporary folder, the locale C.
    pub(super) fn compile_environment(&self, compile_folder: &CompileFolder) -> Environment {
        let mut environment = Environment::from([
            ("PATH".into(), self.path()),
            ("HOME".into(), compile_folder.home().into_os_string()),
            ("TMPDIR".into(), compile_folder.temporary().into_os_string()),
        ]);
        // The date is for the C compilers and the stamping crates that build scripts call.
        let fixed = [("LANG", "C"), ("LC_ALL", "C"), ("TZ", "UTC"), ("SOURCE_DATE_EPOCH", "0")];
        let git = [("GIT_CONFIG_NOSYSTEM", "1"), ("GIT_CONFIG_GLOBAL", "/dev/null"), ("GIT_OPTIONAL_LOCKS", "0")];
        for (name, value) in fixed.into_iter().chain(git) {
            environment.insert(name.into(), value.into());
        }
        add_git_settings(&mut environment);
        environment
    }
}

/// Adds [`GIT_SETTINGS`] to the settings that the caller gives git by variables, and leaves those as they are.
fn add_git_settings(environment: &mut Environment) {
    let count = environment.get(OsStr::new("GIT_CONFIG_COUNT")).filter(|count| !count.is_empty());
    // A count that is no number is a mistake of the caller, which git names.
    let Some(count) = count.map_or(Some(0), |count| count.to_str()?.parse::<usize>().ok()) else { return };
    for (at, (key, value)) in (count..).zip(GIT_SETTINGS) {
        environment.insert(format!("GIT_CONFIG_KEY_{at}").into(), key.into());
        environment.insert(format!("GIT_CONFIG_VALUE_{at}").into(), value.into());
    }
    environment.insert("GIT_CONFIG_COUNT".into(), count.saturating_add(GIT_SETTINGS.len()).to_string().into());
}

/// Adds the recipe's own variables; `reserved` are those that would undo what hardpan asks of the compiler.
pub(super) fn add_recipe(
    environment: &mut Environment,
    recipe: &BTreeMap<String, Located<String>>,
    reserved: impl Fn(&str) -> bool,
) -> Result<(), Failure> {
    for (name, value) in recipe {
        if reserved(name) {
            let what = format!("`{}` is a reserved variable: hardpan sets it", printable(name));
            return Err(Failure::error(ErrorName::RecipeKey, what).at(&value.origin));
        }
        if let Some(flag) = native_for_c(&value.value) {
            let what =
                format!("`{}` has `{flag}`, which makes a program for the machine that compiles it", printable(name));
            return Err(Failure::error(ErrorName::CompilerFlag, what)
                .at(&value.origin)
                .hint("name the CPU, such as `-march=x86-64-v3`"));
        }
        environment.insert(name.into(), (&value.value).into());
    }
    Ok(())
}

#[cfg(test)]
pub(super) mod tests {
    #![allow(clippy::unwrap_used)]
    use std::{collections::BTreeSet, num::NonZeroUsize};

    use super::*;
    use crate::{build::passed_variables::PassedVariables, cache::SealKey};

    static NOTHING_PASSED: PassedVariables = PassedVariables { fetch: BTreeSet::new(), compile: BTreeSet::new() };

    /// A toolchain of tests.
    pub(in super::super) fn toolchain<'a>(
        caller: &'a Environment,
        cache: &'a Path,
        checkout: &'a Path,
    ) -> Toolchain<'a> {
        Toolchain {
            caller,
            passed: &NOTHING_PASSED,
            offline: true,
            jobs: NonZeroUsize::new(2).unwrap(),
            program: None,
            cache: Some(cache),
            scratch: std::sync::Arc::new(crate::output::ScratchFolder::below(env::temp_dir())),
            checkout,
            blobs: None,
            shared: None,
            states: crate::build::compile::StatesOfCall::default(),
            ignored: &[],
            written: std::sync::Arc::default(),
            progress: &crate::report::Silent,
        }
    }

    #[test]
    fn a_compile_sees_nothing_of_the_caller_but_path() {
        let caller = Environment::from(
            [
                ("PATH", ".:/usr/bin::bin:/bin"),
                ("HOME", "/root"),
                ("RUSTFLAGS", "-C x"),
                ("GOFLAGS", "-mod=mod"),
                ("TZ", "Asia/Tokyo"),
            ]
            .map(|(name, value)| (name.into(), value.into())),
        );
        let cache = tempfile::tempdir().unwrap();
        let toolchain = toolchain(&caller, cache.path(), Path::new("/src"));
        let compile_folder = CompileFolder::open(cache.path(), "test", &[], &SealKey::of_this_call()).unwrap();
        let environment = toolchain.compile_environment(&compile_folder);
        assert_eq!(environment.get(OsStr::new("PATH")).unwrap(), "/usr/bin:/bin");
        assert_eq!(environment.get(OsStr::new("TZ")).unwrap(), "UTC");
        assert!(
            environment.get(OsStr::new("HOME")).unwrap().to_str().unwrap().starts_with(cache.path().to_str().unwrap())
        );
        assert!(!environment.keys().any(|name| name == "RUSTFLAGS" || name == "GOFLAGS"));
        assert!(toolchain.program("sh").unwrap().is_absolute());
        assert_eq!(toolchain.program("no-such-program"), None);
    }

    #[test]
    fn a_fetch_may_read_a_checkout_of_another_owner_and_keeps_the_callers_git_settings() {
        let path = Path::new("/x");
        let said = |pairs: &[(&str, &str)]| {
            let caller: Environment = pairs.iter().map(|(name, value)| (name.into(), value.into())).collect();
            let fetching = toolchain(&caller, path, path).fetch_environment().unwrap();
            let git = fetching.into_iter().filter(|(name, _)| name.to_string_lossy().starts_with("GIT_"));
            git.map(|(name, value)| format!("{}={}", name.display(), value.display())).collect::<Vec<_>>()
        };
        let own = [("GIT_CONFIG_COUNT", "1"), ("GIT_CONFIG_KEY_0", "http.proxy"), ("GIT_CONFIG_VALUE_0", "p")];
        let all = said(&own);
        for line in ["GIT_CONFIG_COUNT=5", "GIT_CONFIG_KEY_0=http.proxy", "GIT_CONFIG_KEY_3=safe.directory"] {
            assert!(all.iter().any(|said| said == line), "{line} in {all:?}");
        }
        assert!(said(&[]).contains(&"GIT_CONFIG_VALUE_2=*".to_owned()));
        assert_eq!(said(&[("GIT_CONFIG_COUNT", "x")]), ["GIT_CONFIG_COUNT=x"]);
    }
}
