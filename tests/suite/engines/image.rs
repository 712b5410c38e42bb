//! Images of random layers, and the layout that holds a batch of them.

use std::{collections::BTreeSet, fmt::Write as _, fs, path::Path};

use serde_json::{Value, json};

use super::archive::Entry;
use crate::support::{foreign::gzip, layout::sha256};

/// One image, and the seed that makes it again.
#[derive(Debug, Clone)]
pub struct Image {
    pub seed: u64,
    pub layers: Vec<Layer>,
    /// What is special about its layers, in words that the statistics count by.
    pub constructs: BTreeSet<&'static str>,
}

#[derive(Debug, Clone, Default)]
pub struct Layer {
    pub entries: Vec<Entry>,
    /// What stands behind the last entry: by default two blocks of zeros.
    pub end: Option<Vec<u8>>,
    pub packing: Packing,
}

/// How a layer is stored.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub enum Packing {
    #[default]
    Plain,
    Gzip,
    /// Two gzip members, one behind the other, the tar cut in the middle.
    TwoMembers,
}

impl Layer {
    fn tar(&self) -> Vec<u8> {
        let mut bytes: Vec<u8> = self.entries.iter().flat_map(Entry::bytes).collect();
        bytes.extend(self.end.clone().unwrap_or_else(|| vec![0; 1024]));
        bytes
    }

    /// The last words of its media type, and the tar as it is stored.
    fn pack(&self, tar: &[u8]) -> (&'static str, Vec<u8>) {
        let (first, second) = tar.split_at(tar.len() / 2);
        match self.packing {
            Packing::Plain => ("layer.v1.tar", tar.to_owned()),
            Packing::Gzip => ("layer.v1.tar+gzip", gzip(tar)),
            Packing::TwoMembers => ("layer.v1.tar+gzip", [gzip(first), gzip(second)].concat()),
        }
    }
}

impl Image {
    /// The image's tag in the layout of its batch.
    pub fn tag(&self) -> String {
        format!("seed{}", self.seed)
    }

    /// Writes the blobs, and returns the descriptor of the manifest.
    fn write(&self, layout: &Path) -> Value {
        let add = |media_type: &str, bytes: &[u8]| {
            let digest = sha256(bytes);
            let path = layout.join("blobs").join(digest.replacen(':', "/", 1));
            fs::write(path, bytes).expect("a blob");
            json!({ "mediaType": format!("application/vnd.oci.image.{media_type}"), "digest": digest, "size": bytes.len() })
        };
        let tars: Vec<_> = self.layers.iter().map(Layer::tar).collect();
        let stored = self.layers.iter().zip(&tars).map(|(layer, tar)| layer.pack(tar));
        let layers: Vec<_> = stored.map(|(media_type, bytes)| add(media_type, &bytes)).collect();
        let diff_ids: Vec<_> = tars.iter().map(|tar| sha256(tar)).collect();
        // The label makes the ID of each image its own, by which podman knows it.
        let config = json!({
            "architecture": "amd64",
            "os": "linux",
            "config": { "User": "65532:65532", "Labels": { "seed": self.tag() } },
            "rootfs": { "type": "layers", "diff_ids": diff_ids },
            "history": vec![json!({ "created_by": "a generator" }); layers.len()],
        });
        let config = add("config.v1+json", config.to_string().as_bytes());
        let media_type = "application/vnd.oci.image.manifest.v1+json";
        let manifest = json!({ "schemaVersion": 2, "mediaType": media_type, "config": config, "layers": layers });
        let mut manifest = add("manifest.v1+json", manifest.to_string().as_bytes());
        manifest["annotations"] = json!({ "org.opencontainers.image.ref.name": self.tag() });
        manifest
    }

    /// What a failing test prints of it.
    pub fn table(&self) -> String {
        let mut text = format!("constructs: {:?}\n", self.constructs);
        for (index, layer) in self.layers.iter().enumerate() {
            let end = layer.end.as_ref().map_or(String::new(), |end| format!(", {} bytes at its end", end.len()));
            writeln!(text, "  layer {index} ({:?}{end})", layer.packing).expect("a string");
            for entry in &layer.entries {
                writeln!(text, "    {}", entry.line()).expect("a string");
            }
        }
        text
    }
}

/// Writes a layout of all these images, each with its tag.
pub fn write_layout(images: &[Image], layout: &Path) {
    fs::create_dir_all(layout.join("blobs/sha256")).expect("a layout");
    let manifests: Vec<_> = images.iter().map(|image| image.write(layout)).collect();
    let index = json!({ "schemaVersion": 2, "manifests": manifests });
    fs::write(layout.join("index.json"), index.to_string()).expect("an index");
    fs::write(layout.join("oci-layout"), "{\"imageLayoutVersion\":\"1.0.0\"}").expect("the marker of a layout");
}
