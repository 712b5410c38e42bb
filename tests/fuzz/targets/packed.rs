//! A packed file is read to its end, with the same result however its bytes come, unless it is damaged; every byte of it passes
//! by once.

use hardpan::rootfs::packed::fuzzing::unpack;

/// Sizes of pieces: every header is cut everywhere by the first, none by the last.
const PIECES: [usize; 3] = [1, 61, 1 << 16];
/// Inputs above this are read in large pieces alone, which takes a hundredth of the time.
const CUT_BYTES: usize = 4 << 10;

pub fn run(bytes: &[u8]) {
    let whole = unpack("/srv/file", bytes, 1 << 16);
    for piece in PIECES.into_iter().filter(|_| bytes.len() <= CUT_BYTES) {
        let cut = unpack("/srv/file", bytes, piece);
        // Of damaged data, a decoder gives more or less of what stands in front of the damage. That it is damaged is told
        // either way.
        assert_eq!(cut.1.is_empty(), whole.1.is_empty(), "in pieces of {piece}");
        assert!(!whole.1.is_empty() || cut.0 == whole.0, "in pieces of {piece}");
    }
}
