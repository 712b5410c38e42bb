//! Archives that are written, replaced, interrupted, and made to mislead readers.
#![allow(clippy::unwrap_used)]

use std::{
    fs,
    os::unix::fs::symlink,
    path::{Path, PathBuf},
};

use serde_json::{Value, json};
use tempfile::TempDir;

use crate::{
    image::{
        ImageFormat, OpenedImages,
        hand_layout::{gzip, zstd},
    },
    oci::{Descriptor, Digest, Platform},
    output::{
        Staging,
        crash_tests::assert_gets_clean,
        test_images::{build, files, image, index, is_clean, name},
    },
    report::{Failure, Limits},
};

/// Publishes one image of `seed` as `form`.
fn single(path: &Path, form: ImageFormat, seed: &str) -> Result<Descriptor, Failure> {
    let staging = Staging::begin(path, form)?;
    let root = image(&staging, &Platform::parse("linux/amd64").unwrap(), &["common", seed]);
    staging.publish(&root, seed)?;
    Ok(root)
}

#[test]
fn one_image_is_the_same_in_every_form_but_for_what_a_form_cannot_carry() {
    let dir = tempfile::tempdir().unwrap();
    let paths = ImageFormat::ALL.map(|form| (form, dir.path().join(form.name())));
    for (form, path) in &paths {
        let root = single(path, *form, "one").unwrap();
        let opened = OpenedImages::open(path).unwrap();
        assert_eq!(opened.form(), Some(*form));
        opened.verify().unwrap();
        let [set] = opened.sets() else { panic!("one name") };
        let [image] = set.images.as_slice() else { panic!("one image") };
        let is_docker = *form == ImageFormat::DockerArchive;
        assert_eq!(set.root.as_ref().map(|blob| blob.digest), (!is_docker).then_some(root.digest));
        assert_eq!(image.manifest.is_none(), is_docker);
        assert_eq!(set.reference.as_deref(), Some(if is_docker { "one:latest" } else { "one" }));
        let stored: Vec<_> = image.layers.iter().map(|layer| (&layer.descriptor, layer.diff_id)).collect();
        let first = OpenedImages::open(&paths[0].1).unwrap();
        let there = &first.sets()[0].images[0];
        assert!(stored.into_iter().eq(there.layers.iter().map(|layer| (&layer.descriptor, layer.diff_id))));
        assert_eq!(image.config, there.config);
        assert_eq!(image.config_descriptor, there.config_descriptor);
    }
    assert!(is_clean(dir.path()));
}

#[test]
fn the_same_image_is_the_same_file() {
    let dir = tempfile::tempdir().unwrap();
    let blobs = "blobs/sha256/*";
    for (form, names) in [
        (ImageFormat::OciArchive, vec![blobs, blobs, blobs, blobs, "index.json", "manifest.json", "oci-layout"]),
        (ImageFormat::DockerArchive, vec!["*.tar.gz", "*.tar.gz", "*.json", "manifest.json"]),
    ] {
        let (one, two) = (dir.path().join("a"), dir.path().join("deep/er/b"));
        single(&one, form, "one").unwrap();
        single(&two, form, "one").unwrap();
        let bytes = fs::read(&one).unwrap();
        assert!(bytes == fs::read(&two).unwrap());
        assert_eq!(members(&bytes), names, "{form}");
        fs::remove_file(&one).unwrap();
        fs::remove_file(&two).unwrap();
    }
}

/// The names in a tar, in its order, with a star for each digest.
fn members(bytes: &[u8]) -> Vec<String> {
    let mut names = Vec::new();
    for entry in tar::Archive::new(bytes).entries().unwrap() {
        let entry = entry.unwrap();
        assert_eq!((entry.header().mtime().unwrap(), entry.header().uid().unwrap()), (0, 0));
        let name = entry.path().unwrap().to_string_lossy().into_owned();
        let digest = name.split(['/', '.']).find(|part| Digest::parse_hex(part).is_ok()).map(str::to_owned);
        names.push(digest.map_or(name.clone(), |digest| name.replace(&digest, "*")));
    }
    names
}

#[test]
fn an_archive_replaces_an_archive_and_nothing_else() {
    let dir = tempfile::tempdir().unwrap();
    for (form, other) in
        [(ImageFormat::OciArchive, ImageFormat::DockerArchive), (ImageFormat::DockerArchive, ImageFormat::OciArchive)]
    {
        let path = dir.path().join("image.tar");
        single(&path, form, "one").unwrap();
        single(&path, other, "two").unwrap();
        assert_eq!(OpenedImages::open(&path).unwrap().form(), Some(other));
        fs::remove_file(&path).unwrap();
        fs::write(&path, "my thesis").unwrap();
        let said = single(&path, form, "one").unwrap_err();
        assert!(said.to_string().ends_with("exists and is not an archive of an image"), "{said}");
        assert_eq!(fs::read_to_string(&path).unwrap(), "my thesis");
        fs::remove_file(&path).unwrap();
        symlink("elsewhere", &path).unwrap();
        let said = single(&path, form, "one").unwrap_err();
        assert!(said.to_string().ends_with("is a symbolic link, which is not followed"), "{said}");
        fs::remove_file(&path).unwrap();
        build(&path, "layout").unwrap();
        assert!(single(&path, form, "one").is_err());
        assert_eq!(name(&path), "layout");
        fs::remove_dir_all(&path).unwrap();
    }
    let path = dir.path().join("image.tar");
    single(&path, ImageFormat::OciArchive, "one").unwrap();
    assert!(build(&path, "layout").unwrap_err().to_string().ends_with("exists and is not an OCI layout"));
    assert!(is_clean(dir.path()));
}

