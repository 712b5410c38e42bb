//! Literals and copies at the distances and lengths where an encoder goes wrong; two decoders read them back.
#![no_main]

#[path = "../targets/deflate.rs"]
mod target;

libfuzzer_sys::fuzz_target!(|words: Vec<(Vec<u8>, u32, u16)>| target::run(words));
