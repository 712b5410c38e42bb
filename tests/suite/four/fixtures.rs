//! Every foreign image that the suite can make, each in a case of its own, and a few more.

use std::{fs, io::Write as _};

use serde_json::{Value, json};

use crate::{
    audit::{articles, breakouts, forms, words},
    bases::hostile::{self, distroless},
    documents::{
        image::World,
        variants::{self, Variant},
    },
    engines::{generator, image::write_layout},
    support::{
        base::{Base, Family, Packed, Stage, Written},
        case::Case,
        elf,
        foreign::{Foreign, Tar, listing},
        layout::sha256,
        walks::{Dice, seed, steps},
    },
};

/// An image in a case.
pub struct Fixture {
    pub name: String,
    pub case: Case,
    /// Its path in the case.
    pub image: &'static str,
}

const LAYOUT: &str = "image";
const ARCHIVE: &str = "image.tar";

impl Fixture {
    fn layout(name: impl Into<String>, write: impl FnOnce(Case) -> Case) -> Self {
        Self { name: name.into(), case: write(Case::new()), image: LAYOUT }
    }

    fn archive(name: impl Into<String>, write: impl FnOnce(Case) -> Case) -> Self {
        Self { name: name.into(), case: write(Case::new()), image: ARCHIVE }
    }
}

/// The images of the generator that judges engines.
pub fn generated() -> Vec<Fixture> {
    let first = seed(1);
    let write = |seed| {
        let image = generator::generate(seed);
        let name = format!("generated, seed {seed} {:?}", image.constructs);
        Fixture::layout(name, |case| {
            write_layout(&[image], &case.path(LAYOUT));
            case
        })
    };
    (first..first + u64::from(steps(60))).map(write).collect()
}

/// Documents in odd JSON.
pub fn documents() -> Vec<Fixture> {
    let (world, mut dice) = (World::new(), Dice::new());
    let (layouts, archives) = (variants::places(&world, false), variants::places(&world, true));
    let mut all = Vec::new();
    for number in 0..steps(60) {
        let is_layout = number % 3 > 0;
        let variant = Variant::next(&mut dice, if is_layout { &layouts } else { &archives });
        all.push(if is_layout {
            Fixture::layout(&variant.name, |case| world.layout(case, LAYOUT, &variant.changes, variant.space))
        } else {
            Fixture::archive(&variant.name, |case| world.archive(case, ARCHIVE, &variant.changes, variant.space))
        });
    }
    all
}

/// What tests of the audit are about, in all three forms.
pub fn audited() -> Vec<Fixture> {
    let mut images = vec![
        ("the rails image".to_owned(), articles::rails()),
        ("the python image".to_owned(), articles::python()),
        ("something of every family".to_owned(), forms::image()),
        ("hostile words".to_owned(), words::image()),
        ("nothing at all".to_owned(), Foreign::new("app:1")),
    ];
    for (name, layers, _) in breakouts::all() {
        let image = layers.into_iter().fold(Foreign::new("app:1"), |image, tar| image.layer("", tar));
        images.push((name.to_owned(), image));
    }
    let mut all = Vec::new();
    for (name, image) in images {
        all.push(Fixture::layout(&name, |case| image.layout(case, LAYOUT)));
        all.push(Fixture::archive(format!("{name}, OCI archive"), |case| image.oci_archive(case, ARCHIVE)));
        all.push(Fixture::archive(format!("{name}, docker archive"), |case| image.docker_archive(case, ARCHIVE)));
    }
    all
}

