//! Opens the HTML report in a browser: what is visible, and that nothing runs or loads.

use std::path::PathBuf;

use base64ct::{Base64, Encoding as _};
use serde_json::json;

use super::{browser::Browser, filter, render};
use crate::{
    audit::Audit,
    cli::audit::{besides::Besides, groups, hostile_audit, sample_audit},
};

/// A page in a file.
fn page(text: &str) -> (tempfile::TempDir, PathBuf) {
    let folder = tempfile::tempdir().expect("a folder");
    let path = folder.path().join("audit.html");
    std::fs::write(&path, text).expect("a page");
    (folder, path)
}

/// Every finding's title and place are seen: they have a size, and are not outside of the page.
fn sees_the_findings(browser: &mut Browser, audit: &Audit) {
    let text = browser.value("document.body.innerText");
    let text = text.as_str().expect("text");
    for finding in groups::all_findings(audit) {
        let title = super::findings::sentence(finding.rule.facts().title);
        assert!(text.contains(&title), "{title} is not seen:\n{text}");
        assert!(text.contains(finding.place.path.as_deref().unwrap_or_default()), "{text}");
    }
    let small = browser.value(
        "[...document.querySelectorAll('article, article h4, article .places > li')].filter(e => { \
         const r = e.getBoundingClientRect(); return r.width < 50 || r.height < 10 || r.left < 0 || \
         r.right > innerWidth + 1; }).map(e => e.outerHTML)",
    );
    assert_eq!(small, json!([]));
}

#[test]
fn the_findings_are_seen_light_dark_on_a_phone_and_on_paper() {
    let audit = sample_audit::audit();
    let (_folder, path) = page(&render(std::slice::from_ref(&audit), Besides::default()));
    for (width, scheme, media) in [(1200, "light", ""), (1200, "dark", ""), (390, "light", ""), (800, "dark", "print")]
    {
        let mut browser = Browser::open(&path, width, scheme, media);
        sees_the_findings(&mut browser, &audit);
        let wider = browser.value("document.documentElement.scrollWidth > innerWidth");
        assert_eq!(wider, json!(false), "{width}: the page scrolls sideways");
        // The policy lets the style sheet in, the places of the boxes included.
        let boxes = browser.value(
            "[...document.querySelectorAll('.files i')].filter(e => e.offsetWidth * e.offsetHeight > 100).length",
        );
        assert!(boxes.as_u64().expect("a number") > 10, "{boxes}");
        let contrast = browser.value(CONTRAST);
        assert_eq!(contrast, json!([]), "{width} {scheme} {media}: too little contrast");
        assert_eq!(browser.said, [""; 0], "the console");
        assert_eq!(browser.loaded.len(), 1, "{:?}", browser.loaded);
    }
}

/// The texts whose color is too near to what is behind them (WCAG 2.1, 1.4.3: 4.5 to 1).
const CONTRAST: &str = "(() => {
    const numbers = color => color.match(/[\\d.]+/g).map(Number);
    const light = color => numbers(color).slice(0, 3).map(v => v / 255)
        .map(v => v <= 0.03928 ? v / 12.92 : ((v + 0.055) / 1.055) ** 2.4)
        .reduce((sum, v, i) => sum + v * [0.2126, 0.7152, 0.0722][i], 0);
    const behind = e => {
        for (; e; e = e.parentElement) {
            const color = getComputedStyle(e).backgroundColor, parts = numbers(color);
            if (parts.length < 4 || parts[3] === 1) return color;
        }
        return 'rgb(255, 255, 255)';
    };
    const bad = new Set();
    for (const e of document.querySelectorAll('body *')) {
        const own = [...e.childNodes].some(n => n.nodeType === 3 && n.textContent.trim());
        if (!own || !e.offsetWidth) continue;
        const a = light(getComputedStyle(e).color), b = light(behind(e));
        const ratio = (Math.max(a, b) + 0.05) / (Math.min(a, b) + 0.05);
        if (ratio < 4.5) bad.add(`${e.tagName} ${e.className} ${ratio.toFixed(2)}`);
    }
    return [...bad];
})()";

