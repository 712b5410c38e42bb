//! REG001: pushing to a registry; no audit checks it, and no policy excepts from it.

use super::RuleFacts;
use crate::report::Severity;

pub(in crate::report) const TAG_EXISTS: RuleFacts = RuleFacts {
    code: "REG001",
    name: "tag-exists",
    title: "a tag names another image already",
    severity: Severity::High,
    rationale: "Whoever pulled the tag before got other bytes; `--tag-policy fail` says that it must not move.",
    remediation: "Push under a new tag, or move it with `--tag-policy replace`.",
    sources: &[],
};
