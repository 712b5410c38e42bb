//! How a block describes its codes (RFC 1951, 3.2.7): their lengths, runs of equal ones shortened, in a third code.

use super::{
    bits::Bits,
    code::Code,
    symbols::{DISTANCES, LITLENS},
};

/// The order in which the lengths of the third code are written: those that are often 0 come last and are left out.
const ORDER: [usize; 19] = [16, 17, 18, 0, 8, 7, 9, 6, 10, 5, 11, 4, 12, 3, 13, 2, 14, 1, 15];
/// The third code's lengths are written with three bits.
const MOST_BITS: usize = 7;

/// The description of two codes.
#[derive(Debug)]
pub(super) struct Header {
    /// Symbols of the third code, with the values of their extra bits.
    items: Vec<(usize, u32)>,
    code: Code<19>,
    litlens: usize,
    distances: usize,
    lengths: usize,
}

impl Header {
    pub(super) fn new(litlens: &[u8; LITLENS], distances: &[u8; DISTANCES]) -> Self {
        let (many_litlens, many_distances) = (until_last(litlens).max(257), until_last(distances).max(1));
        // Runs go across the border between the two.
        let items = shorten(&[&litlens[..many_litlens], &distances[..many_distances]].concat());
        let mut counts = [0; 19];
        for (symbol, _) in &items {
            counts[*symbol] += 1;
        }
        let code = Code::best(&counts, MOST_BITS);
        let lengths = until_last(&ORDER.map(|symbol| code.lengths[symbol])).max(4);
        Self { items, code, litlens: many_litlens, distances: many_distances, lengths }
    }

    /// Bits that [`write`](Self::write) will write.
    pub(super) fn cost(&self) -> u32 {
        let items = self.items.iter().map(|(symbol, _)| u32::from(self.code.lengths[*symbol]) + extra(*symbol));
        5 + 5 + 4 + 3 * self.lengths as u32 + items.sum::<u32>()
    }

    pub(super) fn write(&self, bits: &mut Bits) {
        bits.put(self.litlens as u32 - 257, 5);
        bits.put(self.distances as u32 - 1, 5);
        bits.put(self.lengths as u32 - 4, 4);
        for symbol in &ORDER[..self.lengths] {
            bits.put(u32::from(self.code.lengths[*symbol]), 3);
        }
        let codes = self.code.bits();
        for (symbol, value) in &self.items {
            bits.put(codes[*symbol], u32::from(self.code.lengths[*symbol]));
            bits.put(*value, extra(*symbol));
        }
    }
}

/// How many there are up to the last one that is not 0.
fn until_last(lengths: &[u8]) -> usize {
    lengths.iter().rposition(|length| *length != 0).map_or(0, |last| last + 1)
}

/// 16 repeats the last length 3 to 6 times, 17 and 18 are runs of 3 to 10 and 11 to 138 zeros.
fn shorten(lengths: &[u8]) -> Vec<(usize, u32)> {
    let mut items = Vec::with_capacity(lengths.len());
    for equal in lengths.chunk_by(PartialEq::eq) {
        let length = usize::from(equal[0]);
        let mut run = equal.len();
        if length != 0 {
            items.push((length, 0));
            run -= 1;
        }
        while run >= 3 {
            let (symbol, least, most) = match (length, run) {
                (0, 11..) => (18, 11, 138),
                (0, _) => (17, 3, 10),
                _ => (16, 3, 6),
            };
            let now = run.min(most);
            items.push((symbol, (now - least) as u32));
            run -= now;
        }
        items.extend(std::iter::repeat_n((length, 0), run));
    }
    items
}

/// Number of extra bits.
fn extra(symbol: usize) -> u32 {
    match symbol {
        16 => 2,
        17 => 3,
        18 => 7,
        _ => 0,
    }
}
