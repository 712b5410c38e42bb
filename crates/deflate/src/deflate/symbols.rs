//! The symbols that lengths and distances are written with (RFC 1951, 3.2.5).
//!
//! A length or a distance is a symbol, which says its magnitude, and extra bits, which say the rest. The tables of the
//! RFC follow a rule: two (distances) or four (lengths) symbols for each power of two.

use super::window::LONGEST;

/// Literals 0 to 255, [`END`], and 29 lengths; rounded up for arrays.
pub(super) const LITLENS: usize = 286;
/// Distances; two more of the five bits' values are not used.
pub(super) const DISTANCES: usize = 30;
/// Ends a block.
pub(super) const END: usize = 256;

/// Symbol, number of extra bits and extra bits of a match's length, 3 to 258.
pub(super) const fn length(length: usize) -> (usize, u32, u32) {
    // Has a symbol of its own, although the one before could say it.
    if length == LONGEST {
        return (285, 0, 0);
    }
    let rest = (length - 3) as u32;
    if rest < 8 {
        return (257 + rest as usize, 0, 0);
    }
    let extra = rest.ilog2() - 2;
    (257 + (4 * extra + (rest >> extra)) as usize, extra, rest & ((1 << extra) - 1))
}

/// [`length`]'s symbol, as a table; 512 entries, so that nine bits need no check.
pub(super) static LENGTH_SYMBOL: [u16; 512] = {
    let mut table = [0; 512];
    let mut at = 3;
    while at <= LONGEST {
        table[at] = length(at).0 as u16;
        at += 1;
    }
    table
};

/// Symbol and number of extra bits of a distance less one, 0 to 32,767. The extra bits are its lowest ones.
#[inline(always)]
pub(super) const fn distance(less_one: u32) -> (usize, u32) {
    // The first four have symbols of their own; `| 2` gives 0 and 1 the two of the smallest power that has two.
    let extra = (less_one | 2).ilog2() - 1;
    ((2 * extra + (less_one >> extra)) as usize, extra)
}

/// Number of extra bits of a literal or length symbol.
pub(super) const fn litlen_extra(symbol: usize) -> u32 {
    if symbol >= 265 && symbol < 285 { (symbol as u32 - 261) / 4 } else { 0 }
}

/// Number of extra bits of a distance symbol.
pub(super) const fn distance_extra(symbol: usize) -> u32 {
    (symbol as u32 / 2).saturating_sub(1)
}
