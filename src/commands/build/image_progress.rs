//! The progress of one image of a call that builds several.

use std::{sync::Arc, time::Duration};

use parking_lot::Mutex;

use crate::report::{Failure, Progress, ProgressLevel, Task};

/// Puts the name of the image before each line, where the call builds several. Warnings point at a line of the recipe.
#[derive(Debug)]
pub(in crate::commands) struct ImageProgress<'a> {
    out: &'a dyn Progress,
    /// The image.
    name: &'a str,
    /// The name and what divides it from the line; empty where the call builds one image.
    prefix: String,
    /// The lines so far, where they wait until it is known whether the image has changed.
    held: Option<Mutex<Vec<String>>>,
    /// Whether a group has begun, where lines are grouped.
    group: Option<Mutex<bool>>,
}

impl<'a> ImageProgress<'a> {
    /// The progress of the image `name` in a call for `count` recipes.
    pub(in crate::commands) fn of(name: &'a str, count: usize, out: &'a dyn Progress) -> Self {
        let prefix = if count > 1 { format!("{name}: ") } else { String::new() };
        Self { out, name, prefix, held: None, group: None }
    }

    /// Puts the lines up to [`release`](Self::release) into a group, where the call builds several. Without lines there is
    /// none.
    #[must_use]
    pub(in crate::commands) fn grouping(self) -> Self {
        Self { group: (!self.prefix.is_empty()).then(Mutex::default), ..self }
    }

    /// Holds lines back until [`release`](Self::release), where the call builds several and details are not shown. Tasks are
    /// shown meanwhile.
    #[must_use]
    pub(super) fn holding(self) -> Self {
        let holds = !self.prefix.is_empty() && !self.out.shows(ProgressLevel::Detail);
        Self { held: holds.then(Mutex::default), ..self }
    }

    /// Prints the lines that were held back, and ends the group. The lines of an image that is there already are for those who
    /// ask for details.
    pub(in crate::commands) fn release(mut self, is_unchanged: bool) {
        let held = self.held.take().map(Mutex::into_inner).unwrap_or_default();
        for line in held.iter().filter(|_| !is_unchanged) {
            self.open_group();
            self.out.step(line);
        }
        if self.group.take().is_some_and(Mutex::into_inner) {
            self.out.end_group();
        }
    }

    /// Prints a line about an image; one that is there already is for those who ask for details.
    pub(super) fn step_unless(&self, is_unchanged: bool, line: &str) {
        if is_unchanged && !self.prefix.is_empty() { self.detail(line) } else { self.step(line) }
    }

    fn named(&self, line: &str) -> String {
        format!("{}{line}", self.prefix)
    }

    /// Begins the group before its first line.
    fn open_group(&self) {
        let Some(group) = &self.group else { return };
        let mut has_begun = group.lock();
        if !*has_begun {
            self.out.begin_group(self.name);
            *has_begun = true;
        }
    }
}

impl Progress for ImageProgress<'_> {
    fn step(&self, line: &str) {
        self.line_at(self.elapsed(), ProgressLevel::Step, line);
    }

    fn detail(&self, line: &str) {
        self.line_at(self.elapsed(), ProgressLevel::Detail, line);
    }

    fn trace(&self, line: &str) {
        self.line_at(self.elapsed(), ProgressLevel::Trace, line);
    }

    fn elapsed(&self) -> Duration {
        self.out.elapsed()
    }

    fn line_at(&self, at: Duration, level: ProgressLevel, line: &str) {
        match &self.held {
            Some(held) if level == ProgressLevel::Step => held.lock().push(self.named(line)),
            _ if self.shows(level) => {
                self.open_group();
                self.out.line_at(at, level, &self.named(line));
            }
            _ => {}
        }
    }

    fn warn(&self, failure: &Failure) {
        self.out.warn(failure);
    }

    fn task(&self, what: &str, bytes: Option<u64>) -> Arc<dyn Task> {
        self.out.task(&self.named(what), bytes)
    }

    fn shows(&self, line: ProgressLevel) -> bool {
        self.out.shows(line)
    }
}

/// The progress of a look at a recipe that is built afterwards: what takes long is shown, and what it says is for the build to
/// say.
#[derive(Debug)]
pub(super) struct LookProgress<'a>(pub(super) &'a dyn Progress);

impl Progress for LookProgress<'_> {
    fn step(&self, _line: &str) {}
    fn detail(&self, _line: &str) {}
    fn trace(&self, _line: &str) {}
    fn warn(&self, _failure: &Failure) {}

    fn task(&self, what: &str, bytes: Option<u64>) -> Arc<dyn Task> {
        self.0.task(what, bytes)
    }

    fn shows(&self, _line: ProgressLevel) -> bool {
        false
    }
}
