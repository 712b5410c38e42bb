//! PERM007, CFG008, CFG009 and CFG015: whether the entrypoint can start.

use super::{
    super::{
        FindingPlace,
        image_view::{Entrypoint, ImageView},
        rule_notes::RuleNotes,
    },
    rule_check::RuleCheck,
};
use crate::rootfs::{FileContent, Magic, join, parent};
use crate::{
    elf::{GoBuild, NotElf},
    oci::Platform,
    report::{Rule, Severity},
};

pub(super) const CHECK: RuleCheck = RuleCheck {
    rules: &[Rule::EntrypointNotExecutable, Rule::EntrypointMissing, Rule::ShellForm, Rule::WrongArchitecture],
    files: true,
    run: check_entrypoint,
};

/// Shells that take a command line after `-c`.
const SHELLS: [&str; 7] = ["sh", "bash", "ash", "dash", "zsh", "ksh", "mksh"];

fn check_entrypoint(view: &ImageView<'_>, notes: &mut RuleNotes) {
    check_platforms(view, notes);
    check_shell_form(view, notes);
    let key = if view.words("Entrypoint").is_empty() { "config.Cmd" } else { "config.Entrypoint" };
    match view.entrypoint() {
        Entrypoint::Unset => {
            let message = "the image names no program to start";
            notes.weigh(Rule::EntrypointMissing, Severity::Medium, FindingPlace::key("config.Entrypoint"), message);
        }
        Entrypoint::Lost(..) if !view.complete => {}
        Entrypoint::Lost(word, why) => {
            let message = format!("the entrypoint `{word}` is not in the image: {why}");
            notes.found(Rule::EntrypointMissing, FindingPlace::key(key), message);
        }
        Entrypoint::At(path, written) => check_start(view, notes, path, written),
    }
}

/// The file at `path` is what a container starts.
fn check_start(view: &ImageView<'_>, notes: &mut RuleNotes, path: &str, written: &str) {
    let Ok((path, node, entry)) = view.find(path) else { return };
    let place = || view.place(node.inode);
    if !view.may(entry, 1) {
        let message = format!("the run user may not execute `{path}`, mode {:04o}", entry.mode);
        notes.found(Rule::EntrypointNotExecutable, place(), message);
    } else if entry.magic == Magic::Script && !view.may(entry, 4) {
        let message = format!("the run user may not read the script `{path}`");
        notes.found(Rule::EntrypointNotExecutable, place(), message);
    }
    // The folders above the file, and above each link that leads to it.
    let mut reported = std::collections::BTreeSet::new();
    for end in view.links(written).iter().chain([&path]) {
        let mut at = end.as_str();
        while at != "/" {
            at = parent(at);
            let Some(folder) = view.rootfs.get(at) else { continue };
            if view.entry(folder.inode).is_some_and(|entry| !view.may(entry, 1)) && reported.insert(at.to_owned()) {
                let message = format!("the run user may not pass the folder `{at}` above `{path}`");
                notes.found(Rule::EntrypointNotExecutable, view.place(folder.inode), message);
            }
        }
    }
    if let Some(FileContent::Script(line)) = view.content(node.inode)
        && let Some(missing) = missing_interpreter(view, line)
    {
        let message = format!("the script `{path}` is run by `{missing}`, which is not in the image");
        notes.found(Rule::EntrypointMissing, place(), message);
    }
    match view.elf(node.inode).map(|file| &file.headers) {
        Some(Ok(elf)) => {
            if let Some(platform) = platform(view)
                && let Some(own) = elf.unfit(&platform)
            {
                let message = format!("`{path}` is for {own}, the image is for {platform}");
                notes.found(Rule::WrongArchitecture, place(), message);
            } else if elf.go == GoBuild::Unread {
                notes.unknown(Rule::WrongArchitecture, place(), "its Go build information cannot be read");
            }
        }
        Some(Err(NotElf::TooFar)) => {
            let what = "its headers lead farther from its beginning than the audit looks";
            notes.unknown(Rule::WrongArchitecture, place(), what);
        }
        Some(Err(why @ (NotElf::Kind(_) | NotElf::Broken(_)))) => {
            notes.found(Rule::EntrypointMissing, place(), format!("the entrypoint `{path}` {}", why.sentence()));
        }
        _ if !matches!(entry.magic, Magic::Elf | Magic::Script) => {
            let message = format!("the entrypoint `{path}` is not a program");
            notes.found(Rule::EntrypointMissing, place(), message);
        }
        _ => {}
    }
}

