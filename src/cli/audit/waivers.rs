//! Exceptions with their last days: the list of `--waivers`, and those that end soon below a text report.

use std::fmt::Write as _;

use serde_json::json;

use super::{
    columns::{aligned, row},
    json::written,
    phrases,
};
use crate::{policy::DatedWaiver, report::printable};

/// The list as a table; a waiver that ends within `soon` days is marked.
pub(super) fn table(waivers: &[DatedWaiver], soon: Option<u32>) -> String {
    if waivers.is_empty() {
        return "no exceptions\n".to_owned();
    }
    let mut rows = vec![row(["UNTIL", "LEFT", "RULE", "PATH", "FILE", "REASON"])];
    for waiver in waivers {
        let mark = if soon.is_some_and(|days| waiver.ends_within(days)) { ", soon" } else { "" };
        rows.push(row([
            &waiver.until,
            &format!("{}{mark}", left(waiver)),
            waiver.rule.name(),
            &waiver.path.as_deref().or(waiver.fingerprint.as_deref()).map_or("-".into(), printable),
            &format!("{}:{}", printable(&waiver.file), waiver.line),
            &printable(&waiver.reason),
        ]));
    }
    aligned(&rows)
}

/// The list as a JSON document.
pub(super) fn document(waivers: &[DatedWaiver]) -> String {
    written(&json!({ "format": 1, "waivers": waivers }))
}

/// The lines below a text report about exceptions that end soon; empty without any.
pub(super) fn ending(waivers: &[DatedWaiver]) -> String {
    if waivers.is_empty() {
        return String::new();
    }
    let mut out = format!("\nending soon: {}\n", phrases::count(waivers.len(), "exception"));
    for waiver in waivers {
        // Writing to a String cannot fail.
        let _ = writeln!(out, "  {}", sentence(waiver));
    }
    out
}

/// An exception that ends soon, in one line.
pub(super) fn sentence(waiver: &DatedWaiver) -> String {
    let path = waiver.path.as_ref().or(waiver.fingerprint.as_ref());
    let path = path.map(|path| format!(" for {}", printable(path))).unwrap_or_default();
    format!(
        "{}{path} until {} ({} left), {}:{}: {}",
        waiver.rule,
        waiver.until,
        left(waiver),
        printable(&waiver.file),
        waiver.line,
        printable(&waiver.reason)
    )
}

/// How long it holds: `11 days`, `last day`, `ended`.
fn left(waiver: &DatedWaiver) -> String {
    match (waiver.ended, usize::try_from(waiver.days_left)) {
        (true, _) | (_, Err(_)) => "ended".to_owned(),
        (false, Ok(0)) => "0 days".to_owned(),
        (false, Ok(days)) => phrases::count(days, "day"),
    }
}
