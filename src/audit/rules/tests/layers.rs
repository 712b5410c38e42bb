//! Cases of layers and manifests: TAR and REP.

use super::*;

fn link(path: &str, target: &str) -> Audit {
    files(vec![SampleFile::symlink(path, target)])
}

fn manifest(key: &str, value: Value) -> Audit {
    clean().manifest(key, value).audit()
}

fn descriptor(key: &str, value: Value) -> Audit {
    clean().layer_descriptor(key, value).audit()
}

fn text(path: &str) -> SampleFile {
    SampleFile::text(path, "text")
}

pub(super) fn cases() -> Vec<Case> {
    let mut all = paths();
    all.extend(whole());
    all
}

fn paths() -> Vec<Case> {
    vec![
        case(Rule::PathEscape, || files(vec![text("../../x")]), || files(vec![text("..x")])),
        case(Rule::PathEscape, || files(vec![text("/x")]), || files(vec![text("./x")])),
        case(
            Rule::HardLinkEscape,
            || files(vec![SampleFile::hard_link("x", "none")]),
            || files(vec![text("a"), SampleFile::hard_link("x", "a")]),
        ),
        case(
            Rule::HardLinkEscape,
            || files(vec![text("a"), SampleFile::hard_link("x", "../a")]),
            || files(vec![text("a"), SampleFile::hard_link("x", "./a")]),
        ),
        case(
            Rule::SymlinkParent,
            || files(vec![SampleFile::symlink("l", "usr"), text("l/x")]),
            || files(vec![SampleFile::symlink("l", "usr"), text("usr/x")]),
        ),
        case(Rule::SymlinkEscape, || link("usr/lib/x", "../../../etc/x"), || link("usr/lib/x", "../../etc/x")),
        case(Rule::SymlinkEscape, || link("usr/lib/x", "../../proc/1/root"), || link("usr/lib/x", "../../proc/mounts")),
        case(Rule::SymlinkEscape, || link("x", "/var/run/docker.sock"), || link("x", "/var/run/docker.sock.d")),
        case(Rule::DuplicatePath, || files(vec![text("a"), text("./a")]), || files(vec![text("a"), text("a ")])),
        case(Rule::InvalidWhiteout, || files(vec![text("usr/.wh.")]), || files(vec![text("usr/.why")])),
        case(
            Rule::InvalidWhiteout,
            || files(vec![SampleFile::whiteout("usr/lib/x"), text("usr/lib/x")]),
            || files(vec![text("usr/lib/.wh..wh..opq"), text("usr/lib/x")]),
        ),
        case(Rule::UnsortedEntries, || files(vec![text("b"), text("a")]), || files(vec![text("a"), text("b")])),
        case(
            Rule::UnsortedEntries,
            || files(vec![text("none/b")]),
            || files(vec![SampleFile::folder("some"), text("some/b")]),
        ),
    ]
}

fn whole() -> Vec<Case> {
    vec![
        case(
            Rule::AmbiguousTar,
            || files(vec![text("a").pax("size", b"2")]),
            || files(vec![text("a").pax("size", b"4")]),
        ),
        case(
            Rule::AmbiguousTar,
            || clean().raw_layer(&[vec![text("a")], vec![text("b")]]).audit(),
            || clean().raw_layer(&[vec![text("a")], vec![]]).audit(),
        ),
        case(Rule::DigestMismatch, || clean().damaged().audit(), || clean().audit()),
        case(
            Rule::AmbiguousManifest,
            || manifest("mediaType", json!("application/vnd.docker.distribution.manifest.v2+json")),
            || manifest("mediaType", json!("application/vnd.oci.image.manifest.v1+json")),
        ),
        case(
            Rule::AmbiguousManifest,
            || clean().document("rootfs", json!({ "type": "tars", "diff_ids": [] })).audit(),
            || clean().document("rootfs", json!({ "type": "layers", "diff_ids": [] })).audit(),
        ),
        case(
            Rule::ForeignLayer,
            || descriptor("urls", json!(["https://example.com"])),
            || descriptor("urls", json!([])),
        ),
        case(
            Rule::ResourceBomb,
            || files(vec![text("x").pax("comment", &[b'x'; 2 << 20])]),
            || files(vec![text("x").pax("comment", &[b'x'; 1000])]),
        ),
        case(Rule::VaryingTimes, || files(vec![text("x").mtime(5)]), || files(vec![text("x").pax("mtime", b"0.000")])),
        case(Rule::GzipMetadata, || clean().gzip(7).audit(), || clean().gzip(0).audit()),
        case(
            Rule::OwnerNames,
            || files(vec![text("x").names("alice", "users")]),
            || files(vec![text("x").names("root", "root")]),
        ),
    ]
}
