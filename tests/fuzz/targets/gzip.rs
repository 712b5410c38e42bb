//! The encoder's bytes decode to the input, whatever the cuts and the threads.

use std::{
    io::{Read as _, Write as _},
    num::NonZeroUsize,
};

use hardpan_deflate::GzipWriter;

pub fn run(seed: &[u8]) {
    // Repeated, so that the input reaches beyond one block now and then.
    let repeat = usize::from(seed.first().copied().unwrap_or(0) % 8);
    let cut = 1 + usize::from(seed.last().copied().unwrap_or(0)) * 8;
    let bytes = seed.repeat(1 + repeat * 16);
    let encode = |jobs: usize, cut: usize| {
        let mut writer = GzipWriter::new(Vec::new(), NonZeroUsize::new(jobs).unwrap());
        for chunk in bytes.chunks(cut) {
            writer.write_all(chunk).unwrap();
        }
        writer.finish().unwrap();
        writer.into_inner()
    };
    let whole = encode(1, usize::MAX);
    assert!(whole == encode(2, cut));
    let mut back = Vec::new();
    flate2::read::GzDecoder::new(whole.as_slice()).read_to_end(&mut back).unwrap();
    assert!(back == bytes);
}
