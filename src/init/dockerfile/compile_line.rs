//! [`CompileLine`]: a `go build` or `cargo build` line with its settings, read from a command.

use std::collections::BTreeMap;

use super::{
    scope::DockerfileWord,
    shell::ShellCommand,
    stage_path::{absolute, strip},
    stages::StageStep,
};

/// A program that a `RUN` compiles, with the settings of its compile line.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub(in crate::init) struct CompileLine {
    pub(in crate::init) line: usize,
    /// The stage it is compiled in.
    pub(in crate::init) stage: usize,
    pub(in crate::init) is_go: bool,
    /// The folder the compiler runs in, in the stage.
    pub(in crate::init) dir: String,
    /// The Go package, or Cargo's `--package`, when the line names one.
    pub(in crate::init) package: Option<String>,
    /// The line compiles several Go packages.
    pub(in crate::init) several: bool,
    /// The program names that Go derives, where the packages are known.
    pub(in crate::init) names: Option<Vec<String>>,
    /// Cargo's `--bin`.
    pub(in crate::init) binary: Option<String>,
    /// The file name of the program in the stage.
    pub(in crate::init) file: String,
    pub(in crate::init) tags: Vec<String>,
    /// May hold variables of the recipe, like `env`.
    pub(in crate::init) ldflags: Vec<String>,
    pub(in crate::init) features: Vec<String>,
    pub(in crate::init) flags: Vec<String>,
    pub(in crate::init) cgo: bool,
    /// Cargo's, when that is not `release`.
    pub(in crate::init) profile: Option<String>,
    pub(in crate::init) rustflags: Vec<String>,
    pub(in crate::init) linker: Option<String>,
    /// The C compiler.
    pub(in crate::init) cc: Option<String>,
    /// Variables of the compiler.
    pub(in crate::init) env: BTreeMap<String, String>,
    /// The platform that `GOARCH` and its variant variables name, when that is not the default.
    pub(in crate::init) platform: Option<String>,
    /// Cargo's `--target`.
    pub(in crate::init) target: Option<String>,
    /// Notes about settings that are not taken over: line and reason.
    pub(in crate::init) left_out: Vec<(usize, String)>,
}

/// Flags of `go build` whose value is the next word.
pub(in crate::init) const GO_VALUES: [&str; 14] = [
    "o",
    "tags",
    "ldflags",
    "gcflags",
    "asmflags",
    "mod",
    "installsuffix",
    "p",
    "buildmode",
    "C",
    "pkgdir",
    "overlay",
    "modfile",
    "pgo",
];
/// Flags of `cargo build` whose value is the next word.
const CARGO_VALUES: [&str; 13] = [
    "bin",
    "package",
    "p",
    "features",
    "F",
    "target",
    "target-dir",
    "manifest-path",
    "profile",
    "jobs",
    "j",
    "path",
    "root",
];

/// The commands of a `RUN`, each with the folder it runs in.
pub(in crate::init) fn place_commands(step: &StageStep) -> Vec<(String, &ShellCommand)> {
    let mut folder = step.workdir.clone();
    let mut placed = Vec::new();
    for command in &step.commands {
        if command.program() == "cd" {
            folder = absolute(&folder, command.text(1));
        }
        placed.push((folder.clone(), command));
    }
    placed
}

/// Whether a command compiles a program. Such a `RUN` needs no note.
pub(in crate::init) fn is_compile(command: &ShellCommand) -> bool {
    let second = command.text(1);
    match command.program() {
        "go" => ["build", "install"].contains(&second),
        "cargo" | "cross" => {
            ["build", "b", "install", "zigbuild", "rustc"].contains(&second)
                || second == "auditable"
                || command.words.iter().any(|word| word.text == "build")
        }
        _ => false,
    }
}

