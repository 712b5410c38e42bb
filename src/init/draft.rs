//! The recipe as it is drafted, and its TOML text with comments. The recipe parser reads the text back before it is
//! written.

use std::{collections::BTreeMap, fmt};

pub(super) use super::program::{DraftProgram, ProgramSource, platforms_of};
use super::toml_text::{self, host, text, texts, wrapped};
use crate::{oci::Platform, report::Failure};

/// The content of the recipe.
#[derive(Debug, Default)]
pub(super) struct RecipeDraft {
    /// The first comment.
    pub(super) intro: String,
    /// The source of the left-out lines, where it is not a Dockerfile.
    pub(super) from: Option<String>,
    pub(super) name: Option<String>,
    /// Empty for the default.
    pub(super) platforms: Vec<Platform>,
    pub(super) binaries: Vec<DraftProgram>,
    /// Other programs of the project, as comments.
    pub(super) others: Vec<DraftProgram>,
    /// Why no program was chosen: all are among the others.
    pub(super) open: Option<Failure>,
    pub(super) files: Vec<DraftFile>,
    pub(super) trees: Vec<DraftTree>,
    /// Folders that are not writable: path, and a comment with their origin.
    pub(super) dirs: Vec<(String, String)>,
    pub(super) writable: Vec<WritableDir>,
    pub(super) symlinks: Vec<DraftSymlink>,
    pub(super) run: DraftRun,
    /// The comment for `timezones = true`; `None` without time zones.
    pub(super) timezones: Option<String>,
    /// `[vars]`.
    pub(super) vars: BTreeMap<String, Variable>,
    /// The path from the recipe's folder to the project's, which prefixes host paths.
    pub(super) prefix: String,
    pub(super) said: Vec<String>,
    pub(super) left_out: Vec<String>,
}

/// One of `[vars]`.
#[derive(Debug, Clone)]
pub(super) struct Variable {
    pub(super) value: String,
    pub(super) comment: String,
}

/// One `[[file]]`.
#[derive(Debug)]
pub(super) struct DraftFile {
    pub(super) comment: String,
    pub(super) content: DraftContent,
    pub(super) to: String,
    pub(super) executable: bool,
}

/// Where a file's bytes come from.
#[derive(Debug)]
pub(super) enum DraftContent {
    /// A path relative to the project's folder.
    From(String),
    /// The text itself.
    Text(String),
}

/// One `[[tree]]`.
#[derive(Debug, Default)]
pub(super) struct DraftTree {
    pub(super) comment: String,
    /// The line of the Dockerfile that copies it; several trees can have one `to`.
    pub(super) line: Option<usize>,
    pub(super) from: String,
    pub(super) to: String,
    pub(super) include: Vec<String>,
    pub(super) exclude: Vec<String>,
    pub(super) executable: Vec<String>,
}

/// One `[[symlink]]`.
#[derive(Debug)]
pub(super) struct DraftSymlink {
    pub(super) comment: String,
    pub(super) to: String,
    pub(super) target: String,
}

/// One `[[dir]]` that the run user owns.
#[derive(Debug)]
pub(super) struct WritableDir {
    /// A comment with its origin.
    pub(super) comment: String,
    pub(super) to: String,
    pub(super) is_volume: bool,
}

/// `[run]`.
#[derive(Debug, Default)]
pub(super) struct DraftRun {
    pub(super) user: Option<String>,
    pub(super) entrypoint: Vec<String>,
    pub(super) args: Vec<String>,
    pub(super) env: BTreeMap<String, String>,
    pub(super) workdir: Option<String>,
    pub(super) ports: Vec<String>,
    pub(super) stop_signal: Option<String>,
    pub(super) labels: BTreeMap<String, String>,
}

impl fmt::Display for RecipeDraft {
    /// The recipe.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let mut lines = wrapped(&self.intro);
        lines.push("#".into());
        lines.push("#     hardpan plan       what will be in the image".into());
        lines.push("#     hardpan build      build it".into());
        lines.push("#".into());
        lines.extend(wrapped(
            "What is not said here has a default that is the hardened one: the user is 65532:65532, files belong to root \
             and are read-only, CA certificates are there, a shell is not.",
        ));
        if self.name.is_some() || !self.platforms.is_empty() {
            lines.push(String::new());
        }
        lines.extend(self.name.as_ref().map(|name| format!("name = {}", text(name))));
        if !self.platforms.is_empty() {
            lines.push(format!("platforms = {}", texts(&self.platforms)));
        }
        self.variables(&mut lines);
        for program in &self.binaries {
            lines.push(String::new());
            lines.extend(wrapped(&program.comment));
            lines.extend(program.lines(&self.prefix));
        }
        self.others(&mut lines);
        self.entries(&mut lines);
        self.run(&mut lines);
        self.system(&mut lines);
        if !self.left_out.is_empty() {
            lines.push(String::new());
            let from = self.from.as_deref().unwrap_or("the Dockerfile");
            lines.extend(wrapped(&format!("Left out of {from}, line by line:")));
            lines.push("#".into());
            lines.extend(self.left_out.iter().flat_map(|line| wrapped(line)));
        }
        f.write_str(&lines.join("\n"))?;
        f.write_str("\n")
    }
}

impl RecipeDraft {
    /// The host paths that it names, as templates.
    pub(super) fn host_paths(&self) -> impl Iterator<Item = &str> {
        let programs = self.binaries.iter().filter_map(|program| match &program.source {
            ProgramSource::Path { path } => Some(path),
            _ => None,
        });
        let files = self.files.iter().filter_map(|file| match &file.content {
            DraftContent::From(from) => Some(from),
            DraftContent::Text(_) => None,
        });
        programs.chain(files).chain(self.trees.iter().map(|tree| &tree.from)).map(String::as_str)
    }

