//! The variables that reach a compiler: of the stage, of the `RUN`, of the command.

use std::collections::BTreeMap;

use super::{
    build::{self, Wanted},
    stages::Step,
    variables::has_variable,
    words::{Kind, Word},
};

/// Whether `env` of a `[[binary]]` replaces `{variables}`.
const ENV_HOLDS_VARIABLES: bool = false;

/// Variables that only say where a toolchain keeps its things, how it downloads or what it prints.
const IDLE: [&str; 12] =
    ["PATH", "HOME", "TMPDIR", "USER", "SHELL", "TZ", "LANG", "LANGUAGE", "DEBIAN_FRONTEND", "TERM", "CARGO", "RUSTC"];
const IDLE_PREFIXES: [&str; 8] =
    ["LC_", "LD_", "RUSTUP_", "RUSTC_WRAPPER", "RUSTC_WORKSPACE_WRAPPER", "CARGO_", "SCCACHE_", "APT_"];
/// The same of Go.
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
/// Variables of Go that change the program, and that a recipe takes.
const GO_TAKEN: [&str; 3] = ["GOEXPERIMENT", "GODEBUG", "GOFIPS140"];

/// A variable, and the line that sets it.
struct Setting {
    word: Word,
    line: usize,
    /// `ENV X`, `ARG X` or `X`, for a sentence.
    shown: String,
    kind: Kind,
}

/// Takes over what the command at `at` of the `RUN` finds in its environment.
pub(super) fn apply(wanted: &mut Wanted, step: &Step, at: usize) {
    let mut settings = BTreeMap::new();
    for (name, value) in step.scope.values.iter().filter(|(_, value)| value.kind != Kind::Platform) {
        let word = Word { text: value.text.clone(), template: value.template.clone(), unknown: None };
        let what = if value.kind == Kind::Env { "ENV" } else { "ARG" };
        let setting = Setting { word, line: value.line, shown: format!("{what} {name}"), kind: value.kind };
        settings.insert(name.clone(), setting);
    }
    for (index, command) in step.commands.iter().enumerate().take(at + 1) {
        // An assignment alone, or `export`, is for what follows.
        if index != at && !command.words.is_empty() {
            continue;
        }
        for (name, word) in &command.env {
            // A variable of the shell alone reaches no program.
            if !command.exports && !settings.contains_key(name) {
                continue;
            }
            let mut word = word.clone();
            if command.conditional && index != at {
                word.unknown = Some(format!("${name}"));
            }
            let setting = Setting { word, line: step.instruction.line, shown: name.clone(), kind: Kind::Env };
            settings.insert(name.clone(), setting);
        }
    }
    for (name, setting) in &settings {
        let known = if wanted.is_go { go(wanted, name, setting) } else { rust(wanted, name, setting) };
        if let (false, Some(unknown)) = (known, &setting.word.unknown) {
            wanted.note(setting, &format!("the value of `{unknown}` is not known here"));
        }
    }
    if wanted.is_go {
        go_platform(wanted, &settings);
    } else {
        for name in &step.scope.declared {
            let what = format!(
                "`ARG {name}`: it has no value here; `env = {{ {name} = \"...\" }}` of the `[[binary]]` gives it one"
            );
            wanted.left_out.push((step.instruction.line, what));
        }
    }
}

impl Wanted {
    fn note(&mut self, setting: &Setting, why: &str) {
        let note = (setting.line, format!("`{}`: {why}", setting.shown));
        if !self.left_out.contains(&note) {
            self.left_out.push(note);
        }
    }

    /// A variable that the recipe takes over.
    fn take_variable(&mut self, name: &str, setting: &Setting) {
        let Word { text, template, .. } = &setting.word;
        if text.chars().any(char::is_control) {
            self.note(setting, "a recipe takes no control characters");
        } else if text.starts_with('/') || text.contains(":/") {
            self.note(setting, "it names a path of the stage; `env` of the `[[binary]]` may name one of this machine");
        } else if has_variable(template) && !ENV_HOLDS_VARIABLES {
            self.note(
                setting,
                "a build argument, and `env` of a `[[binary]]` takes no variables; write the value there",
            );
        } else {
            let value = if ENV_HOLDS_VARIABLES { template } else { text };
            self.env.insert(name.to_owned(), value.clone());
        }
    }
}

