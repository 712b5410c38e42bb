//! gzip (RFC 1952): one member that several threads compress, with the same bytes for any number of them.

mod block;
#[cfg(test)]
mod tests;
mod workers;

use std::{
    cell::RefCell,
    io::{self, Write},
    num::NonZeroUsize,
};

use self::{
    block::{Encoded, Encoder},
    workers::{Encode, Workers},
};
use crate::BLOCK_BYTES;

/// Compresses what is written to it into one gzip member (RFC 1952) that depends on the bytes alone: not on the
/// number of threads, not on how the bytes were cut into calls, not on the machine.
///
/// The input is cut into blocks of [`BLOCK_BYTES`]; each is compressed for itself by a worker and ends
/// with a sync flush, the last one with the end of the stream. A member that was not ended with
/// [`finish`](Self::finish) is incomplete; after an error every call fails.
///
/// A member of one block is compressed by the calling thread: to start another one takes longer than a small block.
///
/// Memory is about 6 MiB for each thread.
pub struct GzipWriter<W: Write> {
    out: W,
    workers: Workers,
    /// Input that no worker has yet. A full block stays here until it is known whether it is the last one.
    block: Vec<u8>,
    /// Blocks that came back, to be filled again.
    spare: Vec<u8>,
    /// Of all input whose output was written.
    checksum: crc32fast::Hasher,
    state: State,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum State {
    /// The header is not written yet.
    New,
    /// Between header and trailer.
    Open,
    /// The trailer is written.
    Finished,
    /// A call failed: what `out` has is not a prefix of anything.
    Broken,
}

thread_local! {
    /// For members of one block: its tables are made once for all members that this thread writes.
    static OWN: RefCell<Encoder> = RefCell::new(Encoder::new());
}

/// No flags, no time, no hint about the level, unknown system: nothing here tells where or when.
const HEADER: [u8; 10] = [0x1f, 0x8b, 8, 0, 0, 0, 0, 0, 0, 255];

impl<W: Write> GzipWriter<W> {
    /// Compresses with up to `jobs` threads beside the calling one; a thread starts when there is a block for it.
    pub fn new(out: W, jobs: NonZeroUsize) -> Self {
        Self::with(out, jobs, Encoder::encode)
    }

    fn with(out: W, jobs: NonZeroUsize, encode: Encode) -> Self {
        Self {
            out,
            workers: Workers::new(jobs, encode),
            block: Vec::new(),
            spare: Vec::new(),
            checksum: crc32fast::Hasher::new(),
            state: State::New,
        }
    }

    /// Ends the member. Whatever is written afterwards is an error.
    pub fn finish(&mut self) -> io::Result<()> {
        self.attempt(|this| {
            this.send(true)?;
            while let Some(encoded) = this.workers.take() {
                this.emit(encoded?)?;
            }
            this.out.write_all(&this.checksum.clone().finalize().to_le_bytes())?;
            // ISIZE is the length modulo 2^32 (RFC 1952, 2.3.1).
            let length = this.checksum.total_len() & u64::from(u32::MAX);
            this.out.write_all(&length.to_le_bytes()[..4])?;
            this.out.flush()?;
            this.state = State::Finished;
            Ok(())
        })
    }

    /// What is written to.
    pub fn get_ref(&self) -> &W {
        &self.out
    }

    /// Gives the writer back, whatever it has by now.
    pub fn into_inner(self) -> W {
        self.out
    }

    /// Does `step`, once nothing failed before and the member is not ended.
    fn attempt<T>(&mut self, step: impl FnOnce(&mut Self) -> io::Result<T>) -> io::Result<T> {
        match self.state {
            State::New | State::Open => {}
            State::Finished => return Err(io::Error::other("the gzip member is ended")),
            State::Broken => return Err(io::Error::other("an earlier write failed")),
        }
        let done = step(self);
        if done.is_err() {
            self.state = State::Broken;
        }
        done
    }

    /// Hands the current block to a worker.
    fn send(&mut self, last: bool) -> io::Result<()> {
        if self.workers.is_full()
            && let Some(encoded) = self.workers.take()
        {
            self.emit(encoded?)?;
        }
        let block = std::mem::replace(&mut self.block, std::mem::take(&mut self.spare));
        if last && self.workers.is_idle() {
            let encoded = OWN.with_borrow_mut(|encoder| self.workers.encode_here(encoder, block))?;
            return self.emit(encoded);
        }
        self.workers.send(block, last)
    }

    /// Writes a block that came back.
    fn emit(&mut self, encoded: Encoded) -> io::Result<()> {
        if self.state == State::New {
            self.out.write_all(&HEADER)?;
            self.state = State::Open;
        }
        self.out.write_all(&encoded.bytes)?;
        self.checksum.combine(&encoded.checksum);
        self.spare = encoded.bytes;
        self.spare.clear();
        Ok(())
    }
}

impl<W: Write> Write for GzipWriter<W> {
    fn write(&mut self, buf: &[u8]) -> io::Result<usize> {
        self.attempt(|this| {
            // An empty write says nothing about whether more comes: it must not end a full block.
            if !buf.is_empty() && this.block.len() == BLOCK_BYTES {
                this.send(false)?;
            }
            let room = BLOCK_BYTES.saturating_sub(this.block.len());
            let taken = buf.get(..room).unwrap_or(buf);
            this.block.extend_from_slice(taken);
            Ok(taken.len())
        })
    }

    /// Does nothing: a flush in the middle of a block would move every byte behind it.
    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}
