#![allow(clippy::unwrap_used)]
use std::io::Read as _;

use proptest::prelude::*;
use serde_json::{Value, json};

use super::*;

/// What cargo 1.95 said about a workspace with a procedural macro, a package in two versions, one in two kinds, and a
/// dev-dependency that leads back; fields that do not matter are left out.
const METADATA: &str = include_str!("metadata.json");
/// What cargo-auditable 0.7.7 embedded for it.
const EXPECTED: &str = include_str!("cargo-auditable.json");

fn list(metadata: &[u8], package: &str) -> Result<DependencyList, Failure> {
    DependencyList::of(&CargoGraph::read(metadata, package)?)
}

#[test]
fn the_list_is_the_one_that_cargo_auditable_embeds() {
    let list = list(METADATA.as_bytes(), "app").unwrap();
    assert_eq!(String::from_utf8(list.json().unwrap()).unwrap(), EXPECTED);
}

#[test]
fn another_member_of_the_same_metadata_has_a_list_of_its_own() {
    let json = list(METADATA.as_bytes(), "tool").unwrap().json().unwrap();
    let expected = r#"{"packages":[{"name":"memchr","version":"2.8.3","source":"crates.io"},{"name":"tool","version":"0.1.0","source":"local","dependencies":[0],"root":true}],"format":1}"#;
    assert_eq!(String::from_utf8(json).unwrap(), expected);
}

#[test]
fn packages_of_other_members_and_of_tests_are_not_waited_for() {
    let graph = CargoGraph::read(METADATA.as_bytes(), "tool").unwrap();
    assert_eq!(used(&graph), 2);
    assert!(graph.packages.len() > 2);
}

#[test]
fn the_order_of_the_metadata_does_not_matter() {
    let mut reversed: Value = serde_json::from_str(METADATA).unwrap();
    reversed["packages"].as_array_mut().unwrap().reverse();
    reversed["resolve"]["nodes"].as_array_mut().unwrap().reverse();
    for node in reversed["resolve"]["nodes"].as_array_mut().unwrap() {
        node["deps"].as_array_mut().unwrap().reverse();
    }
    let list = list(reversed.to_string().as_bytes(), "app").unwrap();
    assert_eq!(String::from_utf8(list.json().unwrap()).unwrap(), EXPECTED);
}

/// These bytes are part of every program with this list, and so of its image's digest: `format = 1`.
#[test]
fn the_compressed_list_has_the_same_bytes_for_ever() {
    let section = list(METADATA.as_bytes(), "app").unwrap().section().unwrap();
    assert!(section == include_bytes!("section.zlib"), "the encoder or the JSON has changed");
    let mut read = String::new();
    flate2::read::ZlibDecoder::new(&*section).read_to_string(&mut read).unwrap();
    assert_eq!(read, EXPECTED);
}

#[test]
fn a_source_is_named_without_its_address() {
    let source = |source: &str| {
        let metadata = json!({
            "packages": [{"id": "a", "name": "a", "version": "1.0.0", "source": source}],
            "workspace_members": ["a"], "resolve": {"nodes": [{"id": "a"}]}});
        list(metadata.to_string().as_bytes(), "a").unwrap().packages[0].source.clone()
    };
    assert_eq!(source("registry+https://github.com/rust-lang/crates.io-index"), "crates.io");
    assert_eq!(source("registry+https://crates.example.com/index"), "registry");
    assert_eq!(source("sparse+https://crates.example.com/index/"), "sparse");
    assert_eq!(source("git+ssh://git@example.com/secret?rev=1#1234"), "git");
}

