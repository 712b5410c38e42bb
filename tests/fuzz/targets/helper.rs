//! What a credential helper writes is a login or refused, and a refusal shows nothing but the first line of an error.

use hardpan::registry::fuzzing;

use super::checks;

pub fn run(bytes: &[u8]) {
    if let Err(failure) = fuzzing::helper_answer(bytes, true) {
        checks::refusal(&failure);
        let what = "the credential helper `docker-credential-fuzz` wrote something that is not its JSON";
        assert_eq!(failure.what, what);
    }
    match fuzzing::helper_answer(bytes, false) {
        Ok(found) => assert_eq!(found, None, "a helper that failed has given nothing"),
        Err(failure) => {
            checks::refusal(&failure);
            assert!(!failure.what.contains('\n') && failure.what.chars().count() < 2048);
        }
    }
}
