//! Writes segments as DEFLATE blocks, each in the shortest of the three forms (RFC 1951, 3.2.3).

use std::sync::LazyLock;

use super::{
    bits::{Bits, Entry},
    code::Code,
    header::Header,
    parser::Parser,
    split::Segment,
    symbols::{self, DISTANCES, END, LITLENS},
    tokens::{Counts, Token},
    window::{LONGEST, Window},
};

/// The longest code of literals, lengths and distances.
const MOST_BITS: usize = 15;
/// Bytes of a stored block.
const STORED: usize = 65_535;

/// What a block is written with.
struct Codes {
    litlens: Code<288>,
    distances: Code<32>,
}

/// The same, by what is to be written.
struct Tables {
    /// By literal.
    literals: [Entry; 256],
    /// By length, with its extra bits.
    lengths: [Entry; 512],
    end: Entry,
    /// By symbol, without extra bits.
    distances: [Entry; 32],
}

/// The codes that need no description (RFC 1951, 3.2.6).
const FIXED: Codes = {
    let mut litlens = [8; 288];
    let mut symbol = 144;
    while symbol < 280 {
        litlens[symbol] = if symbol < 256 { 9 } else { 7 };
        symbol += 1;
    }
    Codes { litlens: Code { lengths: litlens }, distances: Code { lengths: [5; 32] } }
};

/// Made once: most small inputs are written with them.
static FIXED_TABLES: LazyLock<Tables> = LazyLock::new(|| FIXED.tables());

/// Writes the whole stream of a block of input.
pub(super) fn blocks(mut bits: Bits, window: &Window, parser: &Parser, segments: &[Segment], last: bool) -> Vec<u8> {
    let (mut at, mut token) = (0, 0);
    // Where those begin that are to be stored: neighbours become one.
    let mut store = None;
    for (segment, left) in segments.iter().zip((0..segments.len()).rev()) {
        let counts = &parser.chunks[segment.chunk].counts;
        let codes = Codes::best(counts);
        let header = codes.header();
        let described = header.cost() + codes.cost(counts);
        let fixed = FIXED.cost(counts);
        if stored_cost(segment.end - at) <= described.min(fixed) {
            store.get_or_insert(at);
        } else {
            if let Some(from) = store.take() {
                stored(&mut bits, window.part(from, at), false);
            }
            bits.put(u32::from(last && left == 0), 1);
            let words = parser.tokens.part(token, segment.tokens);
            if fixed <= described {
                bits.put(1, 2);
                body(&mut bits, fixed, window, words, at, &FIXED_TABLES);
            } else {
                bits.put(2, 2);
                header.write(&mut bits);
                body(&mut bits, described, window, words, at, &codes.tables());
            }
        }
        (at, token) = (segment.end, segment.tokens);
    }
    if let Some(from) = store {
        stored(&mut bits, window.part(from, at), last);
    }
    if !last {
        // A sync flush is a stored block with nothing in it.
        stored(&mut bits, &[], false);
    } else if segments.is_empty() {
        // The shortest block with nothing in it: fixed codes, and the end, which is seven zeros.
        bits.put(0b011, 10);
    }
    bits.align();
    bits.finish()
}

/// Bits of a stored block, at most, less the three that every block begins with.
fn stored_cost(bytes: usize) -> u32 {
    (bytes.div_ceil(STORED) * 40 + bytes * 8) as u32
}

/// Bytes as they are, in as many blocks as they need, and in one if there are none.
fn stored(bits: &mut Bits, bytes: &[u8], last: bool) {
    let mut rest = bytes;
    loop {
        let (now, later) = rest.split_at(rest.len().min(STORED));
        rest = later;
        bits.put(u32::from(last && rest.is_empty()), 3);
        bits.align();
        let length = now.len() as u32;
        bits.put(length | (length ^ 0xffff) << 16, 32);
        bits.copy(now);
        if rest.is_empty() {
            return;
        }
    }
}

