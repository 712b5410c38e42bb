//! Estimates whether a match is cheaper than its literals, so that the parser can refuse it.

use super::{entropy::log2, finder::Match, symbols::END, tokens::Counts, window::FARTHEST};

/// What a match costs beside the bits of its distance: found by trial on ELF files.
const BASE_BITS: u32 = 11;
/// With fewer literals than these, their cost says nothing.
const FEW: u32 = 64;
/// Sixteenths: what a literal costs before anything is known, and where there are few.
const UNKNOWN: u32 = 7 * 16;
const RARE: u32 = 8 * 16;

/// By length, the farthest distance that is worth it. Where literals are cheap (four symbols, say), a short match
/// from far away is longer than what it replaces.
pub(super) struct Worth([usize; 16]);

impl Worth {
    /// At the start of a block.
    pub(super) const UNKNOWN: Self = Self::of(UNKNOWN);

    /// After a chunk with these counts.
    pub(super) fn after(counts: &Counts) -> Self {
        let literals = &counts.litlens[..END];
        let all: u32 = counts.litlens.iter().sum();
        let many: u32 = literals.iter().sum();
        if many < FEW {
            return Self::of(RARE);
        }
        let used = literals.iter().filter(|count| **count > 0);
        let bits: u64 = used.map(|count| u64::from(*count) * u64::from(log2(all) - log2(*count))).sum();
        Self::of((bits / u64::from(many) / 64) as u32)
    }

    /// With literals of so many sixteenths of a bit.
    const fn of(literal: u32) -> Self {
        let mut farthest = [0; 16];
        let mut length = 3;
        while length < 12 {
            let bits = (length as u32 * literal / 16).saturating_sub(BASE_BITS);
            farthest[length] = match bits {
                0 => 0,
                1..15 => 1 << bits,
                _ => FARTHEST,
            };
            length += 1;
        }
        while length < 16 {
            farthest[length] = FARTHEST;
            length += 1;
        }
        Self(farthest)
    }

    #[inline(always)]
    pub(super) fn refuses(&self, found: Match) -> bool {
        found.distance > self.0[found.length.min(15)]
    }
}
