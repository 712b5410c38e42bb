//! Raw deflate (RFC 1951) of one block, in safe Rust, with bytes that depend on nothing but the block.
//!
//! # How deflate works, and where to read it here
//!
//! DEFLATE writes data as two kinds of tokens: a *literal* is one byte; a *match* says "again the `length` bytes that
//! stood `distance` bytes before", with a length of 3 to 258 and a distance of 1 to 32,768 ([`symbols`]). A stream is
//! cut into blocks. Each block has two Huffman codes of its own, so that symbols that are frequent in it are short, or its
//! bytes are *stored* as they are. An encoder decides three things, and its quality depends on them:
//!
//! 1. **Which matches it finds** ([`finder`]). The places of the last four positions whose next five bytes have
//!    the same hash stand side by side in one 64-bit word, newest first. To add a place is a shift by sixteen bits;
//!    to look is four loads that do not wait for each other, where a chain (zlib, libdeflate) must read one place to
//!    learn the next. A second table knows the last place with the same three bytes, and so finds the short matches.
//!    Both are read one position ahead, because waiting for memory is what finding costs.
//! 2. **Which matches it takes** ([`parser`]). It is lazy, as zlib is: before a match is taken, the next position is
//!    looked at, and a clearly better match there wins, judged by libdeflate's rule. A match must also be cheaper than
//!    its literals, at what a literal cost lately ([`worth`]).
//! 3. **Where blocks begin** ([`split`]). Symbols are counted in chunks. Neighbours are joined for as long as that
//!    saves: one set of codes less to write down, against codes that fit less well, both from the entropy of the
//!    counts ([`entropy`]).
//!
//! The rest leaves little to decide: the optimal prefix codes ([`code`]), their description at the head of a block
//! ([`header`]), the bits ([`bits`]), and the writer of blocks ([`mod@write`]), which takes for each block the shortest of
//! the three forms that RFC 1951 has.
//!
//! # No table is ever swept
//!
//! The tables hold places as 16 bits and are never cleaned while a block is compressed. A place is read back as
//! *distance modulo 32,768*, which is a distance that deflate can say, and which never points before the start of the
//! block: the place was below the current one, and taking the modulus makes a distance shorter, never longer. So an
//! old entry is not wrong, only useless: whether it is a match is decided by comparing the bytes, and nothing else.
//! For the same reason an empty entry is simply the place 0.
//!
//! # What it costs, at most
//!
//! Each position is looked up at most once, and a look-up compares at most 59 pairs of words (`finder::MOST_WORDS`),
//! so no block takes more than that for each of its bytes. It is a count and not a clock; a test holds the worst inputs
//! we know to eight. By the clock, no input takes more than **twice the time of programs** of the same length: of 180
//! kinds of blocks made to be slow (alphabets, periods, counters, phrases that differ late, copies at the far end of
//! the window, changing statistics) the slowest took 1.5 times as long, three bytes that repeat and one that does not.
//! hardpan's `cargo bench --bench layer` measures the worst ones again. In data that does not compress, look-ups become
//! rarer, and it is stored: it grows by 5 bytes for each 65,535, and a block of 1 MiB never by more than [`GROWTH`].
//!
//! # Same bytes everywhere
//!
//! A block is compressed from an empty state in one call. Only integers are used, of which none that reaches the
//! bytes depends on the width of `usize`; sorts have no equal keys; nothing asks what the processor can do.
//!
//! How fast it is, how small its output is, and which decoders read it back is in the README of this crate.
//!
//! # Credit
//!
//! Lazy matching and the tables of lengths and distances are zlib's (Jean-loup Gailly, Mark Adler), after Phil Katz.
//! The rule between two matches, the short codes that stay within their limit, and many a trick of bit writing are
//! libdeflate's (Eric Biggers). Joining neighbours by their estimated cost follows zopfli (Lode Vandevenne, Jyrki
//! Alakuijala) and brotli. Rows in place of chains are known from zstd (Yann Collet, Nick Terrell) and from LZ4's and
//! LZRW's ancestors. To read a table before it is needed is libdeflate's idea, too, and the multiplier is xxHash's (Yann
//! Collet). Building the code from two queues is van Leeuwen's.

// Bounded by the size of a block, each of these casts is exact; checked ones would double the length of every line.
#![allow(clippy::cast_possible_truncation)]
// Not a taste: outlined, the look-up costs a third of the speed.
#![allow(clippy::inline_always)]

mod bits;
mod code;
mod entropy;
mod finder;
mod header;
mod parser;
mod split;
mod symbols;
#[cfg(test)]
mod tests;
mod tokens;
mod window;
mod worth;
mod write;

use std::fmt;

use self::{bits::Bits, parser::Parser, window::Window};
use crate::BLOCK_BYTES;

/// Bytes by which a block can grow: five for each border of a stored block and each join of two chunks.
const GROWTH: usize = 2048;

/// Compresses blocks to raw DEFLATE (RFC 1951), each for itself: no block leaves a trace in the next.
///
/// It is made of tables of about 3.5 MiB, which are worth keeping for the next block. [`GzipWriter`](crate::GzipWriter) has
/// one for each thread.
pub struct Deflater {
    window: Window,
    parser: Parser,
}

impl Deflater {
    /// Makes the tables.
    pub fn new() -> Self {
        Self { window: Window::new(), parser: Parser::new() }
    }

    /// Compresses `bytes`. With `last` the output ends the stream. Else it ends at a byte border with a sync flush, so
    /// that the output of the next call may follow it.
    ///
    /// What is longer than [`BLOCK_BYTES`] is cut into blocks of this length, with a sync flush between two of them. A
    /// block is compressed in the memory of its input, and grows by ten bytes and five for each 65,535 at most.
    pub fn deflate(&mut self, bytes: Vec<u8>, last: bool) -> Vec<u8> {
        if bytes.len() <= BLOCK_BYTES {
            return self.block(bytes, last);
        }
        let mut out = Vec::new();
        let mut blocks = bytes.chunks(BLOCK_BYTES).peekable();
        while let Some(block) = blocks.next() {
            out.append(&mut self.block(block.to_vec(), last && blocks.peek().is_none()));
        }
        out
    }

    /// Compresses a block of [`BLOCK_BYTES`] at most.
    fn block(&mut self, block: Vec<u8>, last: bool) -> Vec<u8> {
        self.window.fill(&block);
        self.parser.parse(&self.window);
        let segments = split::split(&mut self.parser.chunks);
        write::blocks(Bits::new(block), &self.window, &self.parser, &segments, last)
    }

    /// Pairs of words compared for the last block.
    #[cfg(test)]
    fn work(&self) -> usize {
        self.parser.work()
    }
}

impl Default for Deflater {
    fn default() -> Self {
        Self::new()
    }
}

impl fmt::Debug for Deflater {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Deflater").finish_non_exhaustive()
    }
}
