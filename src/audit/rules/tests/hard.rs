//! Cases that other tools miss: names for root, links, later layers, merged folders, distroless bases.

use super::{
    super::super::{Audit, Presence, sample_image::found},
    *,
};
use crate::report::Severity;

fn program(path: &str) -> SampleFile {
    SampleFile::new(path, &SampleProgram::default().bytes()).mode(0o555)
}

fn weights(audit: &Audit, rule: Rule) -> Vec<Severity> {
    found(audit, rule).iter().map(|one| one.severity).collect()
}

fn token() -> String {
    format!("key = gl{}-{}\n", "pat", "a8Kd02mZqLx7TnVw3YpR")
}

/// The clean image without its passwd, run as that user, with these files.
fn run_as(user: &str, more: Vec<SampleFile>) -> Vec<Rule> {
    broken(&clean().user(user).layer(more).audit())
}

#[test]
fn a_name_is_root_when_passwd_says_so_wherever_that_is() {
    let lines = "root:x:0:0::/:\n\napp:x:0:10::/:\n";
    // Two names of uid 0 are a finding of their own.
    let root = [Rule::RootUser, Rule::NamedUser, Rule::DuplicateId];
    assert_eq!(run_as("app", vec![SampleFile::text("etc/passwd", lines)]), root);
    let linked = vec![
        SampleFile::folder("etc"),
        SampleFile::symlink("etc/passwd", "../usr/lib/accounts"),
        SampleFile::folder("usr"),
        SampleFile::folder("usr/lib"),
        SampleFile::text("usr/lib/accounts", lines),
    ];
    assert_eq!(run_as("app", linked), root);
}

#[test]
fn lines_without_a_number_are_root_and_no_line_is_a_fault() {
    for line in ["app", "app:", "app:x", "app:x:", "app:x::", "app:x:abc:5", "  app:x:0:5", "app:x:+0:5"] {
        let found = run_as("app", vec![SampleFile::text("etc/passwd", &format!("\n\n:\n::::\n{line}\n"))]);
        assert_eq!(found, [Rule::RootUser, Rule::NamedUser], "{line}");
    }
    let found = run_as("app", vec![SampleFile::text("etc/passwd", "app:x:4294967296:5::/:\n")]);
    assert_eq!(found, [Rule::MalformedUser]);
    let found = run_as("77:77", vec![SampleFile::text("etc/passwd", "77:x:0:77::/:\n")]);
    assert_eq!(found, [Rule::RootUser], "a number that is a name");
}

#[test]
fn a_passwd_that_could_not_be_read_is_never_clean() {
    let unlike = vec![
        SampleFile::folder("etc"),
        SampleFile::symlink("etc/passwd", "../opt"),
        SampleFile::text("opt", &format!("{}app:x:0:0::/:\n", "\n".repeat(1000))),
    ];
    let audit = clean().user("app").layer(unlike).audit();
    assert!(audit.is_incomplete());
    assert!(audit.images[0].unknown.iter().any(|one| one.rules.contains(&Rule::RootUser)));
    let long = SampleFile::text("etc/passwd", &format!("{}app:x:0:0::/:\n", "#\n".repeat(600_000)));
    assert!(clean().user("app").layer([long]).audit().is_incomplete());
}

#[test]
fn a_setuid_file_three_links_deep_is_found_once() {
    let links = vec![
        SampleFile::symlink("a", "b"),
        SampleFile::symlink("b", "c"),
        SampleFile::symlink("c", "usr/lib/d"),
        SampleFile::folder("usr"),
        SampleFile::folder("usr/lib"),
        program("usr/lib/d").mode(0o4555),
        SampleFile::hard_link("usr/lib/e", "usr/lib/d").mode(0o4555),
        SampleFile::hard_link("usr/lib/f", "usr/lib/e").mode(0o4555),
    ];
    let audit = clean().layer(links.clone()).audit();
    assert_eq!(broken(&audit), [Rule::Setuid]);
    assert_eq!(found(&audit, Rule::Setuid).len(), 1);
    // The names go one by one; the last one keeps the file.
    let gone = [SampleFile::whiteout("a"), SampleFile::whiteout("usr/lib/d"), SampleFile::whiteout("usr/lib/e")];
    assert_eq!(broken(&clean().layer(links.clone()).layer(gone).audit()), [Rule::Setuid]);
    let all = [SampleFile::whiteout("usr/lib/d"), SampleFile::whiteout("usr/lib/e"), SampleFile::whiteout("usr/lib/f")];
    assert_eq!(broken(&clean().layer(links).layer(all).audit()), []);
}

