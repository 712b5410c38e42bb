//! TAR001 to TAR011: layers and manifests that readers could understand in several ways.

use super::RuleFacts;
use crate::report::Severity;

pub(in crate::report) const PATH_ESCAPE: RuleFacts = RuleFacts {
    code: "TAR001",
    name: "path-escape",
    title: "an entry leaves the root",
    severity: Severity::Critical,
    rationale: "An unpacker that trusts the name writes to the host's files.",
    remediation: "Do not use the image; rebuild it with a sound tool.",
    sources: &["NIST 4.1.3", "CVE-2018-1002207", "CVE-2026-28406", "CVE-2026-25121"],
};

pub(in crate::report) const HARD_LINK_ESCAPE: RuleFacts = RuleFacts {
    code: "TAR002",
    name: "hard-link-escape",
    title: "a hard link points outside or at nothing before it",
    severity: Severity::High,
    rationale: "A link to what the layer does not hold lets an unpacker share or change files of the host or of \
                other images.",
    remediation: "Rebuild the layer with a sound tool.",
    sources: &["NIST 4.1.3", "CVE-2026-50163", "image-spec layer.md"],
};

pub(in crate::report) const SYMLINK_PARENT: RuleFacts = RuleFacts {
    code: "TAR003",
    name: "symlink-parent",
    title: "an entry is written through a symbolic link",
    severity: Severity::High,
    rationale: "Where the entry lands depends on what the unpacker does with the link; some have written outside.",
    remediation: "Rebuild the layer so that the folders above an entry are folders.",
    sources: &["NIST 4.1.3", "RUSTSEC-2018-0002", "RUSTSEC-2021-0080", "CVE-2021-29136", "CVE-2026-50162"],
};

pub(in crate::report) const SYMLINK_ESCAPE: RuleFacts = RuleFacts {
    code: "TAR004",
    name: "symlink-escape",
    title: "a symbolic link points above the root or at the host",
    severity: Severity::Medium,
    rationale: "In the container it leads to the kernel's files or a socket; a tool that unpacks without care \
                follows it out.",
    remediation: "Make the target a path inside of the image.",
    sources: &["NIST 4.1.3"],
};

pub(in crate::report) const DUPLICATE_PATH: RuleFacts = RuleFacts {
    code: "TAR005",
    name: "duplicate-path",
    title: "a layer has one path twice",
    severity: Severity::Medium,
    rationale: "The specification forbids it, and readers differ in which of the two they take: what is scanned is \
                not what runs.",
    remediation: "Rebuild the layer with each path once.",
    sources: &["NIST 4.1.3", "image-spec layer.md"],
};

pub(in crate::report) const INVALID_WHITEOUT: RuleFacts = RuleFacts {
    code: "TAR006",
    name: "invalid-whiteout",
    title: "a whiteout is invalid",
    severity: Severity::High,
    rationale: "A deletion of the root, of `..`, through a link, or of what the same layer brings is taken differently \
                by every runtime: some have the file, and others do not.",
    remediation: "Rebuild the layer with a sound tool.",
    sources: &["NIST 4.1.3", "image-spec layer.md"],
};

pub(in crate::report) const AMBIGUOUS_TAR: RuleFacts = RuleFacts {
    code: "TAR007",
    name: "ambiguous-tar",
    title: "a tar can be read in two ways",
    severity: Severity::High,
    rationale: "A scanner that sees other files than the runtime extracts is no scanner.",
    remediation: "Rebuild the layer as a plain ustar or pax archive.",
    sources: &["NIST 4.1.3", "RUSTSEC-2025-0110", "RUSTSEC-2025-0111", "RUSTSEC-2026-0066"],
};

pub(in crate::report) const DIGEST_MISMATCH: RuleFacts = RuleFacts {
    code: "TAR008",
    name: "digest-mismatch",
    title: "bytes are not what their name says",
    severity: Severity::Critical,
    rationale: "The content was changed or damaged after it was named.",
    remediation: "Do not use the image; fetch it again from a source you trust.",
    sources: &["CIS 4.12", "NIST 4.1.5"],
};

pub(in crate::report) const AMBIGUOUS_MANIFEST: RuleFacts = RuleFacts {
    code: "TAR009",
    name: "ambiguous-manifest",
    title: "a manifest can be read in two ways",
    severity: Severity::High,
    rationale: "Two tools that read one document differently can be shown two different images under one digest.",
    remediation: "Push the image again with a current tool.",
    sources: &["NIST 4.1.5", "CVE-2021-41190", "GO-2022-0360", "GO-2022-0379"],
};

pub(in crate::report) const FOREIGN_LAYER: RuleFacts = RuleFacts {
    code: "TAR010",
    name: "foreign-layer",
    title: "a layer is stored elsewhere",
    severity: Severity::Medium,
    rationale: "A descriptor with `urls` makes clients fetch from hosts that the maker of the image chose.",
    remediation: "Push the layer to the registry like the others.",
    sources: &["NIST 4.1.5", "image-spec descriptor.md"],
};

pub(in crate::report) const RESOURCE_BOMB: RuleFacts = RuleFacts {
    code: "TAR011",
    name: "resource-bomb",
    title: "a layer is a decompression bomb, or exceeds a limit",
    severity: Severity::Critical,
    rationale: "A small blob that unpacks without end fills the disk or the memory of the machine that pulls it.",
    remediation: "Do not use the image.",
    sources: &["NIST 4.1.3", "CVE-2023-25153", "CVE-2024-29902", "CVE-2026-25122"],
};