    /// The paths that it puts into the image.
    pub(super) fn image_paths(&self) -> impl Iterator<Item = &str> {
        let files = self.files.iter().map(|file| &file.to).chain(self.trees.iter().map(|tree| &tree.to));
        let folders = self.dirs.iter().map(|(to, _)| to).chain(self.writable.iter().map(|folder| &folder.to));
        let programs = self.binaries.iter().filter_map(|program| program.to.as_ref());
        let links = self.symlinks.iter().map(|link| &link.to);
        files.chain(folders).chain(programs).chain(links).map(String::as_str)
    }

    /// `[vars]`.
    fn variables(&self, lines: &mut Vec<String>) {
        if !self.vars.is_empty() {
            lines.push(String::new());
            lines.push("[vars]".into());
        }
        for (name, variable) in &self.vars {
            lines.extend(wrapped(&variable.comment));
            lines.push(format!("{} = {}", toml_text::key(name), text(&variable.value)));
        }
    }

    /// The other programs of the project, as comments.
    fn others(&self, lines: &mut Vec<String>) {
        if self.others.is_empty() {
            return;
        }
        lines.push(String::new());
        lines.extend(wrapped(if self.open.is_some() {
            "The project's programs. An image runs one program, and nothing here says which one is meant: take the `# ` \
             from the lines of its table, or let `hardpan init --force --binary NAME` do it."
        } else {
            "The project's other programs. An image runs one program; for another one take its table instead of the one \
             above, or write a recipe of its own."
        }));
        for program in &self.others {
            lines.push("#".into());
            lines.extend(program.lines(&self.prefix).iter().map(|line| match line.strip_prefix("# ") {
                Some(_) => line.clone(),
                None => format!("# {line}"),
            }));
        }
    }

    /// Files, trees and folders.
    fn entries(&self, lines: &mut Vec<String>) {
        for file in &self.files {
            lines.push(String::new());
            lines.extend(wrapped(&file.comment));
            lines.push("[[file]]".into());
            lines.push(match &file.content {
                DraftContent::From(from) => format!("from = {}", text(&host(&self.prefix, from))),
                DraftContent::Text(content) => format!("text = {}", text(content)),
            });
            lines.push(format!("to = {}", text(&file.to)));
            if file.executable {
                lines.push("mode = \"0555\"".into());
            }
        }
        for tree in &self.trees {
            lines.push(String::new());
            lines.extend(wrapped(&tree.comment));
            lines.push("[[tree]]".into());
            lines.push(format!("from = {}", text(&host(&self.prefix, &tree.from))));
            lines.push(format!("to = {}", text(&tree.to)));
            lines.push(format!("include = {}", texts(&tree.include)));
            for (name, list) in [("exclude", &tree.exclude), ("executable", &tree.executable)] {
                if !list.is_empty() {
                    lines.push(format!("{name} = {}", texts(list)));
                }
            }
        }
        for (to, comment) in &self.dirs {
            lines.push(String::new());
            lines.extend(wrapped(comment));
            lines.extend(["[[dir]]".to_owned(), format!("to = {}", text(to))]);
        }
        for WritableDir { comment, to, is_volume } in &self.writable {
            lines.push(String::new());
            lines.extend(wrapped(comment));
            lines.extend(["[[dir]]".to_owned(), format!("to = {}", text(to)), "writable = true".to_owned()]);
            lines.extend(is_volume.then(|| "volume = true".to_owned()));
        }
        for DraftSymlink { comment, to, target } in &self.symlinks {
            lines.push(String::new());
            lines.extend(wrapped(comment));
            lines.extend([
                "[[symlink]]".to_owned(),
                format!("to = {}", text(to)),
                format!("target = {}", text(target)),
            ]);
        }
    }

    /// `[system]`, where something is not the default.
    fn system(&self, lines: &mut Vec<String>) {
        let Some(comment) = &self.timezones else { return };
        lines.push(String::new());
        lines.push("[system]".into());
        lines.extend(wrapped(comment));
        lines.push("timezones = true".into());
    }

    fn run(&self, lines: &mut Vec<String>) {
        let run = &self.run;
        let mut own: Vec<String> = Vec::new();
        own.extend(run.user.as_ref().map(|user| format!("user = {}", text(user))));
        for (name, list) in [("entrypoint", &run.entrypoint), ("args", &run.args), ("ports", &run.ports)] {
            if !list.is_empty() {
                own.push(format!("{name} = {}", texts(list)));
            }
        }
        own.extend(run.workdir.as_ref().map(|workdir| format!("workdir = {}", text(workdir))));
        own.extend(run.stop_signal.as_ref().map(|signal| format!("stop-signal = {}", text(signal))));
        lines.push(String::new());
        if own.is_empty() && run.env.is_empty() && run.labels.is_empty() {
            // Only the author knows arguments and ports, so examples are comments.
            lines.extend(["# [run]", "# args = [\"--port\", \"8080\"]", "# ports = [\"8080/tcp\"]"].map(str::to_owned));
            return;
        }
        if !own.is_empty() {
            lines.push("[run]".into());
        }
        lines.extend(own);
        for (name, pairs) in [("env", &run.env), ("labels", &run.labels)] {
            if !pairs.is_empty() {
                if lines.last().is_some_and(|line| !line.is_empty()) {
                    lines.push(String::new());
                }
                lines.push(format!("[run.{name}]"));
                lines.extend(pairs.iter().map(|(key, value)| format!("{} = {}", toml_text::key(key), text(value))));
            }
        }
    }
}
