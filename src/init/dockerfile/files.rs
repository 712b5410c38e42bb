//! The file system of a stage: what each path holds, as far as the Dockerfile alone tells.

use std::collections::BTreeMap;

use super::{
    Notes,
    build::{self, Wanted},
    context::{WHOLE, is_executable},
    follow::Made,
    ignored::Ignored,
    links::Link,
    moves::{command_on, is_followed},
    stages::{Stages, Step, absolute, copy_words, strip},
    words::Word,
};
use crate::report::Limits;

/// What one path holds.
#[derive(Debug, Clone)]
pub(super) enum What {
    /// A file of the context.
    Context(Source),
    Text {
        text: String,
        executable: bool,
    },
    Folder,
    /// A link that a `RUN` makes.
    Link(Link),
    /// A program that a `RUN` compiles.
    Compiled(Box<Wanted>),
}

/// A file of the context.
#[derive(Debug, Clone)]
pub(super) struct Source {
    /// Its path in the context.
    pub(super) path: String,
    pub(super) is_link: bool,
    pub(super) executable: bool,
    /// The folder that was copied with it, and where that went.
    pub(super) root: Option<Root>,
}

/// A folder of the context that was copied, whole or by a pattern.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub(super) struct Root {
    pub(super) from: String,
    pub(super) to: String,
    /// Of the names in it; none for all.
    pub(super) pattern: Option<String>,
    /// The mode that `--chmod` gives.
    pub(super) executable: Option<bool>,
}

/// A path of the file system.
#[derive(Debug, Clone)]
pub(super) struct Placed {
    /// The line that puts it there.
    pub(super) line: usize,
    pub(super) what: What,
}

/// A file system, or what of it is at and below one path.
#[derive(Debug, Clone, Default)]
pub(super) struct Files {
    pub(super) map: BTreeMap<String, Placed>,
}

/// Goes through stages.
pub(super) struct Reader<'a> {
    pub(super) stages: &'a Stages,
    pub(super) ignored: &'a Ignored,
    /// The stages that the image is made of.
    pub(super) chain: &'a [usize],
}

/// A source of a `COPY` that nothing in the Dockerfile makes.
#[derive(Debug)]
pub(super) struct Missing {
    pub(super) line: usize,
    pub(super) target: String,
    pub(super) source: String,
    /// Whether it is the only source.
    pub(super) alone: bool,
    /// Of the context, so that nothing can be below it.
    pub(super) in_context: bool,
}

/// One source of a `COPY`.
pub(super) enum Found {
    File(What),
    /// What is below it.
    Folder(Vec<(String, What)>),
}

impl Files {
    /// Whether a folder is at `path`.
    pub(super) fn is_folder(&self, path: &str) -> bool {
        let below = format!("{path}/");
        matches!(self.map.get(path), Some(Placed { what: What::Folder, .. }))
            || self.map.range(below.clone()..).next().is_some_and(|(at, _)| at.starts_with(&below))
    }

    /// Puts something at a path; the answer is why that is not possible.
    pub(super) fn put(&mut self, path: String, placed: Placed) -> Result<(), String> {
        let is_folder = matches!(placed.what, What::Folder);
        let mut above = path.as_str();
        while let Some((parent, _)) = above.rsplit_once('/').filter(|(parent, _)| !parent.is_empty()) {
            if self.map.get(parent).is_some_and(|there| !matches!(there.what, What::Folder)) {
                return Err(format!("`{parent}` is a file already"));
            }
            above = parent;
        }
        let there = self.map.get(&path).map(|there| matches!(there.what, What::Folder));
        match there {
            Some(false) if is_folder => return Err(format!("`{path}` is a file already")),
            Some(true) if is_folder => return Ok(()),
            _ if !is_folder && self.is_folder(&path) => return Err(format!("`{path}` is a folder already")),
            _ => {}
        }
        self.map.insert(path, placed);
        Ok(())
    }

    /// What is at and below `path`, by the rest of the path.
    pub(super) fn below(&self, path: &str) -> Vec<(String, Placed)> {
        let own = |(at, placed): (&String, &Placed)| Some((strip(at, path)?.to_owned(), placed.clone()));
        self.map.range(path.to_owned()..).filter_map(own).collect()
    }
}

