//! zlib (RFC 1950) around raw DEFLATE.

use crate::Deflater;

/// Deflate with a window of 32 KiB (RFC 1950, 2.2). The second byte says "default level" and completes the check sum
/// of the header.
const HEADER: [u8; 2] = [0x78, 0x9c];

/// Compresses `bytes` into one zlib stream that depends on the bytes alone, on the calling thread.
pub fn zlib(bytes: &[u8]) -> Vec<u8> {
    let mut out = HEADER.to_vec();
    out.append(&mut Deflater::new().deflate(bytes.to_vec(), true));
    out.extend_from_slice(&adler32(bytes).to_be_bytes());
    out
}

/// The check sum of zlib (RFC 1950, 8.2).
fn adler32(bytes: &[u8]) -> u32 {
    /// The largest prime below 65,536.
    const MODULUS: u32 = 65_521;
    /// The most bytes for which the sums stay below 2^32 without a reduction.
    const RUN: usize = 5_552;
    let (mut low, mut high) = (1, 0);
    for run in bytes.chunks(RUN) {
        for &byte in run {
            low += u32::from(byte);
            high += low;
        }
        low %= MODULUS;
        high %= MODULUS;
    }
    high << 16 | low
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use std::io::Read as _;

    use super::*;
    use crate::BLOCK_BYTES;

    #[test]
    fn another_decoder_reads_every_length_and_checks_the_sum() {
        let pattern = |length: usize| (0..length).map(|at| at.to_le_bytes()[at % 2]).collect::<Vec<_>>();
        let block = BLOCK_BYTES;
        let mut inputs: Vec<_> = [0, 1, 2, 300, block - 1, block, block + 1, 2 * block].map(pattern).into();
        // The sums are the largest here.
        inputs.push(vec![0xff; 70_000]);
        for input in inputs {
            let mut read = Vec::new();
            flate2::read::ZlibDecoder::new(&*zlib(&input)).read_to_end(&mut read).unwrap();
            assert!(read == input, "{} bytes", input.len());
            assert_eq!(miniz_oxide::inflate::decompress_to_vec_zlib(&zlib(&input)).unwrap().len(), input.len());
        }
    }

    #[test]
    fn the_check_sum_is_that_of_the_standard_example() {
        assert_eq!(adler32(b""), 1);
        assert_eq!(adler32(b"Wikipedia"), 0x11e6_0398);
    }
}
