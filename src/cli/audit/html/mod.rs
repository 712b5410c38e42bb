//! The HTML report: one page without network access or other files. Its content security policy allows one style sheet and
//! one script, by their digests, and nothing else; so a tag that got past [`HtmlText`] would still do nothing. The script
//! filters what is there without it.

mod facts;
mod filter;
mod findings;
mod fleet;
mod html_text;
mod map;
mod map_anchors;
mod treemap;

use base64ct::{Base64, Encoding as _};

use super::{besides::Besides, groups, phrases};
use crate::{
    audit::{Audit, ImageAudit},
    commands::audit::AuditFleet,
    oci::Digest,
    report::Severity,
};
use html_text::HtmlText;
use map::Boxes;
use map_anchors::MapAnchors;

/// The style sheet, without the boxes of the treemap.
const STYLE: &str = include_str!("page.css");

/// The page of every audit of one image.
pub(super) fn render(audits: &[Audit], besides: Besides<'_>) -> String {
    let (mut body, mut boxes) = (HtmlText::default(), Boxes::default());
    for (at, audit) in audits.iter().enumerate() {
        self::audit(&mut body, at, audit, at == 0, &mut boxes);
    }
    fleet::ending(&mut body, besides.ending);
    fleet::baseline(&mut body, besides.baseline);
    let names: Vec<_> = audits.iter().map(|audit| audit.image.as_str()).collect();
    whole_page(&names.join(", "), &body, &boxes)
}

/// The page of several images: a table of all of them, then each as on a page of its own.
pub(super) fn render_fleet(fleet: &AuditFleet, besides: Besides<'_>) -> String {
    let (mut body, mut boxes) = (HtmlText::default(), Boxes::default());
    fleet::summary(&mut body, fleet);
    filter::controls(&mut body);
    fleet::ending(&mut body, besides.ending);
    fleet::baseline(&mut body, besides.baseline);
    for (at, audit) in groups::all_audits(fleet).enumerate() {
        body.html("<div id=\"image-").text(at).html("\">\n");
        self::audit(&mut body, at, audit, false, &mut boxes);
        body.html("</div>\n");
    }
    whole_page(&phrases::count(fleet.images.len(), "image"), &body, &boxes)
}

/// The page around a body; `subject` is what the title says was audited.
fn whole_page(subject: &str, body: &HtmlText, boxes: &Boxes) -> String {
    let style = format!("{STYLE}{}", boxes.css);
    let mut page = HtmlText::default();
    page.html("<!doctype html>\n<html lang=\"en\">\n<head>\n<meta charset=\"utf-8\">\n");
    page.html("<meta http-equiv=\"Content-Security-Policy\" content=\"default-src 'none'; style-src 'sha256-");
    page.text(Base64::encode_string(&Digest::of(style.as_bytes()).bytes())).html("'; script-src 'sha256-");
    page.text(Base64::encode_string(&Digest::of(filter::SCRIPT.as_bytes()).bytes()));
    page.html("'; base-uri 'none'; form-action 'none'\">\n<meta name=\"referrer\" content=\"no-referrer\">\n");
    page.html("<meta name=\"viewport\" content=\"width=device-width, initial-scale=1\">\n");
    page.html("<meta name=\"color-scheme\" content=\"light dark\">\n<title>Audit of ").text(subject);
    page.html("</title>\n<style>");
    page.style(&style);
    page.html(
        "</style>\n</head>\n<body>\n<a class=\"skip\" href=\"#main\">Skip to the report</a>\n<main id=\"main\">\n",
    );
    page.part(body);
    page.html("</main>\n<script>").html(filter::SCRIPT);
    // A build knows the page by its end, and takes it for no input: `src/build/outputs/content.rs`.
    page.html("</script>\n<footer>Written by hardpan ").text(env!("CARGO_PKG_VERSION"));
    page.html(". This page loads nothing; its script filters the findings.</footer>\n</body>\n</html>\n");
    page.done()
}

