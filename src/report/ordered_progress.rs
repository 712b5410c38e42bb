//! Progress of jobs that run at the same time, printed in the order of the jobs.

use std::{collections::BTreeMap, sync::Arc, time::Duration};

use parking_lot::Mutex;

use super::{Failure, Progress, ProgressLevel, Silent, Task};

/// Buffers the lines of parallel jobs and passes them on in job order, as a serial run prints them: those of the first
/// unfinished job at once, those of later jobs when it is their turn, and those behind a job that failed never.
#[derive(Debug)]
pub(super) struct OrderedProgress<'a> {
    out: &'a dyn Progress,
    state: Mutex<OrderState>,
}

#[derive(Debug, Default)]
struct OrderState {
    /// The job whose lines are passed on at once: the first one that has not finished.
    current: usize,
    /// Lines of later jobs; `None` is the end of a job that has finished.
    buffered: BTreeMap<usize, Vec<Option<Message>>>,
    /// The first job that has failed.
    failed: Option<usize>,
}

#[derive(Debug)]
enum Message {
    /// A line, and when it was reported.
    Line(Duration, ProgressLevel, String),
    Warning(Box<Failure>),
    BeginGroup(String),
    EndGroup,
}

/// The progress of one job. When it is dropped, the job has finished.
#[derive(Debug)]
struct JobProgress<'a> {
    ordered: &'a OrderedProgress<'a>,
    index: usize,
}

impl OrderState {
    /// Whether an earlier job has failed, so that a serial run would not have begun this one.
    fn is_cancelled(&self, index: usize) -> bool {
        self.failed.is_some_and(|failed| failed < index)
    }
}

impl<'a> OrderedProgress<'a> {
    /// Begins with job 0.
    pub(super) fn new(out: &'a dyn Progress) -> Self {
        Self { out, state: Mutex::default() }
    }

    /// Runs job number `index`, which reports to the progress it gets.
    pub(super) fn report<T, E>(
        &'a self,
        index: usize,
        job: impl FnOnce(&dyn Progress) -> Result<T, E>,
    ) -> Result<T, E> {
        let progress = JobProgress { ordered: self, index };
        job(&progress).inspect_err(|_| progress.fail())
    }

    fn send(&self, index: usize, message: Message) {
        let mut state = self.state.lock();
        if state.is_cancelled(index) {
            return;
        }
        if state.current == index {
            self.print(message);
        } else {
            state.buffered.entry(index).or_default().push(Some(message));
        }
    }

    fn print(&self, message: Message) {
        match message {
            Message::Line(at, level, line) => self.out.line_at(at, level, &line),
            Message::Warning(failure) => self.out.warn(&failure),
            Message::BeginGroup(title) => self.out.begin_group(&title),
            Message::EndGroup => self.out.end_group(),
        }
    }

    /// Notes that a job has finished, and prints what the next jobs have buffered, up to the first unfinished one.
    fn finish(&self, index: usize) {
        let mut state = self.state.lock();
        state.buffered.entry(index).or_default().push(None);
        loop {
            let current = state.current;
            if state.is_cancelled(current) {
                return;
            }
            let Some(messages) = state.buffered.remove(&current) else { return };
            let has_finished = matches!(messages.last(), Some(None));
            messages.into_iter().flatten().for_each(|message| self.print(message));
            if !has_finished {
                return;
            }
            state.current += 1;
        }
    }
}

impl JobProgress<'_> {
    /// Notes that this job has failed: nothing of later jobs is printed from now on.
    fn fail(&self) {
        let mut state = self.ordered.state.lock();
        state.failed = Some(state.failed.map_or(self.index, |failed| failed.min(self.index)));
    }
}

