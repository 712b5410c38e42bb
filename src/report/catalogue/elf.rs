//! ELF001 to ELF014: programs and libraries.

use super::RuleFacts;
use crate::report::Severity;

pub(in crate::report) const DYNAMIC_BINARY: RuleFacts = RuleFacts {
    code: "ELF001",
    name: "dynamic-binary",
    title: "a program's loader is not in the image",
    severity: Severity::High,
    rationale: "The kernel answers `no such file or directory` for a program that is there.",
    remediation: "Link the program statically, or ship the loader and the libraries.",
    sources: &[],
};

pub(in crate::report) const MISSING_LIBRARY: RuleFacts = RuleFacts {
    code: "ELF002",
    name: "missing-library",
    title: "a library that a program needs is not in the image",
    severity: Severity::High,
    rationale: "The loader ends the program before it begins.",
    remediation: "Link the program statically, or ship the library.",
    sources: &[],
};

pub(in crate::report) const MISSING_CERTIFICATES: RuleFacts = RuleFacts {
    code: "ELF003",
    name: "missing-certificates",
    title: "a program that speaks TLS has no CA certificates",
    severity: Severity::Medium,
    rationale: "Every HTTPS connection fails, or is made without a check.",
    remediation: "Ship `/etc/ssl/certs/ca-certificates.crt`. hardpan's images have it by default.",
    sources: &["NIST 4.1.2", "Dockerfile security tuneup"],
};

pub(in crate::report) const NOT_PIE: RuleFacts = RuleFacts {
    code: "ELF004",
    name: "not-pie",
    title: "a program is not position independent",
    severity: Severity::Medium,
    rationale: "Its addresses are known to an attacker.",
    remediation: "Compile with `-fPIE -pie`, for Go with `-buildmode=pie`.",
    sources: &["NIST 4.1.2", "checksec"],
};

pub(in crate::report) const EXECUTABLE_STACK: RuleFacts = RuleFacts {
    code: "ELF005",
    name: "executable-stack",
    title: "a program has an executable stack or writable code",
    severity: Severity::High,
    rationale: "Data that an attacker sends can be run as code.",
    remediation: "Link with `-z noexecstack`, and without text relocations.",
    sources: &["NIST 4.1.2", "checksec"],
};

pub(in crate::report) const NO_RELRO: RuleFacts = RuleFacts {
    code: "ELF006",
    name: "no-relro",
    title: "a program's relocations stay writable",
    severity: Severity::Medium,
    rationale: "An attacker who can write redirects calls of library functions.",
    remediation: "Link with `-z relro -z now`.",
    sources: &["NIST 4.1.2", "checksec"],
};

pub(in crate::report) const NO_STACK_CANARY: RuleFacts = RuleFacts {
    code: "ELF007",
    name: "no-stack-canary",
    title: "a C program has no stack protector",
    severity: Severity::Low,
    rationale: "An overflow of a buffer on the stack is not noticed before it is used.",
    remediation: "Compile with `-fstack-protector-strong`.",
    sources: &["NIST 4.1.2", "checksec"],
};

pub(in crate::report) const DEBUG_INFO: RuleFacts = RuleFacts {
    code: "ELF008",
    name: "debug-info",
    title: "a program holds debug information",
    severity: Severity::Low,
    rationale: "It makes the image large and tells names of functions and files.",
    remediation: "Strip it: `strip`, `-ldflags=-s -w`, `strip = true`.",
    sources: &["NIST 4.1.2"],
};

pub(in crate::report) const BUILD_PATHS: RuleFacts = RuleFacts {
    code: "ELF009",
    name: "build-paths",
    title: "a program holds paths of the machine that built it",
    severity: Severity::Low,
    rationale: "They tell names of users and folders, and make the build differ on another machine.",
    remediation: "Build with `-trimpath` or `--remap-path-prefix`.",
    sources: &["NIST 4.1.2"],
};

pub(in crate::report) const LIBRARY_PATH: RuleFacts = RuleFacts {
    code: "ELF010",
    name: "library-path",
    title: "a program looks for libraries where it should not",
    severity: Severity::High,
    rationale: "A relative, empty or writable folder lets an attacker provide the library.",
    remediation: "Remove the RUNPATH, or make it absolute or `$ORIGIN` in a folder of root.",
    sources: &["NIST 4.1.2", "checksec"],
};

pub(in crate::report) const PACKED_BINARY: RuleFacts = RuleFacts {
    code: "ELF011",
    name: "packed-binary",
    title: "a program is packed",
    severity: Severity::Medium,
    rationale: "A packed program hides what it is made of from every scanner.",
    remediation: "Ship it unpacked; layers are compressed anyway.",
    sources: &["NIST 4.1.3", "syft"],
};

pub(in crate::report) const NO_DEPENDENCY_DATA: RuleFacts = RuleFacts {
    code: "ELF012",
    name: "no-dependency-data",
    title: "a program has no list of its dependencies",
    severity: Severity::Info,
    rationale: "Without Go's build information or `cargo auditable` data no scanner knows its dependencies.",
    remediation: "Keep Go's build information; build Rust programs with `cargo auditable`.",
    sources: &["CIS 4.4", "NIST 4.1.1", "cargo-auditable"],
};

pub(in crate::report) const HOST_PATH: RuleFacts = RuleFacts {
    code: "ELF013",
    name: "host-path",
    title: "a program holds a folder of the machine that compiles it",
    severity: Severity::Medium,
    rationale: "The same program compiled from another folder has another digest, so the image cannot be verified by a rebuild.",
    remediation: "Compile where the kernel grants namespaces, or do not keep `CARGO_MANIFEST_DIR` and `OUT_DIR` in the program.",
    sources: &[],
};

pub(in crate::report) const NEEDS_CGO: RuleFacts = RuleFacts {
    code: "ELF014",
    name: "needs-cgo",
    title: "a Go package does not work in a program without cgo",
    severity: Severity::High,
    rationale: "Without cgo Go leaves files with C out and compiles a stub in their place, which fails only when it is used.",
    remediation: "Compile the program with `cgo = true`, or waive the rule where the program does not need the package.",
    sources: &["mattn/go-sqlite3#855"],
};
