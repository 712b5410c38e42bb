//! What programs and crates that nobody here wrote say of our images.

use std::collections::BTreeMap;
use std::fs;
use std::io::Write as _;

use crate::support::case::{APP, Case};
use crate::support::elf;
use crate::support::judges;
use crate::support::layout::{Layout, sha256};

/// Everything a recipe can put into an image without a toolchain.
const RICH: &str = r#"
[[binary]]
path = "app"
to = "/usr/bin/app"

[[file]]
from = "conf.toml"
to = "/etc/app/conf.toml"

[[file]]
text = "as written\n"
to = "/srv/note.txt"

[[file]]
from = "helper"
to = "/usr/libexec/app/helper"
mode = "0555"

[[tree]]
from = "static"
to = "/srv/static"
include = ["**/*.html", "bin/*"]
executable = ["bin/*"]

[[dir]]
to = "/var/lib/app"
writable = true

[[symlink]]
to = "/srv/current"
target = "static"

[system]
tmp = true
"#;

/// One binary for each of two platforms.
const TWO: &str = r#"
platforms = ["linux/amd64", "linux/arm64"]

[[binary]]
path = "app-{arch}"
to = "/usr/bin/app"
"#;

fn smallest() -> Layout {
    let case = Case::new().recipe(APP).file("app", elf::static_amd64());
    case.build().ok().layout()
}

fn rich() -> Layout {
    let case = Case::new()
        .recipe(RICH)
        .file("app", elf::static_amd64())
        .file("conf.toml", "port = 8080\n")
        .file("helper", elf::static_amd64_of(70_000))
        .file("static/index.html", "<p>hello\n")
        .file("static/deep/er/page.html", "<p>deep\n")
        .file("static/notes.txt", "matches no pattern\n")
        .file("static/bin/tool", elf::static_amd64());
    // Neither the host's modes nor its owners are read.
    let case = case.mode("conf.toml", 0o600).mode("static/bin/tool", 0o4777);
    case.build().ok().layout()
}

fn two_platforms() -> Layout {
    let case = Case::new().recipe(TWO).file("app-amd64", elf::static_amd64()).file("app-arm64", elf::static_arm64());
    case.build().ok().layout()
}

/// A path in the image: its kind as mtree has it, mode, uid and gid.
type Path = (&'static str, &'static str, u32, u64);

/// What every image has: the parents of what follows, and the defaults of
/// `[system]`.
const DEFAULTS: [Path; 9] = [
    (".", "dir", 0o755, 0),
    ("etc", "dir", 0o755, 0),
    ("etc/group", "file", 0o444, 0),
    ("etc/passwd", "file", 0o444, 0),
    ("etc/ssl", "dir", 0o755, 0),
    ("etc/ssl/certs", "dir", 0o755, 0),
    ("etc/ssl/certs/ca-certificates.crt", "file", 0o444, 0),
    ("usr", "dir", 0o755, 0),
    ("usr/bin", "dir", 0o755, 0),
];

/// umoci finds these paths with these modes and owners, all of time 0, and
/// nothing else.
fn unpacks_to(layout: &Layout, paths: &[Path]) {
    let found: BTreeMap<String, (String, u32, u64, u64)> = judges::umoci(layout)
        .entries
        .into_iter()
        .map(|(path, entry)| {
            assert_eq!(entry.time, 0, "{path}");
            (path, (entry.kind, entry.mode, entry.uid, entry.gid))
        })
        .collect();
    let expected = DEFAULTS.iter().chain(paths);
    let expected: BTreeMap<String, _> = expected
        .map(|(path, kind, mode, owner)| ((*path).to_owned(), ((*kind).to_owned(), *mode, *owner, *owner)))
        .collect();
    assert_eq!(found, expected);
}

#[test]
fn the_smallest_image_holds_the_binary_and_the_defaults_alone() {
    unpacks_to(&smallest(), &[("usr/bin/app", "file", 0o555, 0)]);
}

#[test]
fn a_rich_image_holds_what_its_recipe_names() {
    unpacks_to(
        &rich(),
        &[
            ("etc/app", "dir", 0o755, 0),
            ("etc/app/conf.toml", "file", 0o444, 0),
            ("srv", "dir", 0o755, 0),
            ("srv/current", "link", 0o777, 0),
            ("srv/note.txt", "file", 0o444, 0),
            ("srv/static", "dir", 0o755, 0),
            ("srv/static/bin", "dir", 0o755, 0),
            ("srv/static/bin/tool", "file", 0o555, 0),
            ("srv/static/deep", "dir", 0o755, 0),
            ("srv/static/deep/er", "dir", 0o755, 0),
            ("srv/static/deep/er/page.html", "file", 0o444, 0),
            ("srv/static/index.html", "file", 0o444, 0),
            ("tmp", "dir", 0o1777, 0),
            ("usr/bin/app", "file", 0o555, 0),
            ("usr/libexec", "dir", 0o755, 0),
            ("usr/libexec/app", "dir", 0o755, 0),
            ("usr/libexec/app/helper", "file", 0o555, 0),
            ("var", "dir", 0o755, 0),
            ("var/lib", "dir", 0o755, 0),
            ("var/lib/app", "dir", 0o700, 65532),
        ],
    );
}

#[test]
fn the_specification_accepts_every_layout() {
    for layout in [smallest(), rich(), two_platforms()] {
        judges::imagespec(&layout);
    }
}

