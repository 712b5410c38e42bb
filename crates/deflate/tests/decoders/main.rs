//! The encoder against decoders that others wrote, and against other processors.
//!
//! A million streams are judged by zlib, libdeflate, Go's compress/flate, zlib-rs and `miniz_oxide`. hardpan's `format = 1`
//! consists of these streams, so a digest of them is held here.

#![allow(
    clippy::expect_used,
    clippy::unwrap_used,
    reason = "a test that cannot go on is a test that fails, here and with this message"
)]
#![allow(clippy::cast_possible_truncation, reason = "bytes are cut out of numbers")]
#![allow(unreachable_pub, reason = "`pub` marks what the tests may use of the modules")]

mod corpus;
mod judges;

use std::{
    io::{Read as _, Write as _},
    num::NonZeroUsize,
    process::Command,
    thread,
};

use hardpan_deflate::{Deflater, GzipWriter};
use judges::{Judge, Kind};
use sha2::Digest as _;

/// Inputs that are judged: in half a minute on two processors, which without optimisation would be half an hour.
const INPUTS: u64 = if cfg!(debug_assertions) { 20_000 } else { 1_000_000 };
/// Inputs of the golden digest. Emulated, each takes ten times as long.
const GOLDEN_INPUTS: u64 = 2_000;

/// All streams of the corpus of the golden digest, one after the other.
const GOLDEN: &str = "524305c2a05fccc4c815de42febdbad27839093e0ecb73255c6693e576b7abd6";
/// The corpus itself: when this moves, it is the test that changed.
const CORPUS: &str = "fb2c02c5db1f32ab0d601f5093dde29c44f649d5cd295226ad5f6b111d40fb4a";

fn sha256(bytes: &[u8]) -> String {
    let digits = |byte: &u8| [byte >> 4, byte & 15].map(|digit| char::from(b"0123456789abcdef"[usize::from(digit)]));
    sha2::Sha256::digest(bytes).iter().flat_map(digits).collect()
}

/// Compresses in calls of the lengths that `cuts` gives, over and over.
fn gzip(bytes: &[u8], jobs: usize, cuts: &[usize]) -> Vec<u8> {
    let mut writer = GzipWriter::new(Vec::new(), NonZeroUsize::new(jobs).unwrap());
    let mut rest = bytes;
    for cut in cuts.iter().cycle() {
        if rest.is_empty() {
            break;
        }
        let (now, later) = rest.split_at((*cut).min(rest.len()));
        writer.write_all(now).unwrap();
        rest = later;
    }
    writer.finish().unwrap();
    writer.into_inner()
}

#[test]
fn the_streams_of_format_1() {
    let mut deflater = Deflater::new();
    let (mut corpus, mut streams) = (Vec::new(), Vec::new());
    for bytes in (0..GOLDEN_INPUTS).map(corpus::small) {
        streams.extend(deflater.deflate(bytes.clone(), true));
        streams.extend(deflater.deflate(bytes.clone(), false));
        corpus.extend(bytes);
    }
    for bytes in corpus::borders() {
        streams.extend(gzip(&bytes, 1, &[1 << 20]));
        corpus.extend(bytes);
    }
    assert_eq!(sha256(&corpus), CORPUS, "the input of this test is another one");
    assert_eq!(sha256(&streams), GOLDEN, "`format = 1` has other bytes than before");
}

#[test]
fn threads_and_short_reads_do_not_matter() {
    for bytes in corpus::borders().filter(|bytes| bytes.len() > 1 << 19) {
        let member = gzip(&bytes, 1, &[1 << 20]);
        for (jobs, cuts) in [(1, &[8192][..]), (2, &[1, 4095, 70_000]), (5, &[(1 << 20) - 1]), (16, &[3, 1 << 21])] {
            assert!(gzip(&bytes, jobs, cuts) == member, "{jobs} threads, {} bytes", bytes.len());
        }
    }
}

/// This program starts itself under an emulator, so that the digest it holds is found by each of them.
#[test]
fn the_streams_are_the_same_on_other_processors() {
    for model in ["qemu64", "core2duo", "Nehalem", "Haswell"] {
        let mut command = Command::new("qemu-x86_64-static");
        command.args(["-cpu", model]).arg(std::env::current_exe().unwrap());
        let output =
            command.args(["--exact", "the_streams_of_format_1"]).output().expect("qemu; `tests/run` installs it");
        let said = String::from_utf8_lossy(&output.stdout);
        assert!(output.status.success() && said.contains("1 passed"), "{model}: {said}");
    }
}

