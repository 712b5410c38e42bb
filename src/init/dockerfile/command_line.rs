//! Joins `ENTRYPOINT` and `CMD` as Docker does, and removes wrappers such as tini.

use super::{
    LeftOutNotes,
    config::{DockerfileConfig, StartCommand},
};

/// Wrappers: programs that only start another program.
const WRAPPERS: [&str; 7] = ["tini", "dumb-init", "docker-init", "catatonit", "su-exec", "gosu", "env"];

/// The line, entrypoint and arguments, joined as Docker joins them.
pub(super) fn command(config: &DockerfileConfig, notes: &mut LeftOutNotes) -> (usize, Vec<String>, Vec<String>) {
    let mut form = |name: &str, words: &StartCommand| {
        if words.needs_shell {
            notes.add(words.line, format!("`{name}`: the shell form, and there is no shell in the image"));
        } else if words.is_shell {
            let what = format!("`{name}`: the shell form; its words are taken as they are, without a shell");
            notes.add(words.line, what);
        }
    };
    match (&config.entrypoint, &config.cmd) {
        (Some(entrypoint), cmd) => {
            form("ENTRYPOINT", entrypoint);
            let mut args = Vec::new();
            if let Some(cmd) = cmd {
                if entrypoint.is_shell || cmd.is_shell {
                    notes.add(cmd.line, "`CMD`: beside an `ENTRYPOINT`, only the exec form of both gives arguments");
                } else {
                    args.clone_from(&cmd.list);
                }
            }
            (entrypoint.line, entrypoint.list.clone(), args)
        }
        (None, Some(cmd)) => {
            form("CMD", cmd);
            let mut args = cmd.list.clone();
            let entry = if args.is_empty() { Vec::new() } else { vec![args.remove(0)] };
            (cmd.line, entry, args)
        }
        (None, None) => (0, Vec::new(), Vec::new()),
    }
}

/// Removes wrappers in front of the program.
pub(super) fn unwrap(line: usize, entry: &mut Vec<String>, args: &mut Vec<String>, notes: &mut LeftOutNotes) {
    while let Some(first) = entry.first().cloned() {
        let name = first.rsplit('/').next().unwrap_or_default();
        if ["sh", "bash", "ash", "dash"].contains(&name) {
            notes.add(line, format!("`{first}`: there is no shell in the image"));
            entry.clear();
            args.clear();
            return;
        }
        if !WRAPPERS.contains(&name) {
            return;
        }
        notes.add(
            line,
            format!(
                "`{first}`: the program runs as PID 1, with the numeric user; `--init` of the engine reaps children"
            ),
        );
        entry.remove(0);
        // Remove the wrapper's flags, `--`, and the user of gosu and su-exec.
        let takes_user = ["su-exec", "gosu"].contains(&name);
        while entry.first().is_some_and(|word| word.starts_with('-')) {
            entry.remove(0);
        }
        if takes_user && !entry.is_empty() {
            entry.remove(0);
        }
        if entry.is_empty() && !args.is_empty() {
            entry.push(args.remove(0));
        }
    }
}
