//! One path of a stage, followed back to what made it.

use super::{
    build::{self, Wanted},
    reasons,
    shell::Command,
    stages::{Stages, Step, absolute, copy_words, relative, strip},
};
use crate::report::Limits;

/// Where a file of a stage comes from.
#[derive(Debug, Clone)]
pub(in crate::init) enum Made {
    /// A compiler.
    Compiled(Box<Wanted>),
    /// A path of the context.
    Context(String),
    /// Something that cannot be followed.
    Elsewhere(Whence),
}

/// Where a file comes from that cannot be followed, with the line of the `COPY` that brings it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(in crate::init) enum Whence {
    /// No line brings it.
    Unknown,
    /// A stage whose commands cannot be followed.
    Run(usize),
    /// A stage that only has it from its base.
    Base(usize),
    /// Another image.
    Image(usize),
}

impl Stages {
    /// Where `path` of a stage comes from; what was put there last counts.
    pub(in crate::init) fn made(&self, stage: usize, path: &str) -> Made {
        self.follow(stage, path, true, 0)
    }

    /// The path of the context that `path` of a stage was copied from, whatever a `RUN` did to it.
    pub(in crate::init) fn context(&self, stage: usize, path: &str) -> Option<String> {
        match self.follow(stage, path, false, 0) {
            Made::Context(path) => Some(path),
            _ => None,
        }
    }

    fn follow(&self, stage: usize, path: &str, runs: bool, depth: usize) -> Made {
        let Some(found) = self.list.get(stage).filter(|_| depth < Limits::DOCKERFILE_DEPTH) else {
            return Made::Elsewhere(Whence::Unknown);
        };
        // What a folder brings that is not known inside: only where nothing else is at the path.
        let mut perhaps = None;
        for step in found.steps.iter().rev() {
            match step.instruction.name.as_str() {
                "RUN" if runs => {
                    let (wanted, moved) = build::outputs(step, path);
                    if let Some(wanted) = wanted {
                        return Made::Compiled(Box::new(Wanted { stage, ..wanted }));
                    }
                    if let Some(from) = moved.filter(|from| from != path) {
                        return self.follow(stage, &from, runs, depth + 1);
                    }
                }
                "COPY" | "ADD" => match self.copied(stage, step, path, runs, depth) {
                    Some((made, true)) => return made,
                    Some((made, false)) => perhaps = perhaps.or(Some(made)),
                    None => {}
                },
                _ => {}
            }
        }
        let below = found.parent.map(|parent| self.follow(parent, path, runs, depth + 1));
        let below = below.filter(|made| perhaps.is_none() || !matches!(made, Made::Elsewhere(Whence::Unknown)));
        below.or(perhaps).unwrap_or(Made::Elsewhere(Whence::Unknown))
    }

    /// What a `COPY` has put at `path`, and whether it is known to be there.
    fn copied(&self, stage: usize, step: &Step, path: &str, runs: bool, depth: usize) -> Option<(Made, bool)> {
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
            // A file goes to its own name, what is in a folder goes below the target.
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
                (None, _) => Made::Context(relative(&whole)),
                (Some(_), Some(other)) => match self.follow(other, &absolute("/", &whole), runs, depth + 1) {
                    Made::Elsewhere(Whence::Unknown) => Made::Elsewhere(self.whence(other, step.instruction.line)),
                    // Not here, so that a command of the stage has made it.
                    Made::Context(from) if runs && !self.dir.join(&from).exists() => {
                        match self.whence(other, step.instruction.line) {
                            Whence::Run(line) => Made::Elsewhere(Whence::Run(line)),
                            _ => Made::Context(from),
                        }
                    }
                    made => made,
                },
                (Some(_), None) => Made::Elsewhere(Whence::Image(step.instruction.line)),
            };
            // Of several sources the one that has it.
            let has_it = match &made {
                Made::Context(from) => self.dir.join(from).exists(),
                Made::Compiled(_) => true,
                Made::Elsewhere(_) => false,
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

    /// How a stage may have what no line of it names.
    pub(in crate::init) fn whence(&self, stage: usize, copy: usize) -> Whence {
        let steps = self.list.get(stage).map(|stage| stage.steps.as_slice()).unwrap_or_default();
        let is_foreign = |command: &Command| !reasons::is_housekeeping(command);
        let runs = steps.iter().any(|step| step.commands.iter().any(is_foreign));
        if runs { Whence::Run(copy) } else { Whence::Base(copy) }
    }
}