/// One audit. The first of a page has the controls of the filter behind its head.
fn audit(page: &mut HtmlText, at: usize, audit: &Audit, has_filter: bool, boxes: &mut Boxes) {
    let outcome = groups::audit_outcome(audit);
    page.html("<header class=\"top ").html(outcome.name());
    page.html("\">\n<p class=\"brand\">hardpan audit</p>\n<h1><bdi>").text(&audit.image).html("</bdi>");
    if let Some(reference) = &audit.reference {
        page.html(" <small><bdi>").text(reference).html("</bdi></small>");
    }
    page.html("</h1>\n<p class=\"verdict\"><strong>").text(findings::sentence(&phrases::verdict(outcome, audit)));
    page.html("</strong></p>\n<p class=\"meta\"><code>")
        .text(audit.digest)
        .html("</code><br>Judged by the profile <b>");
    page.text(&audit.policy.profile).html("</b>: fails at ").text(phrases::threshold(audit.policy.fail_on));
    for change in &audit.policy.overrides {
        let now = change.severity.map_or("off", Severity::name);
        page.html("; <code>").text(change.rule).html("</code> is ").text(now);
    }
    page.html(".</p>\n");
    tiles(page, &groups::count_by_severity(groups::all_findings(audit)));
    page.html("</header>\n");
    navigation(page, at, audit);
    if has_filter {
        filter::controls(page);
    }
    if !(audit.findings.is_empty()
        && audit.waived.is_empty()
        && audit.baseline.is_empty()
        && audit.unknown.is_empty()
        && audit.skipped.is_empty())
    {
        whole(page, at, audit);
    }
    for (number, image) in audit.images.iter().enumerate() {
        self::image(page, &format!("a{at}-i{number}"), image, boxes);
    }
}

/// The counts of findings.
fn tiles(page: &mut HtmlText, counts: &[(Severity, usize)]) {
    page.html("<ul class=\"tiles\" aria-label=\"Findings by severity\">\n");
    for (severity, count) in counts {
        page.html("<li class=\"s-").text(severity.name()).html(if *count == 0 { " none" } else { "" });
        page.html("\"><b>").text(count).html("</b> ").text(severity.name()).html("</li>\n");
    }
    page.html("</ul>\n");
}

/// Links to the parts.
fn navigation(page: &mut HtmlText, at: usize, audit: &Audit) {
    page.html("<nav aria-label=\"Parts of the report\"><ul>\n");
    if !(audit.findings.is_empty() && audit.unknown.is_empty()) {
        page.html("<li><a href=\"#a").text(at).html("\">The image as a whole</a></li>\n");
    }
    for (number, image) in audit.images.iter().enumerate() {
        for (part, words) in [("findings", "findings"), ("layers", "layers and files"), ("config", "configuration")] {
            page.html("<li><a href=\"#a").text(at).html("-i").text(number).html("-").text(part).html("\"><bdi>");
            page.text(&image.platform).html("</bdi>: ").text(words).html("</a></li>\n");
        }
    }
    page.html("</ul></nav>\n");
}

/// What is about the index, the name and the policy.
fn whole(page: &mut HtmlText, at: usize, audit: &Audit) {
    page.html("<section aria-labelledby=\"a").text(at).html("\">\n<h2 id=\"a").text(at);
    page.html("\">The image as a whole</h2>\n");
    findings::unknown(page, &audit.unknown, None);
    if !audit.findings.is_empty() {
        page.html("<h3>Findings</h3>\n");
    }
    findings::findings(page, &audit.findings, None);
    findings::waived(page, &audit.waived);
    findings::accepted(page, &audit.baseline);
    if !audit.skipped.is_empty() {
        page.html("<p class=\"meta\">In the index and no image: ");
        for (at, one) in audit.skipped.iter().enumerate() {
            page.html(if at > 0 { "; " } else { "" })
                .text(&one.reason)
                .html(" <code>")
                .text(one.digest)
                .html("</code>");
        }
        page.html("</p>\n");
    }
    page.html("</section>\n");
}