#[test]
fn skopeo_copies_every_layout_and_keeps_its_digest() {
    for layout in [smallest(), rich(), two_platforms()] {
        judges::skopeo(&layout);
    }
}

#[test]
fn crane_pushes_and_validates_every_layout() {
    for layout in [smallest(), rich(), two_platforms()] {
        judges::crane(&layout);
    }
}

#[test]
fn runc_and_podman_run_what_was_built() {
    for layout in [smallest(), rich()] {
        assert_eq!(judges::runc(&layout), "hello from a static binary\n");
        assert_eq!(judges::podman(&layout), "hello from a static binary\n");
    }
}

#[test]
fn an_emulator_runs_the_arm64_image_of_two() {
    let image = two_platforms().image_for("arm64");
    let case = Case::new().file("app", image.entry("/usr/bin/app").content).mode("app", 0o755);
    let said = judges::checked(&mut judges::qemu_arm64(&case.path("app")));
    assert_eq!(said, "hello from a static binary\n");
}

#[test]
fn a_layout_holds_no_blob_that_nothing_refers_to() {
    for layout in [smallest(), rich(), two_platforms()] {
        assert_eq!(layout.blobs(), layout.referenced());
    }
}

#[test]
fn ocipkg_reads_the_layout() {
    let layout = rich();
    let mut image = ocipkg::image::read(&layout.dir().to_string_lossy()).expect("an image");
    let manifest = image.get_manifest().expect("a manifest");
    assert!(!manifest.layers().is_empty());
    for descriptor in manifest.layers().iter().chain([manifest.config()]) {
        let blob = image.get_blob(descriptor.digest()).expect("a blob");
        assert_eq!(sha256(&blob), descriptor.digest().to_string());
        assert_eq!(blob.len() as u64, descriptor.size());
    }
}

#[test]
fn oci_spec_reads_the_layout() {
    use oci_spec::image::{Arch, ImageConfiguration, ImageIndex, ImageManifest, MediaType, Os};

    let layout = rich();
    let blob = |digest: &oci_spec::image::Digest| layout.dir().join("blobs/sha256").join(digest.digest());
    let index = ImageIndex::from_file(layout.dir().join("index.json")).expect("an index");
    let [entry] = index.manifests().as_slice() else {
        panic!("{index:?}");
    };
    assert_eq!(entry.media_type(), &MediaType::ImageManifest);
    let manifest = ImageManifest::from_file(blob(entry.digest())).expect("a manifest");
    assert_eq!(manifest.config().media_type(), &MediaType::ImageConfig);
    let config = ImageConfiguration::from_file(blob(manifest.config().digest())).expect("a config");
    assert_eq!((config.os(), config.architecture()), (&Os::Linux, &Arch::Amd64));
    assert_eq!(config.rootfs().diff_ids().len(), manifest.layers().len());
    let run = config.config().as_ref().expect("how to run it");
    assert_eq!(run.user().as_deref(), Some("65532:65532"));
    assert_eq!(run.entrypoint().as_deref(), Some(&["/usr/bin/app".to_owned()][..]));
}

/// A judge that says yes to everything would judge nothing.
#[test]
fn the_specifications_judge_notices_broken_layouts() {
    let layout = smallest();
    let image = layout.image();
    let blob = |digest: &str| format!("blobs/{}", digest.replace(':', "/"));
    let layer = blob(&image.layers[0].digest);
    let manifest = blob(&image.digest);
    let without_its_end = |path: &str| {
        let bytes = layout.file(path);
        bytes[..bytes.len() - 1].to_vec()
    };
    let replaced = |from: &str, to: &str| {
        let index = String::from_utf8(layout.file("index.json")).expect("UTF-8");
        assert!(index.contains(from), "{index}");
        index.replace(from, to).into_bytes()
    };
    let size = layout.file(&manifest).len();
    let mut another_layer = flate2::write::GzEncoder::new(Vec::new(), flate2::Compression::fast());
    another_layer.write_all(&[0; 1024]).expect("an empty archive");
    let another_layer = another_layer.finish().expect("an empty layer");
    for (path, content, complaint) in [
        ("oci-layout", b"{}".to_vec(), "imageLayoutVersion"),
        ("index.json", b"[]".to_vec(), "index.json"),
        ("index.json", replaced(&format!("\"size\":{size}"), "\"size\":7"), "says 7"),
        ("index.json", replaced(&image.digest, &sha256(b"")), "is missing"),
        (&manifest, without_its_end(&manifest), "the content is"),
        (&layer, without_its_end(&layer), "unexpected EOF"),
        (&layer, another_layer, "unpacks to"),
        (&layer, b"not a layer".to_vec(), "gzip"),
    ] {
        let case = broken(&layout, path, &content);
        let problems = judges::imagespec_problems(&case.path("layout")).join("\n");
        assert!(problems.contains(complaint), "{path}: {complaint}: {problems}");
    }
    let case = broken(&layout, "index.json", &layout.file("index.json"));
    fs::remove_file(case.path("layout").join(&layer)).expect("a layer");
    let problems = judges::imagespec_problems(&case.path("layout"));
    assert!(problems.iter().any(|line| line.contains("is missing")), "{problems:?}");
}

/// A copy of a layout with one file's content changed.
fn broken(layout: &Layout, path: &str, content: &[u8]) -> Case {
    let case =
        layout.files().into_iter().fold(Case::new(), |case, (path, bytes)| case.file(format!("layout/{path}"), bytes));
    case.file(format!("layout/{path}"), content)
}