impl Progress for JobProgress<'_> {
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
        self.ordered.out.elapsed()
    }

    fn line_at(&self, at: Duration, level: ProgressLevel, line: &str) {
        if self.shows(level) {
            self.ordered.send(self.index, Message::Line(at, level, line.to_owned()));
        }
    }

    fn begin_group(&self, title: &str) {
        self.ordered.send(self.index, Message::BeginGroup(title.to_owned()));
    }

    fn end_group(&self) {
        self.ordered.send(self.index, Message::EndGroup);
    }

    fn warn(&self, failure: &Failure) {
        self.ordered.send(self.index, Message::Warning(Box::new(failure.clone())));
    }

    fn task(&self, what: &str, bytes: Option<u64>) -> Arc<dyn Task> {
        // Only the tasks of the current job are shown.
        let is_current = self.ordered.state.lock().current == self.index;
        if is_current { self.ordered.out.task(what, bytes) } else { Silent.task(what, bytes) }
    }

    fn shows(&self, line: ProgressLevel) -> bool {
        self.ordered.out.shows(line)
    }
}

impl Drop for JobProgress<'_> {
    fn drop(&mut self) {
        self.ordered.finish(self.index);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn job<'a>(ordered: &'a OrderedProgress<'a>, index: usize) -> JobProgress<'a> {
        JobProgress { ordered, index }
    }

    #[derive(Debug, Default)]
    struct Lines(Mutex<Vec<String>>);

    impl Progress for Lines {
        fn step(&self, line: &str) {
            self.0.lock().push(line.to_owned());
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

        fn elapsed(&self) -> Duration {
            Duration::from_secs(self.0.lock().len() as u64)
        }

        fn line_at(&self, at: Duration, _level: ProgressLevel, line: &str) {
            self.step(&format!("{line}@{}", at.as_secs()));
        }

        fn begin_group(&self, title: &str) {
            self.step(&format!("<{title}"));
        }

        fn end_group(&self) {
            self.step(">");
        }
    }

    #[test]
    fn lines_of_later_jobs_wait_for_their_turn() {
        let lines = Lines::default();
        let ordered = OrderedProgress::new(&lines);
        let printed = || lines.0.lock().join(" ");
        let (first, second, third) = (job(&ordered, 0), job(&ordered, 1), job(&ordered, 2));
        third.step("3a");
        second.warn(&Failure::warning("2a"));
        first.detail("1a");
        assert_eq!(printed(), "1a@0");
        drop(third);
        first.trace("1b");
        drop(first);
        assert_eq!(printed(), "1a@0 1b@1 2a");
        second.step("2b");
        assert_eq!(printed(), "1a@0 1b@1 2a 2b@3");
        drop(second);
        // The time is that of the report, not that of the print.
        assert_eq!(printed(), "1a@0 1b@1 2a 2b@3 3a@0");
    }

    #[test]
    fn groups_of_parallel_jobs_do_not_interleave() {
        let lines = Lines::default();
        let ordered = OrderedProgress::new(&lines);
        let (first, second, third) = (job(&ordered, 0), job(&ordered, 1), job(&ordered, 2));
        for (job, name) in [(&second, "2"), (&first, "1"), (&third, "3")] {
            job.begin_group(name);
        }
        third.end_group();
        second.end_group();
        second.fail();
        drop((third, second));
        first.end_group();
        drop(first);
        assert_eq!(lines.0.lock().join(" "), "<1 > <2 >");
    }

    #[test]
    fn nothing_is_printed_of_jobs_behind_one_that_failed() {
        let lines = Lines::default();
        let ordered = OrderedProgress::new(&lines);
        let (first, second, third) = (job(&ordered, 0), job(&ordered, 1), job(&ordered, 2));
        third.step("3a");
        second.step("2a");
        second.fail();
        drop(second);
        third.step("3b");
        drop(third);
        first.step("1a");
        drop(first);
        assert_eq!(lines.0.lock().join(" "), "1a@0 2a@0");
        job(&ordered, 3).step("4a");
        assert_eq!(lines.0.lock().join(" "), "1a@0 2a@0");
    }
}