/// What tests of bases are about.
pub fn bases() -> Vec<Fixture> {
    let stage = |name: &str, stage: Stage| Fixture::layout(name, |case| Base::of([stage]).layout(case, LAYOUT));
    let mut all = Vec::new();
    let layers = [hostile::unreadable_layers(), hostile::odd_layers(), hostile::layers_of_two_sizes()];
    for (tar, _, says) in layers.into_iter().flatten() {
        all.push(stage(says, distroless().layer(tar, Packed::Gzip)));
    }
    for (change, says) in hostile::changes() {
        let mut written = Base::of([distroless()]).write();
        change(&mut written);
        all.push(Fixture::layout(says, |case| write(case, &written)));
    }
    for (name, family) in [("OCI", Family::Oci), ("docker", Family::Docker)] {
        for packed in [Packed::Gzip, Packed::Zstd, Packed::Plain] {
            let tar = Tar::new().folder("srv").file("srv/x", 0o644, "x");
            let name = format!("a sound base, {name} {packed:?}");
            all.push(stage(&name, Stage::distroless(family, "amd64").layer(tar, packed)));
        }
    }
    let mut other = distroless().layer(Tar::new().folder("srv"), Packed::Gzip);
    other.layers[1].2 = format!("sha256:{}", "0".repeat(64));
    all.push(stage("another diff_id", other));
    for length in [255, 256, 4000] {
        let named =
            |name: &str, tar: Tar| stage(&format!("{name} of {length} bytes"), distroless().layer(tar, Packed::Gzip));
        all.push(named("a name", Tar::new().file(&"x".repeat(length), 0o644, "")));
        all.push(named("a path", Tar::new().folder(&"x/".repeat(length / 2))));
        all.push(named("a target", Tar::new().folder("srv").symlink("srv/x", &"x".repeat(length))));
    }
    all.push(stage("a longer path", distroless().layer(Tar::new().folder(&"x/".repeat(2500)), Packed::Gzip)));
    all.extend(other_documents());
    all.push(stage("another architecture", Stage::distroless(Family::Oci, "s390x")));
    let two = [distroless(), Stage::distroless(Family::Oci, "arm64")];
    all.push(Fixture::layout("two platforms", |case| Base::of(two).layout(case, LAYOUT)));
    all.push(stage("accounts without lines", accounts("# mine\n")));
    all.push(stage("large accounts", accounts(&"x".repeat((1 << 20) + 1))));
    all.push(stage("no accounts", accounts("")));
    let shell = Tar::new().folder("usr").folder("usr/bin").file("usr/bin/sh", 0o755, elf::static_amd64());
    all.push(stage("a shell", distroless().layer(shell, Packed::Gzip)));
    let program = Tar::new().folder("usr").file("usr/program", 0o755, elf::dynamic_amd64());
    all.push(stage("a dynamic program", distroless().layer(program, Packed::Gzip)));
    all.push(stage("a token", distroless().set("Env", json!([format!("GITHUB_TOKEN=ghp_{}", "x".repeat(36))]))));
    all.push(stage("a loader's variable", distroless().set("Env", json!(["LD_PRELOAD=/x.so"]))));
    all.push(stage("a bomb", bomb()));
    all
}

/// Sound layers under documents that say something else of them.
fn other_documents() -> Vec<Fixture> {
    let changes: [(&str, &str, Value); 9] = [
        ("a config of no image", "/config/mediaType", json!("application/vnd.example.config+json")),
        ("a config of docker's", "/config/mediaType", json!("application/vnd.docker.container.image.v1+json")),
        ("a config elsewhere", "/config/urls", json!(["https://example.com"])),
        ("a layer elsewhere", "/layers/0/urls", json!(["https://example.com"])),
        ("an artifact", "/artifactType", json!("application/vnd.example")),
        (
            "a subject",
            "/subject",
            json!({ "mediaType": "a/b", "digest": format!("sha256:{}", "0".repeat(64)), "size": 1 }),
        ),
        ("no media type", "/mediaType", Value::Null),
        ("another media type", "/mediaType", json!("application/vnd.docker.distribution.manifest.v2+json")),
        ("another version", "/schemaVersion", json!(1)),
    ];
    let fixture = |(name, pointer, value): (&str, &str, Value)| {
        let mut written = Base::of([distroless()]).write();
        hostile::edit(&mut written.manifests[0].1, |manifest| {
            let (parent, key) = pointer.rsplit_once('/').expect("a pointer");
            manifest.pointer_mut(parent).expect("an object")[key] = value;
        });
        Fixture::layout(name, |case| write(case, &written))
    };
    changes.into_iter().map(fixture).collect()
}

