//! TOOL012: a distribution or a language that gets no more fixes.

use super::{
    super::{FindingPlace, image_view::ImageView, rule_file::RuleFile, rule_notes::RuleNotes},
    rule_check::RuleCheck,
    support_dates::{DISTRIBUTIONS, Day, LANGUAGES, support_of},
};
use crate::report::{Rule, Severity};
use crate::rootfs::{TarEntryKind, file_name};

pub(super) const CHECK: RuleCheck = RuleCheck { rules: &[Rule::EndOfLife], files: true, run: check_support };

/// Where a distribution says what it is: the first counts.
const RELEASE_FILES: [&str; 2] = ["/etc/os-release", "/usr/lib/os-release"];

fn check_support(view: &ImageView<'_>, notes: &mut RuleNotes) {
    let has_distribution = check_distribution(view, notes);
    for (variable, language, releases) in LANGUAGES {
        let Some((_, version)) = view.env().into_iter().find(|(name, _)| *name == variable) else { continue };
        let Some((release, day)) = support_of(releases, version).filter(|(_, day)| *day < view.today) else { continue };
        let place = FindingPlace::key(format!("config.Env[{variable}]"));
        notes.weigh(Rule::EndOfLife, Severity::Medium, place, ended(language, release, day));
    }
    check_interpreters(view, notes, has_distribution);
}

/// Looks at what the distribution says that it is; whether it says so.
fn check_distribution(view: &ImageView<'_>, notes: &mut RuleNotes) -> bool {
    for path in RELEASE_FILES {
        match view.rule_file(path) {
            RuleFile::Nothing => {}
            RuleFile::Unread(at) => {
                notes.unknown(Rule::EndOfLife, view.place(at), "a link leads to it, and it was not kept");
                return true;
            }
            RuleFile::Kept(file) => {
                let text = String::from_utf8_lossy(file.text);
                let field = |name: &str| {
                    let value = |line: &'_ str| line.strip_prefix(name)?.strip_prefix('=').map(str::to_owned);
                    let value = text.lines().find_map(|line| value(line.trim()))?;
                    Some(value.trim().trim_matches(['"', '\'']).to_owned())
                };
                let (id, version) = (field("ID").unwrap_or_default(), field("VERSION_ID").unwrap_or_default());
                let known = DISTRIBUTIONS.iter().find(|(known, _)| *known == id);
                let support = known.and_then(|(_, releases)| support_of(releases, &version));
                if let Some((_, day)) = support.filter(|(_, day)| *day < view.today) {
                    notes.found(Rule::EndOfLife, view.place(file.node.inode), ended(&id, &version, day));
                }
                return true;
            }
        }
    }
    false
}

/// Looks at Pythons that no distribution takes care of: those of `/usr/local` and `/opt`, and all where there is none.
fn check_interpreters(view: &ImageView<'_>, notes: &mut RuleNotes, has_distribution: bool) {
    let is_own = |path: &str| !has_distribution || path.starts_with("/usr/local/") || path.starts_with("/opt/");
    let releases = LANGUAGES.iter().find(|(_, language, _)| *language == "Python").map(|(.., releases)| *releases);
    let is_named = view.env().into_iter().any(|(name, _)| name == "PYTHON_VERSION");
    for (path, node, entry) in view.files().filter(|(path, ..)| !is_named && is_own(path)) {
        let Some(version) = file_name(path).strip_prefix("python").filter(|version| version.contains('.')) else {
            continue;
        };
        // `python3.7`, and not `python3.7-config`.
        let is_version = version.bytes().all(|byte| byte.is_ascii_digit() || byte == b'.');
        if !is_version || entry.kind != TarEntryKind::File || !entry.is_program() {
            continue;
        }
        let support = releases.and_then(|releases| support_of(releases, version));
        if let Some((release, day)) = support.filter(|(_, day)| *day < view.today) {
            notes.weigh(Rule::EndOfLife, Severity::Medium, view.place(node.inode), ended("Python", release, day));
        }
    }
}

fn ended(what: &str, release: &str, (year, month, day): Day) -> String {
    format!("the support of {what} {release} ended on {year}-{month:02}-{day:02}")
}

#[cfg(test)]
mod tests {
    use super::super::super::sample_image::{SampleFile, SampleImage, elf, found};
    use super::*;

    /// The samples are audited on 2026-05-09.
    fn weights(sample: &SampleImage) -> Vec<Severity> {
        found(&sample.audit(), Rule::EndOfLife).iter().map(|one| one.severity).collect()
    }

    #[test]
    fn a_distribution_without_support_is_found_on_the_day_of_the_audit() {
        let with = |text: &str| weights(&SampleImage::new().layer([SampleFile::text("etc/os-release", text)]));
        assert_eq!(with("NAME=x\nID=alpine\nVERSION_ID=3.20.3\n"), [Severity::High]);
        assert_eq!(with("ID=alpine\nVERSION_ID=3.21.0\n"), [], "until November");
        assert_eq!(with("ID=debian\nVERSION_ID=\"10\"\n"), [Severity::High]);
        assert_eq!(with("ID=debian\nVERSION_ID=\"11\"\n"), []);
        assert_eq!(with("ID=\"centos\"\nVERSION_ID=\"7\"\n"), [Severity::High]);
        assert_eq!(with("ID=debian\n"), [], "testing has no version");
        assert_eq!(with("ID=wolfi\nVERSION_ID=20230201\n"), [], "it has no releases");
        let linked = [
            SampleFile::symlink("etc/os-release", "../usr/lib/os-release"),
            SampleFile::text("usr/lib/os-release", "ID=debian\nVERSION_ID=9\n"),
        ];
        assert_eq!(weights(&SampleImage::new().layer(linked)), [Severity::High]);
    }

    #[test]
    fn languages_without_support_are_found_where_the_image_says_which_they_are() {
        let with = |line: &str| weights(&SampleImage::new().env(&[line]).layer([]));
        assert_eq!(with("NODE_VERSION=14.21.3"), [Severity::Medium]);
        assert_eq!(with("NODE_VERSION=22.1.0"), []);
        assert_eq!(with("PYTHON_VERSION=3.7.17"), [Severity::Medium]);
        assert_eq!(with("NODE_VERSION=latest"), []);
        let program = |path: &str| SampleFile::new(path, &elf()).mode(0o755);
        let release = || SampleFile::text("etc/os-release", "ID=debian\nVERSION_ID=12\n");
        let of = |files: Vec<SampleFile>| weights(&SampleImage::new().layer(files));
        assert_eq!(of(vec![release(), program("usr/local/bin/python3.7")]), [Severity::Medium]);
        assert_eq!(of(vec![release(), program("usr/bin/python3.7")]), [], "Debian takes care of it");
        assert_eq!(of(vec![program("usr/bin/python3.7")]), [Severity::Medium]);
        assert_eq!(of(vec![program("usr/bin/python3.13")]), []);
        assert_eq!(of(vec![program("usr/local/bin/python3.7-config")]), []);
    }
}
