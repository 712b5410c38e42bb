//! CFG001 to CFG020: configuration, provenance and base.

use super::RuleFacts;
use crate::report::Severity;

pub(in crate::report) const MUTABLE_REFERENCE: RuleFacts = RuleFacts {
    code: "CFG001",
    name: "mutable-reference",
    title: "the image was named by a tag that moves",
    severity: Severity::Medium,
    rationale: "What is called `latest` today is another image tomorrow, which this audit has not seen.",
    remediation: "Name the image by its digest, or at least by a tag that never moves.",
    sources: &["CIS 4.2", "NIST 4.1.5", "DKL-DI-0006", "DL3006", "DL3007", "DS-0001", "Dockerfile best practices"],
};

pub(in crate::report) const UNPINNED_BASE: RuleFacts = RuleFacts {
    code: "CFG002",
    name: "unpinned-base",
    title: "the base image is not pinned",
    severity: Severity::Medium,
    rationale: "The base is named by a tag alone: which image that was is not known, and it cannot be rebuilt.",
    remediation: "Name the base with its digest.",
    sources: &["CIS 4.2", "NIST 4.1.5", "DL3006", "Dockerfile best practices"],
};

pub(in crate::report) const BASE_NOT_ALLOWED: RuleFacts = RuleFacts {
    code: "CFG003",
    name: "base-not-allowed",
    title: "the base image is not from an allowed registry",
    severity: Severity::High,
    rationale: "The maker of the base decides what runs; the policy lists the registries that you trust.",
    remediation: "Build on a base from one of the policy's registries.",
    sources: &["CIS 4.2", "NIST 4.1.5", "DL3026", "Dockerfile best practices", "Dockerfile security tuneup"],
};

pub(in crate::report) const ADD_FROM_URL: RuleFacts = RuleFacts {
    code: "CFG004",
    name: "add-from-url",
    title: "a file was fetched from the network without a digest",
    severity: Severity::High,
    rationale: "The content of the URL can change between two builds, or be an attacker's.",
    remediation: "Fetch it with a digest that is checked, and copy it.",
    sources: &["CIS 4.9", "CIS 4.11", "NIST 4.1.5", "CIS-DI-0009", "DL3020", "DS-0005", "Dockerfile best practices"],
};

pub(in crate::report) const PIPE_TO_SHELL: RuleFacts = RuleFacts {
    code: "CFG005",
    name: "pipe-to-shell",
    title: "a download was piped into a shell",
    severity: Severity::Medium,
    rationale: "The server behind the URL could run any command in the build.",
    remediation: "Fetch a file, check its digest, then use it.",
    sources: &["CIS 4.11", "NIST 4.1.5", "DL4006"],
};

pub(in crate::report) const STOP_SIGNAL: RuleFacts = RuleFacts {
    code: "CFG006",
    name: "stop-signal",
    title: "the stop signal cannot be handled by the service",
    severity: Severity::Medium,
    rationale: "`SIGKILL` and `SIGSTOP` cannot be caught: the service loses what it is doing.",
    remediation: "Use `SIGTERM` or what the service listens to.",
    sources: &["image-spec config.md"],
};

pub(in crate::report) const HEALTHCHECK: RuleFacts = RuleFacts {
    code: "CFG007",
    name: "healthcheck",
    title: "the health check is missing or cannot work",
    severity: Severity::Info,
    rationale: "Docker alone reads it; Kubernetes has probes. One in shell form always fails without a shell.",
    remediation: "Write it as an array with a program that is in the image, or leave it to the orchestrator.",
    sources: &["CIS 4.6", "CIS-DI-0006", "DL3057", "DS-0026"],
};

pub(in crate::report) const SHELL_FORM: RuleFacts = RuleFacts {
    code: "CFG008",
    name: "shell-form",
    title: "the entrypoint is started by a shell",
    severity: Severity::Medium,
    rationale: "The shell is process 1 and does not hand signals on; the image needs a shell that it should not have.",
    remediation: "Write the entrypoint as an array.",
    sources: &["DL3025", "Docker Hardened Images"],
};

pub(in crate::report) const ENTRYPOINT_MISSING: RuleFacts = RuleFacts {
    code: "CFG009",
    name: "entrypoint-missing",
    title: "the entrypoint is not in the image",
    severity: Severity::High,
    rationale: "The container does not start.",
    remediation: "Write the whole path of a program that is in the image.",
    sources: &[],
};

pub(in crate::report) const WORKING_DIRECTORY: RuleFacts = RuleFacts {
    code: "CFG010",
    name: "working-directory",
    title: "the working directory is relative, missing or the run user's",
    severity: Severity::Low,
    rationale: "A relative or missing folder is made by the runtime, as root or not at all; one that the run user \
                owns is where files get planted.",
    remediation: "Name an absolute folder that root owns.",
    sources: &["DL3000", "DS-0009", "DS-0030"],
};

