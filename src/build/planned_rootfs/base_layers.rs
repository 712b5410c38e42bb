//! Applies the layers of a base, with the audit's implementation, as the file system below the entries of a recipe.

use std::{collections::BTreeSet, io, sync::Arc};

use super::{FileBody, NodeKind, PlannedNode, PlannedRootfs, base_file::BaseFile};
use crate::{
    build::plan::GroupKind,
    oci::ImagePath,
    report::{Limits, Origin, printable},
    rootfs::{Flaw, LayerScan, LayeredRootfs, LinkReading, TarEntry, TarEntryKind, parent},
};

impl PlannedRootfs {
    /// The file system of a base with those layers, the lowest first.
    ///
    /// # Errors
    /// Layers that no engine would unpack, or that two would unpack differently; the index of the layer.
    pub(in crate::build) fn from_base(scans: &[Arc<LayerScan>], origin: &Origin) -> Result<Self, (usize, io::Error)> {
        for (layer, scan) in scans.iter().enumerate() {
            check(scan).map_err(|error| (layer, error))?;
        }
        let last = scans.len().saturating_sub(1);
        let borrowed: Vec<&LayerScan> = scans.iter().map(AsRef::as_ref).collect();
        let layered = LayeredRootfs::of(&borrowed, LinkReading::Followed)
            .ok_or_else(|| (last, io::Error::other("putting its layers on each other takes too many steps")))?;
        for (at, conflict) in layered.conflicts().iter().filter(|(_, conflict)| conflict.is_fatal()) {
            let Some(entry) = scans.get(at.layer).and_then(|scan| scan.entries.get(at.entry)) else { continue };
            let sentence = conflict.sentence(&entry.path, entry.target().unwrap_or_default());
            return Err((at.layer, io::Error::other(printable(&sentence).into_owned())));
        }
        let mut planned = Self { has_base: true, ..Self::default() };
        for (path, node) in layered.nodes().filter(|(path, _)| *path != "/") {
            let Some(scan) = scans.get(node.inode.layer) else { continue };
            let Some(entry) = scan.entries.get(node.inode.entry) else { continue };
            // Where links led it: that may be longer than the name in its layer.
            if path.len() > Limits::PATH_BYTES {
                let error = io::Error::other("the base has a path that is longer than Linux can open");
                return Err((node.at.layer, error));
            }
            planned.nodes.insert(ImagePath::foreign(path), base_node(scan, node.inode.entry, entry, origin));
        }
        planned.add_directories(origin).map_err(|error| (last, error))?;
        Ok(planned)
    }

    /// Adds the directories of the base that no layer has and that engines make.
    fn add_directories(&mut self, origin: &Origin) -> io::Result<()> {
        let mut missing = BTreeSet::new();
        for (path, _) in self.nodes.iter() {
            let mut above = parent(path.as_str());
            while above != "/" && self.nodes.get(above).is_none() && missing.insert(above) {
                above = parent(above);
            }
        }
        let bytes: usize = missing.iter().map(|path| path.len()).sum();
        if self.nodes.len() + missing.len() > Limits::ENTRIES || bytes > Limits::AUDIT_BYTES {
            return Err(io::Error::other(format!("the base has more than {} entries", Limits::ENTRIES)));
        }
        let missing: Vec<ImagePath> = missing.into_iter().map(ImagePath::foreign).collect();
        for path in missing {
            self.nodes.insert(path, PlannedNode::directory(GroupKind::Base, origin));
        }
        Ok(())
    }
}

/// Refuses a layer that was not read to its end, or that readers take differently.
fn check(scan: &LayerScan) -> io::Result<()> {
    let refused = |entry: usize, why: &str| {
        let path = scan.entries.get(entry).map(|entry| entry.path.as_str()).unwrap_or_default();
        let path: String = path.chars().take(200).collect();
        Err(io::Error::other(format!("`{}`: {why}, and readers would disagree", printable(&path))))
    };
    if let Some((reason, _)) = &scan.fault {
        return Err(io::Error::other(reason.clone()));
    }
    for (entry, flaw) in &scan.flaws {
        match flaw {
            Flaw::Ambiguous(why) => return refused(*entry, why),
            Flaw::Nul => return refused(*entry, "a name of it holds a NUL"),
            Flaw::DotDot(true) => return refused(*entry, "its name leads out of the image"),
            Flaw::DotDot(false) => return refused(*entry, "its name has `..`"),
            Flaw::Trailing => return refused(*entry, "something follows the end of the tar"),
            Flaw::Absolute | Flaw::ProcessId => {}
        }
    }
    Ok(())
}

