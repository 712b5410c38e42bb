//! A layout that somebody else made is read or refused.
#![no_main]

#[path = "../targets/layout.rs"]
mod target;

libfuzzer_sys::fuzz_target!(|documents: (Vec<u8>, Vec<u8>)| target::run(documents));
