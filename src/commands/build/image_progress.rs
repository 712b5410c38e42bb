//! The progress of one image of a call that builds several.

use std::sync::Arc;

use parking_lot::Mutex;

use crate::report::{Failure, Progress, ProgressLevel, Task};

/// Puts the name of the image before each line, where the call builds several. Warnings point at a line of the recipe.
#[derive(Debug)]
pub(super) struct ImageProgress<'a> {
    out: &'a dyn Progress,
    /// The name and what divides it from the line; empty where the call builds one image.
    prefix: String,
    /// The lines so far, where they wait until it is known whether the image has changed.
    held: Option<Mutex<Vec<String>>>,
}

impl<'a> ImageProgress<'a> {
    /// The progress of the image `name` in a call for `count` recipes.
    pub(super) fn of(name: &str, count: usize, out: &'a dyn Progress) -> Self {
        let prefix = if count > 1 { format!("{name}: ") } else { String::new() };
        Self { out, prefix, held: None }
    }

    /// Holds lines back until [`release`](Self::release), where the call builds several and details are not shown. Tasks are
    /// shown meanwhile.
    #[must_use]
    pub(super) fn holding(self) -> Self {
        let holds = !self.prefix.is_empty() && !self.out.shows(ProgressLevel::Detail);
        Self { held: holds.then(Mutex::default), ..self }
    }

    /// Prints the lines that were held back; those of an image that is there already are for those who ask for details.
    pub(super) fn release(self, is_unchanged: bool) {
        let held = self.held.map(Mutex::into_inner).unwrap_or_default();
        held.iter().filter(|_| !is_unchanged).for_each(|line| self.out.step(line));
    }

    /// Prints a line about an image; one that is there already is for those who ask for details.
    pub(super) fn step_unless(&self, is_unchanged: bool, line: &str) {
        if is_unchanged && !self.prefix.is_empty() { self.detail(line) } else { self.step(line) }
    }

    fn named(&self, line: &str) -> String {
        format!("{}{line}", self.prefix)
    }
}

impl Progress for ImageProgress<'_> {
    fn step(&self, line: &str) {
        match &self.held {
            Some(held) => held.lock().push(self.named(line)),
            None => self.out.step(&self.named(line)),
        }
    }

    fn detail(&self, line: &str) {
        if self.shows(ProgressLevel::Detail) {
            self.out.detail(&self.named(line));
        }
    }

    fn trace(&self, line: &str) {
        if self.shows(ProgressLevel::Trace) {
            self.out.trace(&self.named(line));
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
