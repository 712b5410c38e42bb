//! [`StageReader`]: what instructions and simple `RUN` commands put into the file system of a stage.

use super::{
    LeftOutNotes, command_reasons,
    compile_line::{self, CompileLine},
    compile_trace,
    context::{BuildContext, WHOLE},
    file_commands::{apply_command, is_followed},
    file_origin::FileOrigin,
    ignored::Ignored,
    left_out_notes::MissingSource,
    scope::DockerfileWord,
    stage_files::{CopySource, PathContent, PlacedPath, StageFiles, copied_alone},
    stage_path::{absolute, last_name, strip},
    stages::{StageStep, Stages, copy_words},
};
use crate::report::Limits;

/// Computes file systems of stages.
pub(super) struct StageReader<'a> {
    pub(super) stages: &'a Stages,
    pub(super) ignored: &'a Ignored,
    /// The stages that the image is made of.
    pub(super) chain: &'a [usize],
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
        let context = BuildContext { dir: &self.stages.dir, ignored: self.ignored };
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
                    context.find(source, asked, executable, missing, &mut found, notes);
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
        if command_reasons::is_system(&missing.source, missing.line, notes) {
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
        for (at, wanted) in compile_trace::named_outputs(step) {
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

/// Whether the mode of `--chmod` has an execute bit.
fn is_executable(mode: &str) -> bool {
    mode.contains('x') || mode.bytes().any(|bit| b"1357".contains(&bit))
}

/// Whether `target` is at, above or below `path`.
fn touches(target: &str, path: &str) -> bool {
    strip(target, path).is_some() || strip(path, target).is_some()
}
