//! Cargo's own configuration files: which of them may reach a compile, and the flags that ours would hide.
//!
//! Cargo reads `.cargo/config.toml` (and `.cargo/config`) in its folder and in every folder above, then the one in
//! the cargo home (The Cargo Book, "Configuration"). Those in the checkout belong to the program. Those outside are
//! this machine's: what only says where crates come from is welcome, what changes a compile is refused.

use std::{
    fs::{self, File},
    io::{self, Read as _},
    path::{Path, PathBuf},
};

use toml::{Table, Value};

use crate::report::{Failure, Limits, printable};

/// Tables that say where crates come from, or that no compile reads.
const HARMLESS: [&str; 12] = [
    "net",
    "http",
    "registries",
    "registry",
    "term",
    "alias",
    "cargo-new",
    "install",
    "future-incompat-report",
    "cache",
    "credential-alias",
    "doc",
];
/// Keys of `[build]` that hardpan sets itself in every compile, or that no compile reads.
const HARMLESS_BUILD: [&str; 7] =
    ["jobs", "target-dir", "build-dir", "target", "incremental", "rustdoc", "rustdocflags"];

/// A configuration file.
#[derive(Debug)]
pub(super) struct Config {
    path: PathBuf,
    table: Table,
}

/// The files in the checkout that cargo reads in `dir`, the innermost first; the outer ones have been checked.
pub(super) fn read(dir: &Path, checkout: &Path, cargo_home: &Path) -> Result<Vec<Config>, Failure> {
    let mut own = Vec::new();
    for folder in dir.ancestors() {
        let inside = folder.starts_with(checkout);
        for config in in_folder(&folder.join(".cargo"))? {
            if inside {
                own.push(config);
            } else {
                config.refuse()?;
            }
        }
    }
    // In a home below the checkout's own `.cargo` the file was met above already.
    for config in in_folder(cargo_home)? {
        if !own.iter().any(|met| same(&met.path, &config.path)) {
            config.refuse()?;
        }
    }
    Ok(own)
}

/// The flags of the checkout's `build.rustflags`, which cargo would drop next to ours.
///
/// Cargo takes *one* of `target.*.rustflags` (all that match, joined) and `build.rustflags`. Ours are of the first
/// kind, so the second has to be carried over, unless the checkout has flags of the first kind itself.
pub(super) fn carried_flags(own: &[Config], target: &str) -> Result<Vec<String>, Failure> {
    let mut flags: Vec<String> = Vec::new();
    let mut said_by = None;
    // From the outermost to the innermost: lists join, a text replaces (cargo's `ConfigValue::merge`).
    for config in own.iter().rev() {
        if config.table.contains_key("include") {
            let what = "`include` in a cargo configuration cannot be followed";
            return Err(Failure::new(what).in_path(&config.path).hint("write its keys into this file"));
        }
        match config.get(&["build", "rustflags"]) {
            Some(Value::Array(list)) => {
                flags.extend(list.iter().filter_map(Value::as_str).map(str::to_owned));
            }
            Some(Value::String(text)) => flags = text.split_whitespace().map(str::to_owned).collect(),
            _ => continue,
        }
        said_by = Some(&config.path);
    }
    let Some(said_by) = said_by.filter(|_| !flags.is_empty()) else { return Ok(Vec::new()) };
    let mut undecided = None;
    for config in own {
        let Some(Value::Table(targets)) = config.table.get("target") else { continue };
        for (name, table) in targets {
            if !table.get("rustflags").is_some_and(says_something) {
                continue;
            }
            if name == target {
                return Ok(Vec::new());
            }
            if name.starts_with("cfg(") {
                undecided = Some(name);
            }
        }
    }
    if let Some(name) = undecided {
        let what = format!("`build.rustflags` is used only where `target.'{}'.rustflags` is not", printable(name));
        let hint = "put all of them into `[target.'cfg(...)']` tables, such as `cfg(all())`";
        return Err(Failure::new(what).in_path(said_by).hint(hint));
    }
    Ok(flags)
}

/// Whether a `rustflags` holds a flag.
fn says_something(value: &Value) -> bool {
    match value {
        Value::Array(list) => !list.is_empty(),
        Value::String(text) => !text.trim().is_empty(),
        _ => false,
    }
}

impl Config {
    /// The file.
    pub(super) fn path(&self) -> &Path {
        &self.path
    }

    /// The value at `path`.
    pub(super) fn get(&self, path: &[&str]) -> Option<&Value> {
        let (first, rest) = path.split_first()?;
        rest.iter().try_fold(self.table.get(*first)?, |value, key| value.get(key))
    }

