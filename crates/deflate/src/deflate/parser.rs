//! Cuts a block into literals and matches, and counts the symbols that they need.

use super::{
    finder::{Ahead, Finder, Match},
    symbols::{self, END, LENGTH_SYMBOL},
    tokens::{Chunk, Counts, Token, Tokens},
    window::{LONGEST, Window},
    worth::Worth,
};

/// A match of this length is taken without a look at the next position.
const LAZY: usize = 16;
/// Symbols of a chunk: enough for counts that mean something, and a block has 257 chunks at most.
const CHUNK: usize = 4096;
/// After so many literals in a row (a power of two) the next look-up is one byte farther away, and so on.
const STRIDE_BITS: u32 = 7;
/// Bytes between two look-ups, at most.
const LONGEST_STRIDE: usize = 8;

/// The literals and matches of a block.
pub(super) struct Parser {
    finder: Finder,
    pub(super) tokens: Tokens,
    pub(super) chunks: Vec<Chunk>,
}

/// A place in the block, and what is not written down yet.
struct Cursor {
    at: usize,
    /// Where the run of literals before `at` begins.
    run: usize,
    symbols: usize,
    counts: Counts,
}

impl Parser {
    pub(super) fn new() -> Self {
        Self { finder: Finder::new(), tokens: Tokens::new(), chunks: Vec::new() }
    }

    /// Parses the whole block, from empty tables.
    pub(super) fn parse(&mut self, window: &Window) {
        self.finder.clear();
        self.tokens.clear();
        self.chunks.clear();
        let mut at = 0;
        let mut worth = Worth::UNKNOWN;
        while at < window.len() {
            let chunk = self.chunk(window, at, &worth);
            at = chunk.end;
            worth = Worth::after(&chunk.counts);
            self.chunks.push(chunk);
        }
    }

    /// Parses from `from` until there are [`CHUNK`] symbols, or a few more.
    fn chunk(&mut self, window: &Window, from: usize, worth: &Worth) -> Chunk {
        let mut cursor = Cursor { at: from, run: from, symbols: 0, counts: Counts::NONE };
        let mut ahead = self.finder.ahead(window, from);
        let mut missed = 0;
        if from == 0 {
            // Nothing stands before the first byte.
            self.finder.insert(window, 0..1, &mut ahead);
            cursor.literal(window);
        }
        while cursor.at < window.len() && cursor.symbols < CHUNK {
            let found = ends_inside(window, cursor.at, self.finder.find(window, cursor.at, &mut ahead));
            if worth.refuses(found) {
                cursor.literal(window);
                missed += 1;
                if missed > 1 << STRIDE_BITS {
                    let more = ((missed - 1) >> STRIDE_BITS).min(LONGEST_STRIDE - 1).min(window.len() - cursor.at);
                    missed += more;
                    (0..more).for_each(|_| cursor.literal(window));
                    ahead = self.finder.ahead(window, cursor.at);
                }
                continue;
            }
            missed = 0;
            let (found, known) = self.defer(window, &mut cursor, &mut ahead, found);
            let end = cursor.at + found.length;
            self.finder.insert(window, known..end, &mut ahead);
            cursor.take(found, &mut self.tokens);
        }
        cursor.end(&mut self.tokens);
        cursor.counts.litlens[END] = 1;
        Chunk { counts: cursor.counts, tokens: self.tokens.len(), end: cursor.at }
    }

    /// Steps to the next position for as long as a clearly better match is there. Tells also where places begin that
    /// the finder does not know.
    #[inline(always)]
    fn defer(&mut self, window: &Window, cursor: &mut Cursor, ahead: &mut Ahead, mut found: Match) -> (Match, usize) {
        let mut next = cursor.at + 1;
        while found.length < LAZY && next < window.len() {
            let later = self.finder.find_later(window, next, ahead, found.length);
            let later = ends_inside(window, next, later);
            next += 1;
            // libdeflate's rule: a byte more is worth four bits of distance, and the literal costs something.
            let gain = 4 * later.length as u32 + found.distance.ilog2();
            if later.length < 3 || gain <= 4 * found.length as u32 + later.distance.ilog2() + 2 {
                break;
            }
            cursor.literal(window);
            found = later;
        }
        (found, next)
    }

    #[cfg(test)]
    pub(super) fn work(&self) -> usize {
        self.finder.work
    }
}

/// As much of the match as the block has.
#[inline(always)]
fn ends_inside(window: &Window, at: usize, found: Match) -> Match {
    Match { length: found.length.min(LONGEST).min(window.len() - at), ..found }
}

impl Cursor {
    #[inline(always)]
    fn literal(&mut self, window: &Window) {
        self.counts.litlens[usize::from(window.byte(self.at))] += 1;
        self.symbols += 1;
        self.at += 1;
    }

    #[inline(always)]
    fn take(&mut self, found: Match, tokens: &mut Tokens) {
        if self.at - self.run > Token::RUN {
            self.shorten(tokens);
        }
        tokens.push(Token::new(self.at - self.run, found.length, found.distance - 1));
        self.counts.litlens[usize::from(LENGTH_SYMBOL[found.length & 0x1ff] & 0x1ff)] += 1;
        self.counts.distances[symbols::distance(found.distance as u32 - 1).0 & 31] += 1;
        self.symbols += 1;
        self.at += found.length;
        self.run = self.at;
    }

    /// Ends the run of literals without a match.
    fn end(&mut self, tokens: &mut Tokens) {
        self.shorten(tokens);
        if self.at > self.run {
            tokens.push(Token::new(self.at - self.run, 0, 0));
            self.run = self.at;
        }
    }

    /// Leaves no more of a long run than one token has room for.
    #[cold]
    fn shorten(&mut self, tokens: &mut Tokens) {
        while self.at - self.run > Token::RUN {
            tokens.push(Token::new(Token::RUN, 0, 0));
            self.run += Token::RUN;
        }
    }
}
