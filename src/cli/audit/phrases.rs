//! Phrases that all report formats share: places, sizes, counts, the verdict. Everything returned here is safe to
//! print.

use std::borrow::Cow;

use super::groups::{self, AuditOutcome};
use crate::{
    audit::{Audit, FindingPlace, ImageAudit, Presence},
    report::{Severity, printable},
};

/// The subject of a finding: a path, with the member of a packed file where it is about one, a key, a layer, or the image.
pub(super) fn subject(place: &FindingPlace) -> Cow<'_, str> {
    match (&place.path, &place.key, &place.layer) {
        (Some(path), _, _) => match &place.member {
            Some(member) => format!("{}!/{}", printable(path), printable(member)).into(),
            None => printable(path),
        },
        (None, Some(key), _) => printable(key),
        (None, None, Some(layer)) => format!("layer {}", layer.index).into(),
        (None, None, None) => "the image".into(),
    }
}

/// Details of a place (layer, mode, owner, offset), in the order in which they are printed.
pub(super) fn details(place: &FindingPlace) -> Vec<String> {
    let mut details = Vec::new();
    if let Some(layer) = place.layer.as_ref().filter(|_| place.path.is_some() || place.key.is_some()) {
        details.push(format!("layer {}", layer.index));
    }
    match place.presence {
        Presence::RemovedIn(layer) => details.push(format!("removed in layer {layer}, still there to download")),
        Presence::ReplacedIn(layer) => details.push(format!("replaced in layer {layer}, still there to download")),
        Presence::Final | Presence::NotAFile => {}
    }
    if let Some(mode) = place.mode {
        details.push(format!("mode {mode:04o}"));
    }
    match (place.uid, place.gid) {
        (Some(uid), Some(gid)) => details.push(format!("owner {uid}:{gid}")),
        (Some(uid), None) => details.push(format!("owner {uid}")),
        (None, Some(gid)) => details.push(format!("group {gid}")),
        (None, None) => {}
    }
    if let Some(real) = &place.real_path {
        details.push(format!("is {}", printable(real)));
    }
    match (place.line, place.offset) {
        (Some(line), _) => details.push(format!("line {line}")),
        (None, Some(offset)) => details.push(format!("at byte {offset}")),
        (None, None) => {}
    }
    details
}

/// A number of bytes with three digits; MB is a million, as in a recipe's `max-size`.
pub(super) fn size(bytes: u64) -> String {
    const UNITS: [&str; 6] = ["kB", "MB", "GB", "TB", "PB", "EB"];
    if bytes < 1000 {
        return format!("{bytes} B");
    }
    let mut unit = 0;
    let mut scale = 1000_u64;
    while unit + 1 < UNITS.len() && bytes / scale >= 1000 {
        scale *= 1000;
        unit += 1;
    }
    let name = UNITS.get(unit).unwrap_or(&"");
    let (whole, tenth) = (bytes / scale, bytes % scale / (scale / 10));
    if whole >= 100 { format!("{whole} {name}") } else { format!("{whole}.{tenth} {name}") }
}

/// `1 finding`, `2 findings`.
pub(super) fn count(count: usize, one: &str) -> String {
    match count {
        1 => format!("1 {one}"),
        _ => format!("{count} {one}s"),
    }
}

/// `1 entry`, `2 entries`.
pub(super) fn entries(count: u64) -> String {
    if count == 1 { "1 entry".to_owned() } else { format!("{count} entries") }
}

/// The counts that are not 0: `1 critical, 2 high`.
pub(super) fn counts(counts: &[(Severity, usize)]) -> String {
    let nonzero: Vec<_> =
        counts.iter().filter(|(_, count)| *count > 0).map(|(what, count)| format!("{count} {what}")).collect();
    if nonzero.is_empty() { "no findings".to_owned() } else { nonzero.join(", ") }
}

/// `high` and above.
pub(super) fn threshold(severity: Severity) -> String {
    if severity == Severity::Critical { "critical".to_owned() } else { format!("{severity} and above") }
}

/// The counts of an audit's findings, and how many more a baseline accepts: `1 high; 12 in the baseline`.
pub(super) fn audit_counts(audit: &Audit) -> String {
    with_accepted(&counts(&groups::count_by_severity(groups::all_findings(audit))), groups::all_accepted(audit).count())
}

/// Counts, and how many findings a baseline accepts besides.
pub(super) fn with_accepted(counts: &str, accepted: usize) -> String {
    if accepted == 0 { counts.to_owned() } else { format!("{counts}; {accepted} in the baseline") }
}

/// The name of the image as the user gave it, with its reference in the layout or archive.
pub(super) fn name(audit: &Audit) -> String {
    match &audit.reference {
        Some(reference) => format!("{} ({})", printable(&audit.image), printable(reference)),
        None => printable(&audit.image).into_owned(),
    }
}

/// The verdict as one sentence.
pub(super) fn verdict(outcome: AuditOutcome, audit: &Audit) -> String {
    let (failing, on) = (audit.failing(), threshold(audit.policy.fail_on));
    let found = match failing {
        0 => format!("nothing found at {on}"),
        count => format!("{} at {on}", self::count(count, "finding")),
    };
    let unread = unread(audit.unread_count());
    match outcome {
        AuditOutcome::Clean => format!("passes: {found}{unread}"),
        AuditOutcome::Found => format!("fails: {found}{unread}"),
        AuditOutcome::Unknown => format!("incomplete: not everything could be checked; {found}{unread}"),
    }
}

/// How many files were not read, as the end of a sentence; empty for none.
pub(super) fn unread(files: usize) -> String {
    if files == 0 { String::new() } else { format!("; {} not read", count(files, "file")) }
}

/// Stored and unpacked bytes of all layers.
pub(super) fn sizes(image: &ImageAudit) -> (u64, u64) {
    image.layers.iter().fold((0_u64, 0_u64), |(stored, unpacked), layer| {
        (stored.saturating_add(layer.size), unpacked.saturating_add(layer.unpacked_size))
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn sizes_have_three_digits_at_most_and_never_overflow() {
        let sizes = [0, 999, 1000, 1999, 99_949, 123_456, 999_999_999, u64::MAX].map(size);
        assert_eq!(sizes, ["0 B", "999 B", "1.0 kB", "1.9 kB", "99.9 kB", "123 kB", "999 MB", "18.4 EB"]);
    }
}
