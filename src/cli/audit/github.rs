//! GitHub annotations: one workflow command a finding, most severe first, because GitHub shows ten errors, ten warnings
//! and ten notices a step.

use std::fmt::Write as _;

use super::{baseline, besides::Besides, fleet_table, groups, phrases, waivers};
use crate::{
    audit::{Audit, Finding, FindingPlace, Unknown, Waived},
    cli::workflow_command::workflow_command,
    commands::audit::AuditFleet,
    policy::DatedWaiver,
    report::{Severity, printable},
};

/// Renders every audit: one line a finding, and a last line with the verdict. `besides` has exceptions that end soon and the
/// baseline; findings that are only worth knowing have an annotation with `all`.
pub(super) fn render(audits: &[Audit], besides: Besides<'_>, all: bool) -> String {
    let mut out = String::new();
    for audit in audits {
        annotations(&mut out, &[Named { image: None, audit }], all);
        verdict(&mut out, audit);
    }
    ends_soon(&mut out, besides.ending);
    baselined(&mut out, besides);
    out
}

/// Renders several images, whose names begin the titles. The most severe findings of all images come first.
pub(super) fn render_fleet(fleet: &AuditFleet, besides: Besides<'_>, all: bool) -> String {
    let mut out = String::new();
    for image in &fleet.images {
        if let Err(failure) = &image.result {
            let title = format!("{}: not audited", printable(&image.image));
            line(&mut out, "error", None, &title, &fleet_table::labelled(failure));
        }
    }
    let named = groups::named_audits(fleet);
    let audits: Vec<_> = named.map(|(image, audit)| Named { image: Some(image), audit }).collect();
    annotations(&mut out, &audits, all);
    ends_soon(&mut out, besides.ending);
    baselined(&mut out, besides);
    for audit in groups::all_audits(fleet) {
        verdict(&mut out, audit);
    }
    for other in &fleet.others {
        let (path, reason) = (printable(&other.path), printable(&other.reason));
        let _ = writeln!(out, "hardpan audit: not an image: {path}: {reason}");
    }
    let _ = writeln!(out, "hardpan audit: {}", fleet_table::verdict(fleet));
    out
}

/// An audit, and the image that the titles of its annotations name; none where the report is about one image.
struct Named<'a> {
    image: Option<String>,
    audit: &'a Audit,
}

impl Named<'_> {
    fn title(&self, title: &str) -> String {
        self.image.as_ref().map_or_else(|| title.to_owned(), |image| format!("{image}: {title}"))
    }
}

