//! Writes bits into bytes, the first bit lowest (RFC 1951, 3.1.1).

use super::{GROWTH, window::BLOCK};

/// Bits on their way into a buffer that is longer than what they need.
#[derive(Debug)]
pub(super) struct Bits {
    out: Vec<u8>,
    place: Place,
}

/// Where the next bit goes.
#[derive(Debug, Clone, Copy, Default)]
pub(super) struct Place {
    /// Whole bytes that are written.
    at: usize,
    /// Bits that are not written yet, the first one lowest.
    waiting: u64,
    count: u32,
}

/// [`Bits`] while many are written: its place is in variables of the loop, which a processor keeps in registers. In
/// memory, beside a buffer that may grow, each word would wait until the one before is stored.
pub(super) struct Queue<'b> {
    out: &'b mut [u8],
    place: Place,
}

impl Bits {
    /// Writes over what `room` has.
    pub(super) fn new(mut room: Vec<u8>) -> Self {
        let most = room.len().min(BLOCK) + GROWTH;
        room.reserve_exact(most.saturating_sub(room.len()));
        room.resize(most, 0);
        Self { out: room, place: Place::default() }
    }

    /// Makes room for so many bits, which go into the queue. Where that ends is told to [`end`](Self::end).
    #[inline(always)]
    pub(super) fn begin(&mut self, bits: u32) -> Queue<'_> {
        // All that is left of a word is written with it, and the last one is not whole.
        let most = self.place.at + (bits / 8) as usize + 2 * size_of::<u64>();
        if self.out.len() < most {
            self.out.resize(most, 0);
        }
        Queue { out: &mut self.out, place: self.place }
    }

    /// Goes on from there.
    #[inline(always)]
    pub(super) fn end(&mut self, place: Place) {
        self.place = place;
    }

    /// Up to 32 bits.
    pub(super) fn put(&mut self, bits: u32, count: u32) {
        let mut queue = self.begin(count);
        queue.bits(bits, count);
        let place = queue.end();
        self.end(place);
    }

    /// Zeros up to the next byte.
    pub(super) fn align(&mut self) {
        self.put(0, self.place.count.next_multiple_of(8) - self.place.count);
    }

    /// Whole bytes, at a byte border.
    pub(super) fn copy(&mut self, bytes: &[u8]) {
        let (from, to) = (self.place.at, self.place.at + bytes.len());
        if self.out.len() < to {
            self.out.resize(to, 0);
        }
        self.out[from..to].copy_from_slice(bytes);
        self.place.at = to;
    }

    /// The bytes, once aligned.
    pub(super) fn finish(mut self) -> Vec<u8> {
        self.out.truncate(self.place.at);
        self.out
    }
}

/// Bits and their number, as one.
#[derive(Clone, Copy, Default)]
pub(super) struct Entry(u32);

/// Bits of an entry, at most; above them is their number.
const ENTRY_BITS: u32 = 24;

impl Queue<'_> {
    /// Puts an entry into the queue, which holds 56 bits between two calls of [`flush`](Self::flush).
    #[inline(always)]
    pub(super) fn entry(&mut self, entry: Entry) {
        self.bits(entry.0 & ((1 << ENTRY_BITS) - 1), entry.0 >> ENTRY_BITS);
    }

    /// The same with `count` bits. Bits above them are 0.
    #[inline(always)]
    pub(super) fn bits(&mut self, bits: u32, count: u32) {
        self.place.waiting |= u64::from(bits) << self.place.count;
        self.place.count += count;
    }

    /// Leaves less than a byte in the queue, and says where that is.
    #[inline(always)]
    pub(super) fn end(mut self) -> Place {
        self.flush();
        self.place
    }

    /// Leaves less than a byte in the queue. All eight bytes are written, those that are not whole again and again:
    /// to ask how many are would take longer.
    #[inline(always)]
    pub(super) fn flush(&mut self) {
        let place = &mut self.place;
        self.out[place.at..place.at + size_of::<u64>()].copy_from_slice(&place.waiting.to_le_bytes());
        place.at += (place.count / 8) as usize;
        place.waiting >>= place.count & 0b11_1000;
        place.count &= 7;
    }
}

impl Entry {
    /// Up to [`ENTRY_BITS`] bits. Those above `count` are 0.
    pub(super) fn new(bits: u32, count: u32) -> Self {
        Self(bits | count << ENTRY_BITS)
    }

    /// The entry, or none of its bits.
    #[inline(always)]
    pub(super) fn masked(self, mask: u32) -> Self {
        Self(self.0 & mask)
    }
}
