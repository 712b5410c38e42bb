//! Buffers the progress of parallel jobs and passes it on in job order.

use std::{
    collections::BTreeMap,
    sync::{Arc, Mutex, MutexGuard, PoisonError},
};

use crate::report::{Failure, Progress, ProgressLevel, Silent, Task};

/// Passes the lines of the first unfinished job on at once, and keeps those of the jobs behind it until it is their turn.
/// Lines of jobs behind one that failed are dropped: a serial run would not have come to them.
#[derive(Debug)]
pub(super) struct OrderedProgress<'a> {
    out: &'a dyn Progress,
    state: Mutex<OrderState>,
}

#[derive(Debug, Default)]
struct OrderState {
    /// The first job that has not finished.
    now: usize,
    /// Lines of the jobs behind it; `None` at the end of those that have finished.
    kept: BTreeMap<usize, Vec<Option<BufferedLine>>>,
    /// The first job that has failed.
    failed: Option<usize>,
}

#[derive(Debug)]
enum BufferedLine {
    Step(String),
    Detail(String),
    Trace(String),
    Warn(Box<Failure>),
}

/// The progress of one job. Dropped, the job has finished.
#[derive(Debug)]
pub(super) struct JobProgress<'a> {
    ordered: &'a OrderedProgress<'a>,
    index: usize,
}

impl OrderState {
    /// Whether the job is behind one that failed.
    fn is_over(&self, index: usize) -> bool {
        self.failed.is_some_and(|failed| failed < index)
    }
}

impl<'a> OrderedProgress<'a> {
    /// Passes lines on to `out`, beginning with those of job 0.
    pub(super) fn new(out: &'a dyn Progress) -> Self {
        Self { out, state: Mutex::default() }
    }

    /// Does `work`, with the progress of job `index`.
    pub(super) fn during<T, E>(
        &'a self,
        index: usize,
        work: impl FnOnce(&JobProgress<'a>) -> Result<T, E>,
    ) -> Result<T, E> {
        let turn = JobProgress { ordered: self, index };
        work(&turn).inspect_err(|_| turn.fail())
    }

    fn state(&self) -> MutexGuard<'_, OrderState> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn pass(&self, index: usize, line: BufferedLine) {
        let mut state = self.state();
        if state.is_over(index) {
            return;
        }
        if state.now == index {
            self.pass_on(line);
        } else {
            state.kept.entry(index).or_default().push(Some(line));
        }
    }

    fn pass_on(&self, line: BufferedLine) {
        match line {
            BufferedLine::Step(line) => self.out.step(&line),
            BufferedLine::Detail(line) => self.out.detail(&line),
            BufferedLine::Trace(line) => self.out.trace(&line),
            BufferedLine::Warn(failure) => self.out.warn(&failure),
        }
    }

    /// Passes on the lines of the jobs behind, up to the first one that has not finished.
    fn end(&self, index: usize) {
        let mut state = self.state();
        state.kept.entry(index).or_default().push(None);
        let is_over = |state: &OrderState| state.is_over(state.now);
        while !is_over(&state)
            && let Some(lines) = {
                let now = state.now;
                state.kept.remove(&now)
            }
        {
            let ended = matches!(lines.last(), Some(None));
            lines.into_iter().flatten().for_each(|line| self.pass_on(line));
            if !ended {
                break;
            }
            state.now += 1;
        }
    }
}

impl JobProgress<'_> {
    /// Notes that this job has failed: the lines of those behind it are dropped.
    fn fail(&self) {
        let mut state = self.ordered.state();
        state.failed = Some(state.failed.map_or(self.index, |failed| failed.min(self.index)));
    }
}

impl Progress for JobProgress<'_> {
    fn step(&self, line: &str) {
        if self.shows(ProgressLevel::Step) {
            self.ordered.pass(self.index, BufferedLine::Step(line.to_owned()));
        }
    }

    fn detail(&self, line: &str) {
        if self.shows(ProgressLevel::Detail) {
            self.ordered.pass(self.index, BufferedLine::Detail(line.to_owned()));
        }
    }

    fn trace(&self, line: &str) {
        if self.shows(ProgressLevel::Trace) {
            self.ordered.pass(self.index, BufferedLine::Trace(line.to_owned()));
        }
    }

    fn warn(&self, failure: &Failure) {
        self.ordered.pass(self.index, BufferedLine::Warn(Box::new(failure.clone())));
    }

    fn task(&self, what: &str, bytes: Option<u64>) -> Arc<dyn Task> {
        // The tasks of the jobs behind are not shown.
        if self.ordered.state().now == self.index {
            self.ordered.out.task(what, bytes)
        } else {
            Silent.task(what, bytes)
        }
    }

    fn shows(&self, line: ProgressLevel) -> bool {
        self.ordered.out.shows(line)
    }
}

impl Drop for JobProgress<'_> {
    fn drop(&mut self) {
        self.ordered.end(self.index);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    impl<'a> OrderedProgress<'a> {
        fn job(&'a self, index: usize) -> JobProgress<'a> {
            JobProgress { ordered: self, index }
        }
    }

    #[derive(Debug, Default)]
    struct Lines(Mutex<Vec<String>>);

    impl Progress for Lines {
        fn step(&self, line: &str) {
            self.0.lock().unwrap_or_else(PoisonError::into_inner).push(line.to_owned());
        }

        fn detail(&self, line: &str) {
            self.step(line);
        }

        fn trace(&self, line: &str) {
            self.step(line);
        }

        fn warn(&self, failure: &Failure) {
            self.step(&failure.what);
        }

        fn task(&self, what: &str, bytes: Option<u64>) -> Arc<dyn Task> {
            Silent.task(what, bytes)
        }

        fn shows(&self, _line: ProgressLevel) -> bool {
            true
        }
    }

    #[test]
    fn lines_of_a_later_job_wait() {
        let lines = Lines::default();
        let ordered = OrderedProgress::new(&lines);
        let passed = || lines.0.lock().unwrap_or_else(PoisonError::into_inner).join(" ");
        let (first, second, third) = (ordered.job(0), ordered.job(1), ordered.job(2));
        third.step("3a");
        second.warn(&Failure::new("2a"));
        first.detail("1a");
        assert_eq!(passed(), "1a");
        drop(third);
        first.trace("1b");
        drop(first);
        assert_eq!(passed(), "1a 1b 2a");
        second.step("2b");
        assert_eq!(passed(), "1a 1b 2a 2b");
        drop(second);
        assert_eq!(passed(), "1a 1b 2a 2b 3a");
    }

    #[test]
    fn lines_behind_a_failed_job_are_dropped() {
        let lines = Lines::default();
        let ordered = OrderedProgress::new(&lines);
        let (first, second, third) = (ordered.job(0), ordered.job(1), ordered.job(2));
        third.step("3a");
        second.step("2a");
        second.fail();
        drop(second);
        third.step("3b");
        drop(third);
        first.step("1a");
        drop(first);
        assert_eq!(lines.0.lock().unwrap_or_else(PoisonError::into_inner).join(" "), "1a 2a");
        ordered.job(3).step("4a");
        assert_eq!(lines.0.lock().unwrap_or_else(PoisonError::into_inner).join(" "), "1a 2a");
    }
}