#[test]
fn the_page_has_one_first_heading_named_tables_and_anchors_that_lead_somewhere() {
    let (_folder, path) = page(&render(&[sample_audit::audit()], Besides::default()));
    let mut browser = Browser::open(&path, 1200, "light", "");
    for (expression, wanted) in [
        ("document.querySelectorAll('h1').length", json!(1)),
        ("document.documentElement.lang", json!("en")),
        ("[...document.querySelectorAll('table')].filter(t => !t.caption).length", json!(0)),
        ("[...document.querySelectorAll('th')].filter(t => !t.scope).length", json!(0)),
        ("[...document.querySelectorAll('a')].filter(a => !document.querySelector(a.hash)).length", json!(0)),
        (
            "document.querySelectorAll('[id]').length - new Set([...document.querySelectorAll('[id]')].map(e => e.id)).size",
            json!(0),
        ),
        ("[...document.querySelectorAll('.scroll, pre')].filter(e => e.tabIndex !== 0).length", json!(0)),
        // No level is left out on the way down.
        (
            "[...document.querySelectorAll('h1,h2,h3,h4')].map(h => +h.tagName[1]) \
             .filter((n, i, all) => i && n > all[i - 1] + 1).length",
            json!(0),
        ),
    ] {
        assert_eq!(browser.value(expression), wanted, "{expression}");
    }
}

#[test]
fn nothing_of_an_image_runs_or_loads_or_becomes_a_tag() {
    let plain = render(&[sample_audit::audit()], Besides::default());
    let (_folder, path) = page(&render(&[hostile_audit::audit()], Besides::default()));
    let mut browser = Browser::open(&path, 1200, "light", "");
    for (expression, wanted) in [
        ("typeof window.ran", json!("undefined")),
        (
            "document.querySelectorAll('img, iframe, svg, link, object, form, base, [onload], [onerror]').length",
            json!(0),
        ),
        ("document.querySelectorAll('style').length", json!(1)),
        ("document.querySelectorAll('script').length", json!(1)),
        ("document.body.innerText.includes('<script>window.ran')", json!(true)),
    ] {
        assert_eq!(browser.value(expression), wanted, "{expression}");
    }
    assert_eq!(browser.said, [""; 0], "the console");
    assert_eq!(browser.loaded.len(), 1, "{:?}", browser.loaded);
    drop(browser);

    // The policy holds should a tag get through one day; and this browser tells.
    let broken =
        plain.replace("</main>", "<script>window.ran = 1</script><img src='x.png' onerror='window.ran = 2'></main>");
    let (_folder, path) = page(&broken);
    let mut browser = Browser::open(&path, 1200, "light", "");
    assert_eq!(browser.value("typeof window.ran"), json!("undefined"));
    assert!(browser.said.len() >= 2, "{:?}", browser.said);
}

/// The titles of the rules whose findings are seen.
const SEEN: &str = "[...document.querySelectorAll('article.card')].filter(e => e.offsetHeight > 0)
    .map(e => e.querySelector('.rule code').textContent)";

/// Types words into the filter.
fn words(browser: &mut Browser, words: &str) {
    let event = "dispatchEvent(new Event('input', { bubbles: true }))";
    browser.value(&format!(
        "(() => {{ const e = document.getElementById('filter-text'); e.value = {}; e.{event}; }})()",
        json!(words)
    ));
}

