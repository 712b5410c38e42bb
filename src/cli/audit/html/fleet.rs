//! What the HTML report has only for several images, the table of all of them, and exceptions that end soon.

use super::{findings::sentence, html_text::HtmlText, tiles};
use crate::{
    cli::audit::{
        baseline, fleet_table,
        groups::{self, AuditOutcome},
        phrases, waivers,
    },
    commands::audit::{AuditFleet, BaselineReport},
    policy::DatedWaiver,
    report::{Limits, Severity},
};

/// The head of the page and the table of images, each with a link to its part.
pub(super) fn summary(page: &mut HtmlText, fleet: &AuditFleet) {
    page.html("<header class=\"top ").html(groups::fleet_outcome(fleet).name());
    page.html("\">\n<p class=\"brand\">hardpan audit</p>\n<h1>").text(phrases::count(fleet.images.len(), "image"));
    page.html("</h1>\n<p class=\"verdict\"><strong>").text(fleet_table::verdict(fleet)).html("</strong></p>\n");
    let findings = groups::all_audits(fleet).flat_map(groups::all_findings);
    tiles(page, &groups::count_by_severity(findings));
    page.html("</header>\n<section aria-labelledby=\"images\">\n<h2 id=\"images\">Images</h2>\n");
    page.html(
        "<div class=\"scroll\" tabindex=\"0\" role=\"region\" aria-label=\"Images\"><table>\n<caption>Images by outcome and \
         findings</caption>\n<thead><tr><th scope=\"col\">Image</th><th scope=\"col\">Outcome</th>",
    );
    for severity in Severity::ALL.iter().rev() {
        page.html("<th scope=\"col\" class=\"n\">").text(severity.name()).html("</th>");
    }
    page.html("</tr></thead>\n<tbody>\n");
    let mut at = 0;
    for image in &fleet.images {
        match &image.result {
            Err(failure) => {
                page.html("<tr><th scope=\"row\"><bdi>").text(&image.image).html("</bdi></th><td>");
                outcome(page, AuditOutcome::Unknown);
                page.html("</td><td colspan=\"5\">").code(fleet_table::labelled(failure)).html("</td></tr>\n");
            }
            Ok(audits) => {
                for audit in audits {
                    page.html("<tr><th scope=\"row\"><a href=\"#image-").text(at).html("\"><bdi>");
                    page.text(groups::audit_name(image, audit)).html("</bdi></a></th><td>");
                    outcome(page, groups::audit_outcome(audit));
                    page.html("</td>");
                    for (_, count) in groups::count_by_severity(groups::all_findings(audit)) {
                        page.html("<td class=\"n\">").text(count).html("</td>");
                    }
                    page.html("</tr>\n");
                    at += 1;
                }
            }
        }
    }
    page.html("</tbody></table></div>\n");
    for other in &fleet.others {
        page.html("<p class=\"meta\">Not an image: ").code(&other.path).html(": ").text(&other.reason).html("</p>\n");
    }
    page.html("</section>\n");
}

/// The outcome as a word in bold, because color alone says nothing to many.
fn outcome(page: &mut HtmlText, outcome: AuditOutcome) {
    page.html("<b>").text(outcome.name()).html("</b>");
}

/// What the baseline did, and which of its entries were not found.
pub(super) fn baseline(page: &mut HtmlText, report: Option<&BaselineReport>) {
    let Some(report) = report else { return };
    page.html("<section class=\"card\">\n<h3>Baseline</h3>\n<p>");
    page.text(sentence(&baseline::summary(report))).html(".</p>\n<ul class=\"places\">\n");
    for entry in report.gone.iter().take(Limits::AUDIT_PAGE) {
        page.html("<li>No longer found: ").text(baseline::gone(entry)).html("</li>\n");
    }
    for note in baseline::notes(report) {
        page.html("<li>").text(sentence(&note)).html("</li>\n");
    }
    page.html("</ul></section>\n");
}

/// The exceptions that end soon.
pub(super) fn ending(page: &mut HtmlText, waivers: &[DatedWaiver]) {
    if waivers.is_empty() {
        return;
    }
    page.html("<section class=\"card unknown\">\n<h3>Exceptions that end soon</h3>\n<ul class=\"places\">\n");
    for waiver in waivers {
        page.html("<li>").text(waivers::sentence(waiver)).html("</li>\n");
    }
    page.html("</ul></section>\n");
}