/// Reads back with the two decoders that are libraries of Rust.
fn assert_reads_back(stream: &[u8], bytes: &[u8], number: u64) {
    assert!(miniz_oxide::inflate::decompress_to_vec(stream).is_ok_and(|back| back == bytes), "miniz_oxide: {number}");
    let mut back = Vec::with_capacity(bytes.len());
    let mut decoder = flate2::bufread::DeflateDecoder::new(stream);
    decoder.read_to_end(&mut back).unwrap_or_else(|error| panic!("zlib-rs: {number}: {error}"));
    assert!(back == bytes, "zlib-rs: {number}");
    assert!(decoder.into_inner().is_empty(), "zlib-rs: {number}: something follows the stream");
}

/// Every `step`th input from `from` on.
fn judge(from: u64, step: usize) -> u64 {
    let mut judges = Judge::all();
    let mut deflater = Deflater::new();
    let mut count = 0;
    for number in (from..INPUTS).step_by(step) {
        let bytes = corpus::small(number);
        let mut stream = deflater.deflate(bytes.clone(), number % 3 != 0);
        assert!(stream.len() <= bytes.len() + 5 * (2 + bytes.len() / 65_535), "{number} grew to {}", stream.len());
        if number % 3 == 0 {
            // A block that is not the last one ends at a byte border; what follows is the end of a stream.
            stream.extend([3, 0]);
        }
        assert_reads_back(&stream, &bytes, number);
        for judge in &mut judges {
            judge.show(Kind::Raw, &bytes, &stream);
        }
        count += 1;
    }
    for judge in judges {
        assert_eq!(judge.verdict(), count);
    }
    count
}

#[test]
fn decoders_by_others_read_a_million_inputs_back() {
    let shares: Vec<_> = (0..2).map(|from| thread::spawn(move || judge(from, 2))).collect();
    let judged: u64 = shares.into_iter().map(|share| share.join().unwrap()).sum();
    assert_eq!(judged, INPUTS);
}

#[test]
fn decoders_by_others_read_members_that_end_at_borders() {
    let mut judges = Judge::all();
    let mut count = 0;
    for bytes in corpus::borders().chain((0..2_000).map(corpus::small)) {
        let member = gzip(&bytes, 2, &[1 << 20]);
        let mut back = Vec::new();
        flate2::read::GzDecoder::new(member.as_slice()).read_to_end(&mut back).unwrap();
        assert!(back == bytes, "zlib-rs: {} bytes", bytes.len());
        for judge in &mut judges {
            judge.show(Kind::Gzip, &bytes, &member);
        }
        count += 1;
    }
    for judge in judges {
        assert_eq!(judge.verdict(), count);
    }
}

/// Slices of programs: this one and the linker's tables that are in it.
#[test]
fn decoders_by_others_read_slices_of_programs_back() {
    let program = std::fs::read(std::env::current_exe().unwrap()).unwrap();
    let mut judges = Judge::all();
    let mut deflater = Deflater::new();
    let mut numbers = corpus::Numbers::new(1);
    let count = if cfg!(debug_assertions) { 500 } else { 20_000 };
    for number in 0..count {
        let (from, length) = (numbers.below(program.len()), numbers.below(8_000));
        let bytes = &program[from..program.len().min(from + length)];
        let stream = deflater.deflate(bytes.to_vec(), true);
        assert_reads_back(&stream, bytes, number);
        for judge in &mut judges {
            judge.show(Kind::Raw, bytes, &stream);
        }
    }
    for judge in judges {
        assert_eq!(judge.verdict(), count);
    }
}

#[test]
fn a_judge_finds_what_is_wrong() {
    for judge in 0..3 {
        for (bytes, stream) in
            [(&b"abd"[..], &b"\x4b\x4c\x4a\x06\x00"[..]), (b"abc", b"\x4b\x4c\x4a\x06\x00!"), (b"abc", b"\x4b\x4c\x4a")]
        {
            let mut judge = Judge::all().swap_remove(judge);
            judge.show(Kind::Raw, b"abc", b"\x4b\x4c\x4a\x06\x00");
            judge.show(Kind::Raw, bytes, stream);
            let verdict = std::panic::catch_unwind(std::panic::AssertUnwindSafe(|| judge.verdict()));
            assert!(verdict.is_err(), "{bytes:?} {stream:?}");
        }
    }
}
