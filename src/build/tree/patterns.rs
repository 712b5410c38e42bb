//! The patterns of a `[[tree]]`'s lists.

use crate::{
    build::glob::Pattern,
    recipe::Located,
    report::{Failure, Origin, printable},
};

/// The patterns of one list, each with its place and whether it matched yet.
pub(super) struct Patterns<'a> {
    list: Vec<(Pattern, &'a Located<String>, bool)>,
}

impl<'a> Patterns<'a> {
    pub(super) fn parse(written: &'a [Located<String>], dots: bool) -> Result<Self, Failure> {
        let read = |text: &'a Located<String>| {
            Pattern::parse(&text.value, dots).map(|pattern| (pattern, text, false)).map_err(|why| {
                Failure::new(format!("`{}` is no pattern: {why}", printable(&text.value))).at(&text.origin)
            })
        };
        Ok(Self { list: written.iter().map(read).collect::<Result<_, _>>()? })
    }

    /// Whether any pattern matches; every pattern that does is remembered.
    pub(super) fn take(&mut self, path: &[&[u8]]) -> bool {
        self.list.iter_mut().fold(false, |any, (pattern, _, hit)| {
            let matches = pattern.matches(path);
            *hit |= matches;
            any | matches
        })
    }

    /// Whether any pattern matches.
    pub(super) fn matches(&self, path: &[&[u8]]) -> bool {
        self.list.iter().any(|(pattern, _, _)| pattern.matches(path))
    }

    /// The first pattern that matched nothing.
    pub(super) fn idle(&self) -> Option<&'a Located<String>> {
        self.list.iter().find(|(_, _, hit)| !hit).map(|(_, text, _)| *text)
    }

    /// Whether the pattern at `origin` matched.
    pub(super) fn has_taken(&self, origin: &Origin) -> bool {
        self.list.iter().any(|(_, written, hit)| *hit && written.origin == *origin)
    }
}
