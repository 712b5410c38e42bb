//! Pushing. These are about a registry, not about an image: no audit looks at them, and no policy excepts them.

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
