//! Decides where DEFLATE blocks begin: neighbouring chunks are joined while that saves bits.

use super::{
    entropy,
    symbols::{DISTANCES, END, LITLENS},
    tokens::{Chunk, Counts},
};

/// Bits of a block beside its symbols, found by trial on ELF files: what opens it and describes the codes' code...
const BLOCK_BITS: i64 = 200;
/// ...and for each symbol that is used, its place in the description of the codes.
const SYMBOL_BITS: i64 = 4;

/// Chunks that share their codes.
#[derive(Debug)]
pub(super) struct Segment {
    /// The chunk whose counts are those of all.
    pub(super) chunk: usize,
    /// Where it ends in the tokens.
    pub(super) tokens: usize,
    /// Where it ends in the window.
    pub(super) end: usize,
    /// Estimated bits.
    cost: i64,
    /// Bits saved by joining it with the next one.
    gain: i64,
}

/// Joins neighbours, the pair that saves most first, until none saves anything. The counts of what is joined are
/// added to the first of them.
///
/// With `n` chunks, at most `3n` costs are estimated and `n²` numbers compared; `n` is at most 257.
pub(super) fn split(chunks: &mut [Chunk]) -> Vec<Segment> {
    let mut list: Vec<Segment> = Vec::with_capacity(chunks.len());
    for (index, chunk) in chunks.iter().enumerate() {
        let cost = cost(&chunk.counts, &Counts::NONE);
        list.push(Segment { chunk: index, tokens: chunk.tokens, end: chunk.end, cost, gain: i64::MIN });
    }
    for at in 0..list.len() {
        list[at].gain = gain(chunks, &list, at);
    }
    // The first one of equals.
    while let Some(at) = (0..list.len()).rev().max_by_key(|at| list[*at].gain) {
        let gain_now = list[at].gain;
        if gain_now <= 0 {
            break;
        }
        let next = list.remove(at + 1);
        let (before, after) = chunks.split_at_mut(next.chunk);
        add(&mut before[list[at].chunk].counts, &after[0].counts);
        list[at] = Segment { chunk: list[at].chunk, cost: list[at].cost + next.cost - gain_now, ..next };
        list[at].gain = gain(chunks, &list, at);
        if let Some(earlier) = at.checked_sub(1) {
            list[earlier].gain = gain(chunks, &list, earlier);
        }
    }
    list
}

/// What joining a segment and the next one saves.
fn gain(chunks: &[Chunk], list: &[Segment], at: usize) -> i64 {
    list.get(at + 1).map_or(i64::MIN, |next| {
        let one = &list[at];
        one.cost + next.cost - cost(&chunks[one.chunk].counts, &chunks[next.chunk].counts)
    })
}

/// Estimated bits of a block with the counts of both.
fn cost(one: &Counts, other: &Counts) -> i64 {
    let part = |one: &[u32], other: &[u32]| {
        let (bits, used) = entropy::bits(one.iter().zip(other).map(|(one, other)| one + other));
        bits.cast_signed() + i64::from(used) * SYMBOL_BITS
    };
    BLOCK_BITS
        + part(&one.litlens[..LITLENS], &other.litlens[..LITLENS])
        + part(&one.distances[..DISTANCES], &other.distances[..DISTANCES])
}

fn add(to: &mut Counts, counts: &Counts) {
    for (to, count) in to.litlens.iter_mut().zip(&counts.litlens) {
        *to += count;
    }
    for (to, count) in to.distances.iter_mut().zip(&counts.distances) {
        *to += count;
    }
    // A block has one end.
    to.litlens[END] = 1;
}
