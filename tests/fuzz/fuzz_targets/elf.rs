//! A program's headers are read, or it is said why not.
#![no_main]

#[path = "../targets/elf.rs"]
mod target;

libfuzzer_sys::fuzz_target!(|bytes: &[u8]| target::run(bytes));
