//! [`LeftOutNotes`]: what of a Dockerfile or a `.ko.yaml` is not in the recipe, line by line, and why.

use std::collections::BTreeMap;

use crate::report::printable;

/// Notes about everything that is left out of the recipe: the line, and a sentence.
#[derive(Debug, Default)]
pub(in crate::init) struct LeftOutNotes {
    list: Vec<(usize, String)>,
    /// Sources of `COPY` that nothing makes; noted when the programs are known.
    pub(super) missing: Vec<(MissingSource, String)>,
    /// The path of the program that was found by its name only.
    pub(super) by_name: Option<String>,
    /// The line that each part of the recipe comes from, by its table and key or path.
    pub(super) places: BTreeMap<(&'static str, String), usize>,
}

/// A source of a `COPY` that no line of the Dockerfile makes.
#[derive(Debug)]
pub(super) struct MissingSource {
    pub(super) line: usize,
    pub(super) target: String,
    pub(super) source: String,
    /// Whether it is the only source.
    pub(super) alone: bool,
    /// Whether it is a path of the context, so that nothing can be below it.
    pub(super) in_context: bool,
}

impl LeftOutNotes {
    /// Adds a note, unless the same one exists.
    pub(in crate::init) fn add(&mut self, line: usize, text: impl Into<String>) {
        let note = (line, text.into());
        if !self.list.contains(&note) {
            self.list.push(note);
        }
    }

    /// The first line with a note that contains `text`.
    pub(super) fn line_of(&self, text: &str) -> Option<usize> {
        self.list.iter().filter(|(_, note)| note.contains(text)).map(|(line, _)| *line).min()
    }

    /// Remembers the line of a part of the recipe.
    pub(super) fn put(&mut self, table: &'static str, name: &str, line: usize) {
        self.places.insert((table, name.to_owned()), line);
    }

    /// Whether a line has a note.
    pub(super) fn has(&self, line: usize) -> bool {
        self.list.iter().any(|(known, _)| *known == line)
    }

    /// The line of a part of the recipe.
    pub(super) fn place(&self, table: &'static str, name: &str) -> Option<usize> {
        self.places.get(&(table, name.to_owned())).copied()
    }

    /// The notes as lines, in the order of the Dockerfile.
    pub(in crate::init) fn lines(&self, name: &str) -> Vec<String> {
        let mut list = self.list.clone();
        list.sort_by_key(|(line, _)| *line);
        let name = printable(name);
        list.into_iter().map(|(line, text)| format!("{name}:{line}: {}", printable(&text))).collect()
    }
}
