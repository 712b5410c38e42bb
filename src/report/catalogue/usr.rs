//! USR001 to USR009: users, groups and accounts.

use super::RuleFacts;
use crate::report::Severity;

pub(in crate::report) const ROOT_USER: RuleFacts = RuleFacts {
    code: "USR001",
    name: "root-user",
    title: "the image runs as root",
    severity: Severity::High,
    rationale: "Root in a container shares the host's kernel as root; an attacker who takes over the process \
                starts the way out of it with every advantage.",
    remediation: "Set a numeric, non-zero user such as `65532:65532`. hardpan's recipes do by default, with \
                `run.user`.",
    sources: &[
        "CIS 4.1",
        "NIST 4.1.2",
        "PSS runAsNonRoot",
        "PSS runAsUser",
        "CIS-DI-0001",
        "DL3002",
        "DS-0002",
        "Dockerfile security tuneup",
        "Dockerfile best practices",
    ],
};

pub(in crate::report) const NAMED_USER: RuleFacts = RuleFacts {
    code: "USR002",
    name: "named-user",
    title: "the user is a name, not a number",
    severity: Severity::Medium,
    rationale: "A cluster that demands `runAsNonRoot` refuses a named user, because it cannot tell which uid the \
                name has.",
    remediation: "Write the uid and gid as numbers.",
    sources: &["PSS runAsNonRoot", "DL3066", "kubernetes#40958"],
};

pub(in crate::report) const MALFORMED_USER: RuleFacts = RuleFacts {
    code: "USR003",
    name: "malformed-user",
    title: "the user is malformed or out of range",
    severity: Severity::High,
    rationale: "Runtimes disagree about users with signs, blanks, several colons or ids above 2147483647; a huge uid \
                has become root in some.",
    remediation: "Write `uid:gid` in decimal digits, each at most 2147483647.",
    sources: &["NIST 4.1.2", "PSS runAsUser", "CVE-2024-40635", "CVE-2026-46680"],
};

pub(in crate::report) const ROOT_GROUP: RuleFacts = RuleFacts {
    code: "USR004",
    name: "root-group",
    title: "the primary group is root",
    severity: Severity::Medium,
    rationale: "Files that root's group may read or write are open to the process although its uid is not 0.",
    remediation: "Give the user a group of its own, such as `65532:65532`.",
    sources: &["NIST 4.1.2", "PSS", "image-spec config.md User"],
};

pub(in crate::report) const UNKNOWN_USER: RuleFacts = RuleFacts {
    code: "USR005",
    name: "unknown-user",
    title: "the user is not in the image's passwd",
    severity: Severity::High,
    rationale: "A name that `/etc/passwd` does not have cannot be resolved, and the container does not start.",
    remediation: "Add the account, or write the uid and gid as numbers.",
    sources: &["image-spec config.md User"],
};

pub(in crate::report) const EMPTY_PASSWORD: RuleFacts = RuleFacts {
    code: "USR006",
    name: "empty-password",
    title: "an account has an empty password",
    severity: Severity::High,
    rationale: "Any process that can run `su` or reach a login service becomes that account without a password.",
    remediation: "Put `!` or `*` into the second field of `/etc/shadow`, and `x` into that of `/etc/passwd`.",
    sources: &["NIST 4.1.2", "DKL-LI-0001", "CVE-2019-5021"],
};

pub(in crate::report) const DUPLICATE_ID: RuleFacts = RuleFacts {
    code: "USR007",
    name: "duplicate-id",
    title: "two accounts share an id",
    severity: Severity::Medium,
    rationale: "Accounts with one uid are one account with several names; a second one with uid 0 is a hidden root.",
    remediation: "Give each account and group an id of its own.",
    sources: &["NIST 4.1.2", "DKL-LI-0002"],
};

pub(in crate::report) const OVERSIZED_ACCOUNTS: RuleFacts = RuleFacts {
    code: "USR008",
    name: "oversized-accounts",
    title: "a passwd or group file is oversized",
    severity: Severity::Medium,
    rationale: "Runtimes read these files whole before they start the container; an endless line takes their memory.",
    remediation: "Keep `/etc/passwd` and `/etc/group` to the accounts that the image needs.",
    sources: &["CVE-2026-47262"],
};

pub(in crate::report) const PASSWORDLESS_SUDO: RuleFacts = RuleFacts {
    code: "USR009",
    name: "passwordless-sudo",
    title: "an account may run commands as another one without a password",
    severity: Severity::High,
    rationale: "Whoever takes over the account is root with the next command; the user that the image sets is no bound then.",
    remediation: "Remove the line from sudoers or `doas.conf`, and the tool with it; let the runtime set the user.",
    sources: &["CIS 4.3", "NIST 4.1.2", "PSS allowPrivilegeEscalation"],
};
