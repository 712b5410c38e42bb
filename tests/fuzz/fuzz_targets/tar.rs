//! The entries of a foreign layer are read, or it is refused.
#![no_main]

#[path = "../targets/tar.rs"]
mod target;

libfuzzer_sys::fuzz_target!(|bytes: &[u8]| target::run(bytes));
