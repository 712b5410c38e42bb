//! One block of raw deflate.

use std::io;

use zlib_rs::{Deflate, DeflateError, DeflateFlush, Status};

use crate::report::Limits;

/// zlib's default. Part of `format = 1`.
const LEVEL: i32 = 6;
/// The largest window that deflate has, 32 KiB. Part of `format = 1`.
const WINDOW_BITS: u8 = 15;
/// Room for a block that does not compress: level 6 stores it with 5 bytes for each 16 KiB or more. The stream
/// must not depend on how often the encoder had to stop for room, so there is more than it can need.
const ROOM_BYTES: usize = Limits::GZIP_BLOCK_BYTES + Limits::GZIP_BLOCK_BYTES / 16;

/// A block and the room to compress it in; one a worker.
#[derive(Debug)]
pub(super) struct Encoder {
    room: Vec<u8>,
}

/// A compressed block.
#[derive(Debug)]
pub(super) struct Encoded {
    /// Raw deflate, ending at a byte border.
    pub(super) bytes: Vec<u8>,
    /// Checksum and length of what was compressed.
    pub(super) checksum: crc32fast::Hasher,
}

impl Encoder {
    pub(super) fn new() -> Self {
        Self::with_room(ROOM_BYTES)
    }

    /// With less room than a block may need the stream is still right, but may not be that of `format = 1`.
    pub(super) fn with_room(bytes: usize) -> Self {
        Self { room: vec![0; bytes] }
    }

    /// Bytes of room: more than at first when a block did not fit.
    #[cfg(test)]
    pub(super) fn room(&self) -> usize {
        self.room.len()
    }

    /// Compresses `block` in place. `last` ends the stream; else a sync flush ends the block.
    ///
    /// The state is a fresh one and sees the whole block in one call: zlib-rs gives other bytes when its input
    /// comes in other pieces, and a state that was reset is not always like a new one.
    pub(super) fn encode(&mut self, mut block: Vec<u8>, last: bool) -> io::Result<Encoded> {
        let mut checksum = crc32fast::Hasher::new();
        checksum.update(&block);
        let length = self.deflate(&block, if last { DeflateFlush::Finish } else { DeflateFlush::SyncFlush })?;
        block.clear();
        block.extend_from_slice(self.room.get(..length).unwrap_or_default());
        Ok(Encoded { bytes: block, checksum })
    }

    /// Leaves the stream at the start of the room and tells its length.
    fn deflate(&mut self, block: &[u8], flush: DeflateFlush) -> io::Result<usize> {
        let mut state = Deflate::new(LEVEL, false, WINDOW_BITS);
        loop {
            let (read, written) = (place(state.total_in())?, place(state.total_out())?);
            let rest = block.get(read..).unwrap_or_default();
            let room = self.room.get_mut(written..).unwrap_or_default();
            let status = state.compress(rest, room, flush).map_err(failed)?;
            let written_now = place(state.total_out())?;
            // zlib: a flush is complete when room is left, a stream when it says so.
            let complete = match flush {
                DeflateFlush::Finish => status == Status::StreamEnd,
                _ => place(state.total_in())? == block.len() && written_now < self.room.len(),
            };
            if complete {
                return Ok(written_now);
            }
            self.room.resize(self.room.len() + ROOM_BYTES, 0);
        }
    }
}

/// A count of zlib-rs as an index.
fn place(count: u64) -> io::Result<usize> {
    usize::try_from(count).map_err(io::Error::other)
}

fn failed(error: DeflateError) -> io::Error {
    io::Error::other(format!("deflate: {}", error.as_str()))
}
