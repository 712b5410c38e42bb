//! Symbolic links that a `RUN` makes, and where a path leads through them.

use super::{
    compile_line,
    shell::ShellCommand,
    stage_path::{absolute, last_name},
    stages::Stages,
};
use crate::{init::folder, report::Limits};

/// A symbolic link.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Link {
    /// The path of the link.
    pub(super) to: String,
    /// The target of the link.
    pub(super) target: String,
}

impl Link {
    /// Parses an `ln -s` in `folder`; `is_folder` knows the existing folders.
    pub(super) fn of(command: &ShellCommand, folder: &str, is_folder: impl Fn(&str) -> bool) -> Option<Self> {
        let (flags, operands): (Vec<_>, Vec<_>) =
            command.words.iter().skip(1).partition(|word| word.text.starts_with('-'));
        let flags: String = flags.iter().map(|word| word.text.trim_start_matches('-')).collect();
        let known = flags.contains('s') && flags.chars().all(|flag| "sfnv".contains(flag));
        let (target, to) = match operands.as_slice() {
            [target] => (&target.text, "."),
            [target, to] => (&target.text, to.text.as_str()),
            _ => return None,
        };
        if command.program() != "ln" || !known || target.is_empty() {
            return None;
        }
        let path = absolute(folder, to);
        let into = [".", ".."].contains(&to) || to.ends_with('/') || is_folder(&path);
        let to = if into { absolute(&path, &last_name(target)) } else { path };
        Some(Self { to, target: target.clone() })
    }

    /// The absolute path of the target.
    pub(super) fn leads_to(&self) -> String {
        absolute(&format!("/{}", folder::parent(&self.to)), &self.target)
    }
}

impl Stages {
    /// Follows links at `path` of a stage.
    pub(super) fn behind_links(&self, stage: usize, path: &str) -> String {
        let mut path = path.to_owned();
        for _ in 0..Limits::DOCKERFILE_DEPTH {
            let Some(link) = self.link(stage, &path) else { break };
            path = link.leads_to();
        }
        path
    }

    /// The last link that a `RUN` creates at `path`.
    fn link(&self, stage: usize, path: &str) -> Option<Link> {
        let mut next = Some(stage);
        while let Some(found) = next.and_then(|at| self.list.get(at)) {
            for step in found.steps.iter().rev() {
                let made =
                    compile_line::place_commands(step).into_iter().rev().filter(|(_, command)| !command.conditional);
                let mut links = made.filter_map(|(folder, command)| {
                    Link::of(command, &folder, |to| self.base_has_folder(stage, to)).filter(|link| link.to == path)
                });
                if let Some(link) = links.next() {
                    return Some(link);
                }
            }
            next = found.parent;
        }
        None
    }
}
