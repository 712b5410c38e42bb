//! Traces one path of a stage back to its origin: a compile line, a file of the context, a base or another image.

use super::{
    command_reasons,
    compile_line::CompileLine,
    compile_trace,
    shell::ShellCommand,
    stage_path::{absolute, relative, strip},
    stages::{StageStep, Stages, copy_words},
};
use crate::report::Limits;

/// The origin of a file in a stage.
#[derive(Debug, Clone)]
pub(in crate::init) enum FileOrigin {
    /// A compile line.
    Compiled(Box<CompileLine>),
    /// A path of the context.
    Context(String),
    /// An origin that cannot be traced.
    Elsewhere(UntracedOrigin),
}

/// The origin of a file that cannot be traced, with the line of the `COPY` that brings it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(in crate::init) enum UntracedOrigin {
    /// No line brings it.
    Unknown,
    /// A stage whose commands cannot be followed.
    Run(usize),
    /// A stage that has it from its base.
    Base(usize),
    /// Another image.
    Image(usize),
}

impl Stages {
    /// The origin of `path` in a stage; the last step that writes the path counts.
    pub(in crate::init) fn made(&self, stage: usize, path: &str) -> FileOrigin {
        self.follow(stage, path, true, 0)
    }

    /// The path of the context that `path` of a stage was copied from, whatever a `RUN` did to it.
    pub(in crate::init) fn context(&self, stage: usize, path: &str) -> Option<String> {
        match self.follow(stage, path, false, 0) {
            FileOrigin::Context(path) => Some(path),
            _ => None,
        }
    }

    fn follow(&self, stage: usize, path: &str, runs: bool, depth: usize) -> FileOrigin {
        let Some(found) = self.list.get(stage).filter(|_| depth < Limits::DOCKERFILE_DEPTH) else {
            return FileOrigin::Elsewhere(UntracedOrigin::Unknown);
        };
        // The origin by a folder whose content is unknown counts only where no other step writes the path.
        let mut perhaps = None;
        for step in found.steps.iter().rev() {
            match step.instruction.name.as_str() {
                "RUN" if runs => {
                    let (wanted, moved) = compile_trace::trace_output(step, path);
                    if let Some(wanted) = wanted {
                        return FileOrigin::Compiled(Box::new(CompileLine { stage, ..wanted }));
                    }
                    if let Some(from) = moved.filter(|from| from != path) {
                        return self.follow(stage, &from, runs, depth + 1);
                    }
                }
                "COPY" | "ADD" => match self.follow_copy(stage, step, path, runs, depth) {
                    Some((made, true)) => return made,
                    Some((made, false)) => perhaps = perhaps.or(Some(made)),
                    None => {}
                },
                _ => {}
            }
        }
        let below = found.parent.map(|parent| self.follow(parent, path, runs, depth + 1));
        let below =
            below.filter(|made| perhaps.is_none() || !matches!(made, FileOrigin::Elsewhere(UntracedOrigin::Unknown)));
        below.or(perhaps).unwrap_or(FileOrigin::Elsewhere(UntracedOrigin::Unknown))
    }

    /// The origin of `path` by a `COPY`, and whether the file is known to exist.
    fn follow_copy(
        &self,
        stage: usize,
        step: &StageStep,
        path: &str,
        runs: bool,
        depth: usize,
    ) -> Option<(FileOrigin, bool)> {
        let (sources, to) = copy_words(step)?;
        let target = absolute(&step.workdir, &to);
        let into = self.is_folder(stage, step, sources.len(), &to);
        let from = step.instruction.flag("from").map(|from| step.scope.word(from).text);
        let other = from.as_ref().and_then(|from| self.named(from, stage));
        let mut perhaps = None;
        for source in &sources {
            let source = source.trim_end_matches('/');
            let name = source.rsplit('/').find(|part| !part.is_empty() && *part != ".").unwrap_or_default();
            let inside = if into { absolute(&target, name) } else { target.clone() };
            // A file keeps its name below the target; the content of a folder goes directly below the target.
            let (as_file, as_folder) = match (&from, other) {
                (None, _) => {
                    let host = self.dir.join(relative(source));
                    (!host.is_dir(), !host.is_file())
                }
                (Some(_), _) => (true, true),
            };
            let file = as_file.then(|| strip(path, &inside)).flatten();
            let rest = file.or_else(|| as_folder.then(|| strip(path, &target)).flatten());
            let Some(rest) = rest else { continue };
            let whole = if rest.is_empty() { source.to_owned() } else { format!("{source}/{rest}") };
            let made = match (&from, other) {
                (None, _) => FileOrigin::Context(relative(&whole)),
                (Some(_), Some(other)) => match self.follow(other, &absolute("/", &whole), runs, depth + 1) {
                    FileOrigin::Elsewhere(UntracedOrigin::Unknown) => {
                        FileOrigin::Elsewhere(self.whence(other, step.instruction.line))
                    }
                    // The file is not in the context, so a command of the stage made it.
                    FileOrigin::Context(from) if runs && !self.dir.join(&from).exists() => {
                        match self.whence(other, step.instruction.line) {
                            UntracedOrigin::Run(line) => FileOrigin::Elsewhere(UntracedOrigin::Run(line)),
                            _ => FileOrigin::Context(from),
                        }
                    }
                    made => made,
                },
                (Some(_), None) => FileOrigin::Elsewhere(UntracedOrigin::Image(step.instruction.line)),
            };
            // The source that has the file counts.
            let has_it = match &made {
                FileOrigin::Context(from) => self.dir.join(from).exists(),
                FileOrigin::Compiled(_) => true,
                FileOrigin::Elsewhere(_) => false,
            };
            if has_it || rest.is_empty() {
                return Some((made, true));
            }
            perhaps = perhaps.or(Some((made, false)));
        }
        perhaps
    }

    /// Whether a stage, or a stage that its `FROM` names, has a `RUN`.
    pub(in crate::init) fn has_run(&self, stage: usize) -> bool {
        let stages = std::iter::successors(self.list.get(stage), |stage| self.list.get(stage.parent?));
        let mut steps = stages.take(Limits::DOCKERFILE_DEPTH).flat_map(|stage| &stage.steps);
        steps.any(|step| step.instruction.name == "RUN")
    }

    /// The untraced origin of a file in a stage: its commands, or its base.
    pub(in crate::init) fn whence(&self, stage: usize, copy: usize) -> UntracedOrigin {
        let steps = self.list.get(stage).map(|stage| stage.steps.as_slice()).unwrap_or_default();
        let is_foreign = |command: &ShellCommand| !command_reasons::is_housekeeping(command);
        let runs = steps.iter().any(|step| step.commands.iter().any(is_foreign));
        if runs { UntracedOrigin::Run(copy) } else { UntracedOrigin::Base(copy) }
    }
}
