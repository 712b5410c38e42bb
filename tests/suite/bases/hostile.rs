//! Bases that lie: every one ends in a message, and in nothing written.

use serde_json::{Value, json};

use super::{cached, on};
use crate::support::{
    base::{Base, Family, Packed, Stage, Written},
    case::{APP, Case},
    elf,
    foreign::Tar,
    layout::sha256,
    registry::{Fault, Registry},
};

pub fn distroless() -> Stage {
    Stage::distroless(Family::Oci, "amd64")
}

#[track_caller]
fn stage_fails(stage: Stage, code: i32, says: &str) {
    let case = Case::new().recipe(&format!("base = \"./base\"\n{APP}")).file("app", elf::static_amd64());
    let case = Base::of([stage]).layout(cached(case), "base");
    case.build().fails(code).says("app.toml:1:8: ").says(says);
    assert!(!case.path("out").exists());
    assert!(!case.path("../escaped").exists());
}

/// A layer, the exit code of a build on it, and the words of the refusal.
pub type BadLayer = (Tar, i32, &'static str);

/// Layers that nobody unpacks, or of which engines make different trees.
pub fn unreadable_layers() -> Vec<BadLayer> {
    let odd = |kind, name: &[u8]| {
        let mut tar = Tar::new();
        tar.entry(kind, name, b"", (0o644, (0, 0), 0));
        tar
    };
    vec![
        (Tar::new().file("../escaped", 0o644, ""), 2, "leads out of the image"),
        (Tar::new().file("a/../../escaped", 0o644, ""), 2, "leads out of the image"),
        (
            Tar::new().hard_link("a", "nothing"),
            2,
            "the hard link `/a` points at `nothing`, which the layer does not have before it",
        ),
        (Tar::new().hard_link("a", "../../etc/passwd"), 2, "points above the root"),
        (
            Tar::new().symlink("a", "b").symlink("b", "a").file("a/x", 0o644, ""),
            2,
            "written through the symbolic link `/a`, which leads nowhere",
        ),
        (Tar::new().file("a", 0o644, "").file("a/b", 0o644, ""), 2, "is written below `/a`, which is not a folder"),
        (Tar::new().file(&"x".repeat(300), 0o644, ""), 2, "longer than Linux can open"),
        (odd(b'S', b"sparse"), 2, "a sparse file in it cannot be read"),
        (odd(b'Q', b"other"), 2, "has a tar type that engines handle differently"),
    ]
}

/// Layers that every engine unpacks, with something that the audit refuses.
pub fn odd_layers() -> Vec<BadLayer> {
    let mut device = Tar::new().folder("srv");
    device.entry(b'3', b"srv/null", b"", (0o666, (0, 0), 0));
    vec![
        (Tar::new().file("usr/su", 0o4755, elf::static_amd64()), 1, "setuid"),
        (Tar::new().file("etc/x", 0o644, "1").file("etc/x", 0o644, "2"), 1, "duplicate-path"),
        (device, 1, "device"),
        (Tar::new().folder("srv").file("srv/open", 0o666, ""), 1, "world-writable"),
    ]
}

/// A file about whose size a header and PAX records may say different things: who believes the smaller one finds a second
/// file in the content of the first.
pub fn layers_of_two_sizes() -> Vec<BadLayer> {
    let hidden = Tar::new().file("hidden", 0o644, "").bytes();
    let sized = |tar: Tar| tar.file("srv/file", 0o644, &hidden[..512]);
    let records = |kind, records| sized(Tar::new().folder("srv").records(kind, records));
    let mut empty = Tar::new().folder("srv").records(b'x', &[("size", "512")]);
    empty.entry(b'0', b"srv/file", b"", (0o644, (0, 0), 0));
    vec![
        (records(b'x', &[("size", "0")]), 2, "it gives two sizes"),
        (empty.file("hidden", 0o644, ""), 2, "it gives two sizes"),
        (records(b'x', &[("size", "512"), ("size", "0")]), 2, "a header of it says one thing twice"),
        (records(b'x', &[("size", "0"), ("size", "512")]), 2, "a header of it says one thing twice"),
        (records(b'g', &[("size", "0")]), 2, "a global header renames or resizes all entries"),
    ]
}

#[test]
fn paths_that_lead_out_and_links_to_nothing_are_refused() {
    for (tar, code, says) in unreadable_layers() {
        stage_fails(distroless().layer(tar, Packed::Gzip), code, says);
    }
}

#[test]
fn what_is_odd_but_unpacks_is_for_the_audit() {
    for (tar, code, says) in odd_layers() {
        stage_fails(distroless().layer(tar, Packed::Gzip), code, says);
    }
}

/// A path that is twice in a layer of the base can be excepted, as what else came with it: with a reason, for that path, until a day.
#[test]
fn a_base_with_a_path_that_is_twice_in_a_layer_can_be_excepted() {
    let twice = || Tar::new().file("etc/x", 0o644, "1").file("etc/y", 0o644, "1").file("etc/x", 0o644, "2");
    let allow = |path: &str, until: &str| {
        format!(
            "[[policy.allow]]\nrule = \"duplicate-path\"\npath = \"{path}\"\nreason = \"an old builder\"\nuntil = {until}\n"
        )
    };
    for (path, until, code) in [("/etc/x", "2999-01-01", 0), ("/etc/y", "2999-01-01", 1), ("/etc/x", "2001-01-01", 1)] {
        let recipe = format!("base = \"./base\"\n{APP}{}", allow(path, until));
        let case = Case::new().recipe(&recipe).file("app", elf::static_amd64());
        let case = Base::of([distroless().layer(twice(), Packed::Gzip)]).layout(cached(case), "base");
        let output = case.build().fails(code);
        assert!(code == 0 || output.stderr.contains("duplicate-path"), "{path} {until}: {}", output.stderr);
    }
}

#[test]
fn file_of_two_sizes() {
    for (tar, code, says) in layers_of_two_sizes() {
        let case = Case::new().recipe(&format!("base = \"./base\"\n{APP}")).file("app", elf::static_amd64());
        let case = Base::of([distroless().layer(tar, Packed::Gzip)]).layout(cached(case), "base");
        case.build()
            .fails(code)
            .says("app.toml:1:8: ")
            .says(&format!("`/srv/file`: {says}, and readers would disagree"));
        let audit = case.run(["audit", "base"]);
        assert!(audit.code == 1 && audit.stdout.contains("ambiguous-tar") && audit.stdout.contains(says), "{audit:?}");
    }
}

/// A registry with the base after a change of its documents, and the name of its root there.
fn changed(change: impl FnOnce(&mut Written)) -> (Registry, String) {
    let registry = Registry::start();
    let mut written = Base::of([distroless()]).write();
    change(&mut written);
    for blob in &written.blobs {
        registry.keep_blob("base", blob);
    }
    for (kind, manifest) in &written.manifests {
        registry.keep_manifest("base", &sha256(manifest), kind, manifest);
    }
    let root = sha256(&written.manifests.last().expect("a root").1);
    let name = format!("{}/base@{root}", registry.host());
    (registry, name)
}

/// Rewrites a JSON document.
pub fn edit(bytes: &mut Vec<u8>, change: impl FnOnce(&mut Value)) {
    let mut document: Value = serde_json::from_slice(bytes).expect("JSON");
    change(&mut document);
    *bytes = serde_json::to_vec(&document).expect("JSON");
}

/// What is done to the documents of a base.
pub type Change = Box<dyn FnOnce(&mut Written)>;

/// Documents that are not what they say, and the words of the refusal.
pub fn changes() -> Vec<(Change, &'static str)> {
    let root = |change: fn(&mut Value)| move |written: &mut Written| edit(&mut written.manifests[0].1, change);
    vec![
        (Box::new(|written| written.manifests[0].1 = b"{".to_vec()), "EOF"),
        (Box::new(|written| drop(written.blobs.remove(1))), "is missing"),
        (Box::new(root(|manifest| manifest["layers"][0]["size"] = json!(7))), "it has more than 7 bytes"),
        (Box::new(root(|manifest| manifest["layers"][0]["size"] = json!(70_000))), "cannot read the blob"),
        (Box::new(root(|manifest| manifest["layers"] = json!([]))), "has 0 layers, its config names 1"),
        (
            Box::new(root(|manifest| {
                manifest["layers"][0]["mediaType"] =
                    json!("application/vnd.oci.image.layer.nondistributable.v1.tar+gzip");
                manifest["layers"][0]["urls"] = json!(["https://example.com/layer"]);
            })),
            "a non-distributable (foreign) layer",
        ),
        (
            Box::new(root(|manifest| {
                manifest["layers"][0]["mediaType"] = json!("application/vnd.oci.image.layer.v1.tar");
            })),
            "its media type calls it a tar, and its bytes are gzip",
        ),
    ]
}

#[test]
fn documents_and_layers_that_are_not_what_they_say_are_refused() {
    for (change, says) in changes() {
        let (_registry, name) = changed(change);
        on(&name, "").build().fails(2).says("app.toml:1:8: ").says(says);
    }
    // Unpacks to something else than the config says.
    let mut stage = distroless();
    stage.layers[0].2 = format!("sha256:{}", "0".repeat(64));
    stage_fails(stage, 2, "the config says");
    // A registry that sends other bytes than were asked for.
    let (registry, name) = changed(|_| ());
    let layer = distroless().digests().remove(0);
    registry.corrupt("base", &layer);
    on(&name, "").build().fails(2).says("its bytes are `sha256:");
    registry.spoil(|request| request.is("GET", "/manifests/").then(|| Fault::status(403)));
    on(&name, "").build().fails(2).says("app.toml:1:8: ");
}

#[test]
fn an_index_that_nests_too_deep_and_a_bomb_are_refused() {
    let kind = "application/vnd.oci.image.index.v1+json";
    let (_registry, name) = changed(|written| {
        for _ in 0..6 {
            let (media_type, below) = written.manifests.last().expect("a root").clone();
            let entry = json!({ "mediaType": media_type, "digest": sha256(&below), "size": below.len() });
            let index = json!({ "schemaVersion": 2, "mediaType": kind, "manifests": [entry] });
            written.manifests.push((kind.to_owned(), serde_json::to_vec(&index).expect("JSON")));
        }
    });
    on(&name, "").build().fails(2).says("an index nests deeper than");
    // More than 1 GiB of zeros, in a file of one name.
    let mut tar = Tar::new();
    tar.entry(b'0', b"zeros", b"", (0o644, (0, 0), 3 << 30));
    let head = tar.bytes()[..512].to_vec();
    let zeros = vec![0; 16 << 20];
    let mut encoder = zstd::Encoder::new(Vec::new(), 1).expect("zstd");
    std::io::Write::write_all(&mut encoder, &head).expect("zstd");
    for _ in 0..(3 << 30) / zeros.len() {
        std::io::Write::write_all(&mut encoder, &zeros).expect("zstd");
    }
    let bomb = encoder.finish().expect("zstd");
    let mut stage = distroless().layer(Tar::new(), Packed::Zstd);
    stage.layers[1].0 = bomb;
    stage_fails(stage, 2, "it unpacks to more than");
}
