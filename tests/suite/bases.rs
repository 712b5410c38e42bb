//! Images on a base: what passes through, what is merged, what is refused.

mod accounts;
pub mod hostile;
mod merging;

use std::collections::BTreeMap;

use serde_json::json;

use crate::support::{
    base::{Base, Family, Packed, Stage},
    case::{APP, Case},
    elf,
    foreign::Tar,
    judges,
    layout::Image,
    registry::Registry,
};

/// A case with the smallest program on a base, with a cache of its own.
fn on(base: &str, more: &str) -> Case {
    let case = Case::new().recipe(&format!("base = \"{base}\"\n{more}{APP}")).file("app", elf::static_amd64());
    cached(case)
}

fn cached(case: Case) -> Case {
    let cache = case.path("../cache");
    case.env("XDG_CACHE_HOME", cache)
}

/// The digests of an image's layers, the lowest first.
fn layers(image: &Image) -> Vec<String> {
    image.layers.iter().map(|layer| layer.digest.clone()).collect()
}

fn annotations(image: &Image) -> BTreeMap<String, String> {
    serde_json::from_value(image.manifest["annotations"].clone()).expect("annotations")
}

#[test]
fn base_of_two_platforms() {
    let registry = Registry::start();
    let stage = |architecture| {
        Stage::distroless(Family::Oci, architecture)
            .line(json!({ "created_by": "ENV A=base", "empty_layer": true }))
            .layer(Tar::new().file("etc/one", 0o644, "1"), Packed::Zstd)
            .layer(Tar::new().file("etc/two", 0o644, architecture), Packed::Plain)
    };
    let (amd64, arm64) = (stage("amd64"), stage("arm64"));
    let digest = Base::of([amd64.clone(), arm64.clone()]).push(&registry, "acme/base", "1");
    let name = format!("{}/acme/base:1", registry.host());
    let text = format!(
        "base = \"{name}@{digest}\"\nplatforms = [\"linux/arm64\", \"linux/amd64\"]\n\
         [[binary]]\npath = \"app-{{arch}}\"\nto = \"/usr/bin/app\"\n\
         [run]\nenv = {{ A = \"own\", Z = \"own\" }}\nlabels = {{ both = \"own\" }}\n"
    );
    let case = cached(Case::new().recipe(&text));
    let case = case.file("app-amd64", elf::static_amd64()).file("app-arm64", elf::static_arm64());
    let built = case.build().ok();
    let layout = built.layout();
    for (image, stage) in layout.images().iter().zip([&arm64, &amd64]) {
        let (base, own) = (stage.digests(), layers(image));
        assert_eq!(own[..3], base[..], "the base's layers are as they were");
        assert_eq!(own.len(), 4, "one layer more, the program");
        let named = annotations(image);
        assert_eq!(named["org.opencontainers.image.base.name"], name);
        assert_eq!(named["org.opencontainers.image.base.digest"], digest);
        let config = &image.config["config"];
        assert_eq!(
            config["Env"],
            json!(["A=own", "PATH=/usr/bin:/bin", "SSL_CERT_FILE=/etc/ssl/certs/ca-certificates.crt", "Z=own"])
        );
        assert_eq!(config["Labels"], json!({ "base": "yes", "both": "own" }));
        assert_eq!((&config["User"], &config["Entrypoint"]), (&json!("65532:65532"), &json!(["/usr/bin/app"])));
        let history = image.config["history"].as_array().expect("a history");
        assert_eq!(history[..4], stage.config["history"].as_array().expect("its history")[..]);
        assert_eq!(history[4]["created_by"], "hardpan: binaries");
        assert!(!image.layers[3].entries.iter().any(|entry| entry.path.contains("etc")), "nothing of `[system]`");
    }
    judges::skopeo(&layout);
    // All of it is in the cache: the registry is not asked again, and neither is any socket.
    drop(registry);
    assert_eq!(case.run(["build", "app.toml", "--offline"]).ok().digest(), built.digest());
    let plan = case.run(["plan", "--json", "--offline", "app.toml"]).ok();
    let plan: serde_json::Value = serde_json::from_str(&plan.stdout).expect("JSON");
    let base = &plan["plans"][0]["images"][0]["base"];
    assert_eq!((base["digest"].as_str(), base["line"].as_u64()), (Some(&*digest), Some(1)));
    assert_eq!(base["layers"].as_array().map(Vec::len), Some(3));
    assert!(case.run(["plan", "--offline", "app.toml"]).ok().stdout.contains(&digest));
    // Without the cache it takes a socket.
    let empty = case.env("XDG_CACHE_HOME", "/nonexistent/cache");
    empty
        .run(["build", "app.toml", "--offline"])
        .fails(2)
        .says("is not in the cache, and `--offline` forbids network access");
}

