//! Translates the variables that reach a compiler (of the stage, of the `RUN`, of the command) into settings of a
//! `[[binary]]`.

use std::collections::BTreeMap;

use super::{
    build_args::has_variable,
    compile_line::{self, CompileLine},
    scope::{DockerfileWord, VariableSource},
    stages::StageStep,
};
use crate::init::toml_text::braces;

/// Variables that only set paths, downloads or messages of a toolchain.
const IDLE: [&str; 12] =
    ["PATH", "HOME", "TMPDIR", "USER", "SHELL", "TZ", "LANG", "LANGUAGE", "DEBIAN_FRONTEND", "TERM", "CARGO", "RUSTC"];
const IDLE_PREFIXES: [&str; 7] =
    ["LC_", "LD_", "RUSTUP_", "RUSTC_WRAPPER", "RUSTC_WORKSPACE_WRAPPER", "SCCACHE_", "APT_"];
/// The same for cargo. Build arguments of a Dockerfile often have such names too, like `CARGO_OPTS`.
const CARGO_IDLE: [&str; 14] = [
    "CARGO_ALIAS_",
    "CARGO_BUILD_",
    "CARGO_CACHE_",
    "CARGO_FUTURE_INCOMPAT_REPORT_",
    "CARGO_HOME",
    "CARGO_HTTP_",
    "CARGO_INCREMENTAL",
    "CARGO_INSTALL_ROOT",
    "CARGO_LOG",
    "CARGO_NET_",
    "CARGO_REGISTRIES_",
    "CARGO_REGISTRY_",
    "CARGO_TARGET_DIR",
    "CARGO_TERM_",
];
/// The same for Go.
const GO_IDLE: [&str; 18] = [
    "GOPATH",
    "GOCACHE",
    "GOCACHEPROG",
    "GOMODCACHE",
    "GOBIN",
    "GOROOT",
    "GOTMPDIR",
    "GOENV",
    "GOPROXY",
    "GOPRIVATE",
    "GONOPROXY",
    "GONOSUMDB",
    "GOSUMDB",
    "GOINSECURE",
    "GOAUTH",
    "GOVCS",
    "GOTELEMETRY",
    "GOTOOLCHAIN",
];
/// Variables of Go that change the program, and that a recipe accepts.
const GO_TAKEN: [&str; 3] = ["GOEXPERIMENT", "GODEBUG", "GOFIPS140"];

/// A variable, and the line that sets it.
struct Setting {
    word: DockerfileWord,
    line: usize,
    /// `ENV X`, `ARG X` or `X`, for a sentence.
    shown: String,
    kind: VariableSource,
}

/// Applies the variables that the command at `at` of the `RUN` has in its environment.
pub(super) fn apply(wanted: &mut CompileLine, step: &StageStep, at: usize) {
    let mut settings = BTreeMap::new();
    for (name, value) in step.scope.values.iter().filter(|(_, value)| value.kind != VariableSource::Platform) {
        let word = DockerfileWord { text: value.text.clone(), template: value.template.clone(), unknown: None };
        let what = if value.kind == VariableSource::Env { "ENV" } else { "ARG" };
        let setting = Setting { word, line: value.line, shown: format!("{what} {name}"), kind: value.kind };
        settings.insert(name.clone(), setting);
    }
    for (index, command) in step.commands.iter().enumerate().take(at + 1) {
        // An assignment alone, or `export`, holds for the following commands.
        if index != at && !command.words.is_empty() {
            continue;
        }
        for (name, word) in &command.env {
            // A variable that is not exported reaches no program.
            if !command.exports && !settings.contains_key(name) {
                continue;
            }
            let mut word = word.clone();
            if command.conditional && index != at {
                word.unknown = Some(format!("${name}"));
            }
            let setting = Setting { word, line: step.instruction.line, shown: name.clone(), kind: VariableSource::Env };
            settings.insert(name.clone(), setting);
        }
    }
    let is_one = |setting: &Setting| setting.word.text == "1" && setting.word.unknown.is_none();
    wanted.cgo = wanted.is_go && settings.get("CGO_ENABLED").is_some_and(is_one);
    for (name, setting) in &settings {
        let known = if wanted.is_go { go(wanted, name, setting) } else { rust(wanted, name, setting) };
        if let (false, Some(unknown)) = (known, &setting.word.unknown) {
            wanted.note(setting, &format!("the value of `{unknown}` is not known here"));
        }
    }
    if wanted.is_go {
        go_platform(wanted, &settings);
    } else {
        rust_flags(wanted, &settings);
        let text = &step.instruction.rest;
        for name in &step.scope.declared {
            // An argument with a default became a variable of the recipe.
            if text.contains(&format!("${{{name}:-")) || text.contains(&format!("${{{name}-")) {
                continue;
            }
            let why = if text.contains(&format!("${name}")) || text.contains(&format!("${{{name}}}")) {
                "it has no value here, and this line has none in its place".to_owned()
            } else {
                format!("it has no value here; `env = {{ {name} = \"...\" }}` of the `[[binary]]` gives it one")
            };
            wanted.left_out.push((step.instruction.line, format!("`ARG {name}`: {why}")));
        }
    }
}

