//! An archive of images is read or refused, the same way twice.

use std::fs;

use hardpan::image::OpenedImages;

use super::checks;

pub fn run(bytes: &[u8]) {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("image.tar");
    fs::write(&path, checks::checked(bytes.to_vec())).unwrap();
    let read = || match OpenedImages::open(&path) {
        Err(failure) => {
            checks::refusal(&failure);
            assert!(failure.place.is_some(), "{failure}");
            Err(failure)
        }
        Ok(archive) => {
            assert!(archive.form().is_some());
            let verified = archive.verify();
            verified.as_ref().err().into_iter().for_each(checks::refusal);
            let reports = hardpan::inspect::reports(archive.sets(), true);
            let sound = verified.is_ok();
            if let Err(failure) = &reports {
                checks::refusal(failure);
            }
            Ok((sound, serde_json::to_string(&reports.ok()).unwrap()))
        }
    };
    assert_eq!(read(), read());
}
