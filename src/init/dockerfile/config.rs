//! Translates the image config: user, variables, labels, ports, volumes, working directory, stop signal.

use std::collections::BTreeMap;

use super::{
    LeftOutNotes,
    accounts::StageAccounts,
    bases::{self, LowestBase},
    instructions::Instruction,
    scope::Scope,
    shell,
    stage_path::absolute,
    stages::{StageStep, Stages, pairs},
};
use crate::{
    init::{
        draft::{DraftProgram, RecipeDraft, WritableDir},
        toml_text::braces,
    },
    oci::{ImagePath, User},
    report::printable,
};

/// The most ports of a range in `EXPOSE`.
const RANGE: u16 = 64;

/// The command of an `ENTRYPOINT` or `CMD`.
#[derive(Debug, Clone, Default)]
pub(super) struct StartCommand {
    pub(super) line: usize,
    pub(super) list: Vec<String>,
    /// The shell form.
    pub(super) is_shell: bool,
    /// Whether it needs a shell; `list` is empty then.
    pub(super) needs_shell: bool,
}

/// The image config, as the stages of the image set it.
#[derive(Debug, Default)]
pub(super) struct DockerfileConfig {
    pub(super) entrypoint: Option<StartCommand>,
    pub(super) cmd: Option<StartCommand>,
    pub(super) workdir: String,
    workdir_line: usize,
    user: Option<(usize, String)>,
    accounts: StageAccounts,
    /// The image that the lowest stage begins with.
    base: String,
    base_line: usize,
    env: BTreeMap<String, String>,
    labels: BTreeMap<String, String>,
    ports: Vec<String>,
    stop_signal: Option<String>,
    volumes: Vec<(usize, String)>,
    platform: Option<(usize, String)>,
}

impl DockerfileConfig {
    /// Reads the stages that the image is made of.
    pub(super) fn read(stages: &Stages, chain: &[usize], notes: &mut LeftOutNotes) -> Self {
        let mut config = Self::default();
        for stage in chain.iter().filter_map(|at| stages.list.get(*at)) {
            let platform = stage.from.flag("platform").map(|platform| (stage.from.line, platform.to_owned()));
            config.platform = platform.or(config.platform);
            for step in &stage.steps {
                config.step(step, notes);
            }
        }
        config.accounts = StageAccounts::of(stages, chain);
        chain.last().map_or("/", |last| stages.workdir(*last)).clone_into(&mut config.workdir);
        if let Some(first) = chain.first().and_then(|first| stages.list.get(*first)) {
            config.base.clone_from(&first.base.text);
            config.base_line = first.from.line;
        }
        config
    }

    fn step(&mut self, step: &StageStep, notes: &mut LeftOutNotes) {
        let StageStep { instruction, scope, .. } = step;
        let line = instruction.line;
        match instruction.name.as_str() {
            "ENTRYPOINT" => {
                self.entrypoint =
                    Some(words(instruction, scope)).filter(|words| words.needs_shell || !words.list.is_empty());
                // As in Docker, a new `ENTRYPOINT` resets `CMD`.
                self.cmd = None;
            }
            "CMD" => self.cmd = Some(words(instruction, scope)),
            "ENV" => self.pairs(instruction, scope, notes, |config| &mut config.env),
            "LABEL" => self.pairs(instruction, scope, notes, |config| &mut config.labels),
            "MAINTAINER" => {
                let authors = instruction.rest.trim_matches('"');
                let key = "org.opencontainers.image.authors";
                notes.put("labels", key, line);
                self.labels.insert(key.into(), braces(authors));
            }
            "EXPOSE" => self.expose(instruction, scope, notes),
            "USER" => {
                let user = scope.word(&instruction.rest);
                match user.unknown {
                    None => self.user = Some((line, user.text)),
                    Some(unknown) => notes.add(
                        line,
                        format!("USER: the value of `{unknown}` is not known here; the user is 65532:65532"),
                    ),
                }
            }
            "STOPSIGNAL" => {
                let word = scope.word(&instruction.rest);
                if let Some(unknown) = word.unknown {
                    return notes.add(line, format!("`STOPSIGNAL`: the value of `{unknown}` is not known here"));
                }
                let signal = word.text.to_ascii_uppercase();
                let named = signal.starts_with(|c: char| c.is_ascii_digit()) || signal.starts_with("SIG");
                notes.put("run", "stop-signal", line);
                self.stop_signal = Some(if named { signal } else { format!("SIG{signal}") });
            }
            "VOLUME" => self.volumes(instruction, scope, notes),
            "WORKDIR" => {
                self.workdir_line = line;
                if let Some(unknown) = scope.word(&instruction.rest).unknown {
                    notes.add(
                        line,
                        format!("`WORKDIR`: the value of `{unknown}` is not known here, and is taken as empty"),
                    );
                }
            }
            _ => {}
        }
    }

