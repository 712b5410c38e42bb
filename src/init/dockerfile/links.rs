//! Links that a `RUN` makes.

use super::{
    build,
    shell::Command,
    stages::{Stages, absolute},
};
use crate::{init::folder, report::Limits};

/// A symbolic link.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Link {
    /// Which path.
    pub(super) to: String,
    /// What it says.
    pub(super) target: String,
}

impl Link {
    /// What `ln -s` makes in `folder`; `is_folder` knows the folders that are there.
    pub(super) fn of(command: &Command, folder: &str, is_folder: impl Fn(&str) -> bool) -> Option<Self> {
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
        let to = if into { absolute(&path, &super::files::last_name(target)) } else { path };
        Some(Self { to, target: target.clone() })
    }

    /// The path that it leads to.
    pub(super) fn leads_to(&self) -> String {
        absolute(&format!("/{}", folder::parent(&self.to)), &self.target)
    }
}

impl Stages {
    /// `path` of a stage, or where the links at it lead.
    pub(super) fn behind_links(&self, stage: usize, path: &str) -> String {
        let mut path = path.to_owned();
        for _ in 0..Limits::DOCKERFILE_DEPTH {
            let Some(link) = self.link(stage, &path) else { break };
            path = link.leads_to();
        }
        path
    }

    /// The link that a `RUN` has put at `path` last.
    fn link(&self, stage: usize, path: &str) -> Option<Link> {
        let mut next = Some(stage);
        while let Some(found) = next.and_then(|at| self.list.get(at)) {
            for step in found.steps.iter().rev() {
                let made = build::placed(step).into_iter().rev().filter(|(_, command)| !command.conditional);
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
