//! Finds JSON Web Tokens, and base64 of JSON documents with logins.

use std::borrow::Cow;

use serde_json::Value;

use super::{
    class::Class,
    decode, document,
    found_secret::{FoundSecret, KeywordWindow},
};
use crate::report::{Limits, Severity};

/// How every base64 of a JSON object begins: `{"`.
pub(super) const OBJECT: &str = "eyJ";

/// The token or the document in base64 at the keyword.
pub(super) fn token<'a>(window: KeywordWindow<'a>, work: &mut u64) -> Option<FoundSecret<'a>> {
    let text = window.rest();
    // One pass over what a token can be made of; `split` then reads the same bytes again.
    let length = Class::of(b"0-9A-Za-z_.=+/-").run(text, 3 * Limits::JWT_PART_BYTES);
    *work += 2 * length as u64;
    let whole = text.get(..length)?;
    let mut parts = whole.split(|byte| *byte == b'.');
    let header = parts.next()?;
    let Some(payload) = parts.next() else { return registry_logins(header, window.keyword) };
    let signature = parts.next()?;
    let signature = signature.get(..Class::WORD.run(signature, signature.len()))?;
    let is_bounded = [header, payload, signature].iter().all(|part| part.len() <= Limits::JWT_PART_BYTES);
    if !is_bounded || signature.len() < 20 {
        return None;
    }
    let algorithm = decode::json_object(&decode::base64url(header)?)?;
    let algorithm = algorithm.get("alg").and_then(Value::as_str)?;
    if algorithm.eq_ignore_ascii_case("none") {
        return None;
    }
    decode::json_object(&decode::base64url(payload)?)?;
    let length = header.len() + payload.len() + signature.len() + 2;
    Some(FoundSecret {
        at: window.keyword..window.keyword + length,
        value: Cow::Borrowed(text.get(..length)?),
        name: None,
        severity: Some(Severity::Medium),
        proven: true,
    })
}

/// The logins of a `.dockerconfigjson`, which Kubernetes keeps in base64.
fn registry_logins(base64: &[u8], keyword: usize) -> Option<FoundSecret<'_>> {
    let base64 = base64.get(..Class::of(b"0-9A-Za-z+/=").run(base64, Limits::JWT_PART_BYTES))?;
    // `{"auths"`
    if !base64.starts_with(b"eyJhdXRocyI6") {
        return None;
    }
    let config = decode::json_object(&decode::base64(base64)?)?;
    let login = document::docker_login(&config)?;
    Some(FoundSecret {
        at: keyword..keyword + base64.len(),
        value: Cow::Owned(login.into_bytes()),
        name: Some("docker-config"),
        severity: Some(Severity::Critical),
        proven: true,
    })
}
