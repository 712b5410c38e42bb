//! The file system of a stage, as far as `COPY`, `ADD`, `WORKDIR` and simple `RUN` commands determine it.

use std::collections::BTreeMap;

use super::{
    LeftOutNotes,
    compile_line::{self, CompileLine},
    context::{WHOLE, is_executable},
    file_commands::{apply_command, is_followed},
    file_origin::FileOrigin,
    ignored::Ignored,
    links::Link,
    scope::DockerfileWord,
    stages::{StageStep, Stages, absolute, copy_words, strip},
};
use crate::report::Limits;

/// The content of one path.
#[derive(Debug, Clone)]
pub(super) enum PathContent {
    /// A file of the context.
    Context(ContextFile),
    Text {
        text: String,
        executable: bool,
    },
    Folder,
    /// A link that a `RUN` makes.
    Link(Link),
    /// A program that a `RUN` compiles.
    Compiled(Box<CompileLine>),
}

/// A file of the context.
#[derive(Debug, Clone)]
pub(super) struct ContextFile {
    /// Its path in the context.
    pub(super) path: String,
    pub(super) is_link: bool,
    pub(super) executable: bool,
    /// The copied folder that the file belongs to, and its target.
    pub(super) root: Option<CopiedFolder>,
}

/// A folder of the context that was copied, whole or by a pattern.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub(super) struct CopiedFolder {
    pub(super) from: String,
    pub(super) to: String,
    /// The pattern for names in it; `None` for all.
    pub(super) pattern: Option<String>,
    /// Whether `--chmod` makes its files executable; `None` without `--chmod`.
    pub(super) executable: Option<bool>,
}

/// A path of the file system, with its line.
#[derive(Debug, Clone)]
pub(super) struct PlacedPath {
    /// The line that creates it.
    pub(super) line: usize,
    pub(super) what: PathContent,
}

/// A file system, or its part at and below one path.
#[derive(Debug, Clone, Default)]
pub(super) struct StageFiles {
    pub(super) map: BTreeMap<String, PlacedPath>,
}

/// Computes file systems of stages.
pub(super) struct StageReader<'a> {
    pub(super) stages: &'a Stages,
    pub(super) ignored: &'a Ignored,
    /// The stages that the image is made of.
    pub(super) chain: &'a [usize],
}

/// A source of a `COPY` that no line of the Dockerfile makes.
#[derive(Debug)]
pub(super) struct MissingSource {
    pub(super) line: usize,
    pub(super) target: String,
    pub(super) source: String,
    /// Whether it is the only source.
    pub(super) alone: bool,
    /// Whether it is a path of the context, so that nothing can be below it.
    pub(super) in_context: bool,
}

/// What a source of a `COPY` turned out to be.
pub(super) enum CopySource {
    File(PathContent),
    /// The entries below it.
    Folder(Vec<(String, PathContent)>),
}

impl StageFiles {
    /// Whether a folder is at `path`.
    pub(super) fn is_folder(&self, path: &str) -> bool {
        let below = format!("{path}/");
        matches!(self.map.get(path), Some(PlacedPath { what: PathContent::Folder, .. }))
            || self.map.range(below.clone()..).next().is_some_and(|(at, _)| at.starts_with(&below))
    }

    /// Adds a path; the error is the reason why that is not possible.
    pub(super) fn put(&mut self, path: String, placed: PlacedPath) -> Result<(), String> {
        let is_folder = matches!(placed.what, PathContent::Folder);
        let mut above = path.as_str();
        while let Some((parent, _)) = above.rsplit_once('/').filter(|(parent, _)| !parent.is_empty()) {
            if self.map.get(parent).is_some_and(|there| !matches!(there.what, PathContent::Folder)) {
                return Err(format!("`{parent}` is a file already"));
            }
            above = parent;
        }
        let there = self.map.get(&path).map(|there| matches!(there.what, PathContent::Folder));
        match there {
            Some(false) if is_folder => return Err(format!("`{path}` is a file already")),
            Some(true) if is_folder => return Ok(()),
            _ if !is_folder && self.is_folder(&path) => return Err(format!("`{path}` is a folder already")),
            _ => {}
        }
        self.map.insert(path, placed);
        Ok(())
    }

    /// Adds a copied folder and its entries at `target`.
    fn put_folder(
        &mut self,
        target: &str,
        entries: Vec<(String, PathContent)>,
        executable: Option<bool>,
        line: usize,
    ) -> Result<(), String> {
        if target != "/" {
            self.put(target.to_owned(), PlacedPath { line, what: PathContent::Folder })?;
        }
        entries.into_iter().try_for_each(|(below, what)| {
            let what = copied_with_folder(what, target, &below, executable);
            self.put(absolute(target, &below), PlacedPath { line, what })
        })
    }

    /// The entries at and below `path`, by the rest of the path.
    pub(super) fn below(&self, path: &str) -> Vec<(String, PlacedPath)> {
        let own = |(at, placed): (&String, &PlacedPath)| Some((strip(at, path)?.to_owned(), placed.clone()));
        self.map.range(path.to_owned()..).filter_map(own).collect()
    }
}

