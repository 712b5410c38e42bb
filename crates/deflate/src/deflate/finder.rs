//! Finds matches: earlier places in the block with the same bytes. The parser chooses among them.

use std::ops::Range;

use super::window::{FARTHEST, Window, zeros};

/// Rows: half as many as there are places in reach. Twice as many are a tenth of a per cent smaller and a little slower.
const ROW_BITS: u32 = 14;
/// Places in a row: as many as a word of 64 bits has room for. Three are 0.5 % larger and hardly faster.
const PLACES: usize = 4;
/// Places that are looked at when there is a match already. Four are 0.3 % smaller and 6 % slower.
const LATER_PLACES: usize = 2;
/// The shortest match that a row is asked for: positions share a row when so many bytes are the same.
const ROW_BYTES: usize = 5;
/// Entries of the table for three bytes; what is far away is not worth three bytes.
const THREE_BITS: u32 = 14;
/// A match of this length is taken without looking at the rest of the row.
const NICE: usize = 64;
/// Words that a look-up compares at most: three candidates shorter than [`NICE`], one of any length, one of three bytes.
#[cfg(test)]
pub(super) const MOST_WORDS: usize = (PLACES - 1) * (NICE / 8) + 34 + 1;

/// The same bytes, `distance` before; a length of 0 when there are none.
#[derive(Debug, Clone, Copy)]
pub(super) struct Match {
    pub(super) length: usize,
    pub(super) distance: usize,
}

impl Match {
    const NONE: Self = Self { length: 0, distance: 1 };
}

/// What the tables hold for the next position. They are read one position ahead, because that takes longer than all
/// else that is done for a position: meanwhile there is something to do.
#[derive(Clone, Copy)]
pub(super) struct Ahead {
    row: usize,
    places: u64,
    three: usize,
    newest: u16,
}

/// See [`super`] for why nothing in the tables is ever wrong.
pub(super) struct Finder {
    /// By hash of five bytes: four places of 16 bits, the newest one lowest.
    rows: Box<[u64; 1 << ROW_BITS]>,
    /// By hash of three bytes: the newest place.
    threes: Box<[u16; 1 << THREE_BITS]>,
    /// Words compared.
    #[cfg(test)]
    pub(super) work: usize,
}

impl Finder {
    pub(super) fn new() -> Self {
        Self {
            rows: zeros(0),
            threes: zeros(0),
            #[cfg(test)]
            work: 0,
        }
    }

    pub(super) fn clear(&mut self) {
        self.rows.fill(0);
        self.threes.fill(0);
        #[cfg(test)]
        {
            self.work = 0;
        }
    }

    /// What stands at `at`, to begin there.
    #[inline(always)]
    pub(super) fn ahead(&self, window: &Window, at: usize) -> Ahead {
        self.read(window.word(at))
    }

    #[inline(always)]
    fn read(&self, word: u64) -> Ahead {
        let (row, three) = homes(word);
        Ahead { row, places: self.rows[row], three, newest: self.threes[three] }
    }

    /// Remembers the place, tells what was known before, and looks ahead.
    #[inline(always)]
    fn swap(&mut self, word: u64, at: usize, ahead: &mut Ahead) -> (u64, u16) {
        let Ahead { row, places, three, newest } = *ahead;
        self.rows[row & ((1 << ROW_BITS) - 1)] = places << 16 | (at & 0xffff) as u64;
        self.threes[three & ((1 << THREE_BITS) - 1)] = at as u16;
        // Written before this is read: the next position can have the same row.
        *ahead = self.read(word >> 8);
        (places, newest)
    }

    /// Remembers places, and looks ahead to the one behind them. Where nobody asks, nothing is read ahead: without it, no
    /// place waits for the one before.
    #[inline(always)]
    pub(super) fn insert(&mut self, window: &Window, places: Range<usize>, ahead: &mut Ahead) {
        let next = places.end;
        for at in places {
            let (row, three) = homes(window.word(at));
            self.rows[row] = self.rows[row] << 16 | (at & 0xffff) as u64;
            self.threes[three] = at as u16;
        }
        *ahead = self.ahead(window, next);
    }

    /// The longest match at a place above 0, which may reach into the zeros behind the block; the nearest of equals.
    /// Remembers the place.
    #[inline(always)]
    pub(super) fn find(&mut self, window: &Window, at: usize, ahead: &mut Ahead) -> Match {
        let word = window.word(at);
        let (places, newest) = self.swap(word, at, ahead);
        let distance = distance(at, u64::from(newest));
        self.count(1);
        let same = (window.word(at - distance) ^ word).trailing_zeros() as usize / 8;
        // Of three or four bytes; what is longer is in the row, too.
        let best = if same < 3 { Match::NONE } else { Match { length: same, distance } };
        self.longest::<PLACES>(window, at, places, best, (best.length + 1).max(ROW_BYTES))
    }

    /// Like [`find`](Self::find), but only what is no shorter than `least`, and with half the effort.
    #[inline(always)]
    pub(super) fn find_later(&mut self, window: &Window, at: usize, ahead: &mut Ahead, least: usize) -> Match {
        let (places, _) = self.swap(window.word(at), at, ahead);
        self.longest::<LATER_PLACES>(window, at, places, Match::NONE, least.max(ROW_BYTES))
    }

    /// The longest match in the first places of a row that is no shorter than `least`, else `best`.
    #[inline(always)]
    fn longest<const COUNT: usize>(
        &mut self,
        window: &Window,
        at: usize,
        mut places: u64,
        mut best: Match,
        mut least: usize,
    ) -> Match {
        let word = window.word(at);
        for _ in 0..COUNT {
            let distance = distance(at, places);
            places >>= 16;
            let differ = window.word(at - distance) ^ word;
            self.count(1);
            // One question, mostly with the same answer: a processor guesses it. Were the length found first and
            // compared then, it would be two, and a tenth slower.
            if differ << (64 - 8 * least.min(8)) != 0 {
                continue;
            }
            let length = match differ.trailing_zeros() / 8 {
                8 => window.common(at, at - distance),
                bytes => bytes as usize,
            };
            self.count(length / 8);
            if length >= least {
                best = Match { length, distance };
                least = length + 1;
                if length >= NICE {
                    break;
                }
            }
        }
        best
    }

    #[cfg(test)]
    fn count(&mut self, words: usize) {
        self.work += words;
    }

    #[cfg(not(test))]
    #[inline(always)]
    #[allow(clippy::unused_self)]
    fn count(&self, _: usize) {}
}

/// From the lowest 16 bits of a place to one above it: 1 to 32,768, and never more than `at`.
#[inline(always)]
fn distance(at: usize, place: u64) -> usize {
    ((at as u64).wrapping_sub(place).wrapping_sub(1) as usize & (FARTHEST - 1)) + 1
}

/// The row and the entry for three bytes of a place, by its bytes. Shifted, those behind the ones that count have no say.
#[inline(always)]
fn homes(word: u64) -> (usize, usize) {
    (hash(word << (64 - 8 * ROW_BYTES), ROW_BITS), hash(word << (64 - 8 * 3), THREE_BITS))
}

/// Multiplicative hashing with a prime near 2^64 divided by the golden ratio (Knuth, 6.4; the prime is xxHash's).
#[inline(always)]
fn hash(bytes: u64, bits: u32) -> usize {
    (bytes.wrapping_mul(0x9e37_79b1_85eb_ca87) >> (64 - bits)) as usize
}
