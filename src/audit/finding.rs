//! [`Finding`] and [`Unknown`]: what a rule found, and what it could not examine.

use schemars::JsonSchema;
use serde::Serialize;

use super::FindingPlace;
use crate::report::{Rule, Severity};

/// Something that a rule found.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, JsonSchema)]
#[serde(rename_all = "kebab-case")]
pub struct Finding {
    /// Which rule.
    pub rule: Rule,
    /// What it weighs here: the policy's severity, else the rule's own judgement.
    pub severity: Severity,
    /// One sentence, lower case, without a full stop. Holds foreign text as it is; never a secret.
    pub message: String,
    /// Where.
    pub place: FindingPlace,
    /// What was seen. Foreign text; secrets are masked.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub evidence: Option<String>,
    /// The same thing elsewhere, in the order of layers and paths; at most
    /// [`Limits::AUDIT_ALSO`](crate::report::Limits::AUDIT_ALSO).
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub also: Vec<FindingPlace>,
}

/// What could not be looked at.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, JsonSchema)]
#[serde(rename_all = "kebab-case")]
pub struct Unknown {
    /// The rules that have no answer because of it, in the order of the catalogue.
    pub rules: Vec<Rule>,
    /// Where.
    pub place: FindingPlace,
    /// Why; a part of a sentence. May hold foreign text.
    pub reason: String,
}

/// A file, or a member of one, that was not searched, or not to its end: it is packed in a way that the audit cannot read, it is
/// damaged, or it is over a bound. The outcome of an audit stays as it is, unless the file is one of credentials by its name:
/// that is an [`Unknown`], too.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, JsonSchema)]
#[serde(rename_all = "kebab-case")]
pub struct Unread {
    /// Where.
    pub place: FindingPlace,
    /// Why; a part of a sentence. May hold foreign text.
    pub reason: String,
}

/// A finding that a waiver excepts.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, JsonSchema)]
#[serde(rename_all = "kebab-case")]
pub struct Waived {
    /// What was found.
    pub finding: Finding,
    /// The waiver's reason.
    pub reason: String,
    /// The waiver's last day, `2027-06-30`.
    pub until: String,
}

/// A rule that an image has nothing to offer to.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, JsonSchema)]
#[serde(rename_all = "kebab-case")]
pub struct NotApplicable {
    /// Which rule.
    pub rule: Rule,
    /// Why; a part of a sentence.
    pub why: String,
}