    /// What `[env]` says of `name` (The Cargo Book, "Configuration": a text, or a table with a `value`).
    pub(super) fn variable(&self, name: &str) -> Option<&str> {
        let said = self.get(&["env", name])?;
        said.as_str().or_else(|| said.get("value")?.as_str())
    }

    /// Refuses the first key that reaches a compile.
    fn refuse(&self) -> Result<(), Failure> {
        for (name, value) in &self.table {
            if name == "source" {
                // Crates unpacked by somebody else lie in folders of other names, and those are in the program.
                let Some(source) = value.as_table().and_then(|sources| {
                    sources.iter().find_map(|(name, source)| source.get("directory").map(|_| name))
                }) else {
                    continue;
                };
                return Err(self.refusal(&format!("source.{source}.directory")));
            }
            if HARMLESS.contains(&name.as_str()) {
                continue;
            }
            let key = match value {
                Value::Table(table) if name == "build" => {
                    let Some((key, value)) = table.iter().find(|(key, _)| !HARMLESS_BUILD.contains(&key.as_str()))
                    else {
                        continue;
                    };
                    first_key(&format!("build.{key}"), value)
                }
                value => first_key(name, value),
            };
            return Err(self.refusal(&key));
        }
        Ok(())
    }

    /// The refusal of `key`.
    fn refusal(&self, key: &str) -> Failure {
        let what = format!("`{}` in this machine's cargo configuration would change the program", printable(key));
        let hint = "move it into a `.cargo/config.toml` of the checkout, or into `flags` or `env` of the recipe";
        Failure::new(what).in_path(&self.path).hint(hint)
    }
}

/// The whole name of the first value in `value`.
fn first_key(name: &str, value: &Value) -> String {
    match value {
        Value::Table(table) => table
            .iter()
            .next()
            .map_or_else(|| name.to_owned(), |(key, value)| first_key(&format!("{name}.{key}"), value)),
        _ => name.to_owned(),
    }
}

/// `config.toml` and `config` of a folder; cargo reads the latter first, where there are both.
fn in_folder(folder: &Path) -> Result<Vec<Config>, Failure> {
    let mut configs = Vec::new();
    for name in ["config", "config.toml"] {
        let path = folder.join(name);
        if let Some(table) = read_file(&path)? {
            configs.push(Config { path, table });
        }
        if !configs.is_empty() {
            break;
        }
    }
    Ok(configs)
}

/// The table in `path`, or none where there is no file.
fn read_file(path: &Path) -> Result<Option<Table>, Failure> {
    let failed = |error: &io::Error| Failure::io("read this cargo configuration", path, error);
    match fs::metadata(path) {
        Ok(metadata) if metadata.is_file() => {}
        Ok(_) => return Ok(None),
        Err(error) if matches!(error.kind(), io::ErrorKind::NotFound | io::ErrorKind::NotADirectory) => {
            return Ok(None);
        }
        Err(error) => return Err(failed(&error)),
    }
    let mut text = String::new();
    let file = File::open(path).map_err(|error| failed(&error))?;
    file.take(Limits::RECIPE_BYTES + 1).read_to_string(&mut text).map_err(|error| failed(&error))?;
    if text.len() as u64 > Limits::RECIPE_BYTES {
        return Err(Failure::new("this cargo configuration is larger than 1 MiB").in_path(path));
    }
    text.parse().map(Some).map_err(|error: toml::de::Error| {
        let reason = error.message().lines().next().unwrap_or_default().to_owned();
        Failure::new(format!("this cargo configuration is no TOML: {}", printable(&reason))).in_path(path)
    })
}

