//! Translates the flags of a compile line into keys of a `[[binary]]`. A flag without a counterpart becomes a note.

use super::{
    build_args::has_variable,
    compile_line::CompileLine,
    scope::{DockerfileWord, UNKNOWN},
    stage_path::absolute,
};
use crate::{init::toml_text::braces, recipe::split_like_go};

/// Flags of `go build` that hardpan sets itself, or that do not change the program.
const GO_IDLE: [&str; 16] = [
    "a",
    "v",
    "x",
    "n",
    "trimpath",
    "mod",
    "p",
    "installsuffix",
    "buildvcs",
    "work",
    "modcacherw",
    "i",
    "json",
    "pkgdir",
    "s",
    "w",
];
/// The same for `cargo build`.
const CARGO_IDLE: [&str; 25] = [
    "release",
    "r",
    "locked",
    "frozen",
    "offline",
    "v",
    "vv",
    "verbose",
    "q",
    "quiet",
    "jobs",
    "j",
    "color",
    "target-dir",
    "timings",
    "keep-going",
    "message-format",
    "root",
    "force",
    "f",
    "no-track",
    "bins",
    "workspace",
    "all",
    "ignore-rust-version",
];
/// Linker flags of Go that hardpan sets itself, or that a static program does not need.
const LINKER_IDLE: [&str; 5] = ["s", "w", "d", "linkmode", "extldflags"];

impl CompileLine {
    /// Translates flags into settings. Returns the value of Go's `-o`, or of Cargo's `--profile`.
    pub(super) fn take(&mut self, flags: &[(String, DockerfileWord)]) -> Option<String> {
        let mut output = None;
        for (name, value) in flags {
            let dashes = if self.is_go { "-" } else { "--" };
            if let (Some(unknown), false) = (&value.unknown, name == "ldflags") {
                self.leave_out(format!("`{dashes}{name}`: the value of `{unknown}` is not known here"));
            } else if self.is_go {
                output = self.go_flag(name, value).or(output);
            } else {
                output = self.cargo_flag(name, value).or(output);
            }
        }
        output
    }

    fn leave_out(&mut self, what: impl Into<String>) {
        self.left_out.push((self.line, what.into()));
    }

    fn go_flag(&mut self, name: &str, value: &DockerfileWord) -> Option<String> {
        let text = &value.text;
        match name {
            "o" => return Some(text.clone()),
            "C" => self.dir = absolute(&self.dir, text),
            "tags" => self.tags.extend(items(value)),
            "ldflags" => self.linker(value),
            "gcflags" | "asmflags" | "buildmode" | "pgo" => self.flags.push(format!("-{name}={}", value.template)),
            "race" | "msan" | "asan" => {
                self.leave_out(format!("`-{name}`: it is for tests, and a static program cannot have it"));
            }
            "mod" if text == "mod" => {
                self.leave_out("`-mod=mod`: hardpan compiles what `go.mod` and `go.sum` say, and changes neither");
            }
            "buildvcs" if text == "true" => {
                self.leave_out("`-buildvcs=true`: `vcs = true` in the `[[binary]]` stamps the revision");
            }
            name if GO_IDLE.contains(&name) => {}
            name => self.leave_out(format!("`-{name}`: this flag is not taken over")),
        }
        None
    }

    fn cargo_flag(&mut self, name: &str, value: &DockerfileWord) -> Option<String> {
        let text = &value.text;
        match name {
            "bin" => self.binary = Some(text.clone()),
            "path" => self.dir = absolute(&self.dir, text),
            "package" | "p" => self.package = Some(text.clone()),
            "features" | "F" => self.features.extend(items(value)),
            "no-default-features" | "all-features" => self.flags.push(format!("--{name}")),
            "manifest-path" => {
                let folder = text.strip_suffix("Cargo.toml").unwrap_or(text);
                self.dir = absolute(&self.dir, folder);
            }
            "profile" => {
                if has_variable(&value.template) {
                    self.leave_out(format!(
                        "`--profile`: a build argument; `profile` takes no variables and is `{text}`"
                    ));
                }
                self.profile = Some(text.clone()).filter(|profile| profile != "release");
                return Some(text.clone());
            }
            "target" if !text.contains("linux") => {
                self.leave_out(format!("`--target {text}`: images are for Linux"));
            }
            "target" => self.target = Some(text.clone()),
            "debug" => self.leave_out("`--debug`: hardpan builds with `--release`"),
            name if CARGO_IDLE.contains(&name) => {}
            name => {
                let dashes = if name.len() == 1 { "-" } else { "--" };
                self.leave_out(format!("`{dashes}{name}`: this flag is not taken over"));
            }
        }
        None
    }

