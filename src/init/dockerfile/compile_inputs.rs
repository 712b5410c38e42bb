//! Notes where a build stage prepares its sources (`COPY`, `cp`, `rm`): hardpan compiles the folder as it is on disk.

use super::{
    LeftOutNotes, compile_line,
    file_origin::FileOrigin,
    stage_path::{absolute, relative, strip},
    stages::{StageStep, Stages, copy_words},
};

/// Notes `COPY`, `ADD` and file commands of a stage that compiles.
pub(super) fn note_inputs(stages: &Stages, at: usize, in_image: bool, notes: &mut LeftOutNotes) {
    let Some(stage) = stages.list.get(at) else { return };
    let root = root(stages, at);
    for step in &stage.steps {
        match step.instruction.name.as_str() {
            "COPY" | "ADD" if step.instruction.flag("from").is_some() => {
                note_copy_from_stage(stages, at, step, in_image, notes);
            }
            "COPY" | "ADD" => note_copy_from_context(stages, at, step, root.as_deref(), notes),
            "RUN" => note_commands(stages, at, step, notes),
            _ => {}
        }
    }
}

/// The folder of the stage that the context was copied to.
fn root(stages: &Stages, at: usize) -> Option<String> {
    let steps = &stages.list.get(at)?.steps;
    let mut folders =
        steps.iter().flat_map(compile_line::place_commands).filter(|(_, command)| compile_line::is_compile(command));
    folders.find_map(|(folder, _)| {
        let below = stages.context(at, &folder)?;
        let root = folder.strip_suffix(&below)?.trim_end_matches('/');
        Some(if root.is_empty() { "/".to_owned() } else { root.to_owned() })
    })
}

/// Notes files of another stage or image that the compile reads. In a stage of the image they are files of the image
/// as well.
fn note_copy_from_stage(stages: &Stages, at: usize, step: &StageStep, in_image: bool, notes: &mut LeftOutNotes) {
    let line = step.instruction.line;
    let Some((sources, _)) = copy_words(step).filter(|_| !in_image) else { return };
    let from = step.instruction.flag("from").map(|from| step.scope.word(from).text).unwrap_or_default();
    let from = stages.named(&from, at);
    // The recipe of cargo-chef and compiled dependencies are not inputs.
    let idle =
        |source: &String| source.ends_with("recipe.json") || source.contains("/target") || source.contains("/cargo");
    let same = |source: &&String| {
        let made = from.map(|from| stages.made(from, &absolute("/", source)));
        matches!(made, Some(FileOrigin::Compiled(_))) || idle(source)
    };
    if let Some(source) = sources.iter().find(|source| !same(source)) {
        notes.add(
            line,
            format!("`{source}`: the compile reads this folder as it is; what it needs of that must be here first"),
        );
    }
}

/// Notes sources of the context that are at another path in the stage than on disk.
fn note_copy_from_context(stages: &Stages, at: usize, step: &StageStep, root: Option<&str>, notes: &mut LeftOutNotes) {
    let line = step.instruction.line;
    let Some((sources, to)) = copy_words(step) else {
        return notes.add(line, format!("`{}`: a path in it is not known here", step.instruction.name));
    };
    let Some(root) = root.filter(|_| step.instruction.heredocs.is_empty()) else {
        if !step.instruction.heredocs.is_empty() {
            notes.add(line, "a text of the Dockerfile: the compile reads this folder as it is");
        }
        return;
    };
    let into = stages.is_folder(at, step, sources.len(), &to);
    for source in &sources {
        let path = relative(source);
        if source.contains("://") {
            notes.add(
                line,
                format!(
                    "`ADD {source}`: the compile reads this folder as it is; what it needs of that must be here first"
                ),
            );
            continue;
        }
        if path.contains(['*', '?', '[']) {
            continue;
        }
        let name = path.rsplit('/').next().unwrap_or_default();
        let target = absolute(&step.workdir, &to);
        // A missing source is most likely a file, such as a `go.sum`.
        let is_file = !stages.dir.join(&path).is_dir();
        let there = if into && is_file { absolute(&target, name) } else { target };
        if there != absolute(root, &path) && strip(&there, root).is_some() {
            notes.add(
                line,
                format!("`{source}`: it is elsewhere in the stage, and the compile reads this folder as it is"),
            );
        }
    }
}

/// Notes `cp`, `mv` and `rm` of sources.
fn note_commands(stages: &Stages, at: usize, step: &StageStep, notes: &mut LeftOutNotes) {
    for (folder, command) in compile_line::place_commands(step) {
        if !["cp", "mv", "rm"].contains(&command.program()) {
            continue;
        }
        let operands = command.words.iter().skip(1).filter(|word| !word.text.starts_with('-'));
        let sources = |path: &str| stages.context(at, path).is_some_and(|path| stages.dir.join(path).exists());
        for operand in operands {
            let path = absolute(&folder, &operand.text);
            if matches!(stages.made(at, &path), FileOrigin::Context(_)) && sources(&path) {
                let what = format!("`{} {}`: the compile reads this folder as it is", command.program(), operand.text);
                notes.add(step.instruction.line, what);
            }
        }
    }
}