impl CompileLine {
    fn note(&mut self, setting: &Setting, why: &str) {
        let note = (setting.line, format!("`{}`: {why}", setting.shown));
        if !self.left_out.contains(&note) {
            self.left_out.push(note);
        }
    }

    /// Adds a variable to `env`.
    fn take_variable(&mut self, name: &str, setting: &Setting) {
        let DockerfileWord { text, template, .. } = &setting.word;
        if text.chars().any(char::is_control) {
            self.note(setting, "a recipe takes no control characters");
        } else if text.starts_with('/') || text.contains(":/") {
            self.note(setting, "it names a path of the stage; `env` of the `[[binary]]` may name one of this machine");
        } else {
            self.env.insert(name.to_owned(), template.clone());
        }
    }

    /// The name of a tool for `key`; `None`, with a note, where it is not a name in `PATH`.
    fn tool(&mut self, key: &str, setting: &Setting) -> Option<String> {
        let DockerfileWord { text, template, unknown } = &setting.word;
        if unknown.is_some() {
            return None;
        }
        if text.is_empty() || text.contains('/') || text.contains(char::is_whitespace) {
            self.note(setting, &format!("`{text}` is no name in `PATH`; `{key}` of the `[[binary]]` may name one"));
            return None;
        }
        Some(template.clone())
    }
}

/// Applies a variable of a `go build`. Returns whether an unknown value has no effect or has a note.
fn go(wanted: &mut CompileLine, name: &str, setting: &Setting) -> bool {
    let text = setting.word.text.as_str();
    let known = setting.word.unknown.is_none();
    match name {
        "GOARCH" | "GOARM" | "GOAMD64" => return true,
        "CGO_ENABLED" if known && ["0", "1", ""].contains(&text) => {}
        "CGO_ENABLED" if known => wanted.note(setting, "Go knows `0` and `1`; the program is compiled without cgo"),
        "GOOS" if known && text != "linux" => wanted.note(setting, "images are for Linux"),
        "GO111MODULE" if known && text == "off" => wanted.note(setting, "hardpan compiles modules only"),
        "GOOS" | "GO111MODULE" => {}
        "GOWORK" if known && text == "off" => {
            wanted.env.insert(name.to_owned(), text.to_owned());
        }
        "GOWORK" => wanted.note(setting, "the `go.work` of this folder is used, where there is one"),
        "GOFLAGS" if known => go_flags(wanted, setting),
        name if GO_TAKEN.contains(&name) && known => wanted.take_variable(name, setting),
        name if GO_TAKEN.contains(&name) || name == "CGO_ENABLED" || name == "GOFLAGS" => return false,
        name if GO_IDLE.contains(&name) => {
            wanted.note(setting, "it does not change the program; this machine's own setting holds");
        }
        "CC" if wanted.cgo => wanted.cc = wanted.tool("cc", setting),
        "CXX" | "FC" if wanted.cgo => wanted.note(setting, "the compiler that belongs to `cc` is taken"),
        name if wanted.cgo && (name.starts_with("CGO_") || ["AR", "PKG_CONFIG"].contains(&name)) => {
            if !known {
                return false;
            }
            wanted.take_variable(name, setting);
        }
        "CC" | "CXX" | "FC" | "AR" | "PKG_CONFIG" => wanted.note(setting, "no C is compiled without cgo"),
        name if name.starts_with("CGO_") => wanted.note(setting, "no C is compiled without cgo"),
        name if name.starts_with("GO")
            && name.bytes().all(|byte| byte.is_ascii_uppercase() || byte.is_ascii_digit()) =>
        {
            wanted.note(setting, "this variable of Go is not taken over");
        }
        _ if setting.kind == VariableSource::Env => wanted.note(setting, "`go build` does not read it"),
        _ => {}
    }
    true
}

