//! A small image, and a second one beside it that no reader may take for the first: another user, entrypoint and environment
//! under digests that fit.

use serde_json::{Value, json};

use super::text::Text;
use crate::support::{
    case::Case,
    foreign::{Tar, gzip},
    layout::sha256,
};

pub const CONFIG_TYPE: &str = "application/vnd.oci.image.config.v1+json";
pub const MANIFEST_TYPE: &str = "application/vnd.oci.image.manifest.v1+json";
const INDEX_TYPE: &str = "application/vnd.oci.image.index.v1+json";
const LAYER_TYPE: &str = "application/vnd.oci.image.layer.v1.tar+gzip";

/// A document of an image.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum Document {
    Index,
    Manifest,
    Config,
    /// `manifest.json` of a docker archive.
    Table,
    /// `oci-layout`.
    Marker,
}

/// An object that engines decode into a struct, with its keys, those that are absent among them, and a value for each that
/// would be another image.
#[derive(Debug)]
pub struct Place {
    pub document: Document,
    pub pointer: &'static str,
    pub keys: Vec<(String, Value)>,
}

/// The parts of both images.
#[derive(Debug)]
pub struct World {
    layers: [Vec<u8>; 2],
    tars: [Vec<u8>; 2],
    second_config: Vec<u8>,
    second_manifest: Vec<u8>,
}

/// What is done to the text of one document, and the spaces between the tokens of all.
pub type Change = (Document, Box<dyn Fn(&mut Text)>);

impl World {
    pub fn new() -> Self {
        let tars = ["one", "two"].map(|name| Tar::new().file(name, 0o444, name).bytes());
        let layers = [gzip(&tars[0]), gzip(&tars[1])];
        let mut world = Self { layers, tars, second_config: Vec::new(), second_manifest: Vec::new() };
        let mut second = world.config();
        for key in ["User", "Entrypoint", "Env"] {
            second["config"][key] = second_run()[key].clone();
        }
        // As long as the first one's, so that a digest alone makes the difference.
        world.second_config = padded(second.to_string(), world.config().to_string().len());
        let manifest = world.manifest(&world.second_config);
        world.second_manifest = padded(manifest.to_string(), manifest.to_string().len());
        world
    }

    fn config(&self) -> Value {
        let run = json!({
            "User": "65532:65532", "Entrypoint": ["/first"], "Cmd": ["argument"], "Env": ["PATH=/bin", "IMAGE=first"],
            "WorkingDir": "/one", "StopSignal": "SIGTERM", "Labels": { "org.example": "first" },
            "ExposedPorts": { "8080/tcp": {} }, "Volumes": { "/data": {} },
            "Healthcheck": { "Test": ["CMD", "/first"], "Interval": 1_000_000_000 },
        });
        let line = json!({ "created": "2020-02-02T02:02:02Z", "created_by": "a layer", "comment": "first" });
        json!({
            "architecture": "amd64", "os": "linux", "created": "2020-02-02T02:02:02Z", "author": "first", "config": run,
            "rootfs": { "type": "layers", "diff_ids": self.diff_ids() }, "history": [line.clone(), line],
        })
    }

    fn diff_ids(&self) -> [String; 2] {
        [sha256(&self.tars[0]), sha256(&self.tars[1])]
    }

    fn manifest(&self, config: &[u8]) -> Value {
        let layers: Vec<_> = self.layers.iter().map(|layer| descriptor(LAYER_TYPE, layer)).collect();
        json!({
            "schemaVersion": 2, "mediaType": MANIFEST_TYPE, "config": descriptor(CONFIG_TYPE, config), "layers": layers,
            "annotations": { "org.example": "first" },
        })
    }

    fn index(manifest: &[u8]) -> Value {
        let mut entry = descriptor(MANIFEST_TYPE, manifest);
        entry["platform"] = json!({ "architecture": "amd64", "os": "linux" });
        entry["annotations"] = json!({ "org.opencontainers.image.ref.name": "image" });
        json!({ "schemaVersion": 2, "mediaType": INDEX_TYPE, "manifests": [entry] })
    }

    /// Writes the image as an OCI layout, with the changes of its documents.
    pub fn layout(&self, case: Case, folder: &str, changes: &[Change], space: &str) -> Case {
        let config = changed(&self.config(), Document::Config, changes, space);
        let manifest = changed(&self.manifest(&config), Document::Manifest, changes, space);
        let index = changed(&Self::index(&manifest), Document::Index, changes, space);
        let blobs = [&config, &manifest, &self.layers[0], &self.layers[1], &self.second_config, &self.second_manifest];
        let case = blobs
            .into_iter()
            .fold(case, |case, blob| case.file(format!("{folder}/blobs/{}", sha256(blob).replacen(':', "/", 1)), blob));
        let marker = changed(&json!({ "imageLayoutVersion": "1.0.0" }), Document::Marker, changes, space);
        case.file(format!("{folder}/index.json"), index).file(format!("{folder}/oci-layout"), marker)
    }

    /// Writes the image as a docker archive, with the changes of its documents.
    pub fn archive(&self, case: Case, path: &str, changes: &[Change], space: &str) -> Case {
        let config = changed(&self.config(), Document::Config, changes, space);
        let table = json!([{ "Config": "first.json", "RepoTags": ["image:first"], "Layers": ["one.tar", "two.tar"] }]);
        let table = changed(&table, Document::Table, changes, space);
        let tar = Tar::new().file("first.json", 0o644, config).file("second.json", 0o644, &self.second_config);
        let tar = tar.file("one.tar", 0o644, &self.tars[0]).file("two.tar", 0o644, &self.tars[1]);
        case.file(path, tar.file("manifest.json", 0o644, table).bytes())
    }

