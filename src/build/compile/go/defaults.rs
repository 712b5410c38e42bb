//! Refuses a Go whose own `go.env` changes programs, which `GOENV=off` does not turn off.

use std::{collections::BTreeMap, ffi::OsStr, path::Path};

use super::super::{child::Child, environment::Environment};
use crate::report::{ErrorName, Failure, printable};

/// Variables that reach a program and that a compile leaves at Go's own defaults, with words that change nothing. An empty value in the
/// environment is for Go as good as none, so that it does not win against that file.
const DEFAULTS: [(&str, &[&str]); 5] = [
    ("GOFLAGS", &["-buildvcs=false", "-modcacherw", "-trimpath"]),
    ("GOEXPERIMENT", &[]),
    ("GO111MODULE", &["on"]),
    ("GO_EXTLINK_ENABLED", &[]),
    ("GODEBUG", &[]),
];

/// Refuses a Go whose `go.env` changes what a program becomes: the same recipe would give other bytes elsewhere.
pub(super) fn refuse_other_defaults(program: &Path, dir: &Path, environment: &Environment) -> Result<(), Failure> {
    let names = DEFAULTS.iter().map(|(name, _)| *name).filter(|name| !environment.contains_key(OsStr::new(name)));
    let names = names.chain(["GOROOT"]);
    let ended = Child::new(program, dir, environment).args(["env", "-json"]).args(names).run()?;
    if !ended.status.success() {
        return Err(ended.failure(ErrorName::ToolUnsupported, "go env"));
    }
    let answers: BTreeMap<String, String> = serde_json::from_slice(&ended.stdout).map_err(|error| {
        Failure::error(ErrorName::ToolUnsupported, format!("unexpected output of `go env`, invalid JSON: {error}"))
    })?;
    let other = DEFAULTS.iter().find_map(|(name, known)| {
        let value = answers.get(*name).filter(|value| value.split_whitespace().any(|word| !known.contains(&word)))?;
        Some((name, value))
    });
    let Some((name, value)) = other else { return Ok(()) };
    let what = format!("this Go has `{name}={}` among its own defaults, which changes programs", printable(value));
    let hint = if ["GOEXPERIMENT", "GODEBUG"].contains(name) {
        format!("take the line out of that file, or write the value into the recipe: `env = {{ {name} = \"...\" }}`")
    } else {
        "take the line out of that file; the recipe has keys for flags: `flags`, `tags`, `ldflags`".to_owned()
    };
    let file = Path::new(answers.get("GOROOT").map_or("", String::as_str)).join("go.env");
    Err(Failure::error(ErrorName::ToolUnsupported, what).in_path(file).hint(hint))
}