/// One platform. `id` is ours, and begins every anchor of it.
fn image(page: &mut HtmlText, id: &str, image: &ImageAudit, boxes: &mut Boxes) {
    page.html("<section aria-labelledby=\"").text(id).html("\">\n<h2 id=\"").text(id).html("\"><bdi>");
    page.text(&image.platform).html("</bdi></h2>\n");
    let anchors = MapAnchors::of(id, image);
    facts::glance(page, image);
    findings::unknown(page, &image.unknown, Some(&anchors));
    findings::unread(page, image);
    page.html("<figure>\n<figcaption>Unpacked bytes by layer and file. A colored file has a finding; the tables of ");
    page.html("layers and files say the same.</figcaption>\n");
    map::map(page, image, &anchors, boxes);
    page.html("</figure>\n<h3 id=\"").text(id).html("-findings\">Findings</h3>\n");
    if image.findings.is_empty() {
        page.html("<p class=\"card good\">Nothing was found.</p>\n");
    }
    findings::findings(page, &image.findings, Some(&anchors));
    findings::waived(page, &image.waived);
    findings::accepted(page, &image.baseline);
    page.html("<h3 id=\"").text(id).html("-layers\">Layers and files</h3>\n");
    facts::layers(page, image, &anchors);
    facts::files(page, image, &anchors);
    page.html("<h3 id=\"").text(id).html("-config\">Configuration</h3>\n<div class=\"card\">\n");
    facts::config(page, image);
    page.html("</div>\n");
    findings::checked(page, image);
    page.html("</section>\n");
}

#[cfg(test)]
#[path = "../../../../tests/suite/support/browser.rs"]
mod browser;
#[cfg(test)]
mod browser_tests;

#[cfg(test)]
mod tests {
    use super::*;
    use crate::cli::audit::sample_audit;

    /// `HARDPAN_PAGE=FILE cargo test page_of_an_audit` writes the page to a file.
    #[test]
    fn the_page_of_an_audit() {
        let page = render(&[sample_audit::audit()], Besides::default());
        if let Some(path) = std::env::var_os("HARDPAN_PAGE") {
            std::fs::write(path, &page).expect("a page");
        }
        // The style sheet is a file of its own in the repository, and its digest follows it.
        let (head, rest) = page.split_once("<style>").expect("a style");
        let (_, body) = rest.split_once("</style>").expect("its end");
        let policy = head.split("sha256-").nth(1).and_then(|text| text.split('\'').next()).expect("a digest");
        let body = body.replace(filter::SCRIPT, "...");
        let script = Base64::encode_string(&Digest::of(filter::SCRIPT.as_bytes()).bytes());
        insta::assert_snapshot!(format!("{}{body}", head.replace(policy, "...").replace(&script, "...")));
    }

    #[test]
    fn the_page_loads_nothing_and_runs_our_script_alone() {
        let page = render(&[sample_audit::audit(), sample_audit::clean()], Besides::default())
            + &render_fleet(&sample_audit::fleet(), sample_audit::ending().as_slice().into());
        for word in
            ["<link", "<img", "<iframe", " src=", " style=", "url(", "@import", "http:", "https:", "javascript:"]
        {
            assert!(!page.contains(word), "{word}");
        }
        assert!(page.contains("default-src 'none'; style-src 'sha256-"));
        assert!(!page.contains("unsafe-"));
        assert_eq!(page.matches("<script").count(), 2, "one of ours on each page");
    }

    #[test]
    fn the_page_of_several_images_has_a_row_for_each_that_leads_to_its_part() {
        let page = render_fleet(&sample_audit::fleet(), sample_audit::ending().as_slice().into());
        for part in [
            "<title>Audit of 3 images</title>",
            "<a href=\"#image-0\"><bdi>registry.example.com/shop/server:1.4</bdi></a>",
            "<div id=\"image-1\">",
            "out/torn.tar: the archive ends too early",
            "speaks to a legacy balancer on 443",
            "out/README",
        ] {
            assert!(page.contains(part), "{part}");
        }
        assert!(!page.contains("image-2"), "an image without an audit has no part");
    }

    #[test]
    fn the_digests_of_the_policy_are_those_of_style_and_script() {
        let page = render(&[sample_audit::audit()], Besides::default());
        let style = page.split("<style>").nth(1).and_then(|rest| rest.split("</style>").next()).expect("a style");
        let digest = Base64::encode_string(&Digest::of(style.as_bytes()).bytes());
        assert!(page.contains(&format!("style-src 'sha256-{digest}'")));
        let script = page.split("<script>").nth(1).and_then(|rest| rest.split("</script>").next()).expect("a script");
        let digest = Base64::encode_string(&Digest::of(script.as_bytes()).bytes());
        assert!(page.contains(&format!("script-src 'sha256-{digest}'")));
    }
}