#[test]
fn a_docker_base_becomes_an_oci_image_with_the_same_layers() {
    let registry = Registry::start();
    let stage = Stage::distroless(Family::Docker, "amd64");
    let stage = stage.layer(Tar::new().file("etc/plain", 0o644, "x"), Packed::Plain);
    let digest = Base::of([stage.clone()]).push(&registry, "base", "1");
    let case = on(&format!("{}/base@{digest}", registry.host()), "");
    let layout = case.build().ok().layout();
    let image = layout.image();
    assert_eq!(layers(&image)[..2], stage.digests()[..]);
    let kinds: Vec<_> = image.layers.iter().map(|layer| layer.media_type.as_str()).collect();
    let (gzip, plain) = ("application/vnd.oci.image.layer.v1.tar+gzip", "application/vnd.oci.image.layer.v1.tar");
    assert_eq!(kinds, [gzip, plain, gzip]);
    judges::skopeo(&layout);
    judges::umoci(&layout);
    // A manifest list, of which only one image is asked for.
    let list = Base::of([stage.clone(), Stage::distroless(Family::Docker, "s390x")]).push(&registry, "list", "1");
    registry.spoil(|_| None);
    on(&format!("{}/list:1@{list}", registry.host()), "").build().ok();
    assert_eq!(registry.count("GET", "/list/manifests/"), 2);
}

#[test]
fn libraries_in_a_merged_usr() {
    let loader = elf::Elf::shared_object(elf::Machine::Amd64, "ld.so").bytes();
    let stage = Stage::distroless(Family::Oci, "amd64").layer(
        Tar::new()
            .folder("usr")
            .folder("usr/bin")
            .folder("usr/lib")
            .folder("usr/lib64")
            .symlink("bin", "usr/bin")
            .symlink("lib", "/usr/lib")
            .symlink("lib64", "usr/lib64")
            .file("usr/lib64/ld-linux-x86-64.so.2", 0o755, loader)
            .file("usr/lib/libfoo.so.1", 0o755, elf::Elf::shared_object(elf::Machine::Amd64, "libfoo.so.1").bytes()),
        Packed::Gzip,
    );
    let program = |library: &str| {
        elf::Elf::executable(elf::Machine::Amd64).interpreter("/lib64/ld-linux-x86-64.so.2").needs(library).bytes()
    };
    let text = "base = \"./base\"\n[[binary]]\npath = \"app\"\nto = \"/bin/app\"\n\
                [[file]]\ntext = \"x\"\nto = \"/lib/data/x\"\n[run]\nentrypoint = [\"/bin/app\"]\n";
    let case = Base::of([stage]).layout(cached(Case::new().recipe(text)), "base");
    let layout = case.clone().file("app", program("libfoo.so.1")).build().ok().layout();
    let image = layout.image();
    let own: Vec<_> =
        image.layers[2..].iter().flat_map(|layer| &layer.entries).map(|entry| entry.path.as_str()).collect();
    assert_eq!(own, ["usr/lib/data/", "usr/lib/data/x", "usr/bin/app"]);
    judges::skopeo(&layout);
    // A static one of the same place runs.
    let layout = case.clone().file("app", elf::static_amd64()).build().ok().layout();
    assert_eq!(judges::runc(&layout), "hello from a static binary\n");
    let missing = case.file("app", program("libbar.so.1")).build().fails(1);
    missing.says("`/usr/bin/app` is linked dynamically, and the image lacks `libbar.so.1`");
}

