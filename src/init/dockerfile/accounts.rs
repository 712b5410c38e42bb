//! The uids and gids of users and groups that `adduser` and `addgroup` commands create.

use std::collections::{BTreeMap, BTreeSet};

use super::{
    scope::DockerfileWord,
    shell::ShellCommand,
    stage_path::absolute,
    stages::{Stages, copy_words},
};

/// Uids and gids by name.
#[derive(Debug, Default)]
pub(super) struct StageAccounts {
    users: BTreeMap<String, u32>,
    groups: BTreeMap<String, u32>,
}

impl StageAccounts {
    /// Collects the accounts of the stages that the image is made of, and of stages that give it their `/etc/passwd`.
    pub(super) fn of(stages: &Stages, chain: &[usize]) -> Self {
        let (mut seen, mut open) = (BTreeSet::new(), chain.to_vec());
        while let Some((at, stage)) = open.pop().and_then(|at| Some((at, stages.list.get(at)?))) {
            if !seen.insert(at) {
                continue;
            }
            open.extend(stage.parent);
            for step in &stage.steps {
                let from = step.instruction.flag("from").and_then(|from| stages.named(&step.scope.word(from).text, at));
                let copies = |(sources, _): (Vec<String>, String)| {
                    sources.iter().any(|source| ["/etc", "/etc/passwd"].contains(&absolute("/", source).as_str()))
                };
                open.extend(from.filter(|_| copy_words(step).is_some_and(copies)));
            }
        }
        let mut accounts = Self::default();
        for stage in seen.into_iter().filter_map(|at| stages.list.get(at)) {
            stage.steps.iter().flat_map(|step| &step.commands).for_each(|command| accounts.take(command));
        }
        accounts
    }

    /// Reads `adduser -u 1000 name`, `useradd`, `addgroup` and `groupadd`.
    fn take(&mut self, command: &ShellCommand) {
        let (is_user, program) = match command.program() {
            program @ ("adduser" | "useradd") => (true, program),
            program @ ("addgroup" | "groupadd") => (false, program),
            _ => return,
        };
        let Some(name) = command.words.iter().skip(1).rfind(|word| word.unknown.is_none()).map(|word| &word.text)
        else {
            return;
        };
        // Debian's and BusyBox's `addgroup` differ; `adduser -G` is a name.
        let flags: &[&str] = if is_user { &["-u", "--uid"] } else { &["-g", "--gid"] };
        let value = |flag: &str, at: usize, text: &str| match text.strip_prefix(flag) {
            Some("") => command.words.get(at + 1).filter(|word| word.unknown.is_none()).map(|word| word.text.clone()),
            Some(rest) => rest.strip_prefix('=').map(str::to_owned),
            None => None,
        };
        let numbers = command.words.iter().enumerate().filter(|(_, word)| word.unknown.is_none());
        let mut numbers =
            numbers.filter_map(|(at, word)| flags.iter().find_map(|flag| value(flag, at, &word.text))?.parse().ok());
        let Some(number) = numbers.next() else { return };
        if is_user {
            self.users.insert(name.clone(), number);
            // A user has a group of its own where none is named.
            let names_group = |word: &DockerfileWord| {
                ["-g", "-G", "--gid", "--ingroup", "-N", "--no-user-group"].contains(&word.text.as_str())
                    || word.text.starts_with("--gid=")
                    || word.text.starts_with("--ingroup=")
            };
            let own = program == "adduser"
                || command.words.iter().any(|word| ["-U", "--user-group"].contains(&word.text.as_str()));
            if own && !command.words.iter().any(names_group) {
                self.groups.entry(name.clone()).or_insert(number);
            }
        } else {
            self.groups.insert(name.clone(), number);
        }
    }

    /// Replaces names of a `USER` with their numbers, where the Dockerfile creates the accounts.
    pub(super) fn by_number(&self, user: &str) -> String {
        let number =
            |names: &BTreeMap<String, u32>, id: &str| names.get(id).map_or_else(|| id.to_owned(), u32::to_string);
        match user.split_once(':') {
            Some((uid, gid)) => format!("{}:{}", number(&self.users, uid), number(&self.groups, gid)),
            None => match (self.users.get(user), self.groups.get(user)) {
                (Some(uid), Some(gid)) => format!("{uid}:{gid}"),
                _ => number(&self.users, user),
            },
        }
    }
}