/// Applies `GOFLAGS`, the flags of every `go` command.
fn go_flags(wanted: &mut CompileLine, setting: &Setting) {
    let mut words = vec![DockerfileWord::literal("go"), DockerfileWord::literal("build")];
    words.extend(setting.word.text.split_whitespace().map(DockerfileWord::literal));
    let command =
        super::shell::ShellCommand { env: Vec::new(), words, writes: Vec::new(), exports: false, conditional: false };
    let (flags, _) = compile_line::split_flags(&command, &[]);
    let line = std::mem::replace(&mut wanted.line, setting.line);
    wanted.take(&flags);
    wanted.line = line;
}

/// Applies `GOARCH` and its variant variable.
fn go_platform(wanted: &mut CompileLine, settings: &BTreeMap<String, Setting>) {
    let get = |name: &str| {
        settings.get(name).filter(|setting| !setting.word.text.is_empty() || setting.word.unknown.is_some())
    };
    let arch = get("GOARCH");
    if let Some(setting) = arch.filter(|setting| setting.word.unknown.is_some()) {
        return wanted.note(setting, "its value is not known here; `platforms` names the platforms");
    }
    let arch = arch.map_or("amd64", |setting| setting.word.text.as_str());
    let variable = match arch {
        "amd64" => "GOAMD64",
        "arm" => "GOARM",
        _ => "",
    };
    let variant = get(variable);
    if let Some(setting) = variant.filter(|setting| setting.word.unknown.is_some()) {
        wanted.note(setting, "its value is not known here; `platforms` names the platforms");
    }
    let variant = variant.filter(|setting| setting.word.unknown.is_none()).map(|setting| setting.word.text.clone());
    let variant = variant.filter(|variant| *variant != "v1");
    let (arch, variant) = (arch.to_owned(), variant.map(|variant| format!("/v{}", variant.trim_start_matches('v'))));
    if arch != "amd64" || variant.is_some() {
        wanted.platform = Some(format!("linux/{arch}{}", variant.unwrap_or_default()));
    }
}

