//! [`Exposed`]: a secret that a document exposes by its format.

use super::hit::mask;
use crate::report::{Rule, Severity};

/// A secret that a document exposes.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Exposed {
    pub(super) rule: Rule,
    pub(super) detector: &'static str,
    pub(super) severity: Severity,
    /// Whether the document proves that it is one: what it decodes to, and not a name beside it.
    pub(super) proven: bool,
    /// In bytes from the start of the document.
    pub(super) offset: u64,
    /// The line of the document; the first is 1.
    pub(super) line: u64,
    /// The setting's name, where there is one.
    pub(super) name: String,
    /// The secret, byte by byte as it is written.
    pub(super) value: Vec<u8>,
    /// What identifies the secret, if that is not the value as written.
    pub(super) identity: Option<Vec<u8>>,
}

impl Exposed {
    /// A secret in a file of credentials, at no place yet.
    pub(super) fn new(detector: &'static str, severity: Severity, name: &str, value: &[u8]) -> Self {
        Self {
            rule: Rule::CredentialFile,
            detector,
            severity,
            proven: false,
            offset: 0,
            line: 1,
            name: name.to_owned(),
            value: value.to_owned(),
            identity: None,
        }
    }

    /// At that place of the document.
    pub(super) fn at(self, offset: u64, line: u64) -> Self {
        Self { offset, line, ..self }
    }

    /// Proven by what it decodes to.
    pub(super) fn proven(self) -> Self {
        Self { proven: true, ..self }
    }

    /// Breaks that rule.
    pub(super) fn of_rule(self, rule: Rule) -> Self {
        Self { rule, ..self }
    }

    /// The printable form: the name of the setting, and nothing of a value that a person chose.
    pub(super) fn masked(&self) -> String {
        let name: String = self.name.chars().take(64).collect();
        // A name that holds the value would give it away.
        let holds = memchr::memmem::find(name.as_bytes(), &self.value).is_some();
        if name.is_empty() || holds { mask(b"") } else { format!("{name}={}", mask(b"")) }
    }
}
