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
    /// Where. Of a [`folded`](Self::folded) finding the folder that holds all places.
    pub place: FindingPlace,
    /// The kind of thing that the rule recognised, such as `aws-access-key`, where it knows several.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub detector: Option<String>,
    /// What the finding is called in the next build as well: 32 hexadecimal digits over the rule, the path (or the key),
    /// the member and the detector, and `-2`, `-3`, … behind those of further findings of one image that these do not tell apart.
    /// Layers, digests, lines, offsets, counts and what a secret is are not in it.
    pub fingerprint: String,
    /// What was seen. Foreign text; secrets are masked.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub evidence: Option<String>,
    /// The same thing elsewhere, in the order of layers and paths; at most
    /// [`Limits::AUDIT_ALSO`](crate::report::Limits::AUDIT_ALSO).
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub also: Vec<FindingPlace>,
    /// Whether `place` is a folder that stands for places below it: those are in `also` and `left-off` alone.
    #[serde(skip_serializing_if = "std::ops::Not::not")]
    pub folded: bool,
    /// How many places there are besides those that are listed.
    #[serde(skip_serializing_if = "is_zero")]
    pub left_off: usize,
    /// Paths of the places that are left off, as far as they were kept: an exception has to be about them, too.
    #[serde(skip)]
    pub(crate) unlisted: Vec<String>,
}

#[allow(clippy::trivially_copy_pass_by_ref, reason = "serde hands a field over so")]
const fn is_zero(number: &usize) -> bool {
    *number == 0
}

impl Finding {
    /// A finding at one place, of which nothing more is known.
    pub fn new(rule: Rule, severity: Severity, place: FindingPlace, message: impl Into<String>) -> Self {
        Self {
            rule,
            severity,
            message: message.into(),
            place,
            detector: None,
            fingerprint: String::new(),
            evidence: None,
            also: Vec::new(),
            folded: false,
            left_off: 0,
            unlisted: Vec::new(),
        }
    }

    /// The places that break the rule, as far as they are listed.
    pub fn listed(&self) -> impl Iterator<Item = &FindingPlace> {
        Some(&self.place).filter(|_| !self.folded).into_iter().chain(&self.also)
    }

    /// Whether it is many findings of their own, which are one because of their number: any further one is a new one.
    pub const fn is_flood(&self) -> bool {
        self.folded && !matches!(self.rule, Rule::WritableCode | Rule::ReplaceableCode | Rule::RunUserOwned)
    }

    /// How many places break the rule, listed or not.
    pub fn places(&self) -> usize {
        self.listed().count().saturating_add(self.left_off)
    }
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

/// A finding that a baseline accepts.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, JsonSchema)]
#[serde(rename_all = "kebab-case")]
pub struct Accepted {
    /// What was found.
    pub finding: Finding,
    /// The day on which the baseline accepted it, `2026-11-30`.
    pub since: String,
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
