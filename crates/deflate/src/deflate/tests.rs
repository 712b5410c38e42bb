#![allow(clippy::unwrap_used)]

use std::io::Read;

use proptest::prelude::*;

use super::{
    code::Code,
    finder::MOST_WORDS,
    symbols,
    tokens::{Chunk, Counts},
    window::{BLOCK, FARTHEST, LONGEST},
    *,
};
use crate::test_data::data;

fn deflate(bytes: &[u8], last: bool) -> Vec<u8> {
    Deflater::new().deflate(bytes.to_vec(), last)
}

/// Bits in the order in which they are written, spaces for the reader.
fn written(bits: &str) -> Vec<u8> {
    let bits: Vec<u8> = bits.bytes().filter(|bit| *bit != b' ').map(|bit| bit - b'0').collect();
    bits.chunks(8).map(|byte| byte.iter().rev().fold(0, |byte, bit| byte << 1 | bit)).collect()
}

/// Two decoders by others read the stream, whole or with an end put behind its flush.
fn assert_reads_back(deflater: &mut Deflater, bytes: &[u8]) {
    let whole = deflater.deflate(bytes.to_vec(), true);
    let mut flushed = deflater.deflate(bytes.to_vec(), false);
    assert!(flushed.ends_with(b"\0\0\xff\xff"));
    assert!(whole.len() <= bytes.len() + GROWTH && flushed.len() <= bytes.len() + GROWTH);
    flushed.extend(written("1 10 0000000"));
    for stream in [whole, flushed] {
        assert!(miniz_oxide::inflate::decompress_to_vec(&stream).unwrap() == bytes, "miniz_oxide");
        let mut back = Vec::new();
        let mut decoder = flate2::bufread::DeflateDecoder::new(stream.as_slice());
        decoder.read_to_end(&mut back).unwrap();
        assert!(back == bytes, "zlib-rs");
        assert!(decoder.into_inner().is_empty(), "something follows the stream");
    }
}

#[test]
fn nothing_is_an_empty_block_of_fixed_codes() {
    assert_eq!(deflate(b"", true), written("1 10 0000000"));
    // A flush: a stored block of no bytes, that is not the last one.
    assert_eq!(deflate(b"", false), [0, 0, 0, 0xff, 0xff]);
}

#[test]
fn a_word_is_a_literal_or_a_match() {
    // The last block, of fixed codes (which are written from their highest bit): the literal `a`, then nine bytes
    // (symbol 263) from one byte before (symbol 0): the match reads what it writes. Then the end.
    assert_eq!(deflate(b"aaaaaaaaaa", true), written("1 10  10010001  0000111 00000  0000000"));
    // Eleven bytes are symbol 265 and an extra bit that says whether it is eleven or twelve. Five before is symbol 4,
    // with an extra bit, 0, that says that it is not six.
    let once = "10010001 10010010 10010011 10010100 00111010";
    assert_eq!(deflate(b"abcd\x0aabcd\x0aabcd\x0aa", true), written(&format!("1 10 {once} 0001001 0 00100 0 0000000")));
}

#[test]
fn what_does_not_compress_is_stored() {
    let bytes = data(0, 65_536, 1);
    let stream = deflate(&bytes, true);
    // As much as a length of 16 bits can say, then the last byte.
    assert_eq!(stream[..5], [0, 0xff, 0xff, 0, 0]);
    assert!(stream[5..65_540] == bytes[..65_535]);
    assert_eq!(stream[65_540..], [1, 1, 0, 0xfe, 0xff, bytes[65_535]]);
}

#[test]
fn a_block_of_noise_grows_by_five_bytes_for_each_65535() {
    let bytes = data(0, BLOCK, 1);
    assert_eq!(deflate(&bytes, true).len(), BLOCK + 17 * 5);
    assert_eq!(deflate(&bytes, false).len(), BLOCK + 18 * 5);
}

#[test]
fn symbols_are_those_of_the_rfc() {
    let lengths = [
        3, 4, 5, 6, 7, 8, 9, 10, 11, 13, 15, 17, 19, 23, 27, 31, 35, 43, 51, 59, 67, 83, 99, 115, 131, 163, 195, 227,
        258,
    ];
    for length in 3..=LONGEST {
        let (symbol, extra, value) = symbols::length(length);
        let least = lengths.iter().rposition(|least| *least <= length).unwrap();
        assert_eq!((symbol, value as usize), (257 + least, length - lengths[least]));
        assert!(value < 1 << extra && symbols::litlen_extra(symbol) == extra, "{length}");
        assert_eq!(usize::from(symbols::LENGTH_SYMBOL[length]), symbol);
    }
    let distances = [
        1, 2, 3, 4, 5, 7, 9, 13, 17, 25, 33, 49, 65, 97, 129, 193, 257, 385, 513, 769, 1025, 1537, 2049, 3073, 4097,
        6145, 8193, 12289, 16385, 24577,
    ];
    for distance in 1..=32_768_u32 {
        let (symbol, extra) = symbols::distance(distance - 1);
        let least = distances.iter().rposition(|least| *least <= distance).unwrap();
        assert_eq!(symbol, least, "{distance}");
        assert_eq!(distances[least] + ((distance - 1) & ((1 << extra) - 1)), distance);
        assert_eq!(symbols::distance_extra(symbol), extra);
    }
}