/// The interpreter of a script's first line, if the image does not have it.
fn missing_interpreter(view: &ImageView<'_>, line: &str) -> Option<String> {
    let mut words = line.split_ascii_whitespace();
    let first = words.next().filter(|_| view.complete)?;
    if view.find(first).is_err() {
        return Some(first.to_owned());
    }
    let name = words.find(|word| !word.starts_with('-') && !word.contains('='))?;
    let is_env = first.ends_with("/env") && !name.contains('/');
    let is_there = || view.search_path().iter().any(|folder| view.find(&join(folder, name)).is_ok());
    (is_env && !is_there()).then(|| name.to_owned())
}

/// The config's platform, where hardpan knows it.
fn platform(view: &ImageView<'_>) -> Option<Platform> {
    let word = |key: &str| view.document.get(key).and_then(serde_json::Value::as_str);
    let base = format!("{}/{}", word("os")?, word("architecture")?);
    let full = word("variant").map_or(base.clone(), |variant| format!("{base}/{variant}"));
    Platform::parse(&full).or_else(|_| Platform::parse(&base)).ok()
}

/// Compares the platform in the index with the one in the config.
fn check_platforms(view: &ImageView<'_>, notes: &mut RuleNotes) {
    let Some(listed) = &view.image.platform else { return };
    let word = |key: &str| view.document.get(key).and_then(serde_json::Value::as_str).unwrap_or_default();
    let (os, architecture) = (listed.os().to_string(), listed.architecture().to_string());
    if os != word("os") || architecture != word("architecture") {
        let own = format!("{}/{}", word("os"), word("architecture"));
        let message = format!("the index calls the image {os}/{architecture}, the config {own}");
        notes.found(Rule::WrongArchitecture, FindingPlace::key("index"), message);
    }
}

/// `["/bin/sh", "-c", "..."]`, in one of the two or in both together.
fn check_shell_form(view: &ImageView<'_>, notes: &mut RuleNotes) {
    let (entrypoint, cmd) = (view.words("Entrypoint"), view.words("Cmd"));
    let both = view.command();
    let whole = if entrypoint.is_empty() { "Cmd" } else { "Entrypoint" };
    let mut reported = false;
    for (key, words) in [(whole, both), ("Cmd", cmd)] {
        let Some(shell) = shell_of(&words).filter(|_| !(reported && key == whole)) else { continue };
        reported = true;
        let is_there = !view.complete
            || if shell.contains('/') {
                view.find(shell).is_ok()
            } else {
                view.search_path().iter().any(|folder| view.find(&join(folder, shell)).is_ok())
            };
        let (severity, end) =
            if is_there { (Severity::Medium, "") } else { (Severity::High, ", which is not in the image") };
        let message = format!("the {} is run by the shell `{shell}`{end}", key.to_lowercase());
        notes.weigh(Rule::ShellForm, severity, FindingPlace::key(format!("config.{key}")), message);
    }
}

/// The shell that takes a command line from these words.
fn shell_of<'w>(words: &[&'w str]) -> Option<&'w str> {
    let name = |word: &str| word.rsplit('/').next().unwrap_or_default().to_owned();
    // `tini -- sh -c ...`, `env A=b sh -c ...`, `busybox sh -c ...`
    let is_before = |word: &&&str| {
        ["env", "tini", "dumb-init", "busybox", "exec"].contains(&name(word).as_str())
            || word.starts_with('-')
            || word.contains('=')
    };
    let mut rest = words.iter().skip_while(is_before);
    let shell = rest.next().filter(|word| SHELLS.contains(&name(word).as_str()))?;
    let mut options = rest.take_while(|word| word.starts_with('-') || **word == "pipefail" || **word == "errexit");
    options.any(|word| !word.starts_with("--") && word.ends_with('c')).then_some(*shell)
}

