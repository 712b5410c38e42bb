//! Reports of several calls are joined or refused. The input is files, divided by lines of dashes.

use std::fs;

use hardpan::commands::merge::{MergedContent, merge};

use super::checks;

/// Files that are joined.
const FILES: usize = 4;

pub fn run(bytes: &[u8]) {
    let folder = tempfile::tempdir().unwrap();
    let mut files = Vec::new();
    for (number, part) in checks::parts(bytes).into_iter().take(FILES).enumerate() {
        let path = folder.path().join(format!("{number}.json"));
        fs::write(&path, part).unwrap();
        files.push(path);
    }
    let merged = match merge(&files, None) {
        Ok(merged) => merged,
        Err(failures) => {
            assert!(!failures.0.is_empty());
            return failures.0.iter().for_each(checks::refusal);
        }
    };
    checks::sentence(&merged.summary);
    files.reverse();
    let reversed = merge(&files, None).expect("the order of the files says nothing");
    assert_eq!((reversed.kind, reversed.exit), (merged.kind, merged.exit));
    let text = |content: &MergedContent| match content {
        MergedContent::Json(value) => value.to_string(),
        MergedContent::Text(text) => text.clone(),
    };
    // What was joined is a report of the same kind.
    let path = folder.path().join("merged.json");
    fs::write(&path, text(&merged.content)).unwrap();
    let again = merge(&[path], None).expect("what was written");
    assert_eq!((again.kind, text(&again.content)), (merged.kind, text(&merged.content)));
}
