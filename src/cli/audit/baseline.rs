//! What a baseline did, in sentences that all formats share, and the file of a new one.

use std::fmt::Write as _;

use super::{json::written, phrases};
use crate::{
    commands::audit::{AuditReport, BaselineReport, GoneFinding, baseline_of},
    report::printable,
};

/// Images without a part in the baseline that are named; a fleet may have thousands.
const NAMED: usize = 10;

/// The file of `--write-baseline`.
pub(super) fn document(report: &AuditReport, today: (u16, u8, u8)) -> String {
    written(&baseline_of(report, today))
}

/// How much is accepted: `baseline.json accepts 12 findings`.
pub(super) fn summary(baseline: &BaselineReport) -> String {
    let file = printable(&baseline.file);
    let mut text = format!("the baseline {file} accepts {}", phrases::count(baseline.accepted, "finding"));
    if !baseline.gone.is_empty() {
        let count = baseline.gone.len();
        let are = if count == 1 { "entry is" } else { "entries are" };
        let _ = write!(text, "; {count} of its {are} no longer found, `--write-baseline` leaves them out");
    }
    text
}

/// What a reader has to know besides: images that it does not name.
pub(super) fn notes(baseline: &BaselineReport) -> Vec<String> {
    let mut notes: Vec<String> = baseline.images_without.iter().take(NAMED).map(|image| without(image)).collect();
    let more = baseline.images_without.len().saturating_sub(NAMED);
    if more > 0 {
        notes.push(format!("the baseline says nothing of {}", phrases::count(more, "more image")));
    }
    notes
}

fn without(image: &str) -> String {
    format!("the baseline says nothing of {}", printable(image))
}

/// An entry that was not found.
pub(super) fn gone(gone: &GoneFinding) -> String {
    let entry = &gone.entry;
    let mut text = format!("{} {}", entry.severity, printable(&entry.rule));
    if let Some(path) = &entry.path {
        let _ = write!(text, " at {}", printable(path));
    }
    if let Some(image) = &gone.image {
        let _ = write!(text, " in {}", printable(image));
    }
    let _ = write!(text, ", accepted since {}", printable(&entry.since));
    text
}

/// The lines below a text report. Of the entries that are gone, `shown` are named.
pub(super) fn lines(baseline: Option<&BaselineReport>, shown: usize) -> String {
    let Some(baseline) = baseline else { return String::new() };
    // Writing to a String cannot fail.
    let mut out = format!("\n{}\n", summary(baseline));
    for entry in baseline.gone.iter().take(shown) {
        let _ = writeln!(out, "  no longer found: {}", gone(entry));
    }
    let more = baseline.gone.len().saturating_sub(shown);
    if more > 0 {
        let _ = writeln!(out, "  and {more} more; `-v` shows all");
    }
    for note in notes(baseline) {
        let _ = writeln!(out, "  {note}");
    }
    out
}
