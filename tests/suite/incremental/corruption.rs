//! Whatever is wrong in the cache costs the work again, and never an image.

use std::{
    fs::{self, File},
    path::Path,
};

use super::{cached, three_layers, tick, unchanged};
use crate::support::{case::Case, judges};

/// A way to damage bytes.
type Damage = fn(&mut Vec<u8>);

/// Ways to damage a file, its times as they were.
const DAMAGES: [(&str, Damage); 5] = [
    ("a bit", |bytes| {
        let middle = bytes.len() / 2;
        bytes[middle] ^= 4;
    }),
    ("its end", |bytes| bytes.truncate(bytes.len() / 2)),
    ("everything", Vec::clear),
    ("a tail", |bytes| bytes.extend([0; 100])),
    ("all of it", |bytes| bytes.iter_mut().for_each(|byte| *byte = 0xff)),
];

/// Damages the file at `path` in place, or by another file under its name.
fn damage(path: &Path, how: Damage, in_place: bool) {
    let mut bytes = fs::read(path).unwrap();
    let modified = fs::metadata(path).unwrap().modified().unwrap();
    how(&mut bytes);
    if !in_place {
        fs::remove_file(path).unwrap();
    }
    fs::write(path, bytes).unwrap();
    File::options().write(true).open(path).unwrap().set_modified(modified).unwrap();
}

/// A build that is right, whatever it found.
fn assert_right(case: &Case, digest: &str, what: &str) {
    assert_eq!(case.build().ok().digest(), digest, "{what}");
    assert_eq!(judges::imagespec_problems(&case.path("out/app")), Vec::<String>::new(), "{what}");
}

#[test]
fn a_damaged_blob_is_made_again() {
    let case = three_layers();
    tick();
    let digest = case.build().ok().digest();
    for (what, how) in DAMAGES {
        for in_place in if what == "its end" { vec![true, false] } else { vec![true] } {
            for (with_layout, folder) in [(false, "cache"), (true, "cache"), (true, "layout")] {
                let what = format!("{what}, in place: {in_place}, {folder}, layout there: {with_layout}");
                let blobs = cached(&case, "blobs");
                assert_eq!(blobs.len(), 3, "{what}");
                for blob in blobs {
                    let blob = match folder {
                        "cache" => blob,
                        _ => case.path("out/app/blobs/sha256").join(blob.file_name().unwrap()),
                    };
                    damage(&blob, how, in_place);
                }
                if !with_layout {
                    fs::remove_dir_all(case.path("out")).unwrap();
                }
                assert_right(&case, &digest, &what);
            }
        }
    }
    assert_eq!(unchanged(&case.build().ok()).len(), 3, "all is well in the end");
}

#[test]
fn damaged_records_and_memos_are_no_records_and_no_memos() {
    let case = three_layers();
    tick();
    let digest = case.build().ok().digest();
    // Old enough to get marks of their use.
    for blob in cached(&case, "blobs") {
        File::options().write(true).open(blob).unwrap().set_modified(std::time::UNIX_EPOCH).unwrap();
    }
    assert_right(&case, &digest, "warm");
    for (what, how) in DAMAGES {
        for folder in ["layers", "verdicts", "used", "memo"] {
            let files = if folder == "memo" { vec![case.path("cache/hardpan/memo")] } else { cached(&case, folder) };
            assert!(!files.is_empty(), "{folder}");
            for file in files.iter().filter(|file| fs::metadata(file).unwrap().len() > 0) {
                damage(file, how, false);
            }
            assert_right(&case, &digest, &format!("{what} of {folder}"));
        }
    }
    for folder in ["layers", "verdicts", "blobs", "used"] {
        fs::remove_dir_all(case.path("cache/hardpan").join(folder)).unwrap();
        assert_right(&case, &digest, folder);
        // A file where a folder should be, and nothing that could be written there.
        drop(fs::remove_dir_all(case.path("cache/hardpan").join(folder)));
        fs::write(case.path("cache/hardpan").join(folder), "").unwrap();
        assert_right(&case, &digest, folder);
        fs::remove_file(case.path("cache/hardpan").join(folder)).unwrap();
    }
}

#[test]
fn records_that_were_exchanged_are_found_out() {
    let case = three_layers();
    tick();
    let digest = case.build().ok().digest();
    let layers = cached(&case, "layers");
    let texts: Vec<_> = layers.iter().map(|path| fs::read(path).unwrap()).collect();
    for (path, text) in layers.iter().zip(texts.iter().cycle().skip(1)) {
        fs::write(path, text).unwrap();
    }
    let blobs = cached(&case, "blobs");
    let away = case.path("away");
    fs::rename(&blobs[0], &away).unwrap();
    fs::rename(&blobs[1], &blobs[0]).unwrap();
    fs::rename(&away, &blobs[1]).unwrap();
    fs::remove_dir_all(case.path("out")).unwrap();
    assert_right(&case, &digest, "exchanged");
}