#[test]
fn base_by_tag_and_by_digest() {
    let registry = Registry::start();
    let first = Base::of([Stage::distroless(Family::Oci, "amd64")]).push(&registry, "base", "1");
    let name = format!("{}/base:1", registry.host());
    let refused = on(&name, "").build().fails(1);
    refused.says(&format!("app.toml:1:8: the base `{name}` is not pinned")).says("hint: `hardpan lock` pins it");
    let case = on(&format!("{name}@{first}"), "");
    let digest = case.build().ok().digest();
    Base::of([Stage::distroless(Family::Oci, "amd64").set("Env", json!([]))]).push(&registry, "base", "1");
    assert_eq!(on(&format!("{name}@{first}"), "").build().ok().digest(), digest);
}

#[test]
fn the_image_is_the_same_whatever_is_in_the_cache() {
    let registry = Registry::start();
    let digest = Base::of([Stage::distroless(Family::Oci, "amd64")]).push(&registry, "base", "1");
    let case = on(&format!("{}/base@{digest}", registry.host()), "");
    let built = case.build().ok().digest();
    assert_eq!(case.build().ok().digest(), built);
    // Damage costs a download.
    let blobs = case.path("../cache");
    damage(&blobs);
    assert_eq!(case.build().ok().digest(), built);
    let without = case.env("XDG_CACHE_HOME", "/nonexistent/cache");
    assert_eq!(without.build().ok().digest(), built);
    let nowhere = without.without_env("XDG_CACHE_HOME").without_env("HOME");
    assert_eq!(nowhere.build().ok().digest(), built);
}

/// Turns a byte of every file over.
fn damage(folder: &std::path::Path) {
    for entry in std::fs::read_dir(folder).expect("the cache").map(|entry| entry.expect("an entry")) {
        if entry.path().is_dir() {
            damage(&entry.path());
        } else {
            let mut bytes = std::fs::read(entry.path()).expect("an entry");
            if let Some(byte) = bytes.first_mut() {
                *byte ^= 1;
            }
            std::fs::write(entry.path(), bytes).expect("an entry");
        }
    }
}

#[test]
fn the_policy_says_where_bases_come_from_by_whole_components() {
    let registry = Registry::start();
    let digest = Base::of([Stage::distroless(Family::Oci, "amd64")]).push(&registry, "acmeevil/base", "1");
    let name = format!("{}/acmeevil/base@{digest}", registry.host());
    let allowed =
        |list: &str| on(&name, "").edit("app.toml", |text| format!("{text}[policy]\nregistries = [{list}]\n"));
    let host = registry.host();
    let refused = allowed(&format!("\"{host}/acme\"")).build().fails(1);
    refused.says("from none of the policy's registries").says("base-not-allowed");
    assert_eq!(registry.count("GET", "acmeevil"), 0, "nothing is asked of it");
    allowed(&format!("\"{host}/acme\", \"{host}/acmeevil\"")).build().ok();
    let case =
        allowed(&format!("\"{host}\"")).file("policy.toml", format!("[policy]\nregistries = [\"{host}/acme\"]\n"));
    case.run(["build", "app.toml", "--policy", "policy.toml"]).fails(1).says("from none of the policy's registries");
    // One on the disk is from no registry.
    let text = format!("base = \"./base\"\n{APP}[policy]\nregistries = [\"{host}\"]\n");
    let case = Case::new().recipe(&text).file("app", elf::static_amd64());
    let case = Base::of([Stage::distroless(Family::Oci, "amd64")]).layout(case, "base");
    case.build().fails(1).says("a base on the disk is from none of the policy's registries");
}

