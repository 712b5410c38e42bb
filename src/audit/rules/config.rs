//! CFG006, CFG007, CFG010 to CFG012: labels, signal, health check, working directory.

use serde_json::Value;

use super::{
    super::{FindingPlace, image_view::ImageView, rule_notes::RuleNotes},
    rule_check::RuleCheck,
};
use crate::report::{Rule, Severity};
use crate::rootfs::{TarEntryKind, join};

pub(super) const CHECK: RuleCheck = RuleCheck {
    rules: &[Rule::StopSignal, Rule::Healthcheck, Rule::WorkingDirectory, Rule::RuntimeLabels, Rule::OnbuildTriggers],
    files: true,
    run: check_config,
};

/// Signals of Linux, without `SIG`.
const SIGNALS: [&str; 34] = [
    "ABRT", "ALRM", "BUS", "CHLD", "CLD", "CONT", "FPE", "HUP", "ILL", "INT", "IO", "IOT", "KILL", "PIPE", "POLL",
    "PROF", "PWR", "QUIT", "SEGV", "STKFLT", "STOP", "SYS", "TERM", "TRAP", "TSTP", "TTIN", "TTOU", "URG", "USR1",
    "USR2", "VTALRM", "WINCH", "XCPU", "XFSZ",
];

/// Beginnings of labels that runtimes take for orders.
const RUNTIME: [&str; 3] = ["containerd.io/", "io.containerd.", "io.kubernetes."];

fn check_config(view: &ImageView<'_>, notes: &mut RuleNotes) {
    check_stop_signal(view, notes);
    check_healthcheck(view, notes);
    check_working_directory(view, notes);
    for label in view.keys("Labels") {
        if RUNTIME.iter().any(|prefix| label.starts_with(prefix)) {
            let message = format!("the label `{label}` is one that runtimes act on");
            notes.found(Rule::RuntimeLabels, FindingPlace::key(format!("config.Labels[{label}]")), message);
        }
    }
    let triggers = view.words("OnBuild").len();
    if triggers > 0 {
        let message = format!("builds on this image run {triggers} commands of its own");
        notes.found(Rule::OnbuildTriggers, FindingPlace::key("config.OnBuild"), message);
    }
}

fn check_stop_signal(view: &ImageView<'_>, notes: &mut RuleNotes) {
    let place = || FindingPlace::key("config.StopSignal");
    let Some(signal) = view.text("StopSignal").filter(|signal| !signal.is_empty()) else { return };
    // Docker takes either case, with and without `SIG`.
    let upper = signal.to_ascii_uppercase();
    let name = upper.strip_prefix("SIG").unwrap_or(&upper);
    let number = signal.parse::<u8>().ok();
    if matches!(name, "KILL" | "STOP") || matches!(number, Some(9 | 19)) {
        notes.found(Rule::StopSignal, place(), format!("`{signal}` cannot be caught"));
    } else if !SIGNALS.contains(&name) && !number.is_some_and(|number| (1..=64).contains(&number)) && !is_realtime(name)
    {
        notes.found(Rule::StopSignal, place(), format!("`{signal}` is not a signal"));
    }
}

/// `RTMIN`, `RTMIN+3`, `RTMAX-14`.
fn is_realtime(name: &str) -> bool {
    let offset =
        name.strip_prefix("RTMIN").map(|rest| (rest, '+')).or(name.strip_prefix("RTMAX").map(|rest| (rest, '-')));
    offset.is_some_and(|(rest, sign)| {
        rest.is_empty() || rest.strip_prefix(sign).and_then(|rest| rest.parse::<u8>().ok()).is_some_and(|by| by <= 30)
    })
}

/// Docker's own field. One in shell form needs a shell.
fn check_healthcheck(view: &ImageView<'_>, notes: &mut RuleNotes) {
    let test = view.config.get("Healthcheck").and_then(|check| check.get("Test")).and_then(Value::as_array);
    let words: Vec<&str> = test.into_iter().flatten().filter_map(Value::as_str).collect();
    let place = || FindingPlace::key("config.Healthcheck");
    match words.as_slice() {
        [] => {
            notes.not_applicable(Rule::Healthcheck, "the image has no health check; OCI images have no field for one");
        }
        ["CMD-SHELL", ..] if view.complete && view.find("/bin/sh").is_err() => {
            let message = "the health check needs a shell, which is not in the image";
            notes.weigh(Rule::Healthcheck, Severity::Medium, place(), message);
        }
        ["CMD", program, ..] if view.complete && !has_program(view, program) => {
            let message = format!("the health check needs `{program}`, which is not in the image");
            notes.weigh(Rule::Healthcheck, Severity::Medium, place(), message);
        }
        _ => {}
    }
}

