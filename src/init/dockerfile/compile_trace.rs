//! Traces a file of a stage to the compile line of a `RUN` that makes it.

use super::{
    compile_line::{CompileLine, GO_VALUES, compile_of, is_compile, place_commands, split_flags},
    environment,
    shell::ShellCommand,
    stage_path::absolute,
    stages::StageStep,
};

/// How the commands of one `RUN` made `path`: by a compile, or from another path, which is the second value. The last
/// command counts.
pub(in crate::init) fn trace_output(step: &StageStep, path: &str) -> (Option<CompileLine>, Option<String>) {
    let placed = place_commands(step);
    let mut current = path.to_owned();
    for (at, (folder, command)) in placed.iter().enumerate().rev() {
        match command.program() {
            "cp" | "mv" | "install" | "upx" => {
                if let Some(from) = path_before(command, folder, &current) {
                    current = from;
                }
            }
            _ => {
                if let Some(mut wanted) = compile_of(command, folder, &current, step.instruction.line) {
                    environment::apply(&mut wanted, step, at);
                    return (Some(wanted), None);
                }
            }
        }
    }
    (None, (current != path).then_some(current))
}

/// The programs that the compile lines of a `RUN` write to named paths.
pub(in crate::init) fn named_outputs(step: &StageStep) -> Vec<(String, CompileLine)> {
    let mut found = Vec::new();
    for (at, (folder, command)) in place_commands(step).iter().enumerate() {
        if command.program() != "go" || !is_compile(command) {
            continue;
        }
        let (flags, others) = split_flags(command, &GO_VALUES);
        let Some((_, output)) = flags.iter().rfind(|(name, value)| name == "o" && value.unknown.is_none()) else {
            continue;
        };
        let path = absolute(folder, &output.text);
        let names: Vec<_> = others.iter().map(|package| package.text.rsplit('/').next().unwrap_or_default()).collect();
        let paths = match names.as_slice() {
            _ if !output.text.ends_with('/') && names.len() < 2 => vec![path],
            [] => Vec::new(),
            names => names.iter().filter(|name| !name.contains('.')).map(|name| absolute(&path, name)).collect(),
        };
        for path in paths {
            if let Some(mut wanted) = compile_of(command, folder, &path, step.instruction.line) {
                environment::apply(&mut wanted, step, at);
                found.push((path, wanted));
            }
        }
    }
    found
}

/// The path that a file had before `command` moved or copied it to `to`.
fn path_before(command: &ShellCommand, folder: &str, to: &str) -> Option<String> {
    let words: Vec<_> =
        command.words.iter().skip(1).map(|word| word.text.as_str()).filter(|word| !word.starts_with('-')).collect();
    let (target, sources) = words.split_last()?;
    let target = absolute(folder, target);
    sources.iter().find_map(|source| {
        let name = source.rsplit('/').next().unwrap_or_default();
        (target == to || absolute(&target, name) == to).then(|| absolute(folder, source))
    })
}
