//! Inputs of the unit tests.

#![allow(clippy::cast_possible_truncation)]

/// The same numbers on every machine and in every release: splitmix64.
struct Numbers(u64);

impl Numbers {
    fn next(&mut self) -> u64 {
        self.0 = self.0.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let mut mixed = self.0;
        mixed = (mixed ^ (mixed >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        mixed = (mixed ^ (mixed >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        mixed ^ (mixed >> 31)
    }

    fn below(&mut self, bound: usize) -> usize {
        (self.next() % bound as u64) as usize
    }
}

/// `length` bytes of one of six kinds, which encoders treat differently.
pub(crate) fn data(kind: u8, length: usize, seed: u64) -> Vec<u8> {
    let mut numbers = Numbers(seed);
    let mut bytes = Vec::with_capacity(length + 64);
    while bytes.len() < length {
        match kind % 6 {
            // Nothing to find.
            0 => bytes.extend_from_slice(&numbers.next().to_le_bytes()),
            // One match after the other, of the longest length.
            1 => bytes.extend_from_slice(&[0; 64]),
            // Four symbols: short codes, many short matches.
            2 => bytes.extend(numbers.next().to_le_bytes().map(|byte| b"ACGT"[usize::from(byte & 3)])),
            // Repeats at the far end of the window, and just beyond it.
            3 => {
                let distance = [32 << 10, (32 << 10) - 262, (32 << 10) + 1, 64 << 10][numbers.below(4)];
                let from = bytes.len().saturating_sub(distance);
                let piece: Vec<_> = bytes[from..].iter().take(numbers.below(300)).copied().collect();
                bytes.extend_from_slice(&piece);
                bytes.extend_from_slice(&numbers.next().to_le_bytes()[..4]);
            }
            // Text.
            4 => bytes.extend_from_slice(
                [&b"the "[..], b"quick ", b"brown ", b"layer ", b"is ", b"hardened\n"][numbers.below(6)],
            ),
            // Literals of which a few dominate: what makes the code lengths long.
            _ => bytes.push(numbers.next().leading_zeros() as u8),
        }
    }
    bytes.truncate(length);
    bytes
}
