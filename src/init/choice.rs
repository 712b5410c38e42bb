//! Chooses the program that the image runs: the one that `--binary` names, else the one that a reason speaks for.
//!
//! A guess would give an image of the wrong program with exit code 0. So where only the alphabet or the depth of a
//! folder could decide, nothing is chosen, and the failure lists the programs.

use super::project::{Candidate, Project};
use crate::report::{ErrorName, Failure, quoted};

/// The most programs that a message names.
const LISTED: usize = 24;

/// The result of [`Project::choose`].
pub(super) enum ProgramChoice {
    /// The chosen program, the reason, and the other programs.
    Chosen(Box<Candidate>, String, Vec<Candidate>),
    /// No program was chosen: the candidates, the likeliest first, and the failure that lists them.
    Open(Vec<Candidate>, Failure),
}

impl Project {
    /// Chooses the program named `wanted`, or without a name the likeliest program, if a reason decides.
    pub(super) fn choose(mut self, wanted: Option<&str>) -> Result<ProgramChoice, Failure> {
        if let Some(wanted) = wanted {
            let at = self.named(wanted)?;
            let chosen = self.candidates.remove(at);
            return Ok(ProgramChoice::Chosen(Box::new(chosen), "`--binary` names it".into(), self.candidates));
        }
        let reason = self.reason();
        let others = self.candidates.len().saturating_sub(1);
        match reason {
            Some(why) if others == 0 => {
                Ok(ProgramChoice::Chosen(Box::new(self.candidates.remove(0)), why.into(), Vec::new()))
            }
            Some(why) => {
                let comments = if others == 1 { "a comment" } else { "comments" };
                let why = format!("{why}; {others} more in the recipe as {comments}");
                Ok(ProgramChoice::Chosen(Box::new(self.candidates.remove(0)), why, self.candidates))
            }
            None => {
                let failure = self.open();
                Ok(ProgramChoice::Open(self.candidates, failure))
            }
        }
    }

    /// The reason to choose the first candidate; `None` where no reason decides.
    fn reason(&self) -> Option<&'static str> {
        let (first, rest) = self.candidates.split_first()?;
        let rivals = rest.iter().map(|candidate| &candidate.rank).chain(self.passed_over.iter().map(|(_, rank)| rank));
        let mut reason = None;
        // The rest is sorted: a reason against the next candidate holds against all others.
        for rival in rivals {
            if *rival < first.rank {
                return None;
            }
            let why = first.rank.reason_over(rival)?;
            reason = reason.or(Some(why));
        }
        Some(reason.unwrap_or("the only one here"))
    }

    /// The index of the program that `--binary` names: by name, package, folder or the word of its table.
    fn named(&self, wanted: &str) -> Result<usize, Failure> {
        let bare = wanted.trim_start_matches("./").trim_end_matches('/');
        let fits = |by: &dyn Fn(&Candidate) -> bool| -> Vec<usize> {
            (0..self.candidates.len()).filter(|at| self.candidates.get(*at).is_some_and(by)).collect()
        };
        let exact = fits(&|candidate| candidate.id == wanted || !bare.is_empty() && candidate.folder == bare);
        let found = match exact.as_slice() {
            [_] => exact,
            _ => fits(&|candidate| candidate.program.name == wanted),
        };
        let list = listed(&self.candidates);
        match found.as_slice() {
            [at] => Ok(*at),
            [] => {
                let what = format!("`--binary` names {}, and no program of the project has that name", quoted(wanted));
                Err(Failure::error(ErrorName::Usage, what).hint(format!("the programs: {list}")))
            }
            several => {
                let ids = several.iter().filter_map(|at| self.candidates.get(*at)).map(|found| quoted(&found.id));
                let what = format!("`--binary` names {}, and several programs have that name", quoted(wanted));
                Err(Failure::error(ErrorName::ProjectAmbiguous, what)
                    .hint(format!("name one of {}", ids.collect::<Vec<_>>().join(", "))))
            }
        }
    }

    /// The failure that lists what could be chosen.
    fn open(&self) -> Failure {
        let list = listed(&self.candidates);
        let what = match (self.candidates.as_slice(), self.passed_over.first()) {
            ([_], Some((why, _))) => format!("it is not clear that {list} is the program that the image is for: {why}"),
            (several, Some((why, _))) => {
                format!("it is not clear which of {} programs the image is for: {list}; besides, {why}", several.len())
            }
            (several, None) => {
                format!("it is not clear which of {} programs the image is for: {list}", several.len())
            }
        };
        let first = self.candidates.first().map(|candidate| self.word(candidate)).unwrap_or_default();
        Failure::error(ErrorName::ProjectAmbiguous, what).hint(format!(
            "`hardpan init --force --binary {first}` takes that one; or take the `# ` from the lines of its table"
        ))
    }

    /// The word by which `--binary` names a program: its name, or its ID where the name is ambiguous.
    fn word(&self, candidate: &Candidate) -> String {
        let alike = self.candidates.iter().filter(|other| other.program.name == candidate.program.name).count();
        crate::report::printable(if alike == 1 { &candidate.program.name } else { &candidate.id }).into_owned()
    }
}

/// A list of programs for a message.
fn listed(candidates: &[Candidate]) -> String {
    let mut words: Vec<_> = candidates.iter().take(LISTED).map(|candidate| candidate.program.to_string()).collect();
    if let Some(more) = candidates.len().checked_sub(LISTED).filter(|more| *more > 0) {
        words.push(format!("{more} more"));
    }
    words.join(", ")
}