fn accounts(passwd: &str) -> Stage {
    let tar = Tar::new().folder("etc").file("etc/passwd", 0o644, passwd).file("etc/group", 0o644, "root:x:0:\n");
    Stage::new(Family::Oci, "amd64").layer(tar, Packed::Gzip)
}

/// A file of zeros, 3 GiB of them.
fn bomb() -> Stage {
    let mut tar = Tar::new();
    tar.entry(b'0', b"zeros", b"", (0o644, (0, 0), 3 << 30));
    let head = tar.bytes()[..512].to_vec();
    let zeros = vec![0; 16 << 20];
    let mut encoder = zstd::Encoder::new(Vec::new(), 1).expect("zstd");
    encoder.write_all(&head).expect("zstd");
    for _ in 0..(3 << 30) / zeros.len() {
        encoder.write_all(&zeros).expect("zstd");
    }
    let mut stage = distroless().layer(Tar::new(), Packed::Zstd);
    stage.layers[1].0 = encoder.finish().expect("zstd");
    stage
}

/// Writes a layout of what is not what it says.
fn write(case: Case, written: &Written) -> Case {
    let manifests = written.manifests.iter().map(|(_, bytes)| bytes);
    let case =
        written.blobs.iter().chain(manifests).fold(case, |case, bytes| {
            case.file(format!("{LAYOUT}/blobs/{}", sha256(bytes).replacen(':', "/", 1)), bytes)
        });
    let (kind, root) = written.manifests.last().expect("a root");
    let root = json!({ "mediaType": kind, "digest": sha256(root), "size": root.len() });
    let index = json!({ "schemaVersion": 2, "manifests": [root] });
    case.file(format!("{LAYOUT}/oci-layout"), "{\"imageLayoutVersion\":\"1.0.0\"}")
        .file(format!("{LAYOUT}/index.json"), index.to_string())
}

/// What is done to a file.
#[derive(Debug, Clone, Copy)]
enum Damage {
    /// A byte after so many eighths of it is another one.
    Changed(usize),
    Cut,
    Longer,
    Empty,
    Removed,
}

/// A sound image whose files are not: each blob, document and archive damaged in every way.
pub fn broken() -> Vec<Fixture> {
    let sound = Foreign::new("app:1").layer("", Tar::new().folder("srv").file("srv/x", 0o644, "x".repeat(3000)));
    let sound = sound.set("User", json!("65532:65532"));
    let damages = [Damage::Cut, Damage::Longer, Damage::Empty, Damage::Removed];
    let damages: Vec<_> = (0..8).map(Damage::Changed).chain(damages).collect();
    let mut all = Vec::new();
    for (form, image) in [("layout", LAYOUT), ("OCI archive", ARCHIVE), ("docker archive", ARCHIVE)] {
        let make = || match form {
            "layout" => sound.layout(Case::new(), LAYOUT),
            "OCI archive" => sound.oci_archive(Case::new(), ARCHIVE),
            _ => sound.docker_archive(Case::new(), ARCHIVE),
        };
        for at in 0..files(&make()).count() {
            for damage in &damages {
                let case = make();
                let path = files(&case).nth(at).expect("a file");
                damage.apply(&path);
                let file: String = path.rsplit('/').next().expect("a name").chars().take(12).collect();
                all.push(Fixture { name: format!("{form}, {file}: {damage:?}"), case, image });
            }
        }
    }
    all
}

/// The files of a case that have bytes.
fn files(case: &Case) -> impl Iterator<Item = String> {
    listing(&case.dir()).into_iter().filter(|(_, size)| *size > 0).map(|(path, _)| path)
}

impl Damage {
    fn apply(self, path: &str) {
        let mut bytes = fs::read(path).expect("a file");
        match self {
            Self::Changed(eighths) => {
                let at = bytes.len() * eighths / 8;
                bytes[at] ^= 0x10;
            }
            Self::Cut => bytes.truncate(bytes.len().saturating_sub(9)),
            Self::Longer => bytes.extend(b"more"),
            Self::Empty => bytes.clear(),
            Self::Removed => return fs::remove_file(path).expect("a file"),
        }
        fs::write(path, bytes).expect("a file");
    }
}
