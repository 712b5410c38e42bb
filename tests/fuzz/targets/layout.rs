//! A layout that somebody else made is read or refused.

use std::fs;

use hardpan::{image::OpenedImages, oci::Digest};

pub fn run(documents: (Vec<u8>, Vec<u8>)) {
    let folder = tempfile::tempdir().unwrap();
    let path = |name: &str| folder.path().join(name);
    fs::create_dir_all(path("blobs/sha256")).unwrap();
    fs::write(path("oci-layout"), br#"{"imageLayoutVersion":"1.0.0"}"#).unwrap();
    // The index may name the other document, as `BLOB` and `SIZE`.
    let (index, blob) = documents;
    let digest = Digest::of(&blob);
    let index = String::from_utf8_lossy(&index);
    let index = index.replace("BLOB", &digest.to_string()).replace("SIZE", &blob.len().to_string());
    fs::write(path("index.json"), index).unwrap();
    fs::write(path("blobs/sha256").join(digest.hex()), &blob).unwrap();
    if let Ok(layout) = OpenedImages::open(folder.path()) {
        let _ = layout.verify();
        let _ = hardpan::inspect::reports(layout.sets(), true);
    }
}
