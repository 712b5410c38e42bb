//! Reads the `go.work` in the project's folder, because plain `go build` uses it too.

use std::path::{Component, Path, PathBuf};

use serde::Deserialize;

use super::{Toolchains, folder};
use crate::report::{ErrorName, Failure};

/// The most modules of a `go.work` that are read.
const MODULES: usize = 64;

/// `go work edit -json` (`go help work edit`).
#[derive(Debug, Deserialize)]
#[serde(rename_all = "PascalCase")]
struct WorkFile {
    #[serde(rename = "Use")]
    modules: Option<Vec<WorkUse>>,
}

#[derive(Debug, Deserialize)]
#[serde(rename_all = "PascalCase")]
struct WorkUse {
    disk_path: String,
}

/// A `go.work`.
pub(super) struct GoWorkspace {
    pub(super) file: PathBuf,
    /// The folders of its modules below the project's, in its order; empty for the project's own.
    pub(super) used: Vec<String>,
}

impl GoWorkspace {
    /// The `go.work` in `dir`, which is canonical; `None` where there is none.
    pub(super) fn of(dir: &Path, tools: &dyn Toolchains) -> Result<Option<Self>, Failure> {
        let path = dir.join("go.work");
        if !path.is_file() {
            return Ok(None);
        }
        let unread = || {
            Failure::error(ErrorName::ToolUnsupported, "the output of `go work edit -json` is not valid JSON")
                .in_path(&path)
        };
        let file: WorkFile = serde_json::from_slice(&tools.go_work(&path)?).map_err(|_| unread())?;
        let mut used = Vec::new();
        for module in file.modules.unwrap_or_default() {
            let place =
                below(dir, &module.disk_path).filter(|place| folder::within(dir, place).join("go.mod").is_file());
            used.extend(place.filter(|place| !used.contains(place)));
        }
        if used.len() > MODULES {
            let what = format!("the `go.work` uses {} modules, and `init` reads {MODULES} at most", used.len());
            return Err(Failure::error(ErrorName::ProjectAmbiguous, what)
                .in_path(&path)
                .hint("run `init` in the folder of the module that is meant"));
        }
        Ok(Some(Self { file: path, used }))
    }

    /// Whether it uses the module in this folder.
    pub(super) fn uses(&self, place: &str) -> bool {
        self.used.iter().any(|used| used == place)
    }

    /// `GOWORK` for a module in `place`: the relative path back to the file.
    pub(super) fn from_module(place: &str) -> String {
        let up: String = place.split('/').filter(|part| !part.is_empty()).map(|_| "../").collect();
        format!("{up}go.work")
    }
}

/// The folder that `path` in a file of `dir` names, relative to `dir`; `None` when it is not below `dir`.
pub(super) fn below(dir: &Path, path: &str) -> Option<String> {
    let mut names: Vec<&str> = Vec::new();
    let path = Path::new(path);
    let path = if path.is_absolute() { path.strip_prefix(dir).ok()? } else { path };
    for part in path.components() {
        match part {
            Component::CurDir => {}
            Component::ParentDir => {
                names.pop()?;
            }
            Component::Normal(name) => names.push(name.to_str()?),
            _ => return None,
        }
    }
    Some(names.join("/"))
}
