//! One compressed block with the checksum of its input: what a worker makes.

use std::io;

use crate::Deflater;

/// Compresses blocks; one a worker.
#[derive(Debug)]
pub(super) struct Encoder {
    deflater: Deflater,
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
        Self { deflater: Deflater::new() }
    }

    /// Compresses `block` in place. `last` ends the stream; else a sync flush ends the block.
    ///
    /// It cannot fail; what stands in for it in a test can.
    #[allow(clippy::unnecessary_wraps)]
    pub(super) fn encode(&mut self, block: Vec<u8>, last: bool) -> io::Result<Encoded> {
        let mut checksum = crc32fast::Hasher::new();
        checksum.update(&block);
        Ok(Encoded { bytes: self.deflater.deflate(block, last), checksum })
    }
}
