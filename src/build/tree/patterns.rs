//! The lists of patterns of a `[[tree]]`, which remember what each of them matched.

use std::{
    ffi::OsStr,
    os::unix::ffi::OsStrExt as _,
    path::{Path, PathBuf},
};

use crate::{
    build::glob_pattern::GlobPattern,
    recipe::Located,
    report::{ErrorName, Failure, Origin, printable},
};

/// The patterns of one list.
pub(super) struct TreePatterns<'a> {
    list: Vec<PatternState<'a>>,
}

/// One pattern.
struct PatternState<'a> {
    pattern: GlobPattern,
    text: &'a Located<String>,
    /// Whether it took something.
    has_taken: bool,
    /// The first path that it matched although that is left out.
    passed_over: Option<PathBuf>,
}

impl<'a> TreePatterns<'a> {
    pub(super) fn parse(written: &'a [Located<String>], dots: bool) -> Result<Self, Failure> {
        let read = |text: &'a Located<String>| {
            let pattern = GlobPattern::parse(&text.value, dots).map_err(|why| {
                Failure::error(
                    ErrorName::RecipePattern,
                    format!("`{}` is an invalid pattern: {why}", printable(&text.value)),
                )
                .at(&text.origin)
            })?;
            Ok(PatternState { pattern, text, has_taken: false, passed_over: None })
        };
        Ok(Self { list: written.iter().map(read).collect::<Result<_, _>>()? })
    }

    /// Whether any pattern matches; every pattern that does is remembered.
    pub(super) fn mark_taken(&mut self, path: &[&[u8]]) -> bool {
        self.mark(path, |one| one.has_taken = true)
    }

    /// Whether any pattern matches a path that is left out.
    pub(super) fn mark_passed_over(&mut self, path: &[&[u8]]) -> bool {
        let whole = || path.iter().map(|name| OsStr::from_bytes(name)).collect();
        self.mark(path, |one| {
            one.passed_over.get_or_insert_with(whole);
        })
    }

    fn mark(&mut self, path: &[&[u8]], note: impl Fn(&mut PatternState<'a>)) -> bool {
        self.list.iter_mut().filter(|one| one.pattern.matches(path)).map(note).count() > 0
    }

    /// Whether any pattern matches.
    pub(super) fn matches(&self, path: &[&[u8]]) -> bool {
        self.list.iter().any(|one| one.pattern.matches(path))
    }

    /// The first pattern that names the path, by beginning with it.
    pub(super) fn beginning_with(&self, path: &[&[u8]]) -> Option<&'a Located<String>> {
        self.list.iter().find(|one| one.pattern.begins_with(path)).map(|one| one.text)
    }

    /// The first pattern that took nothing.
    pub(super) fn first_unmatched(&self) -> Option<&'a Located<String>> {
        self.list.iter().find(|one| !one.has_taken).map(|one| one.text)
    }

    /// Whether the pattern at `origin` took something.
    pub(super) fn has_taken(&self, origin: &Origin) -> bool {
        self.list.iter().any(|one| one.has_taken && one.text.origin == *origin)
    }

    /// The first left-out path that the pattern at `origin` matched.
    pub(super) fn passed_over(&self, origin: &Origin) -> Option<&Path> {
        self.list.iter().filter(|one| one.text.origin == *origin).find_map(|one| one.passed_over.as_deref())
    }
}
