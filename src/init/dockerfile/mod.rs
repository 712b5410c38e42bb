//! A Dockerfile as a recipe: what can be translated, and a list of what cannot, with the line and the reason.
//!
//! The image of the last stage is what counts. Its program is followed back through `COPY --from` to the `go build` or
//! `cargo build` line of a build stage, whose package, tags, `-X` values and features go into the recipe; files of the
//! context become `[[file]]` and `[[tree]]`. No crate reads heredocs, escape directives and the rules of variables
//! together, so the reader is our own, after BuildKit's.

mod accept;
mod accounts;
mod bases;
mod build;
mod command_line;
mod config;
mod context;
mod copies;
mod environment;
mod files;
mod flags;
mod follow;
mod ignored;
mod inputs;
mod leftovers;
mod lines;
mod links;
mod moves;
mod program;
mod reasons;
mod shell;
mod sources;
mod stages;
mod templates;
mod variables;
mod words;

use std::{collections::BTreeMap, path::Path};

use super::{Toolchains, draft::Draft};
use crate::report::{ErrorName, Failure, printable};
pub(super) use accept::accepted;
use config::Config;
use ignored::Ignored;
pub(super) use leftovers::Leftovers;
use lines::Dockerfile;
use stages::Stages;
pub(super) use words::braces;

/// What is left out of the recipe: the line, and a sentence about it.
#[derive(Debug, Default)]
pub(super) struct Notes {
    list: Vec<(usize, String)>,
    /// Sources of `COPY` that nothing makes, until the programs are known.
    missing: Vec<(files::Missing, String)>,
    /// Where the program is that was found by its name alone.
    by_name: Option<String>,
    /// The line that each part of the recipe comes from, by its table and key or path.
    places: BTreeMap<(&'static str, String), usize>,
}

impl Notes {
    /// Adds a sentence, once.
    pub(super) fn add(&mut self, line: usize, text: impl Into<String>) {
        let note = (line, text.into());
        if !self.list.contains(&note) {
            self.list.push(note);
        }
    }

    /// The first line with a sentence that holds `text`.
    fn line_of(&self, text: &str) -> Option<usize> {
        self.list.iter().filter(|(_, note)| note.contains(text)).map(|(line, _)| *line).min()
    }

    /// Remembers which line something of the recipe comes from.
    fn put(&mut self, table: &'static str, name: &str, line: usize) {
        self.places.insert((table, name.to_owned()), line);
    }

    /// Whether a sentence about a line is there.
    fn has(&self, line: usize) -> bool {
        self.list.iter().any(|(known, _)| *known == line)
    }

    /// The line that something of the recipe comes from.
    fn place(&self, table: &'static str, name: &str) -> Option<usize> {
        self.places.get(&(table, name.to_owned())).copied()
    }

    /// One line each, in the order of the Dockerfile.
    pub(super) fn lines(&self, name: &str) -> Vec<String> {
        let mut list = self.list.clone();
        list.sort_by_key(|(line, _)| *line);
        let name = printable(name);
        list.into_iter().map(|(line, text)| format!("{name}:{line}: {}", printable(&text))).collect()
    }
}

/// The recipe for the project in `dir` and the Dockerfile `text`, which messages call `name`.
pub(super) fn draft(dir: &Path, name: &str, text: &str, tools: &dyn Toolchains) -> Result<(Draft, Leftovers), Failure> {
    let in_file = |failure: Failure| if failure.place.is_none() { failure.in_path(name) } else { failure };
    let stages = Stages::of(Dockerfile::parse(text).map_err(in_file)?, dir);
    let chain = stages.chain();
    let Some(last) = chain.last().copied() else {
        return Err(in_file(Failure::error(ErrorName::Dockerfile, "there is no `FROM` in it, so it is no Dockerfile")));
    };
    let mut notes = Notes::default();
    let mut draft =
        Draft { intro: format!("Written by `hardpan init --from {}`.", printable(name)), ..Draft::default() };
    let config = Config::read(&stages, &chain, &mut notes);
    let mut finder = program::Finder { dir, name, tools, stages: &stages, last, project: None };
    let found = finder.find(&config, &mut notes)?;
    let cmd = config.cmd.as_ref().or(config.entrypoint.as_ref()).map_or(0, |words| words.line);
    program::take(&mut draft, found, cmd, name, &mut notes)?;
    let ignored = Ignored::of(dir, name);
    copies::take(&mut draft, &ignored, &chain, &mut finder, &mut notes);
    let base = config.base();
    config.take(&mut draft, &mut notes);
    reasons::of_stages(&stages, &chain, &mut notes);
    bases::take_home(&mut draft, &base, &mut notes);
    draft.timezones = notes.line_of(reasons::ZONES).map(|line| {
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
