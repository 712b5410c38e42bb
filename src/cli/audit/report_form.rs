//! [`ReportForm`]: the formats of a report, and the one call that renders any of them.

use super::{
    baseline,
    besides::Besides,
    fleet_table, github, html, json, sarif,
    text::{self, TextStyle},
    waivers,
};
use crate::{
    commands::audit::{AuditReport, AuditSubject},
    report::Limits,
};

/// A format of the report.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum ReportForm {
    /// For people.
    Text,
    /// For programs; `hardpan schema audit` says what is in it.
    Json,
    /// For code scanning: SARIF 2.1.0.
    Sarif,
    /// For the log of a GitHub workflow: annotations.
    Github,
    /// For a browser: one page that holds everything it needs.
    Html,
}

impl ReportForm {
    /// All formats, in the order of the help.
    pub(super) const ALL: [Self; 5] = [Self::Text, Self::Json, Self::Sarif, Self::Github, Self::Html];

    /// The name that `--format` takes.
    pub(super) const fn name(self) -> &'static str {
        match self {
            Self::Text => "text",
            Self::Json => "json",
            Self::Sarif => "sarif",
            Self::Github => "github",
            Self::Html => "html",
        }
    }

    /// The format of that name.
    pub(super) fn named(name: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|form| form.name() == name)
    }

    /// The format that belongs to the extension of a file.
    pub(super) fn of_file(path: &str) -> Option<Self> {
        let name = path.to_ascii_lowercase();
        [
            (".sarif", Self::Sarif),
            (".sarif.json", Self::Sarif),
            (".json", Self::Json),
            (".html", Self::Html),
            (".htm", Self::Html),
            (".txt", Self::Text),
        ]
        .into_iter()
        .find(|(end, _)| name.ends_with(end))
        .map(|(_, form)| form)
    }
}

/// Renders a report; ends with a line break. `look` is for the text report; its `verbose` also brings the annotations of
/// findings that are only worth knowing. With `keeps_suppressed`, SARIF has results of what is waived or in the baseline.
pub(super) fn render(form: ReportForm, report: &AuditReport, look: TextStyle, keeps_suppressed: bool) -> String {
    let besides = Besides::of(report, keeps_suppressed);
    match (&report.subject, form) {
        (AuditSubject::One(audits), ReportForm::Text) => text::render(audits, look) + &below(besides, look),
        (AuditSubject::One(audits), ReportForm::Json) => json::render(audits, besides),
        (AuditSubject::One(audits), ReportForm::Sarif) => sarif::render(audits, besides),
        (AuditSubject::One(audits), ReportForm::Github) => github::render(audits, besides, look.verbose),
        (AuditSubject::One(audits), ReportForm::Html) => html::render(audits, besides),
        (AuditSubject::Fleet(fleet), ReportForm::Text) => fleet_table::render(fleet, look) + &below(besides, look),
        (AuditSubject::Fleet(fleet), ReportForm::Json) => json::render_fleet(fleet, besides),
        (AuditSubject::Fleet(fleet), ReportForm::Sarif) => sarif::render_fleet(fleet, besides),
        (AuditSubject::Fleet(fleet), ReportForm::Github) => github::render_fleet(fleet, besides, look.verbose),
        (AuditSubject::Fleet(fleet), ReportForm::Html) => html::render_fleet(fleet, besides),
    }
}

/// What is below a text report.
fn below(besides: Besides<'_>, look: TextStyle) -> String {
    let shown = if look.verbose { usize::MAX } else { Limits::AUDIT_SHOWN };
    baseline::lines(besides.baseline, shown) + &waivers::ending(besides.ending)
}
