//! [`Stages`]: the stages of a Dockerfile, with variables and working directory of each step.

use std::{
    cell::RefCell,
    collections::BTreeMap,
    path::{Path, PathBuf},
    rc::Rc,
};

use super::{
    bases,
    build_args::BuildArgs,
    instructions::{Dockerfile, Instruction},
    scope::{DockerfileWord, Scope, VariableSource, VariableValue},
    shell::{self, ShellCommand},
    source_templates::SourceTemplates,
    stage_path::absolute,
};

/// Folders that every base but `scratch` has.
const FOLDERS: [&str; 20] = [
    "/bin",
    "/dev",
    "/etc",
    "/home",
    "/lib",
    "/opt",
    "/proc",
    "/root",
    "/run",
    "/sbin",
    "/srv",
    "/sys",
    "/tmp",
    "/usr",
    "/usr/bin",
    "/usr/local",
    "/usr/local/bin",
    "/usr/local/sbin",
    "/usr/sbin",
    "/var",
];

/// A stage.
#[derive(Debug)]
pub(in crate::init) struct Stage {
    /// Its number, and its name in small letters.
    pub(in crate::init) name: Option<String>,
    /// The base image or stage, variables replaced.
    pub(in crate::init) base: DockerfileWord,
    pub(in crate::init) from: Instruction,
    /// The stage of this Dockerfile that `base` names.
    pub(in crate::init) parent: Option<usize>,
    pub(in crate::init) steps: Vec<StageStep>,
    /// Scope and working directory after the last step.
    end: (Scope, String),
}

/// An instruction in its stage.
#[derive(Debug)]
pub(in crate::init) struct StageStep {
    pub(in crate::init) instruction: Instruction,
    /// The commands of a `RUN`; parsed once, because every traced path reads them.
    pub(in crate::init) commands: Vec<ShellCommand>,
    /// The variables before it.
    pub(in crate::init) scope: Scope,
    /// The working directory before it.
    pub(in crate::init) workdir: String,
}

/// All stages.
#[derive(Debug)]
pub(in crate::init) struct Stages {
    /// In order.
    pub(in crate::init) list: Vec<Stage>,
    /// The folder of the context.
    pub(in crate::init) dir: PathBuf,
    /// The build arguments that the recipe may take over as variables.
    pub(in crate::init) variables: Rc<RefCell<BuildArgs>>,
    /// The paths of the context that have variables.
    pub(in crate::init) templates: SourceTemplates,
}

impl Stages {
    /// Sorts the instructions into stages. `dir` is the build context.
    pub(in crate::init) fn of(file: Dockerfile, dir: &Path) -> Self {
        let mut stages: Vec<Stage> = Vec::new();
        let variables = Rc::<RefCell<BuildArgs>>::default();
        let mut global = Scope { values: platform_words(), ..Scope::new(file.escape, &variables) };
        let mut scope = Scope::new(file.escape, &variables);
        let mut workdir = String::from("/");
        for instruction in file.instructions {
            let Some(stage) = stages.last_mut().filter(|_| instruction.name != "FROM") else {
                if instruction.name == "FROM" {
                    let stage = open_stage(&instruction, &global, &stages);
                    (scope, workdir) = stage.end.clone();
                    stages.push(stage);
                } else if instruction.name == "ARG" {
                    let before = global.clone();
                    declare_arguments(&instruction, &before, None, &mut global);
                }
                continue;
            };
            let (before, folder) = (scope.clone(), workdir.clone());
            match instruction.name.as_str() {
                "ARG" => declare_arguments(&instruction, &before, Some(&global), &mut scope),
                "ENV" => {
                    for (name, word) in pairs(&instruction, &before) {
                        scope.declared.remove(&name);
                        if word.unknown.is_some() {
                            scope.values.remove(&name);
                            continue;
                        }
                        let DockerfileWord { text, template, .. } = word;
                        let value = VariableValue { text, template, kind: VariableSource::Env, line: instruction.line };
                        scope.set(name, value);
                    }
                }
                "WORKDIR" => workdir = absolute(&workdir, &before.word(&instruction.rest).text),
                _ => {}
            }
            let is_run = instruction.name == "RUN";
            let commands = if is_run { shell::commands(&instruction, &before) } else { Vec::new() };
            stage.steps.push(StageStep { instruction, commands, scope: before, workdir: folder });
            stage.end = (scope.clone(), workdir.clone());
        }
        let templates = SourceTemplates::of(context_sources(&stages));
        Self { list: stages, dir: dir.to_path_buf(), variables, templates }
    }

