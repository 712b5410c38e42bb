//! PERM003 to PERM006: files that the run user can change.

use std::{collections::BTreeMap, path::Path};

use super::{
    super::{
        image_view::{Entrypoint, ImageView},
        rule_notes::RuleNotes,
    },
    folder_groups::FolderGroups,
    group::{Groups, count},
    rule_check::RuleCheck,
};
use crate::report::{Rule, Severity};
use crate::rootfs::{Magic, TarEntry, TarEntryKind, parent};

pub(super) const CHECK: RuleCheck = RuleCheck {
    rules: &[Rule::WritableCode, Rule::ReplaceableCode, Rule::RunUserOwned, Rule::ForeignOwner],
    files: true,
    run: check_ownership,
};

/// Ends of names of what an interpreter runs.
const SOURCES: [&str; 14] =
    [".py", ".pyc", ".rb", ".js", ".mjs", ".cjs", ".pl", ".pm", ".php", ".lua", ".jar", ".class", ".sh", ".wasm"];

/// Folders of programs, libraries and applications: what is in them decides what the service does.
const CODE: [&str; 12] = [
    "/app/",
    "/bin/",
    "/lib/",
    "/lib64/",
    "/sbin/",
    "/usr/bin/",
    "/usr/lib/",
    "/usr/lib64/",
    "/usr/libexec/",
    "/usr/local/bin/",
    "/usr/local/lib/",
    "/usr/sbin/",
];

/// Whether a file is run, loaded or interpreted.
fn is_code(entry: &TarEntry) -> bool {
    let name = entry.name();
    if entry.mode & 0o111 != 0 && entry.magic != Magic::Empty || matches!(entry.magic, Magic::Elf | Magic::Script) {
        return true;
    }
    // All other signs have a dot.
    memchr::memchr(b'.', name.as_bytes()).is_some() && has_name_of_code(name)
}

/// Whether a name is that of a library, or of what an interpreter runs.
fn has_name_of_code(name: &str) -> bool {
    Path::new(name).extension().is_some_and(|end| end == "so")
        || name.contains(".so.")
        || SOURCES.iter().any(|end| name.ends_with(end))
}

fn check_ownership(view: &ImageView<'_>, notes: &mut RuleNotes) {
    check_foreign_owners(view, notes);
    let Some(uid) = view.user.uid.filter(|uid| *uid != 0) else {
        let why = if view.user.uid.is_some() {
            "root may change everything; `root-user` reports it"
        } else {
            "the run user is unknown; `unknown-user` or `malformed-user` reports it"
        };
        for rule in [Rule::WritableCode, Rule::ReplaceableCode, Rule::RunUserOwned] {
            notes.not_applicable(rule, why);
        }
        return;
    };
    let mut code = FolderGroups::new(Rule::WritableCode);
    let mut owned = FolderGroups::new(Rule::RunUserOwned);
    for (path, node, entry) in view.files() {
        let is_own = entry.uid == uid;
        let in_code = CODE.iter().any(|folder| path.starts_with(folder)) && !is_meant_to_be_written(view, path);
        let code_here = is_code(entry) || in_code;
        if code_here && view.may(entry, 2) {
            code.add(Severity::High, parent(path), 1, || view.place(node.inode));
        } else if code_here && is_own {
            code.add(Severity::Medium, parent(path), 1, || view.place(node.inode));
        } else if is_own && !is_meant_to_be_written(view, path) {
            owned.add(Severity::Low, parent(path), 1, || view.place(node.inode));
        }
    }
    code.report(view, notes, |at| {
        let files = count(at.files, "program or library file", "program or library files");
        format!("the run user can change {files} below `{}`", at.folder)
    });
    owned.report(view, notes, |at| {
        format!("{} to the run user, below `{}`", count(at.files, "file belongs", "files belong"), at.folder)
    });
    check_replaceable(view, notes);
}