/// The settings of `command`, if it compiles `path`.
pub(super) fn compile_of(command: &ShellCommand, folder: &str, path: &str, line: usize) -> Option<CompileLine> {
    if !is_compile(command) {
        return None;
    }
    let (parent, file) = path.rsplit_once('/').unwrap_or(("", path));
    let go = command.program() == "go";
    let values = if go { &GO_VALUES[..] } else { &CARGO_VALUES[..] };
    let (flags, others) = split_flags(command, values);
    let mut wanted =
        CompileLine { is_go: go, line, dir: folder.to_owned(), file: file.to_owned(), ..CompileLine::default() };
    let output = wanted.take(&flags);
    if command.conditional {
        let what = "the compile line is inside of an `if`, a `case` or a loop; it is taken as if it always ran";
        wanted.left_out.push((line, what.into()));
    }
    if go {
        wanted.packages(others);
        let makes = match output {
            Some(output) => {
                let (into, output) = (output.ends_with('/'), absolute(folder, &output));
                let inside = strip(path, &output).is_some_and(|rest| !rest.is_empty() && !rest.contains('/'));
                // `-o` is a folder by its trailing slash, or with several packages.
                let into_folder = into || wanted.several;
                path == output && !into
                    || inside && wanted.names.as_ref().map_or(into_folder, |names| names.contains(&wanted.file))
            }
            None if command.text(1) == "install" => parent.ends_with("/bin"),
            None => absolute("/", parent) == absolute("/", folder),
        };
        return makes.then_some(wanted);
    }
    let profile = parent.rsplit('/').next().unwrap_or_default();
    let installs = command.text(1) == "install";
    let named = flags.iter().any(|(name, _)| ["release", "r", "profile"].contains(&name.as_str()));
    if !installs && !named {
        wanted.left_out.push((line, "`cargo build` without `--release`: hardpan builds with `--release`".into()));
    }
    if command.text(1).starts_with('+') {
        let what = format!("`{}`: the toolchain is the one that `rustup` chooses in this folder", command.text(1));
        wanted.left_out.push((line, what));
    }
    if let Some(other) = others.first().filter(|_| installs) {
        wanted.package = Some(other.text.clone());
    }
    let makes = installs && parent.ends_with("/bin")
        || parent.contains("target") && ["release", "debug"].contains(&profile)
        || output.is_some_and(|profile_name| profile == profile_name);
    // With several targets, the path of the file names its target.
    if let Some((_, target)) =
        parent.strip_suffix(&format!("/{profile}")).and_then(|above| above.rsplit_once("/target/"))
        && flags.iter().any(|(name, value)| name == "target" && value.text == target)
    {
        wanted.target = Some(target.to_owned());
        if flags.iter().filter(|(name, _)| name == "target").count() > 1 {
            let what = format!("it compiles for several targets; the image has what is for `{target}`");
            wanted.left_out.push((line, what));
        }
    }
    (makes && wanted.binary.as_ref().is_none_or(|binary| binary == file)).then_some(wanted)
}

/// Splits a command into flags with values, and the other words after the subcommand.
pub(in crate::init) fn split_flags(
    command: &ShellCommand,
    values: &[&str],
) -> (Vec<(String, DockerfileWord)>, Vec<DockerfileWord>) {
    let (mut flags, mut others) = (Vec::new(), Vec::new());
    let skip = if command.text(1) == "auditable" { 3 } else { 2 };
    let mut words = command.words.iter().skip(skip);
    while let Some(word) = words.next() {
        let Some(bare) = word.text.strip_prefix("--").or_else(|| word.text.strip_prefix('-')) else {
            others.push(word.clone());
            continue;
        };
        if let Some((name, value)) = bare.split_once('=') {
            let value = word.split().map_or_else(|| DockerfileWord::literal(value), |(_, value)| value);
            flags.push((name.to_owned(), value));
        } else if values.contains(&bare) {
            flags.push((bare.to_owned(), words.next().cloned().unwrap_or_default()));
        } else {
            flags.push((bare.to_owned(), DockerfileWord::default()));
        }
    }
    (flags, others)
}
