//! How fast the stages of a layer are, each for itself, and how slow the encoder can be made.
//!
//! ```console
//! $ cargo bench --bench layer             on 32 MiB of the cargo that runs this
//! $ cargo bench --bench layer -- FILE...  on these files
//! ```
//!
//! Medians of five rounds by the wall clock. Nothing here fails because of a time: look, and compare two runs on the
//! same quiet machine.
#![allow(clippy::unwrap_used, clippy::print_stdout, clippy::cast_precision_loss, clippy::cast_possible_truncation)]

use std::{
    fs,
    hint::black_box,
    io::{self, Write as _},
    num::NonZeroUsize,
    sync::Arc,
    time::Instant,
};

use hardpan::{
    audit::{LayerWatch, SeenLayers},
    cache::Fingerprint,
    layer::{EntryKind, LayerEntry, write_tar},
    oci::{Digest, ImagePath},
};
use hardpan_deflate::GzipWriter;
use sha2::Digest as _;

const ROUNDS: usize = 5;
/// Of the default payload; what is made to be slow has a quarter of a payload, at most of this one.
const BYTES: usize = 32 << 20;

/// Seconds, the median.
fn seconds(mut work: impl FnMut()) -> f64 {
    let mut rounds: Vec<f64> = (0..ROUNDS)
        .map(|_| {
            let start = Instant::now();
            work();
            start.elapsed().as_secs_f64()
        })
        .collect();
    rounds.sort_by(f64::total_cmp);
    rounds[ROUNDS / 2]
}

fn gzip(bytes: &[u8], jobs: usize) -> usize {
    let mut writer = GzipWriter::new(Vec::new(), NonZeroUsize::new(jobs).unwrap());
    writer.write_all(bytes).unwrap();
    writer.finish().unwrap();
    writer.into_inner().len()
}

fn scan(tar: &[u8]) {
    let mut watch = LayerWatch::default();
    tar.chunks(64 << 10).for_each(|piece| watch.push(piece));
    SeenLayers::default().keep(Digest::of(b""), watch);
}

/// splitmix64.
struct Numbers(u64);

impl Numbers {
    fn next(&mut self) -> u64 {
        self.0 = self.0.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let mixed = (self.0 ^ (self.0 >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        let mixed = (mixed ^ (mixed >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        mixed ^ (mixed >> 31)
    }

    fn below(&mut self, bound: usize) -> usize {
        (self.next() % bound as u64) as usize
    }

    fn noise(&mut self, length: usize) -> Vec<u8> {
        (0..length).map(|_| self.next() as u8).collect()
    }
}

/// One of `pool` phrases of `length` bytes, from its start or a little later, and `between` new bytes; over and over.
fn phrases(wanted: usize, length: usize, between: usize, pool: usize) -> Vec<u8> {
    let mut numbers = Numbers(length as u64);
    let pool: Vec<_> = (0..pool).map(|_| numbers.noise(length)).collect();
    let mut bytes = Vec::with_capacity(wanted + length + between);
    while bytes.len() < wanted {
        let phrase = &pool[numbers.below(pool.len())];
        bytes.extend_from_slice(&phrase[numbers.below(length / 2 + 1)..]);
        bytes.extend(numbers.noise(between));
    }
    bytes
}

/// The slowest that we found, and what is slow for other encoders.
fn worst(wanted: usize) -> Vec<(&'static str, Vec<u8>)> {
    let counter = (0..wanted as u32 / 4).flat_map(u32::to_be_bytes).collect();
    let alphabet = |count| (0..wanted).map(move |at| Numbers(at as u64).below(count) as u8).collect();
    vec![
        ("50 phrases of 3 bytes, 1 new one", phrases(wanted, 3, 1, 50)),
        ("500 phrases of 4 bytes, 1 new one", phrases(wanted, 4, 1, 500)),
        ("5000 phrases of 5 bytes, 1 new one", phrases(wanted, 5, 1, 5000)),
        ("one phrase of 63 bytes, 1 new one", phrases(wanted, 63, 1, 1)),
        ("one phrase of 257 bytes, 1 new one", phrases(wanted, 257, 1, 1)),
        ("all the same", vec![0; wanted]),
        ("two symbols", alphabet(2)),
        ("four symbols", alphabet(4)),
        ("64 symbols", alphabet(64)),
        ("noise", alphabet(256)),
        ("a counter", counter),
    ]
}

fn payload() -> Vec<u8> {
    let files: Vec<_> = std::env::args().skip(1).filter(|word| !word.starts_with("--")).collect();
    if files.is_empty() {
        let mut bytes = fs::read(std::env::var_os("CARGO").unwrap()).unwrap();
        bytes.truncate(BYTES);
        return bytes;
    }
    files.iter().flat_map(|file| fs::read(file).unwrap()).collect()
}

fn main() {
    let bytes = payload();
    let megabytes = |length: usize| length as f64 / 1e6;
    println!("{:.1} MB", megabytes(bytes.len()));
    let row = |stage: &str, seconds: f64| println!("{stage:>20} {:8.0} MB/s", megabytes(bytes.len()) / seconds);

    row("copy", seconds(|| drop(black_box(bytes.clone()))));
    let path = ImagePath::parse("/usr/bin/program").unwrap();
    let kind = EntryKind::File { size: bytes.len() as u64, content: Arc::new(bytes.clone()) };
    let entries = [LayerEntry { path, mode: 0o555, uid: 0, gid: 0, kind }];
    row("tar", seconds(|| write_tar(&entries, &mut io::sink()).unwrap()));
    row("SHA-256", seconds(|| _ = black_box(Digest::of(&bytes))));
    // Its limit is the other implementation in the tree; that of the scan is the compression that it runs beside.
    row("SHA-256 by sha2", seconds(|| _ = black_box(sha2::Sha256::digest(&bytes))));
    row("BLAKE3", seconds(|| _ = black_box(Fingerprint::of(&bytes))));
    let mut tar = Vec::new();
    write_tar(&entries, &mut tar).unwrap();
    row("scan for the gate", seconds(|| scan(&tar)));
    let one = seconds(|| _ = black_box(gzip(&bytes, 1)));
    row("gzip, 1 thread", one);
    let jobs = std::thread::available_parallelism().map_or(1, NonZeroUsize::get);
    row(&format!("gzip, {jobs} threads"), seconds(|| _ = black_box(gzip(&bytes, jobs))));
    println!("{:>20} {:8.4}", "gzip, size", gzip(&bytes, jobs) as f64 / bytes.len() as f64);

    let usual = one / megabytes(bytes.len());
    println!("the encoder's time for as many bytes as above, made to be slow; at most 2 is what its page says");
    for (name, bytes) in worst(bytes.len().min(BYTES) / 4) {
        let times = seconds(|| _ = black_box(gzip(&bytes, 1))) / megabytes(bytes.len()) / usual;
        println!("{times:20.2} {name}");
    }
}
