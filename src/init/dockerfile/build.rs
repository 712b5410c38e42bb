//! The compile of a build stage: what a `go build` or `cargo build` line says, and what it makes.

use super::{
    shell::Command,
    stages::{Step, absolute, strip},
    words::Word,
};

/// A program that a `RUN` compiles.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub(in crate::init) struct Wanted {
    pub(in crate::init) line: usize,
    /// The stage it is compiled in.
    pub(in crate::init) stage: usize,
    pub(in crate::init) is_go: bool,
    /// The folder the compiler runs in, in the stage.
    pub(in crate::init) dir: String,
    /// The Go package, or Cargo's `--package`, when the line names one.
    pub(in crate::init) package: Option<String>,
    /// Cargo's `--bin`.
    pub(in crate::init) binary: Option<String>,
    /// The name of the file that was asked for.
    pub(in crate::init) file: String,
    pub(in crate::init) tags: Vec<String>,
    pub(in crate::init) ldflags: Vec<String>,
    pub(in crate::init) features: Vec<String>,
    pub(in crate::init) flags: Vec<String>,
    /// Literal `GOARCH`.
    pub(in crate::init) arch: Option<String>,
    /// What of the line is not taken over, and why.
    pub(in crate::init) left_out: Vec<String>,
}

/// Flags of `go build` whose value is the next word.
const GO_VALUES: [&str; 14] = [
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

/// How `path` was made by the commands of one `RUN`: by a compiler, or by moving it from another path, which is the
/// second answer. What comes last counts.
pub(in crate::init) fn outputs(step: &Step, path: &str) -> (Option<Wanted>, Option<String>) {
    let mut folder = step.workdir.clone();
    let mut placed = Vec::new();
    for command in &step.commands {
        if command.program() == "cd" {
            folder = absolute(&folder, command.text(1));
        }
        placed.push((folder.clone(), command));
    }
    let mut current = path.to_owned();
    for (folder, command) in placed.iter().rev() {
        match command.program() {
            "cp" | "mv" | "install" | "upx" => {
                if let Some(from) = moved(command, folder, &current) {
                    current = from;
                }
            }
            _ => {
                if let Some(wanted) = compiled(command, folder, &current) {
                    let mut wanted = wanted.with_environment(command, step);
                    wanted.line = step.instruction.line;
                    return (Some(wanted), None);
                }
            }
        }
    }
    (None, (current != path).then_some(current))
}

/// Whether a command compiles a program; for `RUN` lines that need no word about them.
pub(in crate::init) fn is_compile(command: &Command) -> bool {
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

/// The path a file had before `command` put it at `to`.
fn moved(command: &Command, folder: &str, to: &str) -> Option<String> {
    let words: Vec<_> =
        command.words.iter().skip(1).map(|word| word.text.as_str()).filter(|word| !word.starts_with('-')).collect();
    let (target, sources) = words.split_last()?;
    let target = absolute(folder, target);
    sources.iter().find_map(|source| {
        let name = source.rsplit('/').next().unwrap_or_default();
        (target == to || absolute(&target, name) == to).then(|| absolute(folder, source))
    })
}

/// The compile of `command`, if it makes `path`.
fn compiled(command: &Command, folder: &str, path: &str) -> Option<Wanted> {
    if !is_compile(command) {
        return None;
    }
    let (parent, file) = path.rsplit_once('/').unwrap_or(("", path));
    let go = command.program() == "go";
    let values = if go { &GO_VALUES[..] } else { &CARGO_VALUES[..] };
    let (flags, others) = split(command, values);
    let mut wanted = Wanted { is_go: go, dir: folder.to_owned(), file: file.to_owned(), ..Wanted::default() };
    let output = wanted.take(&flags);
    if go {
        let mut packages = others.into_iter();
        wanted.package = packages.next().map(|package| package.text);
        if packages.next().is_some() || wanted.package.as_ref().is_some_and(|package| package.contains("...")) {
            wanted.package = None;
        }
        let makes = match output {
            Some(output) => {
                let output = absolute(folder, &output);
                path == output || strip(path, &output).is_some_and(|rest| !rest.contains('/'))
            }
            None if command.text(1) == "install" => parent.ends_with("/bin"),
            None => absolute("/", parent) == absolute("/", folder),
        };
        return makes.then_some(wanted);
    }
    let profile = parent.rsplit('/').next().unwrap_or_default();
    let installed = command.text(1) == "install" && parent.ends_with("/bin");
    let makes = installed
        || parent.contains("target") && ["release", "debug"].contains(&profile)
        || output.is_some_and(|profile_name| profile == profile_name);
    (makes && wanted.binary.as_ref().is_none_or(|binary| binary == file)).then_some(wanted)
}

/// Flags with their values, and the other words after the subcommand.
fn split(command: &Command, values: &[&str]) -> (Vec<(String, Word)>, Vec<Word>) {
    let (mut flags, mut others) = (Vec::new(), Vec::new());
    let skip = if command.text(1) == "auditable" { 3 } else { 2 };
    let mut words = command.words.iter().skip(skip);
    while let Some(word) = words.next() {
        let Some(bare) = word.text.strip_prefix("--").or_else(|| word.text.strip_prefix('-')) else {
            others.push(word.clone());
            continue;
        };
        if let Some((name, value)) = bare.split_once('=') {
            flags.push((name.to_owned(), Word { text: value.to_owned(), unknown: word.unknown.clone() }));
        } else if values.contains(&bare) {
            flags.push((bare.to_owned(), words.next().cloned().unwrap_or_default()));
        } else {
            flags.push((bare.to_owned(), Word::default()));
        }
    }
    (flags, others)
}

impl Wanted {
    /// Takes over what a recipe can say. Gives Go's `-o`, or Cargo's `--profile`.
    fn take(&mut self, flags: &[(String, Word)]) -> Option<String> {
        let mut output = None;
        for (name, value) in flags {
            let text = value.text.clone();
            let listed =
                || text.split([',', ' ']).filter(|part| !part.is_empty()).map(str::to_owned).collect::<Vec<_>>();
            if let (Some(unknown), false) = (&value.unknown, name == "ldflags") {
                self.left_out.push(format!("`{name}`: the value of `{unknown}` is not known here"));
                continue;
            }
            match (self.is_go, name.as_str()) {
                (true, "o") => output = Some(text),
                (true, "C") | (false, "path") => self.dir = absolute(&self.dir, &text),
                (true, "tags") => self.tags.extend(listed()),
                (true, "ldflags") => self.linker(value),
                (true, "gcflags" | "asmflags" | "buildmode") => self.flags.push(format!("-{name}={text}")),
                (true, "race" | "msan" | "asan") => {
                    self.left_out.push(format!("`-{name}`: it needs cgo, and hardpan compiles without"));
                }
                (false, "bin") => self.binary = Some(text),
                (false, "package" | "p") => self.package = Some(text),
                (false, "features" | "F") => self.features.extend(listed()),
                (false, "no-default-features" | "all-features") => self.flags.push(format!("--{name}")),
                (false, "manifest-path") => {
                    let folder = text.strip_suffix("Cargo.toml").unwrap_or(&text);
                    self.dir = absolute(&self.dir, folder);
                }
                (false, "profile") => {
                    if text != "release" {
                        self.left_out.push(format!("`--profile {text}`: hardpan builds with `--release`"));
                    }
                    output = Some(text);
                }
                (false, "target") if !text.contains("linux") => {
                    self.left_out.push(format!("`--target {text}`: images are for Linux"));
                }
                // `-a`, `-v`, `-trimpath`, `--release`, `--locked`: hardpan's own, or without effect on the program.
                _ => {}
            }
        }
        output
    }

    /// `-X` is taken over; `-s`, `-w` and a static link are the default.
    fn linker(&mut self, value: &Word) {
        let mut words = value.text.split_whitespace();
        while let Some(word) = words.next() {
            let word = word.trim_matches(['"', '\'']);
            let assigned = match word {
                "-X" => words.next().unwrap_or_default().trim_matches(['"', '\'']),
                word => word.strip_prefix("-X=").unwrap_or_default(),
            };
            match assigned.split_once('=') {
                Some((name, _))
                    if value.unknown.is_some() && assigned.contains(['$', '(']) || assigned.ends_with('=') =>
                {
                    let name = name.trim_end_matches('=');
                    self.left_out.push(format!("`-X {name}`: its value is not known here; `{{git.revision}}`, `{{git.tag}}` or a variable of `[vars]` may stand for it"));
                }
                Some(_) => self.ldflags.push(format!("-X {assigned}")),
                None if word == "-extldflags" => {
                    words.next();
                }
                None => {}
            }
        }
    }

    /// `CGO_ENABLED`, `GOARCH` and the like, of the command or the stage.
    fn with_environment(mut self, command: &Command, step: &Step) -> Self {
        let own =
            |name: &str| command.env.iter().rev().find(|(key, _)| key == name).map(|(_, value)| value.text.clone());
        let value = |name: &str| own(name).or_else(|| step.scope.values.get(name).cloned());
        if self.is_go && value("CGO_ENABLED").as_deref() == Some("1") {
            self.left_out.push("`CGO_ENABLED=1`: hardpan compiles without cgo, so that the program is static".into());
        }
        if self.is_go {
            self.arch = value("GOARCH").filter(|arch| arch != "amd64" && !arch.is_empty());
        }
        if let Some(flags) = value("RUSTFLAGS").filter(|flags| !self.is_go && !flags.contains("crt-static")) {
            self.left_out.push(format!(
                "`RUSTFLAGS={flags}`: flags of the compiler belong in a `.cargo/config.toml` of the checkout"
            ));
        }
        self
    }
}