impl Reader<'_> {
    /// What is at and below `path` of a stage.
    pub(super) fn files(&self, stage: usize, path: &str, depth: usize, notes: &mut Notes) -> Files {
        let Some(found) = self.stages.list.get(stage).filter(|_| depth < Limits::DOCKERFILE_DEPTH) else {
            return Files::default();
        };
        let mut files = found.parent.map_or_else(Files::default, |parent| self.files(parent, path, depth + 1, notes));
        let compiles = found.steps.iter().any(|step| step.commands.iter().any(build::is_compile));
        let sources = compiles && self.chain.contains(&stage);
        for (at, step) in found.steps.iter().enumerate() {
            match step.instruction.name.as_str() {
                "COPY" | "ADD" if sources && step.instruction.flag("from").is_none() => {
                    let why = "the sources of the compile are not shipped; name what the program reads with `[[file]]` or `[[tree]]`";
                    notes.add(step.instruction.line, why);
                }
                "COPY" | "ADD" => self.copy(stage, step, path, depth, &mut files, notes),
                "WORKDIR" => {
                    let next = found.steps.get(at + 1).map_or(self.stages.workdir(stage), |next| next.workdir.as_str());
                    let placed = Placed { line: step.instruction.line, what: What::Folder };
                    if next != "/" && relevant(next, path) && files.put(next.to_owned(), placed).is_err() {
                        notes.add(step.instruction.line, format!("`WORKDIR {next}`: a file is there already"));
                    }
                }
                "RUN" => {
                    let told = if self.chain.contains(&stage) { Some(&mut *notes) } else { None };
                    self.run(stage, step, path, &mut files, told);
                }
                _ => {}
            }
        }
        files
    }

    /// A `COPY` or `ADD`.
    fn copy(&self, stage: usize, step: &Step, path: &str, depth: usize, files: &mut Files, notes: &mut Notes) {
        let (line, name) = (step.instruction.line, &step.instruction.name);
        let Some((sources, to)) = copy_words(step) else {
            return notes.add(line, format!("`{name}`: a path in it is not known here"));
        };
        let target = absolute(&step.workdir, &to);
        if !relevant(&target, path) {
            return;
        }
        if let Some(flag) = ["parents", "exclude"].into_iter().find(|flag| step.instruction.flag(flag).is_some()) {
            return notes.add(line, format!("`{name} --{flag}`: say with `[[tree]]` what it takes"));
        }
        let executable = step.instruction.flag("chmod").map(is_executable);
        if !step.instruction.heredocs.is_empty() {
            return heredocs(step, &sources, &to, executable, files, notes);
        }
        let from = step.instruction.flag("from").map(|from| step.scope.word(from).text);
        let mut found = Vec::new();
        for source in &sources {
            let missing = Missing {
                line,
                target: target.clone(),
                source: source.clone(),
                alone: sources.len() == 1,
                in_context: from.is_none(),
            };
            match &from {
                None => {
                    let asked = (name.as_str(), strip(path, &target));
                    self.in_context(source, asked, executable, missing, &mut found, notes);
                }
                Some(from) => {
                    let found_there =
                        self.stages.named(from, stage).map(|other| self.in_stage(other, source, depth, notes));
                    if let Some(one) = found_there.flatten() {
                        found.push((last_name(source), one));
                    } else {
                        self.elsewhere(stage, from, missing, notes);
                    }
                }
            }
        }
        let into = self.stages.is_folder(stage, step, sources.len().max(found.len()), &to) || files.is_folder(&target);
        for (name, one) in found {
            let result = match one {
                Found::File(what) => {
                    let at = if into { absolute(&target, &name) } else { target.clone() };
                    let what = alone(what, (from.is_none() && into).then_some(&target), executable);
                    if at == "/" {
                        Err("`/` is no path for a file".into())
                    } else {
                        files.put(at, Placed { line, what })
                    }
                }
                Found::Folder(entries) => {
                    let root = if target == "/" {
                        Ok(())
                    } else {
                        files.put(target.clone(), Placed { line, what: What::Folder })
                    };
                    root.and_then(|()| {
                        entries.into_iter().try_for_each(|(below, what)| {
                            files.put(
                                absolute(&target, &below),
                                Placed { line, what: moved(what, &target, &below, executable) },
                            )
                        })
                    })
                }
            };
            if let Err(why) = result {
                notes.add(line, format!("`{}` of `{}`: {why}", to, step.instruction.name));
            }
        }
    }

    /// What `source` of another stage is.
    fn in_stage(&self, stage: usize, source: &str, depth: usize, notes: &mut Notes) -> Option<Found> {
        let path = absolute("/", source);
        if let Made::Compiled(wanted) = self.stages.made(stage, &path) {
            return Some(Found::File(What::Compiled(wanted)));
        }
        let there = self.files(stage, &path, depth + 1, notes).below(&path);
        match there.as_slice() {
            [] => None,
            // A source that is a link is what the link leads to; Docker keeps only those in a folder.
            [(rest, Placed { what: What::Link(link), .. })] if rest.is_empty() && depth < Limits::DOCKERFILE_DEPTH => {
                self.in_stage(stage, &link.leads_to(), depth + 1, notes)
            }
            [(rest, Placed { what, .. })] if rest.is_empty() && !matches!(what, What::Folder) => {
                Some(Found::File(what.clone()))
            }
            _ => {
                let below = there.into_iter().filter(|(rest, _)| !rest.is_empty());
                Some(Found::Folder(below.map(|(rest, placed)| (rest, placed.what)).collect()))
            }
        }
    }

    /// A source that nothing in the Dockerfile makes.
    fn elsewhere(&self, stage: usize, from: &str, missing: Missing, notes: &mut Notes) {
        if super::copies::is_system(&missing.source, missing.line, notes) {
            return;
        }
        let source = &missing.source;
        let what = match self.stages.named(from, stage) {
            Some(other) if self.stages.context(other, &absolute("/", source)).is_some_and(|path| path.is_empty()) => {
                format!("`{source}`: {WHOLE}")
            }
            Some(other) if !self.stages.has_run(other) => {
                format!("`{source}`: its stage has it from its base, of which nothing is taken")
            }
            Some(_) => format!("`{source}`: a `RUN` of its stage made it, and nothing runs while hardpan builds"),
            None => format!("`{source}` of the image `{from}`: hardpan takes nothing from other images yet"),
        };
        notes.missing.push((missing, what));
    }

    /// What the commands of a `RUN` that are known do to the files. In the image it is told.
    fn run(&self, stage: usize, step: &Step, path: &str, files: &mut Files, mut told: Option<&mut Notes>) {
        let line = step.instruction.line;
        for (at, wanted) in build::named_outputs(step) {
            if relevant(&at, path) {
                let what = What::Compiled(Box::new(Wanted { stage, ..wanted }));
                files.map.insert(at, Placed { line, what });
            }
        }
        for (folder, command) in build::placed(step) {
            if !is_followed(command) {
                continue;
            }
            let changes = command_on(files, &folder, command, line, |at| self.stages.base_has_folder(stage, at));
            if let Some(notes) = told.as_deref_mut() {
                let (name, operand) = (command.program(), command.text(command.words.len() - 1));
                if !changes && name == "ln" {
                    notes.add(line, format!("`ln` of `{operand}`: something else is there"));
                } else if !changes {
                    notes.add(
                        line,
                        format!("`{name}` of `{operand}`: no line of the Dockerfile brings what it is about"),
                    );
                } else if name == "rm" {
                    notes.add(line, format!("`rm` of `{operand}`: it is left out of the recipe"));
                }
            }
        }
    }
}