#[test]
fn metadata_that_is_not_understood_is_refused() {
    let with = |change: fn(&mut Value)| {
        let mut metadata: Value = serde_json::from_str(METADATA).unwrap();
        change(&mut metadata);
        list(metadata.to_string().as_bytes(), "app").unwrap_err().what
    };
    for (what, expected) in [
        (with(|it| it["resolve"] = Value::Null), "it has no `resolve`"),
        (
            with(|it| it["packages"] = json!([])),
            "it names the package `path+file:///w/app#0.1.0` and does not describe it",
        ),
        (with(|it| it["workspace_members"] = json!([])), "it has no member `app`"),
        (
            with(|it| it["resolve"]["nodes"][0]["deps"][0]["dep_kinds"][0]["kind"] = json!("late")),
            "it has the unknown dependency kind `late`",
        ),
        (
            with(|it| it["resolve"]["nodes"][0]["deps"][0]["pkg"] = json!("\u{1b}x")),
            "it names the package `\\u{1b}x` and does not describe it",
        ),
        (
            with(|it| {
                it["resolve"]["nodes"].as_array_mut().unwrap().remove(1);
            }),
            "it does not resolve the package `registry+https://github.com/rust-lang/crates.io-index#bitflags@1.3.2`",
        ),
        (
            with(|it| {
                let node = it["resolve"]["nodes"][1].clone();
                it["resolve"]["nodes"].as_array_mut().unwrap().push(node);
            }),
            "it resolves the package `registry+https://github.com/rust-lang/crates.io-index#bitflags@1.3.2` twice",
        ),
        (
            with(|it| {
                let package = it["packages"][0].clone();
                it["packages"].as_array_mut().unwrap().push(package);
            }),
            "two packages have the same ID",
        ),
        (
            // From `bitflags` back to `app`.
            with(|it| it["resolve"]["nodes"][1]["deps"] = json!([{"pkg": "path+file:///w/app#0.1.0"}])),
            "the dependencies of `app` form a cycle",
        ),
    ] {
        assert_eq!(what, format!("unexpected output of `cargo metadata`: {expected}"));
    }
    assert!(
        list(b"[]", "app").unwrap_err().what.starts_with("unexpected output of `cargo metadata`: it cannot be read")
    );
}

/// A graph over few names, so that edges meet, and sometimes lead nowhere.
fn odd_metadata() -> impl Strategy<Value = Value> {
    let id = || prop::sample::select(vec!["a", "b", "c", "d", "e", "nowhere"]);
    let kind = prop::sample::select(vec![json!(null), json!("build"), json!("dev"), json!("dev"), json!(7)]);
    let edge = (id(), prop::collection::vec(kind, 0..3)).prop_map(|(to, kinds)| {
        let kinds = kinds.into_iter().map(|kind| json!({"kind": kind, "target": null})).collect::<Vec<_>>();
        json!({"name": to, "pkg": to, "dep_kinds": kinds})
    });
    let node = (id(), prop::collection::vec(edge, 0..4)).prop_map(|(id, deps)| json!({"id": id, "deps": deps}));
    let package = (id(), any::<bool>()).prop_map(|(id, is_macro)| {
        let kind = if is_macro { "proc-macro" } else { "lib" };
        json!({"id": id, "name": id, "version": "1.0.0", "targets": [{"kind": [kind]}]})
    });
    let packages = prop_oneof![
        4 => Just(["a", "b", "c", "d", "e"].map(|id| json!({"id": id, "name": id, "version": "1.0.0"})).to_vec()),
        1 => prop::collection::vec(package, 0..6),
    ];
    let nodes = prop::collection::btree_map(id(), node, 0..6).prop_map(|nodes| {
        let named = nodes.into_iter().map(|(id, mut node)| {
            node["id"] = json!(id);
            node
        });
        named.collect::<Vec<_>>()
    });
    (packages, nodes, any::<u8>()).prop_map(|(packages, nodes, drop)| {
        let resolve = if drop < 8 { Value::Null } else { json!({"nodes": nodes}) };
        json!({"packages": packages, "workspace_members": ["a", "b"], "resolve": resolve})
    })
}

proptest! {
    #[test]
    fn odd_metadata_gives_a_list_without_cycles_or_a_failure(metadata in odd_metadata()) {
        let text = metadata.to_string();
        if let Ok(list) = list(text.as_bytes(), "a") {
            prop_assert_eq!(list.packages.iter().filter(|package| package.root).count(), 1);
            for package in &list.packages {
                prop_assert!(package.dependencies.iter().all(|&at| at < list.packages.len()));
            }
            prop_assert!(list.section().is_ok());
        }
    }

    #[test]
    fn cut_or_damaged_metadata_never_panics(cut in 0..METADATA.trim_end().len(), byte in any::<u8>()) {
        let mut bytes = METADATA.as_bytes().to_vec();
        bytes[cut] = byte;
        let _ = list(&bytes, "app");
        bytes.truncate(cut);
        prop_assert!(list(&bytes, "app").is_err());
    }
}
