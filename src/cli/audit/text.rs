//! The text report of an audit, for people: findings grouped by rule, most severe first, then what was not checked.
//!
//! ```text
//! out/hello@sha256:...
//!   judged by the profile `default`: fails at high and above
//!
//! linux/amd64 sha256:...
//!   3 layers, 12.1 MB, unpacked 30.5 MB
//!
//!   high: the image runs as root [root-user, USR001]
//!     config.User: the user is `0`
//!     fix: set a numeric user
//! ```

use std::fmt::Write as _;

use anstyle::{AnsiColor, Style};
use serde_json::Value;

use super::{
    groups::{self, AuditOutcome, FindingGroup},
    phrases,
};
use crate::{
    audit::{Accepted, Audit, Finding, FindingPlace, ImageAudit, NotApplicable, Unknown, Unread, Waived},
    cli::terminal::{Color, has_color},
    report::{Limits, Rule, Severity, printable},
};

/// Lines longer than this are broken, where they are our own words.
const WIDTH: usize = 100;

/// Options of the text report.
#[derive(Debug, Clone, Copy, Default)]
pub(in crate::cli) struct TextStyle {
    /// With escape sequences for colors.
    pub(super) color: bool,
    /// With every place, and every checked rule.
    pub(super) verbose: bool,
}

impl TextStyle {
    /// The style for stdout.
    pub(in crate::cli) fn of_stdout(color: Color, verbose: u8) -> Self {
        Self { color: has_color(color, &std::io::stdout()), verbose: verbose > 0 }
    }
}

/// The report of every audit, with an empty line between two.
pub(super) fn render(audits: &[Audit], look: TextStyle) -> String {
    let pages: Vec<_> = audits.iter().map(|audit| ReportText { out: String::new(), look }.audit(audit)).collect();
    pages.join("\n")
}

/// A text in the making. Writing to its String cannot fail.
struct ReportText {
    out: String,
    look: TextStyle,
}

impl ReportText {
    fn audit(mut self, audit: &Audit) -> String {
        let bold = self.paint(Style::new().bold());
        let _ = writeln!(self.out, "{bold}{}{bold:#} {}", phrases::name(audit), audit.digest);
        let policy = &audit.policy;
        let on = phrases::threshold(policy.fail_on);
        let _ = writeln!(self.out, "  judged by the profile `{}`: fails at {on}", printable(&policy.profile));
        for change in &policy.overrides {
            let now = change.severity.map_or("is switched off".to_owned(), |severity| format!("is {severity}"));
            let _ = writeln!(self.out, "  by the policy `{}` {now}", change.rule);
        }
        self.findings(&audit.findings);
        self.waived(&audit.waived);
        self.accepted(&audit.baseline);
        self.unknown(&audit.unknown);
        for image in &audit.images {
            self.image(image);
        }
        for skipped in &audit.skipped {
            let _ = writeln!(self.out, "\nnot an image: {}: {}", skipped.digest, printable(&skipped.reason));
        }
        let outcome = groups::audit_outcome(audit);
        let color = match outcome {
            AuditOutcome::Clean => AnsiColor::BrightGreen,
            AuditOutcome::Found => AnsiColor::BrightRed,
            AuditOutcome::Unknown => AnsiColor::BrightYellow,
        };
        let style = self.paint(color.on_default().bold());
        let verdict = phrases::verdict(outcome, audit);
        let counts = phrases::audit_counts(audit);
        let _ = writeln!(self.out, "\n{style}{verdict}{style:#} ({counts})");
        self.out
    }

    fn image(&mut self, image: &ImageAudit) {
        let bold = self.paint(Style::new().bold());
        let _ = writeln!(self.out, "\n{bold}{}{bold:#} {}", printable(&image.platform), image.digest);
        let (stored, unpacked) = phrases::sizes(image);
        let layers = phrases::count(image.layers.len(), "layer");
        let _ = writeln!(self.out, "  {layers}, {}, unpacked {}", phrases::size(stored), phrases::size(unpacked));
        let run = image.config.get("config").unwrap_or(&Value::Null);
        for (name, value) in crate::cli::listing::config_rows(run) {
            if ["user", "entrypoint", "args"].contains(&name) {
                let _ = writeln!(self.out, "  {name} {value}");
            }
        }
        self.findings(&image.findings);
        self.waived(&image.waived);
        self.accepted(&image.baseline);
        self.unknown(&image.unknown);
        self.unread(image);
        self.checked(image);
    }