#[test]
fn codes_follow_from_their_lengths() {
    // The example of RFC 1951, 3.2.2, each code read from its other end.
    let code = Code { lengths: [3, 3, 3, 3, 3, 2, 4, 4] };
    assert_eq!(code.bits(), [0b010, 0b110, 0b001, 0b101, 0b011, 0b00, 0b0111, 0b1111]);
}

#[test]
fn a_code_is_complete_and_no_longer_than_its_limit() {
    let mut fibonacci = [0_u32; 24];
    let (mut one, mut two) = (1, 1);
    for count in &mut fibonacci {
        *count = one;
        (one, two) = (two, one + two);
    }
    for most in [5, 7, 15] {
        let code = Code::best(&fibonacci, most);
        assert_eq!(code.lengths.iter().map(|length| 1_u32 << (15 - length)).sum::<u32>(), 1 << 15);
        assert_eq!(usize::from(*code.lengths.iter().max().unwrap()), most);
    }
    // Without a limit in the way, the sum of all trees that are made is the least there is.
    assert_eq!(Code::best(&[1, 1, 2, 3, 5, 0], 15).lengths, [4, 4, 3, 2, 1, 0]);
    assert_eq!(Code::best(&[0, 0, 0], 15).lengths, [1, 1, 0]);
    assert_eq!(Code::best(&[0, 0, 9], 15).lengths, [1, 0, 1]);
    assert_eq!(Code::best(&[9, 0, 0], 15).lengths, [1, 1, 0]);
}

#[test]
fn logarithms_rise_and_are_exact_for_powers_of_two() {
    for power in 0..22 {
        assert_eq!(entropy::log2(1 << power), power << entropy::FRACTION);
    }
    assert!((1..1 << 21).all(|number| entropy::log2(number) <= entropy::log2(number + 1)));
    // Four symbols that are used alike take two bits each.
    assert_eq!(entropy::bits([100, 100, 0, 100, 100].into_iter()), (800, 4));
    assert_eq!(entropy::bits([0, 0].into_iter()), (0, 0));
}

#[test]
fn blocks_begin_where_the_symbols_change() {
    let chunk = |from: usize, end: usize| {
        let mut counts = Counts::NONE;
        counts.litlens[from..from + 64].fill(64);
        Chunk { counts, tokens: end, end }
    };
    let mut chunks = [chunk(0, 1), chunk(0, 2), chunk(128, 3), chunk(128, 4), chunk(128, 5), chunk(0, 6)];
    let ends: Vec<usize> = split::split(&mut chunks).iter().map(|segment| segment.end).collect();
    assert_eq!(ends, [2, 5, 6]);
    assert!(split::split(&mut []).is_empty());
}

#[test]
fn a_match_reaches_as_far_as_deflate_can_say_and_no_farther() {
    // Noise, a phrase, noise, and the phrase again.
    let phrase = data(0, 40, 9);
    for (distance, found) in [(FARTHEST - 1, true), (FARTHEST, true), (FARTHEST + 1, false)] {
        let mut bytes = data(0, 100, 2);
        bytes.extend_from_slice(&phrase);
        // Few symbols, so that it is not stored, and no four of the phrase.
        bytes.extend(data(2, distance - phrase.len(), 3));
        let without = deflate(&bytes, true).len();
        bytes.extend_from_slice(&phrase);
        assert_reads_back(&mut Deflater::new(), &bytes);
        assert_eq!(deflate(&bytes, true).len() - without < 20, found, "{distance}");
    }
}

#[test]
fn every_small_length_of_every_kind() {
    let mut deflater = Deflater::new();
    for kind in 0..6 {
        for length in 0..600 {
            assert_reads_back(&mut deflater, &data(kind, length, 4));
        }
    }
}

#[test]
fn lengths_around_the_borders() {
    let mut deflater = Deflater::new();
    for kind in 0..6 {
        for length in [4_095, 4_096, 4_097, 32_767, 32_768, 32_769, 65_534, 65_535, 65_536, BLOCK - 1, BLOCK] {
            assert_reads_back(&mut deflater, &data(kind, length, 5));
        }
    }
}

