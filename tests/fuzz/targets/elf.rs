//! A program's headers are read, or it is said why not.
#![no_main]

use libfuzzer_sys::fuzz_target;

fuzz_target!(|bytes: &[u8]| {
    let sentence = hardpan::build::fuzzing::elf(bytes);
    assert!(!sentence.is_empty());
});
