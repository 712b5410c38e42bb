//! [`Progress`]: the interface through which work reports steps, details and warnings. `cli` implements it for the terminal.

use std::{fmt, sync::Arc, time::Duration};

/// How much detail a line has: steps are always shown, details with `-v`, traces with `-vv`.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum ProgressLevel {
    /// [`Progress::step`].
    Step,
    /// [`Progress::detail`].
    Detail,
    /// [`Progress::trace`].
    Trace,
}

/// Takes lines about the work. They are lower case, carry no line break, and are safe to print.
pub trait Progress: Sync + fmt::Debug {
    /// A step begins or has ended.
    fn step(&self, line: &str);
    /// More about a step, for those who ask for more: what a toolchain prints, sizes, durations.
    fn detail(&self, line: &str);
    /// Details for finding a fault: commands, blobs.
    fn trace(&self, line: &str);
    /// A failure that does not stop the work.
    fn warn(&self, failure: &super::Failure);
    /// Begins a task that takes a while; it ends when the last handle is dropped. `what` is shown meanwhile, `bytes` is the
    /// expected total, if it is known.
    fn task(&self, what: &str, bytes: Option<u64>) -> Arc<dyn Task>;
    /// Whether lines of this level are shown; a caller with many of them need not format them otherwise.
    fn shows(&self, line: ProgressLevel) -> bool;

    /// The time since the call began, by the clock of the caller; zero without one.
    fn elapsed(&self) -> Duration {
        Duration::ZERO
    }

    /// Takes a line of this level that was reported at the time `at`, and waited since then for its turn.
    fn line_at(&self, at: Duration, level: ProgressLevel, line: &str) {
        let _ = at;
        match level {
            ProgressLevel::Step => self.step(line),
            ProgressLevel::Detail => self.detail(line),
            ProgressLevel::Trace => self.trace(line),
        }
    }

    /// Begins a group: the lines up to [`end_group`](Self::end_group) are about one image, and logs that fold lines fold them
    /// under `title`. Groups do not nest.
    fn begin_group(&self, title: &str) {
        let _ = title;
    }

    /// Ends the group.
    fn end_group(&self) {}
}

/// The handle of a task that takes a while.
pub trait Task: Send + Sync + fmt::Debug {
    /// Adds bytes that are done.
    fn advance(&self, bytes: u64);

    /// Replaces the text that is shown.
    fn now(&self, what: &str) {
        let _ = what;
    }
}

/// Says nothing.
#[derive(Debug, Clone, Copy)]
pub struct Silent;

impl Progress for Silent {
    fn step(&self, _line: &str) {}
    fn detail(&self, _line: &str) {}
    fn trace(&self, _line: &str) {}
    fn warn(&self, _failure: &super::Failure) {}

    fn task(&self, _what: &str, _bytes: Option<u64>) -> Arc<dyn Task> {
        Arc::new(Self)
    }

    fn shows(&self, _line: ProgressLevel) -> bool {
        false
    }
}

impl Task for Silent {
    fn advance(&self, _bytes: u64) {}
}
