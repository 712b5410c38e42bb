//! [`LineCursor`]: the number of the line at a place of a stream, of which only a part is in memory.

/// Knows the line of one place, and counts from there to the next that is asked for.
#[derive(Debug, Clone, Copy)]
pub(super) struct LineCursor {
    /// Bytes from the start of the stream.
    at: u64,
    /// The line of that byte; the first is 1.
    line: u64,
}

impl LineCursor {
    /// At the first byte.
    pub(super) fn new() -> Self {
        Self { at: 0, line: 1 }
    }

    /// The line of the byte at `offset`, where `bytes` begin at `start` and hold everything between this place and the last
    /// one. Costs a step for each byte between the two.
    pub(super) fn line_at(&mut self, offset: u64, bytes: &[u8], start: u64) -> u64 {
        let place = |at: u64| usize::try_from(at.saturating_sub(start)).unwrap_or(usize::MAX).min(bytes.len());
        let (from, to) = (place(self.at), place(offset));
        let breaks = |range: std::ops::Range<usize>| {
            memchr::memchr_iter(b'\n', bytes.get(range).unwrap_or_default()).count() as u64
        };
        self.line = if from <= to { self.line + breaks(from..to) } else { self.line - breaks(to..from) };
        self.at = offset;
        self.line
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn lines_are_counted_forward_and_backward_and_across_what_is_gone() {
        let text = b"a\nb\n\nc\n";
        let mut cursor = LineCursor::new();
        for (at, line) in [(0, 1), (2, 2), (5, 4), (1, 1), (6, 4), (7, 5)] {
            assert_eq!(cursor.line_at(at, text, 0), line, "{at}");
        }
        let mut cursor = LineCursor::new();
        assert_eq!(cursor.line_at(3, text, 0), 2);
        assert_eq!(cursor.line_at(5, &text[3..], 3), 4);
    }
}
