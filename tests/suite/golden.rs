//! The bytes of `format = 1`, held by their digests.
//!
//! A change that moves one of these says in its commit why. Once 0.1.0 is released, none of them moves again.

use crate::support::{
    case::{APP, Case},
    elf, elf_writer,
};

/// Everything that reaches the bytes and needs no toolchain, without certificates: the encoder's golden image.
const ENCODER: &str = r#"
platforms = ["linux/amd64", "linux/arm64"]
annotations = { "org.opencontainers.image.title" = "{name} for {arch}", "b" = "2", "a" = "1" }

[[binary]]
path = "app-{arch}"
to = "/usr/bin/app"

[[file]]
text = "as written, with {{braces}}\n"
to = "/etc/app/note.txt"

[[file]]
from = "noise"
to = "/srv/noise"

[[file]]
from = "text"
to = "/srv/a-path-that-is-longer-than-one-hundred-bytes/so-that-it-has-to-be-split-into-the-two-fields-of-a-header/or-more/text"
mode = "0555"

[[file]]
text = "größe"
to = "/srv/größe"

[[dir]]
to = "/var/lib/app"
writable = true
volume = true

[[symlink]]
to = "/srv/current"
target = "noise"

[run]
user = "1000:2000"
args = ["--port", "8080"]
env = { B = "2", A = "{source-date}" }
workdir = "/srv"
ports = ["8080/tcp", "53/udp"]
stop-signal = "SIGINT"
labels = { "z" = "last", "a" = "{name}" }

[system]
certificates = "none"
tmp = true
"#;

fn encoder() -> Case {
    // Text that compresses, noise that does not, both across the borders of compression blocks.
    let text: Vec<_> = (0..120_000).map(|line| format!("line {line} of a text that repeats itself\n")).collect();
    Case::new()
        .file("golden.toml", ENCODER)
        .file("app-amd64", elf::static_amd64_of(300_000))
        .file("app-arm64", elf::static_arm64())
        .file("noise", elf_writer::noise(3_000_000))
        .file("text", text.concat())
}

#[test]
fn the_encoder_of_format_1() {
    let layout = encoder().run(["build", "golden.toml", "--source-date", "1700000000"]).ok().layout();
    let amd64 = layout.image_for("amd64");
    let layers: Vec<_> = amd64.layers.iter().map(|layer| (layer.diff_id.as_str(), layer.digest.as_str())).collect();
    insta::assert_debug_snapshot!("golden_layers", layers);
    insta::assert_snapshot!(
        "golden_manifest",
        String::from_utf8(layout.file(&format!("blobs/sha256/{}", amd64.digest.replace("sha256:", "")))).unwrap()
    );
    insta::assert_snapshot!("golden_config", amd64.config.to_string());
    insta::assert_snapshot!("golden_index", layout.digest());
}

#[test]
fn the_smallest_image_of_format_1_with_mozillas_roots() {
    let layout = Case::new().recipe(APP).file("app", elf::static_amd64()).build().ok().layout();
    insta::assert_snapshot!("golden_smallest", layout.digest());
    let bundle = layout.image().entry("/etc/ssl/certs/ca-certificates.crt");
    let count = String::from_utf8(bundle.content).unwrap().matches("-----BEGIN CERTIFICATE-----").count();
    assert_eq!(count, 118, "the roots of webpki-root-certs 1.0.11");
}

#[test]
fn an_image_of_format_1_with_the_time_zones() {
    let recipe = format!("{APP}[system]\ncertificates = \"none\"\ntimezones = true\n");
    let layout = Case::new().recipe(&recipe).file("app", elf::static_amd64()).build().ok().layout();
    insta::assert_snapshot!("golden_timezones", layout.digest());
}
