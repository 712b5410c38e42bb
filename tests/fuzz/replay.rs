//! The fuzz targets without a fuzzer: on the seeds in `seeds`, on their beginnings, with single bytes changed, and on some
//! hundreds of changes by chance that are the same in every run. It needs no nightly compiler and takes seconds, and shows that
//! the targets compile and that they hold on what they are about.
//!
//! `HARDPAN_FUZZ_ROUNDS=100` makes a hundred times as many changes by chance.

#![allow(
    clippy::expect_used,
    clippy::unwrap_used,
    clippy::indexing_slicing,
    clippy::print_stdout,
    clippy::print_stderr,
    reason = "a test that cannot go on is a test that fails, here and with this message"
)]
#![allow(unreachable_pub, missing_docs, reason = "`pub` is for the fuzzer's programs, which share the targets")]

mod mutation;
mod targets;

use std::{collections::BTreeSet, env, fs, path::Path, thread};

use mutation::Mutator;

/// How many beginnings of a seed are tried, and how many of its bytes are changed.
const PLACES: usize = 48;
/// Bytes of an input that a failing test shows.
const SHOWN_BYTES: usize = 4096;

/// Shows the input of a target that panics.
struct Input<'a>(&'a [u8]);

impl Drop for Input<'_> {
    fn drop(&mut self) {
        if thread::panicking() {
            let shown = &self.0[..self.0.len().min(SHOWN_BYTES)];
            eprintln!("the input, {} bytes: \"{}\"", self.0.len(), shown.escape_ascii());
        }
    }
}

fn run_on(run: fn(&[u8]), bytes: &[u8]) {
    let _shown = Input(bytes);
    run(bytes);
}

fn folder(name: &str) -> std::path::PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/fuzz").join(name)
}

/// The seeds of a target, by their names.
fn seeds(name: &str) -> Vec<Vec<u8>> {
    let mut paths: Vec<_> =
        fs::read_dir(folder("seeds").join(name)).expect("seeds").map(|seed| seed.unwrap().path()).collect();
    paths.sort();
    assert!(!paths.is_empty(), "{name} has no seeds");
    paths.iter().map(|path| fs::read(path).unwrap()).collect()
}

/// Runs a target on its seeds, on what is nearly one of them, and on `rounds` changes by chance.
fn replay(name: &str, run: fn(&[u8]), rounds: usize) {
    let seeds = seeds(name);
    run_on(run, b"");
    // What a failing test prints last is where it failed.
    for (number, bytes) in seeds.iter().enumerate() {
        println!("seed {number}");
        run_on(run, bytes);
        for place in 0..PLACES.min(bytes.len()) {
            let at = place * bytes.len() / PLACES.min(bytes.len());
            println!("seed {number}, cut at {at}");
            run_on(run, &bytes[..at]);
            println!("seed {number}, changed at {at}");
            for byte in [0, 0xff, bytes[at] ^ 1] {
                let mut changed = bytes.clone();
                changed[at] = byte;
                run_on(run, &changed);
            }
        }
    }
    let factor = env::var("HARDPAN_FUZZ_ROUNDS").map_or(1, |text| text.parse().expect("a number"));
    let mut mutator = Mutator::new(1);
    for round in 0..rounds * factor {
        println!("round {round}");
        run_on(run, &mutator.changed(&seeds));
    }
}

/// A test for each target, with the number of its changes by chance: together they take about a minute of one processor.
macro_rules! replays {
    ($($name:ident: $rounds:expr,)*) => {
        $(#[test]
        fn $name() {
            replay(stringify!($name), targets::$name::run, $rounds);
        })*

        /// The names of all targets.
        const TARGETS: &[&str] = &[$(stringify!($name)),*];
    };
}

replays! {
    accounts: 2000,
    answer: 2000,
    archive: 200,
    audit: 200,
    cache: 500,
    cache_archive: 200,
    cargo: 1000,
    cargo_config: 500,
    certificates: 1000,
    challenge: 2000,
    credentials: 1000,
    deflate: 100,
    deployment: 1000,
    dockerfile: 500,
    elf: 2000,
    engine: 2000,
    go: 1000,
    go_source: 2000,
    gzip: 100,
    helper: 2000,
    ko: 500,
    layer: 500,
    layout: 300,
    ld_cache: 2000,
    lock: 1000,
    merge: 300,
    mirrors: 1000,
    packed: 600,
    policy: 1000,
    project: 500,
    recipe: 500,
    reference: 2000,
    secrets: 300,
    tar: 500,
    url: 2000,
}

#[test]
fn every_target_has_its_program_its_seeds_and_its_line_in_the_table() {
    let expected: BTreeSet<String> = TARGETS.iter().map(|name| (*name).to_owned()).collect();
    let read = |name: &str| fs::read_to_string(folder(name)).unwrap();
    let between = |text: &str, before: &str, after: &str| -> BTreeSet<String> {
        let lines = text.lines().filter_map(|line| Some(line.strip_prefix(before)?.split_once(after)?.0.to_owned()));
        lines.collect()
    };
    assert_eq!(between(&read("targets/mod.rs"), "pub mod ", ";"), expected);
    assert_eq!(between(&read("README.md"), "| `", "` |"), expected);
    assert_eq!(between(&read("Cargo.toml"), "path = \"fuzz_targets/", ".rs\""), expected);
    let names = |name: &str| -> BTreeSet<String> {
        let entries =
            fs::read_dir(folder(name)).unwrap().map(|entry| entry.unwrap().file_name().into_string().unwrap());
        entries.map(|name| name.trim_end_matches(".rs").to_owned()).collect()
    };
    assert_eq!(names("fuzz_targets"), expected);
    assert_eq!(names("seeds"), expected);
    for name in TARGETS {
        assert!(read(&format!("fuzz_targets/{name}.rs")).contains(&format!("targets::{name}::run(bytes)")), "{name}");
    }
}
