//! Habits of builds and of images that the rules know: programs under other names, checks that are switched off, doors for
//! debuggers, and what is no Linux image. Exit codes and reports, from the outside.

use std::fs;

use serde_json::{Value, json};

use super::{audit, findings, rules, run};
use crate::support::{
    case::Case,
    elf,
    foreign::{Foreign, Tar},
};

/// An image of this layer, as a layout with that name.
fn layout(image: &Foreign) -> Case {
    image.layout(Case::new(), "image")
}

/// The severity of the first finding of a rule.
fn severity(report: &Value, rule: &str) -> Option<String> {
    let found = findings(report).into_iter().find(|finding| finding["rule"] == rule)?;
    found["severity"].as_str().map(str::to_owned)
}

#[test]
fn the_shell_of_this_machine_is_known_under_the_name_of_a_service() {
    let bash = fs::read("/bin/bash").expect("bash");
    let image = Foreign::new("app:1").layer("COPY app /", Tar::new().file("opt/app/server", 0o755, &bash));
    let (code, report) = audit(&layout(&image), "image", &[]);
    assert_eq!((code, severity(&report, "shell").as_deref()), (1, Some("high")));
    let text = run(&layout(&image), "image", &[]).stdout;
    assert!(text.contains("`/opt/app/server`, which is bash by its bytes"), "{text}");
    let service =
        Foreign::new("app:1").layer("COPY app /", Tar::new().file("opt/app/go00", 0o755, elf::static_amd64()));
    let (_, report) = audit(&layout(&service), "image", &[]);
    assert!(!rules(&report).iter().any(|rule| rule == "shell" || rule == "package-manager"), "{report}");
}

#[test]
fn what_a_build_switched_off_is_told_with_where() {
    let files = Tar::new()
        .file("etc/sudoers.d/app", 0o440, "app ALL=(ALL) NOPASSWD: ALL\n")
        .file("etc/ssh/sshd_config", 0o644, "PermitRootLogin yes\n")
        .file("etc/apt/sources.list", 0o644, "deb [trusted=yes] http://example.com x main\n")
        .file("root/.npmrc", 0o644, "strict-ssl=false\n")
        .file("srv/dump", 0o644, "-- MySQL dump 10.13\n\nINSERT INTO `t` VALUES (1);\n")
        .file("srv/.x.swp", 0o644, "b0VIM 9.1\n")
        .file("etc/os-release", 0o644, "ID=debian\nVERSION_ID=\"8\"\n");
    let image = Foreign::new("app:1")
        .layer("RUN /bin/sh -c apt-get update && apt-get -y dist-upgrade && chmod -R 777 /srv # buildkit", files)
        .set("Env", json!(["PATH=/usr/bin", "PATH=/bin", "NODE_OPTIONS=--inspect=0.0.0.0:9229"]));
    let case = layout(&image);
    let (code, report) = audit(&case, "image", &[]);
    assert_eq!(code, 1);
    for (rule, expected) in [
        ("passwordless-sudo", "high"),
        ("root-login", "high"),
        ("unverified-packages", "high"),
        ("unchecked-tls", "medium"),
        ("database-dump", "medium"),
        ("memory-dump", "low"),
        ("end-of-life", "high"),
        ("system-upgrade", "low"),
        ("open-chmod", "medium"),
        ("duplicate-variable", "medium"),
        ("debug-door", "high"),
    ] {
        assert_eq!(severity(&report, rule).as_deref(), Some(expected), "{rule}");
        let found = findings(&report).into_iter().find(|finding| finding["rule"] == rule).expect("a finding");
        let place = &found["place"];
        assert!(place["path"].is_string() || place["key"].is_string(), "{rule}: {place}");
    }
}

#[test]
fn a_folder_that_calls_its_image_latest_is_no_reference_that_moves() {
    let has = |name: &str| {
        let image = Foreign::new(name).layer("COPY x /", Tar::new().file("x", 0o644, "x"));
        rules(&audit(&layout(&image), "image", &[]).1).contains(&"mutable-reference".to_owned())
    };
    assert!(!has("latest"));
    assert!(has("ghcr.io/acme/app:latest"));
}

#[test]
fn an_image_of_windows_is_no_linux_image() {
    let image = Foreign::new("app:1")
        .layer("COPY x /", Tar::new().file("Files/Windows/x.dll", 0o644, "x"))
        .top("os", json!("windows"))
        .set("User", json!("ContainerAdministrator"));
    let case = layout(&image);
    let (code, report) = audit(&case, "image", &[]);
    assert_eq!(code, 2);
    assert_eq!(findings(&report).len(), 0, "{report}");
    let reason = report["images"][0]["unknown"][0]["reason"].as_str().unwrap_or_default();
    assert!(reason.starts_with("not a Linux image: it is for `windows`"), "{reason}");
}

/// `docker save` and others have written layers whose media type is not what they are packed as.
#[test]
fn a_layer_with_the_media_type_of_another_packing_is_read() {
    let image = Foreign::new("app:1").layer("COPY x /", Tar::new().file("bin/sh", 0o755, elf::static_amd64()));
    let case = layout(&image);
    let index = fs::read_to_string(case.path("image/index.json")).expect("an index");
    let index: Value = serde_json::from_str(&index).expect("JSON");
    let blob = |digest: &Value| format!("image/blobs/{}", digest.as_str().expect("a digest").replace(':', "/"));
    let manifest = fs::read_to_string(case.path(blob(&index["manifests"][0]["digest"]))).expect("a manifest");
    let manifest = manifest.replace("layer.v1.tar+gzip", "layer.v1.tar+zstd");
    let digest = crate::support::layout::sha256(manifest.as_bytes());
    let mut index = index;
    index["manifests"][0]["digest"] = json!(digest);
    index["manifests"][0]["size"] = json!(manifest.len());
    let case = case.file(blob(&json!(digest)), manifest.as_bytes()).file("image/index.json", index.to_string());
    let (code, report) = audit(&case, "image", &[]);
    assert_eq!(code, 1, "{report}");
    assert_eq!(severity(&report, "shell").as_deref(), Some("high"));
    assert_eq!(severity(&report, "ambiguous-manifest").as_deref(), Some("medium"));
    let unknown = report["images"][0]["unknown"].as_array().expect("a list");
    assert!(unknown.is_empty(), "{unknown:?}");
}