/// Applies a variable of a `cargo build`. Returns whether an unknown value has a note.
fn rust(wanted: &mut CompileLine, name: &str, setting: &Setting) -> bool {
    if setting.word.unknown.is_some() {
        return false;
    }
    let of_target = name.strip_prefix("CARGO_TARGET_").filter(|_| name != "CARGO_TARGET_DIR");
    match name {
        "CARGO_BUILD_TARGET" => {
            wanted.target.get_or_insert(setting.word.text.clone());
        }
        "CC" => wanted.cc = wanted.tool("cc", setting),
        "RUSTFLAGS" | "CARGO_ENCODED_RUSTFLAGS" | "CARGO_BUILD_RUSTFLAGS" => {}
        _ if of_target.is_some_and(|rest| rest.ends_with("_RUSTFLAGS")) => {}
        _ if of_target.is_some_and(|rest| rest.ends_with("_LINKER")) => {
            let own = wanted.target.as_deref().map(|target| format!("CARGO_TARGET_{}_LINKER", upper(target)));
            if own.as_deref() == Some(name) {
                wanted.linker = wanted.tool("linker", setting);
            } else {
                wanted.note(
                    setting,
                    "the linker of a target that this line does not name; `linker` of the `[[binary]]` is ours",
                );
            }
        }
        _ if of_target.is_some_and(|rest| rest.ends_with("_RUNNER") || rest.ends_with("_RUSTDOCFLAGS")) => {
            wanted.note(setting, "it is for programs that cargo runs, and nothing runs");
        }
        _ if name.starts_with("CARGO_PROFILE_") => {
            wanted.note(setting, "settings of a profile belong in the `Cargo.toml` of the workspace");
        }
        _ if IDLE.contains(&name) || IDLE_PREFIXES.iter().chain(&CARGO_IDLE).any(|prefix| name.starts_with(prefix)) => {
            wanted.note(setting, "it does not change the program; this machine's own setting holds");
        }
        _ if name.starts_with("CARGO_") => {
            wanted.note(setting, "it is no setting of cargo; where a line uses it, its value is there");
        }
        _ => wanted.take_variable(name, setting),
    }
    true
}

/// The target as in the names of cargo's variables.
fn upper(target: &str) -> String {
    target.to_ascii_uppercase().replace(['-', '.'], "_")
}

/// Applies the flags of rustc, of which cargo reads one variable only.
fn rust_flags(wanted: &mut CompileLine, settings: &BTreeMap<String, Setting>) {
    let of_target = wanted.target.as_deref().map(|target| format!("CARGO_TARGET_{}_RUSTFLAGS", upper(target)));
    let order =
        ["CARGO_ENCODED_RUSTFLAGS", "RUSTFLAGS", of_target.as_deref().unwrap_or_default(), "CARGO_BUILD_RUSTFLAGS"];
    let taken = order.into_iter().find_map(|name| settings.get_key_value(name));
    for (name, setting) in settings.iter().filter(|(name, _)| name.ends_with("RUSTFLAGS")) {
        if taken.is_some_and(|(taken, _)| taken == name) {
            continue;
        }
        wanted.note(setting, "cargo takes the flags of another variable, or of another target");
    }
    let Some((name, setting)) = taken.filter(|(_, setting)| setting.word.unknown.is_none()) else { return };
    if has_variable(&setting.word.template) {
        let what = format!(
            "a build argument is in it, and `rustflags` takes no variables; with its default it is `{}`",
            setting.word.text
        );
        return wanted.note(setting, &what);
    }
    let separator = |c: char| if name == "CARGO_ENCODED_RUSTFLAGS" { c == '\u{1f}' } else { c.is_whitespace() };
    let mut words = setting.word.text.split(separator).filter(|word| !word.is_empty());
    while let Some(word) = words.next() {
        let flag = match word {
            "-C" | "-L" | "-l" | "-A" | "-W" | "-D" | "-F" | "-Z" => {
                format!("{word}{}", words.next().unwrap_or_default())
            }
            "--codegen" => format!("-C{}", words.next().unwrap_or_default()),
            "--cfg" | "--check-cfg" | "--cap-lints" | "--extern" => {
                format!("{word}={}", words.next().unwrap_or_default())
            }
            word => word.strip_prefix("--codegen=").map_or_else(|| word.to_owned(), |option| format!("-C{option}")),
        };
        if flag == "-Ctarget-feature=+crt-static" {
            continue;
        }
        match flag.strip_prefix("-Clinker=") {
            _ if flag == "-Ctarget-feature=-crt-static" => {
                wanted.note(setting, &format!("`{flag}`: the program is static"));
            }
            Some(linker) if !linker.contains('/') => wanted.linker = Some(braces(linker)),
            _ if flag.contains("=/") || flag.starts_with("-L/") => {
                wanted.note(
                    setting,
                    &format!("`{flag}`: it names a path of the stage; `rustflags` may name one of this machine"),
                );
            }
            _ => wanted.rustflags.push(flag),
        }
    }
}