#[test]
fn a_secret_is_found_however_a_later_layer_hides_it() {
    let file = || [SampleFile::folder("srv"), SampleFile::text("srv/x", &token())];
    let hidden = |later: Vec<SampleFile>| clean().layer(file()).layer(later).audit();
    for later in [
        vec![SampleFile::whiteout("srv/x")],
        vec![SampleFile::whiteout("srv")],
        vec![SampleFile::folder("srv"), SampleFile::text("srv/.wh..wh..opq", "")],
        vec![SampleFile::text("srv/x", "other")],
        vec![SampleFile::text("srv", "a file now")],
        vec![SampleFile::symlink("srv", "usr")],
    ] {
        let audit = hidden(later.clone());
        assert_eq!(weights(&audit, Rule::RemovedSecret), [Severity::Critical], "{}", later.len());
        assert_ne!(found(&audit, Rule::RemovedSecret)[0].place.presence, Presence::Final);
        assert_eq!(found(&audit, Rule::ProviderToken).len(), 0);
    }
    // What is still there by another name is not removed.
    let linked = clean()
        .layer(file().into_iter().chain([SampleFile::hard_link("srv/y", "srv/x")]))
        .layer([SampleFile::whiteout("srv/x")])
        .audit();
    assert_eq!((found(&linked, Rule::RemovedSecret).len(), found(&linked, Rule::ProviderToken).len()), (0, 1));
    assert_eq!(found(&linked, Rule::ProviderToken)[0].place.path.as_deref(), Some("/srv/y"));
}

#[test]
fn a_token_is_found_across_the_pieces_of_a_tar() {
    for before in [511, 512, 65_530, 65_536 - 12, 65_535, 131_060, 262_140] {
        let text = format!("{}\n{}", "x".repeat(before), token());
        assert_eq!(broken(&files(vec![SampleFile::text("usr/lib/x", &text)])), [Rule::ProviderToken], "{before}");
    }
}

#[test]
fn a_renamed_multi_call_binary_is_known_by_content_and_by_its_links() {
    let banner: String = "1.63.1v xoBysuB".chars().rev().collect();
    let box_ =
        SampleProgram { behind: format!("\0{banner} (2024)\0").into_bytes(), ..SampleProgram::default() }.bytes();
    let audit = files(vec![SampleFile::new("usr/bin/init", &box_).mode(0o755)]);
    assert_eq!(broken(&audit), [Rule::MultiCallBinary]);
    let banner: String = "n\\yranib llacitlum s% xobyoT".chars().rev().collect();
    let toy = SampleProgram { behind: format!("\0{banner}\0").into_bytes(), ..SampleProgram::default() }.bytes();
    let audit = files(vec![SampleFile::new("usr/bin/init", &toy).mode(0o755)]);
    assert_eq!(broken(&audit), [Rule::MultiCallBinary]);
    let banner: String = "9.8.0 xobyot".chars().rev().collect();
    let toy = SampleProgram { behind: format!("\0{banner}\0").into_bytes(), ..SampleProgram::default() }.bytes();
    assert_eq!(broken(&files(vec![SampleFile::new("usr/bin/init", &toy).mode(0o755)])), [Rule::MultiCallBinary]);
    let names = ["cat", "cp", "ls", "mv", "rm"];
    let links = names.map(|name| SampleFile::hard_link(&format!("usr/bin/{name}"), "usr/bin/a").mode(0o555)).to_vec();
    let audit = files([program("usr/bin/a")].into_iter().chain(links).collect());
    assert_eq!(broken(&audit), [Rule::MultiCallBinary]);
}

#[test]
fn a_merged_usr_is_no_finding_above_info_where_both_readings_say_the_same() {
    let started_as = |entrypoint: &str| {
        named(SampleImage::new())
            .layer(base(&SampleProgram::default().bytes()).into_iter().chain([
                SampleFile::folder("usr/sbin"),
                SampleFile::symlink("bin", "usr/bin"),
                SampleFile::symlink("lib", "usr/lib"),
                SampleFile::symlink("lib64", "/usr/lib"),
                SampleFile::symlink("sbin", "usr/sbin"),
            ]))
            .layer([program("bin/tool"), SampleFile::text("lib/x", "x"), SampleFile::text("lib64/y", "y")])
            .entrypoint(&[entrypoint])
            .audit()
    };
    let heavy = |audit: &Audit| {
        audit.images[0]
            .findings
            .iter()
            .filter(|one| one.severity > Severity::Info)
            .map(|one| one.rule)
            .collect::<Vec<_>>()
    };
    assert_eq!(heavy(&started_as("/usr/bin/server")), []);
    // Where a folder replaces the link, there is no `/bin/server`.
    assert_eq!(heavy(&started_as("/bin/server")), [Rule::AmbiguousTar, Rule::EntrypointMissing]);
}

