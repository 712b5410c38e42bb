//! The encoder's bytes decode to the input, whatever the cuts and the threads.

use std::{
    io::{Read as _, Write as _},
    num::NonZeroUsize,
};

use hardpan_deflate::GzipWriter;

pub fn run(input: (Vec<u8>, u8, u16)) {
    let (seed, repeat, cut) = input;
    // Repeated, so that the input reaches beyond one block now and then.
    let bytes = seed.repeat(1 + usize::from(repeat) * 16);
    let encode = |jobs: usize, cut: usize| {
        let mut writer = GzipWriter::new(Vec::new(), NonZeroUsize::new(jobs).unwrap());
        for chunk in bytes.chunks(cut.max(1)) {
            writer.write_all(chunk).unwrap();
        }
        writer.finish().unwrap();
        writer.into_inner()
    };
    let whole = encode(1, usize::MAX);
    assert!(whole == encode(2, usize::from(cut)));
    let mut back = Vec::new();
    flate2::read::GzDecoder::new(whole.as_slice()).read_to_end(&mut back).unwrap();
    assert!(back == bytes);
}
