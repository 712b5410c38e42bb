//! Counts the bytes that go to an engine, and bounds what is read from one.

use std::io::{self, Read, Write};

use crate::report::Task;

/// Reports the bytes that pass to a task.
pub(super) struct ProgressWriter<'a, W> {
    pub(super) out: W,
    pub(super) task: &'a dyn Task,
}

impl<W: Write> Write for ProgressWriter<'_, W> {
    fn write(&mut self, buf: &[u8]) -> io::Result<usize> {
        let taken = self.out.write(buf)?;
        self.task.advance(taken as u64);
        Ok(taken)
    }

    fn flush(&mut self) -> io::Result<()> {
        self.out.flush()
    }
}

/// At most `limit` bytes of what an engine says, as text.
pub(super) fn read_limited_text(reader: impl Read, limit: u64) -> io::Result<String> {
    let mut bytes = Vec::new();
    reader.take(limit).read_to_end(&mut bytes)?;
    Ok(String::from_utf8_lossy(&bytes).into_owned())
}