#[test]
fn a_distroless_base_is_no_finding_above_info() {
    let parts = [
        SampleFile::folder("var"),
        SampleFile::folder("var/lib"),
        SampleFile::folder("var/lib/dpkg"),
        SampleFile::folder("var/lib/dpkg/status.d"),
        SampleFile::text("var/lib/dpkg/status.d/base-files", "Package: base-files\n"),
        SampleFile::text("var/lib/dpkg/status.d/tzdata", "Package: tzdata\n"),
    ];
    assert_eq!(weights(&files(parts.to_vec()), Rule::PackageManager), [Severity::Info]);
}

#[test]
fn a_link_in_a_circle_is_no_hang_and_no_file() {
    let circle = vec![SampleFile::symlink("a", "b"), SampleFile::symlink("b", "a")];
    assert_eq!(broken(&files(circle.clone())), []);
    let audit = clean().layer(circle.clone()).entrypoint(&["/a"]).audit();
    assert_eq!(broken(&audit), [Rule::EntrypointMissing]);
    let through = circle.into_iter().chain([SampleFile::text("a/x", "x")]).collect();
    assert!(broken(&files(through)).contains(&Rule::SymlinkParent));
    let own = vec![SampleFile::hard_link("a", "a")];
    assert_eq!(broken(&files(own)), [Rule::HardLinkEscape]);
}

#[test]
fn whiteouts_that_are_none_are_found_and_the_others_are_not() {
    let invalid = |files_: Vec<SampleFile>| broken(&files(files_)).contains(&Rule::InvalidWhiteout);
    for name in [".wh.", ".wh..", ".wh...", "usr/.wh.", "usr/.wh..", "usr/.wh...", ".wh..wh.x", ".wh..wh..wh.x"] {
        assert!(invalid(vec![SampleFile::text(name, "")]), "{name}");
    }
    assert!(invalid(vec![SampleFile::folder(".wh.x")]));
    assert!(invalid(vec![SampleFile::symlink(".wh.x", "y")]));
    assert!(invalid(vec![SampleFile::device(".wh.x", 0, 0)]));
    assert!(invalid(vec![SampleFile::whiteout("x"), SampleFile::folder("x"), SampleFile::text("x/y", "y")]));
    assert!(invalid(vec![SampleFile::whiteout("x"), SampleFile::text("x/y", "y")]), "below what is deleted");
    let opaque = || SampleFile::text("usr/.wh..wh..opq", "");
    for fine in [
        vec![SampleFile::whiteout("x")],
        vec![SampleFile::folder("usr"), SampleFile::whiteout("usr/lib")],
        vec![opaque(), SampleFile::text("usr/x", "x")],
    ] {
        assert!(!invalid(fine));
    }
    assert!(invalid(vec![SampleFile::text(".wh..wh..opq", "")]), "overlayfs hides nothing in the root");
    assert!(invalid(vec![SampleFile::whiteout("none/x")]), "some engines make the folder");
    let twice = vec![SampleFile::whiteout("x"), SampleFile::whiteout("x")];
    assert_eq!(broken(&files(twice)), [Rule::DuplicatePath]);
}

#[test]
fn a_file_where_a_folder_was_hides_what_was_in_it() {
    let folder = clean().layer([SampleFile::text("opt/bin/su", "x")]);
    let audit = folder.layer([SampleFile::text("opt", "x")]).audit();
    assert!(!audit.images[0].findings.iter().any(|one| one.rule == Rule::UnsortedEntries), "nothing is below `/opt`");
    let below = clean().layer([SampleFile::text("opt", "x")]).layer([SampleFile::text("opt/x", "x")]).audit();
    assert!(broken(&below).contains(&Rule::AmbiguousTar));
    let root = clean().layer([SampleFile::symlink("./", "/etc"), SampleFile::text("x", "x")]).audit();
    assert!(broken(&root).contains(&Rule::SymlinkParent), "the root is a link");
    assert!(!broken(&root).contains(&Rule::EntrypointMissing), "and hides nothing");
}
