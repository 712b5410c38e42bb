//! A test audit in which every text of the image is an attack, rendered in every report format.

use serde_json::{Value, json};

use super::{
    report_form::{ReportForm, render},
    sample_audit,
    text::TextStyle,
};
use crate::{
    audit::{Accepted, Audit, FindingPlace, LayerRef, NotApplicable, Presence, SizedPath, Unknown, Unread, Waived},
    commands::audit::{AuditFleet, AuditReport, AuditSubject, BaselineReport, FleetImage, GoneFinding, OtherFile},
    image::Skip,
    oci::Digest,
    policy::AcceptedFinding,
    report::{ErrorName, Failure, Rule, Severity, printable},
};

/// Escape sequences (also of one character), bidirectional controls, tags, quotes, line breaks, orders to pipelines, a link
/// in SARIF, a character behind the first 65,536.
const EVIL: &str = "\u{1b}[2J\u{9b}31m\u{7}\u{202e}\u{2066}\"'`><script>window.ran=1</script><img src=x onerror=window.ran=1>\
                    &lt;\r\n::error::forged\n::stop-commands::x\n##[add-mask]a ##vso[task.setvariable]b %0A::error::c\
                    [click](https://evil.example) {0} \\](x) \u{e0041}</style></title>--><!--";

fn evil(what: &str) -> String {
    format!("{what}{EVIL}")
}

/// Foreign text is hostile wherever there is some.
pub(super) fn audit() -> Audit {
    let layer = LayerRef { created_by: Some(evil("made by")), ..sample_audit::layer(0) };
    let place = FindingPlace {
        layer: Some(layer),
        path: Some(evil("/path")),
        mode: Some(0o4755),
        presence: Presence::RemovedIn(1),
        key: Some(evil("key")),
        member: Some(evil("member")),
        ..FindingPlace::default()
    };
    let key = FindingPlace::key(evil("config.Env["));
    let mut audit = sample_audit::audit();
    let mut finding = sample_audit::finding(Rule::Setuid, place.clone(), &evil("message"));
    finding.evidence = Some(evil("evidence"));
    finding.also = vec![place.clone(), key.clone()];
    finding.detector = Some(evil("detector"));
    finding.fingerprint = evil("fingerprint");
    finding.left_off = 3;
    finding.place.real_path = Some(evil("/real"));
    let other = sample_audit::finding(Rule::SecretInEnv, key.clone(), &evil("message"));
    let waived = Waived { finding: finding.clone(), reason: evil("reason"), until: evil("until") };
    let unknown = Unknown { rules: vec![Rule::Shell], place, reason: evil("reason") };
    audit.image = evil("image");
    audit.reference = Some(evil("reference"));
    audit.media_type = evil("type");
    audit.policy.profile = evil("profile");
    audit.findings = vec![other.clone()];
    let accepted = Accepted { finding: finding.clone(), since: evil("since") };
    audit.waived = vec![waived.clone()];
    audit.baseline = vec![accepted.clone()];
    audit.unknown = vec![unknown.clone()];
    audit.skipped = vec![Skip { digest: Digest::of(b""), reason: evil("skipped") }];
    for image in &mut audit.images {
        image.platform = evil("linux");
        image.created = Some(evil("created"));
        image.config = json!({ "config": {
            "User": evil("user"), "Entrypoint": [evil("entry")], "Cmd": evil("cmd"), "Env": [evil("A=")],
            "Labels": { evil("key"): evil("value") }, "ExposedPorts": { evil("port"): {} }, "StopSignal": [[evil("signal")]],
        }, evil("other"): evil("other") });
        for layer in &mut image.layers {
            layer.media_type = evil("type");
            layer.created_by = Some(evil("made by"));
            layer.largest = vec![SizedPath { path: evil("/path"), size: layer.unpacked_size / 2 }];
        }
        image.findings = vec![finding.clone(), other.clone()];
        image.waived = vec![waived.clone()];
        image.baseline = vec![accepted.clone()];
        image.unknown = vec![unknown.clone()];
        image.unread = vec![Unread { place: unknown.place.clone(), reason: evil("reason") }];
        image.unread_count = 2;
        image.not_applicable = vec![NotApplicable { rule: Rule::Shell, why: evil("why") }];
    }
    audit
}

/// The report about it alone.
fn one() -> AuditReport {
    AuditReport { subject: AuditSubject::One(vec![audit()]), ending: Vec::new(), baseline: None }
}

/// A baseline whose texts are hostile.
fn baseline() -> BaselineReport {
    let entry = AcceptedFinding {
        rule: evil("rule"),
        path: Some(evil("/path")),
        fingerprint: evil("fingerprint"),
        places: None,
        severity: Severity::High,
        since: evil("since"),
    };
    BaselineReport {
        file: evil("file"),
        accepted: 1,
        gone: vec![GoneFinding { image: Some(evil("image")), entry }],
        images_without: vec![evil("image")],
        ..BaselineReport::default()
    }
}

