//! What passes between us and an engine.

use std::io::{self, Read, Write};

use crate::report::Task;

/// Tells a task how much has passed.
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