impl StageReader<'_> {
    /// The file system of a stage at and below `path`.
    pub(super) fn files(&self, stage: usize, path: &str, depth: usize, notes: &mut LeftOutNotes) -> StageFiles {
        let Some(found) = self.stages.list.get(stage).filter(|_| depth < Limits::DOCKERFILE_DEPTH) else {
            return StageFiles::default();
        };
        let mut files =
            found.parent.map_or_else(StageFiles::default, |parent| self.files(parent, path, depth + 1, notes));
        let compiles = found.steps.iter().any(|step| step.commands.iter().any(compile_line::is_compile));
        let sources = compiles && self.chain.contains(&stage);
        for (at, step) in found.steps.iter().enumerate() {
            match step.instruction.name.as_str() {
                "COPY" | "ADD" if sources && step.instruction.flag("from").is_none() => {
                    let why = "the sources of the compile are not shipped; name what the program reads with `[[file]]` or `[[tree]]`";
                    notes.add(step.instruction.line, why);
                }
                "COPY" | "ADD" => self.apply_copy(stage, step, path, depth, &mut files, notes),
                "WORKDIR" => {
                    let next = found.steps.get(at + 1).map_or(self.stages.workdir(stage), |next| next.workdir.as_str());
                    let placed = PlacedPath { line: step.instruction.line, what: PathContent::Folder };
                    if next != "/" && touches(next, path) && files.put(next.to_owned(), placed).is_err() {
                        notes.add(step.instruction.line, format!("`WORKDIR {next}`: a file is there already"));
                    }
                }
                "RUN" => {
                    let image_notes = if self.chain.contains(&stage) { Some(&mut *notes) } else { None };
                    self.apply_run(stage, step, path, &mut files, image_notes);
                }
                _ => {}
            }
        }
        files
    }

    /// Applies a `COPY` or `ADD`.
    fn apply_copy(
        &self,
        stage: usize,
        step: &StageStep,
        path: &str,
        depth: usize,
        files: &mut StageFiles,
        notes: &mut LeftOutNotes,
    ) {
        let (line, name) = (step.instruction.line, &step.instruction.name);
        let Some((sources, to)) = copy_words(step) else {
            return notes.add(line, format!("`{name}`: a path in it is not known here"));
        };
        let target = absolute(&step.workdir, &to);
        if !touches(&target, path) {
            return;
        }
        if let Some(flag) = ["parents", "exclude"].into_iter().find(|flag| step.instruction.flag(flag).is_some()) {
            return notes.add(line, format!("`{name} --{flag}`: say with `[[tree]]` what it takes"));
        }
        let executable = step.instruction.flag("chmod").map(is_executable);
        if !step.instruction.heredocs.is_empty() {
            return copy_heredocs(step, &sources, &to, executable, files, notes);
        }
        let from = step.instruction.flag("from").map(|from| step.scope.word(from).text);
        let mut found = Vec::new();
        for source in &sources {
            let missing = MissingSource {
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
                        self.stages.named(from, stage).map(|other| self.find_in_stage(other, source, depth, notes));
                    if let Some(one) = found_there.flatten() {
                        found.push((last_name(source), one));
                    } else {
                        self.note_missing_source(stage, from, missing, notes);
                    }
                }
            }
        }
        let into = self.stages.is_folder(stage, step, sources.len().max(found.len()), &to) || files.is_folder(&target);
        for (name, one) in found {
            let at = if into { absolute(&target, &name) } else { target.clone() };
            // A pattern into a folder may become a tree; only copies from the context do.
            let folder = (from.is_none() && into).then_some(&target);
            let result = match one {
                CopySource::File(_) if at == "/" => Err("`/` is no path for a file".into()),
                CopySource::File(what) => {
                    files.put(at, PlacedPath { line, what: copied_alone(what, folder, executable) })
                }
                CopySource::Folder(entries) => files.put_folder(&target, entries, executable, line),
            };
            if let Err(why) = result {
                notes.add(line, format!("`{}` of `{}`: {why}", to, step.instruction.name));
            }
        }
    }

    /// Finds `source` in another stage.
    fn find_in_stage(&self, stage: usize, source: &str, depth: usize, notes: &mut LeftOutNotes) -> Option<CopySource> {
        let path = absolute("/", source);
        if let FileOrigin::Compiled(wanted) = self.stages.made(stage, &path) {
            return Some(CopySource::File(PathContent::Compiled(wanted)));
        }
        let there = self.files(stage, &path, depth + 1, notes).below(&path);
        match there.as_slice() {
            [] => None,
            // Docker copies the target of a source that is a link, and keeps links below a folder.
            [(rest, PlacedPath { what: PathContent::Link(link), .. })]
                if rest.is_empty() && depth < Limits::DOCKERFILE_DEPTH =>
            {
                self.find_in_stage(stage, &link.leads_to(), depth + 1, notes)
            }
            [(rest, PlacedPath { what, .. })] if rest.is_empty() && !matches!(what, PathContent::Folder) => {
                Some(CopySource::File(what.clone()))
            }
            _ => {
                let below = there.into_iter().filter(|(rest, _)| !rest.is_empty());
                Some(CopySource::Folder(below.map(|(rest, placed)| (rest, placed.what)).collect()))
            }
        }
    }

    /// Notes a source that no line of the Dockerfile makes.
    fn note_missing_source(&self, stage: usize, from: &str, missing: MissingSource, notes: &mut LeftOutNotes) {
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

    /// Applies the commands of a `RUN` whose effect on files is known. `notes` is given for stages of the image.
    fn apply_run(
        &self,
        stage: usize,
        step: &StageStep,
        path: &str,
        files: &mut StageFiles,
        mut notes: Option<&mut LeftOutNotes>,
    ) {
        let line = step.instruction.line;
        for (at, wanted) in compile_line::named_outputs(step) {
            if touches(&at, path) {
                let what = PathContent::Compiled(Box::new(CompileLine { stage, ..wanted }));
                files.map.insert(at, PlacedPath { line, what });
            }
        }
        for (folder, command) in compile_line::place_commands(step) {
            if !is_followed(command) {
                continue;
            }
            let changes = apply_command(files, &folder, command, line, |at| self.stages.base_has_folder(stage, at));
            if let Some(notes) = notes.as_deref_mut() {
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

/// A file that was copied alone, or by a pattern into the folder `target`.
fn copied_alone(what: PathContent, target: Option<&String>, executable: Option<bool>) -> PathContent {
    match what {
        PathContent::Context(source) => {
            let root = source.root.filter(|root| root.pattern.is_some());
            let root = root.zip(target).map(|(root, to)| CopiedFolder { to: to.clone(), ..root });
            PathContent::Context(ContextFile { root, executable: executable.unwrap_or(source.executable), ..source })
        }
        PathContent::Text { text, executable: own } => {
            PathContent::Text { text, executable: executable.unwrap_or(own) }
        }
        other => other,
    }
}

/// A file of a folder that was copied to `target`, where it is at `below`.
pub(super) fn copied_with_folder(
    what: PathContent,
    target: &str,
    below: &str,
    executable: Option<bool>,
) -> PathContent {
    let PathContent::Context(source) = what else { return copied_alone(what, None, executable) };
    let Some(root) = source.root.clone() else { return copied_alone(PathContent::Context(source), None, executable) };
    let executable_root = executable.or(root.executable);
    let to = absolute(target, below);
    // The earlier copied folder may be a part of this copy, or the other way round.
    let in_root = source.path.strip_prefix(&root.from).unwrap_or_default().trim_start_matches('/');
    let kept = to.strip_suffix(&format!("/{in_root}")).filter(|to| !in_root.is_empty() && strip(to, target).is_some());
    let root = if let Some(to) = kept {
        Some(CopiedFolder { to: to.to_owned(), executable: executable_root, ..root })
    } else {
        let from = source.path.strip_suffix(below).filter(|_| !below.is_empty());
        let from = from.filter(|from| from.is_empty() || from.ends_with('/'));
        let from = from.map(|from| from.trim_end_matches('/').to_owned());
        from.map(|from| CopiedFolder { from, to: target.to_owned(), pattern: None, executable: executable_root })
    };
    PathContent::Context(ContextFile { root, executable: executable.unwrap_or(source.executable), ..source })
}

/// `COPY <<EOF /path`.
fn copy_heredocs(
    step: &StageStep,
    sources: &[String],
    to: &str,
    executable: Option<bool>,
    files: &mut StageFiles,
    notes: &mut LeftOutNotes,
) {
    let line = step.instruction.line;
    let others: Vec<_> = sources.iter().filter(|source| !source.starts_with("<<")).collect();
    if !others.is_empty() {
        let what = format!("`{}`: files beside a text of the Dockerfile; `[[file]]` names them", step.instruction.name);
        notes.add(line, what);
    }
    for heredoc in &step.instruction.heredocs {
        let text =
            if heredoc.expand { step.scope.expand(&heredoc.text) } else { DockerfileWord::literal(&heredoc.text) };
        let target = absolute(&step.workdir, to);
        let into = to.ends_with('/') || sources.len() > 1 || files.is_folder(&target);
        let at = if into { absolute(&target, &heredoc.name) } else { target };
        if let Some(unknown) = text.unknown {
            notes.add(line, format!("`{at}`: the value of `{unknown}` is not known here"));
            continue;
        }
        let what = PathContent::Text { text: text.text, executable: executable.unwrap_or_default() };
        if at == "/" {
            notes.add(line, "`/` is no path for a file");
        } else if let Err(why) = files.put(at, PlacedPath { line, what }) {
            notes.add(line, why);
        }
    }
}

/// Whether `target` is at, above or below `path`.
fn touches(target: &str, path: &str) -> bool {
    strip(target, path).is_some() || strip(path, target).is_some()
}

pub(super) fn last_name(path: &str) -> String {
    path.rsplit('/').find(|part| !part.is_empty() && *part != ".").unwrap_or_default().to_owned()
}
