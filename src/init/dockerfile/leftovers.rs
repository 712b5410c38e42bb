//! Removes from the draft what the check of the recipe refuses, and notes it at its line of the Dockerfile.

use toml::de::{DeTable, DeValue};

use super::LeftOutNotes;
use crate::{
    init::draft::{DraftProgram, RecipeDraft},
    report::{ErrorName, Failure, FailurePlace, printable},
};

/// The notes so far, and the line of the Dockerfile for each part of the recipe.
#[derive(Debug)]
pub(in crate::init) struct Leftovers {
    /// The name of the Dockerfile in messages.
    name: String,
    notes: LeftOutNotes,
}

/// A part of a recipe.
#[derive(Debug, Clone, PartialEq, Eq)]
enum RecipePart {
    /// An entry of `[[binary]]`, `[[file]]`, `[[tree]]`, `[[dir]]` or `[[symlink]]`.
    Entry(&'static str, usize),
    /// A key of `[run]`, `[run.env]` or `[run.labels]`.
    Key(&'static str, String),
}

impl Leftovers {
    /// `name` is the name of the Dockerfile in messages.
    pub(super) fn new(name: &str, notes: LeftOutNotes) -> Self {
        Self { name: name.to_owned(), notes }
    }

    /// Removes from the draft the part that `failure` is about, and notes its line. A failure for which nothing can be
    /// removed is returned, with the line of the Dockerfile.
    pub(in crate::init) fn leave_out(&mut self, draft: &mut RecipeDraft, failure: Failure) -> Result<(), Failure> {
        let Some(FailurePlace::Recipe(origin)) = &failure.place else { return Err(failure) };
        let text = &origin.source.text;
        let part = part_at(text, origin.span.start).filter(|part| *part != RecipePart::Entry("binary", 0));
        // The program stays, and a conflicting part is removed.
        let part = part.or_else(|| part_at(text, other_line(text, &failure.what)?));
        let what = without_line(&failure.what);
        let Some((line, shown)) = part.and_then(|part| self.take_out(draft, &part)) else {
            let line =
                self.notes.place("to", &draft.binaries.first().map(DraftProgram::image_path).unwrap_or_default());
            let place = line.map_or_else(String::new, |line| format!(":{line}"));
            let refused = Failure::error(ErrorName::Dockerfile, format!("{}{place}: {what}", printable(&self.name)));
            return Err(match failure.hint {
                Some(hint) => refused.hint(hint),
                None => refused,
            });
        };
        self.notes.add(line, format!("`{shown}`: {what}"));
        draft.left_out = self.notes.lines(&self.name);
        Ok(())
    }

    /// Removes a part; returns its line and its name.
    fn take_out(&self, draft: &mut RecipeDraft, part: &RecipePart) -> Option<(usize, String)> {
        match part {
            RecipePart::Entry("file", at) => {
                let file = (*at < draft.files.len()).then(|| draft.files.remove(*at))?;
                Some((self.notes.place("to", &file.to)?, file.to))
            }
            RecipePart::Entry("tree", at) => {
                let tree = (*at < draft.trees.len()).then(|| draft.trees.remove(*at))?;
                Some((tree.line?, tree.to))
            }
            RecipePart::Entry("dir", at) => {
                let plain = draft.dirs.len();
                let writable = at.checked_sub(plain).filter(|at| *at < draft.writable.len());
                let to = match writable {
                    Some(at) => draft.writable.remove(at).to,
                    None => (*at < plain).then(|| draft.dirs.remove(*at))?.0,
                };
                Some((self.notes.place("to", &to)?, to))
            }
            RecipePart::Entry("symlink", at) => {
                let link = (*at < draft.symlinks.len()).then(|| draft.symlinks.remove(*at))?;
                Some((self.notes.place("to", &link.to)?, link.to))
            }
            RecipePart::Entry("binary", at) if *at > 0 => {
                let program = (*at < draft.binaries.len()).then(|| draft.binaries.remove(*at))?;
                let to = program.image_path();
                Some((self.notes.place("to", &to)?, to))
            }
            RecipePart::Entry(..) => None,
            RecipePart::Key("env", name) => {
                draft.run.env.remove(name)?;
                Some((self.notes.place("env", name)?, format!("ENV {name}")))
            }
            RecipePart::Key("labels", name) => {
                draft.run.labels.remove(name)?;
                Some((self.notes.place("labels", name)?, format!("LABEL {name}")))
            }
            RecipePart::Key(_, name) => {
                let (run, shown) = (&mut draft.run, name.as_str());
                let line = self.notes.place("run", shown)?;
                let instruction = match shown {
                    "workdir" => run.workdir.take().map(|_| "WORKDIR")?,
                    "stop-signal" => run.stop_signal.take().map(|_| "STOPSIGNAL")?,
                    "user" => run.user.take().map(|_| "USER")?,
                    "ports" if !run.ports.is_empty() => {
                        run.ports.clear();
                        "EXPOSE"
                    }
                    "args" if !run.args.is_empty() => {
                        run.args.clear();
                        "CMD"
                    }
                    _ => return None,
                };
                Some((line, instruction.to_owned()))
            }
        }
    }
}

/// The part of a recipe that the byte `offset` of its text is in.
fn part_at(text: &str, offset: usize) -> Option<RecipePart> {
    let (root, _) = DeTable::parse_recoverable(text);
    let mut parts: Vec<(usize, Option<RecipePart>)> = Vec::new();
    for (key, value) in root.get_ref() {
        let name = key.get_ref().as_ref();
        let known = ["binary", "file", "tree", "dir", "symlink"].into_iter().find(|table| *table == name);
        match (known, value.get_ref()) {
            (Some(table), DeValue::Array(entries)) => {
                let entries = entries.iter().enumerate();
                parts.extend(entries.map(|(at, entry)| (entry.span().start, Some(RecipePart::Entry(table, at)))));
            }
            (None, DeValue::Table(run)) if name == "run" => keys(run, "run", &mut parts),
            _ => parts.push((key.span().start, None)),
        }
    }
    parts.into_iter().filter(|(start, _)| *start <= offset).max_by_key(|(start, _)| *start).and_then(|(_, part)| part)
}

/// The keys of `[run]` and of the tables in it.
fn keys(table: &DeTable<'_>, name: &'static str, parts: &mut Vec<(usize, Option<RecipePart>)>) {
    for (key, value) in table {
        let text = key.get_ref().as_ref();
        let inner = ["env", "labels"].into_iter().find(|inner| *inner == text && name == "run");
        match (inner, value.get_ref()) {
            (Some(inner), DeValue::Table(table)) => keys(table, inner, parts),
            _ => parts.push((key.span().start, Some(RecipePart::Key(name, text.to_owned())))),
        }
    }
}

/// The byte offset of the recipe's line that a message names.
fn other_line(text: &str, what: &str) -> Option<usize> {
    let (_, after) = what.split_once(" is on line ")?;
    let number: usize = after.split(' ').next()?.parse().ok()?;
    Some(text.split_inclusive('\n').take(number.checked_sub(1)?).map(str::len).sum())
}

/// The message without the line of the recipe, which is not written yet.
fn without_line(what: &str) -> String {
    let Some((before, after)) = what.split_once(" is on line ") else { return what.to_owned() };
    let rest = after.trim_start_matches(|c: char| c.is_ascii_digit());
    format!("{before} is there{rest}")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_byte_of_a_recipe_is_in_one_of_its_parts() {
        let text = "name = \"x\"\n\n[[binary]]\ngo = \".\"\n\n[[file]]\ntext = \"\"\"\n[[dir]]\n\"\"\"\nto = \"/a\"\n\n[[file]]\nfrom = \"b\"\nto = \"/b\"\n\n[run]\nworkdir = \"/w\"\n\n[run.env]\nA = \"1\"\nB = \"2\"\n";
        for (piece, part) in [
            ("\".\"", Some(RecipePart::Entry("binary", 0))),
            ("\"/a\"", Some(RecipePart::Entry("file", 0))),
            ("[[dir]]", Some(RecipePart::Entry("file", 0))),
            ("\"/b\"", Some(RecipePart::Entry("file", 1))),
            ("\"/w\"", Some(RecipePart::Key("run", "workdir".into()))),
            ("\"2\"", Some(RecipePart::Key("env", "B".into()))),
            ("\"x\"", None),
        ] {
            assert_eq!(part_at(text, text.find(piece).unwrap_or_default()), part, "{piece}");
        }
        assert_eq!(without_line("`/a` is on line 12 already"), "`/a` is there already");
    }
}
