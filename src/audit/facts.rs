//! [`Audit`]: the report of an audit, as data.

use schemars::JsonSchema;
use serde::Serialize;
use serde_json::Value;

use super::{Accepted, Finding, NotApplicable, Unknown, Unread, Waived};
use crate::{
    image::Skip,
    oci::{DiffId, Digest},
    report::{Rule, Severity},
};

/// One name of a place, audited.
#[derive(Debug, Serialize, JsonSchema)]
#[serde(rename_all = "kebab-case")]
pub struct Audit {
    /// The place, as it was named by the caller.
    pub image: String,
    /// The name in the place. Foreign text.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub reference: Option<String>,
    /// Of the manifest or index; of the first config in a docker archive, which has neither.
    pub digest: Digest,
    /// What that is. Foreign text.
    pub media_type: String,
    /// What the findings were judged by.
    pub policy: PolicySummary,
    /// In the order of the index.
    pub images: Vec<ImageAudit>,
    /// About the index, the name and the policy; sorted like those of an image.
    pub findings: Vec<Finding>,
    /// Findings about the name or the index that a waiver of the policy excepts.
    pub waived: Vec<Waived>,
    /// Findings about the name or the index that a baseline accepts.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub baseline: Vec<Accepted>,
    /// What of the index could not be looked at.
    pub unknown: Vec<Unknown>,
    /// What is in the index and is no image.
    pub skipped: Vec<Skip>,
}

/// What the findings were judged by.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, JsonSchema)]
#[serde(rename_all = "kebab-case")]
pub struct PolicySummary {
    /// `default` or `hardened`.
    pub profile: String,
    /// A finding of this severity or above fails the audit.
    pub fail_on: Severity,
    /// Severities that the policy changes, sorted by rule.
    pub overrides: Vec<SeverityOverride>,
}

/// A severity that the policy changes.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, JsonSchema)]
#[schemars(rename = "Override")]
pub struct SeverityOverride {
    /// Of this rule.
    pub rule: Rule,
    /// The new one; `None` is a rule that is switched off.
    pub severity: Option<Severity>,
}

/// One platform's image, audited.
#[derive(Debug, Serialize, JsonSchema)]
#[serde(rename_all = "kebab-case")]
pub struct ImageAudit {
    /// What the config says: `os/architecture[/variant]`. Foreign text.
    pub platform: String,
    /// Of the manifest; of the config in a docker archive, which has none.
    pub digest: Digest,
    /// The image ID.
    pub config_digest: Digest,
    /// The config's date, as it stands there. Foreign text.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub created: Option<String>,
    /// The whole configuration, in the words of the specification. Foreign text. Values in which a secret was found are
    /// replaced by its masked form.
    pub config: Value,
    /// Lowest first.
    pub layers: Vec<LayerFacts>,
    /// Sorted by severity, the heaviest first, then rule, layer, path.
    pub findings: Vec<Finding>,
    /// Findings that a waiver of the policy excepts, in the same order.
    pub waived: Vec<Waived>,
    /// Findings that a baseline accepts, in the same order.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub baseline: Vec<Accepted>,
    /// What could not be looked at; with one of these the audit is never clean.
    pub unknown: Vec<Unknown>,
    /// Files, and members of packed ones, that were not read, or not to their end, in the order of layers and entries; at most
    /// [`Limits::AUDIT_UNREAD`](crate::report::Limits::AUDIT_UNREAD). The outcome does not depend on them.
    pub unread: Vec<Unread>,
    /// How many there are, the listed ones included.
    pub unread_count: usize,
    /// The rules that were looked at to the end, in the order of the catalogue.
    pub checked: Vec<Rule>,
    /// The rules that this image has nothing to offer to, in the order of the catalogue.
    pub not_applicable: Vec<NotApplicable>,
}

/// One layer, in figures.
#[derive(Debug, Clone, Serialize, JsonSchema)]
#[serde(rename_all = "kebab-case")]
pub struct LayerFacts {
    /// Of the stored bytes.
    pub digest: Digest,
    /// Of the tar.
    pub diff_id: DiffId,
    /// How it is stored. Foreign text.
    pub media_type: String,
    /// Stored bytes.
    pub size: u64,
    /// Bytes of the tar.
    pub unpacked_size: u64,
    /// The history's line, where there is one for each layer. Foreign text, with secrets masked.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub created_by: Option<String>,
    /// How many entries the tar has.
    pub entries: u64,
    /// The largest files, the largest first; at most [`Limits::AUDIT_LARGEST`](crate::report::Limits::AUDIT_LARGEST).
    pub largest: Vec<SizedPath>,
}

/// A file and its size.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, JsonSchema)]
pub struct SizedPath {
    /// With a leading `/`. Foreign text.
    pub path: String,
    /// Bytes of its content.
    pub size: u64,
}

impl Audit {
    /// Whether something could not be looked at.
    pub fn is_incomplete(&self) -> bool {
        !self.unknown.is_empty() || self.images.iter().any(|image| !image.unknown.is_empty())
    }

    /// How many files, and members of packed ones, were not read.
    pub fn unread_count(&self) -> usize {
        self.images.iter().map(|image| image.unread_count).sum()
    }

    /// How many findings weigh as much as the policy's threshold, or more.
    pub fn failing(&self) -> usize {
        let images = self.images.iter().flat_map(|image| &image.findings);
        self.findings.iter().chain(images).filter(|finding| finding.severity >= self.policy.fail_on).count()
    }
}
