//! [`HandedGit`]: the commit and the branch that the caller names, for sources without a repository and for pipelines that
//! check out a commit and no branch.

use super::compile::Toolchain;
use crate::{
    oci::Digest,
    recipe::GitWord,
    report::{ErrorName, Failure, Limits, printable},
};
use std::path::Path;

/// What the caller hands in of git.
#[derive(Debug, Clone, Default)]
pub struct HandedGit {
    /// The full name of the commit: `--git-revision`, or the variable that `[git] revision-from` of the policy file names.
    pub revision: Option<HandedValue>,
    /// The name of the branch, in the same ways.
    pub branch: Option<HandedValue>,
}

/// A value with the option or variable that it came by.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct HandedValue {
    /// The text.
    pub text: String,
    /// As messages name it, such as `--git-revision`.
    pub from: String,
}

impl HandedValue {
    /// A commit.
    ///
    /// # Errors
    /// It is not 40 or 64 hexadecimal digits in lower case.
    pub fn revision(text: &str, from: &str, kind: ErrorName) -> Result<Self, Failure> {
        let is_digit = |byte: u8| byte.is_ascii_digit() || (b'a'..=b'f').contains(&byte);
        if matches!(text.len(), 40 | 64) && text.bytes().all(is_digit) {
            return Ok(Self { text: text.to_owned(), from: from.to_owned() });
        }
        let what = format!("`{from}` is `{}`, which is not the full name of a commit", printable(text));
        Err(Failure::error(kind, what).hint("it has 40 or 64 digits, as `git rev-parse HEAD` prints it"))
    }

    /// A branch.
    ///
    /// # Errors
    /// It is empty, or git would not take it for a name.
    pub fn branch(text: &str, from: &str, kind: ErrorName) -> Result<Self, Failure> {
        let is_bad = |c: char| c.is_control() || " ~^:?*[\\".contains(c);
        let is_name = !text.is_empty() && !text.starts_with('-') && !text.contains("..") && !text.contains(is_bad);
        if is_name && text.len() <= Limits::NAME_BYTES {
            return Ok(Self { text: text.to_owned(), from: from.to_owned() });
        }
        let what = format!("`{from}` is `{}`, which is not the name of a branch", printable(text));
        Err(Failure::error(kind, what).hint("such as `main` or `feature/login`"))
    }
}

impl HandedGit {
    /// The value of a variable: what was handed in, where git does not contradict it; else the answer of `toolchain` about the
    /// checkout that holds `dir`.
    ///
    /// # Errors
    /// The checkout is at another commit or branch than was handed in; git has no answer.
    pub(super) fn answer(&self, word: GitWord, toolchain: &Toolchain<'_>, dir: &Path) -> Result<String, Failure> {
        let handed = match word {
            GitWord::Revision => self.revision.as_ref(),
            GitWord::Branch => self.branch.as_ref(),
            GitWord::Tag | GitWord::Describe | GitWord::Dirty => None,
        };
        let Some(handed) = handed else {
            let answer = toolchain.git(word, dir)?;
            return Ok(if word == GitWord::Branch { branch_slug(&answer) } else { answer });
        };
        let found = if word == GitWord::Branch { toolchain.branch(dir)? } else { toolchain.commit(dir)? };
        if let Some(found) = found.filter(|found| *found != handed.text) {
            let (shown, text) = (printable(&found), printable(&handed.text));
            let what = format!("`{}` is `{text}`, and the checkout is at `{shown}`", handed.from);
            return Err(Failure::error(ErrorName::Git, what)
                .in_path(dir)
                .hint("leave it out, or check out what it names"));
        }
        Ok(if word == GitWord::Branch { branch_slug(&handed.text) } else { handed.text.clone() })
    }
}

/// A branch as `{git.branch}` writes it, which fits into a tag of a registry.
///
/// A name of at most 128 lower-case letters, digits, `.`, `_` and `-`, which does not begin with `.` or `-`, is written as it
/// is. Any other is changed: letters become lower case, what else does not fit becomes one `-` for each run of it, `.` and `-`
/// go at both ends, and what is longer is cut. So that no other branch has the same, `-` and the first 8 digits of the SHA-256
/// of the name follow: `feature/login` is `feature-login-df7c7aeb`.
pub fn branch_slug(branch: &str) -> String {
    /// The most that a tag may have (distribution-spec, "Pulling manifests").
    const MOST: usize = 128;
    const DIGITS: usize = 8;
    let fits = |byte: u8| byte.is_ascii_lowercase() || byte.is_ascii_digit() || b"._-".contains(&byte);
    if !branch.is_empty() && branch.len() <= MOST && branch.bytes().all(fits) && !branch.starts_with(['.', '-']) {
        return branch.to_owned();
    }
    let mut slug = String::new();
    for c in branch.chars().map(|c| c.to_ascii_lowercase()) {
        match u8::try_from(c).is_ok_and(fits) {
            true => slug.push(c),
            false if !slug.ends_with('-') => slug.push('-'),
            false => {}
        }
    }
    let slug: String = slug.trim_matches(['.', '-']).chars().take(MOST - DIGITS - 1).collect();
    let slug = if slug.is_empty() { "branch" } else { slug.trim_end_matches(['.', '-']) };
    let digits: String = Digest::of(branch.as_bytes()).hex().chars().take(DIGITS).collect();
    format!("{slug}-{digits}")
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use super::*;

    #[test]
    fn a_branch_that_is_changed_has_a_digest_behind_it() {
        for same in ["main", "release-1.2", "a_b", "0", &"x".repeat(128)] {
            assert_eq!(branch_slug(same), same);
        }
        for (branch, start) in [
            ("feature/login", "feature-login-"),
            ("Feature-Login", "feature-login-"),
            ("feature//login", "feature-login-"),
            (".hidden", "hidden-"),
            ("größe", "gr-e-"),
            ("日本", "branch-"),
        ] {
            let slug = branch_slug(branch);
            let digits = slug.strip_prefix(start).unwrap_or_else(|| panic!("{slug}"));
            assert!(digits.len() == 8 && digits.bytes().all(|byte| byte.is_ascii_hexdigit()), "{slug}");
        }
        let long = branch_slug(&format!("{}/x", "y".repeat(200)));
        assert!(long.len() <= 128 && long.starts_with("yyy"), "{long}");
        assert_eq!(branch_slug("feature/login"), "feature-login-df7c7aeb");
    }

    #[test]
    fn what_is_handed_in_is_looked_at() {
        let revision = |text: &str| HandedValue::revision(text, "--git-revision", ErrorName::Usage).is_ok();
        assert!(revision(&"a1".repeat(20)) && revision(&"0".repeat(64)));
        for bad in ["", "HEAD", "abc", &"A1".repeat(20), &"a1".repeat(21), &"g".repeat(40)] {
            assert!(!revision(bad), "{bad}");
        }
        let branch = |text: &str| HandedValue::branch(text, "--git-branch", ErrorName::Usage).is_ok();
        assert!(branch("main") && branch("feature/login") && branch("größe"));
        for bad in ["", "-x", "a b", "a..b", "a\nb", "refs:x"] {
            assert!(!branch(bad), "{bad}");
        }
    }
}
