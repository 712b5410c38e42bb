//! The text report of several images: one table with a line for each image and rule, and a count of the outcomes.
//!
//! ```text
//! IMAGE         OUTCOME  SEVERITY  RULE       FINDINGS  WHERE
//! out/hello     clean    -         -          0         -
//! out/old       found    high      root-user  1         config.User
//! out/gone.tar  unknown  -         -          -         error[image-invalid]: ...
//! ```

use std::fmt::Write as _;

use super::{
    columns::{aligned, row},
    groups::{self, AuditOutcome},
    phrases,
    text::{self, TextStyle},
};
use crate::{
    audit::{Audit, Finding},
    commands::audit::AuditFleet,
    report::{Failure, printable},
};

/// The table of all images. With `-v`, the report of each image comes before it.
pub(super) fn render(fleet: &AuditFleet, look: TextStyle) -> String {
    let mut out = String::new();
    if look.verbose {
        for audits in fleet.images.iter().filter_map(|image| image.result.as_ref().ok()) {
            out.push_str(&text::render(audits, look));
            out.push('\n');
        }
    }
    let mut rows = vec![row(["IMAGE", "OUTCOME", "SEVERITY", "RULE", "FINDINGS", "WHERE"])];
    for image in &fleet.images {
        match &image.result {
            Err(failure) => rows.push(row([&printable(&image.image), "unknown", "-", "-", "-", &labelled(failure)])),
            Ok(audits) => {
                for audit in audits {
                    rows.extend(audit_rows(&groups::audit_name(image, audit), audit));
                }
            }
        }
    }
    out.push_str(&aligned(&rows));
    out.push('\n');
    for other in &fleet.others {
        // Writing to a String cannot fail.
        let _ = writeln!(out, "not an image: {}: {}", printable(&other.path), printable(&other.reason));
    }
    if let Some(policy) = groups::all_audits(fleet).next().map(|audit| &audit.policy) {
        let on = phrases::threshold(policy.fail_on);
        let _ = writeln!(out, "judged by the profile `{}`: fails at {on}", printable(&policy.profile));
        for change in &policy.overrides {
            let now = change.severity.map_or("is switched off".to_owned(), |severity| format!("is {severity}"));
            let _ = writeln!(out, "by the policy `{}` {now}", change.rule);
        }
    }
    let _ = writeln!(out, "{}", verdict(fleet));
    out
}

/// The count of images and of their outcomes: `3 images: 1 clean, 1 found, 1 unknown (2 high)`.
pub(super) fn verdict(fleet: &AuditFleet) -> String {
    let outcomes: Vec<_> = fleet.images.iter().map(groups::image_outcome).collect();
    let counts: Vec<_> = [AuditOutcome::Clean, AuditOutcome::Found, AuditOutcome::Unknown]
        .into_iter()
        .map(|outcome| (outcome.name(), outcomes.iter().filter(|one| **one == outcome).count()))
        .filter(|(_, count)| *count > 0)
        .map(|(name, count)| format!("{count} {name}"))
        .collect();
    let findings =
        phrases::counts(&groups::count_by_severity(groups::all_audits(fleet).flat_map(groups::all_findings)));
    let accepted = groups::all_audits(fleet).map(|audit| groups::all_accepted(audit).count()).sum();
    let findings = phrases::with_accepted(&findings, accepted);
    let unread = phrases::unread(groups::all_audits(fleet).map(Audit::unread_count).sum());
    format!("{}: {} ({findings}){unread}", phrases::count(outcomes.len(), "image"), counts.join(", "))
}

/// A failure with the name that `hardpan explain` takes.
pub(super) fn labelled(failure: &Failure) -> String {
    failure.label().map_or_else(|| format!("error: {failure}"), |label| format!("error[{label}]: {failure}"))
}

/// The lines of one image: what was found, most severe first, what is waived, and what was not checked.
fn audit_rows(name: &str, audit: &Audit) -> Vec<Vec<String>> {
    let outcome = groups::audit_outcome(audit).name();
    let mut rows = Vec::new();
    for group in groups::group_findings(groups::all_findings(audit)) {
        let (severity, count) = (group.severity.name(), group.findings.len().to_string());
        rows.push(row([name, outcome, severity, group.rule.name(), &count, &first_of(&group.findings)]));
    }
    let waived = audit.waived.iter().chain(audit.images.iter().flat_map(|image| &image.waived));
    for one in waived {
        let place = format!("{}, until {}", phrases::subject(&one.finding.place), printable(&one.until));
        rows.push(row([name, outcome, "waived", one.finding.rule.name(), "1", &place]));
    }
    let accepted: Vec<&Finding> = groups::all_accepted(audit).map(|accepted| &accepted.finding).collect();
    if !accepted.is_empty() {
        let places = first_of(&accepted);
        rows.push(row([name, outcome, "baseline", "-", &accepted.len().to_string(), &places]));
    }
    for one in audit.unknown.iter().chain(audit.images.iter().flat_map(|image| &image.unknown)) {
        let rules = match one.rules.as_slice() {
            [rule] => rule.name().to_owned(),
            several => phrases::count(several.len(), "rule"),
        };
        let why = format!("not checked: {}: {}", phrases::subject(&one.place), printable(&one.reason));
        rows.push(row([name, outcome, "-", &rules, "-", &why]));
    }
    if rows.is_empty() {
        rows.push(row([name, outcome, "-", "-", "0", "-"]));
    }
    rows
}

/// The first place, and how many there are besides. A folder that stands for places below it is one.
fn first_of(findings: &[&Finding]) -> String {
    let first = findings.first().map(|finding| phrases::subject(&finding.place).into_owned()).unwrap_or_default();
    let places = |finding: &&Finding| if finding.folded { 1 } else { finding.places() };
    match findings.iter().map(places).sum::<usize>().saturating_sub(1) {
        0 => first,
        more => format!("{first} and {more} more"),
    }
}
