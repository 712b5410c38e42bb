//! Locations of SARIF, and text that is safe in messages and URIs.

use serde_json::{Value, json};

use crate::{audit::FindingPlace, cli::audit::phrases, policy::DatedWaiver, report::printable};

/// A place. What is no file is a document of the image, by its usual name, and the key in it. In a run about several images,
/// the place is in `image`, and its path begins with the name of that image.
pub(super) fn location(image: Option<&str>, place: &FindingPlace) -> Value {
    let (base, uri) = match (&place.path, &place.key) {
        (Some(path), _) => ("ROOTFS", encoded(path.trim_start_matches('/'))),
        (None, Some(key)) if key.starts_with("index") => ("IMAGE", "index.json".to_owned()),
        (None, Some(key)) if !key.starts_with("manifest") => ("IMAGE", "config.json".to_owned()),
        _ => ("IMAGE", "manifest.json".to_owned()),
    };
    // The root folder itself has no name below the root.
    let uri = if uri.is_empty() { ".".to_owned() } else { uri };
    let (base, uri) = match image {
        None => (base, uri),
        Some(image) => ("IMAGES", format!("{}/{uri}", encoded(image.trim_start_matches('/')))),
    };
    let mut location = json!({
        "physicalLocation": {
            "artifactLocation": { "uri": uri, "uriBaseId": base },
            // Code scanning takes nothing without a line.
            "region": { "startLine": place.line.unwrap_or(1).max(1) },
        },
    });
    let image = image.map(|image| json!({ "fullyQualifiedName": printable(image), "kind": "module" }));
    let member = place.path.as_ref().zip(place.member.as_ref()).map(|(path, member)| format!("{path}!/{member}"));
    let key = place.key.as_ref().or(member.as_ref());
    let key = key.map(|key| json!({ "fullyQualifiedName": printable(key), "kind": "member" }));
    let names: Vec<_> = image.into_iter().chain(key).collect();
    if let (false, Some(map)) = (names.is_empty(), location.as_object_mut()) {
        map.insert("logicalLocations".into(), json!(names));
    }
    location
}

/// The line of a waiver, in a file of the caller.
pub(super) fn waiver_location(waiver: &DatedWaiver) -> Value {
    let uri = encoded(&waiver.file);
    json!({ "physicalLocation": { "artifactLocation": { "uri": uri }, "region": { "startLine": waiver.line } } })
}

/// The same thing elsewhere.
pub(super) fn related(image: Option<&str>, at: usize, place: &FindingPlace) -> Value {
    let mut location = location(image, place);
    if let Some(map) = location.as_object_mut() {
        map.insert("id".into(), json!(at + 1));
        map.insert("message".into(), json!({ "text": plain(&phrases::subject(place)) }));
    }
    location
}

/// `text` as a message of SARIF: where it could hold a link (`[words](target)`), brackets and backslashes are escaped
/// (section 3.11.6).
pub(super) fn plain(text: &str) -> String {
    if !text.contains("](") {
        return text.to_owned();
    }
    text.replace('\\', "\\\\").replace('[', "\\[").replace(']', "\\]")
}

/// `path` as a relative URI: everything but unreserved characters and `/` in percent form.
pub(super) fn encoded(path: &str) -> String {
    use std::fmt::Write as _;
    let mut out = String::with_capacity(path.len());
    for byte in path.bytes() {
        match byte {
            b'a'..=b'z' | b'A'..=b'Z' | b'0'..=b'9' | b'-' | b'.' | b'_' | b'~' | b'/' => out.push(char::from(byte)),
            // Writing to a String cannot fail.
            _ => drop(write!(out, "%{byte:02X}")),
        }
    }
    out
}