/// The report about it and others, with a hostile failure and a hostile waiver.
fn fleet() -> AuditReport {
    let failure = Failure::error(ErrorName::ImageInvalid, printable(&evil("message"))).in_path(evil("/path"));
    let image = |result| FleetImage { image: evil("image"), result };
    let images = vec![image(Ok(vec![audit()])), image(Err(failure)), image(Ok(vec![sample_audit::clean()]))];
    let others = vec![OtherFile { path: evil("/path"), reason: evil("reason") }];
    let mut ending = sample_audit::ending();
    for waiver in &mut ending {
        (waiver.path, waiver.reason, waiver.file) = (Some(evil("/path")), evil("reason"), evil("file"));
    }
    AuditReport { subject: AuditSubject::Fleet(AuditFleet { images, others }), ending, baseline: Some(baseline()) }
}

/// Characters that a terminal or an editor acts on, and the orders that a pipeline finds anywhere in a line.
fn acts(text: &str) -> Option<String> {
    let control = |c: char| {
        (c.is_control() && c != '\n')
            || matches!(c, '\u{200b}'..='\u{200f}' | '\u{2028}'..='\u{202e}' | '\u{2060}'..='\u{206f}' | '\u{e0000}'..='\u{e007f}')
    };
    let found = text.lines().find(|line| line.contains(control) || line.contains("##"));
    found.map(str::to_owned)
}

#[test]
fn no_form_lets_through_what_a_terminal_or_a_pipeline_acts_on() {
    for (form, report) in ReportForm::ALL.into_iter().flat_map(|form| [(form, one()), (form, fleet())]) {
        let text = render(form, &report, TextStyle { color: false, verbose: true }, true);
        assert_eq!(acts(&text), None, "{}", form.name());
        // The report still contains every text.
        let text = text.to_lowercase();
        for word in ["/path", "config.env[", "message", "reason", "until", "profile"] {
            assert!(text.contains(word), "{}: {word}", form.name());
        }
    }
}

#[test]
fn only_annotations_begin_with_two_colons_and_they_are_whole() {
    let forms = [ReportForm::Text, ReportForm::Json, ReportForm::Sarif, ReportForm::Html];
    for (form, report) in forms.into_iter().flat_map(|form| [(form, one()), (form, fleet())]) {
        let text = render(form, &report, TextStyle { color: false, verbose: true }, true);
        assert!(!text.lines().any(|line| line.trim_start().starts_with("::")), "{}", form.name());
    }
    let text = render(ReportForm::Github, &one(), TextStyle::default(), true);
    let several = render(ReportForm::Github, &fleet(), TextStyle::default(), true);
    for line in text.lines().chain(several.lines()) {
        let Some(command) = line.strip_prefix("::") else {
            assert!(line.starts_with("hardpan audit: "), "{line}");
            continue;
        };
        // As the runner reads it: properties to the first `::`, each to the next comma.
        let (head, _) = command.split_once("::").expect("an end");
        let (command, properties) = head.split_once(' ').expect("properties");
        assert!(["error", "warning", "notice"].contains(&command), "{line}");
        let names: Vec<_> = properties.split(',').map(|one| one.split_once('=').expect("a value").0).collect();
        assert!([&["title"][..], &["file", "title"], &["file", "line", "title"]].contains(&&names[..]), "{line}");
    }
    assert_eq!(text.lines().count(), 3 + 4 + 1 - 1 + 1 + 1, "{text}");
}

#[test]
fn the_text_has_a_line_of_ours_for_each_line() {
    let plain = [one(), fleet()].map(|report| render(ReportForm::Text, &report, TextStyle::default(), true)).concat();
    for line in plain.lines() {
        assert!(!line.contains("forged") || line.contains("\\n::error::forged"), "{line}");
    }
}

#[test]
fn json_gives_back_what_was_found() {
    let text = render(ReportForm::Json, &one(), TextStyle::default(), true);
    assert!(text.is_ascii());
    let value: Value = serde_json::from_str(&text).expect("JSON");
    assert_eq!(value["audits"][0]["image"], evil("image"));
    assert_eq!(value["audits"][0]["images"][0]["findings"][0]["place"]["path"], evil("/path"));
}

#[test]
fn sarif_shows_no_link_and_no_path_leaves_the_root() {
    for report in [one(), fleet()] {
        sarif_is_harmless(&render(ReportForm::Sarif, &report, TextStyle::default(), true));
    }
}

#[track_caller]
fn sarif_is_harmless(text: &str) {
    assert!(text.is_ascii());
    let log: Value = serde_json::from_str(text).expect("JSON");
    for result in log["runs"][0]["results"].as_array().expect("results") {
        let message = result["message"]["text"].as_str().expect("text");
        // As section 3.11.6 reads it: what stands behind a backslash is itself.
        let bare = message.replace("\\\\", "").replace("\\]", "").replace("\\[", "");
        assert!(!bare.contains("]("), "{message}");
        assert_eq!(acts(message), None);
        let uri = result["locations"][0]["physicalLocation"]["artifactLocation"]["uri"].as_str().expect("a URI");
        assert!(uri.bytes().all(|byte| byte.is_ascii_alphanumeric() || b"-._~/%".contains(&byte)), "{uri}");
    }
}

#[test]
fn html_holds_no_tag_that_is_not_ours() {
    for report in [one(), fleet()] {
        let text = render(ReportForm::Html, &report, TextStyle::default(), true);
        for tag in ["<img", "</style></title>", "<!--", "onerror=window.ran=1>"] {
            assert!(!text.contains(tag), "{tag}");
        }
        assert_eq!((text.matches("</style>").count(), text.matches("<script").count()), (1, 1));
    }
}