/// Whether a program is in the image, by its path or by `PATH`.
fn has_program(view: &ImageView<'_>, program: &str) -> bool {
    if program.contains('/') {
        return view.find(&join(view.text("WorkingDir").unwrap_or("/"), program)).is_ok();
    }
    view.search_path().iter().any(|folder| view.find(&join(folder, program)).is_ok())
}

fn check_working_directory(view: &ImageView<'_>, notes: &mut RuleNotes) {
    let Some(folder) = view.text("WorkingDir").filter(|folder| !folder.is_empty()) else { return };
    let place = || FindingPlace::key("config.WorkingDir");
    if !folder.starts_with('/') {
        notes.found(Rule::WorkingDirectory, place(), format!("the working directory `{folder}` is relative"));
        return;
    }
    let clean = join("/", folder);
    if clean == "/" || !view.complete {
        return;
    }
    match view.find(&clean) {
        Ok((path, _, entry)) if entry.kind != TarEntryKind::Directory => {
            notes.found(Rule::WorkingDirectory, place(), format!("the working directory `{path}` is not a folder"));
        }
        Ok((path, _, entry)) if view.user.uid.is_some_and(|uid| uid != 0) && view.may_change(entry) => {
            let declared = view.keys("Volumes").iter().any(|volume| join("/", volume) == path);
            if !declared {
                let message = format!("the run user can write to the working directory `{path}`");
                notes.found(Rule::WorkingDirectory, place(), message);
            }
        }
        Ok(_) => {}
        Err(_) if view.exists(&clean) => {}
        Err(_) => {
            notes.found(
                Rule::WorkingDirectory,
                place(),
                format!("the working directory `{folder}` is not in the image"),
            );
        }
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::super::super::sample_image::{SampleFile, SampleImage, has};
    use super::*;

    fn with(key: &str, value: Value) -> Vec<Rule> {
        let files =
            [SampleFile::folder("srv"), SampleFile::folder("own").owner(65532, 65532), SampleFile::text("a/b", "x")];
        has(&SampleImage::new().config(key, value).layer(files).audit(), CHECK.rules)
    }

    #[test]
    fn signals_checks_folders_labels_and_triggers_are_judged() {
        for good in ["SIGTERM", "TERM", "sigterm", "15", "SIGRTMIN+3", "RTMAX-2", "XFSZ", ""] {
            assert_eq!(with("StopSignal", json!(good)), [], "{good}");
        }
        for bad in ["SIGKILL", "sigkill", "9", "STOP", "SIGFOO", "0", "99", "-9", "RTMIN+x", "SIG", " 9"] {
            assert_eq!(with("StopSignal", json!(bad)), [Rule::StopSignal], "{bad}");
        }
        for good in ["", "/", "/srv", "/a"] {
            assert_eq!(with("WorkingDir", json!(good)), [], "{good}");
        }
        for bad in ["srv", "/own", "/none", "/a/b"] {
            assert_eq!(with("WorkingDir", json!(bad)), [Rule::WorkingDirectory], "{bad}");
        }
        assert_eq!(with("Healthcheck", json!({ "Test": ["CMD-SHELL", "true"] })), [Rule::Healthcheck]);
        assert_eq!(with("Healthcheck", json!({ "Test": ["CMD", "none", "x"] })), [Rule::Healthcheck]);
        assert_eq!(with("Healthcheck", json!({ "Test": ["CMD", "/a/b"] })), []);
        assert_eq!(with("Healthcheck", json!({ "Test": ["NONE"] })), []);
        assert_eq!(with("Labels", json!({ "containerd.io/restart.loguri": "binary:///x" })), [Rule::RuntimeLabels]);
        assert_eq!(with("Labels", json!({ "org.containerd.io": "x" })), []);
        assert_eq!(with("OnBuild", json!(["RUN x"])), [Rule::OnbuildTriggers]);
    }
}
