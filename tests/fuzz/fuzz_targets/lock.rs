//! A lock is parsed or refused; one that is parsed is written and read back the same.
#![no_main]

#[path = "../targets/lock.rs"]
mod target;

libfuzzer_sys::fuzz_target!(|text: &str| target::run(text));
