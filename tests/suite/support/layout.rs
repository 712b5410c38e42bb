//! Reads an OCI image layout with no help from hardpan: `serde_json`, `flate2`
//! and `tar`. Digests and sizes are checked wherever a blob is opened.

use std::collections::{BTreeMap, BTreeSet};
use std::fmt::Write as _;
use std::fs;
use std::io::Read;
use std::path::{Path, PathBuf};
use std::process::Stdio;
use std::sync::Arc;

use serde_json::Value;
use sha2::{Digest as _, Sha256};
use tempfile::TempDir;

/// An image layout with one entry in its `index.json`.
#[derive(Debug, Clone)]
pub struct Layout {
    dir: PathBuf,
    _temp: Option<Arc<TempDir>>,
}

/// One image manifest with all that it refers to.
#[derive(Debug, Clone)]
pub struct Image {
    pub digest: String,
    /// The descriptor that led here.
    pub descriptor: Value,
    pub manifest: Value,
    pub config: Value,
    pub layers: Vec<Layer>,
}

#[derive(Debug, Clone)]
pub struct Layer {
    pub digest: String,
    pub diff_id: String,
    pub media_type: String,
    /// The layer, decompressed.
    pub tar: Vec<u8>,
    pub entries: Vec<Entry>,
}

/// One entry of a layer, with the path as it is in the archive.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Entry {
    pub path: String,
    pub kind: Kind,
    pub mode: u32,
    pub uid: u64,
    pub gid: u64,
    pub mtime: u64,
    pub size: u64,
    pub link: Option<String>,
    pub owner_names: (String, String),
    pub content: Vec<u8>,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Kind {
    File,
    Folder,
    Symlink,
    Other(u8),
}

impl Layout {
    /// Opens a layout; `temp` is kept alive as long as the layout is.
    #[track_caller]
    pub fn open(dir: impl Into<PathBuf>, temp: Option<Arc<TempDir>>) -> Self {
        let layout = Self { dir: dir.into(), _temp: temp };
        let marker = layout.file("oci-layout");
        assert_eq!(parse(&marker)["imageLayoutVersion"], "1.0.0", "oci-layout");
        layout
    }

    pub fn dir(&self) -> &Path {
        &self.dir
    }

    /// A file of the layout by its path inside.
    #[track_caller]
    pub fn file(&self, path: &str) -> Vec<u8> {
        let path = self.dir.join(path);
        fs::read(&path).unwrap_or_else(|e| panic!("{}: {e}", path.display()))
    }

    #[track_caller]
    pub fn index(&self) -> Value {
        parse(&self.file("index.json"))
    }

    /// The one entry of `index.json`.
    #[track_caller]
    pub fn entry(&self) -> Value {
        let index = self.index();
        let entries = index["manifests"].as_array().expect("manifests");
        assert_eq!(entries.len(), 1, "entries of index.json");
        entries[0].clone()
    }

    /// The digest in `index.json`.
    #[track_caller]
    pub fn digest(&self) -> String {
        text(&self.entry()["digest"])
    }

    /// The name in `index.json`.
    #[track_caller]
    pub fn name(&self) -> String {
        text(&self.entry()["annotations"]["org.opencontainers.image.ref.name"])
    }

    /// All images, in the order of the image index if there is one.
    #[track_caller]
    pub fn images(&self) -> Vec<Image> {
        let entry = self.entry();
        if text(&entry["mediaType"]) != "application/vnd.oci.image.index.v1+json" {
            return vec![self.read_image(entry)];
        }
        let index = parse(&self.blob(&entry));
        let manifests = index["manifests"].as_array().expect("manifests");
        manifests.iter().map(|descriptor| self.read_image(descriptor.clone())).collect()
    }

    /// The image of a layout that has but one.
    #[track_caller]
    pub fn image(&self) -> Image {
        let mut images = self.images();
        assert_eq!(images.len(), 1, "images");
        images.remove(0)
    }

