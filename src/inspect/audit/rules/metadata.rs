//! What an image says of itself, and what others say of it: CFG013 and CFG014.

use super::{
    super::{Place, notes::Notes, view::View},
    Check,
};
use crate::report::Rule;

pub(super) const CHECK: Check = Check { rules: &[Rule::MissingMetadata, Rule::Unsigned], files: false, look };

/// The annotations that tell whom to ask and what to rebuild, without `org.opencontainers.image.`.
const WANTED: [&str; 5] = ["title", "version", "revision", "source", "licenses"];

fn look(view: &View<'_>, notes: &mut Notes) {
    let value = |name: &str| view.said(&format!("org.opencontainers.image.{name}"));
    let missing: Vec<String> = WANTED
        .iter()
        .filter(|name| value(name).is_none_or(|text| text.trim().is_empty()))
        .map(|name| format!("`{name}`"))
        .collect();
    if !missing.is_empty() {
        let message = format!("the image does not tell its {}", missing.join(", "));
        notes.found(Rule::MissingMetadata, Place::key("manifest.annotations"), message);
    }
    for name in ["source", "url", "documentation"] {
        if let Some(text) = value(name).filter(|text| !text.contains("://")) {
            let message = format!("`{name}` is no URL: `{text}`");
            notes.found(
                Rule::MissingMetadata,
                Place::key(format!("manifest.annotations[org.opencontainers.image.{name}]")),
                message,
            );
        }
    }
    if let Some(text) = value("licenses").filter(|text| !text.trim().is_empty() && !is_spdx(text)) {
        let message = format!("`licenses` is no SPDX expression: `{text}`");
        let place = Place::key("manifest.annotations[org.opencontainers.image.licenses]");
        notes.found(Rule::MissingMetadata, place, message);
    }
    if let Some(text) = value("created").filter(|text| text.parse::<jiff::Timestamp>().is_err()) {
        let message = format!("`created` is no date: `{text}`");
        notes.found(
            Rule::MissingMetadata,
            Place::key("manifest.annotations[org.opencontainers.image.created]"),
            message,
        );
    }
    notes.not_applicable(Rule::Unsigned, "signatures and SBOMs are not read from this place yet");
}

/// Whether a text has the form of an SPDX expression: names, joined by operators, with parentheses that fit. Which names
/// there are changes with every release of the list.
fn is_spdx(text: &str) -> bool {
    let spaced = text.replace('(', " ( ").replace(')', " ) ");
    let (mut depth, mut wants_name) = (0_usize, true);
    for word in spaced.split_ascii_whitespace() {
        match word {
            "(" if wants_name => depth += 1,
            ")" if !wants_name && depth > 0 => depth -= 1,
            "AND" | "OR" | "WITH" if !wants_name => wants_name = true,
            "AND" | "OR" | "WITH" | "(" | ")" => return false,
            name => {
                let fits = name.bytes().all(|byte| byte.is_ascii_alphanumeric() || b"-.+:".contains(&byte));
                if !wants_name || !fits {
                    return false;
                }
                wants_name = false;
            }
        }
    }
    depth == 0 && !wants_name
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::super::super::sample::{Sample, found};
    use super::*;

    #[test]
    fn what_is_missing_or_malformed_is_told() {
        let with = |source: &str| {
            let key = |name: &str| format!("org.opencontainers.image.{name}");
            let annotations = json!({
                key("title"): "x", key("version"): "1", key("revision"): "abc", key("licenses"): "MIT",
                key("source"): source, key("created"): "1970-01-01T00:00:00Z",
            });
            found(&Sample::new().manifest("annotations", annotations).audit(), Rule::MissingMetadata).len()
        };
        assert_eq!(with("https://example.com/x"), 0);
        assert_eq!(with("example"), 1);
        assert_eq!(found(&Sample::new().audit(), Rule::MissingMetadata).len(), 1);
    }

    #[test]
    fn licences_are_expressions() {
        for good in ["MIT", "Apache-2.0 OR MIT", "(GPL-2.0-only WITH Classpath-exception-2.0) AND LicenseRef-x"] {
            assert!(is_spdx(good), "{good}");
        }
        for bad in ["", "MIT, Apache-2.0", "MIT Apache-2.0", "MIT OR", "(MIT", "MIT)", "OR MIT", "MIT/Apache-2.0"] {
            assert!(!is_spdx(bad), "{bad}");
        }
    }
}
