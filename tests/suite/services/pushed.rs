//! The services of `recipes/` go to Debian's docker-registry behind every kind of lock, and others get them from there.

use std::{collections::BTreeMap, fs, path::Path};

use crate::{
    examples::Registry,
    registries::{logged_in, login},
    support::{
        case::Case,
        judges::{checked, tool},
        layout::Layout,
        tls,
        tokens::TokenServer,
    },
};

/// bcrypt of the password of [`login`], as `htpasswd -B` writes it.
const HTPASSWD: &str = "somebody:$2y$05$8mkBST9bMtTSefIuTMym5.0DIfP2FrxSEWoYTlcr7TFqx3xzSsDLW\n";

/// One image, built and pushed to `to` by hardpan, and what skopeo and crane make of what they find there.
fn arrives(case: &Case, layout: &Layout, to: &str, is_tls: bool) {
    let mut push = vec!["push", "--ca-file", "ca.pem"];
    let image = layout.dir().to_str().expect("a path").to_owned();
    push.extend([image.as_str(), to]);
    let repository = to.rsplit_once(':').expect("a tag").0;
    let pushed = case.run(&push).ok();
    assert_eq!(pushed.stdout, format!("{repository}@{}\n", layout.digest()));
    let config = case.path(format!("docker-{}", to.split('/').next().expect("a host")));
    let crane = |args: &[&str]| {
        let trusted = case.path("ca.pem");
        checked(tool("crane").args(args).env("DOCKER_CONFIG", &config).env("SSL_CERT_FILE", trusted))
    };
    assert_eq!(crane(&["digest", to]).trim(), layout.digest());
    crane(&["validate", "--remote", to]);
    let scratch = case.path(format!("pulled-{}", layout.name()));
    let [by_crane, by_skopeo] = ["crane", "skopeo"].map(|name| scratch.join(name));
    fs::create_dir_all(&scratch).expect("a folder");
    crane(&["pull", "--format=oci", to, by_crane.to_str().expect("a path")]);
    let mut skopeo = tool("skopeo");
    skopeo.args(["copy", "--quiet", "--all", "--preserve-digests", "--authfile"]).arg(config.join("config.json"));
    if is_tls {
        skopeo.arg("--src-cert-dir").arg(case.path("authorities"));
    } else {
        skopeo.arg("--src-tls-verify=false");
    }
    checked(skopeo.arg(format!("docker://{to}")).arg(format!("oci:{}:copy", by_skopeo.display())));
    let built = blobs(layout.dir(), layout);
    assert_eq!(blobs(&by_crane, layout), built, "crane's copy");
    assert_eq!(blobs(&by_skopeo, layout), built, "skopeo's copy");
}

/// The bytes of the manifest and of every blob that the image refers to, in the layout at `dir`.
fn blobs(dir: &Path, layout: &Layout) -> BTreeMap<String, Vec<u8>> {
    let path = |digest: &String| dir.join("blobs").join(digest.replacen(':', "/", 1));
    let read = |digest: &String| fs::read(path(digest)).unwrap_or_else(|e| panic!("{}: {e}", path(digest).display()));
    layout.referenced().into_iter().map(|digest| (digest.clone(), read(&digest))).collect()
}

/// Pushes the image to a registry that is open, to one behind TLS that wants a password, and to one that wants a token.
pub(super) fn everywhere(case: &Case, layout: &Layout) {
    let (ca, certificate, key) = tls::papers();
    let case = case
        .clone()
        .file("authorities/ca.crt", &ca)
        .file("ca.pem", ca)
        .file("server.pem", certificate)
        .file("server.key", key)
        .file("htpasswd", HTPASSWD);
    let at = |name: &str| case.path(name).display().to_string();
    let tls = format!("  tls:\n    certificate: {}\n    key: {}\n", at("server.pem"), at("server.key"));
    let basic = format!("{tls}auth:\n  htpasswd:\n    realm: here\n    path: {}\n", at("htpasswd"));
    let tokens = TokenServer::start(&login().2);
    for (lines, is_tls) in [(String::new(), false), (basic, true), (tokens.lines(), false)] {
        let registry = Registry::with(&lines);
        // By name: crane takes no token from an address that is not the registry's own, port and all.
        let host = format!("localhost:{}", registry.port);
        let to = format!("{host}/acme/{}:1.0", layout.name());
        if !lines.is_empty() {
            let image = layout.dir().to_str().expect("a path");
            case.run(["push", "--ca-file", "ca.pem", image, &to]).fails(2).says("there is no login for");
        }
        arrives(&logged_in(case.clone(), &host), layout, &to, is_tls);
    }
}
