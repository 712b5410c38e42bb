//! [`WordKind`]: which characters a word may have that reaches a compiler's command line (build tags, features, libraries).

use super::super::{Located, wording::quoted};
use crate::report::{ErrorName, Failure};

/// A kind of words of a recipe: what they name, and which characters they may have beside letters and digits.
#[derive(Debug, Clone, Copy)]
pub struct WordKind {
    what: &'static str,
    more: &'static str,
}

/// A build tag of Go.
pub const TAG: WordKind = WordKind { what: "a build tag", more: "_.," };
/// A Cargo feature.
pub const FEATURE: WordKind = WordKind { what: "a feature", more: "_.,+-/?" };
/// A library, as pkg-config calls it.
pub(super) const LIBRARY: WordKind = WordKind { what: "a library", more: "_.+-" };

impl WordKind {
    /// A kind whose words may have the characters of `more`.
    pub(super) const fn new(what: &'static str, more: &'static str) -> Self {
        Self { what, more }
    }

    /// Refuses a `value` of `at` that is no such word, or that a compiler would take for a flag.
    pub fn check(&self, at: &Located<String>, value: &str) -> Result<(), Failure> {
        let good = |c: char| c.is_alphanumeric() || self.more.contains(c);
        if value.is_empty() || value.starts_with('-') || !value.chars().all(good) {
            return Err(Failure::error(
                ErrorName::RecipeValue,
                format!("{} is no name of {}", quoted(value), self.what),
            )
            .at(&at.origin));
        }
        Ok(())
    }
}
