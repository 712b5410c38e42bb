//! Applies `cp`, `mv`, `rm` and `ln -s` of a `RUN` to the file system of a stage.

use super::{
    links::Link,
    scope::DockerfileWord,
    shell::ShellCommand,
    stage_files::{PathContent, PlacedPath, StageFiles, copied_with_folder},
    stage_path::{absolute, last_name, strip},
};

/// Whether the effect of a command on files is known: `cp`, `mv`, `rm` and `ln -s` of plain paths.
pub(super) fn is_followed(command: &ShellCommand) -> bool {
    let plain = |word: &DockerfileWord| word.unknown.is_none() && !word.text.contains(['*', '?', '[', '{', '~']);
    if command.conditional || !command.words.iter().all(plain) {
        return false;
    }
    if command.program() == "ln" {
        return Link::of(command, "/", |_| false).is_some();
    }
    let flags = |word: &&DockerfileWord| word.text.starts_with('-');
    let known = command
        .words
        .iter()
        .skip(1)
        .filter(flags)
        .all(|word| word.text.trim_start_matches('-').chars().all(|c| "rRfavp".contains(c)));
    let operands = command.words.iter().skip(1).filter(|word| !word.text.starts_with('-')).count();
    let enough = match command.program() {
        "cp" | "mv" => operands == 2,
        "rm" => operands > 0,
        _ => false,
    };
    enough && known
}

/// Applies the command; returns whether it changed any file. `in_base` knows the folders of the base.
pub(super) fn apply_command(
    files: &mut StageFiles,
    folder: &str,
    command: &ShellCommand,
    line: usize,
    in_base: impl Fn(&str) -> bool,
) -> bool {
    if let Some(link) = Link::of(command, folder, |at| files.is_folder(at) || in_base(at)) {
        return files.put(link.to.clone(), PlacedPath { line, what: PathContent::Link(link) }).is_ok();
    }
    let operands: Vec<_> = command.words.iter().skip(1).filter(|word| !word.text.starts_with('-')).collect();
    let paths: Vec<_> = operands.iter().map(|word| absolute(folder, &word.text)).collect();
    let before = files.map.len();
    if command.program() == "rm" {
        for path in &paths {
            files.map.retain(|at, _| strip(at, path).is_none());
        }
        return files.map.len() != before;
    }
    let [from, to] = paths.as_slice() else { return false };
    let into = files.is_folder(to) || in_base(to) || operands.last().is_some_and(|word| word.text.ends_with('/'));
    let to = if into { absolute(to, &last_name(from)) } else { to.clone() };
    let taken = files.below(from);
    if command.program() == "mv" {
        files.map.retain(|at, _| strip(at, from).is_none());
    }
    let mut changes = false;
    for (rest, placed) in taken {
        let what = copied_with_folder(placed.what, &to, &rest, None);
        let at = if rest.is_empty() { to.clone() } else { absolute(&to, &rest) };
        changes |= files.put(at, PlacedPath { line, what }).is_ok();
    }
    changes
}
