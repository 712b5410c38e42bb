//! A recipe is parsed or refused.
#![no_main]

#[path = "../targets/recipe.rs"]
mod target;

libfuzzer_sys::fuzz_target!(|text: &str| target::run(text));