/// The planned node of an entry of a base.
fn base_node(scan: &Arc<LayerScan>, index: usize, entry: &TarEntry, origin: &Origin) -> PlannedNode {
    let kind = match entry.kind {
        TarEntryKind::Directory => NodeKind::Directory,
        TarEntryKind::Symlink => NodeKind::Symlink(entry.target().unwrap_or_default().into()),
        TarEntryKind::File => {
            let content = scan.contents.contains_key(&index).then(|| (Arc::clone(scan), index));
            NodeKind::File(FileBody::Base(Arc::new(BaseFile { size: entry.size, content })))
        }
        TarEntryKind::HardLink
        | TarEntryKind::CharDevice
        | TarEntryKind::BlockDevice
        | TarEntryKind::Fifo
        | TarEntryKind::Other => NodeKind::Special,
    };
    let id = |id: u64| u32::try_from(id).unwrap_or(u32::MAX);
    let plain = PlannedNode::directory(GroupKind::Base, origin);
    PlannedNode { kind, mode: entry.mode, uid: id(entry.uid), gid: id(entry.gid), ..plain }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]

    use tar::EntryType;

    use super::*;
    use crate::{
        elf::NotElf,
        report::SourceText,
        rootfs::{ScanBudget, ScanDepth},
    };

    const FILE: EntryType = EntryType::Regular;
    const LINK: EntryType = EntryType::Symlink;
    const FOLDER: EntryType = EntryType::Directory;

    /// A tar of these entries: type, path as it is in the header, and target or content.
    fn tar(entries: &[(EntryType, &str, &str)]) -> Vec<u8> {
        let mut builder = tar::Builder::new(Vec::new());
        for (kind, path, text) in entries {
            let mut header = tar::Header::new_ustar();
            header.set_entry_type(*kind);
            header.set_mode(0o640);
            header.set_mtime(0);
            header.set_uid(5);
            header.set_gid(6);
            header.as_old_mut().name.get_mut(..path.len()).unwrap().copy_from_slice(path.as_bytes());
            let is_link = matches!(kind, EntryType::Symlink | EntryType::Link);
            if is_link {
                header.set_link_name(text).unwrap();
            }
            let content = if is_link { &b""[..] } else { text.as_bytes() };
            header.set_size(content.len() as u64);
            header.set_cksum();
            builder.append(&header, content).unwrap();
        }
        builder.into_inner().unwrap()
    }

    fn base(layers: &[Vec<u8>]) -> Result<PlannedRootfs, String> {
        let scan = |tar: &Vec<u8>| LayerScan::of(tar.as_slice(), ScanDepth::Structure, &mut ScanBudget::default());
        let scans: Vec<_> = layers.iter().map(|tar| Arc::new(scan(tar))).collect();
        let origin = Origin::new(&Arc::new(SourceText { path: "x.toml".into(), text: String::new() }), 0..0);
        PlannedRootfs::from_base(&scans, &origin).map_err(|(layer, error)| format!("{layer}: {error}"))
    }

    #[test]
    fn a_base_is_what_its_layers_leave_with_the_directories_that_engines_make() {
        let lower = tar(&[(FILE, "a/b/x", "1"), (FILE, "gone", ""), (LINK, "l", "a"), (EntryType::Fifo, "p", "")]);
        let rootfs = base(&[lower, tar(&[(EntryType::Link, "h", "a/b/x"), (FILE, ".wh.gone", "")])]).unwrap();
        let shown = |(path, node): (&ImagePath, &PlannedNode)| {
            let kind = match &node.kind {
                NodeKind::Directory => "folder".to_owned(),
                NodeKind::File(body) => format!("file of {}", body.size()),
                NodeKind::Symlink(target) => format!("link to {target}"),
                NodeKind::Special => "special".to_owned(),
            };
            format!("{path} {kind} {:o} {}:{}", node.mode, node.uid, node.gid)
        };
        let expected = [
            "/a folder 755 0:0",
            "/a/b folder 755 0:0",
            "/a/b/x file of 1 640 5:6",
            "/h file of 1 640 5:6",
            "/l link to a 640 5:6",
            "/p special 640 5:6",
        ];
        assert_eq!(rootfs.iter().map(shown).collect::<Vec<_>>(), expected);
    }

    #[test]
    fn the_text_of_a_file_is_that_of_its_inode_and_all_of_it() {
        let long = "x".repeat(Limits::AUDIT_KEPT_BYTES + 1);
        let layer = tar(&[
            (FILE, "etc/passwd", "root"),
            (EntryType::Link, "etc/other", "etc/passwd"),
            (FILE, "etc/group", &long),
            (FILE, "empty", ""),
            (FILE, "bin/sh", "#!/bin/x\n"),
        ]);
        let rootfs = base(&[layer]).unwrap();
        let body = |path: &str| rootfs.file_at(path).unwrap().2;
        assert_eq!(body("/etc/passwd").read_small().as_deref(), Some(&b"root"[..]));
        assert_eq!(body("/etc/other").read_small().as_deref(), Some(&b"root"[..]));
        assert_eq!(body("/etc/group").read_small(), None);
        assert_eq!(body("/empty").read_small().as_deref(), Some(&b""[..]));
        assert_eq!(body("/empty").elf().unwrap(), Err(NotElf::Empty));
        assert_eq!(body("/etc/passwd").elf().unwrap(), Err(NotElf::Other));
        assert_eq!(body("/bin/sh").elf().unwrap(), Err(NotElf::Script("/bin/x".to_owned())));
    }

    /// A tar of one file, with an extended header.
    fn pax(key: &str, value: &str) -> Vec<u8> {
        let mut length = key.len() + value.len() + 3;
        length += (length + length.to_string().len()).to_string().len();
        let record = format!("{length} {key}={value}\n");
        tar(&[(EntryType::XHeader, "pax", &record), (FILE, "x", "")])
    }

    #[test]
    fn a_path_is_as_long_as_linux_can_open_where_links_lead_it_too() {
        let name = "a".repeat(99);
        let nested = format!("l/{}", vec![name.as_str(); 40].join("/"));
        let short = base(&[tar(&[(LINK, "l", "d")]), pax("path", &nested)]);
        assert!(short.is_ok_and(|rootfs| rootfs.iter().any(|(path, _)| path.as_str().len() == nested.len() + 1)));
        let long = base(&[tar(&[(LINK, "l", &name)]), pax("path", &nested)]);
        assert_eq!(long.err().as_deref(), Some("1: the base has a path that is longer than Linux can open"));
    }

    #[test]
    fn layers_that_readers_take_differently_are_refused_with_the_layer() {
        let good = || tar(&[(FOLDER, "d/", ""), (FILE, "/absolute", "")]);
        let refused = |bytes: Vec<u8>| base(&[good(), bytes]).err().unwrap_or_default();
        let behind = |more: &[u8]| [good().as_slice(), more].concat();
        let name = "a".repeat(99);
        let nested = format!("{}/x", vec![name.as_str(); 50].join("/"));
        for (bytes, says) in [
            (good(), ""),
            (tar(&[(FILE, "../x", "")]), "its name leads out of the image"),
            (tar(&[(FILE, "d/../x", "")]), "its name has `..`"),
            (pax("path", "x\0y"), "a name of it holds a NUL"),
            (behind(&good()), "there are entries behind its end"),
            (behind(&[b'x'; 600]), "something follows the end of the tar"),
            (good().get(..700).unwrap().to_vec(), "1: "),
            (pax("path", &nested), "longer than Linux can open"),
            (tar(&[(FILE, ".wh.", "")]), "it names nothing"),
            (tar(&[(FILE, "d", ""), (FILE, "d/x", "")]), "which is not a folder"),
        ] {
            let found = refused(bytes);
            assert!(found.contains(says) && found.is_empty() == says.is_empty(), "{found} is not {says}");
            assert!(found.is_empty() || found.starts_with("1: "), "{found}");
        }
    }
}
