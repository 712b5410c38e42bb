//! One image in every form, and every form's findings.

use serde_json::{Value, json};

use super::{audit, findings, hardened_program, table};
use crate::{
    examples,
    support::{
        case::{APP, Case},
        elf,
        foreign::{Foreign, Tar},
        judges::{checked, tool},
    },
};

/// An image with something of every family, that all three forms can carry.
pub fn image() -> Foreign {
    let lower = Tar::new().folder("bin").file("bin/sh", 0o4755, elf::static_amd64()).symlink("bin/ash", "sh").file(
        "srv/token",
        0o644,
        format!("gl{}-{}\n", "pat", "a8Kd02mZqLx7TnVw3YpR"),
    );
    let upper = Tar::new()
        .file("srv/.wh.token", 0o644, "")
        .owned("app/run.sh", 0o777, (1000, 1000), "#!/bin/sh\n")
        .hard_link("app/other", "../etc/passwd");
    Foreign::new("app:1")
        .layer("ADD rootfs.tar / # buildkit", lower)
        .layer("ADD https://example.com/x /app # buildkit", upper)
        .set("User", json!("1000"))
        .set("Env", json!(["LD_PRELOAD=/app/x.so", "API_PASSWORD=correct9horse-Battery7staple"]))
        .set("ExposedPorts", json!({ "22/tcp": {} }))
        .set("Entrypoint", json!(["/app/run.sh"]))
}

/// The findings of an image without the digests of stored layers: a docker archive stores them as they are.
fn comparable(report: &Value, left_out: &[&str]) -> Vec<Value> {
    let mut all: Vec<Value> = findings(report).into_iter().cloned().collect();
    all.retain(|finding| !left_out.contains(&finding["rule"].as_str().expect("a rule")));
    for finding in &mut all {
        let also = finding["also"].as_array().cloned().unwrap_or_default();
        let mut places = vec![finding["place"].clone()];
        places.extend(also);
        for place in &mut places {
            if let Some(layer) = place["layer"].as_object_mut() {
                assert!(layer.remove("digest").is_some(), "{finding}");
            }
        }
        finding["place"] = places.remove(0);
        finding["also"] = places.into();
    }
    all
}

/// The rules that a report calls not applicable, each with the reason.
fn not_applicable(report: &Value) -> Vec<(&str, &str)> {
    let list = report["images"][0]["not-applicable"].as_array().expect("a list");
    list.iter().map(|one| (one["rule"].as_str().expect("a rule"), one["why"].as_str().expect("why"))).collect()
}

/// What an archive of docker's cannot carry, in the words of the report.
#[track_caller]
fn is_not_for_docker(report: &Value) {
    let told = not_applicable(report);
    for rule in OF_MANIFESTS {
        let why = told.iter().find(|(name, _)| *name == rule).map(|(_, why)| *why);
        assert!(why.is_some_and(|why| why.contains("docker archive")), "{rule}: {told:?}");
    }
}

/// Rules about the manifest, and about the name: a docker archive gives every image a tag.
const OF_MANIFESTS: [&str; 1] = ["foreign-layer"];
const OF_NAMES: [&str; 1] = ["mutable-reference"];

#[test]
fn layout_oci_archive_and_docker_archive_have_the_same_findings() {
    let image = image();
    let case = image.layout(Case::new(), "layout");
    let case = image.docker_archive(image.oci_archive(case, "oci.tar"), "docker.tar");
    let (code, layout) = audit(&case, "layout", &[]);
    assert_eq!(code, 1);
    assert!(findings(&layout).len() > 12, "{}", table(&layout));
    let (code, archive) = audit(&case, "oci.tar", &[]);
    assert_eq!(code, 1);
    assert_eq!(findings(&layout), findings(&archive));
    assert_eq!(layout["images"], archive["images"]);
    let (code, docker) = audit(&case, "docker.tar", &[]);
    assert_eq!(code, 1);
    assert_eq!(comparable(&layout, &OF_NAMES), comparable(&docker, &OF_NAMES));
    assert_eq!(layout["images"][0]["config"], docker["images"][0]["config"]);
    is_not_for_docker(&docker);
    let for_oci = not_applicable(&layout);
    assert!(!OF_MANIFESTS.iter().any(|rule| for_oci.iter().any(|(name, _)| name == rule)), "{for_oci:?}");
    // What is checked in one form is checked in the other, but for those.
    let checked = |report: &Value| {
        let list = report["images"][0]["checked"].as_array().expect("a list").clone();
        let only = not_applicable(&docker).into_iter().map(|(name, _)| name).collect::<Vec<_>>();
        list.into_iter().filter(|rule| !only.contains(&rule.as_str().unwrap_or_default())).collect::<Vec<_>>()
    };
    assert_eq!(checked(&layout), checked(&docker));
}

/// Debian's registry has it from skopeo.
#[test]
fn an_image_in_a_registry_has_the_findings_that_it_has_on_disk() {
    let case = image().layout(Case::new(), "layout");
    let registry = examples::Registry::start();
    let name = format!("127.0.0.1:{}/acme/app:1", registry.port);
    let mut copy = tool("skopeo");
    copy.args(["--insecure-policy", "copy", "--quiet", "--preserve-digests", "--dest-tls-verify=false"]);
    copy.arg(format!("oci:{}:app:1", case.path("layout").display())).arg(format!("docker://{name}"));
    checked(&mut copy);
    let (code, layout) = audit(&case, "layout", &[]);
    let (there, remote) = audit(&case, &name, &[]);
    assert_eq!((code, there), (1, 1));
    assert_eq!(findings(&layout), findings(&remote));
    assert_eq!(layout["images"][0]["layers"], remote["images"][0]["layers"]);
    assert_eq!(layout["digest"], remote["digest"]);
    // What one place cannot say, the other need not either; and nothing is left open.
    assert_eq!(remote["images"][0]["unknown"], json!([]));
    assert_eq!(layout["images"][0]["checked"], remote["images"][0]["checked"]);
}

/// hardpan's own images, whose docker archives hold the very layers that a layout has.
#[test]
fn findings_in_each_form_and_compression() {
    for compression in ["gzip", "none", "zstd"] {
        let case = Case::new().recipe(&format!("compression = \"{compression}\"\n{APP}"));
        hardened_program(&case, "app");
        let mut reports = Vec::new();
        for (form, path) in [("layout", "out"), ("oci-archive", "oci.tar"), ("docker-archive", "docker.tar")] {
            if (form, compression) == ("docker-archive", "zstd") {
                continue;
            }
            case.run(["build", "app.toml", "--format", form, "--output", path]).ok();
            reports.push(audit(&case, path, &["--profile", "hardened"]));
        }
        for (code, report) in &reports {
            assert_eq!(*code, 0, "{}", table(report));
            assert_eq!(comparable(report, &OF_NAMES), comparable(&reports[0].1, &OF_NAMES), "{compression}");
        }
        if let Some((_, docker)) = reports.get(2) {
            is_not_for_docker(docker);
        }
    }
}

/// Layers are unpacked on one thread and looked at on another.
#[test]
fn one_processor_and_many_write_the_same_report() {
    let case = image().layout(Case::new(), "image");
    let report = |wrapper: &[&str]| case.run_under(wrapper, ["audit", "image", "--json"]).stdout;
    let first = report(&[]);
    assert!(first.len() > 1000);
    for _ in 0..4 {
        assert_eq!(report(&[]), first);
        assert_eq!(report(&["taskset", "--cpu-list", "0"]), first);
    }
}
