//! Any bytes for layers and any config are audited: there is a report, the same one twice, and it can be written.
#![no_main]

#[path = "../targets/audit.rs"]
mod target;

libfuzzer_sys::fuzz_target!(|input: (Vec<Vec<u8>>, String)| target::run(input));
