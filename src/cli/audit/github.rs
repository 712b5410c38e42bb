//! GitHub annotations: one workflow command a finding, most severe first, because GitHub shows ten errors, ten warnings
//! and ten notices a step.

use std::fmt::Write as _;

use super::{groups, phrases};
use crate::{
    audit::{Audit, Finding, FindingPlace, Unknown, Waived},
    cli::workflow_command::workflow_command,
    report::{Severity, printable},
};

/// Renders every audit: one line a finding, and a last line with the verdict.
pub(super) fn render(audits: &[Audit]) -> String {
    let mut out = String::new();
    for audit in audits {
        let images = &audit.images;
        for one in audit.unknown.iter().chain(images.iter().flat_map(|image| &image.unknown)) {
            unknown(&mut out, one);
        }
        let mut findings: Vec<_> = audit.findings.iter().map(|finding| (None, finding)).collect();
        for image in images {
            let platform = (images.len() > 1).then_some(image.platform.as_str());
            findings.extend(image.findings.iter().map(|finding| (platform, finding)));
        }
        findings.sort_by_key(|(_, finding)| std::cmp::Reverse(finding.severity));
        for (platform, finding) in findings {
            self::finding(&mut out, audit, platform, finding);
        }
        for one in audit.waived.iter().chain(images.iter().flat_map(|image| &image.waived)) {
            waived(&mut out, one);
        }
        let verdict = phrases::verdict(groups::audit_outcome(audit), audit);
        let counts = phrases::counts(&groups::count_by_severity(groups::all_findings(audit)));
        let by = printable(&audit.policy.profile);
        // No line of ours begins with the image's name: a name may begin with `::`.
        let _ = writeln!(out, "hardpan audit: {} by the profile `{by}` {verdict} ({counts})", phrases::name(audit));
    }
    out
}

fn finding(out: &mut String, audit: &Audit, platform: Option<&str>, finding: &Finding) {
    let facts = finding.rule.facts();
    // Red is what fails the step.
    let command = match finding.severity {
        severity if severity >= audit.policy.fail_on => "error",
        Severity::Medium | Severity::High | Severity::Critical => "warning",
        Severity::Low | Severity::Info => "notice",
    };
    let mut message = sentence(&finding.place, &finding.message);
    if let Some(platform) = platform {
        let _ = write!(message, " [{}]", printable(platform));
    }
    if let Some(evidence) = &finding.evidence {
        let _ = write!(message, "\nsaw: {}", printable(evidence));
    }
    for place in &finding.also {
        let _ = write!(message, "\nalso: {}", phrases::subject(place));
    }
    let _ = write!(message, "\nfix: {}", facts.remediation);
    let title = format!("{}: {} ({})", finding.severity, facts.title, facts.name);
    line(out, command, &finding.place, &title, &message);
}

fn unknown(out: &mut String, unknown: &Unknown) {
    let names: Vec<_> = unknown.rules.iter().map(|rule| rule.name()).collect();
    let message =
        format!("{}\nrules without a result: {}", sentence(&unknown.place, &unknown.reason), names.join(", "));
    line(out, "error", &unknown.place, "not checked", &message);
}

fn waived(out: &mut String, waived: &Waived) {
    let Waived { finding, reason, until } = waived;
    let message =
        format!("{}\nuntil {}: {}", sentence(&finding.place, &finding.message), printable(until), printable(reason));
    line(out, "notice", &finding.place, &format!("waived: {}", finding.rule), &message);
}

/// The place, its details, and the message.
fn sentence(place: &FindingPlace, message: &str) -> String {
    let details = phrases::details(place);
    let details = if details.is_empty() { String::new() } else { format!(" ({})", details.join(", ")) };
    format!("{}{details}: {}", phrases::subject(place), printable(message))
}

/// One command. A path keeps its `/`: it is one of the image, not of the repository.
fn line(out: &mut String, command: &str, place: &FindingPlace, title: &str, message: &str) {
    let path = place.path.as_deref().map(printable);
    let file = path.as_deref().map(|path| ("file", path));
    let properties: Vec<_> = file.into_iter().chain([("title", title)]).collect();
    out.push_str(&workflow_command(command, &properties, message));
    out.push('\n');
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::cli::audit::sample_audit;

    #[test]
    fn annotations_have_a_line_each_the_heaviest_first() {
        insta::assert_snapshot!(render(&[sample_audit::audit()]));
    }
}
