//! A lock is parsed or refused; one that is parsed is written and read back the same.

use hardpan::{recipe, report::FailurePlace};

pub fn run(text: &str) {
    match recipe::parse_lock("fuzz.lock", text) {
        Ok(file) => {
            let again =
                recipe::parse_lock("fuzz.lock", &file.lock.to_text(Some("fuzz.toml"))).expect("what was written");
            assert_eq!(again.lock, file.lock);
        }
        Err(failure) => {
            assert!(!failure.what.is_empty());
            if let Some(FailurePlace::Recipe(origin)) = &failure.place {
                assert!(origin.source.text.get(origin.span.clone()).is_some());
            }
            assert!(!failure.to_string().chars().any(|c| c.is_control() && c != '\n'));
        }
    }
}