    fn findings(&mut self, findings: &[Finding]) {
        for group in groups::group_findings(findings) {
            self.group(&group);
        }
    }

    fn group(&mut self, group: &FindingGroup<'_>) {
        let facts = group.rule.facts();
        let style = self.paint(of_severity(group.severity));
        let dim = self.paint(Style::new().dimmed());
        let (severity, title) = (group.severity, facts.title);
        let _ =
            writeln!(self.out, "\n  {style}{severity}{style:#}: {title} {dim}[{}, {}]{dim:#}", facts.name, facts.code);
        let shown = if self.look.verbose { usize::MAX } else { Limits::AUDIT_SHOWN };
        for finding in group.findings.iter().take(shown) {
            self.finding(finding, shown);
        }
        let more = group.findings.len().saturating_sub(shown);
        if more > 0 {
            let _ = writeln!(self.out, "    and {more} more; `-v` shows all");
        }
        let hint = self.paint(AnsiColor::BrightCyan.on_default().bold());
        self.wrapped(&format!("{hint}fix{hint:#}: "), facts.remediation);
    }

    fn finding(&mut self, finding: &Finding, shown: usize) {
        let _ = writeln!(self.out, "    {}: {}", self.place(&finding.place), printable(&finding.message));
        if let Some(evidence) = &finding.evidence {
            let _ = writeln!(self.out, "      saw: {}", printable(evidence));
        }
        let label = if finding.folded { "such as" } else { "also" };
        for place in finding.also.iter().take(shown) {
            let _ = writeln!(self.out, "      {label}: {}", self.place(place));
        }
        let listed = finding.also.len().saturating_sub(shown);
        let more = listed.saturating_add(finding.left_off);
        let end = match listed {
            0 => String::new(),
            listed if listed == more => " places; `-v` shows all".to_owned(),
            listed => format!(" places; `-v` shows {listed} of them"),
        };
        if more > 0 {
            let _ = writeln!(self.out, "      and {more} more{end}");
        }
    }

    fn waived(&mut self, waived: &[Waived]) {
        if waived.is_empty() {
            return;
        }
        let _ = writeln!(self.out, "\n  waived: {}", phrases::count(waived.len(), "finding"));
        for one in waived {
            let Waived { finding, reason, until } = one;
            let what = format!("{} [{}]", printable(&finding.message), finding.rule);
            let _ = writeln!(self.out, "    {}: {what}", self.place(&finding.place));
            let _ = writeln!(self.out, "      until {}: {}", printable(until), printable(reason));
        }
    }

    /// What the baseline accepts: people know it already, so that all of it is shown only where all of everything is.
    fn accepted(&mut self, accepted: &[Accepted]) {
        if accepted.is_empty() {
            return;
        }
        let _ = writeln!(self.out, "\n  in the baseline: {}", phrases::count(accepted.len(), "finding"));
        for Accepted { finding, since } in accepted.iter().filter(|_| self.look.verbose) {
            let what = format!("{} [{}]", printable(&finding.message), finding.rule);
            let _ = writeln!(self.out, "    {}: {what}", self.place(&finding.place));
            let _ = writeln!(self.out, "      {}, accepted since {}", finding.severity, printable(since));
        }
    }

    fn unknown(&mut self, unknown: &[Unknown]) {
        if unknown.is_empty() {
            return;
        }
        let style = self.paint(AnsiColor::BrightYellow.on_default().bold());
        let _ = writeln!(self.out, "\n  {style}not checked{style:#}:");
        for one in unknown {
            let _ = writeln!(self.out, "    {}: {}", self.place(&one.place), printable(&one.reason));
            self.wrapped("  rules without a result: ", &names(one.rules.iter().copied()));
        }
    }

    /// What was not read: what is in it, nobody knows.
    fn unread(&mut self, image: &ImageAudit) {
        if image.unread_count == 0 {
            return;
        }
        let style = self.paint(AnsiColor::BrightYellow.on_default().bold());
        let files = phrases::count(image.unread_count, "file");
        let _ = writeln!(self.out, "\n  {style}not read{style:#}: {files}, which may hold anything");
        let shown = if self.look.verbose { usize::MAX } else { Limits::AUDIT_SHOWN };
        for Unread { place, reason } in image.unread.iter().take(shown) {
            let _ = writeln!(self.out, "    {}: {}", self.place(place), printable(reason));
        }
        let listed = image.unread.len().min(shown);
        if image.unread_count > listed {
            let hint = if image.unread.len() > listed { "; `-v` shows more" } else { "" };
            let _ = writeln!(self.out, "    and {} more{hint}", image.unread_count - listed);
        }
    }

