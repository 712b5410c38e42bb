//! What git has answered about one folder, so that the recipes and platforms of a call ask it once.

use std::{
    collections::BTreeMap,
    path::PathBuf,
    sync::atomic::{AtomicBool, Ordering},
};

use parking_lot::Mutex;

use crate::{recipe::GitWord, report::Failure};

/// The answers of git about one folder. All images of a call get the same ones, whatever compiles do meanwhile.
#[derive(Debug, Default)]
pub(super) struct GitAnswers {
    words: Mutex<BTreeMap<GitWord, Result<String, Failure>>>,
    /// Whether it was asked for a changed path.
    is_asked_for_changes: AtomicBool,
}

impl GitAnswers {
    /// The answer to `word`; git is asked the first time.
    ///
    /// # Errors
    /// That of the first time.
    pub(super) fn get(&self, word: GitWord, ask: impl FnOnce() -> Result<String, Failure>) -> Result<String, Failure> {
        // Others who want an answer wait for it: asking again would take as long.
        self.words.lock().entry(word).or_insert_with(ask).clone()
    }

    /// A path that was changed since the commit, for the first caller who wants to know; others need not say it again.
    pub(super) fn changed_path(&self, ask: impl FnOnce() -> Option<PathBuf>) -> Option<PathBuf> {
        let is_first = !self.is_asked_for_changes.swap(true, Ordering::Relaxed);
        if is_first { ask() } else { None }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn git_is_asked_once_for_each_word() {
        let answers = GitAnswers::default();
        let ask = |word, answer: &str| answers.get(word, || Ok(answer.to_owned())).ok();
        assert_eq!(ask(GitWord::Revision, "one").as_deref(), Some("one"));
        assert_eq!(ask(GitWord::Revision, "two").as_deref(), Some("one"));
        assert_eq!(ask(GitWord::Tag, "two").as_deref(), Some("two"));
        let fail = || Err(Failure::warning("no"));
        assert!(answers.get(GitWord::Dirty, fail).is_err() && ask(GitWord::Dirty, "late").is_none());
    }
}
