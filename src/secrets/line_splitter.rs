//! [`LineSplitter`]: the lines of a stream, each with a bound.

use crate::report::Limits;

/// One line without what ends it.
#[derive(Debug, Clone, Copy)]
pub(super) struct StreamLine<'a> {
    /// At most [`Limits::SECRET_LINE_BYTES`].
    pub(super) bytes: &'a [u8],
    /// Where it begins, in bytes from the start of the stream.
    pub(super) offset: u64,
    /// The first is 1.
    pub(super) number: u64,
    /// Whether the line goes on behind `bytes`.
    pub(super) is_cut: bool,
}

/// Splits a stream into lines, whatever its chunks.
#[derive(Debug)]
pub(super) struct LineSplitter {
    /// The beginning of a line whose end has not come.
    held: Vec<u8>,
    is_cut: bool,
    /// Where that line begins.
    offset: u64,
    number: u64,
    /// Bytes that have come.
    taken: u64,
}

impl LineSplitter {
    /// At the start of a stream.
    pub(super) fn new() -> Self {
        Self { held: Vec::new(), is_cut: false, offset: 0, number: 1, taken: 0 }
    }

    /// Calls `see` for each line that `bytes` complete.
    pub(super) fn push(&mut self, bytes: &[u8], mut see: impl FnMut(StreamLine<'_>)) {
        let mut rest = bytes;
        while let Some(end) = memchr::memchr(b'\n', rest) {
            let (line, after) = rest.split_at(end);
            if self.held.is_empty() && line.len() <= Limits::SECRET_LINE_BYTES {
                see(StreamLine { bytes: trimmed(line), offset: self.offset, number: self.number, is_cut: false });
            } else {
                self.hold(line);
                self.tell(&mut see);
            }
            self.taken += end as u64 + 1;
            (self.offset, self.number) = (self.taken, self.number + 1);
            rest = after.get(1..).unwrap_or_default();
        }
        self.hold(rest);
        self.taken += rest.len() as u64;
    }

    /// Calls `see` for the last line, if nothing ended it.
    pub(super) fn finish(&mut self, mut see: impl FnMut(StreamLine<'_>)) {
        if !self.held.is_empty() {
            self.tell(&mut see);
        }
    }

    fn hold(&mut self, part: &[u8]) {
        let room = Limits::SECRET_LINE_BYTES.saturating_sub(self.held.len()).min(part.len());
        self.is_cut |= room < part.len();
        self.held.extend_from_slice(part.get(..room).unwrap_or_default());
    }

    fn tell(&mut self, see: &mut impl FnMut(StreamLine<'_>)) {
        let bytes = trimmed(&self.held);
        see(StreamLine { bytes, offset: self.offset, number: self.number, is_cut: self.is_cut });
        self.held.clear();
        self.is_cut = false;
    }
}

/// `line` without the carriage return at its end.
fn trimmed(line: &[u8]) -> &[u8] {
    line.strip_suffix(b"\r").unwrap_or(line)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn lines_are_the_same_whatever_the_chunks_and_have_a_bound() {
        let long = "x".repeat(Limits::SECRET_LINE_BYTES);
        let text = format!("a\r\n\nb\n{long}\n{long}y\nlast");
        let lines = |size: usize| {
            let mut splitter = LineSplitter::new();
            let mut lines = Vec::new();
            let mut see = |line: StreamLine<'_>| {
                lines.push((line.bytes.to_vec(), line.offset, line.number, line.is_cut));
            };
            text.as_bytes().chunks(size).for_each(|chunk| splitter.push(chunk, &mut see));
            splitter.finish(&mut see);
            lines
        };
        let whole = lines(usize::MAX);
        let cut: Vec<bool> = whole.iter().map(|line| line.3).collect();
        assert_eq!(cut, [false, false, false, false, true, false]);
        assert_eq!(whole[0].0, b"a");
        assert_eq!((whole[2].1, whole[2].2), (4, 3));
        assert!(whole.iter().all(|line| line.0.len() <= Limits::SECRET_LINE_BYTES));
        for size in [1, 7, 4096, 65_536] {
            assert!(lines(size) == whole, "{size}");
        }
    }
}