#[cfg(test)]
mod tests {
    use super::super::super::sample_image::{SampleFile, SampleImage, elf, found, has};
    use super::*;

    fn rules(entrypoint: &[&str], files: Vec<SampleFile>) -> Vec<Rule> {
        has(&SampleImage::new().entrypoint(entrypoint).layer(files).audit(), CHECK.rules)
    }

    #[test]
    fn an_entrypoint_that_cannot_start_says_why() {
        let good = || SampleFile::new("usr/bin/server", &elf()).mode(0o555);
        let at = ["/usr/bin/server"];
        assert_eq!(rules(&at, vec![good()]), []);
        assert_eq!(rules(&["server"], vec![good()]), [], "by PATH");
        assert_eq!(
            rules(&["/s"], vec![good(), SampleFile::symlink("s", "t"), SampleFile::symlink("t", "usr/bin/server")]),
            []
        );
        assert_eq!(rules(&at, vec![good().mode(0o444)]), [Rule::EntrypointNotExecutable]);
        assert_eq!(rules(&at, vec![SampleFile::folder("usr").mode(0o700), good()]), [Rule::EntrypointNotExecutable]);
        assert_eq!(rules(&at, vec![]), [Rule::EntrypointMissing]);
        assert_eq!(rules(&[], vec![good()]), [Rule::EntrypointMissing]);
        assert_eq!(rules(&["/l"], vec![SampleFile::symlink("l", "l")]), [Rule::EntrypointMissing]);
        assert_eq!(
            rules(&at, vec![SampleFile::text("usr/bin/server", "hello").mode(0o555)]),
            [Rule::EntrypointMissing]
        );
        let script = |line: &str| {
            vec![SampleFile::text("usr/bin/server", line).mode(0o555), SampleFile::new("bin/env", &elf()).mode(0o555)]
        };
        assert_eq!(rules(&at, script("#!/bin/env\n")), []);
        assert_eq!(rules(&at, script("#!/bin/python\n")), [Rule::EntrypointMissing]);
        assert_eq!(rules(&at, script("#!/bin/env -S python3 -u\n")), [Rule::EntrypointMissing]);
        let closed = [SampleFile::folder("x").mode(0o700), SampleFile::symlink("x/s", "/usr/bin/server"), good()];
        assert_eq!(rules(&["/x/s"], closed.to_vec()), [Rule::EntrypointNotExecutable], "above a link");
        let twice = [SampleFile::text("usr/local/bin/server", "no").mode(0o444), good()];
        assert_eq!(rules(&["server"], twice.to_vec()), [], "passed over in PATH");
        let mut other = elf();
        if let Some(machine) = other.get_mut(18) {
            *machine = 183;
        }
        assert_eq!(rules(&at, vec![SampleFile::new("usr/bin/server", &other).mode(0o555)]), [Rule::WrongArchitecture]);
    }

    #[test]
    fn a_shell_form_is_worse_without_a_shell() {
        let severity = |files: Vec<SampleFile>| {
            let audit = SampleImage::new().entrypoint(&["/bin/sh", "-c", "server"]).layer(files).audit();
            found(&audit, Rule::ShellForm).first().map(|one| one.severity)
        };
        assert_eq!(severity(vec![]), Some(Severity::High));
        assert_eq!(severity(vec![SampleFile::new("bin/sh", &elf()).mode(0o755)]), Some(Severity::Medium));
        for words in [
            &["/bin/bash", "-o", "pipefail", "-c", "x"][..],
            &["tini", "--", "sh", "-ec", "x"],
            &["/usr/bin/env", "A=b", "sh", "-c", "x"],
            &["busybox", "sh", "-c", "x"],
        ] {
            assert!(shell_of(words).is_some(), "{words:?}");
        }
        for words in [&["/bin/sh", "run.sh", "-c"][..], &["sh"], &["bash", "--rc"], &[], &["server", "sh", "-c"]] {
            assert_eq!(shell_of(words), None, "{words:?}");
        }
        assert_eq!(rules(&["/server", "-c", "x"], vec![SampleFile::new("server", &elf()).mode(0o555)]), []);
    }
}
