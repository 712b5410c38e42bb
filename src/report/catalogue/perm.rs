//! PERM001 to PERM011: ownership, modes and special files.

use super::RuleFacts;
use crate::report::Severity;

pub(in crate::report) const SETUID: RuleFacts = RuleFacts {
    code: "PERM001",
    name: "setuid",
    title: "a file is setuid or setgid",
    severity: Severity::High,
    rationale: "Whoever starts it runs as its owner or group; it is the classic way from a service's user to root.",
    remediation: "Clear the bits: `chmod a-s`.",
    sources: &["CIS 4.8", "NIST 4.1.2", "PSS allowPrivilegeEscalation", "CIS-DI-0008"],
};

pub(in crate::report) const WORLD_WRITABLE: RuleFacts = RuleFacts {
    code: "PERM002",
    name: "world-writable",
    title: "it is world-writable",
    severity: Severity::High,
    rationale: "Any process of the container can change it, and what another one then reads or runs.",
    remediation: "Set mode 0444 or 0555 for files and 0755 for folders; a shared folder needs the sticky bit.",
    sources: &["NIST 4.1.2", "Dockerfile best practices", "CVE-2025-53945"],
};

pub(in crate::report) const WRITABLE_CODE: RuleFacts = RuleFacts {
    code: "PERM003",
    name: "writable-code",
    title: "the run user can change the program",
    severity: Severity::High,
    rationale: "A process that can rewrite what it runs turns a write bug into running code that stays.",
    remediation: "Let root own programs, scripts and libraries, with modes 0555 or 0444.",
    sources: &["NIST 4.1.2", "Dockerfile best practices", "Dockerfile security tuneup"],
};

pub(in crate::report) const REPLACEABLE_CODE: RuleFacts = RuleFacts {
    code: "PERM004",
    name: "replaceable-code",
    title: "the run user can replace the program",
    severity: Severity::High,
    rationale: "Whoever can write to a folder can rename what is in it and put something else there, whatever the \
                file's own mode is.",
    remediation: "Let root own every folder above programs, libraries and configuration.",
    sources: &["NIST 4.1.2", "Dockerfile best practices"],
};

pub(in crate::report) const RUN_USER_OWNED: RuleFacts = RuleFacts {
    code: "PERM005",
    name: "run-user-owned",
    title: "a file belongs to the run user",
    severity: Severity::Low,
    rationale: "An owner may change modes and contents; only folders that are meant to be written need that.",
    remediation: "Let root own it, or declare the folder as a volume.",
    sources: &["NIST 4.1.2", "Dockerfile best practices"],
};

pub(in crate::report) const FOREIGN_OWNER: RuleFacts = RuleFacts {
    code: "PERM006",
    name: "foreign-owner",
    title: "a file belongs to neither root nor the run user",
    severity: Severity::Low,
    rationale: "Mostly the uid of the user who built the image; on another machine it is another user's.",
    remediation: "Let root own it: `COPY --chown=0:0`.",
    sources: &["NIST 4.1.2"],
};

pub(in crate::report) const ENTRYPOINT_NOT_EXECUTABLE: RuleFacts = RuleFacts {
    code: "PERM007",
    name: "entrypoint-not-executable",
    title: "the run user cannot execute the entrypoint",
    severity: Severity::High,
    rationale: "The container does not start.",
    remediation: "Set mode 0555 on the file and 0755 on the folders above it.",
    sources: &[],
};

pub(in crate::report) const FILE_CAPABILITIES: RuleFacts = RuleFacts {
    code: "PERM008",
    name: "file-capabilities",
    title: "a file has capabilities",
    severity: Severity::High,
    rationale: "Like setuid, in smaller portions: any user who starts the file gains them. Pod Security's \
                restricted profile allows only `NET_BIND_SERVICE`.",
    remediation: "Remove the attribute: `setcap -r`. Let the runtime grant what is needed.",
    sources: &["CIS 4.8", "NIST 4.1.2", "PSS capabilities", "PSS allowPrivilegeEscalation"],
};

pub(in crate::report) const SPECIAL_FILE: RuleFacts = RuleFacts {
    code: "PERM009",
    name: "special-file",
    title: "a device, fifo or socket is in a layer",
    severity: Severity::High,
    rationale: "A device node reaches the host's hardware if the runtime lets it; none belongs into an image.",
    remediation: "Leave it out; runtimes make the devices that a container needs.",
    sources: &["NIST 4.1.2", "image-spec layer.md"],
};

pub(in crate::report) const HOST_XATTRS: RuleFacts = RuleFacts {
    code: "PERM010",
    name: "host-xattrs",
    title: "extended attributes of the build host are in a layer",
    severity: Severity::Medium,
    rationale: "Labels of SELinux, IMA signatures and overlayfs marks mean something on the machine that made them, \
                and something else or a fault elsewhere.",
    remediation: "Build layers without `security.selinux`, `security.ima` and `trusted.*` attributes.",
    sources: &["NIST 4.1.2"],
};

pub(in crate::report) const LOADER_HIJACK: RuleFacts = RuleFacts {
    code: "PERM011",
    name: "loader-hijack",
    title: "the loader or the search path can be hijacked",
    severity: Severity::High,
    rationale: "Whoever can write where programs, libraries or code of an interpreter are searched decides what runs.",
    remediation: "Remove `LD_PRELOAD` and the like; keep the folders of `PATH`, `PYTHONPATH` and their kind absolute \
                  and owned by root.",
    sources: &["NIST 4.1.2"],
};
