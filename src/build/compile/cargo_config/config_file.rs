//! Reads one configuration file of cargo, with the files that it includes.

use std::{
    fs::{self, File},
    io::{self, Read as _},
    ops::Range,
    path::{Path, PathBuf},
    sync::Arc,
};

use toml::{Table, Value, de::DeTable};

use super::dotted;
use crate::report::{ErrorName, Failure, Limits, Origin, SourceText, printable};

/// Files that include each other in a row; more are taken for a circle.
const MOST_INCLUDES: usize = 16;

/// Parentheses of a condition, one in the other: its reader calls itself for each, and ends with the stack.
const MOST_NESTED: usize = 64;

/// A configuration file.
#[derive(Debug)]
pub(in super::super) struct CargoConfigFile {
    path: PathBuf,
    text: String,
    table: Table,
}

impl CargoConfigFile {
    /// The file.
    pub(in super::super) fn path(&self) -> &Path {
        &self.path
    }

    /// All keys.
    pub(super) fn table(&self) -> &Table {
        &self.table
    }

    /// The value at `path`.
    pub(in super::super) fn get(&self, path: &[&str]) -> Option<&Value> {
        let (first, rest) = path.split_first()?;
        rest.iter().try_fold(self.table.get(*first)?, |value, key| value.get(key))
    }

    /// The value of `name` in `[env]` (The Cargo Book, "Configuration": a text, or a table with a `value`).
    pub(in super::super) fn variable(&self, name: &str) -> Option<&str> {
        let said = self.get(&["env", name])?;
        said.as_str().or_else(|| said.get("value")?.as_str())
    }

    /// A program at `path` of the file. One with a slash counts from the folder that `.cargo` is in, as cargo has it
    /// (`Definition::root`).
    pub(super) fn program(&self, path: &[&str]) -> Option<PathBuf> {
        let name = self.get(path)?.as_str()?;
        let root = self.path.parent().and_then(Path::parent).unwrap_or(Path::new("/"));
        Some(if name.contains('/') { root.join(name) } else { PathBuf::from(name) })
    }

    /// The tables of `[target]` that are named by a condition.
    pub(super) fn conditions(&self) -> impl Iterator<Item = (&str, &Table)> {
        let targets = self.table.get("target").and_then(Value::as_table).into_iter().flatten();
        targets
            .filter(|(name, _)| name.starts_with("cfg("))
            .filter_map(|(name, table)| Some((name.as_str(), table.as_table()?)))
    }

    /// A failure about the key at `path`. The place is that of the key; its line is not shown, because the value may
    /// be a secret.
    pub(in super::super) fn failure(&self, path: &[&str], what: &str) -> Failure {
        let key = printable(&dotted(path)).into_owned();
        let failure = Failure::error(ErrorName::CargoConfig, what.replace("{key}", &key));
        let Some(span) = self.span(path) else { return failure.in_path(&self.path) };
        let name = self.path.to_string_lossy().into_owned();
        let origin = Origin::new(&Arc::new(SourceText { path: name, text: self.text.clone() }), span);
        failure.in_path(origin.to_string())
    }

    /// Where the last part of `path` is written.
    fn span(&self, path: &[&str]) -> Option<Range<usize>> {
        let (last, tables) = path.split_last()?;
        let (root, _) = DeTable::parse_recoverable(&self.text);
        let mut table = root.get_ref();
        for name in tables {
            let (_, value) = table.iter().find(|(key, _)| key.get_ref() == name)?;
            table = value.get_ref().as_table()?;
        }
        table.iter().find(|(key, _)| key.get_ref() == last).map(|(key, _)| key.span())
    }
}

/// The configuration of a folder and what it includes, highest precedence first. Cargo reads `config` where there are both.
/// `within` is the folder that the files must be in.
pub(super) fn in_folder(folder: &Path, within: Option<&Path>) -> Result<Vec<CargoConfigFile>, Failure> {
    let mut configs = Vec::new();
    for name in ["config", "config.toml"] {
        if let Some(config) = read_file(&folder.join(name))? {
            add(&mut configs, config, within, 0)?;
            break;
        }
    }
    Ok(configs)
}

/// Adds `config` and what it includes. Of several the last one wins, and all of them yield to the file itself.
fn add(
    configs: &mut Vec<CargoConfigFile>,
    config: CargoConfigFile,
    within: Option<&Path>,
    depth: usize,
) -> Result<(), Failure> {
    let at = &["include"];
    if depth > MOST_INCLUDES {
        return Err(config.failure(at, "these cargo configurations include each other in a loop"));
    }
    let mut included = Vec::new();
    for entry in config.table.get("include").and_then(Value::as_array).into_iter().flatten() {
        let (name, optional) = match entry {
            Value::Table(table) => (table.get("path"), table.get("optional").and_then(Value::as_bool)),
            name => (Some(name), None),
        };
        let Some(name) = name.and_then(Value::as_str) else {
            return Err(config.failure(at, "`{key}` in a cargo configuration is a list of files"));
        };
        let path = config.path.parent().unwrap_or(Path::new("/")).join(name);
        let Some(file) = read_file(&path)? else {
            if optional == Some(true) {
                continue;
            }
            let what = format!("`{{key}}` names the file `{}`, which is not there", printable(name));
            return Err(config.failure(at, &what));
        };
        let inside = |root: &Path| fs::canonicalize(&path).is_ok_and(|path| path.starts_with(root));
        if within.is_some_and(|root| !inside(root)) {
            let what = format!("`{{key}}` names the file `{}`, which is outside of the checkout", printable(name));
            return Err(config.failure(at, &what).hint("copy the file into the checkout"));
        }
        included.push(file);
    }
    configs.push(config);
    included.into_iter().rev().try_for_each(|file| add(configs, file, within, depth + 1))
}

/// The file at `path`, if there is one.
pub(super) fn read_file(path: &Path) -> Result<Option<CargoConfigFile>, Failure> {
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
        return Err(
            Failure::error(ErrorName::FileTooLarge, "this cargo configuration is larger than 1 MiB").in_path(path)
        );
    }
    match text.parse() {
        Ok(table) => {
            let config = CargoConfigFile { path: path.to_owned(), text, table };
            if config.conditions().any(|(condition, _)| nesting(condition) > MOST_NESTED) {
                // The place is not told: the key is the condition.
                let what =
                    format!("a condition of `[target]` has more than {MOST_NESTED} parentheses inside of each other");
                return Err(Failure::error(ErrorName::CargoConfig, what).in_path(path));
            }
            Ok(Some(config))
        }
        Err(error) => {
            let error: toml::de::Error = error;
            let reason = error.message().lines().next().unwrap_or_default().to_owned();
            let what = format!("this cargo configuration is invalid TOML: {}", printable(&reason));
            Err(Failure::error(ErrorName::CargoConfig, what).in_path(path))
        }
    }
}

/// How many parentheses are open at most. One in a text counts as well.
fn nesting(condition: &str) -> usize {
    let depths = condition.bytes().scan(0_usize, |depth, byte| {
        match byte {
            b'(' => *depth += 1,
            b')' => *depth = depth.saturating_sub(1),
            _ => {}
        }
        Some(*depth)
    });
    depths.max().unwrap_or(0)
}
