//! [`ZstdWriter`]: zstd (RFC 8878), the same bytes whatever the number of threads.

use std::{
    io::{self, Write},
    num::NonZeroUsize,
};

use ::zstd::zstd_safe::{CCtx, CParameter, InBuffer, OutBuffer, zstd_sys::ZSTD_EndDirective};

use crate::report::{ErrorName, Failure};

/// Part of `format = 1`.
const LEVEL: i32 = 3;
/// Input that goes to libzstd in one call. Its blocks are cut by its own jobs, not by calls; whole pieces of one size
/// leave no room for doubt. Part of `format = 1`.
const PIECE_BYTES: usize = 1 << 20;
/// Bytes that libzstd writes at a time.
const OUT_BYTES: usize = 128 << 10;

/// Compresses what is written to it into one zstd frame that depends on the bytes alone.
///
/// libzstd works with at least one worker, whatever the machine has: without one it cuts its blocks elsewhere. Its jobs
/// have a size that follows from the level, so more workers give the same frame. Memory is about 20 MiB for each.
pub(super) struct ZstdWriter<W: Write> {
    out: W,
    context: CCtx<'static>,
    piece: Vec<u8>,
    room: Vec<u8>,
}

impl<W: Write> ZstdWriter<W> {
    /// Compresses with up to `jobs` threads beside the calling one.
    pub(super) fn new(out: W, jobs: NonZeroUsize) -> Result<Self, Failure> {
        let workers = u32::try_from(jobs.get()).unwrap_or(1);
        let failed =
            |code| Failure::error(ErrorName::Internal, format!("zstd: {}", ::zstd::zstd_safe::get_error_name(code)));
        let no_memory = || Failure::error(ErrorName::Resources, "zstd: there is not enough memory");
        let mut context = CCtx::try_create().ok_or_else(no_memory)?;
        for parameter in [
            CParameter::CompressionLevel(LEVEL),
            CParameter::NbWorkers(workers),
            // The blob's digest says more, and every reader checks it.
            CParameter::ChecksumFlag(false),
            CParameter::ContentSizeFlag(false),
        ] {
            context.set_parameter(parameter).map_err(failed)?;
        }
        Ok(Self { out, context, piece: Vec::with_capacity(PIECE_BYTES), room: vec![0; OUT_BYTES] })
    }

    /// Where the frame goes.
    pub(super) fn get_ref(&self) -> &W {
        &self.out
    }

    /// The writer again, after [`finish`](Self::finish).
    pub(super) fn into_inner(self) -> W {
        self.out
    }

    /// Compresses the rest and ends the frame.
    pub(super) fn finish(&mut self) -> io::Result<()> {
        self.compress(ZSTD_EndDirective::ZSTD_e_end)
    }

    /// Hands the piece over, and writes what comes back.
    fn compress(&mut self, directive: ZSTD_EndDirective) -> io::Result<()> {
        let failed = |code| io::Error::other(format!("zstd: {}", ::zstd::zstd_safe::get_error_name(code)));
        let mut input = InBuffer::around(&self.piece);
        loop {
            let mut output = OutBuffer::around(self.room.as_mut_slice());
            let left = self.context.compress_stream2(&mut output, &mut input, directive).map_err(failed)?;
            self.out.write_all(output.as_slice())?;
            let is_done = match directive {
                ZSTD_EndDirective::ZSTD_e_end => left == 0,
                _ => input.pos() == self.piece.len(),
            };
            if is_done {
                break;
            }
        }
        self.piece.clear();
        Ok(())
    }
}

impl<W: Write> Write for ZstdWriter<W> {
    fn write(&mut self, buf: &[u8]) -> io::Result<usize> {
        if self.piece.len() == PIECE_BYTES {
            self.compress(ZSTD_EndDirective::ZSTD_e_continue)?;
        }
        let taken = buf.len().min(PIECE_BYTES - self.piece.len());
        self.piece.extend_from_slice(buf.get(..taken).unwrap_or_default());
        Ok(taken)
    }

    /// Does nothing: a flush would end a block, and be in the bytes.
    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]

    use super::*;
    use crate::oci::Digest;

    /// Text and noise by turns, so that there is something to find and something not to.
    fn data(length: usize) -> Vec<u8> {
        let mut state = 7_u64;
        let mut bytes = Vec::with_capacity(length + 64);
        while bytes.len() < length {
            state = state.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
            match state >> 62 {
                0 => bytes.extend_from_slice(&state.to_le_bytes()),
                1 => bytes.extend_from_slice(b"the same words again and again, "),
                _ => bytes.extend_from_slice(format!("{:x} ", state >> 50).as_bytes()),
            }
        }
        bytes.truncate(length);
        bytes
    }

    fn compress(bytes: &[u8], jobs: usize, cut: usize) -> Vec<u8> {
        let mut writer = ZstdWriter::new(Vec::new(), NonZeroUsize::new(jobs).unwrap()).unwrap();
        for piece in bytes.chunks(cut) {
            writer.write_all(piece).unwrap();
            writer.flush().unwrap();
        }
        writer.finish().unwrap();
        writer.into_inner()
    }

    #[test]
    fn the_bytes_of_format_1_depend_on_the_bytes_alone() {
        let bytes = data(21 << 20);
        let frame = compress(&bytes, 1, 512);
        for (jobs, cut) in [(2, 8192), (5, 999_983), (16, 1 << 20), (2, bytes.len())] {
            assert!(compress(&bytes, jobs, cut) == frame, "{jobs} jobs, calls of {cut}");
        }
        assert_eq!(
            Digest::of(&frame).to_string(),
            "sha256:fa9ec5e7dbb8c023b684888de1df7d90e12a36f2441083ff2c702db3ee9dfe46"
        );
        assert!(::zstd::decode_all(frame.as_slice()).unwrap() == bytes);
    }

    #[test]
    fn nothing_is_a_frame_too() {
        let frame = compress(&[], 3, 1);
        assert!(::zstd::decode_all(frame.as_slice()).unwrap().is_empty());
    }
}
