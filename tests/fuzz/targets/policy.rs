//! A policy file and a workspace file are parsed or refused, with a line.

use std::sync::Arc;

use hardpan::{recipe, report::SourceText};

use super::checks;

pub fn run(bytes: &[u8]) {
    let text = checks::text(bytes);
    let policy = recipe::parse_policy("fuzz.toml", &text);
    match &policy {
        Ok(settings) => {
            let commented = recipe::parse_policy("fuzz.toml", &format!("{text}\n# a comment\n")).expect("the same");
            assert_eq!(format!("{settings:?}"), format!("{commented:?}"));
        }
        Err(failure) => {
            checks::refusal(failure);
            assert!(failure.place.is_some(), "{failure}");
        }
    }
    let source = Arc::new(SourceText { path: "fuzz.toml".into(), text });
    let workspace = recipe::parse_workspace(&source);
    for failure in workspace.err().iter().chain(recipe::extends_of(&source).err().iter()) {
        checks::refusal(failure);
        assert!(failure.place.is_some(), "{failure}");
    }
}
