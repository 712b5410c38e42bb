//! One `[[binary]]` of a drafted recipe: where the program comes from, its settings, its lines.

use std::{collections::BTreeMap, fmt};

use super::toml_text::{self, host, text, texts, wrapped};
use crate::{oci::Platform, report::printable};

/// Names of folders and programs that do not identify a program.
const COMMON_NAMES: [&str; 7] = ["app", "bin", "cmd", "main", "program", "run", "src"];

/// One `[[binary]]`.
#[derive(Debug, Clone)]
pub(super) struct DraftProgram {
    /// The name of the program.
    pub(super) name: String,
    pub(super) source: ProgramSource,
    /// Where the toolchain runs, relative to the project's folder.
    pub(super) dir: Option<String>,
    /// Above the table.
    pub(super) comment: String,
    /// A Rust target that is not the default, and why.
    pub(super) target: Option<(String, String)>,
    /// Its path in the image, when that is not `/usr/bin/<name>`.
    pub(super) to: Option<String>,
    pub(super) tags: Vec<String>,
    pub(super) ldflags: Vec<String>,
    pub(super) features: Vec<String>,
    pub(super) flags: Vec<String>,
    /// Whether a Go program is compiled with cgo.
    pub(super) cgo: bool,
    /// Cargo's, when that is not `release`.
    pub(super) profile: Option<String>,
    /// Flags of rustc.
    pub(super) rustflags: Vec<String>,
    pub(super) linker: Option<String>,
    /// The C compiler.
    pub(super) cc: Option<String>,
    /// `GOWORK`, relative to `dir`.
    pub(super) work: Option<String>,
    /// More environment of the compiler.
    pub(super) env: BTreeMap<String, String>,
    /// Of a prebuilt program.
    pub(super) platforms: Vec<Platform>,
}

/// The source of a program: Go, Cargo or a prebuilt file.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum ProgramSource {
    /// A package path that begins with `.`.
    Go { package: String },
    /// A package or `package/binary`.
    Cargo { package: String },
    /// A file, relative to the project's folder; may hold `{arch}`, and its own braces are doubled.
    Path { path: String },
}

impl DraftProgram {
    /// A program without any setting.
    pub(super) fn new(name: &str, source: ProgramSource) -> Self {
        Self {
            name: name.to_owned(),
            source,
            dir: None,
            comment: String::new(),
            target: None,
            to: None,
            tags: Vec::new(),
            ldflags: Vec::new(),
            features: Vec::new(),
            flags: Vec::new(),
            cgo: false,
            profile: None,
            rustflags: Vec::new(),
            linker: None,
            cc: None,
            work: None,
            env: BTreeMap::new(),
            platforms: Vec::new(),
        }
    }

    /// Its path in the image.
    pub(super) fn image_path(&self) -> String {
        self.to.clone().unwrap_or_else(|| format!("/usr/bin/{}", self.name))
    }

    /// Installs the program under the name of its module or package where its own name is generic, such as `app`: the
    /// image is named after it.
    pub(super) fn called(mut self, project: &str) -> Self {
        if COMMON_NAMES.contains(&self.name.as_str()) && !COMMON_NAMES.contains(&project) {
            self.to = Some(format!("/usr/bin/{project}"));
        }
        self
    }

    /// The lines of its table.
    pub(super) fn lines(&self, prefix: &str) -> Vec<String> {
        let mut lines = vec!["[[binary]]".to_owned()];
        let mut key = |name: &str, value: String| lines.push(format!("{name} = {value}"));
        match &self.source {
            ProgramSource::Go { package } => key("go", text(package)),
            ProgramSource::Cargo { package } => key("cargo", text(package)),
            ProgramSource::Path { path } => key("path", text(&host(prefix, path))),
        }
        let dir = host(prefix, self.dir.as_deref().unwrap_or_default());
        if !matches!(self.source, ProgramSource::Path { .. }) && dir != "." {
            key("dir", text(&dir));
        }
        for (name, list) in [
            ("tags", &self.tags),
            ("ldflags", &self.ldflags),
            ("features", &self.features),
            ("flags", &self.flags),
            ("rustflags", &self.rustflags),
        ] {
            if !list.is_empty() {
                key(name, texts(list));
            }
        }
        if self.cgo {
            key("cgo", "true".into());
        }
        for (name, value) in [("profile", &self.profile), ("linker", &self.linker), ("cc", &self.cc)] {
            if let Some(value) = value {
                key(name, text(value));
            }
        }
        let work = self.work.iter().map(|work| ("GOWORK", work)).filter(|_| !self.env.contains_key("GOWORK"));
        let env = work.chain(self.env.iter().map(|(name, value)| (name.as_str(), value)));
        let env: Vec<_> = env.map(|(name, value)| format!("{} = {}", toml_text::key(name), text(value))).collect();
        if !env.is_empty() {
            key("env", format!("{{ {} }}", env.join(", ")));
        }
        if let Some(to) = &self.to {
            key("to", text(to));
        }
        if let Some((target, note)) = &self.target {
            lines.extend(wrapped(note));
            lines.push(format!("target = {}", text(target)));
        }
        lines
    }
}

impl fmt::Display for DraftProgram {
    /// As a sentence names it: safe to print.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let word = match &self.source {
            ProgramSource::Go { package } => format!("go = {}", text(package)),
            ProgramSource::Cargo { package } => format!("cargo = {}", text(package)),
            ProgramSource::Path { path } => format!("path = {}", text(path)),
        };
        write!(f, "`{}`", printable(&word))?;
        self.dir.as_ref().map_or(Ok(()), |dir| write!(f, " in `{}`", printable(dir)))
    }
}

/// The platforms of a program; empty for the default platform.
pub(super) fn platforms_of(program: &DraftProgram) -> Vec<Platform> {
    let default = Platform { os: "linux", architecture: "amd64", variant: None };
    if program.platforms == [default] { Vec::new() } else { program.platforms.clone() }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_program_in_a_folder_called_app_or_cmd_is_called_after_its_project() {
        for (name, project, path) in [
            ("app", "reproxy", "/usr/bin/reproxy"),
            ("cmd", "listmonk", "/usr/bin/listmonk"),
            ("server", "acme", "/usr/bin/server"),
            ("app", "app", "/usr/bin/app"),
            ("app", "src", "/usr/bin/app"),
        ] {
            let program = DraftProgram::new(name, ProgramSource::Go { package: format!("./{name}") }).called(project);
            assert_eq!(program.image_path(), path);
        }
    }
}