    fn volumes(&mut self, instruction: &Instruction, scope: &Scope, notes: &mut LeftOutNotes) {
        let words = match instruction.json() {
            Some(words) => words.iter().map(|word| scope.word(word)).collect(),
            None => scope.words(&instruction.rest),
        };
        for word in words {
            match word.unknown {
                Some(unknown) => {
                    notes.add(instruction.line, format!("`VOLUME`: the value of `{unknown}` is not known here"));
                }
                None => self.volumes.push((instruction.line, absolute("/", &word.text))),
            }
        }
    }

    /// `ENV` and `LABEL`.
    fn pairs(
        &mut self,
        instruction: &Instruction,
        scope: &Scope,
        notes: &mut LeftOutNotes,
        into: impl Fn(&mut Self) -> &mut BTreeMap<String, String>,
    ) {
        for (name, value) in pairs(instruction, scope) {
            let what = format!("{} {}", instruction.name, name);
            let good = !name.is_empty() && !name.chars().any(|c| c.is_control() || c == '=');
            match value.unknown {
                _ if instruction.name == "ENV" && name == "PATH" => {
                    notes.add(
                        instruction.line,
                        "`ENV PATH`: the entrypoint is a whole path, and no shell searches for others",
                    );
                }
                Some(unknown) => {
                    notes.add(instruction.line, format!("`{what}`: the value of `{unknown}` is not known here"));
                }
                None if !good || value.text.chars().any(char::is_control) => {
                    notes.add(
                        instruction.line,
                        format!("`{what}`: a recipe takes neither control characters nor an empty name"),
                    );
                }
                None => {
                    let table = if instruction.name == "ENV" { "env" } else { "labels" };
                    notes.put(table, &name, instruction.line);
                    into(self).insert(name, value.template);
                }
            }
        }
    }

    fn expose(&mut self, instruction: &Instruction, scope: &Scope, notes: &mut LeftOutNotes) {
        for word in scope.words(&instruction.rest) {
            let (number, protocol) = word.text.split_once('/').unwrap_or((&word.text, "tcp"));
            let protocol = protocol.to_ascii_lowercase();
            let (first, last) = number.split_once('-').unwrap_or((number, number));
            let range = first.parse::<u16>().ok().zip(last.parse::<u16>().ok());
            match range {
                Some((first, last))
                    if word.unknown.is_none()
                        && first > 0
                        && first <= last
                        && last - first < RANGE
                        && ["tcp", "udp", "sctp"].contains(&protocol.as_str()) =>
                {
                    notes.put("run", "ports", instruction.line);
                    for port in (first..=last).map(|port| format!("{port}/{protocol}")) {
                        if !self.ports.contains(&port) {
                            self.ports.push(port);
                        }
                    }
                }
                _ => {
                    let what = word.unknown.unwrap_or(word.text);
                    notes.add(instruction.line, format!("`EXPOSE {what}`: not a port number"));
                }
            }
        }
    }

    /// The image that the lowest stage begins with.
    pub(super) fn base(&self) -> LowestBase {
        LowestBase { name: self.base.clone(), line: self.base_line, sets_workdir: self.workdir_line == 0 }
    }