#[test]
fn a_block_does_not_depend_on_the_one_before() {
    let mut deflater = Deflater::new();
    for kind in 0..6 {
        let bytes = data(kind, 100_000, 6);
        let fresh = deflate(&bytes, false);
        // Before, something else; then the same, but with something else behind its end.
        let mut longer = bytes.clone();
        longer.extend_from_slice(&bytes[bytes.len() - 300..]);
        deflater.deflate(longer, false);
        assert!(deflater.deflate(bytes.clone(), false) == fresh);
        deflater.deflate(data(5 - kind, BLOCK, 7), true);
        assert!(deflater.deflate(bytes, false) == fresh);
    }
}

/// A de Bruijn sequence: each word of `length` symbols stands in it once (from Lyndon words; Fredricksen, Kessler and
/// Maiorana), so that no match is longer than that, less one.
fn de_bruijn(symbols: u8, length: usize) -> Vec<u8> {
    let mut sequence = Vec::new();
    let mut word = vec![0_u8];
    loop {
        if length.is_multiple_of(word.len()) {
            sequence.extend_from_slice(&word);
        }
        // The next Lyndon word: repeated up to the length, without the highest symbols at its end, and one higher.
        word = word.iter().cycle().take(length).copied().collect();
        while word.last() == Some(&(symbols - 1)) {
            word.pop();
        }
        match word.last_mut() {
            Some(last) => *last += 1,
            None => return sequence,
        }
    }
}

#[test]
fn what_is_made_to_be_hard_reads_back() {
    assert_eq!(de_bruijn(2, 3), [0, 0, 0, 1, 0, 1, 1, 1]);
    let alternating = |period: u8| (0..70_000).map(move |at: u32| (at % u32::from(period)) as u8).collect();
    let mut hard = vec![de_bruijn(250, 2), de_bruijn(40, 3), de_bruijn(16, 4), de_bruijn(4, 8), de_bruijn(2, 16)];
    hard.extend([1, 2, 3, 7, 251].map(alternating));
    // All numbers, so that most of each stands before, but never all of it.
    hard.push((0..1_u32 << 16).flat_map(u32::to_be_bytes).collect());
    hard.push((0..1_u32 << 16).flat_map(u32::to_le_bytes).collect());
    // Copies from where a place of 16 bits or a distance of 15 goes round.
    for distance in [32_766, 32_767, 32_768, 32_769, 65_535, 65_536, 65_537] {
        let mut bytes = data(0, distance, 10);
        for at in 0..40_000 {
            bytes.push(if at % 300 == 299 { bytes[at] ^ 1 } else { bytes[at] });
        }
        hard.push(bytes);
    }
    // Runs of each length around the longest match, apart and one after the other.
    hard.push((250..530_usize).flat_map(|run| vec![run as u8; run]).collect());
    let mut deflater = Deflater::new();
    for bytes in hard {
        assert_reads_back(&mut deflater, &bytes);
    }
}

/// Blocks made to be slow: each position has candidates that match for long, but not long enough to be taken unseen.
fn slow(length: usize, between: usize) -> Vec<u8> {
    let phrase = data(0, length, 8);
    let mut bytes = Vec::new();
    let mut round = 0_u64;
    while bytes.len() < BLOCK {
        // Each time from a place a little later, and ended by something new.
        bytes.extend_from_slice(&phrase[(round as usize * 5) % (length / 2)..]);
        bytes.extend_from_slice(&data(0, between, round));
        round += 1;
    }
    bytes.truncate(BLOCK);
    bytes
}

#[test]
fn no_block_takes_more_work_than_was_said() {
    let mut deflater = Deflater::new();
    let mut most = 0;
    let slow = [
        (3, 1),
        (4, 1),
        (5, 1),
        (8, 1),
        (15, 1),
        (16, 0),
        (31, 1),
        (32, 2),
        (62, 1),
        (63, 1),
        (64, 1),
        (257, 1),
        (1000, 3),
    ];
    let blocks = (0..6).map(|kind| data(kind, BLOCK, 9));
    for block in blocks.chain(slow.map(|(length, between)| self::slow(length, between))) {
        deflater.deflate(block, false);
        most = most.max(deflater.work());
    }
    // What `finder` allows for a look-up, for each byte; and what these blocks, the worst we know, are held to.
    assert!(most <= MOST_WORDS * BLOCK);
    assert!(most < 8 * BLOCK, "{} words a byte", most / BLOCK);
}

proptest! {
    #![proptest_config(ProptestConfig { failure_persistence: None, ..ProptestConfig::with_cases(500) })]

    #[test]
    fn any_mixture_reads_back(
        pieces in prop::collection::vec((0..6_u8, 0..3000_usize, any::<u64>()), 0..8),
        noise in prop::collection::vec(any::<u8>(), 0..300),
    ) {
        let mut bytes = noise.clone();
        for (kind, length, seed) in pieces {
            bytes.extend(data(kind, length, seed));
            bytes.extend_from_slice(&noise);
        }
        assert_reads_back(&mut Deflater::new(), &bytes);
    }
}
