//! CFG013 and CFG014: annotations and signatures.

use super::{
    super::{FindingPlace, image_view::ImageView, rule_notes::RuleNotes},
    rule_check::RuleCheck,
};
use crate::report::Rule;

pub(super) const CHECK: RuleCheck =
    RuleCheck { rules: &[Rule::MissingMetadata, Rule::Unsigned], files: false, run: check_metadata };

/// The annotations that tell whom to ask and what to rebuild.
const WANTED: [&str; 5] = [
    "org.opencontainers.image.title",
    "org.opencontainers.image.version",
    "org.opencontainers.image.revision",
    "org.opencontainers.image.source",
    "org.opencontainers.image.licenses",
];
/// The annotations that must be URLs.
const URLS: [&str; 3] =
    ["org.opencontainers.image.source", "org.opencontainers.image.url", "org.opencontainers.image.documentation"];
const LICENSES: &str = "org.opencontainers.image.licenses";
const CREATED: &str = "org.opencontainers.image.created";

fn check_metadata(view: &ImageView<'_>, notes: &mut RuleNotes) {
    let short = |key: &'static str| key.rsplit('.').next().unwrap_or(key);
    let place = |key: &str| FindingPlace::key(format!("manifest.annotations[{key}]"));
    let missing: Vec<String> = WANTED
        .iter()
        .filter(|key| view.annotation_or_label(key).is_none_or(|text| text.trim().is_empty()))
        .map(|key| format!("`{}`", short(key)))
        .collect();
    if !missing.is_empty() {
        let message = format!("annotations are missing: {}", missing.join(", "));
        notes.found(Rule::MissingMetadata, FindingPlace::key("manifest.annotations"), message);
    }
    for key in URLS {
        if let Some(text) = view.annotation_or_label(key).filter(|text| !text.contains("://")) {
            notes.found(Rule::MissingMetadata, place(key), format!("`{}` is not a URL: `{text}`", short(key)));
        }
    }
    if let Some(text) = view.annotation_or_label(LICENSES).filter(|text| !text.trim().is_empty() && !is_spdx(text)) {
        let message = format!("`licenses` is not an SPDX expression: `{text}`");
        notes.found(Rule::MissingMetadata, place(LICENSES), message);
    }
    if let Some(text) = view.annotation_or_label(CREATED).filter(|text| text.parse::<jiff::Timestamp>().is_err()) {
        notes.found(Rule::MissingMetadata, place(CREATED), format!("`created` is not a date: `{text}`"));
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

    use super::super::super::sample_image::{SampleImage, found};
    use super::*;

    #[test]
    fn what_is_missing_or_malformed_is_told() {
        let with = |source: &str| {
            let key = |name: &str| format!("org.opencontainers.image.{name}");
            let annotations = json!({
                key("title"): "x", key("version"): "1", key("revision"): "abc", key("licenses"): "MIT",
                key("source"): source, key("created"): "1970-01-01T00:00:00Z",
            });
            found(&SampleImage::new().manifest("annotations", annotations).audit(), Rule::MissingMetadata).len()
        };
        assert_eq!(with("https://example.com/x"), 0);
        assert_eq!(with("example"), 1);
        assert_eq!(found(&SampleImage::new().audit(), Rule::MissingMetadata).len(), 1);
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