pub(in crate::report) const RUNTIME_LABELS: RuleFacts = RuleFacts {
    code: "CFG011",
    name: "runtime-labels",
    title: "a label is a command to the runtime",
    severity: Severity::High,
    rationale: "Labels below `containerd.io` and `io.kubernetes` steer the runtime of the host; an image must not.",
    remediation: "Remove the label.",
    sources: &["NIST 4.1.2", "CVE-2026-53488"],
};

pub(in crate::report) const ONBUILD_TRIGGERS: RuleFacts = RuleFacts {
    code: "CFG012",
    name: "onbuild-triggers",
    title: "the image runs commands in the builds of others",
    severity: Severity::Low,
    rationale: "`ONBUILD` commands run in every image that is built on this one, unseen.",
    remediation: "Remove them, and write them where they are used.",
    sources: &["NIST 4.1.2"],
};

pub(in crate::report) const MISSING_METADATA: RuleFacts = RuleFacts {
    code: "CFG013",
    name: "missing-metadata",
    title: "metadata is missing or malformed",
    severity: Severity::Info,
    rationale: "Title, version, revision, source and licences tell whom to ask and what to rebuild.",
    remediation: "Set the `org.opencontainers.image.*` annotations.",
    sources: &["NIST 4.1.1", "DL3049", "DL3051", "DL3053", "DL3054", "DL3056"],
};

pub(in crate::report) const UNSIGNED: RuleFacts = RuleFacts {
    code: "CFG014",
    name: "unsigned",
    title: "no signature, SBOM or provenance was found",
    severity: Severity::Info,
    rationale: "Without them it cannot be verified who made the image, and from what.",
    remediation: "Sign the image and attach an SBOM when pushing it.",
    sources: &["CIS 4.5", "CIS 4.12", "NIST 4.1.5", "CIS-DI-0005", "Dockerfile best practices"],
};

pub(in crate::report) const WRONG_ARCHITECTURE: RuleFacts = RuleFacts {
    code: "CFG015",
    name: "wrong-architecture",
    title: "the program is not for the platform that the image names",
    severity: Severity::High,
    rationale: "The kernel refuses to start it, or runs it under emulation.",
    remediation: "Build the program for the platform of the image.",
    sources: &[],
};

pub(in crate::report) const UNCHECKED_TLS: RuleFacts = RuleFacts {
    code: "CFG016",
    name: "unchecked-tls",
    title: "checks of certificates are switched off",
    severity: Severity::High,
    rationale: "Without the check, whoever is on the way between the service and a server can read and change everything, and what a build downloads is anybody's.",
    remediation: "Remove the variable, option or setting; trust an authority of your own by adding its certificate.",
    sources: &["CIS 4.11", "NIST 4.1.5"],
};

pub(in crate::report) const UNVERIFIED_PACKAGES: RuleFacts = RuleFacts {
    code: "CFG017",
    name: "unverified-packages",
    title: "packages are installed without a look at their signatures",
    severity: Severity::High,
    rationale: "A mirror, or whoever is on the way to it, decides then what is installed.",
    remediation: "Import the key of the repository, and remove the option or setting.",
    sources: &["CIS 4.11", "NIST 4.1.5", "CIS-DI-0011"],
};

pub(in crate::report) const SYSTEM_UPGRADE: RuleFacts = RuleFacts {
    code: "CFG018",
    name: "system-upgrade",
    title: "the build upgraded every package of its base",
    severity: Severity::Low,
    rationale: "What is in the image depends on the day of the build, and files of the base are in it twice.",
    remediation: "Take a base that is up to date, pinned by its digest, and install by name what else is needed.",
    sources: &["CIS 4.7", "NIST 4.1.1", "DKL-DI-0003", "DL3035", "DS-0024"],
};

pub(in crate::report) const OPEN_CHMOD: RuleFacts = RuleFacts {
    code: "CFG019",
    name: "open-chmod",
    title: "the build lets everybody write to whole folders",
    severity: Severity::Medium,
    rationale: "Any process of the container can then change what others read or run; where a later step repaired the modes, the layer below still has the files.",
    remediation: "Set the modes that are needed: 0444 or 0555 for files, 0755 for folders, and an owner for what has to be written.",
    sources: &["CIS 4.8", "NIST 4.1.2"],
};

pub(in crate::report) const DUPLICATE_VARIABLE: RuleFacts = RuleFacts {
    code: "CFG020",
    name: "duplicate-variable",
    title: "a variable is there twice",
    severity: Severity::Low,
    rationale: "Runtimes and programs differ in whether the first or the last one counts, so that one tool checks another value than runs.",
    remediation: "Set each variable once.",
    sources: &["NIST 4.1.2"],
};
