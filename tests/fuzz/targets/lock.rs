//! A lock is parsed or refused; one that is parsed is written and read back the same.

use hardpan::recipe;

use super::checks;

pub fn run(bytes: &[u8]) {
    match recipe::parse_lock("fuzz.lock", &checks::text(bytes)) {
        Ok(file) => {
            let again =
                recipe::parse_lock("fuzz.lock", &file.lock.to_text(Some("fuzz.toml"))).expect("what was written");
            assert_eq!(again.lock, file.lock);
        }
        Err(failure) => {
            checks::refusal(&failure);
            assert!(failure.place.is_some(), "{failure}");
        }
    }
}