    /// Translates `-ldflags`: `-s`, `-w` and a static link are the default.
    fn linker(&mut self, value: &DockerfileWord) {
        let owned = value.template.clone();
        let mut words = split_like_go(&owned).into_iter();
        while let Some(word) = words.next() {
            let bare = word.trim_start_matches('-');
            let (name, own) = bare.split_once('=').map_or((bare, None), |(name, own)| (name, Some(own)));
            if name == "X" {
                self.variable(own.or_else(|| words.next()).unwrap_or_default());
            } else if LINKER_IDLE.contains(&name) {
                let takes = ["linkmode", "extldflags"].contains(&name);
                let flags = if takes { own.or_else(|| words.next()).unwrap_or_default() } else { "" };
                let rest: Vec<_> = flags.split_whitespace().filter(|flag| !flag.contains("static")).collect();
                if name == "extldflags" && !rest.is_empty() {
                    self.leave_out(format!("`-extldflags {}`: Go links without a C linker", rest.join(" ")));
                }
            } else if word.contains(UNKNOWN) {
                self.leave_out(format!("`-ldflags`: the value of a variable in `{}` is not known here", shown(word)));
            } else {
                self.ldflags.push(quoted(word));
            }
        }
    }

    /// Translates `-X name=value`.
    fn variable(&mut self, assigned: &str) {
        let name = assigned.split('=').next().unwrap_or_default();
        if assigned.contains(UNKNOWN) {
            self.leave_out(format!(
                "`-X {}`: its value is not known here; `{{git.revision}}`, `{{git.tag}}` or a variable of `[vars]` may \
                 stand for it",
                shown(name)
            ));
        } else if assigned.contains('=') {
            self.ldflags.push(format!("-X {}", quoted(assigned)));
        }
    }

    /// Reads the packages of a `go build`.
    pub(super) fn packages(&mut self, others: Vec<DockerfileWord>) {
        for unknown in others.iter().filter_map(|word| word.unknown.clone()) {
            self.leave_out(format!("the package: the value of `{unknown}` is not known here"));
        }
        self.several = others.len() > 1 || others.iter().any(|package| package.text.contains("..."));
        let plain =
            |word: &DockerfileWord| word.unknown.is_none() && !word.text.contains("...") && !word.text.ends_with('.');
        if !others.is_empty() && others.iter().all(plain) {
            let name = |word: &DockerfileWord| word.text.rsplit('/').next().unwrap_or_default().to_owned();
            self.names = Some(others.iter().map(name).collect());
        }
        let mut known = others.into_iter().filter(|word| word.unknown.is_none());
        let own = |word: &DockerfileWord| !self.several || word.text.rsplit('/').next() == Some(self.file.as_str());
        self.package = known.find(own).map(|package| package.text).filter(|package| !package.contains("..."));
    }
}

/// Splits a list, with the recipe's variables. A variable that holds several words is replaced with its value.
fn items(value: &DockerfileWord) -> Vec<String> {
    let word = |text: &str| !text.is_empty() && !text.contains([',', ' ']);
    let own = braces(&value.text);
    let list = if has_variable(&value.template) && word(&value.text) { &value.template } else { &own };
    list.split([',', ' ']).filter(|part| !part.is_empty()).map(str::to_owned).collect()
}

/// Quotes a word as Go's splitter expects it.
fn quoted(word: &str) -> String {
    let quote = if word.contains('\'') { '"' } else { '\'' };
    if word.contains(char::is_whitespace) { format!("{quote}{word}{quote}") } else { word.to_owned() }
}

fn shown(word: &str) -> String {
    word.replace(UNKNOWN, "...")
}
