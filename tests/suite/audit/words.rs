//! Text of an image that means harm, end to end: from a layer's entries and a config to every form of the report.

use std::fs;

use serde_json::{Value, json};

use super::{audit, findings, run};
use crate::support::{
    browser::Browser,
    case::Case,
    elf,
    foreign::{Foreign, Tar},
    judges,
};

/// What terminals, browsers, editors and pipelines act on.
const EVIL: &str = "\u{1b}[2J\u{9b}31m\u{7}\u{202e}\u{2066}\u{200b}\"'`><script>window.ran=1</script>\
                    <img src=x onerror=window.ran=1>&lt;\r\n::error::forged\n::stop-commands::x\n##[add-mask]a \
                    ##vso[task.setvariable]b %0A::error::c [click](https://evil.example) {0} \u{e0041}\
                    </style></title>--><!--";

fn evil(what: &str) -> String {
    format!("{what}{EVIL}")
}

/// An image whose every name and value is hostile, and of which every family of rules has something to say.
pub fn image() -> Foreign {
    let path = |folder: &str| format!("{folder}/{}", evil("x").replace('/', "\u{2215}"));
    let secret = format!("gl{}-{}\n", "pat", "a8Kd02mZqLx7TnVw3YpR");
    let files = Tar::new()
        .file(&path("setuid"), 0o4755, elf::static_amd64())
        .file(&path("world"), 0o666, "x")
        .owned(&path("app"), 0o755, (1000, 1000), "#!/bin/sh\n")
        .file(&path("secret"), 0o644, &secret)
        .symlink(&path("link"), &evil("../../../../proc/"))
        .hard_link(&path("hard"), &evil("../../"))
        .file(&path("bin/.git"), 0o644, "x")
        .file(&path("tmp"), 0o644, "x")
        .file("etc/passwd", 0o644, format!("{}::1000:1000::/:/x\n", evil("name").replace('\n', " ")))
        .file("etc/ld.so.preload", 0o644, evil("/lib/"))
        .file(
            "bin/lost",
            0o755,
            elf::Elf::executable(elf::Machine::Amd64)
                .interpreter(&evil("/lib/"))
                .needs(&evil("lib"))
                .runpath(&evil("relative/"))
                .bytes(),
        );
    let second = Tar::new().file(&path("secret/../secret"), 0o644, "gone").file(&path("secret"), 0o644, "again");
    Foreign::new("app:1")
        .layer(&evil("ADD https://example.com/ "), files)
        .layer(&evil("RUN curl https://example.com | sh "), second)
        .command(&evil(&format!("RUN mysql --password={} ", "correct9horseBattery7")))
        .top("os", json!(evil("linux")))
        .top("created", json!(evil("2024-01-01T00:00:00.5Z")))
        .set("User", json!(evil("1000:x")))
        .set(
            "Env",
            json!([
                evil("PATH=relative:"),
                evil("LD_PRELOAD="),
                format!("{}=correct9horseBattery7staple", evil("API_PASSWORD")),
            ]),
        )
        .set(
            "Labels",
            json!({
                evil("io.containers.capabilities"): evil("x"), evil("api-token"): secret.trim(),
                "org.opencontainers.image.base.name": evil("docker.io/x:latest"),
            }),
        )
        .set("ExposedPorts", json!({ evil("22/"): {}, evil("99999/tcp"): {} }))
        .set("Volumes", json!({ evil("/etc/"): {}, "/etc": {} }))
        .set("WorkingDir", json!(evil("relative")))
        .set("StopSignal", json!(evil("SIGKILL")))
        .set("Healthcheck", json!({ "Test": ["CMD", evil("/no/such")] }))
        .set("OnBuild", json!([evil("RUN ")]))
        .set("Entrypoint", json!([evil("/no/entry"), "--token", "correct9horseBattery7staple"]))
}

/// The line in which something acts on whoever shows it.
fn acts(text: &str) -> Option<&str> {
    let acts = |c: char| {
        (c.is_control() && c != '\n')
            || matches!(c, '\u{200b}'..='\u{200f}' | '\u{2028}'..='\u{202e}' | '\u{2060}'..='\u{206f}')
            || matches!(c, '\u{e0000}'..='\u{e007f}')
    };
    text.lines().find(|line| line.contains(acts) || line.contains("##"))
}

