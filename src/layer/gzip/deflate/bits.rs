//! Bits become bytes, the first bit lowest (RFC 1951, 3.1.1).

use super::{GROWTH, window::BLOCK};

/// Bits on their way into a buffer that is longer than what they need.
#[derive(Debug)]
pub(super) struct Bits {
    out: Vec<u8>,
    /// Whole bytes in `out`.
    at: usize,
    /// Bits that are not in `out` yet, the first one lowest.
    waiting: u64,
    count: u32,
}

impl Bits {
    /// Writes over what `room` has.
    pub(super) fn new(mut room: Vec<u8>) -> Self {
        let most = room.len().min(BLOCK) + GROWTH;
        room.reserve_exact(most.saturating_sub(room.len()));
        room.resize(most, 0);
        Self { out: room, at: 0, waiting: 0, count: 0 }
    }

    /// Puts `count` bits into the queue, which holds 56 between two calls of [`flush`](Self::flush). Bits above them
    /// are 0.
    #[inline(always)]
    pub(super) fn queue(&mut self, bits: u32, count: u32) {
        self.waiting |= u64::from(bits) << self.count;
        self.count += count;
    }

    /// Leaves less than a byte in the queue. All eight bytes are written, those that are not whole again and again:
    /// to ask how many are would take longer.
    #[inline(always)]
    pub(super) fn flush(&mut self) {
        let Some(out) = self.out.get_mut(self.at..self.at + 8) else { return self.grow() };
        out.copy_from_slice(&self.waiting.to_le_bytes());
        self.at += (self.count / 8) as usize;
        self.waiting >>= self.count & 0b11_1000;
        self.count &= 7;
    }

    /// Does not happen, as far as we know; the bytes would be the same.
    #[cold]
    fn grow(&mut self) {
        self.out.resize(self.at + BLOCK, 0);
        self.flush();
    }

    /// Up to 32 bits.
    pub(super) fn put(&mut self, bits: u32, count: u32) {
        self.queue(bits, count);
        self.flush();
    }

    /// Zeros up to the next byte.
    pub(super) fn align(&mut self) {
        self.count = self.count.next_multiple_of(8);
        self.flush();
    }

    /// Whole bytes, at a byte border.
    pub(super) fn copy(&mut self, bytes: &[u8]) {
        if self.out.len() < self.at + bytes.len() {
            self.out.resize(self.at + bytes.len(), 0);
        }
        self.out[self.at..self.at + bytes.len()].copy_from_slice(bytes);
        self.at += bytes.len();
    }

    /// The bytes, once aligned.
    pub(super) fn finish(mut self) -> Vec<u8> {
        self.out.truncate(self.at);
        self.out
    }
}