/// Whether the image declares that the run user writes to the path: a volume, the working directory, or a usual folder.
fn is_meant_to_be_written(view: &ImageView<'_>, path: &str) -> bool {
    let below = |folder: &str| {
        folder != "/" && path.strip_prefix(folder.trim_end_matches('/')).is_some_and(|rest| rest.starts_with('/'))
    };
    view.keys("Volumes").into_iter().any(below)
        || view.text("WorkingDir").is_some_and(below)
        || ["/home", "/tmp", "/var/tmp", "/run", "/var/run"].into_iter().any(below)
}

/// Programs, libraries and configuration in folders that the run user can rename things in.
fn check_replaceable(view: &ImageView<'_>, notes: &mut RuleNotes) {
    let mut folders: BTreeMap<String, Option<String>> = BTreeMap::new();
    let mut groups: BTreeMap<String, usize> = BTreeMap::new();
    // An attacker who can replace a symbolic link to the program need not change the program.
    let links = match view.entrypoint() {
        Entrypoint::At(_, written) => view.links(written),
        _ => Vec::new(),
    };
    for link in links {
        if let Some((above, ..)) = view.writable_ancestor(&link) {
            *groups.entry(above).or_default() += 1;
        }
    }
    for (path, _, entry) in view.files() {
        if !is_code(entry) && !path.starts_with("/etc/") {
            continue;
        }
        let folder = parent(path);
        let above = if let Some(known) = folders.get(folder) {
            known.clone()
        } else {
            let found = view.writable_ancestor(path).map(|(path, ..)| path);
            folders.insert(folder.to_owned(), found.clone());
            found
        };
        if let Some(above) = above {
            *groups.entry(above).or_default() += 1;
        }
    }
    let severity = Rule::ReplaceableCode.facts().severity;
    let mut folded = FolderGroups::new(Rule::ReplaceableCode);
    for (folder, number) in groups {
        folded.add(severity, &folder, number, || view.folder(&folder));
    }
    folded.report(view, notes, |at| {
        let files = count(at.files, "program or setting", "programs or settings");
        match at.places {
            1 => format!("the run user can replace {files} in `{}`", at.folder),
            places => format!("the run user can replace {files} in {places} folders, all in `{}`", at.folder),
        }
    });
}

/// Files whose owner is neither root nor the run user.
fn check_foreign_owners(view: &ImageView<'_>, notes: &mut RuleNotes) {
    let mut groups = Groups::new(Rule::ForeignOwner);
    for (_, node, entry) in view.nodes() {
        if entry.kind == TarEntryKind::Symlink || entry.uid == 0 || view.user.uid == Some(entry.uid) {
            continue;
        }
        groups.add(Severity::Low, entry.uid.to_string(), || view.place(node.inode));
    }
    groups.report(notes, |uid, number| {
        format!(
            "{} to the uid {uid}, which is neither root nor the run user",
            count(number, "path belongs", "paths belong")
        )
    });
}

#[cfg(test)]
mod tests {
    use super::super::super::sample_image::{SampleFile, SampleImage, elf, has};
    use super::*;

    fn found(files: Vec<SampleFile>) -> Vec<Rule> {
        has(&SampleImage::new().user("100:101").layer(files).audit(), CHECK.rules)
    }

