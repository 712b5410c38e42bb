//! `hardpan explain`: finds what a name in `error[NAME]` stands for.
//!
//! `cli::explain` prints what is found here, and generates `docs/errors.md` from [`all`]. Every name that a message can
//! show is found: the error names of exit code 2, and the rules of the catalogue by name or code.

use crate::{
    recipe::nearest,
    report::{ErrorName, Failure, Rule, printable},
};

/// What a name in `error[NAME]` stands for.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Explanation {
    /// hardpan could not do its work: exit code 2.
    Error(ErrorName),
    /// A rule refused, or found something: exit code 1.
    Rule(Rule),
}

impl Explanation {
    /// The name as messages show it.
    pub const fn name(self) -> &'static str {
        match self {
            Self::Error(error) => error.name(),
            Self::Rule(rule) => rule.name(),
        }
    }
}

/// Every name that can be explained: errors first, then rules, each in the order of its table.
pub fn all() -> Vec<Explanation> {
    let errors = ErrorName::ALL.iter().copied().map(Explanation::Error);
    errors.chain(Rule::CATALOGUE.into_iter().map(Explanation::Rule)).collect()
}

/// Finds an error by its name, or a rule by its name or code.
///
/// # Errors
/// There is no such name; the hint has the names that resemble it.
pub fn find(name: &str) -> Result<Explanation, Failure> {
    let has_name = |known: &Explanation| match known {
        Explanation::Error(error) => error.name() == name,
        Explanation::Rule(rule) => rule.name() == name || rule.code().eq_ignore_ascii_case(name),
    };
    all().into_iter().find(has_name).ok_or_else(|| {
        let what = format!("there is no error or rule `{}`", printable(name));
        let similar = similar_names(name);
        Failure::error(ErrorName::Usage, what).hint(if similar.is_empty() {
            "`hardpan explain` lists all names".to_owned()
        } else {
            format!("did you mean {}?", similar.join(" or "))
        })
    })
}

/// The names that `name` was probably meant to be, in backticks: the one that differs by a typing error, else the first
/// few that have a word of it.
fn similar_names(name: &str) -> Vec<String> {
    /// More names than these are a list, which `hardpan explain` prints better.
    const SHOWN: usize = 4;
    let names: Vec<&str> = all().into_iter().map(Explanation::name).collect();
    let similar = nearest(name, names.iter().copied()).map_or_else(
        || {
            let asked = name.to_lowercase().replace('_', "-");
            let has_word = |known: &&str| known.split('-').any(|word| asked.split('-').any(|part| part == word));
            names.iter().copied().filter(has_word).take(SHOWN).collect()
        },
        |near| vec![near],
    );
    similar.into_iter().map(|known| format!("`{known}`")).collect()
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeSet;

    use super::*;

    #[test]
    fn no_error_has_the_name_or_code_of_a_rule() {
        let names: BTreeSet<_> = all().into_iter().map(Explanation::name).collect();
        assert_eq!(names.len(), ErrorName::ALL.len() + Rule::CATALOGUE.len());
        for known in all() {
            assert_eq!(find(known.name()), Ok(known));
        }
        assert_eq!(find("usr001"), Ok(Explanation::Rule(Rule::RootUser)));
        assert_eq!(find("tag-exists"), Ok(Explanation::Rule(Rule::TagExists)));
    }

    #[test]
    fn an_unknown_name_gets_the_names_that_resemble_it() {
        let hint = |name: &str| find(name).expect_err("no such name").hint.expect("a hint");
        assert_eq!(hint("lock-stael"), "did you mean `lock-stale`?");
        assert_eq!(hint("Registry_Login"), "did you mean `registry-login`?");
        assert_eq!(hint("lock"), "did you mean `lock-stale` or `lock-syntax`?");
        assert_eq!(
            hint("registry"),
            "did you mean `registry-unreachable` or `registry-tls` or `registry-login` or `registry-not-found`?"
        );
        assert_eq!(hint("zzz"), "`hardpan explain` lists all names");
        assert_eq!(hint(""), "`hardpan explain` lists all names");
        assert_eq!(hint("\u{1b}[31m"), "`hardpan explain` lists all names");
    }
}
