//! A tree of files as an engine leaves it on disk, or as hardpan says it is.

use std::{
    collections::{BTreeMap, BTreeSet},
    fmt, fs,
    os::unix::{
        ffi::OsStringExt as _,
        fs::{FileTypeExt as _, MetadataExt as _},
    },
    path::Path,
};

use serde_json::Value;

use super::archive::printable;

/// Every path below the root, without a slash at the front; the root itself is "".
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Tree(pub BTreeMap<Vec<u8>, Node>);

#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Node {
    /// In hardpan's words: `file`, `directory`, `symlink`, ...
    pub kind: String,
    /// 12 bits. Linux keeps none for symbolic links: theirs is 0777 here.
    pub mode: u32,
    pub uid: u64,
    pub gid: u64,
    /// Length and CRC-32 of a file's content.
    pub content: Option<(u64, String)>,
    /// What a symbolic link points to.
    pub target: Option<Vec<u8>>,
    /// The number of a device, `major:minor`.
    pub device: Option<String>,
}

impl Tree {
    /// Reads what lies in a folder.
    pub fn read(root: &Path) -> Self {
        let mut tree = Self::default();
        let mut ahead = vec![(Vec::new(), root.to_owned())];
        while let Some((name, path)) = ahead.pop() {
            let Some(node) = Node::read(&path) else { continue };
            if node.kind == "directory" {
                for entry in fs::read_dir(&path).expect("a folder") {
                    let entry = entry.expect("an entry of a folder");
                    let below = entry.file_name().into_vec();
                    let whole = if name.is_empty() { below } else { [&name[..], b"/", &below].concat() };
                    ahead.push((whole, entry.path()));
                }
            }
            tree.0.insert(name, node);
        }
        tree
    }

    /// Reads a list of a report of `hardpan inspect`.
    pub fn of_report(list: &Value) -> Self {
        let list = list.as_array().expect("a list of what is in an image");
        let nodes = list.iter().map(|one| {
            let path = bytes_of(one["path"].as_str().expect("a path"));
            (path.strip_prefix(b"/").expect("an absolute path").to_owned(), Node::of_report(one))
        });
        let tree = Self(nodes.collect());
        assert_eq!(tree.0.len(), list.len(), "a path twice in hardpan's list");
        tree
    }

    /// A line for every path of which hardpan's tree, this one, has something else than an engine's.
    pub fn differences(&self, engine: &Self) -> Vec<String> {
        let paths: BTreeSet<_> = self.0.keys().chain(engine.0.keys()).collect();
        let sides = paths.into_iter().map(|path| (path, self.0.get(path), engine.0.get(path)));
        let side = |node: Option<&Node>| node.map_or("nothing".to_owned(), Node::to_string);
        sides
            .filter(|(_, seen, there)| seen != there)
            .map(|(path, seen, there)| format!("/{}: {} | {}", printable(path), side(seen), side(there)))
            .collect()
    }
}

impl Node {
    fn read(path: &Path) -> Option<Self> {
        // overlayfs lists its whiteouts in a folder that no lower layer has; but there is nothing.
        let status = fs::symlink_metadata(path).ok()?;
        let kind = status.file_type();
        let kind = match () {
            () if kind.is_dir() => "directory",
            () if kind.is_file() => "file",
            () if kind.is_symlink() => "symlink",
            () if kind.is_char_device() => "character-device",
            () if kind.is_block_device() => "block-device",
            () if kind.is_fifo() => "fifo",
            () => "socket",
        };
        let content = || {
            let content = fs::read(path).expect("a file");
            (content.len() as u64, crc32(&content))
        };
        Some(Self {
            kind: kind.to_owned(),
            mode: status.mode() & 0o7777,
            uid: status.uid().into(),
            gid: status.gid().into(),
            content: (kind == "file").then(content),
            target: (kind == "symlink").then(|| fs::read_link(path).expect("a target").into_os_string().into_vec()),
            device: kind.ends_with("-device").then(|| device(status.rdev())),
        })
    }

    fn of_report(one: &Value) -> Self {
        let text = |key: &str| one[key].as_str().unwrap_or_else(|| panic!("no `{key}` in {one}")).to_owned();
        let number = |key: &str| one[key].as_u64().unwrap_or_else(|| panic!("no `{key}` in {one}"));
        let kind = text("type");
        let mode = u32::from_str_radix(&text("mode"), 8).expect("an octal mode");
        Self {
            mode: if kind == "symlink" { 0o777 } else { mode },
            uid: number("uid"),
            gid: number("gid"),
            content: (kind == "file").then(|| (number("size"), text("crc32"))),
            target: (kind == "symlink").then(|| bytes_of(&text("target"))),
            device: kind.ends_with("-device").then(|| text("device")),
            kind,
        }
    }
}

impl fmt::Display for Node {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} {:04o} {}:{}", self.kind, self.mode, self.uid, self.gid)?;
        if let Some((size, sum)) = &self.content {
            write!(f, " {size} bytes {sum}")?;
        }
        if let Some(target) = &self.target {
            write!(f, " -> {}", printable(target))?;
        }
        self.device.as_ref().map_or(Ok(()), |device| write!(f, " device {device}"))
    }
}

fn device(number: u64) -> String {
    format!("{}:{}", rustix::fs::major(number), rustix::fs::minor(number))
}

/// A CRC-32 in hex digits, as reports write it.
fn crc32(content: &[u8]) -> String {
    format!("{:08x}", crc32fast::hash(content))
}

/// The bytes of a path in a report, where a byte that is no UTF-8 is the character U+10FF00 + byte.
fn bytes_of(text: &str) -> Vec<u8> {
    let mut bytes = Vec::new();
    for character in text.chars() {
        match u32::from(character).checked_sub(0x0010_ff00).and_then(|byte| u8::try_from(byte).ok()) {
            Some(byte) => bytes.push(byte),
            None => bytes.extend(character.encode_utf8(&mut [0; 4]).bytes()),
        }
    }
    bytes
}
