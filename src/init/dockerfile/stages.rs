//! The stages of a Dockerfile, and where the files in them come from.

use std::collections::BTreeMap;

use super::{
    build::{self, Wanted},
    lines::{Dockerfile, Instruction},
    shell::{self, Command},
    words::{Scope, Word},
};
use crate::report::Limits;

/// A stage.
#[derive(Debug)]
pub(in crate::init) struct Stage {
    /// Its number, and its name in small letters.
    pub(in crate::init) name: Option<String>,
    /// What it is built from, variables replaced.
    pub(in crate::init) base: Word,
    pub(in crate::init) from: Instruction,
    /// The stage of this Dockerfile that `base` names.
    pub(in crate::init) parent: Option<usize>,
    pub(in crate::init) steps: Vec<Step>,
    /// Variables and working directory after the last step.
    end: (Scope, String),
}

/// An instruction in its stage.
#[derive(Debug)]
pub(in crate::init) struct Step {
    pub(in crate::init) instruction: Instruction,
    /// Of a `RUN`; told apart once, because every followed path looks at them.
    pub(in crate::init) commands: Vec<Command>,
    /// The variables before it.
    pub(in crate::init) scope: Scope,
    /// The working directory before it.
    pub(in crate::init) workdir: String,
}

/// Where a file of a stage comes from.
#[derive(Debug, Clone)]
pub(in crate::init) enum Made {
    /// A compiler.
    Compiled(Box<Wanted>),
    /// A path of the context.
    Context(String),
    /// Another image, or a `RUN` that cannot be followed.
    Elsewhere,
}

/// All stages, in order.
#[derive(Debug)]
pub(in crate::init) struct Stages(pub(in crate::init) Vec<Stage>);

impl Stages {
    /// Sorts the instructions into stages.
    pub(in crate::init) fn of(file: Dockerfile) -> Self {
        let mut stages: Vec<Stage> = Vec::new();
        let mut global = Scope { values: platform_words(), escape: file.escape };
        let mut scope = Scope { values: BTreeMap::new(), escape: file.escape };
        let mut workdir = String::from("/");
        for instruction in file.instructions {
            let Some(stage) = stages.last_mut().filter(|_| instruction.name != "FROM") else {
                if instruction.name == "FROM" {
                    let stage = open(&instruction, &global, &stages);
                    (scope, workdir) = stage.end.clone();
                    stages.push(stage);
                } else if instruction.name == "ARG" {
                    let before = global.clone();
                    arguments(&instruction, &before, &BTreeMap::new(), &mut global);
                }
                continue;
            };
            let (before, folder) = (scope.clone(), workdir.clone());
            match instruction.name.as_str() {
                "ARG" => arguments(&instruction, &before, &global.values, &mut scope),
                "ENV" => {
                    for (name, value) in pairs(&instruction, &before) {
                        match value.unknown {
                            None => scope.set(name, value.text),
                            Some(_) => {
                                scope.values.remove(&name);
                            }
                        }
                    }
                }
                "WORKDIR" => workdir = absolute(&workdir, &before.word(&instruction.rest).text),
                _ => {}
            }
            let is_run = instruction.name == "RUN";
            let commands = if is_run { shell::commands(&instruction, &before) } else { Vec::new() };
            stage.steps.push(Step { instruction, commands, scope: before, workdir: folder });
            stage.end = (scope.clone(), workdir.clone());
        }
        Self(stages)
    }

    /// The stage that `COPY --from` or `FROM` names, among the first `before`.
    pub(in crate::init) fn named(&self, name: &str, before: usize) -> Option<usize> {
        find(self.0.get(..before).unwrap_or_default(), name)
    }

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
        let Some(found) = self.0.get(stage).filter(|_| depth < Limits::DOCKERFILE_DEPTH) else {
            return Made::Elsewhere;
        };
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
                "COPY" | "ADD" => {
                    if let Some(made) = self.copied(stage, step, path, runs, depth) {
                        return made;
                    }
                }
                _ => {}
            }
        }
        found.parent.map_or(Made::Elsewhere, |parent| self.follow(parent, path, runs, depth + 1))
    }

    /// What a `COPY` has put at `path`.
    fn copied(&self, stage: usize, step: &Step, path: &str, runs: bool, depth: usize) -> Option<Made> {
        let (sources, to) = copy_words(step)?;
        for source in &sources {
            let name = source.rsplit('/').find(|part| !part.is_empty() && *part != ".").unwrap_or_default();
            let target = absolute(&step.workdir, &to);
            let into = is_folder(step, &sources, &to);
            let inside = if into { absolute(&target, name) } else { target.clone() };
            let rest = [(&inside, source.trim_end_matches('/')), (&target, source.trim_end_matches('/'))]
                .into_iter()
                .find_map(|(at, source)| Some((source, strip(path, at)?)));
            let Some((source, rest)) = rest else { continue };
            let whole = if rest.is_empty() { source.to_owned() } else { format!("{source}/{rest}") };
            return Some(match step.instruction.flag("from") {
                None => Made::Context(relative(&whole)),
                Some(from) => match self.named(&step.scope.word(from).text, stage) {
                    Some(other) => self.follow(other, &absolute("/", &whole), runs, depth + 1),
                    None => Made::Elsewhere,
                },
            });
        }
        None
    }

    /// The working directory at the end of a stage.
    pub(in crate::init) fn workdir(&self, stage: usize) -> &str {
        self.0.get(stage).map_or("/", |stage| stage.end.1.as_str())
    }

    /// The stages that the image is made of, the last one and those it stands on, lowest first.
    pub(in crate::init) fn chain(&self) -> Vec<usize> {
        let mut chain = Vec::new();
        let mut next = self.0.len().checked_sub(1);
        while let Some(at) = next {
            chain.push(at);
            next = self.0.get(at).and_then(|stage| stage.parent);
        }
        chain.reverse();
        chain
    }
}

