//! The tables of the HTML report: layers, largest files, config, summary.

use serde_json::Value;

use super::{html_text::HtmlText, map, map_anchors::MapAnchors};
use crate::{
    audit::ImageAudit,
    cli::audit::phrases,
    report::{Severity, printable},
};

/// The table of layers.
pub(super) fn layers(page: &mut HtmlText, image: &ImageAudit, anchors: &MapAnchors<'_>) {
    page.html(
        "<div class=\"scroll\" tabindex=\"0\" role=\"region\" aria-label=\"Layers\"><table>\n<caption>Layers, lowest first\
         </caption>\n<thead><tr><th scope=\"col\" class=\"n\">Layer</th><th scope=\"col\" class=\"n\">Unpacked</th>\
         <th scope=\"col\" class=\"n\">Stored</th><th scope=\"col\" class=\"n\">Entries</th><th scope=\"col\">Findings</th>\
         <th scope=\"col\">Made by</th></tr></thead>\n<tbody>\n",
    );
    for (index, layer) in image.layers.iter().enumerate() {
        page.html("<tr><th scope=\"row\" class=\"n\">");
        if layer.largest.is_empty() {
            page.text(index);
        } else {
            page.html("<a href=\"#").text(anchors.table(index)).html("\">").text(index).html("</a>");
        }
        page.html("</th><td class=\"n\">");
        page.text(phrases::size(layer.unpacked_size)).html("</td><td class=\"n\">").text(phrases::size(layer.size));
        page.html("</td><td class=\"n\">").text(layer.entries).html("</td><td>");
        let here = |finding: &&_| is_in(finding, index);
        let heaviest = image.findings.iter().filter(here).map(|finding| finding.severity).max();
        let count = image.findings.iter().filter(here).count();
        match heaviest {
            Some(severity) => found(page, severity, count),
            None => drop(page.html("<span class=\"meta\">none</span>")),
        }
        page.html("</td><td>");
        match &layer.created_by {
            Some(words) => page.code(words),
            None => page.html("<span class=\"meta\">the history does not say</span>"),
        };
        page.html("<br><span class=\"meta\">").text(layer.digest).html("</span></td></tr>\n");
    }
    page.html("</tbody></table></div>\n");
}

fn is_in(finding: &crate::audit::Finding, index: usize) -> bool {
    finding.place.layer.as_ref().is_some_and(|layer| layer.index == index)
}

fn found(page: &mut HtmlText, severity: Severity, count: usize) {
    super::findings::chip(page, severity);
    if count > 1 {
        page.html(" <span class=\"meta\">of ").text(count).html("</span>");
    }
}

/// The largest files of each layer, a table a layer.
pub(super) fn files(page: &mut HtmlText, image: &ImageAudit, anchors: &MapAnchors<'_>) {
    let marks = map::marks(&image.findings);
    for (index, layer) in image.layers.iter().enumerate().filter(|(_, layer)| !layer.largest.is_empty()) {
        page.html("<details class=\"card\" id=\"").text(anchors.table(index)).html("\"><summary>Files of layer ");
        page.text(index).html(": the ").text(layer.largest.len()).html(" largest of ");
        page.text(phrases::entries(layer.entries)).html("</summary>\n");
        page.html("<div class=\"scroll\" tabindex=\"0\" role=\"region\" aria-label=\"Files of layer ").text(index);
        page.html("\"><table>\n<caption>Largest files of layer ").text(index);
        page.html("</caption>\n<thead><tr><th scope=\"col\" class=\"n\">Size</th><th scope=\"col\">Finding</th>");
        page.html("<th scope=\"col\">Path</th></tr></thead>\n<tbody>\n");
        for file in &layer.largest {
            page.html("<tr><td class=\"n\">").text(phrases::size(file.size)).html("</td><td>");
            if let Some(severity) = marks.get(&(index, file.path.as_str())) {
                super::findings::chip(page, *severity);
            }
            page.html("</td><td>").code(&file.path);
            if let Some(anchor) = anchors.file(index, &file.path) {
                page.html(" <a class=\"to-map\" href=\"#").text(anchor).html("\">map</a>");
            }
            page.html("</td></tr>\n");
        }
        page.html("</tbody></table></div></details>\n");
    }
}

