//! Parses `WWW-Authenticate` (RFC 9110, section 11.6.1) and chooses the challenge to answer: bearer before basic.

use crate::report::Limits;

/// One challenge that hardpan can answer.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(in crate::registry) enum Challenge {
    /// A token from elsewhere (docker's token authentication).
    Bearer {
        /// Where tokens are had. Foreign text.
        realm: String,
        /// Whom the token is for.
        service: Option<String>,
        /// What it must allow.
        scopes: Vec<String>,
    },
    /// Name and password.
    Basic,
}

/// The best challenge of all header fields: a token before a password, because a token ends. None of ours: the names
/// of those that are there.
pub(in crate::registry) fn choose_challenge<'a>(
    fields: impl Iterator<Item = &'a str>,
) -> Result<Challenge, Vec<String>> {
    let mut all = Vec::new();
    for field in fields.take(Limits::CHALLENGES) {
        all.extend(parse(field));
    }
    let bearer = all.iter().find_map(|(scheme, parameters)| {
        let value = |name: &str| parameters.iter().find(|(known, _)| known == name).map(|(_, value)| value.clone());
        if scheme != "bearer" {
            return None;
        }
        let scopes = value("scope").map(|scope| scope.split_whitespace().map(str::to_owned).collect());
        Some(Challenge::Bearer {
            realm: value("realm")?,
            service: value("service"),
            scopes: scopes.unwrap_or_default(),
        })
    });
    match bearer {
        Some(bearer) => Ok(bearer),
        None if all.iter().any(|(scheme, _)| scheme == "basic") => Ok(Challenge::Basic),
        None => Err(all.into_iter().map(|(scheme, _)| scheme).collect()),
    }
}

/// Scheme in lower case, and parameters with names in lower case.
type SchemeParameters = (String, Vec<(String, String)>);

/// The challenges of one field. What cannot be read ends it: the ones before stand.
fn parse(field: &str) -> Vec<SchemeParameters> {
    let mut challenges: Vec<SchemeParameters> = Vec::new();
    let mut rest = field.trim();
    while challenges.len() < Limits::CHALLENGES {
        rest = rest.trim_start_matches([' ', '\t', ',']);
        let Some((word, after)) = token(rest) else { return challenges };
        let after_word = after.trim_start_matches([' ', '\t']);
        if let Some(value) = after_word.strip_prefix('=').filter(|value| !is_padding(value)) {
            let Some((value, after)) = parameter(value.trim_start_matches([' ', '\t'])) else { return challenges };
            let Some((_, parameters)) = challenges.last_mut() else { return challenges };
            let name = word.to_ascii_lowercase();
            // The first parameter of a name counts: a later one must not replace the realm.
            if parameters.len() < Limits::CHALLENGES && !parameters.iter().any(|(known, _)| *known == name) {
                parameters.push((name, value));
            }
            rest = after;
        } else {
            challenges.push((word.to_ascii_lowercase(), Vec::new()));
            // `Negotiate YII...=`: a blob instead of parameters.
            rest = skip_token68(after);
        }
    }
    challenges
}

/// Whether what follows an `=` is the end of base64, not a value.
fn is_padding(value: &str) -> bool {
    let rest = value.trim_start_matches('=').trim_start();
    rest.is_empty() || rest.starts_with(',')
}

fn skip_token68(after: &str) -> &str {
    let Some(rest) = after.strip_prefix(' ') else { return after };
    let end = rest.find(|c: char| !(c.is_ascii_alphanumeric() || "-._~+/".contains(c))).unwrap_or(rest.len());
    let (_, tail) = rest.split_at_checked(end).unwrap_or((rest, ""));
    let tail = tail.trim_start_matches('=').trim_start();
    if end > 0 && (tail.is_empty() || tail.starts_with(',')) { tail } else { after }
}

/// RFC 9110, `token`.
fn token(text: &str) -> Option<(&str, &str)> {
    let end = text.find(|c: char| !(c.is_ascii_alphanumeric() || "!#$%&'*+-.^_`|~".contains(c))).unwrap_or(text.len());
    if end == 0 { None } else { text.split_at_checked(end) }
}

/// A token or a quoted string.
fn parameter(text: &str) -> Option<(String, &str)> {
    let Some(quoted) = text.strip_prefix('"') else {
        // Not only a token: some registries leave the quotes away around an address.
        let end = text.find([',', ' ', '\t']).unwrap_or(text.len());
        let (value, rest) = text.split_at_checked(end)?;
        return Some((value.to_owned(), rest));
    };
    let mut value = String::new();
    let mut chars = quoted.char_indices();
    while let Some((at, c)) = chars.next() {
        match c {
            '"' => return Some((value, quoted.get(at + 1..)?)),
            '\\' => value.push(chars.next()?.1),
            c => value.push(c),
        }
    }
    None
}

#[cfg(test)]
mod tests {
    use super::*;

    fn bearer(realm: &str, service: Option<&str>, scopes: &[&str]) -> Challenge {
        Challenge::Bearer {
            realm: realm.into(),
            service: service.map(str::to_owned),
            scopes: scopes.iter().map(|scope| (*scope).to_owned()).collect(),
        }
    }

    #[test]
    fn a_token_is_preferred_among_several_challenges_in_one_field_or_in_many() {
        let docker = "Bearer realm=\"https://a/token\",service=\"s\",scope=\"repository:a/b:pull,push registry:x:*\"";
        let expected = bearer("https://a/token", Some("s"), &["repository:a/b:pull,push", "registry:x:*"]);
        assert_eq!(choose_challenge([docker].into_iter()), Ok(expected.clone()));
        assert_eq!(choose_challenge(["Negotiate", "Basic realm=\"x\"", docker].into_iter()), Ok(expected.clone()));
        let one = format!("Negotiate YIIx+/==, Basic realm=\"a, b\", {docker}");
        assert_eq!(choose_challenge([&*one].into_iter()), Ok(expected));
        assert_eq!(
            choose_challenge(["bearer realm=https://a/t , SERVICE=s"].into_iter()),
            Ok(bearer("https://a/t", Some("s"), &[]))
        );
        assert_eq!(choose_challenge(["Negotiate, Basic realm=x"].into_iter()), Ok(Challenge::Basic));
        assert_eq!(choose_challenge(["BASIC"].into_iter()), Ok(Challenge::Basic));
    }

    #[test]
    fn what_cannot_be_answered_is_named_and_garbage_ends_nothing_but_itself() {
        assert_eq!(choose_challenge(["Negotiate, NTLM"].into_iter()), Err(vec!["negotiate".into(), "ntlm".into()]));
        assert_eq!(choose_challenge([].into_iter()), Err(Vec::new()));
        assert_eq!(choose_challenge(["Bearer service=\"s\""].into_iter()), Err(vec!["bearer".into()]));
        assert_eq!(choose_challenge(["Basic realm=\"unclosed"].into_iter()), Ok(Challenge::Basic));
        assert_eq!(choose_challenge(["=,=,\"\"", "Basic"].into_iter()), Ok(Challenge::Basic));
        let twice = "Bearer realm=\"https://a\",realm=\"https://b\"";
        assert_eq!(choose_challenge([twice].into_iter()), Ok(bearer("https://a", None, &[])));
        assert_eq!(choose_challenge(["Bearer realm=\"a\\\"b\""].into_iter()), Ok(bearer("a\"b", None, &[])));
        let many = "x,".repeat(100_000);
        assert!(choose_challenge([&*many].into_iter()).is_err_and(|names| names.len() == Limits::CHALLENGES));
    }
}