#[test]
fn the_filter_shows_the_findings_of_chosen_severities_and_words() {
    let audit = sample_audit::audit();
    let (_folder, path) = page(&render(std::slice::from_ref(&audit), Besides::default()));
    let mut browser = Browser::open(&path, 1200, "light", "");
    let all = browser.value(SEEN);
    assert_eq!(browser.value("document.getElementById('filter').offsetHeight > 0"), json!(true));
    let count = groups::all_findings(&audit).count();
    assert_eq!(
        browser.value("document.getElementById('filter-count').textContent"),
        json!(format!("All {count} findings are shown."))
    );
    words(&mut browser, "id_RSA");
    assert_eq!(browser.value(SEEN), json!(["private-key"]));
    // A word of the rule is about all of its findings; every word counts.
    words(&mut browser, "shell bash");
    assert_eq!(browser.value(SEEN), json!(["shell"]));
    let items = "[...document.querySelectorAll('article.card .places > li')].filter(e => e.offsetHeight > 0).length";
    assert_eq!(browser.value(items), json!(1));
    words(&mut browser, "nothing of the kind");
    assert_eq!(browser.value(SEEN), json!([]));
    assert_eq!(
        browser.value("document.getElementById('filter-count').textContent"),
        json!(format!("0 of {count} findings are shown."))
    );
    words(&mut browser, "");
    assert_eq!(browser.value(SEEN), all);
    browser.value("document.querySelectorAll('#filter input[type=checkbox]').forEach(e => { if (e.value !== 'critical') e.click(); })");
    assert_eq!(browser.value(SEEN), json!(["private-key"]));
    browser.value(
        "document.querySelectorAll('#filter input[type=checkbox]').forEach(e => { if (!e.checked) e.click(); })",
    );
    assert_eq!(browser.value(SEEN), all);
    assert_eq!(browser.said, [""; 0], "the console");
    assert_eq!(browser.loaded.len(), 1, "{:?}", browser.loaded);
}

#[test]
fn a_page_whose_script_does_not_run_shows_every_finding_and_no_controls() {
    let audit = sample_audit::audit();
    let whole = render(std::slice::from_ref(&audit), Besides::default());
    // One in which there is none, and one whose script is not the one of the policy.
    for (text, complaints) in
        [(whole.replace(filter::SCRIPT, ""), 1), (whole.replace("\"use strict\"", "window.ran = 1"), 1)]
    {
        assert_ne!(text, whole);
        let (_folder, path) = page(&text);
        let mut browser = Browser::open(&path, 1200, "light", "");
        sees_the_findings(&mut browser, &audit);
        assert_eq!(browser.value("document.getElementById('filter').offsetHeight"), json!(0));
        assert_eq!(browser.value("typeof window.ran"), json!("undefined"));
        assert!(browser.said.len() <= complaints, "{:?}", browser.said);
    }
}

#[test]
fn a_finding_leads_to_its_box_in_the_map() {
    let (_folder, path) = page(&render(&[sample_audit::audit()], Besides::default()));
    let mut browser = Browser::open(&path, 1200, "light", "");
    let boxed = "(() => { const a = [...document.querySelectorAll('article.card .places > li')]
        .find(e => e.textContent.includes('/usr/bin/bash')).querySelector('a.to-map'); a.click();
        return document.querySelector(':target').title; })()";
    let title = browser.value(boxed);
    assert!(title.as_str().is_some_and(|title| title.starts_with("/usr/bin/bash, ")), "{title}");
    let tables = browser.value("document.querySelectorAll('details[id*=-files-] table').length");
    assert_eq!(tables, json!(3), "a table for each layer with files");
}

/// `HARDPAN_BLESS=1 cargo test picture_of_the_page` takes the picture that the README shows.
#[test]
fn the_picture_of_the_page() {
    let path = concat!(env!("CARGO_MANIFEST_DIR"), "/tests/suite/snapshots/audit.png");
    if std::env::var_os("HARDPAN_BLESS").is_some() {
        let mut audit = sample_audit::audit();
        // The picture shows findings; unchecked rules and index findings are in other tests.
        audit.images.iter_mut().for_each(|image| image.unknown.clear());
        audit.findings.clear();
        audit.skipped.clear();
        let (_folder, page) = page(&render(&[audit], Besides::default()));
        let picture = Browser::open(&page, 1100, "light", "").picture(1100, 1400);
        std::fs::write(path, Base64::decode_vec(&picture).expect("base 64")).expect("the picture");
    }
    let picture = std::fs::read(path).expect("the picture");
    assert!(picture.starts_with(b"\x89PNG\r\n\x1a\n") && picture.len() > 20_000);
}
