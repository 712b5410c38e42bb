//! SEC001 to SEC009: secrets in layers and in the configuration.

use super::RuleFacts;
use crate::report::Severity;

pub(in crate::report) const PRIVATE_KEY: RuleFacts = RuleFacts {
    code: "SEC001",
    name: "private-key",
    title: "a private key is in the image",
    severity: Severity::Critical,
    rationale: "Everybody who can pull the image has the key, also after a later layer removed it.",
    remediation: "Replace the key everywhere, then mount it when the container runs.",
    sources: &["CIS 4.10", "NIST 4.1.4", "CIS-DI-0010", "Dockerfile best practices"],
};

pub(in crate::report) const PROVIDER_TOKEN: RuleFacts = RuleFacts {
    code: "SEC002",
    name: "provider-token",
    title: "a token of a service is in the image",
    severity: Severity::Critical,
    rationale: "Everybody who can pull the image can use it.",
    remediation: "Revoke the token, then hand a new one over when the container runs.",
    sources: &["CIS 4.10", "NIST 4.1.4", "CIS-DI-0010", "Dockerfile best practices"],
};

pub(in crate::report) const REMOVED_SECRET: RuleFacts = RuleFacts {
    code: "SEC003",
    name: "removed-secret",
    title: "a secret was removed by a later layer and is still in the image",
    severity: Severity::Critical,
    rationale: "A layer that deletes a file only hides it; the layer below can be downloaded by itself.",
    remediation: "Replace the secret, and rebuild so that it never enters a layer.",
    sources: &["CIS 4.10", "NIST 4.1.4", "Dockerfile best practices"],
};

pub(in crate::report) const CREDENTIAL_FILE: RuleFacts = RuleFacts {
    code: "SEC004",
    name: "credential-file",
    title: "a file that holds credentials is in the image",
    severity: Severity::High,
    rationale: "Files of this name are made to hold passwords or tokens.",
    remediation: "Leave it out; mount it when the container runs.",
    sources: &["CIS 4.10", "NIST 4.1.4", "CIS-DI-0010", "Dockerfile best practices"],
};

pub(in crate::report) const SECRET_IN_ENV: RuleFacts = RuleFacts {
    code: "SEC005",
    name: "secret-in-env",
    title: "a variable holds a secret",
    severity: Severity::High,
    rationale: "Variables are in the config, which all who can pull the image can read, and in every process \
                of the container.",
    remediation: "Remove the variable from the image, and set it when the container runs.",
    sources: &["CIS 4.10", "NIST 4.1.4", "CIS-DI-0010", "DL3064", "DS-0031", "Dockerfile best practices"],
};

pub(in crate::report) const SECRET_IN_LABEL: RuleFacts = RuleFacts {
    code: "SEC006",
    name: "secret-in-label",
    title: "a label, an annotation or another text of a document holds a secret",
    severity: Severity::High,
    rationale: "Labels, annotations and all other keys of config, manifest and index are visible to all who can pull the \
                image or list it.",
    remediation: "Remove the text, and replace the secret.",
    sources: &["CIS 4.10", "NIST 4.1.4"],
};

pub(in crate::report) const SECRET_IN_HISTORY: RuleFacts = RuleFacts {
    code: "SEC007",
    name: "secret-in-history",
    title: "the history holds a secret",
    severity: Severity::High,
    rationale: "Build arguments and commands are kept in the config, word by word.",
    remediation: "Replace the secret; hand it to the build as a mounted secret.",
    sources: &["CIS 4.10", "NIST 4.1.4", "DS-0031", "Dockerfile best practices"],
};

pub(in crate::report) const SECRET_IN_ARGUMENTS: RuleFacts = RuleFacts {
    code: "SEC008",
    name: "secret-in-arguments",
    title: "an argument holds a secret",
    severity: Severity::High,
    rationale: "Arguments are in the config and in the process list.",
    remediation: "Hand the secret over in a mounted file when the container runs.",
    sources: &["CIS 4.10", "NIST 4.1.4"],
};

pub(in crate::report) const LOGIN_TRACES: RuleFacts = RuleFacts {
    code: "SEC009",
    name: "login-traces",
    title: "traces of logins are in the image",
    severity: Severity::Medium,
    rationale: "Histories of shells hold what was typed, ssh folders hold keys and the names of machines.",
    remediation: "Leave the home folder's dotfiles out.",
    sources: &["CIS 4.10", "NIST 4.1.4", "Dockerfile best practices"],
};