    fn checked(&mut self, image: &ImageAudit) {
        let with = groups::found_rules(image);
        let clean = image.checked.iter().filter(|rule| !with.contains(rule)).count();
        let checked = phrases::count(image.checked.len(), "rule");
        let _ = writeln!(
            self.out,
            "\n  checked {checked}: {clean} found nothing; {} {}",
            image.not_applicable.len(),
            if image.not_applicable.len() == 1 { "does not apply" } else { "do not apply" }
        );
        if self.look.verbose {
            self.wrapped("checked: ", &names(image.checked.iter().copied()));
            for NotApplicable { rule, why } in &image.not_applicable {
                let _ = writeln!(self.out, "    {rule} does not apply: {}", printable(why));
            }
        }
    }

    /// A place and what is known of it, in one line.
    fn place(&self, place: &FindingPlace) -> String {
        let bold = self.paint(Style::new().bold());
        let subject = phrases::subject(place);
        let details = phrases::details(place);
        if details.is_empty() {
            format!("{bold}{subject}{bold:#}")
        } else {
            format!("{bold}{subject}{bold:#} ({})", details.join(", "))
        }
    }

    /// Our own words below a finding, broken into lines.
    fn wrapped(&mut self, label: &str, words: &str) {
        let indent = "    ";
        let mut line = format!("{indent}{label}");
        let mut width = indent.len() + anstream::adapter::strip_str(label).to_string().len();
        for word in words.split(' ') {
            if width + word.len() > WIDTH {
                let _ = writeln!(self.out, "{}", line.trim_end());
                line = format!("{indent}  ");
                width = line.len();
            }
            line.push_str(word);
            line.push(' ');
            width += word.len() + 1;
        }
        let _ = writeln!(self.out, "{}", line.trim_end());
    }

    fn paint(&self, style: Style) -> Style {
        if self.look.color { style } else { Style::new() }
    }
}

/// The names of rules, as one text.
fn names(rules: impl Iterator<Item = Rule>) -> String {
    rules.map(Rule::name).collect::<Vec<_>>().join(", ")
}

fn of_severity(severity: Severity) -> Style {
    match severity {
        Severity::Critical => AnsiColor::BrightRed.on_default().bold().invert(),
        Severity::High => AnsiColor::BrightRed.on_default().bold(),
        Severity::Medium => AnsiColor::BrightYellow.on_default().bold(),
        Severity::Low => AnsiColor::BrightBlue.on_default().bold(),
        Severity::Info => Style::new().bold(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::cli::audit::sample_audit;

    #[test]
    fn the_text_says_what_was_checked_waived_and_not_looked_at() {
        insta::assert_snapshot!(render(&[sample_audit::audit()], TextStyle::default()));
    }

    #[test]
    fn colors_change_nothing_but_the_colors() {
        let plain = render(&[sample_audit::audit()], TextStyle::default());
        let colored = render(&[sample_audit::audit()], TextStyle { color: true, verbose: false });
        assert!(colored.contains("\u{1b}[1m"));
        assert_eq!(anstream::adapter::strip_str(&colored).to_string(), plain);
    }

    #[test]
    fn a_thousand_findings_are_few_lines_unless_all_are_asked_for() {
        let mut audit = sample_audit::audit();
        let image = audit.images.first_mut().expect("an image");
        let one = image.findings.first().expect("a finding").clone();
        image.findings = vec![one; 1000];
        let audits = [audit];
        let brief = render(&audits, TextStyle::default());
        assert!(brief.contains("and 990 more; `-v` shows all"), "{brief}");
        assert!(brief.lines().count() < 80, "{brief}");
        assert!(render(&audits, TextStyle { color: false, verbose: true }).lines().count() > 1000);
    }

    #[test]
    fn an_image_without_findings_passes_in_a_few_lines() {
        insta::assert_snapshot!(render(&[sample_audit::clean()], TextStyle::default()));
    }
}
