//! PERM011: folders that the run user can write to and programs, libraries or code of interpreters are loaded from.

use super::{
    super::{FindingPlace, image_view::ImageView, rule_file::RuleFile, rule_notes::RuleNotes},
    injection,
    rule_check::RuleCheck,
};
use crate::report::{Rule, Severity};
use crate::rootfs::{TarEntryKind, join, parent};

pub(super) const CHECK: RuleCheck = RuleCheck { rules: &[Rule::LoaderHijack], files: true, run: check_loader };

/// Variables that make the loader take other libraries.
const VARIABLES: [(&str, Severity); 4] = [
    ("LD_PRELOAD", Severity::High),
    ("LD_AUDIT", Severity::High),
    ("LD_LIBRARY_PATH", Severity::Medium),
    ("GCONV_PATH", Severity::Medium),
];

fn check_loader(view: &ImageView<'_>, notes: &mut RuleNotes) {
    for (name, value) in view.env() {
        let place = || FindingPlace::key(format!("config.Env[{name}]"));
        if let Some((_, severity)) = VARIABLES.iter().find(|(known, _)| *known == name)
            && !value.is_empty()
        {
            notes.weigh(Rule::LoaderHijack, *severity, place(), format!("`{name}` changes which libraries are loaded"));
        }
        if name == "PATH" {
            check_path_variable(view, notes, value);
        }
    }
    match view.rule_file("/etc/ld.so.preload") {
        RuleFile::Kept(file) if file.text.iter().any(|byte| !byte.is_ascii_whitespace()) => {
            let message = "`/etc/ld.so.preload` loads a library into every program";
            notes.found(Rule::LoaderHijack, view.place(file.node.inode), message);
        }
        RuleFile::Unread(at) => {
            let message =
                "`/etc/ld.so.preload` leads to a file, and the loader loads what that names into every program";
            notes.found(Rule::LoaderHijack, view.place(at), message);
        }
        RuleFile::Kept(_) | RuleFile::Nothing => {}
    }
    check_configured_folders(view, notes);
    injection::check_injection(view, notes);
}

/// The folders of `PATH`.
fn check_path_variable(view: &ImageView<'_>, notes: &mut RuleNotes, value: &str) {
    for folder in value.split(':') {
        let place = || FindingPlace::key("config.Env[PATH]");
        if folder.is_empty() {
            notes.found(Rule::LoaderHijack, place(), "`PATH` has an empty part, which is the working directory");
        } else if !folder.starts_with('/') {
            notes.found(Rule::LoaderHijack, place(), format!("`PATH` has the relative folder `{folder}`"));
        } else if is_writable(view, folder) {
            notes.found(Rule::LoaderHijack, place(), format!("the run user can write to `{folder}` of `PATH`"));
        }
    }
}

/// Folders of the loader's configuration.
fn check_configured_folders(view: &ImageView<'_>, notes: &mut RuleNotes) {
    let is_one = |path: &str| {
        path == "/etc/ld.so.conf" || path.starts_with("/etc/ld.so.conf.d/") || path.starts_with("/etc/ld-musl-")
    };
    let own = view.nodes().filter(|(path, ..)| is_one(path));
    for path in own.map(|(path, ..)| path.to_owned()).collect::<Vec<_>>() {
        let Some(file) = view.kept_file(&path) else { continue };
        let text = String::from_utf8_lossy(file.text);
        for folder in text.lines().flat_map(|line| line.split(':')).map(str::trim).filter(|part| part.starts_with('/'))
        {
            if is_writable(view, folder) {
                let message = format!("libraries are searched in `{folder}`, to which the run user can write");
                notes.found(Rule::LoaderHijack, view.place(file.node.inode), message);
            }
        }
    }
}

/// Whether a run user that is not root can put something into a folder, put another one in its place, or make it where
/// it is not.
pub(super) fn is_writable(view: &ImageView<'_>, folder: &str) -> bool {
    if view.user.uid.is_none_or(|uid| uid == 0) {
        return false;
    }
    let mine = |path: &str| {
        view.find(path).is_ok_and(|(_, _, entry)| entry.kind == TarEntryKind::Directory && view.may_change(entry))
    };
    let folder = join("/", folder);
    if let Ok((path, ..)) = view.find(&folder) {
        return mine(&path) || view.writable_ancestor(&path).is_some();
    }
    // What is there first, from below, is where it would be made.
    let mut at = folder.as_str();
    while at != "/" {
        at = parent(at);
        if view.exists(at) {
            return mine(at);
        }
    }
    false
}

#[cfg(test)]
mod tests {
    use super::super::super::sample_image::{SampleFile, SampleImage, has};
    use super::*;

    #[test]
    fn searches_that_somebody_can_change_are_found() {
        let with =
            |env: &str, files: Vec<SampleFile>| has(&SampleImage::new().env(&[env]).layer(files).audit(), CHECK.rules);
        let hit = [Rule::LoaderHijack];
        assert_eq!(with("PATH=/usr/bin:/bin", vec![]), []);
        assert_eq!(with("PATH=/usr/bin:", vec![]), hit);
        assert_eq!(with("PATH=bin:/usr/bin", vec![]), hit);
        assert_eq!(with("PATH=/app/bin", vec![SampleFile::folder("app/bin").owner(65532, 65532)]), hit);
        assert_eq!(with("PATH=/app/bin", vec![SampleFile::folder("app/bin")]), []);
        let home = || SampleFile::folder("home/u").owner(65532, 65532);
        assert_eq!(with("PATH=/home/u/.local/bin", vec![home()]), hit, "could be made");
        assert_eq!(with("PATH=/home/u/bin", vec![home(), SampleFile::folder("home/u/bin")]), hit, "could be replaced");
        assert_eq!(
            with("PATH=/tmp/bin", vec![SampleFile::folder("tmp").mode(0o1777), SampleFile::folder("tmp/bin")]),
            []
        );
        assert_eq!(with("PATH=/tmp", vec![SampleFile::folder("tmp").mode(0o1777)]), hit);
        assert_eq!(with("PATH=/none", vec![]), []);
        let linked = vec![SampleFile::symlink("etc/ld.so.preload", "/opt/x"), SampleFile::text("opt/x", "/x.so\n")];
        assert_eq!(with("A=b", linked), hit);
        assert_eq!(with("LD_PRELOAD=/x.so", vec![]), hit);
        assert_eq!(with("LD_PRELOAD=", vec![]), []);
        assert_eq!(with("A=b", vec![SampleFile::text("etc/ld.so.preload", "/x.so\n")]), hit);
        assert_eq!(with("A=b", vec![SampleFile::text("etc/ld.so.preload", "\n")]), []);
        let open = SampleFile::folder("opt/lib").mode(0o777);
        assert_eq!(with("A=b", vec![SampleFile::text("etc/ld.so.conf", "/opt/lib\n"), open]), hit);
    }
}
