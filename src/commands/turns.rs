//! What is told of work on many things at once, in the order of the things.

use std::{
    collections::BTreeMap,
    sync::{Arc, Mutex, MutexGuard, PoisonError},
};

use crate::report::{Failure, Line, Progress, Silent, Task};

/// Lets one after the other speak. What those say whose turn it is not is kept until it is; it never is behind one that has
/// failed.
#[derive(Debug)]
pub(super) struct Turns<'a> {
    out: &'a dyn Progress,
    state: Mutex<State>,
}

#[derive(Debug, Default)]
struct State {
    /// Whose turn it is.
    now: usize,
    /// What others said; `None` at the end of those who have finished.
    kept: BTreeMap<usize, Vec<Option<Said>>>,
    /// The first one that has failed.
    failed: Option<usize>,
}

#[derive(Debug)]
enum Said {
    Step(String),
    Detail(String),
    Trace(String),
    Warn(Box<Failure>),
}

/// One that speaks. Dropped, it has said all.
#[derive(Debug)]
pub(super) struct Turn<'a> {
    turns: &'a Turns<'a>,
    index: usize,
}

impl State {
    /// Whether nobody wants to hear of that one any more.
    fn is_over(&self, index: usize) -> bool {
        self.failed.is_some_and(|failed| failed < index)
    }
}

impl<'a> Turns<'a> {
    /// Begins with the turn of number 0.
    pub(super) fn new(out: &'a dyn Progress) -> Self {
        Self { out, state: Mutex::default() }
    }

    /// Does `work`, which speaks as number `index`.
    pub(super) fn during<T, E>(&'a self, index: usize, work: impl FnOnce(&Turn<'a>) -> Result<T, E>) -> Result<T, E> {
        let turn = Turn { turns: self, index };
        work(&turn).inspect_err(|_| turn.fail())
    }

    fn state(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn say(&self, index: usize, said: Said) {
        let mut state = self.state();
        if state.is_over(index) {
            return;
        }
        if state.now == index {
            self.tell(said);
        } else {
            state.kept.entry(index).or_default().push(Some(said));
        }
    }

    fn tell(&self, said: Said) {
        match said {
            Said::Step(line) => self.out.step(&line),
            Said::Detail(line) => self.out.detail(&line),
            Said::Trace(line) => self.out.trace(&line),
            Said::Warn(failure) => self.out.warn(&failure),
        }
    }

    /// The next ones have their turn, until one that has not finished.
    fn end(&self, index: usize) {
        let mut state = self.state();
        state.kept.entry(index).or_default().push(None);
        let is_over = |state: &State| state.is_over(state.now);
        while !is_over(&state)
            && let Some(said) = {
                let now = state.now;
                state.kept.remove(&now)
            }
        {
            let ended = matches!(said.last(), Some(None));
            said.into_iter().flatten().for_each(|said| self.tell(said));
            if !ended {
                break;
            }
            state.now += 1;
        }
    }
}

impl Turn<'_> {
    /// Notes that this one has failed: those behind it have nothing more to say.
    fn fail(&self) {
        let mut state = self.turns.state();
        state.failed = Some(state.failed.map_or(self.index, |failed| failed.min(self.index)));
    }
}

impl Progress for Turn<'_> {
    fn step(&self, line: &str) {
        if self.shows(Line::Step) {
            self.turns.say(self.index, Said::Step(line.to_owned()));
        }
    }

    fn detail(&self, line: &str) {
        if self.shows(Line::Detail) {
            self.turns.say(self.index, Said::Detail(line.to_owned()));
        }
    }

    fn trace(&self, line: &str) {
        if self.shows(Line::Trace) {
            self.turns.say(self.index, Said::Trace(line.to_owned()));
        }
    }

    fn warn(&self, failure: &Failure) {
        self.turns.say(self.index, Said::Warn(Box::new(failure.clone())));
    }

    fn task(&self, what: &str, bytes: Option<u64>) -> Arc<dyn Task> {
        // What others do meanwhile is not shown.
        if self.turns.state().now == self.index { self.turns.out.task(what, bytes) } else { Silent.task(what, bytes) }
    }

    fn shows(&self, line: Line) -> bool {
        self.turns.out.shows(line)
    }
}

impl Drop for Turn<'_> {
    fn drop(&mut self) {
        self.turns.end(self.index);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    impl<'a> Turns<'a> {
        fn turn(&'a self, index: usize) -> Turn<'a> {
            Turn { turns: self, index }
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

        fn shows(&self, _line: Line) -> bool {
            true
        }
    }

    #[test]
    fn whoever_is_early_waits() {
        let lines = Lines::default();
        let turns = Turns::new(&lines);
        let told = || lines.0.lock().unwrap_or_else(PoisonError::into_inner).join(" ");
        let (first, second, third) = (turns.turn(0), turns.turn(1), turns.turn(2));
        third.step("3a");
        second.warn(&Failure::new("2a"));
        first.detail("1a");
        assert_eq!(told(), "1a");
        drop(third);
        first.trace("1b");
        drop(first);
        assert_eq!(told(), "1a 1b 2a");
        second.step("2b");
        assert_eq!(told(), "1a 1b 2a 2b");
        drop(second);
        assert_eq!(told(), "1a 1b 2a 2b 3a");
    }

    #[test]
    fn behind_one_that_failed_nobody_speaks() {
        let lines = Lines::default();
        let turns = Turns::new(&lines);
        let (first, second, third) = (turns.turn(0), turns.turn(1), turns.turn(2));
        third.step("3a");
        second.step("2a");
        second.fail();
        drop(second);
        third.step("3b");
        drop(third);
        first.step("1a");
        drop(first);
        assert_eq!(lines.0.lock().unwrap_or_else(PoisonError::into_inner).join(" "), "1a 2a");
        turns.turn(3).step("4a");
        assert_eq!(lines.0.lock().unwrap_or_else(PoisonError::into_inner).join(" "), "1a 2a");
    }
}
