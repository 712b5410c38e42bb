//! TOOL001 to TOOL009: programs and files that an image of one service does not need.

use super::RuleFacts;
use crate::report::Severity;

pub(in crate::report) const SHELL: RuleFacts = RuleFacts {
    code: "TOOL001",
    name: "shell",
    title: "a shell is in the image",
    severity: Severity::High,
    rationale: "After a break-in a shell turns one bug into a workshop; a service that is one binary never needs it.",
    remediation: "Build on `scratch`, copy the program and nothing else, and write the entrypoint as an array.",
    sources: &["CIS 4.3", "Docker Hardened Images", "Dockerfile best practices"],
};

pub(in crate::report) const MULTI_CALL_BINARY: RuleFacts = RuleFacts {
    code: "TOOL002",
    name: "multi-call-binary",
    title: "a busybox or toybox is in the image",
    severity: Severity::High,
    rationale: "One file holds a shell, a downloader and a hundred more tools, also when it has another name.",
    remediation: "Build on `scratch` or on a base without it.",
    sources: &["CIS 4.3", "Dockerfile best practices"],
};

pub(in crate::report) const PACKAGE_MANAGER: RuleFacts = RuleFacts {
    code: "TOOL003",
    name: "package-manager",
    title: "a package manager is in the image",
    severity: Severity::High,
    rationale: "It installs whatever an intruder wants, and shows that the image is a system and not a service.",
    remediation: "Install in a build stage and copy only what runs.",
    sources: &["CIS 4.3", "DKL-DI-0004", "Docker Hardened Images"],
};

pub(in crate::report) const DOWNLOAD_TOOL: RuleFacts = RuleFacts {
    code: "TOOL004",
    name: "download-tool",
    title: "a download or network tool is in the image",
    severity: Severity::Medium,
    rationale: "The second step of most break-ins is to fetch a program; without a tool that step is work.",
    remediation: "Leave it out; declare files from the network with a digest when building.",
    sources: &["DL4001", "DS-0014", "Docker Hardened Images", "Dockerfile best practices"],
};

pub(in crate::report) const COMPILER: RuleFacts = RuleFacts {
    code: "TOOL005",
    name: "compiler",
    title: "a compiler or what a build left behind is in the image",
    severity: Severity::Medium,
    rationale: "Compilers, headers and objects make the image large, bring vulnerabilities and let an intruder build \
                tools in place.",
    remediation: "Compile in a build stage, and copy the program alone.",
    sources: &["CIS 4.3", "Dockerfile security tuneup", "Dockerfile best practices"],
};

pub(in crate::report) const PRIVILEGE_TOOL: RuleFacts = RuleFacts {
    code: "TOOL006",
    name: "privilege-tool",
    title: "a tool that changes users is in the image",
    severity: Severity::High,
    rationale: "Its only purpose is to change the user, mostly to root.",
    remediation: "Remove it; let the runtime set the user.",
    sources: &["DKL-DI-0001", "DL3004", "DS-0010"],
};

pub(in crate::report) const DEBUG_TOOL: RuleFacts = RuleFacts {
    code: "TOOL007",
    name: "debug-tool",
    title: "a debugger or reconnaissance tool is in the image",
    severity: Severity::Medium,
    rationale: "It looks into other processes, the network or the host, which is what an intruder wants next.",
    remediation: "Leave it out; debug with an ephemeral container.",
    sources: &["DL3001", "Docker Hardened Images"],
};

pub(in crate::report) const UNUSED_INTERPRETER: RuleFacts = RuleFacts {
    code: "TOOL008",
    name: "unused-interpreter",
    title: "an interpreter that the entrypoint does not use is in the image",
    severity: Severity::Low,
    rationale: "An interpreter is a shell by another name.",
    remediation: "Leave it out, unless it runs the service.",
    sources: &["CIS 4.3"],
};

pub(in crate::report) const LEFTOVERS: RuleFacts = RuleFacts {
    code: "TOOL009",
    name: "leftovers",
    title: "caches, logs, version control or build files are in the image",
    severity: Severity::Low,
    rationale: "They make the image large and tell how and where it was built; a `.git` folder holds the whole \
                history.",
    remediation: "Copy only what is needed, by name.",
    sources: &["DKL-LI-0003", "DKL-DI-0005", "DS-0015", "Dockerfile best practices"],
};
