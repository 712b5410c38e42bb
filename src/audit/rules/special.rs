//! PERM008 to PERM010: file capabilities, device files and extended attributes of the host.

use super::{
    super::{image_view::ImageView, rule_notes::RuleNotes},
    group::{Groups, count},
    rule_check::RuleCheck,
};
use crate::report::{Rule, Severity};
use crate::rootfs::{EntryIndex, TarEntryKind};

pub(super) const CHECK: RuleCheck = RuleCheck {
    rules: &[Rule::FileCapabilities, Rule::SpecialFile, Rule::HostXattrs],
    files: true,
    run: check_special_files,
};

/// The one capability that Pod Security's restricted profile allows (`CAP_NET_BIND_SERVICE`).
const NET_BIND_SERVICE: u64 = 1 << 10;

fn check_special_files(view: &ImageView<'_>, notes: &mut RuleNotes) {
    let mut attributes = Groups::new(Rule::HostXattrs);
    for (at, entry) in view.entries() {
        for xattr in entry.xattrs() {
            let (name, value) = xattr;
            let of_host = matches!(name.as_str(), "security.selinux" | "security.ima" | "security.evm")
                || name.starts_with("trusted.")
                || name.starts_with("user.overlay.")
                || name.starts_with("system.");
            if of_host {
                // Engines on overlayfs take its attributes for whiteouts and renames, and other engines do not. Those of
                // the system are access lists, which let users write where the mode does not.
                let is_high = name.contains(".overlay.") || name.starts_with("system.");
                let severity = if is_high { Severity::High } else { Severity::Medium };
                attributes.add(severity, name.clone(), || view.place(at));
            }
            if name == "security.capability" && view.rootfs.seen_as(at).is_some() && !repeats_file(view, at, xattr) {
                let severity = match capabilities(value) {
                    Some(NET_BIND_SERVICE) => Severity::Medium,
                    Some(0) => continue,
                    _ => Severity::High,
                };
                let what = capabilities(value).map_or("that cannot be read".to_owned(), |bits| format!("{bits:#x}"));
                let message = format!("`{}` has the file capabilities {what}", entry.path);
                notes.weigh(Rule::FileCapabilities, severity, view.place(at), message);
            }
        }
        let path = &entry.path;
        let (severity, message) = match entry.kind {
            TarEntryKind::CharDevice | TarEntryKind::BlockDevice => (Severity::High, format!("`{path}` is a device")),
            TarEntryKind::Fifo => (Severity::Low, format!("`{path}` is a fifo")),
            _ => continue,
        };
        notes.weigh(Rule::SpecialFile, severity, view.place(at), message);
    }
    attributes
        .report(notes, |name, number| format!("{} the attribute `{name}`", count(number, "entry has", "entries have")));
}

/// Whether the entry is a hard link whose header says the same of its file as the file's own, as Docker writes it. Where it
/// does not, most engines give the file what the link says.
fn repeats_file(view: &ImageView<'_>, at: EntryIndex, xattr: &(String, Vec<u8>)) -> bool {
    let Some(link) = view.entry(at).filter(|link| link.kind == TarEntryKind::HardLink) else { return false };
    let node = view.rootfs.get(&link.path).filter(|node| node.at == at);
    node.and_then(|node| view.entry(node.inode)).is_some_and(|file| file.xattrs().contains(xattr))
}

/// The permitted capabilities of `struct vfs_cap_data` (versions 1 to 3), as bits.
fn capabilities(value: &[u8]) -> Option<u64> {
    let word = |at: usize| value.get(at..at + 4)?.try_into().ok().map(u32::from_le_bytes);
    match word(0)? >> 24 {
        1 => Some(u64::from(word(4)?)),
        2 | 3 => Some(u64::from(word(4)?) | u64::from(word(12)?) << 32),
        _ => None,
    }
}

#[cfg(test)]
mod tests {
    use super::super::super::sample_image::{SampleFile, SampleImage, elf, found, has};
    use super::*;

    fn capable(bits: u32) -> SampleFile {
        let mut value = vec![1, 0, 0, 2];
        value.extend(bits.to_le_bytes());
        value.extend([0; 12]);
        SampleFile::new("bin/ping", &elf()).mode(0o755).xattr("security.capability", &value)
    }

