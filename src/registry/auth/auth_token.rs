//! Requests for bearer tokens, and the tokens (distribution, "Token Authentication Specification"): `GET` with a
//! password, OAuth 2 `POST` with an identity token. `http::login` sends them.

use std::collections::BTreeSet;

use base64ct::{Base64, Encoding as _};
use serde::Deserialize;

use super::Credential;
use crate::registry::{
    Login, Secret,
    url::{Url, escape},
};

/// What is sent as `Authorization`.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(in crate::registry) enum AuthToken {
    /// `Bearer`.
    Bearer(Secret),
    /// `Basic`.
    Basic(Login),
}

/// What a token must allow: `repository:NAME:pull` and the like.
pub(in crate::registry) type TokenScopes = BTreeSet<String>;

/// Whether a scope asks for nothing that is not wanted already.
pub(in crate::registry) fn covers_scope(wanted: &TokenScopes, scope: &str) -> bool {
    let Some((name, actions)) = scope.rsplit_once(':') else { return scope.is_empty() || wanted.contains(scope) };
    wanted.iter().filter_map(|known| known.rsplit_once(':')).any(|(known, granted)| {
        known == name && actions.split(',').all(|action| granted.split(',').any(|one| one == action))
    })
}

/// A request for a token.
#[derive(Debug)]
pub(in crate::registry) struct TokenRequest {
    /// Where to.
    pub(in crate::registry) url: Url,
    /// Of a `POST`, form-encoded; none is a `GET`.
    pub(in crate::registry) form: Option<Secret>,
    /// With it.
    pub(in crate::registry) authorization: Option<AuthToken>,
}

impl AuthToken {
    /// What of it a registry could repeat, in the forms in which it is sent.
    pub(in crate::registry) fn secrets(&self) -> Vec<Secret> {
        match self {
            Self::Bearer(token) => vec![token.clone(), Secret::new(escape(token.reveal()))],
            Self::Basic(Login { username, password }) => {
                let pair = format!("{username}:{}", password.reveal());
                let encoded = [password.reveal(), &pair].map(|text| Base64::encode_string(text.as_bytes()));
                let all = [password.reveal().to_owned(), escape(password.reveal())].into_iter().chain(encoded);
                all.map(Secret::new).collect()
            }
        }
    }

    /// The header field's value.
    pub(in crate::registry) fn header(&self) -> Secret {
        match self {
            Self::Bearer(token) => Secret::new(format!("Bearer {}", token.reveal())),
            Self::Basic(Login { username, password }) => {
                let pair = format!("{username}:{}", password.reveal());
                Secret::new(format!("Basic {}", Base64::encode_string(pair.as_bytes())))
            }
        }
    }
}

impl Credential {
    /// What of it a registry could repeat.
    pub(in crate::registry) fn secrets(&self) -> Vec<Secret> {
        match self {
            Self::Login(login) => AuthToken::Basic(login.clone()).secrets(),
            Self::Identity(token) | Self::Registry(token) => AuthToken::Bearer(token.clone()).secrets(),
        }
    }
}

/// How to ask `realm` for a token that allows `wanted`.
pub(in crate::registry) fn token_request(
    realm: &Url,
    service: Option<&str>,
    wanted: &TokenScopes,
    credential: Option<&Credential>,
) -> TokenRequest {
    if let Some(Credential::Identity(identity)) = credential {
        let scopes = wanted.iter().map(String::as_str).collect::<Vec<_>>().join(" ");
        let form = format!(
            "grant_type=refresh_token&service={}&client_id=hardpan&scope={}&refresh_token={}",
            escape(service.unwrap_or_default()),
            escape(&scopes),
            escape(identity.reveal())
        );
        return TokenRequest { url: realm.clone(), form: Some(Secret::new(form)), authorization: None };
    }
    let mut url = realm.clone();
    if let Some(service) = service {
        url = url.with_parameter("service", service);
    }
    for scope in wanted {
        url = url.with_parameter("scope", scope);
    }
    let authorization = match credential {
        Some(Credential::Login(login)) => Some(AuthToken::Basic(login.clone())),
        _ => None,
    };
    TokenRequest { url, form: None, authorization }
}

/// The token in an answer: `token`, or OAuth's `access_token`.
pub(in crate::registry) fn parse_token(body: &[u8]) -> Option<AuthToken> {
    #[derive(Deserialize)]
    struct TokenResponse {
        #[serde(default)]
        token: Option<String>,
        #[serde(default)]
        access_token: Option<String>,
    }
    let answer: TokenResponse = serde_json::from_slice(body).ok()?;
    let token = answer.token.filter(|token| !token.is_empty()).or(answer.access_token)?;
    // What could end the header field is no token.
    let good = !token.is_empty() && token.bytes().all(|byte| byte.is_ascii_graphic());
    good.then(|| AuthToken::Bearer(Secret::new(token)))
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use super::*;

    #[test]
    fn a_password_asks_by_get_and_an_identity_by_post() {
        let realm = Url::parse("https://a.example/token?x=1").unwrap();
        let wanted = TokenScopes::from(["repository:a/b:pull,push".to_owned(), "repository:c:pull".to_owned()]);
        let login = Credential::Login(Login { username: "me".into(), password: Secret::new("a:b") });
        let asked = token_request(&realm, Some("the service"), &wanted, Some(&login));
        assert_eq!(
            asked.url.to_string(),
            "https://a.example/token?x=1&service=the%20service&scope=repository:a/b:pull,push&scope=repository:c:pull"
        );
        assert!(asked.form.is_none());
        assert_eq!(asked.authorization.unwrap().header().reveal(), format!("Basic {}", "bWU6YTpi"));
        let login = Login { username: "m\u{e4}".into(), password: Secret::new("p:\u{df}\u{1f511}") };
        assert_eq!(
            AuthToken::Basic(login).header().reveal(),
            "Basic bcOkOnA6w5/wn5SR",
            "in UTF-8 (RFC 7617, section 2.1)"
        );
        let asked = token_request(&realm, Some("s"), &wanted, Some(&Credential::Identity(Secret::new("i&d"))));
        let form = asked.form.unwrap();
        assert!(form.reveal().contains("&scope=repository:a/b:pull,push%20repository:c:pull&refresh_token=i%26d"));
        assert!(asked.authorization.is_none());
        assert!(token_request(&realm, None, &wanted, None).authorization.is_none());
    }

    #[test]
    fn a_scope_is_covered_by_one_that_allows_as_much() {
        let wanted = TokenScopes::from(["repository:a/b:pull,push".to_owned()]);
        for (scope, covered) in [
            ("repository:a/b:pull", true),
            ("repository:a/b:push,pull", true),
            ("", true),
            ("repository:a/b:pull,delete", false),
            ("repository:a/bc:pull", false),
            ("registry:catalog:*", false),
            ("odd", false),
        ] {
            assert_eq!(covers_scope(&wanted, scope), covered, "{scope}");
        }
    }

    #[test]
    fn only_a_token_is_a_token() {
        let some = |token: &str| Some(AuthToken::Bearer(Secret::new(token)));
        assert_eq!(parse_token(br#"{"token":"t","access_token":"a"}"#), some("t"));
        assert_eq!(parse_token(br#"{"access_token":"a"}"#), some("a"));
        assert_eq!(parse_token(br#"{"token":"","access_token":"a"}"#), some("a"));
        for none in ["", "{}", "[]", "<html>", r#"{"token":""}"#, r#"{"token":"a\r\nX: y"}"#, r#"{"token":1}"#] {
            assert_eq!(parse_token(none.as_bytes()), None, "{none}");
        }
    }
}
