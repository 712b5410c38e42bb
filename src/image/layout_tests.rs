#![allow(clippy::unwrap_used)]

use std::{
    fs,
    io::{self, Read as _},
    os::unix::fs::symlink,
};

use serde_json::{Value, json};

use super::*;
use crate::{
    image::drain,
    image::hand_layout::{CONFIG, GZIP, HandLayout, INDEX_TYPE, MANIFEST, ZSTD, gzip, zstd},
};

fn index_of(entries: &[Value]) -> Value {
    json!({"schemaVersion": 2, "mediaType": INDEX_TYPE, "manifests": entries})
}

#[test]
fn names_platforms_and_layers_are_read() {
    let hand = HandLayout::new();
    let mut image = hand.image();
    image["platform"] = json!({"architecture": "amd64", "os": "linux"});
    let mut root = hand.json(INDEX_TYPE, &index_of(&[image]));
    root["annotations"] = json!({"org.opencontainers.image.ref.name": "latest"});
    let layout = hand.index(&[root]).open().unwrap();
    layout.verify().unwrap();
    let set = &layout.sets()[0];
    assert_eq!(set.reference.as_deref(), Some("latest"));
    assert_eq!(set.root.as_ref().unwrap().media_type, INDEX_TYPE);
    let image = &set.images[0];
    assert_eq!(image.platform.as_ref().unwrap().architecture().to_string(), "amd64");
    assert_eq!(image.config.os().to_string(), "linux");
    let mut tar = String::new();
    image.layers[0].open_tar().unwrap().read_to_string(&mut tar).unwrap();
    assert_eq!(tar, "tar");
}

#[test]
fn dockers_media_types_and_plain_layers_are_read() {
    let hand = HandLayout::new();
    let layers = [
        (hand.blob("application/vnd.docker.image.rootfs.diff.tar.gzip", &gzip(b"a")), &b"a"[..]),
        (hand.blob("application/vnd.oci.image.layer.v1.tar", b"b"), b"b"),
    ];
    let mut manifest = hand.manifest(&layers);
    manifest["config"]["mediaType"] = "application/vnd.docker.container.image.v1+json".into();
    manifest["mediaType"] = "application/vnd.docker.distribution.manifest.v2+json".into();
    let manifest = hand.json("application/vnd.docker.distribution.manifest.v2+json", &manifest);
    let list = json!({"schemaVersion": 2, "manifests": [manifest]});
    let list = hand.json("application/vnd.docker.distribution.manifest.list.v2+json", &list);
    let layout = hand.index(&[list]).open().unwrap();
    layout.verify().unwrap();
    assert_eq!(layout.sets()[0].images[0].layers.len(), 2);
}

