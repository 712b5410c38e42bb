//! [`Command`]: the commands in a line of the history, as a shell would run them, roughly.
//!
//! Quotes are not followed: what stands in them is read as if it stood alone. That finds `sh -c 'curl -k ...'`, and a text
//! that is only printed begins with `echo`.

use serde_json::Value;

use super::super::image_view::ImageView;
use crate::report::Limits;

/// A command with its words, in the order in which they stand.
#[derive(Debug, Default, PartialEq, Eq)]
pub(super) struct Command<'a> {
    /// The variables that are set for it, or by `export`.
    pub(super) variables: Vec<(&'a str, &'a str)>,
    /// The name of the program, without its folder; empty where only variables are set.
    pub(super) name: &'a str,
    /// What follows.
    pub(super) words: Vec<&'a str>,
}

impl Command<'_> {
    /// Whether it is one of these programs.
    pub(super) fn is(&self, names: &[&str]) -> bool {
        names.contains(&self.name)
    }

    /// Whether one of these words is among its own.
    pub(super) fn has(&self, words: &[&str]) -> bool {
        self.words.iter().any(|word| words.contains(word))
    }

    /// The first word that is no option.
    pub(super) fn verb(&self) -> &str {
        self.words.iter().copied().find(|word| !word.starts_with('-')).unwrap_or_default()
    }
}

/// The lines of the history that say how a layer was made, with their numbers.
pub(super) fn history<'a>(view: &ImageView<'a>) -> impl Iterator<Item = (usize, &'a str)> {
    let history = view.document.get("history").and_then(Value::as_array).map(Vec::as_slice).unwrap_or_default();
    let lines = history.iter().enumerate().take(Limits::ENTRIES);
    lines.filter_map(|(index, entry)| Some((index, entry.get("created_by")?.as_str()?)))
}

/// Whether the image has a history at all.
pub(super) fn has_history(view: &ImageView<'_>) -> bool {
    view.document.get("history").and_then(Value::as_array).is_some_and(|history| !history.is_empty())
}

/// The statements of a line of the history, one a line: pipes stay within them.
pub(super) fn statements(line: &str) -> String {
    body(line).replace("&&", "\n").replace("||", "\n").replace(';', "\n")
}

/// Every command of a line of the history, given as [`statements`] makes it.
pub(super) fn commands(statements: &str) -> impl Iterator<Item = Command<'_>> {
    statements.lines().flat_map(|statement| statement.split(['|', '(', '`'])).map(command)
}

fn command(part: &str) -> Command<'_> {
    let quote = |c: char| matches!(c, '"' | '\'' | ')' | '{' | '}' | '\\' | ',' | '[' | ']');
    let mut found = Command::default();
    let mut is_inside_shell = false;
    for word in part.split_whitespace().map(|word| word.trim_matches(quote)).filter(|word| !word.is_empty()) {
        if !found.name.is_empty() {
            found.words.push(word);
            continue;
        }
        // What follows `-c` of a shell is what runs; a script is nothing that the history shows.
        let is_shell = SHELLS.contains(&name(word));
        if is_before(word) || is_shell || is_inside_shell && word.starts_with('-') {
            is_inside_shell |= is_shell;
        } else if let Some((variable, value)) = assignment(word) {
            found.variables.push((variable, value.trim_matches(quote)));
        } else {
            found.name = name(word);
        }
    }
    // `ENV` is in the configuration, too, where it is looked at.
    if found.is(&["export", "ARG"]) {
        let words = std::mem::take(&mut found.words);
        let set = words.into_iter().filter_map(assignment);
        found.variables.extend(set.map(|(variable, value)| (variable, value.trim_matches(quote))));
    }
    found
}

/// Shells, behind which another command stands.
const SHELLS: [&str; 4] = ["sh", "bash", "ash", "dash"];

/// Words before the name of a command.
fn is_before(word: &str) -> bool {
    matches!(
        word,
        "sudo"
            | "env"
            | "exec"
            | "command"
            | "time"
            | "!"
            | "if"
            | "then"
            | "do"
            | "else"
            | "RUN"
            | "eatmydata"
            | "nice"
    )
}

/// A variable that is set: a name, `=` and a value.
fn assignment(word: &str) -> Option<(&str, &str)> {
    let (variable, value) = word.split_once('=')?;
    let is_name = !variable.is_empty() && variable.bytes().all(|byte| byte.is_ascii_alphanumeric() || byte == b'_');
    is_name.then_some((variable, value))
}

/// A command of the history without what the builder puts before it: `RUN`, `|1 KEY=value`, `/bin/sh -c`.
fn body(command: &str) -> &str {
    let mut rest = command.trim_start();
    let mut in_shell = false;
    loop {
        let (word, after) = rest.split_once(char::is_whitespace).unwrap_or((rest, ""));
        let is_argument = !in_shell && word.contains('=') && command.starts_with('|');
        let is_prefix = match word {
            "" => false,
            "RUN" => !in_shell,
            "/bin/sh" | "/bin/bash" | "/bin/ash" => {
                in_shell = !in_shell;
                in_shell
            }
            "pipefail" => in_shell,
            word => in_shell && word.starts_with('-') || word.starts_with("--") || word.starts_with('|') || is_argument,
        };
        if !is_prefix {
            return rest;
        }
        rest = after.trim_start();
        if in_shell && word.starts_with('-') && word.ends_with('c') {
            return rest;
        }
    }
}

pub(super) fn name(word: &str) -> &str {
    word.trim_start_matches(['(', '{', '"', '\'']).rsplit('/').next().unwrap_or_default()
}

/// The name of a command, without what stands before it.
pub(super) fn first(part: &str) -> Option<&str> {
    let is_before = |word: &&str| {
        matches!(*word, "sudo" | "env" | "exec" | "command" | "time" | "!" | "if" | "then" | "do" | "(" | "{")
            || word.starts_with('-')
            || word.contains('=')
    };
    part.split_whitespace().find(|word| !is_before(word)).map(name)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn read(line: &str) -> Vec<String> {
        let statements = statements(line);
        let commands = commands(&statements);
        let show = |command: Command<'_>| {
            let variables: Vec<_> = command.variables.iter().map(|(name, value)| format!("{name}={value}")).collect();
            format!("{}[{}]{}", variables.join(","), command.name, command.words.join(" "))
        };
        commands.filter(|command| *command != Command::default()).map(show).collect()
    }

    #[test]
    fn commands_are_read_as_builders_write_them() {
        assert_eq!(
            read("RUN /bin/sh -c set -eux; apt-get update && apt-get -y upgrade # buildkit"),
            ["[set]-eux", "[apt-get]update", "[apt-get]-y upgrade # buildkit"]
        );
        assert_eq!(
            read("|1 V=1 /bin/sh -c X=0 /usr/bin/curl -k https://x | tar x"),
            ["X=0[curl]-k https://x", "[tar]x"]
        );
        assert_eq!(read("RUN bash -c \"curl -k 'https://x'\""), ["[curl]-k https://x"]);
        assert_eq!(read("ARG A=1 B=\"0\""), ["A=1,B=0[ARG]"]);
        assert_eq!(read("/bin/sh -c export A=0; B=$(wget x)"), ["A=0[export]", "B=$[]", "[wget]x"]);
        assert_eq!(read("RUN sh install.sh -k"), ["[install.sh]-k"]);
        assert_eq!(read(""), Vec::<String>::new());
    }
}