    #[test]
    fn capabilities_are_read_and_the_allowed_one_weighs_less() {
        let severity = |file| {
            let audit = SampleImage::new().layer([file]).audit();
            found(&audit, Rule::FileCapabilities).first().map(|one| one.severity)
        };
        assert_eq!(severity(capable(1 << 13)), Some(Severity::High));
        assert_eq!(severity(capable(1 << 10)), Some(Severity::Medium));
        assert_eq!(severity(capable(0)), None);
        assert_eq!(severity(SampleFile::new("a", &elf()).xattr("security.capability", b"x")), Some(Severity::High));
        // libarchive's spelling, of NET_BIND_SERVICE alone.
        let packed =
            SampleFile::new("a", &elf()).pax("LIBARCHIVE.xattr.security.capability", b"AQAAAgAEAAAAAAAAAAAAAAAAAAA");
        assert_eq!(severity(packed), Some(Severity::Medium));
    }

    /// Engines set them on the file, whose own entry has none.
    #[test]
    fn capabilities_in_the_header_of_a_hard_link_are_ambiguous_unless_the_file_has_them() {
        let program = || SampleFile::new("bin/ping", &elf()).mode(0o755);
        let link = || SampleFile::hard_link("bin/other", "bin/ping").mode(0o755);
        let severities = |files: [SampleFile; 2]| {
            let audit = SampleImage::new().layer(files).audit();
            let first = |rule| found(&audit, rule).first().map(|one| one.severity);
            assert!(found(&audit, Rule::FileCapabilities).len() <= 2);
            (first(Rule::AmbiguousTar), first(Rule::FileCapabilities))
        };
        let with = |file: SampleFile, name: &str, value: &[u8]| file.xattr(name, value);
        let capability = b"\x01\0\0\x02\0\x04\0\0\0\0\0\0\0\0\0\0\0\0\0\0";
        let other = b"\x01\0\0\x02\0\0\x20\0\0\0\0\0\0\0\0\0\0\0\0\0";
        let name = "security.capability";
        let (high, medium) = (Some(Severity::High), Some(Severity::Medium));
        assert_eq!(severities([program(), link()]), (None, None));
        assert_eq!(severities([program(), with(link(), name, capability)]), (high, medium));
        assert_eq!(severities([program(), with(link(), name, other)]), (high, high));
        assert_eq!(severities([with(program(), name, capability), with(link(), name, other)]), (high, high));
        assert_eq!(severities([program(), with(link(), "user.any", b"1")]), (high, None));
        // As Docker writes it, and as GNU tar does.
        assert_eq!(severities([with(program(), name, capability), with(link(), name, capability)]), (None, medium));
        assert_eq!(severities([with(program(), name, capability), link()]), (None, medium));
    }

    #[test]
    fn special_files_and_attributes_of_the_host_are_found() {
        let rules = |file: SampleFile| has(&SampleImage::new().layer([file]).audit(), CHECK.rules);
        assert_eq!(rules(SampleFile::device("dev/sda", 8, 0)), [Rule::SpecialFile]);
        assert_eq!(rules(SampleFile::fifo("run/pipe")), [Rule::SpecialFile]);
        assert_eq!(rules(SampleFile::text("a", "x").xattr("security.selinux", b"label")), [Rule::HostXattrs]);
        assert_eq!(rules(SampleFile::text("a", "x").xattr("user.mime", b"text")), []);
        // Engines on overlayfs see less because of these, and other engines do not.
        for (file, rule) in [
            (SampleFile::device("dev/gone", 0, 0), Rule::AmbiguousTar),
            (SampleFile::folder("a").xattr("trusted.overlay.opaque", b"y"), Rule::HostXattrs),
            (SampleFile::folder("a").xattr("user.overlay.opaque", b"y"), Rule::HostXattrs),
            (SampleFile::text("a", "x").xattr("system.posix_acl_access", b"\x02\0\0\0"), Rule::HostXattrs),
            (SampleFile::folder("a").xattr("system.posix_acl_default", b"\x02\0\0\0"), Rule::HostXattrs),
            (SampleFile::text("a", "x").xattr("system.nfs4_acl", b"x"), Rule::HostXattrs),
        ] {
            let audit = SampleImage::new().layer([file]).audit();
            assert_eq!(found(&audit, rule).first().map(|one| one.severity), Some(Severity::High));
        }
    }
}
