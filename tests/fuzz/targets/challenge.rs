//! The lines are `WWW-Authenticate` fields: one is chosen, or their names are told.

use hardpan::registry::fuzzing;

use super::checks;

pub fn run(bytes: &[u8]) {
    let text = checks::text(bytes);
    let fields: Vec<&str> = text.lines().collect();
    let chosen = fuzzing::challenge(&fields);
    let with_password: Vec<&str> = ["Basic realm=\"last\""].into_iter().chain(fields.iter().copied()).collect();
    match &chosen {
        Ok(Some(bearer)) => {
            assert!(bearer.scopes.iter().all(|scope| !scope.is_empty() && !scope.contains(char::is_whitespace)));
            assert!(bearer.realm.chars().all(|c| text.contains(c)));
            if let Some((url, shown)) = fuzzing::token_request(bearer) {
                assert!(url.bytes().all(|byte| byte.is_ascii_graphic()), "{url}");
                assert!(!shown.contains('?') && url.starts_with(&shown), "{url} {shown}");
                // What the scopes say may make it longer than an address that is taken from elsewhere.
                assert!(fuzzing::url(&url).is_none_or(|again| again == url));
            }
        }
        Ok(None) => {}
        Err(names) => {
            assert!(names.len() <= fuzzing::CHALLENGES * fields.len());
            assert!(names.iter().all(|name| !name.is_empty() && *name == name.to_ascii_lowercase()));
            assert!(names.iter().all(|name| name != "basic"));
        }
    }
    // A password is for those that give no tokens, wherever the word stands.
    if fields.len() < fuzzing::CHALLENGES {
        assert_eq!(fuzzing::challenge(&with_password), chosen.or(Ok(None)));
    }
}