/// A new stage.
fn open(from: &Instruction, scope: &Scope, stages: &[Stage]) -> Stage {
    let words: Vec<_> = from.rest.split_whitespace().collect();
    let base = scope.word(words.first().copied().unwrap_or_default());
    let name = match words.as_slice() {
        [_, by, name, ..] if by.eq_ignore_ascii_case("as") => Some(name.to_ascii_lowercase()),
        _ => None,
    };
    let parent = find(stages, &base.text).filter(|_| !base.text.bytes().all(|byte| byte.is_ascii_digit()));
    // A stage on top of another one goes on with its variables and its folder.
    let end = match parent.and_then(|parent| stages.get(parent)) {
        Some(stage) => stage.end.clone(),
        None => (Scope { values: BTreeMap::new(), escape: scope.escape }, "/".to_owned()),
    };
    Stage { name, base, from: from.clone(), parent, steps: Vec::new(), end }
}

fn find(stages: &[Stage], name: &str) -> Option<usize> {
    let lower = name.to_ascii_lowercase();
    let by_name = stages.iter().rposition(|stage| stage.name.as_ref() == Some(&lower));
    by_name.or_else(|| lower.parse().ok().filter(|number| *number < stages.len()))
}

/// `ARG NAME[=default]...`; inside a stage a name alone takes the value from before the first stage.
fn arguments(instruction: &Instruction, scope: &Scope, global: &BTreeMap<String, String>, values: &mut Scope) {
    for word in scope.words(&instruction.rest) {
        match word.text.split_once('=') {
            Some((name, value)) if word.unknown.is_none() => {
                values.set(name.to_owned(), value.to_owned());
            }
            Some(_) => {}
            None => {
                if let Some(value) = global.get(&word.text) {
                    values.set(word.text, value.clone());
                }
            }
        }
    }
}

/// The pairs of `ENV` and `LABEL`: `a=b c="d"`, or the old `a b c`.
pub(in crate::init) fn pairs(instruction: &Instruction, scope: &Scope) -> Vec<(String, Word)> {
    let (first, rest) = instruction.rest.split_once(char::is_whitespace).unwrap_or((&instruction.rest, ""));
    if !first.contains('=') {
        return vec![(scope.word(first).text, scope.word(rest.trim()))];
    }
    let split = |word: Word| {
        let (name, value) = word.text.split_once('=')?;
        Some((name.to_owned(), Word { text: value.to_owned(), unknown: word.unknown }))
    };
    scope.words(&instruction.rest).into_iter().filter_map(split).collect()
}

/// The sources and the destination of a `COPY`; `None` when one of them is unknown, or there is none.
pub(in crate::init) fn copy_words(step: &Step) -> Option<(Vec<String>, String)> {
    let words = match step.instruction.json() {
        Some(words) => words.iter().map(|word| step.scope.word(word)).collect(),
        None => step.scope.words(&step.instruction.rest),
    };
    let words: Option<Vec<_>> = words.into_iter().map(|word| word.unknown.is_none().then_some(word.text)).collect();
    let mut words = words?;
    let to = words.pop()?;
    (!words.is_empty()).then_some((words, to))
}

/// Whether a `COPY` to `to` puts a file into a folder of that name: by its form, or because every base has the folder.
pub(in crate::init) fn is_folder(step: &Step, sources: &[String], to: &str) -> bool {
    const FOLDERS: [&str; 12] = [
        "/",
        "/bin",
        "/etc",
        "/home",
        "/opt",
        "/root",
        "/sbin",
        "/srv",
        "/tmp",
        "/usr/bin",
        "/usr/local/bin",
        "/usr/local/sbin",
    ];
    let target = absolute(&step.workdir, to);
    let form = to.ends_with('/') || to.ends_with("/.") || to == "." || sources.len() > 1;
    form || FOLDERS.contains(&target.as_str()) || target == step.workdir
}

/// What BuildKit defines by itself.
fn platform_words() -> BTreeMap<String, String> {
    let both = ["TARGET", "BUILD"].into_iter().flat_map(|side| {
        [("PLATFORM", "linux/amd64"), ("OS", "linux"), ("ARCH", "amd64"), ("VARIANT", "")]
            .map(|(name, value)| (format!("{side}{name}"), value.to_owned()))
    });
    both.collect()
}

/// `path` from the root, seen from `folder`; `.` and `..` resolved.
pub(in crate::init) fn absolute(folder: &str, path: &str) -> String {
    let whole = if path.starts_with('/') { path.to_owned() } else { format!("{folder}/{path}") };
    format!("/{}", relative(&whole))
}

/// `path` without a leading slash, `.` and `..` resolved.
pub(in crate::init) fn relative(path: &str) -> String {
    let mut parts: Vec<&str> = Vec::new();
    for part in path.split('/') {
        match part {
            "" | "." => {}
            ".." => {
                parts.pop();
            }
            part => parts.push(part),
        }
    }
    parts.join("/")
}

/// What of `path` is below `folder`; empty for the same one.
pub(in crate::init) fn strip<'a>(path: &'a str, folder: &str) -> Option<&'a str> {
    if folder == "/" {
        return path.strip_prefix('/');
    }
    let rest = path.strip_prefix(folder)?;
    if rest.is_empty() { Some(rest) } else { rest.strip_prefix('/') }
}
