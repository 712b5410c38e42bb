//! A recipe is parsed or refused; a parsed one is written out with all that it extends, and is the same recipe then.

use hardpan::recipe;

use super::checks;

pub fn run(bytes: &[u8]) {
    let text = checks::text(bytes);
    match recipe::parse("fuzz.toml", &text) {
        Ok(_) => {
            let Ok(resolved) = recipe::resolved_text("fuzz.toml", &text, &[], "fuzz") else { return };
            recipe::parse("fuzz.toml", &resolved).expect("what was written");
            let again = recipe::resolved_text("fuzz.toml", &resolved, &[], "fuzz").expect("what was written");
            assert_eq!(again, resolved);
        }
        Err(failure) => {
            checks::refusal(&failure);
            assert!(failure.place.is_some(), "{failure}");
        }
    }
}
