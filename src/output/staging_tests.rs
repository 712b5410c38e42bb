#![allow(clippy::unwrap_used)]

use std::{
    fs,
    io::Write as _,
    os::unix::fs::{PermissionsExt as _, symlink},
    path::Path,
};

use super::*;
use crate::{
    image::OpenedImages,
    oci::{Digest, Platform, media_type},
    output::{
        Publisher, ReadyImage,
        test_images::{build, files, image, index},
    },
};

fn refusal(path: &Path) -> String {
    Staging::begin(path, ImageFormat::Layout).unwrap_err().to_string()
}

fn check(path: &Path, reference: &str) {
    let layout = OpenedImages::open(path).unwrap();
    layout.verify().unwrap();
    assert_eq!(layout.sets().len(), 1);
    assert_eq!(layout.sets()[0].reference.as_deref(), Some(reference));
    assert_eq!(layout.sets()[0].images.len(), 2);
}

/// Index, two manifests, two configs, a common layer and two others.
const BLOBS: usize = 8;

fn blob_count(path: &Path) -> usize {
    fs::read_dir(path.join("blobs/sha256")).unwrap().count()
}

#[test]
fn a_first_build_makes_the_parents_and_leaves_nothing_beside_the_layout() {
    let dir = tempfile::tempdir().unwrap();
    let path = dir.path().join("out/deep/hello");
    build(&path, "one").unwrap();
    check(&path, "one");
    assert_eq!(blob_count(&path), BLOBS);
    assert_eq!(fs::read_dir(path.parent().unwrap()).unwrap().count(), 1);
    let top: Vec<_> = files(&path).into_iter().filter(|name| !name.starts_with("blobs/")).collect();
    assert_eq!(top, ["index.json", "oci-layout"]);
    assert_eq!(fs::read_to_string(path.join("oci-layout")).unwrap(), r#"{"imageLayoutVersion":"1.0.0"}"#);
}

#[test]
fn a_way_through_a_folder_that_is_made_is_there_until_the_end() {
    let dir = tempfile::tempdir().unwrap();
    fs::create_dir(dir.path().join("there")).unwrap();
    for (form, out) in
        [(ImageFormat::Layout, "out"), (ImageFormat::Layout, "there"), (ImageFormat::OciArchive, "archives")]
    {
        let way = dir.path().join("a/../").join(out);
        let (mut publishing, created) = (Publisher::default(), Arc::default());
        for name in ["one", "two"] {
            let staging = Staging::begin_in(&way.join(name), form, &created).unwrap();
            let root = image(&staging, &Platform::parse("linux/amd64").unwrap(), &["layer"]);
            publishing.add(ReadyImage::new(staging, root, name).unwrap());
        }
        publishing.sync().unwrap();
        publishing.publish_all().unwrap();
        assert!(publishing.take_unsettled().is_empty());
        publishing.finish().unwrap();
        drop(publishing);
        drop(created);
        let there = dir.path().join(out);
        assert_eq!(fs::read_dir(&there).unwrap().count(), 2, "{out}");
        assert!(
            ["one", "two"].iter().all(|name| OpenedImages::open(&there.join(name)).unwrap().verify().is_ok()),
            "{out}"
        );
        assert!(!dir.path().join("a").exists(), "{out}");
    }
}

#[test]
fn the_index_has_one_entry_and_its_bytes_are_fixed() {
    let dir = tempfile::tempdir().unwrap();
    let path = dir.path().join("hello/");
    let root = build(&path, "one").unwrap();
    let index = fs::read_to_string(path.join("index.json")).unwrap();
    let expected = format!(
        r#"{{"manifests":[{{"annotations":{{"org.opencontainers.image.ref.name":"one"}},"digest":"{}","mediaType":"{1}","size":{2}}}],"mediaType":"{1}","schemaVersion":2}}"#,
        root.digest,
        media_type::INDEX,
        root.size
    );
    assert_eq!(index, expected);
}

#[test]
fn a_second_build_replaces_the_first_and_removes_its_blobs_and_nothing_else() {
    let dir = tempfile::tempdir().unwrap();
    let path = dir.path().join("hello");
    build(&path, "one").unwrap();
    let others = ["README", "blobs/sha256/readme", "blobs/sha512/ab"];
    fs::create_dir(path.join("blobs/sha512")).unwrap();
    for other in others {
        fs::write(path.join(other), "x").unwrap();
    }
    let folder = path.join("blobs/sha256").join("0".repeat(64));
    fs::create_dir(&folder).unwrap();
    build(&path, "two").unwrap();
    check(&path, "two");
    assert!(others.iter().all(|other| path.join(other).exists()) && folder.exists());
    assert_eq!(blob_count(&path), BLOBS + 2);
    assert!(!files(&path).iter().any(|name| name.contains("hardpan")));
}

#[test]
fn an_empty_folder_and_one_with_stale_temps_are_written_to() {
    let dir = tempfile::tempdir().unwrap();
    fs::create_dir_all(dir.path().join(".hardpan-abcdefgh/blobs/sha256")).unwrap();
    build(dir.path(), "one").unwrap();
    check(dir.path(), "one");
    assert!(!files(dir.path()).iter().any(|name| name.contains("hardpan")));
}

#[test]
fn what_is_no_layout_is_refused_and_stays() {
    let dir = tempfile::tempdir().unwrap();
    let at = |name: &str| dir.path().join(name);
    fs::write(at("file"), "mine").unwrap();
    assert!(refusal(&at("file")).contains("exists and is not an OCI layout"));
    fs::create_dir(at("full")).unwrap();
    fs::write(at("full/mine"), "mine").unwrap();
    assert!(refusal(&at("full")).contains("exists and is not an OCI layout"));
    for marker in ["", "{}", "[1]", r#"{"imageLayoutVersion":1}"#] {
        fs::write(at("full/oci-layout"), marker).unwrap();
        assert!(refusal(&at("full")).contains("exists and is not an OCI layout"), "{marker}");
    }
    fs::write(at("full/oci-layout"), r#"{"imageLayoutVersion":"2.0.0"}"#).unwrap();
    assert!(refusal(&at("full")).contains("is an OCI layout of version `2.0.0`"));
    assert_eq!(fs::read_to_string(at("full/mine")).unwrap(), "mine");
    assert!(refusal(Path::new("")).contains("empty"));
}

#[test]
fn links_are_refused_also_with_a_slash_and_when_they_dangle() {
    let dir = tempfile::tempdir().unwrap();
    let (real, link) = (dir.path().join("real"), dir.path().join("link"));
    build(&real, "one").unwrap();
    symlink(&real, &link).unwrap();
    assert!(refusal(&link).contains("is a symbolic link"));
    assert!(refusal(&dir.path().join("link/")).contains("is a symbolic link"));
    fs::remove_dir_all(&real).unwrap();
    assert!(refusal(&link).contains("is a symbolic link"));
    assert!(!real.exists());
    // A link above is the user's own way to say where.
    fs::create_dir(&real).unwrap();
    build(&link.join("hello"), "two").unwrap();
    check(&real.join("hello"), "two");
}

/// Tests may run as root, for whom no folder is read-only; a parent that is a file fails for everybody.
#[test]
fn a_path_that_cannot_be_written_fails_before_any_work() {
    let dir = tempfile::tempdir().unwrap();
    fs::write(dir.path().join("file"), "").unwrap();
    for path in ["file/hello", "file/deep/hello"] {
        assert!(refusal(&dir.path().join(path)).contains("not a directory"));
    }
    assert!(refusal(Path::new("/proc/hardpan/hello")).starts_with("/proc/hardpan"));
    let long = dir.path().join("n".repeat(256));
    assert!(refusal(&long).contains("name too long"));
    assert_eq!(files(dir.path()), ["file"]);
}

#[test]
fn a_failed_build_leaves_nothing() {
    let dir = tempfile::tempdir().unwrap();
    let path = dir.path().join("a/b/hello");
    let staging = Staging::begin(&path, ImageFormat::Layout).unwrap();
    index(&staging, "one");
    let mut draft = staging.draft().unwrap();
    draft.write_all(b"unsealed").unwrap();
    drop(draft);
    assert!(!files(dir.path()).iter().any(|name| name.contains("draft")));
    drop(staging);
    assert_eq!(files(dir.path()), [""; 0]);
}

#[test]
fn a_root_that_dangles_or_a_damaged_blob_is_not_published() {
    let dir = tempfile::tempdir().unwrap();
    let path = dir.path().join("hello");
    build(&path, "one").unwrap();
    let before = files(&path);

    let staging = Staging::begin(&path, ImageFormat::Layout).unwrap();
    let mut root = index(&staging, "two");
    root.digest = Digest::of(b"nothing has this digest");
    let failure = staging.publish(&root, "two").unwrap_err();
    assert!(failure.to_string().contains("is missing"), "{failure}");

    for damage in ["flip", "cut", "remove", "link"] {
        let staging = Staging::begin(&path, ImageFormat::Layout).unwrap();
        let root = index(&staging, "two");
        let layer = Digest::of(&crate::image::hand_layout::gzip(b"two linux/arm64"));
        let blob = staging.blobs().join(layer.hex());
        let mut bytes = fs::read(&blob).unwrap();
        fs::remove_file(&blob).unwrap();
        match damage {
            "flip" => {
                *bytes.last_mut().unwrap() ^= 1;
                fs::write(&blob, bytes).unwrap();
            }
            "cut" => fs::write(&blob, &bytes[1..]).unwrap(),
            "link" => {
                fs::write(staging.temp.path().join("real"), bytes).unwrap();
                symlink("../../real", &blob).unwrap();
            }
            _ => {}
        }
        let failure = staging.publish(&root, "two").unwrap_err();
        assert!(failure.to_string().contains(&layer.to_string()), "{damage}: {failure}");
    }
    assert_eq!(files(&path), before);
    check(&path, "one");
}

#[test]
fn a_damaged_blob_in_the_layout_is_replaced_by_ours() {
    let dir = tempfile::tempdir().unwrap();
    let path = dir.path().join("hello");
    let root = build(&path, "one").unwrap();
    fs::write(path.join("blobs/sha256").join(root.digest.hex()), "damaged").unwrap();
    assert!(OpenedImages::open(&path).is_err());
    build(&path, "one").unwrap();
    check(&path, "one");
}

#[test]
fn a_publish_that_fails_halfway_takes_back_what_it_placed() {
    let dir = tempfile::tempdir().unwrap();
    let path = dir.path().join("hello");
    build(&path, "one").unwrap();
    // A folder where `index.json` shall go: the last step fails.
    fs::remove_file(path.join("index.json")).unwrap();
    fs::create_dir(path.join("index.json")).unwrap();
    let before = files(&path);
    let failure = build(&path, "two").unwrap_err();
    assert!(failure.to_string().contains("cannot replace `index.json`"), "{failure}");
    assert_eq!(files(&path), before);
    // The same in a folder that was empty.
    let empty = dir.path().join("empty");
    fs::create_dir(&empty).unwrap();
    let staging = Staging::begin(&empty, ImageFormat::Layout).unwrap();
    let root = index(&staging, "two");
    fs::create_dir(empty.join("index.json")).unwrap();
    fs::write(empty.join("oci-layout"), r#"{"imageLayoutVersion":"1.0.0"}"#).unwrap();
    assert!(staging.publish(&root, "two").is_err());
    assert_eq!(files(&empty), ["index.json/", "oci-layout"]);
}

#[test]
fn a_layout_whose_blobs_are_a_link_is_not_written_through_it() {
    let dir = tempfile::tempdir().unwrap();
    let (path, elsewhere) = (dir.path().join("hello"), dir.path().join("elsewhere"));
    build(&path, "one").unwrap();
    fs::rename(path.join("blobs"), &elsewhere).unwrap();
    symlink(&elsewhere, path.join("blobs")).unwrap();
    let before = files(&elsewhere);
    assert!(build(&path, "two").is_err());
    assert_eq!(files(&elsewhere), before);
}

#[test]
fn a_layout_that_came_meanwhile_is_merged_into_and_a_foreign_folder_is_not() {
    let dir = tempfile::tempdir().unwrap();
    let path = dir.path().join("hello");
    let staging = Staging::begin(&path, ImageFormat::Layout).unwrap();
    let root = index(&staging, "two");
    build(&path, "one").unwrap();
    staging.publish(&root, "two").unwrap();
    check(&path, "two");
    assert_eq!(blob_count(&path), BLOBS);
    assert_eq!(fs::read_dir(dir.path()).unwrap().count(), 1);

    let other = dir.path().join("other");
    let staging = Staging::begin(&other, ImageFormat::Layout).unwrap();
    let root = index(&staging, "one");
    fs::create_dir(&other).unwrap();
    fs::write(other.join("mine"), "mine").unwrap();
    let failure = staging.publish(&root, "one").unwrap_err();
    assert!(failure.to_string().contains("is not an OCI layout"), "{failure}");
    assert_eq!(files(&other), ["mine"]);
}

#[test]
fn a_layout_that_was_removed_meanwhile_is_a_failure_not_a_half_layout() {
    let dir = tempfile::tempdir().unwrap();
    let path = dir.path().join("hello");
    build(&path, "one").unwrap();
    let staging = Staging::begin(&path, ImageFormat::Layout).unwrap();
    let root = index(&staging, "two");
    fs::remove_dir_all(&path).unwrap();
    assert!(staging.publish(&root, "two").is_err());
    assert!(!path.exists());
}

#[test]
fn drafts_of_several_threads_and_equal_blobs_are_right() {
    let dir = tempfile::tempdir().unwrap();
    let path = dir.path().join("hello");
    let staging = Staging::begin(&path, ImageFormat::Layout).unwrap();
    std::thread::scope(|scope| {
        for _ in 0..4 {
            scope.spawn(|| {
                for seed in 0..10 {
                    index(&staging, &format!("{seed}"));
                }
            });
        }
    });
    let root = index(&staging, "3");
    staging.publish(&root, "3").unwrap();
    check(&path, "3");
    assert_eq!(blob_count(&path), BLOBS);
}

#[test]
fn modes_are_those_of_any_file() {
    let dir = tempfile::tempdir().unwrap();
    let path = dir.path().join("hello");
    let plain = dir.path().join("plain");
    fs::write(&plain, "").unwrap();
    let mode = |path: &Path| fs::metadata(path).unwrap().permissions().mode();
    for seed in ["one", "two"] {
        let root = build(&path, seed).unwrap();
        for file in ["oci-layout", "index.json", &format!("blobs/sha256/{}", root.digest.hex())] {
            assert_eq!(mode(&path.join(file)), mode(&plain), "{file}");
        }
    }
    fs::create_dir(dir.path().join("folder")).unwrap();
    assert_eq!(mode(&path), mode(&dir.path().join("folder")));
}

#[test]
fn a_single_manifest_may_be_the_root() {
    let dir = tempfile::tempdir().unwrap();
    let path = dir.path().join("hello");
    let staging = Staging::begin(&path, ImageFormat::Layout).unwrap();
    let root = image(&staging, &Platform::parse("linux/amd64").unwrap(), &["a", "b"]);
    staging.publish(&root, "latest").unwrap();
    let layout = OpenedImages::open(&path).unwrap();
    layout.verify().unwrap();
    assert_eq!(layout.sets()[0].images[0].layers.len(), 2);
}
