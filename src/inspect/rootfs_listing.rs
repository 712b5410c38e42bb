//! [`RootfsListing`]: the file system of an image with all layers applied, as data.

use std::{collections::BTreeMap, fmt::Write as _};

use serde::Serialize;

use super::entry_report::kind_name;
use crate::{
    image::StoredImage,
    report::{ErrorName, Failure, Limits, printable},
    rootfs::{
        EntryIndex, LayerScan, LayeredRootfs, LinkReading, ScanBudget, ScanDepth, TarEntry, TarEntryKind, parent,
    },
};

/// One path of the file system.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct RootfsEntry {
    /// Absolute. Foreign text; a byte that is no UTF-8 is the private character U+10FF00 plus its value.
    pub path: String,
    /// `file`, `directory`, `symlink`, `character-device`, `block-device` or `fifo`. A hard link is what it links to.
    #[serde(rename = "type")]
    pub kind: &'static str,
    /// Four octal digits.
    pub mode: String,
    /// Owner.
    pub uid: u64,
    /// Group.
    pub gid: u64,
    /// Bytes of a file's content.
    pub size: u64,
    /// Modification time in seconds since 1970; 0 where it is before that or no time. A directory that no layer has an
    /// entry for has none.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub mtime: Option<u64>,
    /// Extended attributes by name; the first bytes of each value as hexadecimal digits. Names are foreign text.
    #[serde(skip_serializing_if = "BTreeMap::is_empty")]
    pub xattrs: BTreeMap<String, String>,
    /// Of a symbolic link. Foreign text.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub target: Option<String>,
    /// Of a device, `major:minor`.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub device: Option<String>,
    /// The CRC-32 of a file's content: eight hexadecimal digits.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub crc32: Option<String>,
    /// The layer that it is from, counted from 0.
    pub layer: usize,
}

/// The file system of an image. Where layers write below a link of a lower layer, engines read it in two ways.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
#[serde(rename_all = "kebab-case")]
pub struct RootfsListing {
    /// Every path, in their order; links of lower layers are followed, as umoci and podman with vfs do.
    pub entries: Vec<RootfsEntry>,
    /// The same as engines on overlayfs have it, which put a folder where a lower layer has the link; only where that
    /// differs.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub links_replaced: Option<Vec<RootfsEntry>>,
    /// What engines disagree about, one sentence each.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub conflicts: Vec<String>,
}

/// Applies the layers of an image.
///
/// # Errors
/// A layer cannot be read to its end; the layers take too many steps or too much memory.
pub(super) fn list_rootfs(image: &StoredImage) -> Result<RootfsListing, Failure> {
    let mut room = ScanBudget::default();
    let mut scans = Vec::new();
    for stored in &image.layers {
        let scan = LayerScan::unpacked(stored.open_tar(), ScanDepth::Full, &mut room);
        if let Some((reason, _)) = &scan.fault {
            let digest = stored.descriptor.digest;
            let what = format!("cannot read the layer `{digest}`: {}", printable(reason));
            return Err(Failure::error(ErrorName::ImageInvalid, what));
        }
        scans.push(scan);
    }
    let scans: Vec<&LayerScan> = scans.iter().collect();
    let apply = |reading| {
        let too_many = || Failure::error(ErrorName::ImageTooLarge, "applying the layers takes too many steps");
        LayeredRootfs::of(&scans, reading).ok_or_else(too_many)
    };
    let followed = apply(LinkReading::Followed)?;
    let replaced = if followed.has_two_readings() { Some(apply(LinkReading::Replaced)?) } else { None };
    let conflicts = followed.conflicts().iter().filter_map(|(at, conflict)| {
        let entry = entry(&scans, *at)?;
        Some(conflict.sentence(&entry.path, entry.target().unwrap_or_default()))
    });
    Ok(RootfsListing {
        conflicts: conflicts.collect(),
        entries: listed(&scans, &followed)?,
        links_replaced: replaced.map(|replaced| listed(&scans, &replaced)).transpose()?,
    })
}

fn hex(bytes: &[u8]) -> String {
    bytes.iter().fold(String::new(), |mut text, byte| {
        let _ = write!(text, "{byte:02x}");
        text
    })
}

fn entry<'s>(scans: &[&'s LayerScan], at: EntryIndex) -> Option<&'s TarEntry> {
    scans.get(at.layer)?.entries.get(at.entry)
}

fn listed(scans: &[&LayerScan], rootfs: &LayeredRootfs) -> Result<Vec<RootfsEntry>, Failure> {
    let of_node = |(path, node): (&str, crate::rootfs::NodeEntries)| {
        let entry = entry(scans, node.inode)?;
        let is_file = entry.kind == TarEntryKind::File;
        Some(RootfsEntry {
            path: path.to_owned(),
            kind: kind_name(entry.kind),
            mode: format!("{:04o}", entry.mode),
            uid: entry.uid,
            gid: entry.gid,
            size: entry.size,
            mtime: Some(entry.mtime),
            xattrs: entry.xattrs().iter().map(|(name, value)| (name.clone(), hex(value))).collect(),
            target: entry.target().map(str::to_owned),
            device: entry.device().map(|(major, minor)| format!("{major}:{minor}")),
            crc32: is_file.then(|| format!("{:08x}", entry.checksum)),
            layer: node.at.layer,
        })
    };
    let mut listed: Vec<RootfsEntry> = rootfs.nodes().filter_map(of_node).collect();
    let implied = implied_directories(rootfs);
    let bytes: usize = implied.keys().map(|path| path.len() + size_of::<RootfsEntry>()).sum();
    if bytes > Limits::REPORT_BYTES {
        let most = Limits::REPORT_BYTES >> 20;
        let what = format!("the folders that no layer has an entry for take more than {most} MiB");
        return Err(Failure::error(ErrorName::ImageTooLarge, what));
    }
    let implied = implied.into_iter().map(|(path, layer)| RootfsEntry {
        path: path.to_owned(),
        kind: kind_name(TarEntryKind::Directory),
        mode: "0755".to_owned(),
        uid: 0,
        gid: 0,
        size: 0,
        mtime: None,
        xattrs: BTreeMap::new(),
        target: None,
        device: None,
        crc32: None,
        layer,
    });
    listed.extend(implied);
    listed.sort_by(|one, other| one.path.cmp(&other.path));
    Ok(listed)
}

/// The directories that no layer has an entry for and that every engine makes, with the layer that needs them first.
fn implied_directories(rootfs: &LayeredRootfs) -> BTreeMap<&str, usize> {
    let mut implied: BTreeMap<&str, usize> = BTreeMap::new();
    for (path, node) in rootfs.nodes().filter(|_| rootfs.orphans().number > 0) {
        let mut above = parent(path);
        while above != "/" && rootfs.get(above).is_none() {
            let layer = implied.entry(above).or_insert(node.at.layer);
            *layer = node.at.layer.min(*layer);
            above = parent(above);
        }
    }
    implied
}