/// A file that was copied by itself, or by a pattern into the folder `target`.
fn alone(what: What, target: Option<&String>, executable: Option<bool>) -> What {
    match what {
        What::Context(source) => {
            let root = source.root.filter(|root| root.pattern.is_some());
            let root = root.zip(target).map(|(root, to)| Root { to: to.clone(), ..root });
            What::Context(Source { root, executable: executable.unwrap_or(source.executable), ..source })
        }
        What::Text { text, executable: own } => What::Text { text, executable: executable.unwrap_or(own) },
        other => other,
    }
}

/// A file of a folder that was copied to `target`, where it is at `below`.
pub(super) fn moved(what: What, target: &str, below: &str, executable: Option<bool>) -> What {
    let What::Context(source) = what else { return alone(what, None, executable) };
    let Some(root) = source.root.clone() else { return alone(What::Context(source), None, executable) };
    let executable_root = executable.or(root.executable);
    let to = absolute(target, below);
    // The folder that the file was copied with may be a part of what is copied now, or the other way round.
    let in_root = source.path.strip_prefix(&root.from).unwrap_or_default().trim_start_matches('/');
    let kept = to.strip_suffix(&format!("/{in_root}")).filter(|to| !in_root.is_empty() && strip(to, target).is_some());
    let root = if let Some(to) = kept {
        Some(Root { to: to.to_owned(), executable: executable_root, ..root })
    } else {
        let from = source.path.strip_suffix(below).filter(|_| !below.is_empty());
        let from = from.filter(|from| from.is_empty() || from.ends_with('/'));
        let from = from.map(|from| from.trim_end_matches('/').to_owned());
        from.map(|from| Root { from, to: target.to_owned(), pattern: None, executable: executable_root })
    };
    What::Context(Source { root, executable: executable.unwrap_or(source.executable), ..source })
}

/// `COPY <<EOF /path`.
fn heredocs(step: &Step, sources: &[String], to: &str, executable: Option<bool>, files: &mut Files, notes: &mut Notes) {
    let line = step.instruction.line;
    let others: Vec<_> = sources.iter().filter(|source| !source.starts_with("<<")).collect();
    if !others.is_empty() {
        let what = format!("`{}`: files beside a text of the Dockerfile; `[[file]]` names them", step.instruction.name);
        notes.add(line, what);
    }
    for heredoc in &step.instruction.heredocs {
        let text = if heredoc.expand { step.scope.expand(&heredoc.text) } else { Word::literal(&heredoc.text) };
        let target = absolute(&step.workdir, to);
        let into = to.ends_with('/') || sources.len() > 1 || files.is_folder(&target);
        let at = if into { absolute(&target, &heredoc.name) } else { target };
        if let Some(unknown) = text.unknown {
            notes.add(line, format!("`{at}`: the value of `{unknown}` is not known here"));
            continue;
        }
        let what = What::Text { text: text.text, executable: executable.unwrap_or_default() };
        if at == "/" {
            notes.add(line, "`/` is no path for a file");
        } else if let Err(why) = files.put(at, Placed { line, what }) {
            notes.add(line, why);
        }
    }
}

/// Whether something at `target` matters to what is at or below `path`.
fn relevant(target: &str, path: &str) -> bool {
    strip(target, path).is_some() || strip(path, target).is_some()
}

pub(super) fn last_name(path: &str) -> String {
    path.rsplit('/').find(|part| !part.is_empty() && *part != ".").unwrap_or_default().to_owned()
}
