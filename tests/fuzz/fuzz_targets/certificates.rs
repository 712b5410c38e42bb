//! A file of roots is read or refused; what is accepted reads back.
#![no_main]

#[path = "../targets/certificates.rs"]
mod target;

libfuzzer_sys::fuzz_target!(|bytes: &[u8]| target::run(bytes));