#[test]
fn a_build_killed_at_any_step_leaves_the_old_archive_or_the_new_one() {
    let mut seen = Vec::new();
    for steps in 0.. {
        let dir = tempfile::tempdir().unwrap();
        let path = dir.path().join("image.tar");
        single(&path, ImageFormat::OciArchive, "one").unwrap();
        let mut staging = Staging::begin(&path, ImageFormat::OciArchive).unwrap();
        staging.dies_at = Some(steps);
        let root = index(&staging, "two");
        let died = staging.publish(&root, "two").is_err_and(|failure| failure.what == "killed");
        seen.push(name(&path));
        single(&path, ImageFormat::OciArchive, "three").unwrap();
        assert_eq!(name(&path), "three");
        assert_gets_clean(dir.path(), || drop(single(&path, ImageFormat::OciArchive, "three").unwrap()));
        if !died {
            break;
        }
    }
    assert_eq!(seen, ["one", "two", "two"]);
}

#[test]
fn a_docker_archive_refuses_what_it_cannot_hold() {
    let dir = tempfile::tempdir().unwrap();
    let path = dir.path().join("deep/image.tar");
    let staging = Staging::begin(&path, ImageFormat::DockerArchive).unwrap();
    let root = index(&staging, "two");
    let said = staging.publish(&root, "two").unwrap_err().to_string();
    assert!(said.ends_with("a docker archive holds one platform"), "{said}");
    let said = single(&path, ImageFormat::DockerArchive, "Two").unwrap_err().to_string();
    assert!(said.ends_with("docker cannot call an image `Two`"), "{said}");
    assert!(files(dir.path()).is_empty(), "{:?}", files(dir.path()));
    single(&path, ImageFormat::OciArchive, "Two").unwrap();
    assert_eq!(name(&path), "Two");
}

/// A docker archive written by hand.
struct Hand {
    dir: TempDir,
    members: Vec<(String, Vec<u8>)>,
}

impl Hand {
    fn new() -> Self {
        Self { dir: tempfile::tempdir().unwrap(), members: Vec::new() }
    }

    fn with(mut self, name: &str, bytes: impl AsRef<[u8]>) -> Self {
        self.members.push((name.to_owned(), bytes.as_ref().to_vec()));
        self
    }

    fn path(&self) -> PathBuf {
        let mut builder = tar::Builder::new(Vec::new());
        for (name, bytes) in &self.members {
            let mut header = tar::Header::new_gnu();
            header.set_size(bytes.len() as u64);
            header.set_mode(0o644);
            builder.append_data(&mut header, name, bytes.as_slice()).unwrap();
        }
        let path = self.dir.path().join("x.tar");
        fs::write(&path, builder.into_inner().unwrap()).unwrap();
        path
    }

    fn failure(&self) -> String {
        OpenedImages::open(&self.path()).and_then(|opened| opened.verify()).unwrap_err().what
    }
}

fn config(layers: &[&[u8]]) -> String {
    let diff_ids: Vec<_> = layers.iter().map(|tar| Digest::of(tar).to_string()).collect();
    json!({"architecture": "amd64", "os": "linux", "rootfs": {"type": "layers", "diff_ids": diff_ids}}).to_string()
}

fn table(entries: &[Value]) -> String {
    json!(entries).to_string()
}

#[test]
fn what_docker_and_others_wrote_is_read_whatever_they_call_it() {
    let entry = json!({"Config": "c.json", "RepoTags": ["a:1", "b:2"], "Layers": ["l/layer.tar", "m", "n"]});
    let hand = Hand::new()
        .with("l/layer.tar", b"plain")
        .with("m", gzip(b"packed"))
        .with("n", zstd(b"more"))
        .with("c.json", config(&[b"plain", b"packed", b"more"]))
        .with("manifest.json", table(&[entry]));
    let opened = OpenedImages::open(&hand.path()).unwrap();
    opened.verify().unwrap();
    let set = &opened.sets()[0];
    assert_eq!((set.reference.as_deref(), set.aliases.as_slice()), (Some("a:1"), &["b:2".to_owned()][..]));
    let types: Vec<_> = set.images[0].layers.iter().map(|layer| layer.descriptor.media_type.as_str()).collect();
    let base = "application/vnd.oci.image.layer.v1.tar";
    assert_eq!(types, [base.to_owned(), format!("{base}+gzip"), format!("{base}+zstd")]);
}

