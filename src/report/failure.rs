//! [`Failure`]: the one error type of all rooms. It has a name or a rule, a place, a sentence and at most one hint.

use std::{
    fmt,
    path::{Path, PathBuf},
};

use super::{ErrorName, Origin, Rule};

/// Where a failure happened.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum FailurePlace {
    /// A line of the recipe.
    Recipe(Origin),
    /// A file or folder of the host.
    Path(PathBuf),
}

/// A refusal or a fault: a place, what went wrong, and at most one hint.
///
/// `what` and `hint` are lower case, without a full stop, names in backticks. Text that came from outside
/// (file names, image metadata) passes through [`printable()`](super::printable()) before it gets here.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Failure {
    /// What kind of failure this is, when hardpan could not do its work (exit code 2).
    pub name: Option<ErrorName>,
    /// The rule, when this is a refusal by name (exit code 1).
    pub rule: Option<Rule>,
    /// hardpan did its work, and this is the answer (exit code 1), without a rule. Anything else is exit code 2.
    pub is_answer: bool,
    /// The place, when there is one.
    pub place: Option<FailurePlace>,
    /// What went wrong.
    pub what: String,
    /// What to do about it.
    pub hint: Option<String>,
}

impl Failure {
    /// hardpan could not do its work (exit code 2), for a reason of this kind.
    pub fn error(name: ErrorName, what: impl Into<String>) -> Self {
        Self { name: Some(name), ..Self::warning(what) }
    }

    /// A warning, which has no name and no rule: the work goes on.
    pub fn warning(what: impl Into<String>) -> Self {
        Self { name: None, rule: None, is_answer: false, place: None, what: what.into(), hint: None }
    }

    /// hardpan did its work and `rule` says no (exit code 1).
    pub fn refused(rule: Rule, what: impl Into<String>) -> Self {
        Self { rule: Some(rule), ..Self::warning(what) }
    }

    /// hardpan did its work, which was to check a claim, and the answer is no (exit code 1).
    pub fn answer(what: impl Into<String>) -> Self {
        Self { is_answer: true, ..Self::warning(what) }
    }

    /// An operation of the system failed on `path`; `doing` reads as in "cannot {doing}". The kind of the error gives the
    /// name, which [`named`](Self::named) makes another one.
    pub fn io(doing: &str, path: impl AsRef<Path>, error: &std::io::Error) -> Self {
        Self::error(ErrorName::of_io(error), format!("cannot {doing}: {}", io_reason(error))).in_path(path)
    }

    /// The same failure with a more exact name, if it has a name.
    #[must_use]
    pub fn named(mut self, name: ErrorName) -> Self {
        if self.name.is_some() {
            self.name = Some(name);
        }
        self
    }

    /// Points at a line of the recipe, unless a line is known already.
    #[must_use]
    pub fn at(mut self, origin: &Origin) -> Self {
        if !matches!(self.place, Some(FailurePlace::Recipe(_))) {
            // A host path that was the place so far stays in the sentence.
            if let Some(FailurePlace::Path(path)) = self.place.take() {
                let path = format!("`{}`", super::printable(&path.to_string_lossy()));
                self.what = match self.what.split_once(": ") {
                    // What was tried, the path, the system's reason.
                    Some((doing, reason)) => format!("{doing} {path}: {reason}"),
                    None => format!("{}: {path}", self.what),
                };
            }
            self.place = Some(FailurePlace::Recipe(origin.clone()));
        }
        self
    }

    /// Points at a path of the host.
    #[must_use]
    pub fn in_path(mut self, path: impl AsRef<Path>) -> Self {
        self.place = Some(FailurePlace::Path(path.as_ref().to_path_buf()));
        self
    }

    /// Points at a path of the host, unless a place is known already.
    #[must_use]
    pub fn or_in_path(self, path: impl AsRef<Path>) -> Self {
        if self.place.is_some() { self } else { self.in_path(path) }
    }

    /// The name in `error[NAME]`: of the rule, else of the kind of error. An answer has none.
    pub fn label(&self) -> Option<&'static str> {
        self.rule.map(Rule::name).or(self.name.map(ErrorName::name))
    }

    /// Adds the one hint; the first one stays.
    #[must_use]
    pub fn hint(mut self, hint: impl Into<String>) -> Self {
        self.hint.get_or_insert_with(|| hint.into());
        self
    }
}

/// The reason of the system without Rust's `(os error 13)`, lower case as all our sentences.
pub(crate) fn io_reason(error: &std::io::Error) -> String {
    let text = error.to_string();
    let text = text.split(" (os error").next().unwrap_or(&text).to_owned();
    let mut chars = text.chars();
    chars.next().map_or(text.clone(), |first| first.to_lowercase().chain(chars).collect())
}

impl fmt::Display for Failure {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match &self.place {
            Some(FailurePlace::Recipe(origin)) => write!(f, "{origin}: ")?,
            Some(FailurePlace::Path(path)) => write!(f, "{}: ", super::printable(&path.to_string_lossy()))?,
            None => {}
        }
        f.write_str(&self.what)
    }
}

impl std::error::Error for Failure {}

/// One or several failures of one call, in the order in which they should be read.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Failures(pub Vec<Failure>);

impl Failures {
    /// 1 when every failure is a refusal by a rule or an answer, else 2.
    pub fn exit_code(&self) -> u8 {
        if self.0.iter().all(|failure| failure.rule.is_some() || failure.is_answer) { 1 } else { 2 }
    }
}

impl From<Failure> for Failures {
    fn from(failure: Failure) -> Self {
        Self(vec![failure])
    }
}
