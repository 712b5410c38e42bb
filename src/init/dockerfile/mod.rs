//! Translates a Dockerfile into a recipe, with a note (line and reason) for everything that a recipe cannot say.
//!
//! Only the image of the last stage counts. Its program is traced through `COPY --from` to the `go build` or `cargo
//! build` line of a build stage, whose package, tags, `-X` values and features go into the recipe; files of the context
//! become `[[file]]` and `[[tree]]`. The parser is our own, after BuildKit's, because no crate reads heredocs, escape
//! directives and the rules of variables together.

mod accounts;
mod bases;
mod build_args;
mod command_line;
mod command_reasons;
mod compile_flags;
mod compile_inputs;
mod compile_line;
mod compile_trace;
mod compiled_program;
mod config;
mod context;
mod copies;
mod environment;
mod file_commands;
mod file_origin;
mod ignored;
mod instructions;
mod left_out_notes;
mod leftovers;
mod links;
mod program_finder;
mod reasons;
mod refused_settings;
mod scope;
mod shell;
mod source_templates;
mod sources;
mod stage_files;
mod stage_path;
mod stage_reader;
mod stages;

use std::{fs, path::Path};

use super::{Toolchains, draft::RecipeDraft};
use crate::report::{ErrorName, Failure, Limits, printable};
use config::DockerfileConfig;
use ignored::Ignored;
use instructions::Dockerfile;
pub(super) use left_out_notes::LeftOutNotes;
pub(super) use leftovers::Leftovers;
pub(super) use refused_settings::accepted;
use stages::Stages;

/// The text of a file of the context, if it is a file and small: a link may lead to a device that never ends.
fn small_text(path: &Path) -> Option<String> {
    let small = path.metadata().is_ok_and(|found| found.is_file() && found.len() <= Limits::RECIPE_BYTES);
    small.then(|| fs::read_to_string(path).ok()).flatten()
}

/// Translates the Dockerfile `text`, which messages call `name`, into the recipe for the project in `dir`.
pub(super) fn draft(
    dir: &Path,
    name: &str,
    text: &str,
    tools: &dyn Toolchains,
) -> Result<(RecipeDraft, Leftovers), Failure> {
    let in_file = |failure: Failure| if failure.place.is_none() { failure.in_path(name) } else { failure };
    let stages = Stages::of(Dockerfile::parse(text).map_err(in_file)?, dir);
    let chain = stages.chain();
    let Some(last) = chain.last().copied() else {
        return Err(in_file(Failure::error(ErrorName::Dockerfile, "not a Dockerfile: it has no `FROM`")));
    };
    let mut notes = LeftOutNotes::default();
    let mut draft = RecipeDraft {
        intro: format!("Written by `hardpan init --from {}`.", printable(name)),
        ..RecipeDraft::default()
    };
    let config = DockerfileConfig::read(&stages, &chain, &mut notes);
    let mut finder = program_finder::ProgramFinder { dir, name, tools, stages: &stages, last, project: None };
    let found = finder.find(&config, &mut notes)?;
    let cmd = config.cmd.as_ref().or(config.entrypoint.as_ref()).map_or(0, |words| words.line);
    program_finder::put_program(&mut draft, found, cmd, name, &mut notes)?;
    let ignored = Ignored::of(dir, name);
    copies::translate(&mut draft, &ignored, &chain, &mut finder, &mut notes);
    let base = config.base();
    config.take(&mut draft, &mut notes);
    reasons::note_stages(&stages, &chain, &mut notes);
    bases::take_home(&mut draft, &base, &mut notes);
    draft.timezones = notes.line_of(command_reasons::ZONES).map(|line| {
        format!(
            "{}:{line} has those of a distribution; these are IANA's, and the lock pins their version.",
            printable(name)
        )
    });
    draft.vars = {
        let run = &draft.run;
        let programs = draft.binaries.iter().flat_map(|program| {
            let lists = [&program.tags, &program.ldflags, &program.features, &program.flags].into_iter().flatten();
            lists.chain(program.env.values()).chain(&program.linker).chain(&program.cc)
        });
        let templates = run.env.values().chain(run.labels.values()).chain(programs).map(String::as_str);
        stages.variables.borrow().used(templates.chain(draft.host_paths()))
    };
    draft.left_out = notes.lines(name);
    Ok((draft, Leftovers::new(name, notes)))
}

#[cfg(test)]
mod tests;
