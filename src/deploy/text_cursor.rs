//! [`TextCursor`]: byte offsets of the lines and columns that the YAML parser gives.

/// Walks through a text once, to places that come one after the other.
#[derive(Debug)]
pub(super) struct TextCursor<'a> {
    text: &'a str,
    /// From 1.
    line: usize,
    /// From 0, in characters.
    column: usize,
    offset: usize,
}

impl<'a> TextCursor<'a> {
    /// At the beginning of `text`.
    pub(super) fn new(text: &'a str) -> Self {
        Self { text, line: 1, column: 0, offset: 0 }
    }

    /// The byte offset of a place that is not before the last one. `None` if there is no such place.
    ///
    /// Lines end as YAML has it (section 5.4): with `\n`, `\r\n`, or `\r`.
    pub(super) fn offset_of(&mut self, line: usize, column: usize) -> Option<usize> {
        while (self.line, self.column) < (line, column) {
            let mut rest = self.text.get(self.offset..)?.chars();
            let c = rest.next()?;
            self.offset += c.len_utf8();
            if c == '\n' || (c == '\r' && rest.next() != Some('\n')) {
                (self.line, self.column) = (self.line + 1, 0);
            } else {
                self.column += 1;
            }
        }
        ((self.line, self.column) == (line, column)).then_some(self.offset)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn all_line_breaks_count_and_columns_are_characters() {
        let mut cursor = TextCursor::new("a\u{e4}b\r\nc\rd\n\ne");
        for (line, column, expected) in [
            (1, 0, Some(0)),
            (1, 2, Some(3)),
            (2, 0, Some(6)),
            (3, 0, Some(8)),
            (5, 0, Some(11)),
            (5, 1, Some(12)),
            (5, 2, None),
        ] {
            assert_eq!(cursor.offset_of(line, column), expected, "{line}:{column}");
        }
        assert_eq!(TextCursor::new("ab\nc").offset_of(1, 5), None);
    }
}