/// Literals that are put at once: 45 bits at most, and up to seven that wait.
const LITERALS: usize = 3;
/// By their number, which of them there are.
static THERE: [[u32; LITERALS]; LITERALS + 1] = [[0, 0, 0], [!0, 0, 0], [!0, !0, 0], [!0, !0, !0]];

/// Writes the tokens of a block that begins at `at`, and its end: at most `cost` bits.
fn body(bits: &mut Bits, cost: u32, window: &Window, words: &[Token], mut at: usize, tables: &Tables) {
    let Tables { literals, lengths, end, distances } = tables;
    let literal = |bytes: u64, place: usize| literals[usize::from(bytes.to_le_bytes()[place])];
    let mut queue = bits.begin(cost);
    for word in words {
        let mut run = word.run();
        while run > LITERALS {
            let bytes = window.word(at);
            (0..LITERALS).for_each(|place| queue.entry(literal(bytes, place)));
            queue.flush();
            (at, run) = (at + LITERALS, run - LITERALS);
        }
        // Of what is left, those that are not there are put as no bits: how many there are is what a processor
        // would guess wrong, again and again.
        let bytes = window.word(at);
        for (place, mask) in THERE[run & LITERALS].iter().enumerate() {
            queue.entry(literal(bytes, place).masked(*mask));
        }
        queue.flush();
        at += run + word.length();
        if word.length() == 0 {
            continue;
        }
        // 20 bits of length and 28 of distance at most.
        queue.entry(lengths[word.length() & 0x1ff]);
        let less_one = word.distance_less_one();
        let (symbol, extra) = symbols::distance(less_one);
        queue.entry(distances[symbol & 31]);
        queue.bits(less_one & ((1 << extra) - 1), extra);
        queue.flush();
    }
    queue.entry(*end);
    let place = queue.end();
    bits.end(place);
}

impl Codes {
    fn best(counts: &Counts) -> Self {
        let mut litlens = [0; 288];
        litlens.copy_from_slice(&counts.litlens[..288]);
        Self { litlens: Code::best(&litlens, MOST_BITS), distances: Code::best(&counts.distances, MOST_BITS) }
    }

    fn header(&self) -> Header {
        let (mut litlens, mut distances) = ([0; LITLENS], [0; DISTANCES]);
        litlens.copy_from_slice(&self.litlens.lengths[..LITLENS]);
        distances.copy_from_slice(&self.distances.lengths[..DISTANCES]);
        Header::new(&litlens, &distances)
    }

    /// Bits of symbols that are used so often, with their extra bits.
    fn cost(&self, counts: &Counts) -> u32 {
        let litlens = self.litlens.lengths.iter().zip(&counts.litlens).enumerate();
        let distances = self.distances.lengths.iter().zip(&counts.distances).enumerate();
        litlens.map(|(symbol, (bits, count))| count * (u32::from(*bits) + symbols::litlen_extra(symbol))).sum::<u32>()
            + distances
                .map(|(symbol, (bits, count))| count * (u32::from(*bits) + symbols::distance_extra(symbol)))
                .sum::<u32>()
    }

    fn tables(&self) -> Tables {
        let (codes, distances) = (self.litlens.bits(), self.distances.bits());
        let entry = |symbol: usize| Entry::new(codes[symbol], u32::from(self.litlens.lengths[symbol]));
        let distance = |symbol: usize| Entry::new(distances[symbol], u32::from(self.distances.lengths[symbol]));
        let mut lengths = [Entry::default(); 512];
        for (length, to) in lengths.iter_mut().enumerate().take(LONGEST + 1).skip(3) {
            let (symbol, extra, value) = symbols::length(length);
            let bits = u32::from(self.litlens.lengths[symbol]);
            *to = Entry::new(codes[symbol] | value << bits, bits + extra);
        }
        Tables {
            literals: std::array::from_fn(entry),
            lengths,
            end: entry(END),
            distances: std::array::from_fn(distance),
        }
    }
}
