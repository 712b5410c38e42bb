//! Any bytes are searched for secrets; the cuts change nothing, and what is shown never holds what was found.
#![no_main]

#[path = "../targets/secrets.rs"]
mod target;

libfuzzer_sys::fuzz_target!(|input: (Vec<u8>, u8, u16, u8)| target::run(input));