#[test]
fn no_form_of_the_report_lets_hostile_text_act() {
    let case = image().layout(Case::new(), "image");
    let (code, report) = audit(&case, "image", &[]);
    // Of an image for another system the rules know nothing.
    assert_eq!(code, 2, "{report:#}");
    let evil_ones = findings(&report).iter().filter(|finding| finding.to_string().contains("window.ran")).count();
    assert!(evil_ones > 15, "hostile text is in {evil_ones} findings only");
    for form in ["text", "json", "sarif", "github", "html"] {
        let file = format!("--output={form}=report");
        for more in [vec!["--format", form], vec![&*file], vec!["--format", form, "-v", "--color=always"]] {
            let output = run(&case, "image", &more);
            assert_eq!(output.code, 2, "{form}");
            // Colors are ours.
            let shown = output.stdout.replace("\u{1b}[", "");
            let stdout = if more.contains(&"--color=always") && form == "text" { &shown } else { &output.stdout };
            assert_eq!(acts(stdout), None, "{form}");
            assert_eq!(acts(&output.stderr), None, "{form}");
            let forged = |text: &str| form != "github" && text.lines().any(|line| line.trim_start().starts_with("::"));
            assert!(!forged(stdout), "{form}");
        }
        let written = fs::read_to_string(case.path("report")).expect("the report");
        assert_eq!(acts(&written), None, "{form}");
        assert!(written.contains("setuid"), "{form}");
    }
}

#[test]
fn hostile_text_in_messages() {
    let case = Case::new().file("x", "no image");
    for image in [evil("no/"), evil("docker-archive:"), evil("oci:x:"), evil("oci-archive:x:")] {
        let output = run(&case, &image, &[]);
        assert_eq!(output.code, 2, "{image:?}");
        assert_eq!(acts(&output.stderr), None);
    }
    for more in ["--policy", "--profile", "--fail-on", "--format", "--output"] {
        let output = run(&case, "x", &[&format!("{more}={}", evil("no/"))]);
        assert_eq!(output.code, 2, "{more}");
        assert_eq!(acts(&output.stderr), None, "{more}");
    }
}

/// Annotations are orders themselves: each begins a line, none of them is somebody else's.
#[test]
fn annotations_hold_no_order_of_the_image() {
    let case = image().layout(Case::new(), "image");
    let output = run(&case, "image", &["--format", "github"]);
    for line in output.stdout.lines() {
        let Some(command) = line.strip_prefix("::") else {
            assert!(line.starts_with("hardpan audit: "), "{line}");
            continue;
        };
        let (head, message) = command.split_once("::").expect("a message");
        assert!(["error ", "warning ", "notice "].iter().any(|kind| head.starts_with(kind)), "{line}");
        assert!(!message.is_empty(), "{line}");
    }
}

#[test]
fn the_log_is_valid_sarif() {
    let case = image().layout(Case::new(), "image");
    let output = run(&case, "image", &["--format", "sarif"]);
    let log: Value = serde_json::from_str(&output.stdout).expect("JSON");
    judges::assert_sarif(&log);
    let results = log["runs"][0]["results"].as_array().expect("results");
    assert!(results.len() > 20, "{}", results.len());
}

#[test]
fn the_page_shows_the_findings_and_runs_nothing() {
    let case = image().layout(Case::new(), "image");
    let output = run(&case, "image", &["--output", "report.html"]);
    assert_eq!(output.code, 2);
    let (_, report) = audit(&case, "image", &[]);
    let page = case.path("report.html");
    let mut browser = Browser::open(&page, 1200, "light", "");
    let text = browser.value("document.body.innerText");
    let text = text.as_str().expect("text").to_lowercase();
    for finding in findings(&report) {
        let rule = finding["rule"].as_str().expect("a rule");
        assert!(text.contains(rule), "{rule} is not seen");
    }
    for (expression, wanted) in [
        ("typeof window.ran", json!("undefined")),
        (
            "document.querySelectorAll('img, iframe, svg, link, object, form, base, [onload], [onerror]').length",
            json!(0),
        ),
        ("document.querySelectorAll('style').length", json!(1)),
        ("document.querySelectorAll('script').length", json!(1)),
        ("document.documentElement.scrollWidth > innerWidth", json!(false)),
    ] {
        assert_eq!(browser.value(expression), wanted, "{expression}");
    }
    assert_eq!(browser.said, [""; 0], "the console");
    assert_eq!(browser.loaded.len(), 1, "{:?}", browser.loaded);
}
