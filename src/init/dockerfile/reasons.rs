//! Notes why an instruction has no counterpart in the recipe.

use super::{
    LeftOutNotes,
    build_args::has_variable,
    command_reasons::reasons_of_command,
    compile_inputs, compile_line, file_commands,
    scope::DockerfileWord,
    shell::ShellCommand,
    stage_path::{absolute, relative},
    stages::{Stage, StageStep, Stages, operands},
};

/// Notes about every stage: its base, its commands, and instructions without a counterpart.
pub(super) fn note_stages(stages: &Stages, chain: &[usize], notes: &mut LeftOutNotes) {
    let used = used_stages(stages, chain);
    for (at, stage) in stages.list.iter().enumerate() {
        if !used.contains(&at) {
            let name = stage.name.clone().unwrap_or_else(|| at.to_string());
            notes.add(stage.from.line, format!("the stage `{name}` is not part of the image"));
            continue;
        }
        let in_image = chain.contains(&at);
        note_base(stage, in_image, notes);
        for step in &stage.steps {
            note_fixed_variables(stages, stage, step, in_image, notes);
            note_step(step, in_image, notes);
        }
        if stage.steps.iter().any(compiles) {
            compile_inputs::note_inputs(stages, at, in_image, notes);
        }
    }
}

/// The stages that the image is made of or copies from.
fn used_stages(stages: &Stages, chain: &[usize]) -> Vec<usize> {
    let mut used: Vec<usize> = Vec::new();
    let mut open: Vec<usize> = chain.to_vec();
    while let Some(at) = open.pop() {
        let Some(stage) = stages.list.get(at).filter(|_| !used.contains(&at)) else { continue };
        used.push(at);
        open.extend(stage.parent);
        for step in &stage.steps {
            let from = step.instruction.flag("from").map(|from| step.scope.word(from).text);
            open.extend(from.as_deref().and_then(|from| stages.named(from, at)));
            // A cache or bind mount of a `RUN` may name a stage as well.
            let mounts = step.instruction.flags.iter().filter(|(name, _)| name == "mount");
            let named = mounts.filter_map(|(_, value)| value.split(',').find_map(|part| part.strip_prefix("from=")));
            open.extend(named.filter_map(|from| stages.named(from, at)));
        }
    }
    used
}

fn note_base(stage: &Stage, in_image: bool, notes: &mut LeftOutNotes) {
    let line = stage.from.line;
    let name = &stage.base.text;
    if stage.parent.is_some() || name == "scratch" {
        return;
    }
    if let Some(unknown) = &stage.base.unknown {
        notes.add(line, format!("`FROM`: the value of `{unknown}` is not known here, and no base is used"));
        return;
    }
    let tagged = name.contains('@') || name.rsplit('/').next().unwrap_or_default().contains(':');
    let moving = if name.ends_with(":latest") || !tagged { "; `latest` is another image tomorrow" } else { "" };
    let why = if in_image {
        "the image begins empty, nothing of a base is in it"
    } else if stage.steps.iter().any(compiles) {
        "the toolchain of this machine compiles"
    } else {
        "nothing of it is in the image"
    };
    notes.add(line, format!("`FROM {name}`: {why}{moving}"));
}

/// Whether a `RUN` compiles a program.
fn compiles(step: &StageStep) -> bool {
    step.commands.iter().any(compile_line::is_compile)
}

fn note_step(step: &StageStep, in_image: bool, notes: &mut LeftOutNotes) {
    let line = step.instruction.line;
    match step.instruction.name.as_str() {
        "RUN" => note_run(step, in_image, notes),
        "HEALTHCHECK" if in_image => {
            notes.add(line, "`HEALTHCHECK`: OCI images have none; a probe of the orchestrator asks from outside");
        }
        "ONBUILD" => notes.add(line, "`ONBUILD`: a recipe has no triggers for later builds"),
        "SHELL" => notes.add(line, "`SHELL`: there is no shell in the image"),
        "ARG" | "ENV" | "LABEL" | "COPY" | "ADD" | "WORKDIR" | "USER" | "CMD" | "ENTRYPOINT" | "EXPOSE" | "VOLUME"
        | "STOPSIGNAL" | "MAINTAINER" | "HEALTHCHECK" => {}
        other => notes.add(line, format!("`{other}`: unknown instruction")),
    }
}

/// Notes variables in values that the recipe has as plain text.
fn note_fixed_variables(stages: &Stages, stage: &Stage, step: &StageStep, in_image: bool, notes: &mut LeftOutNotes) {
    let name = step.instruction.name.as_str();
    let everywhere = ["COPY", "ADD"].contains(&name);
    let plain = in_image && ["WORKDIR", "EXPOSE", "USER", "STOPSIGNAL", "VOLUME"].contains(&name);
    if !everywhere && !plain {
        return;
    }
    let mut words = operands(step);
    // Sources in the recipe keep their variables, and missing sources are not in it. Inputs of a compile are not in it
    // either.
    if everywhere && step.instruction.flag("from").is_none() && !stage.steps.iter().any(compiles) {
        let to = words.pop();
        let is_here = |word: &DockerfileWord| {
            let path = relative(&word.text);
            path.contains(['*', '?', '[']) || stages.dir.join(path).exists()
        };
        words.retain(|word| word.unknown.is_none() && is_here(word) && !stages.templates.is_used(word));
        words.extend(to);
    }
    for word in words.iter().filter(|word| word.unknown.is_none() && has_variable(&word.template)) {
        let (template, text) = (&word.template, &word.text);
        let platform = ["{arch}", "{os}", "{variant}"].iter().any(|variable| template.contains(variable));
        let what = if platform && everywhere {
            format!(
                "`{template}`: the recipe has `{text}` for every platform; in `from` and `path` a recipe may write `{{arch}}`"
            )
        } else if platform {
            format!("`{template}`: the recipe has `{text}` for every platform")
        } else {
            format!(
                "`{template}`: a build argument; the recipe has its default, `{text}`, and `--set` does not change it"
            )
        };
        notes.add(step.instruction.line, format!("`{name}` {what}"));
    }
}

/// Notes the commands of a `RUN` that are not applied.
fn note_run(step: &StageStep, in_image: bool, notes: &mut LeftOutNotes) {
    let line = step.instruction.line;
    let mut why: Vec<String> = Vec::new();
    for command in &step.commands {
        for reason in reasons_of_command(command, in_image) {
            if !why.contains(&reason) {
                why.push(reason);
            }
        }
    }
    // A removed file is still in the image where it is a program, or a later line copies it.
    for (folder, command) in compile_line::place_commands(step) {
        let removed = match command.program() {
            "rm" => usize::MAX,
            "mv" => 1,
            _ => 0,
        };
        let operands = command.words.iter().skip(1).filter(|word| !word.text.starts_with('-')).take(removed);
        for operand in operands.filter(|_| in_image && file_commands::is_followed(command)) {
            if notes.place("to", &absolute(&folder, &operand.text)).is_some() {
                why.push(format!("`{} {}`: it stays in the image", command.program(), operand.text));
            }
        }
    }
    if compiles(step) && !notes.places.values().any(|place| *place == line) {
        why.push("what it compiles is not followed into the image, and its flags are not taken over".into());
    }
    let is_known = |command: &ShellCommand| compile_line::is_compile(command) || file_commands::is_followed(command);
    if why.is_empty() && !step.commands.iter().any(is_known) {
        why.push("it leaves nothing in the image".into());
    }
    if !why.is_empty() {
        notes.add(line, format!("`RUN`: {}", why.join("; ")));
    }
}