/// A variable of a `go build`. Says whether an unknown value has no effect, or was told of.
fn go(wanted: &mut Wanted, name: &str, setting: &Setting) -> bool {
    let text = setting.word.text.as_str();
    let known = setting.word.unknown.is_none();
    match name {
        "GOARCH" | "GOARM" | "GOAMD64" => return true,
        "CGO_ENABLED" if known && text == "0" => {}
        "CGO_ENABLED" if known => wanted.note(setting, &cgo(text)),
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
        "CC" | "CXX" | "AR" | "PKG_CONFIG" => wanted.note(setting, "no C is compiled without cgo"),
        name if name.starts_with("CGO_") => wanted.note(setting, "no C is compiled without cgo"),
        name if name.starts_with("GO")
            && name.bytes().all(|byte| byte.is_ascii_uppercase() || byte.is_ascii_digit()) =>
        {
            wanted.note(setting, "this variable of Go is not taken over");
        }
        _ if setting.kind == Kind::Env => wanted.note(setting, "`go build` does not read it"),
        _ => {}
    }
    true
}

/// The one place that knows what a recipe says for `CGO_ENABLED=1`.
fn cgo(value: &str) -> String {
    format!("hardpan compiles without cgo, so that the program is static, and this says `{value}`")
}

/// `GOFLAGS`: flags of every `go` command.
fn go_flags(wanted: &mut Wanted, setting: &Setting) {
    let mut words = vec![Word::literal("go"), Word::literal("build")];
    words.extend(setting.word.text.split_whitespace().map(Word::literal));
    let command =
        super::shell::Command { env: Vec::new(), words, writes: Vec::new(), exports: false, conditional: false };
    let (flags, _) = build::split(&command, &[]);
    let line = std::mem::replace(&mut wanted.line, setting.line);
    wanted.take(&flags);
    wanted.line = line;
}

/// `GOARCH`, and the variant that goes with it.
fn go_platform(wanted: &mut Wanted, settings: &BTreeMap<String, Setting>) {
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

/// A variable of a `cargo build`. Says whether an unknown value was told of.
fn rust(wanted: &mut Wanted, name: &str, setting: &Setting) -> bool {
    let text = setting.word.text.clone();
    let known = setting.word.unknown.is_none();
    let is_flags = ["RUSTFLAGS", "CARGO_ENCODED_RUSTFLAGS", "CARGO_BUILD_RUSTFLAGS"].contains(&name)
        || name.starts_with("CARGO_TARGET_") && name.ends_with("_RUSTFLAGS");
    if !known {
        return false;
    }
    if is_flags {
        let others = text.replace("target-feature=+crt-static", "").replace("-C", "");
        if !others.trim().is_empty() || text.contains("link") {
            wanted.note(
                setting,
                &format!("`{text}`: flags of the compiler belong in a `.cargo/config.toml` of the checkout"),
            );
        }
    } else if name == "CARGO_BUILD_TARGET" {
        wanted.target.get_or_insert(text);
    } else if name.starts_with("CARGO_PROFILE_") {
        wanted.note(setting, "settings of a profile belong in the `Cargo.toml` of the workspace");
    } else if name.starts_with("CARGO_TARGET_") && name != "CARGO_TARGET_DIR" {
        wanted.note(setting, "linkers belong in a `.cargo/config.toml` of the checkout");
    } else if IDLE.contains(&name) || IDLE_PREFIXES.iter().any(|prefix| name.starts_with(prefix)) {
        wanted.note(setting, "it does not change the program; this machine's own setting holds");
    } else {
        wanted.take_variable(name, setting);
    }
    true
}
