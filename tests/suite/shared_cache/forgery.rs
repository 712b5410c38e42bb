//! Forged records of programs, made with full knowledge of their format and without the key.

use std::{
    fs,
    path::{Path, PathBuf},
};

use super::Machine;
use crate::support::{
    case::Case,
    elf,
    layout::sha256,
    seals::{FORGER, seal, unkeyed_seal},
};

const RECORD: &[u8] = b"hardpan record 2\n";
const SEALED: &[u8] = b"hardpan sealed 1\n";

/// Files below a folder that begin with `magic`.
fn found(folder: &Path, magic: &[u8]) -> Vec<PathBuf> {
    let mut paths = Vec::new();
    for entry in fs::read_dir(folder).into_iter().flatten().map(Result::unwrap) {
        let path = entry.path();
        if entry.file_type().unwrap().is_dir() {
            paths.extend(found(&path, magic));
        } else if fs::read(&path).unwrap().starts_with(magic) {
            paths.push(path);
        }
    }
    paths
}

fn hex(text: &str) -> Vec<u8> {
    (0..text.len()).step_by(2).map(|at| u8::from_str_radix(&text[at..at + 2], 16).unwrap()).collect()
}

/// Each seal that can be made without the key.
fn seals(parts: &[&[u8]]) -> [[u8; 32]; 3] {
    [seal(&FORGER, parts), unkeyed_seal(parts), [0; 32]]
}

#[test]
fn a_forged_record_names_no_program_that_is_taken() {
    let machine = Machine::go().aged(2);
    let digest = machine.build("go", &[]).0.ok().digest();
    let cache = machine.cache.path().join("hardpan");
    let evil = elf::static_amd64();
    let evil_digest = hex(sha256(&evil).trim_start_matches("sha256:"));
    fs::write(cache.join("blobs").join(sha256(&evil).trim_start_matches("sha256:")), &evil).unwrap();
    let [record] = <[PathBuf; 1]>::try_from(found(&cache.join("programs"), RECORD)).unwrap();
    let known = fs::read(&record).unwrap()[RECORD.len() + 32..].to_vec();
    let forged = [&evil_digest[..], &(evil.len() as u64).to_le_bytes(), &known[40..]].concat();
    let key = hex(record.file_name().unwrap().to_str().unwrap());
    for seal in seals(&[b"programs", &key, &forged]) {
        fs::write(&record, [RECORD, &seal, &forged].concat()).unwrap();
        // Another checkout, which knows the program by its inputs alone.
        let other = Machine { case: of_cache(&machine), cache: crate::support::case::scratch() }.aged(1);
        let (output, count) = other.build("go", &[]);
        assert!(count > 0 && output.ok().digest() == digest);
    }
}

/// The same program at another path, with the cache of `machine`.
fn of_cache(machine: &Machine) -> Case {
    Machine::go().case.env("XDG_CACHE_HOME", machine.cache.path())
}

#[test]
fn a_forged_result_of_an_earlier_compile_is_as_if_it_were_not_there() {
    let machine = Machine::go().aged(2);
    let digest = machine.build("go", &[]).0.ok().digest();
    let cache = machine.cache.path().join("hardpan");
    // The state of a file is the fingerprint of its fingerprint.
    let state = |bytes: &[u8]| *blake3::hash(blake3::hash(bytes).as_bytes()).as_bytes();
    let program = found(&cache.join("go"), b"\x7fELF").remove(0);
    let was = state(&fs::read(&program).unwrap());
    let evil = elf::static_amd64();
    let records = found(&cache.join("go"), SEALED);
    let record = records.iter().find(|path| memchr::memmem::find(&fs::read(path).unwrap(), &was).is_some());
    let record = record.expect("a record of the program").clone();
    let known = fs::read(&record).unwrap()[SEALED.len() + 32..].to_vec();
    let at = memchr::memmem::find(&known, &was).unwrap();
    let forged = [&known[..at], &state(&evil), &known[at + 32..]].concat();
    let place = record.strip_prefix(&cache).unwrap().to_str().unwrap().as_bytes().to_vec();
    for seal in seals(&[b"file", &place, &forged]) {
        fs::write(&record, [SEALED, &seal, &forged].concat()).unwrap();
        fs::write(&program, &evil).unwrap();
        // Of other records of the program there are none.
        let _ = fs::remove_dir_all(cache.join("programs"));
        let (output, count) = machine.build("go", &[]);
        let output = output.ok();
        assert!(count > 0 && output.digest() == digest, "{}", output.stderr);
    }
    let (output, count) = machine.build("go", &[]);
    assert_eq!((output.ok().digest(), count), (digest, 0), "in the end it is known again");
}
