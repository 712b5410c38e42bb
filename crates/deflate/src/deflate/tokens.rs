//! What the parser gives to the writer: literals and matches as tokens, and how often each symbol is used.

use super::window::{BLOCK, zeros};

/// A run of up to [`Token::RUN`] literals and then a match, or none where its length is 0. In 32 bits: run (8), length
/// (9), distance less one (15). The literals themselves are in the window.
#[derive(Debug, Clone, Copy)]
pub(super) struct Token(u32);

impl Token {
    /// The longest run of literals that a token has.
    pub(super) const RUN: usize = 255;

    #[inline(always)]
    pub(super) fn new(run: usize, length: usize, less_one: usize) -> Self {
        Self((run << 24 | length << 15 | less_one) as u32)
    }

    #[inline(always)]
    pub(super) fn run(self) -> usize {
        (self.0 >> 24) as usize
    }

    #[inline(always)]
    pub(super) fn length(self) -> usize {
        (self.0 >> 15 & 0x1ff) as usize
    }

    #[inline(always)]
    pub(super) fn distance_less_one(self) -> u32 {
        self.0 & 0x7fff
    }
}

/// More than a block can have: a match takes three bytes, a run without one [`Token::RUN`], or ends a chunk.
const TOKENS: usize = BLOCK / 2;

/// The tokens of a block, in order.
pub(super) struct Tokens {
    list: Box<[Token; TOKENS]>,
    count: usize,
}

impl Tokens {
    pub(super) fn new() -> Self {
        // Pages that no block needs are never touched, so the system never gives them.
        Self { list: zeros(Token(0)), count: 0 }
    }

    pub(super) fn clear(&mut self) {
        self.count = 0;
    }

    pub(super) fn len(&self) -> usize {
        self.count
    }

    #[inline(always)]
    pub(super) fn push(&mut self, token: Token) {
        self.list[self.count & (TOKENS - 1)] = token;
        self.count += 1;
    }

    pub(super) fn part(&self, from: usize, to: usize) -> &[Token] {
        &self.list[from..to]
    }
}

/// How often each symbol is used; longer than there are symbols, so that masked indexes need no check.
#[derive(Debug, Clone)]
pub(super) struct Counts {
    pub(super) litlens: [u32; 512],
    pub(super) distances: [u32; 32],
}

impl Counts {
    pub(super) const NONE: Self = Self { litlens: [0; 512], distances: [0; 32] };
}

/// A piece of the block that is counted for itself.
#[derive(Debug)]
pub(super) struct Chunk {
    pub(super) counts: Counts,
    /// Where it ends in the tokens.
    pub(super) tokens: usize,
    /// Where it ends in the window.
    pub(super) end: usize,
}
