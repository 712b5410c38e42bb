//! [`Origin`]: a place in a recipe, lock or policy file, by which messages show line and column.

use std::{
    fmt,
    ops::{Deref, Range},
    sync::Arc,
};

/// The text of a recipe and the name it is printed under.
#[derive(Debug, PartialEq, Eq)]
pub struct SourceText {
    /// The path as the user gave it; for messages only.
    pub path: String,
    /// The whole text.
    pub text: String,
}

/// A place in a [`SourceText`]: what a message points at, and what a planned entry remembers of the line that
/// brought it in.
///
/// A handle: every entry of an image has one or two.
#[derive(Clone, PartialEq, Eq)]
pub struct Origin(Arc<OriginSpan>);

/// The content of an [`Origin`].
#[derive(PartialEq, Eq)]
pub struct OriginSpan {
    /// The recipe.
    pub source: Arc<SourceText>,
    /// Byte offsets into the text of `source`; always within it and on character borders.
    pub span: Range<usize>,
}

impl Origin {
    /// The bytes `span` of `source`. A span that leaves the text or splits a character is moved inwards.
    pub fn new(source: &Arc<SourceText>, span: Range<usize>) -> Self {
        let inside = |mut at: usize| {
            at = at.min(source.text.len());
            while !source.text.is_char_boundary(at) {
                at -= 1;
            }
            at
        };
        let (start, end) = (inside(span.start), inside(span.end));
        Self(Arc::new(OriginSpan { source: Arc::clone(source), span: start..end.max(start) }))
    }

    /// Line and column, both counted from 1; columns count characters.
    pub fn line_column(&self) -> (usize, usize) {
        let before = self.source.text.get(..self.span.start).unwrap_or_default();
        let line_start = before.rfind('\n').map_or(0, |at| at + 1);
        let line = before.bytes().filter(|byte| *byte == b'\n').count() + 1;
        let column = before.get(line_start..).unwrap_or_default().chars().count() + 1;
        (line, column)
    }

    /// `line 3`, and of which file where `from` is in another one.
    pub fn line_seen_from(&self, from: &Self) -> String {
        let (line, _) = self.line_column();
        if self.source.path == from.source.path {
            format!("line {line}")
        } else {
            format!("line {line} of `{}`", self.source.path)
        }
    }
}

impl Deref for Origin {
    type Target = OriginSpan;

    fn deref(&self) -> &OriginSpan {
        &self.0
    }
}

impl fmt::Display for Origin {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let (line, column) = self.line_column();
        write!(f, "{}:{line}:{column}", self.source.path)
    }
}

impl fmt::Debug for Origin {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Origin({self})")
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_place_counts_lines_and_characters_from_one() {
        let source = Arc::new(SourceText { path: "a.toml".into(), text: "x = 1\nä = 2\n".into() });
        assert_eq!(Origin::new(&source, 0..1).to_string(), "a.toml:1:1");
        assert_eq!(Origin::new(&source, 9..10).to_string(), "a.toml:2:3");
        // Inside the two bytes of `ä`, and beyond the end: moved, never a panic.
        assert_eq!(Origin::new(&source, 7..7).to_string(), "a.toml:2:1");
        assert_eq!(Origin::new(&source, 900..901).to_string(), "a.toml:3:1");
    }
}
