//! Literals and copies at the distances and lengths where an encoder goes wrong; two decoders read them back.

use std::{
    io::{Read as _, Write as _},
    num::NonZeroUsize,
};

use hardpan_deflate::GzipWriter;

/// gzip's header and trailer (RFC 1952) without options.
const HEADER: usize = 10;
const TRAILER: usize = 8;
/// Bytes of the input for each copy.
const WORD: usize = 11;

pub fn run(input: &[u8]) {
    let mut bytes = Vec::new();
    for literals in input.chunks(WORD) {
        let distance = literals.iter().fold(0_u32, |sum, byte| sum.wrapping_mul(257).wrapping_add(u32::from(*byte)));
        let length = usize::from(literals[0]) * 5;
        bytes.extend_from_slice(literals);
        // One more than the window is as likely as any other.
        let distance = (distance as usize % 66_000).max(1);
        if let Some(from) = bytes.len().checked_sub(distance) {
            for at in from..from + length % 1024 {
                bytes.push(bytes[at]);
            }
        }
    }
    let mut writer = GzipWriter::new(Vec::new(), NonZeroUsize::MIN);
    writer.write_all(&bytes).unwrap();
    writer.finish().unwrap();
    let member = writer.into_inner();
    let mut back = Vec::new();
    flate2::read::GzDecoder::new(member.as_slice()).read_to_end(&mut back).unwrap();
    assert!(back == bytes, "zlib-rs");
    let stream = &member[HEADER..member.len() - TRAILER];
    assert!(miniz_oxide::inflate::decompress_to_vec(stream).unwrap() == bytes, "miniz_oxide");
}