    /// The image for an architecture.
    #[track_caller]
    pub fn image_for(&self, architecture: &str) -> Image {
        self.images()
            .into_iter()
            .find(|image| image.config["architecture"] == architecture)
            .unwrap_or_else(|| panic!("no image for {architecture}"))
    }

    /// A descriptor's blob, its digest and size checked.
    #[track_caller]
    pub fn blob(&self, descriptor: &Value) -> Vec<u8> {
        let digest = text(&descriptor["digest"]);
        let hex = digest.strip_prefix("sha256:").expect("a sha256 digest");
        let bytes = self.file(&format!("blobs/sha256/{hex}"));
        assert_eq!(sha256(&bytes), digest, "a blob's content");
        assert_eq!(descriptor["size"], bytes.len(), "a descriptor's size");
        bytes
    }

    /// The digests of all blobs that are there.
    pub fn blobs(&self) -> BTreeSet<String> {
        self.files()
            .into_keys()
            .filter_map(|path| Some(format!("sha256:{}", path.strip_prefix("blobs/sha256/")?)))
            .collect()
    }

    /// The digests of all blobs that something refers to.
    #[track_caller]
    pub fn referenced(&self) -> BTreeSet<String> {
        let mut digests = BTreeSet::from([self.digest()]);
        for image in self.images() {
            digests.insert(image.digest);
            digests.insert(text(&image.manifest["config"]["digest"]));
            digests.extend(image.layers.into_iter().map(|layer| layer.digest));
        }
        digests
    }

    /// Every file by its path inside, with its content: equal for equal
    /// layouts, and what a failed build must leave as it was.
    pub fn files(&self) -> BTreeMap<String, Vec<u8>> {
        let mut files = BTreeMap::new();
        collect(&self.dir, "", &mut files);
        files
    }

    #[track_caller]
    fn read_image(&self, descriptor: Value) -> Image {
        let manifest = parse(&self.blob(&descriptor));
        let config = parse(&self.blob(&manifest["config"]));
        let diff_ids = config["rootfs"]["diff_ids"].as_array().expect("diff_ids");
        let layers = manifest["layers"].as_array().expect("layers");
        assert_eq!(layers.len(), diff_ids.len(), "one diff_id a layer");
        let layers = layers.iter().zip(diff_ids).map(|(layer, diff_id)| self.layer(layer, diff_id)).collect();
        Image { digest: text(&descriptor["digest"]), descriptor, manifest, config, layers }
    }

    #[track_caller]
    fn layer(&self, descriptor: &Value, diff_id: &Value) -> Layer {
        let media_type = text(&descriptor["mediaType"]);
        let tar = decompress(&media_type, self.blob(descriptor));
        assert_eq!(sha256(&tar), text(diff_id), "a layer's diff_id");
        Layer { digest: text(&descriptor["digest"]), diff_id: text(diff_id), media_type, entries: entries(&tar), tar }
    }
}

impl Image {
    /// Every path of the image, without a slash at either end; later layers
    /// win. hardpan writes no whiteouts over its own layers, so finding one
    /// is a failure.
    #[track_caller]
    pub fn entries(&self) -> BTreeMap<String, Entry> {
        let mut all = BTreeMap::new();
        for entry in self.layers.iter().flat_map(|layer| &layer.entries) {
            let path = entry.path.trim_matches('/').to_owned();
            assert!(!path.contains(".wh."), "a whiteout: {path}");
            all.insert(path, entry.clone());
        }
        all
    }

    /// One path of the image: `/usr/bin/app`.
    #[track_caller]
    pub fn entry(&self, path: &str) -> Entry {
        self.entries().remove(path.trim_matches('/')).unwrap_or_else(|| panic!("{path} is not in the image"))
    }

    /// `os/architecture` as the config has it.
    pub fn platform(&self) -> String {
        let word = |key: &str| text(&self.config[key]);
        format!("{}/{}", word("os"), word("architecture"))
    }

