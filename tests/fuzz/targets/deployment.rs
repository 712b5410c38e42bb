//! A deployment file is read or refused; references are replaced, and every other byte stays.

use hardpan::deploy::DeploymentText;

use super::checks;

const IMAGE: &str = "registry.example/app@sha256:0000000000000000000000000000000000000000000000000000000000000000";

pub fn run(bytes: &[u8]) {
    let found = match DeploymentText::parse("fuzz.yaml", bytes.to_vec()) {
        Ok(found) => found,
        Err(failure) => {
            checks::refusal(&failure);
            assert!(failure.place.is_some(), "{failure}");
            return checks::place_is_in(&failure, "fuzz.yaml", &checks::text(bytes));
        }
    };
    found.unreplaced.iter().for_each(checks::refusal);
    assert_eq!(found.resolved(|_| None).as_bytes(), bytes);
    let mut end = 0;
    for one in &found.references {
        assert!(one.origin.span.start >= end, "in the order of the text");
        end = one.origin.span.end;
        let text = &one.origin.source.text[one.origin.span.clone()];
        assert!(!text.contains('\n') || !one.reference.to_string().contains('\n'));
    }
    let resolved = found.resolved(|_| Some(IMAGE));
    let again = DeploymentText::parse("fuzz.yaml", resolved.into_bytes()).expect("what was written");
    assert!(again.references.is_empty());
    assert_eq!(again.unreplaced.len(), found.unreplaced.len());
}
