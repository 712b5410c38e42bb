#![allow(clippy::unwrap_used)]
use serde_json::json;

use super::*;
use crate::oci::{DiffId, Digest};

fn entry(path: &str, kind: &'static str, mode: &str, uid: u64) -> EntryReport {
    let (path, mode) = (path.to_owned(), mode.to_owned());
    EntryReport { path, kind, mode, uid, gid: uid, size: 0, mtime: 0, target: None }
}

fn report(config: &Value, layers: Vec<Vec<EntryReport>>) -> InspectReport {
    let digest = Digest::of(b"");
    let layers = layers.into_iter().map(|entries| crate::inspect::LayerReport {
        digest,
        diff_id: DiffId::new(digest),
        media_type: String::new(),
        size: 0,
        unpacked_size: 0,
        created_by: None,
        entries,
    });
    let image = ImageReport {
        platform: "linux/amd64".to_owned(),
        digest: Some(digest),
        config_digest: digest,
        annotations: BTreeMap::new(),
        config: json!({ "config": config }),
        layers: layers.collect(),
        rootfs: None,
    };
    InspectReport {
        reference: Some("hello".into()),
        digest: Some(digest),
        media_type: None,
        images: vec![image],
        skipped: vec![],
    }
}

fn profile(config: &Value, layers: Vec<Vec<EntryReport>>) -> Result<Profile, Failure> {
    Profile::of(&report(config, layers), "amd64", None, "x")
}

#[test]
fn the_paths_that_need_a_mount_are_those_the_user_could_write_and_that_hold_no_files() {
    let lower = vec![
        entry("/app", "directory", "0755", 1000),
        entry("/app/cache", "directory", "0700", 1000),
        entry("/app/cache/deep", "directory", "0700", 1000),
        entry("/app/server", "file", "0755", 0),
        entry("/old", "directory", "0700", 1000),
        entry("/old/file", "file", "0600", 1000),
        entry("/gone", "directory", "0700", 1000),
        entry("/opaque", "directory", "0700", 1000),
        entry("/opaque/file", "file", "0600", 1000),
        entry("/root", "directory", "0700", 0),
        entry("/tmp", "directory", "1777", 0),
    ];
    let upper = vec![
        entry("/.wh.gone", "file", "0000", 0),
        entry("/old", "file", "0444", 0),
        entry("/opaque/.wh..wh..opq", "file", "0000", 0),
    ];
    let config = json!({"User": "1000", "Volumes": {"/data/": {}, "/tmp/kept": {}}});
    let profile = profile(&config, vec![lower, upper]).unwrap();
    let paths: Vec<_> = profile.mounts.iter().map(|mount| (mount.path.as_str(), mount.volume, mount.shared)).collect();
    let expected = [
        ("/app/cache", false, false),
        ("/data", true, false),
        ("/opaque", false, false),
        ("/tmp", false, true),
        ("/tmp/kept", true, false),
    ];
    assert_eq!(paths, expected);
    assert_eq!(profile.hiding, ["/app"]);
    assert_eq!(profile.user, User { uid: 1000, gid: 1000 });
}

#[test]
fn no_two_mounts_have_one_name() {
    let config = json!({"User": "1000", "Volumes": {"/a/b": {}, "/a-b": {}, "/a.b": {}}});
    let mounts = profile(&config, vec![]).unwrap().mounts;
    let names: Vec<_> = mounts.iter().map(|mount| mount.name.as_str()).collect();
    assert_eq!(names, ["a-b", "a-b-2", "a-b-3"]);
}

#[test]
fn root_names_and_what_no_runtime_takes_are_refused() {
    let refused = |config: Value| profile(&config, vec![]).unwrap_err();
    for user in ["", "0", "root", "0:0", "root:root", "1000:0"] {
        assert_eq!(refused(json!({ "User": user })).rule, Some(Rule::RootUser), "{user}");
    }
    for user in ["app", "1000:app", "-1", "1000:1000:1"] {
        assert_eq!(refused(json!({ "User": user })).rule, None, "{user}");
    }
    for port in ["0", "70000/tcp", "80-90/tcp", "80/icmp", "80/tcp\n"] {
        assert!(refused(json!({"User": "1:1", "ExposedPorts": {port: {}}})).what.contains("not a port"), "{port}");
    }
    for path in ["/a:b", "/a b", "/a\n", "relative", "/", "/a,b", "/a$b", "/a%b", "/a/../b", "/a'"] {
        assert!(refused(json!({"User": "1:1", "Volumes": {path: {}}})).what.contains("writable"), "{path}");
    }
}

#[test]
fn names_are_labels_and_repositories_lose_their_tag() {
    for (name, expected) in [
        ("hello", "hello"),
        ("registry.example.com:5000/team/Hello_World:1.0", "hello-world"),
        ("1.0", "app-1-0"),
        ("-", "app"),
        ("a.", "a"),
    ] {
        assert_eq!(label(without_tag(name)), expected, "{name}");
    }
    assert_eq!(without_tag("h:5000/a:1@sha256:00"), "h:5000/a");
    assert_eq!(without_tag("h:5000/a"), "h:5000/a");
    assert!(!is_repository("a b") && !is_repository("a\"") && !is_repository("") && is_repository("h:5000/a.b_c"));
    assert!(label(&"x".repeat(100)).len() == 63);
}
