//! [`Severity`]: how much a finding weighs.

use std::{borrow::Cow, fmt, str::FromStr};

use schemars::{JsonSchema, Schema, SchemaGenerator, json_schema};
use serde::{Serialize, Serializer};

/// The weight of a finding; a later one weighs more. Printed and read in lower case.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Severity {
    /// Worth knowing; nothing to repair.
    Info,
    /// Hygiene.
    Low,
    /// Weakens the image, or breaks it in some clusters.
    Medium,
    /// A promise of a hardened image is broken.
    High,
    /// Leaks or can be exploited as it is.
    Critical,
}

/// A text that is no severity.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct NoSeverity;

impl Severity {
    /// Every severity, the lightest first.
    pub const ALL: [Self; 5] = [Self::Info, Self::Low, Self::Medium, Self::High, Self::Critical];

    /// The word for it.
    pub const fn name(self) -> &'static str {
        match self {
            Self::Info => "info",
            Self::Low => "low",
            Self::Medium => "medium",
            Self::High => "high",
            Self::Critical => "critical",
        }
    }
}

impl FromStr for Severity {
    type Err = NoSeverity;

    fn from_str(text: &str) -> Result<Self, NoSeverity> {
        Self::ALL.into_iter().find(|severity| severity.name() == text).ok_or(NoSeverity)
    }
}

impl fmt::Display for Severity {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(self.name())
    }
}

impl fmt::Display for NoSeverity {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("a severity is `info`, `low`, `medium`, `high` or `critical`")
    }
}

impl std::error::Error for NoSeverity {}

impl Serialize for Severity {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.serialize_str(self.name())
    }
}

impl JsonSchema for Severity {
    fn schema_name() -> Cow<'static, str> {
        "Severity".into()
    }

    fn json_schema(_: &mut SchemaGenerator) -> Schema {
        json_schema!({ "type": "string", "enum": Self::ALL.map(Self::name), "description": "How much a finding weighs; a later one weighs more." })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn severities_are_ordered_and_read_what_they_print() {
        assert!(Severity::ALL.is_sorted());
        for severity in Severity::ALL {
            assert_eq!(severity.to_string().parse(), Ok(severity));
        }
        assert_eq!("High".parse::<Severity>(), Err(NoSeverity));
    }
}