    /// Adds the config to the recipe.
    pub(super) fn take(self, draft: &mut RecipeDraft, notes: &mut LeftOutNotes) {
        match &self.user {
            None => {
                draft
                    .said
                    .push(format!("user: 65532:65532; the Dockerfile has no `USER`, {}", bases::user(&self.base)));
            }
            Some((line, user)) => {
                notes.put("run", "user", *line);
                draft.run.user = numeric(*line, &self.accounts.by_number(user), notes);
            }
        }
        draft.run.env = self.env;
        draft.run.labels = self.labels;
        draft.run.ports = self.ports;
        draft.run.stop_signal = self.stop_signal;
        match ImagePath::parse(&self.workdir) {
            Err(error) => notes.add(self.workdir_line, format!("`WORKDIR {}`: {error}", self.workdir)),
            Ok(path) if path.is_root() || self.workdir_line == 0 => {}
            Ok(_) => {
                notes.put("run", "workdir", self.workdir_line);
                draft.run.workdir = Some(self.workdir);
            }
        }
        for (line, path) in self.volumes {
            let known = draft.writable.iter().any(|folder| folder.to == path);
            let is_program = |program: &DraftProgram| {
                let own = program.image_path();
                path == own || path.starts_with(&format!("{own}/"))
            };
            match ImagePath::parse(&path) {
                Ok(_) if draft.binaries.iter().any(is_program) => {
                    notes.add(line, format!("`VOLUME {path}`: the program is there"));
                }
                Ok(parsed) if !parsed.is_root() && !known => {
                    notes.put("to", &path, line);
                    draft.dirs.retain(|(to, _)| *to != path);
                    let comment = format!("VOLUME of line {line}: the run user owns it.");
                    draft.writable.push(WritableDir { comment, to: path, is_volume: true });
                }
                _ if known => notes.add(line, format!("`VOLUME {path}`: it is a volume already")),
                _ => notes.add(line, format!("`VOLUME {path}`: this is no path for a folder of an image")),
            }
        }
        if let Some((line, text)) = self.platform {
            let platform = crate::oci::Platform::parse(&text).ok();
            match platform {
                None if text.contains("PLATFORM") => {}
                None => notes.add(line, format!("`--platform={text}`: this is no platform that is known here")),
                Some(platform) if draft.platforms.is_empty() && platform.to_string() != "linux/amd64" => {
                    draft.platforms = vec![platform];
                }
                Some(_) => {}
            }
        }
    }
}

/// The user as a recipe has it; `None` is the default.
fn numeric(line: usize, user: &str, notes: &mut LeftOutNotes) -> Option<String> {
    let (uid, gid) = user.split_once(':').map_or((user, None), |(uid, gid)| (uid, Some(gid)));
    let number = |id: &str| id.parse::<u32>().ok();
    let said = printable(user).into_owned();
    if ["root", "0"].contains(&uid) {
        notes.add(line, format!("`USER {said}`: hardpan never runs as root; the user is 65532:65532"));
        return None;
    }
    let Some(id) = number(uid) else {
        let nonroot = uid == "nonroot";
        let why = if nonroot {
            "that is 65532:65532, the default"
        } else {
            "a name needs an /etc/passwd to mean something; the user is 65532:65532"
        };
        notes.add(line, format!("`USER {said}`: {why}"));
        return None;
    };
    let group = gid.and_then(number).filter(|group| *group != 0);
    if group.is_none() {
        let why = if gid.is_some() {
            "a group by name, or root's, is not taken over"
        } else {
            "without a group it would run with root's"
        };
        notes.add(line, format!("`USER {said}`: {why}; the group is {id}"));
    }
    User::new(id, group.unwrap_or(id)).filter(|user| *user != User::default()).map(|user| user.to_string())
}

/// The words of `ENTRYPOINT` and `CMD` in either form.
fn words(instruction: &Instruction, scope: &Scope) -> StartCommand {
    let line = instruction.line;
    if let Some(words) = instruction.json() {
        return StartCommand { line, list: words, is_shell: false, needs_shell: false };
    }
    // Characters with a meaning for a shell, and typographic quotes, which are mistakes for quotes.
    let special = |c: char| "$&|;<>()`*?[]{}~#!\\\"'\u{201c}\u{201d}\u{2018}\u{2019}".contains(c);
    let commands = shell::commands(instruction, scope);
    if instruction.rest.is_empty() || instruction.rest.contains(special) || commands.len() != 1 {
        return StartCommand { line, list: Vec::new(), is_shell: true, needs_shell: true };
    }
    let words = instruction.rest.split_whitespace().filter(|word| *word != "exec").map(str::to_owned).collect();
    StartCommand { line, list: words, is_shell: true, needs_shell: false }
}