#[test]
fn a_docker_archive_that_lies_is_refused() {
    let entry = |config: &str, layer: &str| json!({"Config": config, "RepoTags": ["a:1"], "Layers": [layer]});
    let good = || Hand::new().with("l", b"tar").with("c", config(&[b"tar"]));
    let wrong_name = format!("{}.json", Digest::of(b"x").hex());
    for (hand, said) in [
        (Hand::new().with("x", "y"), "has neither `index.json` nor `manifest.json`"),
        (Hand::new().with("repositories", "{}"), "has neither `index.json` nor `manifest.json`"),
        (good().with("manifest.json", "["), "`manifest.json`: EOF"),
        (good().with("manifest.json", "[]"), "`manifest.json` names no image"),
        (
            good().with("manifest.json", "[{\"Config\":\"c\",\"config\":\"d\",\"Layers\":[\"l\"]}]"),
            "second spelling of `Config`",
        ),
        (good().with("manifest.json", "[{\"Config\":\"c\",\"Config\":\"d\",\"Layers\":[\"l\"]}]"), "is there twice"),
        (good().with("manifest.json", table(&[entry("../c", "l")])), "`../c` is missing"),
        (good().with("manifest.json", table(&[entry("/etc/passwd", "l")])), "`/etc/passwd` is missing"),
        (good().with("manifest.json", table(&[entry("c", "nope")])), "`nope` is missing"),
        (
            good().with(&wrong_name, config(&[b"tar"])).with("manifest.json", table(&[entry(&wrong_name, "l")])),
            "its bytes are",
        ),
        (good().with("m", b"other").with("manifest.json", table(&[entry("c", "m")])), "its bytes are"),
        (good().with("m", gzip(b"other")).with("manifest.json", table(&[entry("c", "m")])), "the unpacked bytes are"),
        (
            good().with("manifest.json", table(&[json!({"Config": "c", "Layers": ["l", "l"]})])),
            "it names 1 layers, `manifest.json` 2",
        ),
        (good().with("manifest.json", table(&[json!({"Config": "c"})])), "it names 1 layers, `manifest.json` 0"),
    ] {
        let failure = hand.failure();
        assert!(failure.contains(said), "{said}: {failure}");
    }
    good().with("manifest.json", table(&[entry("c", "l")])).path();
}

#[test]
fn what_a_table_names_is_bounded() {
    let hand = Hand::new().with("l", b"tar").with("c", config(&[]));
    let many = |count: usize, entry: &Value| table(&vec![entry.clone(); count]);
    // Each entry of the table is a set of its own and has its config read anew.
    let entry = json!({"Config": "c"});
    let budget = usize::try_from(Limits::DOCUMENTS_BYTES / Limits::DOCUMENT_COST).unwrap();
    let hand = hand.with("manifest.json", many(budget + 1, &entry));
    assert!(hand.failure().contains("the configs have more than"), "{}", hand.failure());
    let layers = |count: usize| {
        let entry = json!({"Config": "c", "Layers": vec!["l"; count]});
        let hand = Hand::new().with("l", b"tar").with("c", config(&vec![&b"tar"[..]; count]));
        hand.with("manifest.json", table(&[entry]))
    };
    assert!(OpenedImages::open(&layers(Limits::LAYERS).path()).is_ok());
    assert!(layers(Limits::LAYERS + 1).failure().contains("127 are allowed"));
    let spaces = |limit: u64| " ".repeat(usize::try_from(limit).unwrap() + 1);
    let long = Hand::new().with("manifest.json", spaces(Limits::MANIFEST_BYTES)).failure();
    assert!(long.contains("more than the 4194304 allowed"), "{long}");
    let hand = Hand::new().with("c", spaces(Limits::CONFIG_BYTES)).with("manifest.json", table(&[entry]));
    assert!(hand.failure().contains("more than the 8388608 allowed"), "{}", hand.failure());
}

#[test]
fn an_oci_archive_that_lies_is_refused() {
    let dir = tempfile::tempdir().unwrap();
    let path = dir.path().join("x.tar");
    single(&path, ImageFormat::OciArchive, "one").unwrap();
    let good = fs::read(&path).unwrap();
    let failure = |bytes: &[u8]| {
        fs::write(&path, bytes).unwrap();
        OpenedImages::open(&path).and_then(|opened| opened.verify()).map_err(|failure| failure.what)
    };
    assert_eq!(failure(&good), Ok(()));
    // Every byte of every blob counts.
    let mut archive = tar::Archive::new(good.as_slice());
    let places: Vec<_> = archive
        .entries()
        .unwrap()
        .map(Result::unwrap)
        .map(|entry| (entry.path().unwrap().into_owned(), entry.raw_file_position(), entry.size()))
        .collect();
    for (name, start, size) in places.iter().filter(|(name, ..)| name.starts_with("blobs")) {
        let mut bytes = good.clone();
        bytes[usize::try_from(start + size / 2).unwrap()] ^= 1;
        assert!(failure(&bytes).is_err(), "{}", name.display());
    }
    for length in (0..good.len() - 512).step_by(100) {
        assert!(failure(&good[..length]).is_err(), "{length}");
    }
    assert_eq!(failure(&gzip(&good)).unwrap_err(), "is a compressed archive, which is not read");
    assert_eq!(failure(b"").unwrap_err(), "is not an archive of an image");
}