/// Whether two paths are one file.
fn same(one: &Path, other: &Path) -> bool {
    one == other || matches!((fs::canonicalize(one), fs::canonicalize(other)), (Ok(one), Ok(other)) if one == other)
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use super::*;

    /// A machine with a cargo home, a checkout at `work/checkout` and a program at `work/checkout/app`.
    struct Machine(tempfile::TempDir);

    impl Machine {
        fn new(files: &[(&str, &str)]) -> Self {
            let folder = tempfile::tempdir().unwrap();
            fs::create_dir_all(folder.path().join("work/checkout/app")).unwrap();
            for (name, text) in files {
                let path = folder.path().join(name);
                fs::create_dir_all(path.parent().unwrap()).unwrap();
                fs::write(path, text).unwrap();
            }
            Self(folder)
        }

        fn read(&self) -> Result<Vec<Config>, Failure> {
            let root = self.0.path();
            let checkout = root.join("work/checkout");
            read(&checkout.join("app"), &checkout, &root.join("home"))
        }

        fn flags(&self) -> Result<Vec<String>, Failure> {
            carried_flags(&self.read()?, "x86_64-unknown-linux-gnu")
        }
    }

    #[test]
    fn outside_only_where_crates_come_from_may_be_said() {
        let harmless =
            "[source.crates-io]\nreplace-with = 'm'\n[net]\noffline = true\n[build]\njobs = 3\n[term]\nquiet = true\n";
        Machine::new(&[("home/config.toml", harmless), ("work/.cargo/config.toml", harmless)]).read().unwrap();
        for (text, key) in [
            ("[profile.release]\nlto = true", "profile.release.lto"),
            ("[build]\njobs = 1\nrustflags = ['-Cx']", "build.rustflags"),
            ("[target.x86_64-unknown-linux-gnu]\nlinker = 'clang'", "target.x86_64-unknown-linux-gnu.linker"),
            ("[env]\nA = 'b'", "env.A"),
            ("include = ['x']", "include"),
            ("paths = ['x']", "paths"),
            ("[source.v]\ndirectory = '/v'", "source.v.directory"),
            ("[patch.crates-io.a]\npath = 'x'", "patch.crates-io.a.path"),
        ] {
            for file in ["home/config.toml", "home/config", "work/.cargo/config.toml", ".cargo/config"] {
                let machine = Machine::new(&[(file, text)]);
                let failure = machine.read().unwrap_err();
                assert!(failure.what.contains(&format!("`{key}`")), "{failure}");
                assert!(failure.to_string().starts_with(machine.0.path().join(file).to_str().unwrap()), "{failure}");
            }
        }
    }

    #[test]
    fn the_checkouts_own_files_are_its_business() {
        let own =
            Machine::new(&[("work/checkout/.cargo/config.toml", "[profile.release]\nlto = true\n[env]\nA = 'b'")]);
        assert_eq!(own.read().unwrap().len(), 1);
    }

    #[test]
    fn a_file_that_cannot_be_read_is_refused() {
        let failure = Machine::new(&[("home/config.toml", "[source")]).read().unwrap_err();
        assert!(failure.what.starts_with("this cargo configuration is no TOML: "), "{failure}");
        let machine = Machine::new(&[]);
        fs::create_dir_all(machine.0.path().join("home")).unwrap();
        fs::write(machine.0.path().join("home/config.toml"), [0xff, 0xfe]).unwrap();
        assert!(machine.read().is_err());
    }

    #[test]
    fn build_flags_are_carried_over_from_the_outermost_inwards() {
        let outer = ("work/checkout/.cargo/config.toml", "[build]\nrustflags = ['-Ca']");
        let inner = ("work/checkout/app/.cargo/config.toml", "[build]\nrustflags = ['-Cb']");
        assert_eq!(Machine::new(&[outer, inner]).flags().unwrap(), ["-Ca", "-Cb"]);
        let text = ("work/checkout/app/.cargo/config.toml", "[build]\nrustflags = '-Cb -Cc'");
        assert_eq!(Machine::new(&[text]).flags().unwrap(), ["-Cb", "-Cc"]);
    }

    #[test]
    fn target_flags_win_over_build_flags_and_a_condition_is_not_guessed() {
        let build = ("work/checkout/.cargo/config.toml", "[build]\nrustflags = ['-Ca']");
        let file = "work/checkout/app/.cargo/config.toml";
        let target = (file, "[target.x86_64-unknown-linux-gnu]\nrustflags = ['-Cb']");
        assert_eq!(Machine::new(&[build, target]).flags().unwrap(), [""; 0]);
        let other = (file, "[target.aarch64-unknown-linux-gnu]\nrustflags = ['-Cb']");
        assert_eq!(Machine::new(&[build, other]).flags().unwrap(), ["-Ca"]);
        let condition = (file, "[target.'cfg(unix)']\nrustflags = ['-Cb']");
        let failure = Machine::new(&[build, condition]).flags().unwrap_err();
        assert_eq!(failure.what, "`build.rustflags` is used only where `target.'cfg(unix)'.rustflags` is not");
        assert_eq!(Machine::new(&[condition]).flags().unwrap(), [""; 0]);
        let include = (file, "include = ['x.toml']");
        assert!(Machine::new(&[include]).flags().unwrap_err().what.contains("`include`"));
    }
}
