//! Finds JSON Web Tokens.

use std::borrow::Cow;

use serde_json::Value;

use super::{
    class::Class,
    decode,
    found_secret::{FoundSecret, KeywordWindow},
};
use crate::report::{Limits, Severity};

/// How every base64 of a JSON object begins: `{"`.
pub(super) const OBJECT: &str = "eyJ";

/// The token at the keyword.
pub(super) fn token<'a>(window: KeywordWindow<'a>, work: &mut u64) -> Option<FoundSecret<'a>> {
    let text = window.rest();
    // One pass over what a token can be made of; `split` then reads the same bytes again.
    let length = Class::of(b"0-9A-Za-z_.=+/-").run(text, 3 * Limits::JWT_PART_BYTES);
    *work += 2 * length as u64;
    let whole = text.get(..length)?;
    let mut parts = whole.split(|byte| *byte == b'.');
    let header = parts.next()?;
    let payload = parts.next()?;
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
        severity: Some(Severity::High),
        proven: true,
    })
}