#[test]
fn what_is_no_layout_says_what_is_missing() {
    let dir = tempfile::tempdir().unwrap();
    let said = |path: &Path| OpenedImages::open(path).unwrap_err().to_string();
    assert!(said(dir.path()).contains("is not an OCI layout: `oci-layout` is missing"));
    assert!(said(&dir.path().join("none")).contains("no such file or directory"));
    fs::write(dir.path().join(LAYOUT_MARKER), r#"{"imageLayoutVersion":"1.0.0"}"#).unwrap();
    assert!(said(&dir.path().join(LAYOUT_MARKER)).contains("is not an archive of an image"));
    assert!(said(dir.path()).contains("`index.json` is missing"));
    fs::write(dir.path().join(LAYOUT_INDEX), "{").unwrap();
    assert!(said(dir.path()).contains("`index.json`: EOF"));
    fs::write(dir.path().join(LAYOUT_MARKER), "{\"imageLayoutVersion\":\"\\u001b[2J\"}").unwrap();
    assert!(said(dir.path()).contains("layouts of version `\\u{1b}[2J` are not known"));
}

#[test]
fn blobs_that_are_missing_changed_or_lied_about_are_named() {
    let hand = HandLayout::new();
    let image = hand.image();
    hand.index(std::slice::from_ref(&image));
    let path = hand.blob_path(&image);
    let good = fs::read(&path).unwrap();
    let digest = image["digest"].as_str().unwrap();

    fs::remove_file(&path).unwrap();
    assert!(hand.failure().contains(&format!("the blob `{digest}` is missing")));
    fs::write(&path, &good[1..]).unwrap();
    assert!(hand.failure().contains("its descriptor says"));
    let mut flipped = good.clone();
    flipped[20] ^= 1;
    fs::write(&path, flipped).unwrap();
    assert!(hand.failure().contains("its bytes are `sha256:"));
    fs::remove_file(&path).unwrap();
    fs::write(hand.path().join("real"), &good).unwrap();
    symlink("../../real", &path).unwrap();
    assert!(hand.failure().contains("symbolic link"));
    fs::remove_file(&path).unwrap();
    fs::create_dir(&path).unwrap();
    assert!(hand.failure().contains("not a regular file"));
    fs::remove_dir(&path).unwrap();
    rustix::fs::mknodat(rustix::fs::CWD, &path, rustix::fs::FileType::Fifo, rustix::fs::Mode::RUSR, 0).unwrap();
    assert!(hand.failure().contains("not a regular file"));
}

#[test]
fn a_folder_of_blobs_that_is_a_link_is_not_followed() {
    let hand = HandLayout::new();
    hand.index(&[hand.image()]);
    fs::rename(hand.path().join("blobs"), hand.path().join("real")).unwrap();
    symlink("real", hand.path().join("blobs")).unwrap();
    assert!(hand.failure().contains("cannot open `blobs/sha256`"));
    // The layout itself may be reached through one.
    let other = HandLayout::new();
    other.index(&[other.image()]);
    symlink(other.path(), hand.path().join("link")).unwrap();
    OpenedImages::open(&hand.path().join("link")).unwrap().verify().unwrap();
}

#[test]
fn sizes_are_bounded_before_anything_is_read() {
    let hand = HandLayout::new();
    let mut image = hand.image();
    image["size"] = (Limits::MANIFEST_BYTES + 1).into();
    assert!(hand.index(&[image]).failure().contains("more than the 4194304 allowed"));
    let mut manifest = hand.manifest(&[]);
    manifest["config"]["size"] = u64::MAX.into();
    let manifest = hand.json(MANIFEST, &manifest);
    assert!(hand.index(&[manifest]).failure().contains("bytes"));
    fs::write(hand.path().join(LAYOUT_INDEX), " ".repeat(5 << 20)).unwrap();
    assert!(hand.failure().contains("more than the 4194304 bytes allowed"));
}

#[test]
fn many_documents_cost_no_more_than_the_budget() {
    let hand = HandLayout::new();
    let image = hand.image();
    // Each entry of `index.json` is a set of its own and is read anew.
    let entries = vec![image; 10_000];
    assert!(hand.index(&entries).failure().contains("bytes together"));
}

#[test]
fn digests_that_are_paths_or_of_other_algorithms_are_refused() {
    let hand = HandLayout::new();
    let mut image = hand.image();
    let hex = "0".repeat(61);
    for (digest, said) in [
        (format!("sha256:../{hex}"), "nvalid encoded value"),
        ("sha256:../../../etc/passwd".to_owned(), "nvalid encoded value"),
        (format!("sha512:{}", "0".repeat(128)), "not a `sha256:` digest"),
        ("blake3:00".to_owned(), "not a `sha256:` digest"),
    ] {
        image["digest"] = digest.clone().into();
        let failure = hand.index(std::slice::from_ref(&image)).failure();
        assert!(failure.contains(said), "{digest}: {failure}");
    }
}

#[test]
fn indexes_nest_so_deep_and_no_deeper() {
    let hand = HandLayout::new();
    let mut root = hand.image();
    for _ in 0..Limits::INDEX_DEPTH {
        root = hand.json(INDEX_TYPE, &index_of(&[root]));
    }
    let layout = hand.index(std::slice::from_ref(&root)).open().unwrap();
    layout.verify().unwrap();
    assert_eq!(layout.sets()[0].images.len(), 1);
    let deeper = hand.json(INDEX_TYPE, &index_of(&[root]));
    assert!(hand.index(std::slice::from_ref(&deeper)).failure().contains("nests deeper than 4"));
    let opened = hand.index(&[deeper]).open();
    assert!(opened.unwrap_err().what.contains("nests deeper than 4"), "it is not opened, whoever verifies it later");
}

#[test]
fn an_index_that_names_one_image_a_thousand_times_has_one_image() {
    let hand = HandLayout::new();
    let root = hand.json(INDEX_TYPE, &index_of(&vec![hand.image(); 1000]));
    let wide = hand.json(INDEX_TYPE, &index_of(&vec![root; 1000]));
    let layout = hand.index(&[wide]).open().unwrap();
    layout.verify().unwrap();
    assert_eq!(layout.sets()[0].images.len(), 1);
}

#[test]
fn attestations_and_artifacts_are_skipped_and_cannot_hide_an_image() {
    let hand = HandLayout::new();
    let image = hand.image();
    let mut attestation = image.clone();
    attestation["platform"] = json!({"architecture": "unknown", "os": "unknown"});
    let mut manifest = hand.manifest(&[]);
    manifest["config"]["mediaType"] = "application/vnd.oci.empty.v1+json".into();
    manifest["artifactType"] = "application/spdx+json".into();
    let artifact = hand.json(MANIFEST, &manifest);
    let mut manifest = hand.manifest(&[(hand.blob("application/vnd.dev.cosign.simplesigning.v1+json", b"{}"), b"{}")]);
    let signature = hand.json(MANIFEST, &manifest);
    manifest = hand.manifest(&[(hand.blob(GZIP, &gzip(b"hidden")), b"hidden")]);
    manifest["artifactType"] = "application/spdx+json".into();
    let hiding = hand.json(MANIFEST, &manifest);
    let text = hand.blob("text/plain", b"hello");
    let root = hand.json(INDEX_TYPE, &index_of(&[attestation, artifact, signature, text, image, hiding]));
    let layout = hand.index(&[root]).open().unwrap();
    layout.verify().unwrap();
    let set = &layout.sets()[0];
    let why: Vec<_> = set.skipped.iter().map(|skipped| skipped.why.as_str()).collect();
    assert_eq!(
        why,
        [
            "its platform is `unknown`, as that of an attestation",
            "it is an artifact, `application/spdx+json`",
            "it holds `application/vnd.dev.cosign.simplesigning.v1+json`, not layers",
            "`text/plain` is no image",
        ]
    );
    assert_eq!(set.images.len(), 2);
    // What is no image is part of the place, and has to be what it is called.
    let text = hand.blob("text/plain", b"hello");
    fs::write(hand.blob_path(&text), b"other").unwrap();
    assert!(layout.verify().unwrap_err().what.contains("read the blob"));
}

#[test]
fn what_some_engines_run_and_others_do_not_is_no_artifact() {
    let hand = HandLayout::new();
    let layer = hand.blob(GZIP, &gzip(b"tar"));
    let refused = |entry: Value, said: &str| {
        let failure = hand.index(&[entry]).failure();
        assert!(failure.contains("engines disagree whether that is") && failure.contains(said), "{failure}");
    };
    for config in ["", "application/octet-stream", "application/vnd.oci.image.config.v1+json; charset=utf-8"] {
        let mut manifest = hand.manifest(&[(layer.clone(), b"tar")]);
        manifest["config"]["mediaType"] = config.into();
        // The artifact type is no reason for an engine to leave it.
        manifest["artifactType"] = "application/spdx+json".into();
        refused(hand.json(MANIFEST, &manifest), "its config is called");
    }
    let octets = hand.blob("application/octet-stream", &gzip(b"tar"));
    refused(hand.json(MANIFEST, &hand.manifest(&[(octets, b"tar")])), "it holds `application/octet-stream`");
    for (media_type, platform) in [
        ("application/vnd.oci.image.manifest.v1+json;charset=utf-8", None),
        ("application/vnd.oci.image.manifest.V1+json", None),
        ("application/octet-stream", Some(json!({"architecture": "amd64", "os": "linux"}))),
    ] {
        let mut entry = hand.image();
        entry["mediaType"] = media_type.into();
        entry["platform"] = platform.unwrap_or(Value::Null);
        refused(entry, media_type);
    }
}

#[test]
fn layers_and_diff_ids_must_be_as_many_and_not_too_many() {
    let hand = HandLayout::new();
    let layer = hand.blob(GZIP, &gzip(b"tar"));
    let mut manifest = hand.manifest(&[(layer.clone(), b"tar")]);
    manifest["layers"] = json!([layer, layer]);
    let root = hand.json(MANIFEST, &manifest);
    assert!(hand.index(&[root]).failure().contains("has 2 layers, its config names 1"));
    let many = vec![(layer, &b"tar"[..]); Limits::LAYERS + 1];
    let root = hand.json(MANIFEST, &hand.manifest(&many));
    assert!(hand.index(&[root]).failure().contains("has 128 layers, more than the 127 allowed"));
}

#[test]
fn what_a_layer_unpacks_to_is_checked() {
    let hand = HandLayout::new();
    let two_members = [gzip(b"t"), gzip(b"ar")].concat();
    let trailing = [&gzip(b"tar")[..], b"garbage"].concat();
    let cut = gzip(&[7; 9000]);
    let packed = zstd(&[7; 9000]);
    for (media_type, bytes, tar, said) in [
        (GZIP, gzip(b"tar"), &b"other"[..], "the unpacked bytes are"),
        (GZIP, two_members.clone(), b"t", "the unpacked bytes are"),
        (GZIP, trailing, b"tar", "cannot unpack"),
        (GZIP, cut[..cut.len() - 6].to_vec(), &[7; 9000], "cannot unpack"),
        (GZIP, b"tar".to_vec(), b"tar", "cannot unpack"),
        (GZIP, zstd(b"tar"), b"tar", "its media type calls it gzip, and its bytes are zstd"),
        (
            "application/vnd.oci.image.layer.v1.tar",
            gzip(b"tar"),
            b"tar",
            "its media type calls it a tar, and its bytes are gzip",
        ),
        (GZIP, Vec::new(), b"", "cannot unpack"),
        ("application/vnd.oci.image.layer.v1.tar", b"tar".to_vec(), b"other", "the unpacked bytes are"),
        (ZSTD, gzip(b"tar"), b"tar", "cannot unpack"),
        (ZSTD, zstd(b"tar"), b"other", "the unpacked bytes are"),
        (ZSTD, [zstd(b"t"), zstd(b"ar")].concat(), b"t", "the unpacked bytes are"),
        (ZSTD, [&zstd(b"tar")[..], b"garbage"].concat(), b"tar", "cannot unpack"),
        (ZSTD, packed[..packed.len() - 3].to_vec(), &[7; 9000], "cannot unpack"),
        (ZSTD, Vec::new(), b"", "cannot unpack"),
    ] {
        let layer = hand.blob(media_type, &bytes);
        let root = hand.json(MANIFEST, &hand.manifest(&[(layer, tar)]));
        let failure = hand.index(&[root]).failure();
        assert!(failure.contains(said), "{failure}");
    }
    let root = hand.json(MANIFEST, &hand.manifest(&[(hand.blob(GZIP, &two_members), b"tar")]));
    hand.index(&[root]).open().unwrap().verify().unwrap();
    let frames = hand.blob(ZSTD, &[zstd(b"t"), zstd(b"ar")].concat());
    let root = hand.json(MANIFEST, &hand.manifest(&[(frames, b"tar")]));
    hand.index(&[root]).open().unwrap().verify().unwrap();
}

/// Opens and verifies an image of one layer.
fn verify(media_type: &str, stored: &[u8], tar: &[u8]) -> Result<(), String> {
    let hand = HandLayout::new();
    let root = hand.json(MANIFEST, &hand.manifest(&[(hand.blob(media_type, stored), tar)]));
    let opened = hand.index(&[root]).open().unwrap();
    opened.verify().map_err(|failure| failure.to_string())
}

#[test]
fn a_tar_is_one_whatever_its_first_name_begins_with() {
    for name in ["BZhang", "PK\u{3}\u{4}", "plain"] {
        let mut builder = tar::Builder::new(Vec::new());
        let mut header = tar::Header::new_gnu();
        header.set_size(0);
        builder.append_data(&mut header, name, io::empty()).unwrap();
        let tar = builder.into_inner().unwrap();
        assert_eq!(verify("application/vnd.oci.image.layer.v1.tar", &tar, &tar), Ok(()), "{name}");
        for (media_type, called) in [(GZIP, "gzip"), (ZSTD, "zstd")] {
            let said = verify(media_type, &tar, &tar).unwrap_err();
            assert!(said.contains(&format!("its media type calls it {called}, and its bytes are a tar")), "{said}");
        }
    }
}

#[test]
fn a_small_layer_may_unpack_to_much_and_a_window_may_be_as_large_as_zstd_makes_it() {
    // Ten thousand times its size, which is no bomb yet.
    let zeros = vec![0; 4 << 20];
    assert_eq!(verify(ZSTD, &zstd(&zeros), &zeros), Ok(()));
    // A frame of three raw bytes (RFC 8878) that says how large a window it needs, as a power of two.
    let frame = |log: u32| {
        let window = u8::try_from((log - 10) << 3).unwrap();
        [&[0x28, 0xb5, 0x2f, 0xfd, 0, window, 3 << 3 | 1, 0, 0][..], b"tar"].concat()
    };
    assert_eq!(verify(ZSTD, &frame(Limits::ZSTD_WINDOW_LOG), b"tar"), Ok(()));
    let said = verify(ZSTD, &frame(Limits::ZSTD_WINDOW_LOG + 1), b"tar").unwrap_err();
    assert!(said.contains("memory"), "{said}");
}

#[test]
fn a_layer_that_unpacks_to_far_more_than_it_is_ends() {
    let hand = HandLayout::new();
    // 2 GiB of zeros in less than 100 KiB.
    let mut bomb = ::zstd::Encoder::new(Vec::new(), 1).unwrap();
    io::copy(&mut io::repeat(0).take(2 << 30), &mut bomb).unwrap();
    let layer = hand.blob(ZSTD, &bomb.finish().unwrap());
    let root = hand.json(MANIFEST, &hand.manifest(&[(layer, b"tar")]));
    let failure = hand.index(&[root]).failure();
    assert!(failure.contains("it unpacks to more than 200 times its size"), "{failure}");
}

#[test]
fn a_reader_gives_the_last_bytes_only_when_all_are_right() {
    let hand = HandLayout::new();
    let bytes: Vec<u8> = (0..200_000_u32).map(|at| at.to_le_bytes()[1]).collect();
    let layer = hand.blob("application/vnd.oci.image.layer.v1.tar", &bytes);
    let root = hand.json(MANIFEST, &hand.manifest(&[(layer.clone(), &bytes)]));
    let layout = hand.index(&[root]).open().unwrap();
    let blob = &layout.sets()[0].images[0].layers[0].blob;
    let mut all = Vec::new();
    blob.open().unwrap().read_to_end(&mut all).unwrap();
    assert_eq!(all, bytes);

    let mut changed = bytes.clone();
    changed[5] ^= 1;
    fs::write(hand.blob_path(&layer), &changed).unwrap();
    // Also for a reader that counts, and again when it is asked again.
    let mut reader = blob.open().unwrap();
    let mut exact = vec![0; bytes.len()];
    assert_eq!(reader.read_exact(&mut exact).unwrap_err().kind(), io::ErrorKind::InvalidData);
    assert!(reader.read(&mut [0; 10]).is_err());
    // A reader that stops early drains.
    let mut reader = blob.open().unwrap();
    reader.read_exact(&mut [0; 100]).unwrap();
    assert!(drain(&mut reader).is_err());

    // It changes its size after it was opened.
    fs::write(hand.blob_path(&layer), &bytes).unwrap();
    let mut reader = blob.open().unwrap();
    reader.read_exact(&mut [0; 100]).unwrap();
    fs::write(hand.blob_path(&layer), &bytes[..1000]).unwrap();
    assert!(drain(&mut reader).unwrap_err().to_string().contains("ends after"));
    fs::write(hand.blob_path(&layer), &bytes).unwrap();
    let mut reader = blob.open().unwrap();
    fs::write(hand.blob_path(&layer), [&bytes[..], b"x"].concat()).unwrap();
    assert!(drain(&mut reader).unwrap_err().to_string().contains("more than"));
}

/// Cuts and changes documents; the digests above them are made to fit, so that every change reaches a parser.
#[test]
fn documents_cut_or_changed_anywhere_never_panic() {
    let hand = HandLayout::new();
    let layer = hand.blob(GZIP, &gzip(b"tar"));
    let manifest = hand.manifest(&[(layer, b"tar")]);
    let config = fs::read(hand.blob_path(&manifest["config"])).unwrap();
    let image = manifest.to_string().into_bytes();
    let wrap = |kind: &str, bytes: &[u8]| -> Vec<u8> {
        let entry = match kind {
            "config" => {
                let mut manifest = manifest.clone();
                manifest["config"] = hand.blob(CONFIG, bytes);
                hand.json(MANIFEST, &manifest)
            }
            "manifest" => hand.blob(MANIFEST, bytes),
            _ => return bytes.to_vec(),
        };
        json!({"schemaVersion": 2, "manifests": [entry]}).to_string().into_bytes()
    };
    let entry = wrap("manifest", &image);
    let mut random = 1_u64;
    let (mut good, mut wrong) = (0, 0);
    for (kind, bytes) in [("index", &entry), ("manifest", &image), ("config", &config)] {
        for round in 0..600 {
            // A small linear generator: the same documents in every run.
            let mut next = |below: usize| {
                random = random.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
                usize::try_from(random >> 33).unwrap() % below
            };
            let mut changed = bytes.clone();
            match round % 4 {
                0 => changed.truncate(next(bytes.len())),
                1 => changed[next(bytes.len())] = u8::try_from(next(256)).unwrap(),
                2 => changed[next(bytes.len())] = b"{}[]\",:0-9eE.\\\0"[next(15)],
                _ => {
                    let at = next(bytes.len());
                    let piece: Vec<u8> = bytes[at..(at + next(40)).min(bytes.len())].to_vec();
                    let to = next(bytes.len());
                    changed.splice(to..to, piece);
                }
            }
            fs::write(hand.path().join(LAYOUT_INDEX), wrap(kind, &changed)).unwrap();
            match hand.open().and_then(|layout| layout.verify()) {
                Ok(()) => good += 1,
                Err(failure) => {
                    let said = failure.to_string();
                    assert!(!said.chars().any(char::is_control), "{said:?}");
                    wrong += 1;
                }
            }
        }
    }
    assert!(good > 0 && wrong > 500, "{good} {wrong}");
}
