//! NET001 to NET007: ports, volumes and network services.

use super::RuleFacts;
use crate::report::Severity;

pub(in crate::report) const ADMIN_SERVICE: RuleFacts = RuleFacts {
    code: "NET001",
    name: "admin-service",
    title: "an administration service is in the image",
    severity: Severity::High,
    rationale: "A container is not administered from inside; a login service is one more door.",
    remediation: "Remove the service; use the runtime's own `exec` or an ephemeral container.",
    sources: &["CIS 4.3", "NIST 4.1.2", "Dockerfile best practices"],
};

pub(in crate::report) const ADMIN_PORT: RuleFacts = RuleFacts {
    code: "NET002",
    name: "admin-port",
    title: "a port of an administration service is declared",
    severity: Severity::Medium,
    rationale: "The image says that it is meant to be logged into.",
    remediation: "Remove the port.",
    sources: &["NIST 4.1.2", "DS-0004", "Dockerfile best practices"],
};

pub(in crate::report) const PRIVILEGED_PORT: RuleFacts = RuleFacts {
    code: "NET003",
    name: "privileged-port",
    title: "a port below 1024 is declared for a user that is not root",
    severity: Severity::Low,
    rationale: "Some runtimes let only root or `NET_BIND_SERVICE` listen there; the container then fails.",
    remediation: "Listen on a port from 1024 up, and map it outside.",
    sources: &["NIST 4.1.2", "PSS capabilities"],
};

pub(in crate::report) const INVALID_PORT: RuleFacts = RuleFacts {
    code: "NET004",
    name: "invalid-port",
    title: "a port cannot be read",
    severity: Severity::Medium,
    rationale: "Runtimes refuse or drop it.",
    remediation: "Write `PORT/tcp` or `PORT/udp` with a port from 1 to 65535.",
    sources: &["DL3011", "DS-0008"],
};

pub(in crate::report) const SENSITIVE_VOLUME: RuleFacts = RuleFacts {
    code: "NET005",
    name: "sensitive-volume",
    title: "a volume covers a system folder",
    severity: Severity::High,
    rationale: "A volume hides what the image has there and lets the container change it where it matters most.",
    remediation: "Declare volumes only for the service's own data.",
    sources: &["NIST 4.1.2", "DKL-DI-0002"],
};

pub(in crate::report) const DEBUG_DOOR: RuleFacts = RuleFacts {
    code: "NET006",
    name: "debug-door",
    title: "a debugger can get into the service",
    severity: Severity::High,
    rationale: "A debugger runs any code in the process, and the protocols of most of them know no password.",
    remediation: "Start the service without the option or variable; debug with an ephemeral container.",
    sources: &["NIST 4.1.2"],
};

pub(in crate::report) const ROOT_LOGIN: RuleFacts = RuleFacts {
    code: "NET007",
    name: "root-login",
    title: "the login service lets root in, or accounts without a password",
    severity: Severity::High,
    rationale: "One guessed password, or none, is all that a stranger needs to be root in the container.",
    remediation: "Remove the service; where it has to be, set `PermitRootLogin no` and `PermitEmptyPasswords no`.",
    sources: &["NIST 4.1.2"],
};
