//! What git has answered about one folder, so that the recipes and platforms of a call ask it once.

use std::collections::BTreeMap;

use parking_lot::Mutex;

use crate::{recipe::GitWord, report::Failure};

/// The answers of git about one folder. All images of a call get the same ones, whatever compiles do meanwhile.
#[derive(Debug, Default)]
pub(super) struct GitAnswers(Mutex<BTreeMap<GitWord, Result<String, Failure>>>);

impl GitAnswers {
    /// The answer to `word`; git is asked the first time.
    ///
    /// # Errors
    /// That of the first time.
    pub(super) fn get(&self, word: GitWord, ask: impl FnOnce() -> Result<String, Failure>) -> Result<String, Failure> {
        // Others who want an answer wait for it: asking again would take as long.
        self.0.lock().entry(word).or_insert_with(ask).clone()
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