    /// The stage that `COPY --from` or `FROM` names, among the first `before`.
    pub(in crate::init) fn named(&self, name: &str, before: usize) -> Option<usize> {
        find_stage(self.list.get(..before).unwrap_or_default(), name)
    }

    /// Whether a `COPY` of this number of sources treats `to` as a folder: by its form, or because the folder exists.
    pub(in crate::init) fn is_folder(&self, stage: usize, step: &StageStep, sources: usize, to: &str) -> bool {
        let target = absolute(&step.workdir, to);
        let form = to.ends_with('/') || to.ends_with("/.") || [".", ".."].contains(&to) || sources > 1;
        form || target == "/" || target == step.workdir || self.base_has_folder(stage, &target)
    }

    /// Whether the base of a stage has this folder; none of `scratch` has.
    pub(in crate::init) fn base_has_folder(&self, stage: usize, path: &str) -> bool {
        let mut at = stage;
        while let Some(parent) = self.list.get(at).and_then(|stage| stage.parent) {
            at = parent;
        }
        let empty = self.list.get(at).is_none_or(|stage| stage.base.text == "scratch");
        !empty && FOLDERS.contains(&path)
    }

    /// The working directory at the end of a stage.
    pub(in crate::init) fn workdir(&self, stage: usize) -> &str {
        self.list.get(stage).map_or("/", |stage| stage.end.1.as_str())
    }

    /// The stages that the image is made of, the last one and those it stands on, lowest first.
    pub(in crate::init) fn chain(&self) -> Vec<usize> {
        let mut chain = Vec::new();
        let mut next = self.list.len().checked_sub(1);
        while let Some(at) = next {
            chain.push(at);
            next = self.list.get(at).and_then(|stage| stage.parent);
        }
        chain.reverse();
        chain
    }
}

/// A new stage.
fn open_stage(from: &Instruction, scope: &Scope, stages: &[Stage]) -> Stage {
    let words: Vec<_> = from.rest.split_whitespace().collect();
    let base = scope.word(words.first().copied().unwrap_or_default());
    let name = match words.as_slice() {
        [_, by, name, ..] if by.eq_ignore_ascii_case("as") => Some(name.to_ascii_lowercase()),
        _ => None,
    };
    let parent = find_stage(stages, &base.text).filter(|_| !base.text.bytes().all(|byte| byte.is_ascii_digit()));
    // A stage based on another stage starts with its variables and working directory.
    let end = match parent.and_then(|parent| stages.get(parent)) {
        Some(stage) => stage.end.clone(),
        None => (Scope::new(scope.escape, &scope.variables), bases::workdir(&base.text).to_owned()),
    };
    Stage { name, base, from: from.clone(), parent, steps: Vec::new(), end }
}

fn find_stage(stages: &[Stage], name: &str) -> Option<usize> {
    let lower = name.to_ascii_lowercase();
    let by_name = stages.iter().rposition(|stage| stage.name.as_ref() == Some(&lower));
    by_name.or_else(|| lower.parse().ok().filter(|number| *number < stages.len()))
}