    #[test]
    fn what_the_run_user_owns_or_may_write_is_found() {
        let program = |path: &str| SampleFile::new(path, &elf()).mode(0o755);
        assert_eq!(found(vec![program("app/run")]), []);
        assert_eq!(found(vec![program("app/run").owner(100, 101)]), [Rule::WritableCode]);
        assert_eq!(found(vec![program("app/run").owner(100, 101).mode(0o555)]), [Rule::WritableCode]);
        assert_eq!(found(vec![program("app/run").owner(0, 101).mode(0o775)]), [Rule::WritableCode]);
        assert_eq!(found(vec![program("app/run").owner(0, 5).mode(0o775)]), []);
        assert_eq!(found(vec![SampleFile::text("app/api.py", "x").owner(100, 101)]), [Rule::WritableCode]);
        assert_eq!(found(vec![SampleFile::text("data/x", "x").owner(100, 101)]), [Rule::RunUserOwned]);
        assert_eq!(
            found(vec![SampleFile::text("app/page.html", "x").owner(100, 101).mode(0o644)]),
            [Rule::WritableCode]
        );
        assert_eq!(found(vec![SampleFile::text("app/page.html", "x").owner(0, 101).mode(0o644)]), []);
        let group = SampleFile::text("etc/group", "app:x:101:\nstaff:x:50:app\n");
        let passwd = SampleFile::text("etc/passwd", "app:x:100:101::/:/\n");
        let shared = program("app/run").owner(0, 50).mode(0o775);
        assert_eq!(found(vec![group, passwd, shared]), [Rule::WritableCode], "by a group of /etc/group");
        assert_eq!(found(vec![SampleFile::text("home/u/x", "x").owner(100, 101)]), []);
        assert_eq!(found(vec![SampleFile::text("app/x", "x").owner(501, 20)]), [Rule::ForeignOwner]);
    }

    #[test]
    fn a_folder_of_the_run_user_above_a_program_lets_it_replace_the_program() {
        let file = || SampleFile::new("app/bin/run", &elf()).mode(0o555);
        let app =
            |mode, uid| vec![SampleFile::folder("app").mode(mode).owner(uid, 0), SampleFile::folder("app/bin"), file()];
        assert_eq!(found(app(0o755, 0)), []);
        assert_eq!(found(app(0o755, 100)), [Rule::ReplaceableCode]);
        assert_eq!(found(app(0o1777, 0)), [], "sticky");
        assert_eq!(found(app(0o777, 0)), [Rule::ReplaceableCode]);
    }

    #[test]
    fn a_link_to_the_entrypoint_in_a_folder_of_the_run_user_is_found() {
        let files = |uid| {
            [
                SampleFile::folder("app").owner(uid, 0),
                SampleFile::symlink("app/run", "/usr/bin/run"),
                SampleFile::new("usr/bin/run", &elf()).mode(0o555),
            ]
        };
        let rules = |uid| {
            let sample = SampleImage::new().user("100:101").entrypoint(&["/app/run"]).layer(files(uid));
            has(&sample.audit(), &[Rule::ReplaceableCode])
        };
        assert_eq!(rules(0), []);
        assert_eq!(rules(100), [Rule::ReplaceableCode]);
    }

    #[test]
    fn one_chown_of_300_folders_is_one_finding_of_the_folder_above_with_the_number_of_all() {
        let folders = (0..300).flat_map(|index| {
            let file = SampleFile::text(&format!("srv/d{index}/a.js"), "x").owner(100, 101);
            [SampleFile::folder(&format!("srv/d{index}")).owner(100, 101), file]
        });
        let other = [SampleFile::folder("opt").owner(100, 101), SampleFile::text("opt/b.py", "x")];
        let audit = SampleImage::new().user("100:101").layer(folders.chain(other)).audit();
        for rule in [Rule::ReplaceableCode, Rule::WritableCode] {
            let all = super::super::super::sample_image::found(&audit, rule);
            let about: Vec<_> = all.iter().map(|one| (one.place.path.as_deref(), one.folded, one.places())).collect();
            let one = (Some("/srv"), true, 300);
            let alone = (Some("/opt"), false, 1);
            assert_eq!(about, if rule == Rule::WritableCode { vec![one] } else { vec![one, alone] }, "{rule}");
            let srv = all.iter().find(|one| one.folded).expect("a folded one");
            assert_eq!((srv.also.len(), srv.left_off), (32, 268));
            assert!(srv.message.contains("300 program"), "{}", srv.message);
        }
    }

    #[test]
    fn root_is_asked_nothing() {
        let sample = SampleImage::new().user("0").layer([SampleFile::new("a", &elf()).mode(0o755)]);
        assert_eq!(has(&sample.audit(), CHECK.rules), []);
    }
}