#[test]
fn what_a_base_does_not_have_is_told_with_what_it_has() {
    let registry = Registry::start();
    let stages = || [Stage::distroless(Family::Oci, "arm64"), Stage::distroless(Family::Oci, "s390x")];
    let mut base = Base::of(stages());
    let digest = base.push(&registry, "base", "1");
    let name = format!("{}/base@{digest}", registry.host());
    on(&name, "")
        .build()
        .fails(2)
        .says("the base has no image for linux/amd64")
        .says("it has linux/arm64, linux/s390x");
    base.names_platforms = false;
    let unnamed = base.push(&registry, "unnamed", "1");
    on(&format!("{}/unnamed@{unnamed}", registry.host()), "").build().fails(2).says("it has linux/arm64, linux/s390x");
    let [one, _] = stages();
    let single = Base::of([one]).push(&registry, "single", "1");
    let name = format!("{}/single@{single}", registry.host());
    on(&name, "").build().fails(2).says("app.toml:1:8").says("it has linux/arm64");
}

#[test]
fn base_on_the_disk() {
    let stage = Stage::distroless(Family::Oci, "amd64");
    let base = Base::of([stage.clone()]);
    let (_, root) = base.write().manifests.pop().expect("a root");
    let digest = crate::support::layout::sha256(&root);
    let case = base.layout(on("./base", ""), "base");
    let image = case.build().ok().layout().image();
    assert_eq!(layers(&image)[..1], stage.digests()[..]);
    let named = annotations(&image);
    assert_eq!(named["org.opencontainers.image.base.digest"], digest);
    assert!(!named.contains_key("org.opencontainers.image.base.name"), "{named:?}");
    let with = |text: &str| {
        let text = format!("base = \"{text}\"\n{APP}");
        case.clone().recipe(&text).build()
    };
    let built = case.build().ok().digest();
    assert_eq!(with(&format!("./base@{digest}")).ok().digest(), built);
    assert_eq!(with("oci:base").ok().digest(), built);
    with(&format!("./base@sha256:{}", "0".repeat(64))).fails(2).says(&format!("has the digest `{digest}`"));
    with("./nowhere").fails(2).says("app.toml:1:8: `./nowhere` does not exist");
    with("base").fails(2).says("names no registry").says("a path begins with `./`");
    base.layout(case.clone(), "../outside");
    with("../outside").fails(2).says("is outside of the recipe's folder");
    judges::checked(
        judges::tool("skopeo")
            .args(["copy", "--quiet"])
            .arg(format!("oci:{}", case.path("base").display()))
            .arg(format!("oci-archive:{}", case.path("base.tar").display())),
    );
    assert_eq!(layers(&with("./base.tar").ok().layout().image())[..1], stage.digests()[..]);
}

#[test]
fn an_image_is_never_written_over_its_own_base() {
    let base = Base::of([Stage::distroless(Family::Oci, "amd64")]);
    let case = base.layout(on("./base", ""), "base");
    let before = std::fs::read(case.path("base/index.json")).expect("the base");
    for output in ["base", "./base/../base"] {
        let refused = case.run(["build", "app.toml", "--output", output]).fails(2);
        refused.says("app.toml:1:8: the image would be written over its own base, `./base`");
    }
    assert_eq!(std::fs::read(case.path("base/index.json")).expect("the base"), before);
    case.run(["build", "app.toml", "--output", "other"]).ok();
}

#[test]
fn layers_mounted_from_the_repository_of_the_base() {
    let registry = Registry::start();
    let stage = Stage::distroless(Family::Oci, "amd64");
    let digest = Base::of([stage.clone()]).push(&registry, "acme/base", "1");
    let case = on(&format!("{}/acme/base@{digest}", registry.host()), "");
    registry.spoil(|_| None);
    case.run(["build", "app.toml", "--push", &format!("{}/acme/app:1", registry.host())]).ok();
    let layer = &stage.digests()[0];
    let mounts = registry.requests();
    assert!(
        mounts
            .iter()
            .any(|request| request.is("POST", "from=acme") && request.target.contains(&layer.replace(':', "%3A"))
                || request.is("POST", layer)),
        "{mounts:#?}"
    );
    assert!(registry.blobs("acme/app").contains(layer));
}
