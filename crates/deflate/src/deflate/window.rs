//! The bytes of the block in an array of fixed size, so that reading from any place needs no bounds check.

use crate::BLOCK_BYTES;

/// Bytes of a block; a power of two, so that a masked place is always inside.
pub(super) const BLOCK: usize = BLOCK_BYTES;
/// The farthest distance of a match.
pub(super) const FARTHEST: usize = 1 << 15;
/// The longest match.
pub(super) const LONGEST: usize = 258;
/// Bytes that can be seen from any place: the longest match, in whole words.
const VIEW: usize = LONGEST.next_multiple_of(8);

const _: () = assert!(BLOCK.is_power_of_two());

/// A block and zeros behind it. Places are masked instead of checked: the compiler sees that a masked place is
/// inside of an array of fixed size, which makes safe code as fast as unchecked code.
pub(super) struct Window {
    bytes: Box<[u8; BLOCK + VIEW]>,
    len: usize,
}

impl Window {
    pub(super) fn new() -> Self {
        Self { bytes: zeros(0), len: 0 }
    }

    /// Takes the block, and puts zeros behind it: what was there before must not reach the bytes.
    pub(super) fn fill(&mut self, block: &[u8]) {
        self.len = block.len().min(BLOCK);
        let (now, behind) = self.bytes.split_at_mut(self.len);
        now.copy_from_slice(&block[..self.len]);
        behind[..VIEW].fill(0);
    }

    #[inline(always)]
    pub(super) fn len(&self) -> usize {
        self.len
    }

    /// The bytes of the block from `from` up to `to`.
    pub(super) fn part(&self, from: usize, to: usize) -> &[u8] {
        &self.bytes[from..to]
    }

    #[inline(always)]
    pub(super) fn byte(&self, at: usize) -> u8 {
        self.bytes[at & (BLOCK - 1)]
    }

    /// Eight bytes, the first one lowest.
    #[inline(always)]
    pub(super) fn word(&self, at: usize) -> u64 {
        let at = at & (BLOCK - 1);
        word(&self.bytes[at..at + 8])
    }

    /// How many bytes are the same from both places, given that the first eight are; zeros behind the block count.
    #[inline(always)]
    pub(super) fn common(&self, one: usize, other: usize) -> usize {
        let (one, other) = (one & (BLOCK - 1), other & (BLOCK - 1));
        let (one, other) = (&self.bytes[one..one + VIEW], &self.bytes[other..other + VIEW]);
        let words = one.chunks_exact(8).zip(other.chunks_exact(8));
        let mut common = 8;
        for (one, other) in words.skip(1) {
            let differ = word(one) ^ word(other);
            if differ != 0 {
                return common + (differ.trailing_zeros() / 8) as usize;
            }
            common += 8;
        }
        common
    }
}

#[inline(always)]
fn word(bytes: &[u8]) -> u64 {
    match bytes.try_into() {
        Ok(bytes) => u64::from_le_bytes(bytes),
        Err(_) => unreachable!("every caller has eight bytes"),
    }
}

/// An array of zeros that was never on the stack.
#[allow(clippy::unnecessary_box_returns)]
pub(super) fn zeros<T: Copy, const N: usize>(zero: T) -> Box<[T; N]> {
    match vec![zero; N].into_boxed_slice().try_into() {
        Ok(array) => array,
        Err(_) => unreachable!("the length is the array's"),
    }
}