/// The config that a runtime acts on.
pub(super) fn config(page: &mut HtmlText, image: &ImageAudit) {
    const KEYS: [(&str, &str); 11] = [
        ("User", "User"),
        ("Entrypoint", "Entrypoint"),
        ("Arguments", "Cmd"),
        ("Environment", "Env"),
        ("Working directory", "WorkingDir"),
        ("Ports", "ExposedPorts"),
        ("Volumes", "Volumes"),
        ("Stop signal", "StopSignal"),
        ("Health check", "Healthcheck"),
        ("Labels", "Labels"),
        ("Triggers", "OnBuild"),
    ];
    let run = image.config.get("config").unwrap_or(&Value::Null);
    page.html("<dl class=\"facts\">\n");
    for (name, key) in KEYS {
        let value = run.get(key).filter(|value| !value.is_null());
        if value.is_none() && !["User", "Entrypoint"].contains(&key) {
            continue;
        }
        page.html("<dt>").text(name).html("</dt><dd>");
        match value {
            None => drop(page.html("<span class=\"meta\">not set</span>")),
            Some(value) => self::value(page, value),
        }
        page.html("</dd>\n");
    }
    page.html("</dl>\n<details><summary>The whole configuration</summary><pre tabindex=\"0\" dir=\"ltr\">");
    // A JSON value as text cannot fail; its line breaks are ours, those of its texts are escaped.
    for line in format!("{:#}", image.config).lines() {
        page.text(line).html("\n");
    }
    page.html("</pre></details>\n");
}

fn value(page: &mut HtmlText, value: &Value) {
    let item = |page: &mut HtmlText, text: &str| {
        page.html("<li>").code(text).html("</li>");
    };
    match value {
        Value::String(text) if text.is_empty() => drop(page.html("<span class=\"meta\">empty</span>")),
        Value::String(text) => drop(page.code(text)),
        Value::Array(items) => {
            page.html("<ul class=\"plain\">");
            for one in items {
                item(page, &one.as_str().map_or_else(|| one.to_string(), str::to_owned));
            }
            page.html("</ul>");
        }
        Value::Object(map) => {
            page.html("<ul class=\"plain\">");
            for (key, value) in map {
                match value {
                    Value::Object(empty) if empty.is_empty() => item(page, key),
                    Value::String(text) => item(page, &format!("{key}={text}")),
                    other => item(page, &format!("{key}={other}")),
                }
            }
            page.html("</ul>");
        }
        other => drop(page.code(other)),
    }
}

/// The image at a glance: a fact a line.
pub(super) fn glance(page: &mut HtmlText, image: &ImageAudit) {
    let (stored, unpacked) = phrases::sizes(image);
    let user = image.config.pointer("/config/User").and_then(Value::as_str).filter(|user| !user.is_empty());
    let facts = [
        ("Size", format!("{}, unpacked {}", phrases::size(stored), phrases::size(unpacked))),
        ("Layers", image.layers.len().to_string()),
        ("Runs as", user.map_or_else(|| "root (no user is set)".to_owned(), |user| printable(user).into_owned())),
        ("Created", image.created.clone().unwrap_or_else(|| "unknown".to_owned())),
    ];
    page.html("<dl class=\"glance\">\n");
    for (name, value) in facts {
        page.html("<div><dt>").text(name).html("</dt><dd>").text(value).html("</dd></div>\n");
    }
    page.html("</dl>\n<p class=\"meta\">Manifest <code>").text(image.digest).html("</code><br>Config <code>");
    page.text(image.config_digest).html("</code></p>\n");
}
