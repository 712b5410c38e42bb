//! CFG001: a mutable name of the image.

use super::super::{Finding, FindingPlace, rule_notes::RuleNotes};
use crate::{
    image::ImageSet,
    report::{Rule, Severity},
};

/// The rules that are answered here.
#[cfg(test)]
pub(super) const RULES: [Rule; 1] = [Rule::MutableReference];

/// Looks at the name that the images go by.
pub(in crate::audit) fn check_name(set: &ImageSet) -> Vec<Finding> {
    let mut notes = RuleNotes::default();
    if let Some(reference) = set.reference.as_deref().filter(|reference| is_mutable(reference)) {
        let digest =
            set.root.as_ref().map(|root| format!("; this report is about {}", root.digest)).unwrap_or_default();
        let message = format!("the image is called `{reference}`, which moves{digest}");
        // A docker archive has to have a tag, and no digest that could be said instead.
        let severity = if set.root.is_some() { Rule::MutableReference.facts().severity } else { Severity::Low };
        notes.weigh(Rule::MutableReference, severity, FindingPlace::key("reference"), message);
    }
    // The index has no folders.
    notes.into_findings(|_| FindingPlace::default())
}

/// Whether a name has no digest, and `latest` or nothing for a tag. In a layout a name may be a tag alone.
fn is_mutable(reference: &str) -> bool {
    if reference.contains("@sha256:") {
        return false;
    }
    let last = reference.rsplit('/').next().unwrap_or(reference);
    match last.split_once(':') {
        Some((_, tag)) => tag == "latest",
        None => reference.contains('/') || last == "latest",
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn latest_and_no_tag_at_all_move() {
        for moving in ["latest", "alpine:latest", "ghcr.io/acme/x", "localhost:5000/x:latest"] {
            assert!(is_mutable(moving), "{moving}");
        }
        for fixed in ["1.2", "hello", "alpine:3.20", "ghcr.io/acme/x:1", "x/y@sha256:00", "localhost:5000/x:1"] {
            assert!(!is_mutable(fixed), "{fixed}");
        }
    }
}
