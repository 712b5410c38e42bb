//! The encoder's bytes decode to the input, whatever the cuts and the threads.
#![no_main]

#[path = "../targets/gzip.rs"]
mod target;

libfuzzer_sys::fuzz_target!(|input: (Vec<u8>, u8, u16)| target::run(input));
