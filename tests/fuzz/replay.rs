//! The fuzz targets without a fuzzer: on the seeds in `seeds`, on their beginnings, and with single bytes changed. It needs no
//! nightly compiler and takes seconds, and shows that the targets compile and that they hold on what they are about.

#![allow(
    clippy::expect_used,
    clippy::unwrap_used,
    clippy::indexing_slicing,
    clippy::print_stdout,
    reason = "a test that cannot go on is a test that fails, here and with this message"
)]
#![allow(unreachable_pub, reason = "`pub` is for the fuzzer's programs, which share the targets")]

#[path = "targets/audit.rs"]
mod audit;
#[path = "targets/certificates.rs"]
mod certificates;
#[path = "targets/deflate.rs"]
mod deflate;
#[path = "targets/elf.rs"]
mod elf;
#[path = "targets/gzip.rs"]
mod gzip;
#[path = "targets/layout.rs"]
mod layout;
#[path = "targets/lock.rs"]
mod lock;
#[path = "targets/recipe.rs"]
mod recipe;
#[path = "targets/secrets.rs"]
mod secrets;
#[path = "targets/tar.rs"]
mod tar;

use std::{fs, path::Path};

/// How many beginnings of a seed are tried, and how many of its bytes are changed.
const PLACES: usize = 48;

/// Runs a target on the seeds in the folder `name` and on what is nearly one of them.
fn replay(name: &str, run: impl Fn(&[u8])) {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/fuzz/seeds").join(name);
    let mut seeds: Vec<_> = fs::read_dir(folder).expect("the seeds").map(|seed| seed.expect("a seed").path()).collect();
    seeds.sort();
    assert!(!seeds.is_empty(), "{name} has no seeds");
    run(b"");
    for seed in seeds {
        // What a failing test prints last is what it failed on.
        println!("{}", seed.display());
        let bytes = fs::read(seed).expect("a seed");
        run(&bytes);
        for place in 0..PLACES.min(bytes.len()) {
            let at = place * bytes.len() / PLACES.min(bytes.len());
            println!("cut at {at}");
            run(&bytes[..at]);
            println!("changed at {at}");
            for byte in [0, 0xff, bytes[at] ^ 1] {
                let mut changed = bytes.clone();
                changed[at] = byte;
                run(&changed);
            }
        }
    }
}

/// The same for a target that reads a text.
fn replay_text(name: &str, run: impl Fn(&str)) {
    replay(name, |bytes| run(&String::from_utf8_lossy(bytes)));
}

/// The two halves of a seed, which a line of dashes divides.
fn halves(bytes: &[u8]) -> (&[u8], &[u8]) {
    const LINE: &[u8] = b"\n----\n";
    let at = bytes.windows(LINE.len()).position(|window| window == LINE);
    at.map_or((bytes, &[]), |at| (&bytes[..at], &bytes[at + LINE.len()..]))
}

#[test]
fn audit() {
    replay("audit", |bytes| {
        let (config, tar) = halves(bytes);
        audit::run((vec![tar.to_vec()], String::from_utf8_lossy(config).into_owned()));
    });
}

#[test]
fn certificates() {
    replay("certificates", certificates::run);
}

#[test]
fn deflate() {
    replay("deflate", |bytes| {
        let word = |bytes: &[u8]| {
            let numbers = bytes.iter().fold(0_u32, |sum, byte| sum.wrapping_mul(257).wrapping_add(u32::from(*byte)));
            (bytes.to_vec(), numbers, u16::from(bytes[0]) * 5)
        };
        deflate::run(bytes.chunks(11).map(word).collect());
    });
}

#[test]
fn elf() {
    replay("elf", elf::run);
}

#[test]
fn gzip() {
    replay("gzip", |bytes| gzip::run((bytes.to_vec(), bytes.first().copied().unwrap_or(0) % 8, 1000)));
}

#[test]
fn layout() {
    replay("layout", |bytes| {
        let (index, blob) = halves(bytes);
        layout::run((index.to_vec(), blob.to_vec()));
    });
}

#[test]
fn lock() {
    replay_text("lock", lock::run);
}

#[test]
fn recipe() {
    replay_text("recipe", recipe::run);
}

#[test]
fn secrets() {
    replay("secrets", |bytes| {
        for path in 0..12 {
            secrets::run((bytes.to_vec(), path, 100, 0));
        }
    });
}

#[test]
fn tar() {
    replay("tar", tar::run);
}
