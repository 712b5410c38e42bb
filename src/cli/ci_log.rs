//! [`CiLog`]: what the log of a CI system understands besides lines: groups that fold, and annotations of files.

use std::{
    borrow::Cow,
    env,
    path::{Component, Path, PathBuf},
};

use super::{
    caller,
    workflow_command::{without_commands, workflow_command},
};
use crate::report::{Failure, FailurePlace, printable};

/// The log that stderr goes to.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum CiLog {
    /// Lines and nothing else.
    Plain,
    /// GitHub Actions, and what runs its workflows: commands, a line each.
    GitHub {
        /// The current folder, absolute.
        folder: PathBuf,
        /// The checkout, which files of annotations are relative to.
        workspace: Option<PathBuf>,
    },
    /// GitLab CI: sections between markers.
    GitLab,
}

impl CiLog {
    /// The log of this process, by `GITHUB_ACTIONS` and `GITLAB_CI`, which the runners set to `true`.
    pub(super) fn of_environment() -> Self {
        let is_set = |name| env::var_os(name).is_some_and(|value| value == "true");
        if is_set("GITHUB_ACTIONS") {
            let workspace = env::var_os("GITHUB_WORKSPACE").map(PathBuf::from).filter(|path| path.is_absolute());
            // The current folder has no links in it.
            let workspace = workspace.map(|path| path.canonicalize().unwrap_or(path));
            Self::GitHub { folder: env::current_dir().unwrap_or_default(), workspace }
        } else if is_set("GITLAB_CI") {
            Self::GitLab
        } else {
            Self::Plain
        }
    }

    /// A text in which the log finds no order. GitLab takes its own from escape characters, which no text of ours passes on.
    pub(super) fn guarded<'t>(&self, text: &'t str) -> Cow<'t, str> {
        if matches!(self, Self::GitHub { .. }) { without_commands(text) } else { Cow::Borrowed(text) }
    }

    /// The line that begins group number `number` of this call.
    pub(super) fn group_begin(&self, number: usize, title: &str) -> Option<String> {
        let title = printable(title);
        match self {
            Self::Plain => None,
            Self::GitHub { .. } => Some(workflow_command("group", &[], &title)),
            Self::GitLab => {
                let marker = section("start", number);
                Some(format!("{marker}[collapsed=true]\r\u{1b}[0K{title}"))
            }
        }
    }

    /// The line that ends it.
    pub(super) fn group_end(&self, number: usize) -> Option<String> {
        match self {
            Self::Plain => None,
            Self::GitHub { .. } => Some(workflow_command("endgroup", &[], "")),
            Self::GitLab => Some(format!("{}\r\u{1b}[0K", section("end", number))),
        }
    }

    /// The line that shows a failure at its place in the files of the change: `kind` is `error` or `warning`.
    pub(super) fn annotation(&self, kind: &str, failure: &Failure) -> Option<String> {
        let Self::GitHub { folder, workspace } = self else { return None };
        let inside = |path: &Path| in_workspace(folder, workspace.as_deref(), path);
        let (file, position) = match &failure.place {
            Some(FailurePlace::Recipe(origin)) => (inside(Path::new(&origin.source.path)), Some(origin.line_column())),
            Some(FailurePlace::Path(path)) => (inside(path), None),
            None => (None, None),
        };
        let mut properties = Vec::new();
        let mut message = if file.is_some() { failure.what.clone() } else { failure.to_string() };
        if let Some(file) = file {
            properties.push(("file", file));
            if let Some((line, column)) = position {
                properties.extend([("line", line.to_string()), ("col", column.to_string())]);
            }
        }
        let title = failure.label().map_or_else(|| kind.to_owned(), |label| format!("{kind}[{label}]"));
        properties.push(("title", title));
        if let Some(hint) = &failure.hint {
            message = format!("{message}\nhint: {hint}");
        }
        let properties: Vec<_> = properties.iter().map(|(name, value)| (*name, value.as_str())).collect();
        Some(workflow_command(kind, &properties, &message))
    }
}

/// The marker of a section. Its name is its own in the whole job, also where the job runs hardpan several times.
fn section(which: &str, number: usize) -> String {
    let process = std::process::id();
    format!("\u{1b}[0Ksection_{which}:{}:hardpan_{process}_{number}", caller::now())
}

/// The path of a file below the checkout, as annotations name it; `None` where it is elsewhere. A checkout that is not known
/// is the current folder.
fn in_workspace(folder: &Path, workspace: Option<&Path>, path: &Path) -> Option<String> {
    let mut absolute = PathBuf::new();
    for part in folder.join(path).components() {
        match part {
            Component::ParentDir => drop(absolute.pop()),
            Component::CurDir => {}
            part => absolute.push(part),
        }
    }
    let inside = absolute.strip_prefix(workspace.unwrap_or(folder)).ok()?;
    let text = printable(inside.to_str()?).into_owned();
    (!text.is_empty()).then_some(text)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn files_of_annotations_are_relative_to_the_checkout() {
        let (folder, workspace) = (Path::new("/w/app/services"), Some(Path::new("/w/app")));
        for (path, expected) in [
            ("hello.toml", Some("services/hello.toml")),
            ("./a/../b.toml", Some("services/b.toml")),
            ("../go.mod", Some("go.mod")),
            ("/w/app/x", Some("x")),
            ("../../other/x", None),
            ("/w/application/x", None),
            ("..", None),
        ] {
            assert_eq!(in_workspace(folder, workspace, Path::new(path)).as_deref(), expected, "{path}");
        }
        assert_eq!(in_workspace(folder, None, Path::new("a")).as_deref(), Some("a"));
    }
}