/// Applies `ARG NAME[=default]...`. In a stage, where `global` is given, a name without default takes the value from
/// before the first stage.
fn declare_arguments(instruction: &Instruction, scope: &Scope, global: Option<&Scope>, values: &mut Scope) {
    for word in scope.words(&instruction.rest) {
        let name = word.text.split('=').next().unwrap_or_default().to_owned();
        // `ENV` takes precedence over `ARG`, and variables of BuildKit have their own values.
        let is_env = scope.values.get(&name).is_some_and(|value| value.kind == VariableSource::Env);
        let platform = global.and_then(|global| global.values.get(&name)).filter(|value| value.line == 0);
        if let (false, Some(value)) = (is_env, platform) {
            values.set(name, value.clone());
            continue;
        }
        if is_env {
            continue;
        }
        match word.split() {
            Some((name, word)) if word.unknown.is_none() => {
                values.declared.remove(&name);
                let template = scope.variables.borrow_mut().template(&name, &word.text);
                values.set(
                    name,
                    VariableValue { text: word.text, template, kind: VariableSource::Arg, line: instruction.line },
                );
            }
            Some(_) => {
                values.values.remove(&name);
            }
            None => {
                if let Some(value) = global.and_then(|global| global.values.get(&name)) {
                    values.set(name, VariableValue { line: instruction.line, ..value.clone() });
                } else {
                    values.values.remove(&name);
                    values.declared.insert(name);
                }
            }
        }
    }
}

/// The pairs of `ENV` and `LABEL`: `a=b c="d"`, or the old `a b c`.
pub(in crate::init) fn pairs(instruction: &Instruction, scope: &Scope) -> Vec<(String, DockerfileWord)> {
    let (first, rest) = instruction.rest.split_once(char::is_whitespace).unwrap_or((&instruction.rest, ""));
    if !first.contains('=') {
        return vec![(scope.word(first).text, scope.word(rest.trim()))];
    }
    // Docker refuses a word without `=`; it is kept with an empty name.
    let split = |word: DockerfileWord| word.split().unwrap_or((String::new(), word));
    scope.words(&instruction.rest).into_iter().map(split).collect()
}

/// The sources and the destination of a `COPY`; `None` when one of them is unknown, or there is none.
pub(in crate::init) fn copy_words(step: &StageStep) -> Option<(Vec<String>, String)> {
    let (sources, to) = copy_operands(step)?;
    Some((sources.into_iter().map(|source| source.text).collect(), to.text))
}

/// The same as [`copy_words`], with the variables of the words.
pub(in crate::init) fn copy_operands(step: &StageStep) -> Option<(Vec<DockerfileWord>, DockerfileWord)> {
    let mut words = operands(step);
    if words.iter().any(|word| word.unknown.is_some()) {
        return None;
    }
    let to = words.pop()?;
    (!words.is_empty()).then_some((words, to))
}

/// The sources of every `COPY` of the context.
fn context_sources(stages: &[Stage]) -> impl Iterator<Item = DockerfileWord> {
    let copies = stages.iter().flat_map(|stage| &stage.steps).filter(|step| {
        ["COPY", "ADD"].contains(&step.instruction.name.as_str()) && step.instruction.flag("from").is_none()
    });
    copies.filter_map(copy_operands).flat_map(|(sources, _)| sources)
}

/// The words of an instruction, in either form.
pub(in crate::init) fn operands(step: &StageStep) -> Vec<DockerfileWord> {
    match step.instruction.json() {
        Some(words) => words.iter().map(|word| step.scope.word(word)).collect(),
        None => step.scope.words(&step.instruction.rest),
    }
}

/// The variables that BuildKit predefines.
fn platform_words() -> BTreeMap<String, VariableValue> {
    let both = ["TARGET", "BUILD"].into_iter().flat_map(|side| {
        let words = [
            ("PLATFORM", "linux/amd64", "{os}/{arch}"),
            ("OS", "linux", "{os}"),
            ("ARCH", "amd64", "{arch}"),
            ("VARIANT", "", "{variant}"),
        ];
        words.map(|(name, text, template)| {
            let template = if side == "TARGET" { template } else { text };
            let value =
                VariableValue { text: text.to_owned(), template: template.to_owned(), ..VariableValue::default() };
            (format!("{side}{name}"), value)
        })
    });
    both.collect()
}
