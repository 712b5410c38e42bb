//! A Dockerfile as a recipe: what can be translated, and a list of what cannot, with the line and the reason.
//!
//! The image of the last stage is what counts. Its program is followed back through `COPY --from` to the `go build` or
//! `cargo build` line of a build stage, whose package, tags, `-X` values and features go into the recipe; files of the
//! context become `[[file]]` and `[[tree]]`. No crate reads heredocs, escape directives and the rules of variables
//! together, so the reader is our own, after BuildKit's.

mod build;
mod config;
mod copies;
mod lines;
mod program;
mod reasons;
mod shell;
mod stages;
mod words;

use std::path::Path;

use super::{Toolchains, draft::Draft};
use crate::report::{Failure, printable};
use config::Config;
pub(super) use config::braces;
use lines::Dockerfile;
use stages::Stages;

/// What is left out of the recipe: the line, and a sentence about it.
#[derive(Debug, Default)]
pub(super) struct Notes(Vec<(usize, String)>);

impl Notes {
    /// Adds a sentence, once.
    pub(super) fn add(&mut self, line: usize, text: impl Into<String>) {
        let note = (line, text.into());
        if !self.0.contains(&note) {
            self.0.push(note);
        }
    }

    /// The first line with a sentence that holds `text`.
    fn line_of(&self, text: &str) -> Option<usize> {
        self.0.iter().filter(|(_, note)| note.contains(text)).map(|(line, _)| *line).min()
    }

    /// One line each, in the order of the Dockerfile.
    pub(super) fn lines(mut self, name: &str) -> Vec<String> {
        self.0.sort_by_key(|(line, _)| *line);
        let name = printable(name);
        self.0.into_iter().map(|(line, text)| format!("{name}:{line}: {}", printable(&text))).collect()
    }
}

/// The recipe for the project in `dir` and the Dockerfile `text`, which messages call `name`.
pub(super) fn draft(dir: &Path, name: &str, text: &str, tools: &dyn Toolchains) -> Result<Draft, Failure> {
    let in_file = |failure: Failure| if failure.place.is_none() { failure.in_path(name) } else { failure };
    let stages = Stages::of(Dockerfile::parse(text).map_err(in_file)?);
    let chain = stages.chain();
    let Some(last) = chain.last().copied() else {
        return Err(in_file(Failure::new("there is no `FROM` in it, so it is no Dockerfile")));
    };
    let mut notes = Notes::default();
    let mut draft =
        Draft { intro: format!("Written by `hardpan init --from {}`.", printable(name)), ..Draft::default() };
    let config = Config::read(&stages, &chain, &mut notes);
    let mut finder = program::Finder { dir, name, tools, stages: &stages, last, project: None };
    let found = finder.find(&config, &mut notes)?;
    program::take(&mut draft, found);
    copies::take(&mut draft, dir, &stages, &chain, &mut finder, &mut notes)?;
    config.take(&mut draft, &mut notes);
    reasons::of_stages(&stages, &chain, &mut notes);
    draft.timezones = notes.line_of(reasons::ZONES).map(|line| {
        format!(
            "{}:{line} has those of a distribution; these are IANA's, and the lock pins their version.",
            printable(name)
        )
    });
    draft.left_out = notes.lines(name);
    Ok(draft)
}

#[cfg(test)]
mod tests;