    /// The words of `Entrypoint`.
    pub fn entrypoint(&self) -> Vec<String> {
        let words = self.config["config"]["Entrypoint"].as_array();
        words.expect("an entrypoint").iter().map(text).collect()
    }
}

/// `sha256:HEX` of some bytes.
pub fn sha256(bytes: &[u8]) -> String {
    let mut digest = "sha256:".to_owned();
    for byte in Sha256::digest(bytes) {
        write!(digest, "{byte:02x}").expect("a string takes all");
    }
    digest
}

#[track_caller]
fn parse(bytes: &[u8]) -> Value {
    serde_json::from_slice(bytes).expect("JSON")
}

#[track_caller]
fn text(value: &Value) -> String {
    value.as_str().unwrap_or_else(|| panic!("not a string: {value}")).to_owned()
}

fn collect(dir: &Path, prefix: &str, files: &mut BTreeMap<String, Vec<u8>>) {
    let entries = fs::read_dir(dir).unwrap_or_else(|e| panic!("{}: {e}", dir.display()));
    for entry in entries.map(|entry| entry.expect("a folder's entry")) {
        let path = format!("{prefix}{}", entry.file_name().display());
        if entry.file_type().expect("its type").is_dir() {
            collect(&entry.path(), &format!("{path}/"), files);
        } else {
            files.insert(path, fs::read(entry.path()).expect("a file"));
        }
    }
}

/// Unpacks a layer; zstd is left to the zstd program.
#[track_caller]
fn decompress(media_type: &str, blob: Vec<u8>) -> Vec<u8> {
    let mut tar = Vec::new();
    match media_type {
        "application/vnd.oci.image.layer.v1.tar" => return blob,
        "application/vnd.oci.image.layer.v1.tar+gzip" => {
            // Also reads what follows the first member, as gzip(1) does.
            flate2::read::MultiGzDecoder::new(&*blob).read_to_end(&mut tar).expect("gzip")
        }
        "application/vnd.oci.image.layer.v1.tar+zstd" => {
            let mut file = tempfile::NamedTempFile::new().expect("a temporary file");
            std::io::Write::write_all(&mut file, &blob).expect("a layer");
            let mut child = super::judges::tool("zstd")
                .args(["--decompress", "--stdout", "--quiet", "--"])
                .arg(file.path())
                .stdout(Stdio::piped())
                .spawn()
                .expect("zstd");
            let mut stdout = child.stdout.take().expect("its output");
            let read = stdout.read_to_end(&mut tar).expect("its output");
            assert!(child.wait().expect("its end").success(), "zstd");
            read
        }
        _ => panic!("{media_type} is not the media type of a layer"),
    };
    tar
}

#[track_caller]
fn entries(tar: &[u8]) -> Vec<Entry> {
    let mut archive = tar::Archive::new(tar);
    let entries = archive.entries().expect("a tar archive");
    entries.map(|entry| read_entry(entry.expect("a tar entry"))).collect()
}

fn read_entry(mut entry: tar::Entry<&[u8]>) -> Entry {
    let string = |bytes: &[u8]| String::from_utf8_lossy(bytes).into_owned();
    let mut content = Vec::new();
    entry.read_to_end(&mut content).expect("a file's content");
    let link = entry.link_name_bytes().map(|link| string(&link));
    let path = string(&entry.path_bytes());
    let header = entry.header();
    Entry {
        path,
        kind: match header.entry_type() {
            tar::EntryType::Regular => Kind::File,
            tar::EntryType::Directory => Kind::Folder,
            tar::EntryType::Symlink => Kind::Symlink,
            other => Kind::Other(other.as_byte()),
        },
        mode: header.mode().expect("a mode"),
        uid: header.uid().expect("a uid"),
        gid: header.gid().expect("a gid"),
        mtime: header.mtime().expect("an mtime"),
        size: content.len() as u64,
        link,
        owner_names: (
            string(header.username_bytes().unwrap_or_default()),
            string(header.groupname_bytes().unwrap_or_default()),
        ),
        content,
    }
}
