//! Cargo's configuration files (`.cargo/config.toml`): which of their keys reach a compile, and what is done about
//! each.
//!
//! Cargo reads `.cargo/config.toml` (and `.cargo/config`) in its folder and in every folder above, then the one in
//! the cargo home (The Cargo Book, "Configuration"). The files in the checkout belong to the program and keep their
//! effect. The files outside of it belong to this machine, and each of their keys is judged by what it can reach:
//!
//! * keys that no compile reads, or that are about another target or another profile, are ignored;
//! * keys that the command line or a variable of the compile overrides are overridden;
//! * the others would change the program on this machine alone, and are refused.

mod checkout_flags;
mod compile_context;
mod config_file;
mod host_config;
mod native_flags;
mod profiles;
#[cfg(test)]
mod tests;

use std::{
    fs,
    path::{Path, PathBuf},
};

pub(super) use self::{compile_context::CompileContext, config_file::CargoConfigFile};
use crate::report::{ErrorName, Failure};

/// The configuration files that cargo reads in one folder.
#[derive(Debug)]
pub(super) struct CargoConfiguration {
    /// The files in the checkout, highest precedence first.
    pub(super) own: Vec<CargoConfigFile>,
    /// The files outside of it, in the same order. All of them have lower precedence than the checkout's.
    host: Vec<CargoConfigFile>,
}

/// The effective configuration of one compile.
#[derive(Debug, PartialEq, Eq)]
pub(super) struct SettledConfig {
    /// The flags of the compiler that the checkout asks for, both `build.rustflags` and `target.*.rustflags`.
    ///
    /// They belong into `CARGO_ENCODED_RUSTFLAGS` together with hardpan's own: cargo then takes no flags from any
    /// configuration, so that those of this machine stay away and those of the checkout do not come twice.
    pub(super) rustflags: Vec<String>,
    /// The linker that the checkout asks for. An absolute path, or the name of a program in `PATH`.
    pub(super) linker: Option<PathBuf>,
    /// Arguments of cargo (`--config`, and the key with its value) against the keys of this machine that would
    /// otherwise have an effect. Each command of cargo gets them, and they come before a `--config` of hardpan.
    pub(super) overrides: Vec<String>,
}

impl CargoConfiguration {
    /// Reads the files for `dir`, which is in `checkout`.
    pub(super) fn read(dir: &Path, checkout: &Path, cargo_home: &Path) -> Result<Self, Failure> {
        let (mut own, mut host) = (Vec::new(), Vec::new());
        for folder in dir.ancestors() {
            let within = folder.starts_with(checkout).then_some(checkout);
            let found = config_file::in_folder(&folder.join(".cargo"), within)?;
            if within.is_some() { &mut own } else { &mut host }.extend(found);
        }
        // A cargo home below the checkout's own `.cargo` is among them already.
        let home = config_file::in_folder(cargo_home, None)?;
        host.extend(
            home.into_iter().filter(|config| !own.iter().any(|met: &CargoConfigFile| same(met.path(), config.path()))),
        );
        Ok(Self { own, host })
    }

    /// The effective configuration for one compile; refuses keys of this machine that would change the program.
    pub(super) fn settle(&self, reach: &CompileContext<'_>) -> Result<SettledConfig, Failure> {
        let profiles = self.profiles(reach);
        let mut overrides = Vec::new();
        for config in &self.host {
            host_config::HostConfigCheck { configuration: self, config, reach, profiles: &profiles }
                .judge(&mut overrides)?;
        }
        let (rustflags, cfgs) = self.flags(reach.target, reach.ask)?;
        self.refuse_native(reach, &rustflags, &cfgs, &profiles)?;
        let linker = self.linker_with(reach.target, &cfgs)?;
        if self.has_foreign_linker(reach.target, &cfgs) {
            let name = linker.as_deref().unwrap_or(Path::new(DEFAULT_LINKER));
            let Some(name) = name.to_str() else {
                return Err(Failure::error(
                    ErrorName::InputName,
                    "the path of the linker is not UTF-8, and cargo takes only UTF-8",
                )
                .in_path(name));
            };
            overrides.push((dotted(&["target", reach.target, "linker"]), name.into()));
        }
        // The flags that hardpan adds to these variables would yield to a configuration that insists.
        for name in super::c_flags::NAMES {
            if self.own.iter().any(|config| config.get(&["env", name, "force"]).is_some()) {
                overrides.push((dotted(&["env", name, "force"]), false.into()));
            }
        }
        let mut arguments = Vec::new();
        for (key, value) in overrides {
            let argument = format!("{key}={value}");
            if !arguments.contains(&argument) {
                arguments.extend(["--config".to_owned(), argument]);
            }
        }
        Ok(SettledConfig { rustflags, linker, overrides: arguments })
    }

    /// Whether there are files in the folders above the checkout, which a compile at other paths would not meet.
    pub(super) fn is_above(&self, cargo_home: &Path) -> bool {
        self.host.iter().any(|config| config.path().parent() != Some(cargo_home))
    }

    /// Whether the checkout has a value at `path`, which then wins over any outside of it.
    fn has_own(&self, path: &[&str]) -> bool {
        self.own.iter().any(|config| config.get(path).is_some())
    }
}

/// The linker of rustc for Linux targets without one of their own.
const DEFAULT_LINKER: &str = "cc";

/// A key and the value that it gets on the command line.
type ConfigOverride = (String, toml::Value);

/// The dotted form of a key, each part in quotes where TOML asks for them.
fn dotted(path: &[&str]) -> String {
    path.iter().map(|part| quoted(part)).collect::<Vec<_>>().join(".")
}

/// One part of a key.
fn quoted(part: &str) -> String {
    let bare = !part.is_empty() && part.bytes().all(|byte| byte.is_ascii_alphanumeric() || b"_-".contains(&byte));
    if bare { part.to_owned() } else { toml::Value::from(part).to_string() }
}

/// Whether two paths are one file.
fn same(one: &Path, other: &Path) -> bool {
    one == other || matches!((fs::canonicalize(one), fs::canonicalize(other)), (Ok(one), Ok(other)) if one == other)
}
