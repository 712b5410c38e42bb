//! CFG001: a mutable name of the image.

use super::super::{FindingPlace, rule_notes::RuleNotes};
use crate::{
    image::ImageSet,
    report::{Rule, Severity},
};

/// The rules that are answered here.
#[cfg(test)]
pub(super) const RULES: [Rule; 1] = [Rule::MutableReference];

/// Looks at the name that the images go by.
pub(super) fn check_name(set: &ImageSet, notes: &mut RuleNotes) {
    if let Some(reference) = set.reference.as_deref().filter(|reference| is_mutable(reference)) {
        let digest =
            set.root.as_ref().map(|root| format!("; this report is about {}", root.digest)).unwrap_or_default();
        let message = format!("the image is called `{reference}`, which moves{digest}");
        // A docker archive has to have a tag, and no digest that could be said instead.
        let severity = if set.root.is_some() { Rule::MutableReference.facts().severity } else { Severity::Low };
        notes.weigh(Rule::MutableReference, severity, FindingPlace::key("reference"), message);
    }
}

/// Whether a name has no digest, and `latest` or nothing for a tag. A name that is one word is the tag of an image in a
/// layout, whose bytes are at hand: a folder moves nowhere, whatever its image is called.
fn is_mutable(reference: &str) -> bool {
    if reference.contains("@sha256:") {
        return false;
    }
    let last = reference.rsplit('/').next().unwrap_or(reference);
    match last.split_once(':') {
        Some((_, tag)) => tag == "latest",
        None => reference.contains('/'),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn latest_and_no_tag_at_all_move_and_the_tag_of_a_folder_does_not() {
        for moving in ["alpine:latest", "ghcr.io/acme/x", "localhost:5000/x:latest"] {
            assert!(is_mutable(moving), "{moving}");
        }
        for fixed in
            ["latest", "1.2", "hello", "alpine:3.20", "ghcr.io/acme/x:1", "x/y@sha256:00", "localhost:5000/x:1"]
        {
            assert!(!is_mutable(fixed), "{fixed}");
        }
    }
}
