//! An answer of a registry is read: what is shown of it never holds what was sent.

use hardpan::registry::fuzzing;

use super::checks;

/// What was sent.
const SECRET: &str = "Tr0ub4dor-and-3";

pub fn run(bytes: &[u8]) {
    if let Some((record, again)) = fuzzing::shared_record(bytes) {
        // Besides the record there may be fields of others.
        assert!(record.len() < bytes.len() && fuzzing::shared_record(&again).is_some_and(|(same, _)| same == record));
    }
    if let Some(token) = fuzzing::token(bytes) {
        assert!(token.strip_prefix("Bearer ").is_some_and(|token| token.bytes().all(|byte| byte.is_ascii_graphic())));
    }
    let Some(answer) = fuzzing::answer(bytes, SECRET) else { return };
    for said in answer.warnings.iter().chain([&answer.refusal]) {
        checks::sentence(said);
        assert!(!said.contains('\n') && said.contains("registry.example"), "{said:?}");
        assert!(!said.to_lowercase().contains(&SECRET.to_lowercase()), "{said:?}");
    }
    if let Some(url) = answer.location {
        assert_eq!(fuzzing::url(&url), Some(url));
    }
}
