//! Rules of the catalogue as SARIF describes them.

use serde_json::{Value, json};

use super::place::plain;
use crate::report::{Rule, Severity};

/// The identifier of a rule with a severity: its name, and behind it a severity that is not the usual one.
pub(super) fn rule_id(rule: Rule, severity: Severity) -> String {
    if severity == rule.facts().severity { rule.name().to_owned() } else { format!("{rule}/{severity}") }
}

/// A rule with the severity that some of its findings have, as SARIF describes it.
pub(super) fn descriptor(rule: Rule, severity: Severity) -> Value {
    let facts = rule.facts();
    let sources = facts.sources.join(", ");
    json!({
        "id": rule_id(rule, severity),
        "name": facts.code,
        "shortDescription": { "text": plain(facts.title) },
        "fullDescription": { "text": plain(facts.rationale) },
        "help": { "text": plain(&format!("{} {}\nSources: {sources}", facts.rationale, facts.remediation)) },
        "defaultConfiguration": { "level": level(severity) },
        "properties": {
            "tags": ["security", "container"],
            "precision": "high",
            "security-severity": security_severity(severity),
            "sources": facts.sources,
        },
    })
}

/// The level of a severity.
pub(super) const fn level(severity: Severity) -> &'static str {
    match severity {
        Severity::Critical | Severity::High => "error",
        Severity::Medium => "warning",
        Severity::Low | Severity::Info => "note",
    }
}

/// The middle of what GitHub calls critical (above 9.0), high (7.0), medium (4.0) and low (0.1).
const fn security_severity(severity: Severity) -> &'static str {
    match severity {
        Severity::Critical => "9.5",
        Severity::High => "8.0",
        Severity::Medium => "5.5",
        Severity::Low => "2.0",
        Severity::Info => "0.1",
    }
}
