//! The sections of the HTML report about rules: findings, waived findings, what was not checked, checked rules.

use super::{html_text::HtmlText, map_anchors::MapAnchors};
use crate::{
    audit::{Accepted, Finding, FindingPlace, ImageAudit, Unknown, Waived},
    cli::audit::{
        groups::{FindingGroup, found_rules, group_findings},
        phrases,
    },
    report::{Limits, Rule, Severity},
};

/// Places of one rule that are shown at once; the rest unfolds.
const OPEN: usize = 8;

/// The findings, a card for each rule.
pub(super) fn findings(page: &mut HtmlText, findings: &[Finding], anchors: Option<&MapAnchors<'_>>) {
    for group in group_findings(findings) {
        card(page, &group, anchors);
    }
}

fn card(page: &mut HtmlText, group: &FindingGroup<'_>, anchors: Option<&MapAnchors<'_>>) {
    let facts = group.rule.facts();
    page.html("<article class=\"card s-").text(group.severity.name()).html("\" data-severity=\"");
    page.text(group.severity.name()).html("\">\n<h4>");
    chip(page, group.severity);
    page.html(" ").text(sentence(facts.title)).html("</h4>\n<p class=\"rule\"><code>").text(facts.name);
    page.html("</code> <span>").text(facts.code).html("</span></p>\n");
    page.html("<ul class=\"places\">\n");
    let shown = group.findings.len().min(Limits::AUDIT_PAGE);
    let (first, rest) = group.findings.split_at_checked(shown.min(OPEN)).unwrap_or((&group.findings, &[]));
    for finding in first {
        finding_item(page, finding, anchors);
    }
    page.html("</ul>\n");
    let rest = rest.get(..shown - first.len()).unwrap_or(rest);
    if !rest.is_empty() {
        page.html("<details><summary>").text(rest.len()).html(" more</summary>\n<ul class=\"places\">\n");
        for finding in rest {
            finding_item(page, finding, anchors);
        }
        page.html("</ul></details>\n");
    }
    let left = group.findings.len() - shown;
    if left > 0 {
        page.html("<p class=\"note\">And ").text(left).html(" more, which the JSON report lists.</p>\n");
    }
    page.html("<dl class=\"advice\"><dt>Why</dt><dd>").prose(facts.rationale).html("</dd>\n<dt>Fix</dt><dd>");
    page.prose(facts.remediation).html("</dd>\n");
    if !facts.sources.is_empty() {
        page.html("<dt>See</dt><dd>").text(facts.sources.join(" · ")).html("</dd>\n");
    }
    page.html("</dl>\n</article>\n");
}

/// One finding: where, what, and what was seen.
fn finding_item(page: &mut HtmlText, finding: &Finding, anchors: Option<&MapAnchors<'_>>) {
    page.html("<li>");
    place(page, &finding.place, anchors);
    page.html("<p>").prose(&sentence(&finding.message)).html("</p>");
    if let Some(evidence) = &finding.evidence {
        page.html("<p class=\"saw\">Saw ").code(evidence).html("</p>");
    }
    if !finding.also.is_empty() {
        page.html("<p class=\"saw\">").html(if finding.folded { "Such as:" } else { "Also:" }).html("</p><ul>");
        for other in &finding.also {
            page.html("<li>");
            place(page, other, anchors);
            page.html("</li>");
        }
        page.html("</ul>");
    }
    if finding.left_off > 0 {
        page.html("<p class=\"saw\">And ").text(finding.left_off).html(" more places.</p>");
    }
    page.html("</li>\n");
}

/// What a finding is about, and what is known of it, with a link to its box in the map.
fn place(page: &mut HtmlText, place: &FindingPlace, anchors: Option<&MapAnchors<'_>>) {
    page.code(raw_subject(place));
    let details = phrases::details(place);
    if !details.is_empty() {
        page.html(" <span class=\"meta\">").text(details.join(" · ")).html("</span>");
    }
    if let Some(anchor) = anchors.and_then(|anchors| anchors.nearest(place)) {
        page.html(" <a class=\"to-map\" href=\"#").text(anchor).html("\">map</a>");
    }
}

/// What a finding is about, as it is; the page escapes it.
fn raw_subject(place: &FindingPlace) -> String {
    match (&place.path, &place.key) {
        (Some(path), _) => place.member.as_ref().map_or_else(|| path.clone(), |member| format!("{path}!/{member}")),
        (None, Some(key)) => key.clone(),
        (None, None) => phrases::subject(place).into_owned(),
    }
}

/// The severity as a word on its color.
pub(super) fn chip(page: &mut HtmlText, severity: Severity) {
    page.html("<span class=\"chip s-").text(severity.name()).html("\">").text(severity.name()).html("</span>");
}

