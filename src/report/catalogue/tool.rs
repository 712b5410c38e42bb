//! TOOL001 to TOOL012: programs and files that an image of one service does not need.

use super::RuleFacts;
use crate::report::Severity;

pub(in crate::report) const SHELL: RuleFacts = RuleFacts {
    code: "TOOL001",
    name: "shell",
    title: "a shell is in the image",
    severity: Severity::High,
    rationale: "After a break-in a shell turns one bug into a workshop; a service that is one binary never needs it. \
                Shells are known by their names, by `/etc/shells` and by texts in their bytes. A determined author can \
                still hide one: packed or encrypted until it runs, with its texts overwritten, in a format that only \
                its own loader reads, or as an interpreter inside of the service.",
    remediation: "Build on `scratch`, copy the program and nothing else, and write the entrypoint as an array.",
    sources: &["CIS 4.3", "NIST 4.1.2", "Docker Hardened Images", "Dockerfile best practices"],
};

pub(in crate::report) const MULTI_CALL_BINARY: RuleFacts = RuleFacts {
    code: "TOOL002",
    name: "multi-call-binary",
    title: "a busybox or toybox is in the image",
    severity: Severity::High,
    rationale: "One file holds a shell, a downloader and a hundred more tools, also when it has another name.",
    remediation: "Build on `scratch` or on a base without it.",
    sources: &["CIS 4.3", "NIST 4.1.2", "Dockerfile best practices"],
};

pub(in crate::report) const PACKAGE_MANAGER: RuleFacts = RuleFacts {
    code: "TOOL003",
    name: "package-manager",
    title: "a package manager is in the image",
    severity: Severity::High,
    rationale: "It installs whatever an intruder wants, and shows that the image is a system and not a service.",
    remediation: "Install in a build stage and copy only what runs.",
    sources: &["CIS 4.3", "NIST 4.1.2", "DKL-DI-0004", "Docker Hardened Images"],
};

pub(in crate::report) const DOWNLOAD_TOOL: RuleFacts = RuleFacts {
    code: "TOOL004",
    name: "download-tool",
    title: "a download or network tool is in the image",
    severity: Severity::Medium,
    rationale: "The second step of most break-ins is to fetch a program; without a tool that step is work.",
    remediation: "Leave it out; declare files from the network with a digest when building.",
    sources: &["CIS 4.3", "NIST 4.1.2", "DL4001", "DS-0014", "Docker Hardened Images", "Dockerfile best practices"],
};

pub(in crate::report) const COMPILER: RuleFacts = RuleFacts {
    code: "TOOL005",
    name: "compiler",
    title: "a compiler or what a build left behind is in the image",
    severity: Severity::Medium,
    rationale: "Compilers, headers and objects make the image large, bring vulnerabilities and let an intruder build \
                tools in place.",
    remediation: "Compile in a build stage, and copy the program alone.",
    sources: &["CIS 4.3", "NIST 4.1.2", "Dockerfile security tuneup", "Dockerfile best practices"],
};

pub(in crate::report) const PRIVILEGE_TOOL: RuleFacts = RuleFacts {
    code: "TOOL006",
    name: "privilege-tool",
    title: "a tool that changes users is in the image",
    severity: Severity::High,
    rationale: "Its only purpose is to change the user, mostly to root.",
    remediation: "Remove it; let the runtime set the user.",
    sources: &["CIS 4.3", "NIST 4.1.2", "PSS allowPrivilegeEscalation", "DKL-DI-0001", "DL3004", "DS-0010"],
};

pub(in crate::report) const DEBUG_TOOL: RuleFacts = RuleFacts {
    code: "TOOL007",
    name: "debug-tool",
    title: "a debugger or reconnaissance tool is in the image",
    severity: Severity::Medium,
    rationale: "It looks into other processes, the network or the host, which is what an intruder wants next.",
    remediation: "Leave it out; debug with an ephemeral container.",
    sources: &["CIS 4.3", "NIST 4.1.2", "DL3001", "Docker Hardened Images"],
};

pub(in crate::report) const UNUSED_INTERPRETER: RuleFacts = RuleFacts {
    code: "TOOL008",
    name: "unused-interpreter",
    title: "an interpreter that the entrypoint does not use is in the image",
    severity: Severity::Low,
    rationale: "An interpreter is a shell by another name.",
    remediation: "Leave it out, unless it runs the service.",
    sources: &["CIS 4.3", "NIST 4.1.2"],
};

pub(in crate::report) const LEFTOVERS: RuleFacts = RuleFacts {
    code: "TOOL009",
    name: "leftovers",
    title: "caches, logs, version control or build files are in the image",
    severity: Severity::Low,
    rationale: "They make the image large and tell how and where it was built; a `.git` folder holds the whole \
                history.",
    remediation: "Copy only what is needed, by name.",
    sources: &[
        "CIS 4.3",
        "NIST 4.1.2",
        "DKL-LI-0003",
        "DKL-DI-0005",
        "DS-0015",
        "DS-0019",
        "DS-0020",
        "DS-0025",
        "Dockerfile best practices",
    ],
};

pub(in crate::report) const DATABASE_DUMP: RuleFacts = RuleFacts {
    code: "TOOL010",
    name: "database-dump",
    title: "the dump of a database is in the image",
    severity: Severity::Medium,
    rationale: "A dump holds the rows of a database, mostly of real people, and everybody who can pull the image has a copy.",
    remediation: "Leave it out; let the service load data when it starts, from where access is controlled.",
    sources: &["CIS 4.3", "NIST 4.1.4"],
};

pub(in crate::report) const MEMORY_DUMP: RuleFacts = RuleFacts {
    code: "TOOL011",
    name: "memory-dump",
    title: "the memory of a process or an editor is in the image",
    severity: Severity::Medium,
    rationale: "A core file or a swap file holds what a program had in memory: keys, passwords, the text that was edited.",
    remediation: "Remove it in the step that makes it, or copy by name what belongs into the image.",
    sources: &["CIS 4.10", "NIST 4.1.4"],
};

pub(in crate::report) const END_OF_LIFE: RuleFacts = RuleFacts {
    code: "TOOL012",
    name: "end-of-life",
    title: "a distribution or a language in the image gets no more fixes",
    severity: Severity::High,
    rationale: "Its makers have ended their support: what is found in it from then on stays open. The dates are in hardpan, as its makers announced them; a release that is not among them is not judged.",
    remediation: "Build on a release that is supported.",
    sources: &["CIS 4.4", "NIST 4.1.1"],
};