/// What was not checked, the findings, then what is waived.
fn annotations(out: &mut String, audits: &[Named<'_>], all: bool) {
    let mut findings = Vec::new();
    for named in audits {
        let images = &named.audit.images;
        for one in named.audit.unknown.iter().chain(images.iter().flat_map(|image| &image.unknown)) {
            unknown(out, named, one);
        }
        findings.extend(named.audit.findings.iter().map(|finding| (named, None, finding)));
        for image in images {
            let platform = (images.len() > 1).then_some(image.platform.as_str());
            findings.extend(image.findings.iter().map(|finding| (named, platform, finding)));
        }
    }
    findings.sort_by_key(|(_, _, finding)| std::cmp::Reverse(finding.severity));
    for (named, platform, finding) in findings {
        self::finding(out, named, platform, finding, all);
    }
    for named in audits {
        let images = &named.audit.images;
        for one in named.audit.waived.iter().chain(images.iter().flat_map(|image| &image.waived)) {
            waived(out, named, one);
        }
    }
}

fn verdict(out: &mut String, audit: &Audit) {
    let verdict = phrases::verdict(groups::audit_outcome(audit), audit);
    let counts = phrases::audit_counts(audit);
    let by = printable(&audit.policy.profile);
    for (place, reason) in audit.images.iter().flat_map(|image| &image.unread).map(|one| (&one.place, &one.reason)) {
        let _ = writeln!(out, "hardpan audit: not read: {}", sentence(place, reason));
    }
    // No line of ours begins with the image's name: a name may begin with `::`.
    let _ = writeln!(out, "hardpan audit: {} by the profile `{by}` {verdict} ({counts})", phrases::name(audit));
}

/// What the baseline did: plain lines, and a notice where it says nothing of an image.
fn baselined(out: &mut String, besides: Besides<'_>) {
    let Some(report) = besides.baseline else { return };
    let _ = writeln!(out, "hardpan audit: {}", baseline::summary(report));
    for note in baseline::notes(report) {
        line(out, "notice", None, "baseline", &note);
    }
}

fn ends_soon(out: &mut String, ending: &[DatedWaiver]) {
    for waiver in ending {
        // The policy is a file of the repository: the annotation is shown at its line.
        let (file, line) = (printable(&waiver.file), waiver.line.to_string());
        let title = format!("exception ends soon: {}", waiver.rule);
        let properties = [("file", &*file), ("line", &line), ("title", &title)];
        out.push_str(&workflow_command("warning", &properties, &waivers::sentence(waiver)));
        out.push('\n');
    }
}

fn finding(out: &mut String, named: &Named<'_>, platform: Option<&str>, finding: &Finding, all: bool) {
    let facts = finding.rule.facts();
    // Red is what fails the step.
    let command = match finding.severity {
        severity if severity >= named.audit.policy.fail_on => "error",
        Severity::Medium | Severity::High | Severity::Critical => "warning",
        // A step shows ten notices: what needs no repair does not take the place of what does.
        Severity::Info if !all => return,
        Severity::Low | Severity::Info => "notice",
    };
    let mut message = sentence(&finding.place, &finding.message);
    if let Some(platform) = platform {
        let _ = write!(message, " [{}]", printable(platform));
    }
    if let Some(evidence) = &finding.evidence {
        let _ = write!(message, "\nsaw: {}", printable(evidence));
    }
    let label = if finding.folded { "such as" } else { "also" };
    for place in &finding.also {
        let _ = write!(message, "\n{label}: {}", phrases::subject(place));
    }
    if finding.left_off > 0 {
        let _ = write!(message, "\nand {} more", finding.left_off);
    }
    let _ = write!(message, "\nfix: {}", facts.remediation);
    let title = named.title(&format!("{}: {} ({})", finding.severity, facts.title, facts.name));
    line(out, command, Some(&finding.place), &title, &message);
}

fn unknown(out: &mut String, named: &Named<'_>, unknown: &Unknown) {
    let rules: Vec<_> = unknown.rules.iter().map(|rule| rule.name()).collect();
    let message =
        format!("{}\nrules without a result: {}", sentence(&unknown.place, &unknown.reason), rules.join(", "));
    line(out, "error", Some(&unknown.place), &named.title("not checked"), &message);
}

fn waived(out: &mut String, named: &Named<'_>, waived: &Waived) {
    let Waived { finding, reason, until } = waived;
    let message =
        format!("{}\nuntil {}: {}", sentence(&finding.place, &finding.message), printable(until), printable(reason));
    line(out, "notice", Some(&finding.place), &named.title(&format!("waived: {}", finding.rule)), &message);
}

/// The place, its details, and the message.
fn sentence(place: &FindingPlace, message: &str) -> String {
    let details = phrases::details(place);
    let details = if details.is_empty() { String::new() } else { format!(" ({})", details.join(", ")) };
    format!("{}{details}: {}", phrases::subject(place), printable(message))
}

/// One command. A path keeps its `/`: it is one of the image, not of the repository.
fn line(out: &mut String, command: &str, place: Option<&FindingPlace>, title: &str, message: &str) {
    let path = place.and_then(|place| place.path.as_deref()).map(printable);
    let file = path.as_deref().map(|path| ("file", path));
    let at = place.and_then(|place| place.line).map(|at| at.to_string());
    let at = at.as_deref().filter(|_| file.is_some()).map(|at| ("line", at));
    let properties: Vec<_> = file.into_iter().chain(at).chain([("title", title)]).collect();
    out.push_str(&workflow_command(command, &properties, message));
    out.push('\n');
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::cli::audit::sample_audit;

    #[test]
    fn annotations_have_a_line_each_the_heaviest_first() {
        insta::assert_snapshot!(render(&[sample_audit::audit()], Besides::default(), true));
    }

    #[test]
    fn what_is_only_worth_knowing_has_no_notice_unless_it_is_asked_for() {
        let brief = render(&[sample_audit::audit()], Besides::default(), false);
        assert!(!brief.contains("title=info") && brief.contains("::notice file=/var/lib/apt/lists"), "{brief}");
        let without: Vec<_> = brief.lines().collect();
        let whole = render(&[sample_audit::audit()], Besides::default(), true);
        let kept: Vec<_> = whole.lines().filter(|line| !line.starts_with("::notice title=info")).collect();
        assert_eq!(without, kept);
    }

    #[test]
    fn annotations_of_several_images_name_the_image() {
        let text = render_fleet(&sample_audit::fleet(), sample_audit::ending().as_slice().into(), false);
        let lines: Vec<_> = text.lines().collect();
        let torn =
            "::error title=out/torn.tar%3A not audited::error[image-invalid]: out/torn.tar: the archive ends too early";
        assert_eq!(lines[0], torn);
        for line in lines.iter().filter(|line| line.starts_with("::") && !line.contains("policy.toml")) {
            assert!(
                line.contains("title=registry.example.com/shop/server%3A1.4%3A ") || line.contains("out/torn.tar"),
                "{line}"
            );
        }
        let warning =
            "::warning file=policy.toml,line=4,title=exception ends soon%3A privileged-port::privileged-port for";
        assert!(lines.iter().any(|line| line.starts_with(warning)), "{text}");
        assert_eq!(
            lines.last().copied(),
            Some(
                "hardpan audit: 3 images: 1 clean, 2 unknown (1 critical, 7 high, 2 medium, 1 low, 1 info; 1 in the baseline); 3 files not read"
            )
        );
    }
}
