//! A layout that somebody else made is read or refused. The input is `index.json` and one blob, divided by a line of dashes.

use std::fs;

use hardpan::{image::OpenedImages, oci::Digest};

use super::checks;

pub fn run(bytes: &[u8]) {
    let folder = tempfile::tempdir().unwrap();
    let path = |name: &str| folder.path().join(name);
    fs::create_dir_all(path("blobs/sha256")).unwrap();
    fs::write(path("oci-layout"), br#"{"imageLayoutVersion":"1.0.0"}"#).unwrap();
    // The index may name the other document, as `BLOB` and `SIZE`.
    let parts = checks::parts(bytes);
    let (index, blob) = (parts[0], parts.get(1).copied().unwrap_or_default());
    let digest = Digest::of(blob);
    let index = checks::text(index);
    let index = index.replace("BLOB", &digest.to_string()).replace("SIZE", &blob.len().to_string());
    fs::write(path("index.json"), index).unwrap();
    fs::write(path("blobs/sha256").join(digest.hex()), blob).unwrap();
    match OpenedImages::open(folder.path()) {
        Ok(layout) => {
            layout.verify().as_ref().err().into_iter().for_each(checks::refusal);
            hardpan::inspect::reports(layout.sets(), true).as_ref().err().into_iter().for_each(checks::refusal);
        }
        Err(failure) => {
            checks::refusal(&failure);
            assert!(failure.place.is_some(), "{failure}");
        }
    }
}