    /// All objects of a layout's documents that engines decode into structs.
    pub fn places(&self) -> Vec<Place> {
        let layer = descriptor(LAYER_TYPE, &self.layers[1]);
        let config = descriptor(CONFIG_TYPE, &self.second_config);
        let manifest = descriptor(MANIFEST_TYPE, &self.second_manifest);
        let place = |document, pointer, keys: Value| Place { document, pointer, keys: members(keys) };
        let of_descriptor = |mut descriptor: Value, media_type: &str| {
            let more = json!({ "mediaType": media_type, "urls": ["https://example.com"], "data": "e30=", "artifactType": "x/y" });
            for (key, value) in members(more) {
                descriptor[key] = value;
            }
            descriptor
        };
        let document = |own: Value| {
            let mut all = json!({ "schemaVersion": 1, "artifactType": "x/y", "subject": manifest, "annotations": { "a": "second" } });
            for (key, value) in members(own) {
                all[key] = value;
            }
            all
        };
        let docker = "application/vnd.docker.distribution.manifest.v2+json";
        let platform = json!({ "architecture": "arm64", "os": "windows", "variant": "v8", "os.version": "1", "os.features": ["x"] });
        let mut all = self.config_places();
        all.extend([
            place(
                Document::Manifest,
                "",
                document(json!({ "mediaType": docker, "config": config, "layers": [layer] })),
            ),
            place(
                Document::Manifest,
                "/config",
                of_descriptor(config, "application/vnd.docker.container.image.v1+json"),
            ),
            place(Document::Manifest, "/layers/0", of_descriptor(layer, "application/vnd.oci.image.layer.v1.tar")),
            place(Document::Index, "", document(json!({ "mediaType": docker, "manifests": [manifest] }))),
            place(Document::Index, "/manifests/0", of_descriptor(manifest.clone(), docker)),
            place(Document::Index, "/manifests/0/platform", platform),
        ]);
        all
    }

    fn config_places(&self) -> Vec<Place> {
        let place = |pointer, keys: Value| Place { document: Document::Config, pointer, keys: members(keys) };
        let [one, two] = self.diff_ids();
        vec![
            place(
                "",
                json!({
                    "architecture": "arm64", "os": "windows", "variant": "v8", "os.version": "1", "author": "second",
                    "created": "2001-01-01T01:01:01Z", "config": second_run(), "history": [], "container_config": second_run(),
                    "rootfs": { "type": "layers", "diff_ids": [two] },
                }),
            ),
            place("/config", second_run()),
            // Once more: it has the most keys, and those that matter most.
            place("/config", second_run()),
            place("/config/Healthcheck", json!({ "Test": ["NONE"], "Interval": 1, "Retries": 7 })),
            place("/rootfs", json!({ "type": "other", "diff_ids": [two, one] })),
            place(
                "/history/0",
                json!({ "created_by": "second", "empty_layer": true, "author": "second", "comment": "second" }),
            ),
        ]
    }

    /// The one struct of a docker archive's table.
    pub fn table() -> Place {
        let keys =
            json!({ "Config": "second.json", "RepoTags": ["image:second"], "Layers": ["two.tar"], "Parent": "second" });
        Place { document: Document::Table, pointer: "/0", keys: members(keys) }
    }
}

/// More keys of structs: what engines decode and hardly any image is run by. The last one is of a docker archive.
pub const MORE: [(Document, &str, &str); 9] = [
    (Document::Marker, "", "imageLayoutVersion"),
    (Document::Index, "", "fsLayers signatures"),
    (Document::Manifest, "", "manifests fsLayers signatures"),
    (Document::Index, "/manifests/0/platform", "features"),
    (Document::Config, "", "os.features id parent comment container docker_version"),
    (
        Document::Config,
        "/config",
        "StopTimeout Memory MemorySwap CpuShares ArgsEscaped Hostname Domainname AttachStdin AttachStdout AttachStderr Tty \
         OpenStdin StdinOnce Image NetworkDisabled MacAddress",
    ),
    (Document::Config, "/config/Healthcheck", "Timeout StartPeriod StartInterval"),
    (Document::Config, "/history/0", "created"),
    (Document::Table, "/0", "LayerSources"),
];

/// How the second image runs.
fn second_run() -> Value {
    json!({
        "User": "0:0", "Entrypoint": ["/second"], "Cmd": ["second"], "Env": ["IMAGE=second"], "WorkingDir": "/second",
        "StopSignal": "SIGKILL", "Labels": { "org.example": "second" }, "ExposedPorts": { "22/tcp": {} },
        "Volumes": { "/second": {} }, "Healthcheck": { "Test": ["NONE"] }, "Shell": ["/second"], "OnBuild": ["second"],
    })
}

fn changed(document: &Value, which: Document, changes: &[Change], space: &str) -> Vec<u8> {
    let mut text = Text::from(document);
    changes.iter().filter(|(of, _)| *of == which).for_each(|(_, change)| change(&mut text));
    text.written(space).into_bytes()
}

fn padded(text: String, length: usize) -> Vec<u8> {
    let mut bytes = text.into_bytes();
    assert!(bytes.len() <= length, "the second document is the longer one");
    bytes.resize(length, b' ');
    bytes
}

fn descriptor(kind: &str, bytes: &[u8]) -> Value {
    json!({ "mediaType": kind, "digest": sha256(bytes), "size": bytes.len() })
}

fn members(object: Value) -> Vec<(String, Value)> {
    let Value::Object(members) = object else { panic!("no object: {object}") };
    members.into_iter().collect()
}