/// What was not checked; shown first, because it may hide any finding.
pub(super) fn unknown(page: &mut HtmlText, unknown: &[Unknown], anchors: Option<&MapAnchors<'_>>) {
    if unknown.is_empty() {
        return;
    }
    page.html("<section class=\"card unknown\">\n<h3>Not checked</h3>\n<ul class=\"places\">\n");
    for one in unknown {
        page.html("<li>");
        place(page, &one.place, anchors);
        page.html("<p>").prose(&sentence(&one.reason)).html("</p><p class=\"saw\">Rules without a result: ");
        names(page, &one.rules);
        page.html(".</p></li>\n");
    }
    page.html("</ul></section>\n");
}

/// Files that were not read: what is in them, nobody knows.
pub(super) fn unread(page: &mut HtmlText, image: &ImageAudit) {
    if image.unread_count == 0 {
        return;
    }
    page.html("<section class=\"card\">\n<h3>Not read</h3>\n<p>");
    page.text(phrases::count(image.unread_count, "file")).html(" may hold anything.</p>\n<ul class=\"places\">\n");
    for one in image.unread.iter().take(Limits::AUDIT_PAGE) {
        page.html("<li>");
        place(page, &one.place, None);
        page.html("<p>").prose(&sentence(&one.reason)).html("</p></li>\n");
    }
    page.html("</ul>\n");
    let left = image.unread_count - image.unread.len().min(Limits::AUDIT_PAGE);
    if left > 0 {
        page.html("<p class=\"note\">And ").text(left).html(" more.</p>\n");
    }
    page.html("</section>\n");
}

/// What the policy excepts.
pub(super) fn waived(page: &mut HtmlText, waived: &[Waived]) {
    if waived.is_empty() {
        return;
    }
    page.html("<section class=\"card\">\n<h3>Waived</h3>\n<ul class=\"places\">\n");
    for one in waived {
        page.html("<li>");
        chip(page, one.finding.severity);
        page.html(" ");
        place(page, &one.finding.place, None);
        page.html("<p>")
            .prose(&sentence(&one.finding.message))
            .html(" <code>")
            .text(one.finding.rule)
            .html("</code></p>");
        page.html("<p class=\"saw\">Until ").text(&one.until).html(": ").text(&one.reason).html("</p></li>\n");
    }
    page.html("</ul></section>\n");
}

/// What the baseline accepts.
pub(super) fn accepted(page: &mut HtmlText, accepted: &[Accepted]) {
    if accepted.is_empty() {
        return;
    }
    page.html("<section class=\"card\">\n<h3>In the baseline</h3>\n<details><summary>");
    page.text(phrases::count(accepted.len(), "accepted finding")).html("</summary>\n<ul class=\"places\">\n");
    for one in accepted.iter().take(Limits::AUDIT_PAGE) {
        page.html("<li>");
        chip(page, one.finding.severity);
        page.html(" ");
        place(page, &one.finding.place, None);
        page.html("<p>").prose(&sentence(&one.finding.message)).html(" <code>").text(one.finding.rule);
        page.html("</code></p><p class=\"saw\">Since ").text(&one.since).html("</p></li>\n");
    }
    page.html("</ul>\n");
    let left = accepted.len().saturating_sub(Limits::AUDIT_PAGE);
    if left > 0 {
        page.html("<p class=\"note\">And ").text(left).html(" more, which the JSON report lists.</p>\n");
    }
    page.html("</details></section>\n");
}

/// The checked rules, and those that do not apply.
pub(super) fn checked(page: &mut HtmlText, image: &ImageAudit) {
    let found = found_rules(image);
    let clean: Vec<_> = image.checked.iter().copied().filter(|rule| !found.contains(rule)).collect();
    page.html("<section class=\"card\">\n<h3>Checked</h3>\n<p>");
    page.text(phrases::count(image.checked.len(), "rule")).html(" to the end: ");
    page.text(image.checked.len() - clean.len()).html(" with findings, ").text(clean.len()).html(" without; ");
    page.text(image.not_applicable.len());
    page.html(if image.not_applicable.len() == 1 { " does not apply.</p>\n" } else { " do not apply.</p>\n" });
    page.html("<details><summary>Rules that found nothing</summary><p>");
    names(page, &clean);
    page.html("</p></details>\n");
    if !image.not_applicable.is_empty() {
        page.html("<details><summary>Rules that do not apply</summary>\n<ul>");
        for one in &image.not_applicable {
            page.html("<li><code>").text(one.rule).html("</code>: ").text(&one.why).html("</li>\n");
        }
        page.html("</ul></details>\n");
    }
    page.html("</section>\n");
}

fn names(page: &mut HtmlText, rules: &[Rule]) {
    for (at, rule) in rules.iter().enumerate() {
        page.html(if at > 0 { ", <code title=\"" } else { "<code title=\"" });
        page.text(rule.facts().title).html("\">").text(rule.name()).html("</code>");
    }
}

/// A sentence of ours begins with a capital on a page.
pub(super) fn sentence(text: &str) -> String {
    let mut chars = text.chars();
    chars.next().map_or_else(String::new, |first| first.to_uppercase().chain(chars).collect())
}
