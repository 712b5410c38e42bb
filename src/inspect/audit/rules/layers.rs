//! What is wrong with the tar of a layer: TAR001 to TAR007.

use super::{
    super::{
        merged::At,
        merged::{Misfit, climbs_out, join, parent},
        notes::Notes,
        scan::{Flaw, Kind},
        view::View,
    },
    Check,
};
use crate::report::{Rule, Severity};

pub(super) const CHECK: Check = Check {
    rules: &[
        Rule::PathEscape,
        Rule::HardLinkEscape,
        Rule::SymlinkParent,
        Rule::SymlinkEscape,
        Rule::DuplicatePath,
        Rule::InvalidWhiteout,
        Rule::AmbiguousTar,
    ],
    files: true,
    look,
};

/// Where a link leads to the kernel or to the container's runtime.
const HOST: [&str; 11] = [
    "/proc",
    "/sys",
    "/dev",
    "/var/run/docker.sock",
    "/run/docker.sock",
    "/var/run/containerd",
    "/run/containerd",
    "/var/run/crio",
    "/run/crio",
    "/var/run/podman",
    "/run/podman",
];
/// Links of every system that are no harm: what each container has of its own.
const USUAL: [&str; 14] = [
    "/proc/mounts",
    "/proc/self/mounts",
    "/proc/self/fd",
    "/dev/fd",
    "/dev/full",
    "/dev/null",
    "/dev/random",
    "/dev/shm",
    "/dev/stderr",
    "/dev/stdin",
    "/dev/stdout",
    "/dev/tty",
    "/dev/urandom",
    "/dev/zero",
];

fn look(view: &View<'_>, notes: &mut Notes) {
    for (layer, scan) in view.scans.iter().enumerate() {
        for (entry, flaw) in &scan.flaws {
            flawed(view, notes, At { layer, entry: *entry }, flaw);
        }
    }
    for (at, misfit) in view.merged.misfits() {
        misfitting(view, notes, *at, misfit);
    }
    for (at, entry) in view.entries().filter(|(_, entry)| entry.kind == Kind::Symlink) {
        let target = entry.target().unwrap_or_default();
        let is_below = |path: &str, folders: &[&str]| {
            let below =
                |folder: &str| path.strip_prefix(folder).is_some_and(|rest| rest.is_empty() || rest.starts_with('/'));
            folders.iter().any(|folder| below(folder))
        };
        let end = join(parent(&entry.path), target);
        let message = if climbs_out(parent(&entry.path), target) {
            format!("the link `{}` leads above the root: `{target}`", entry.path)
        } else if is_below(&end, &HOST) && !is_below(&end, &USUAL) {
            format!("the link `{}` leads to the host: `{target}`", entry.path)
        } else {
            continue;
        };
        notes.found(Rule::SymlinkEscape, view.place(at), message);
    }
}

fn flawed(view: &View<'_>, notes: &mut Notes, at: At, flaw: &Flaw) {
    let place = view.place(at);
    let path = place.path.clone().unwrap_or_default();
    match flaw {
        Flaw::DotDot(true) => {
            notes.found(Rule::PathEscape, place, format!("the name of `{path}` climbs above the root"));
        }
        Flaw::DotDot(false) => {
            notes.weigh(Rule::PathEscape, Severity::High, place, format!("the name of `{path}` has `..` in it"));
        }
        Flaw::Nul => notes.found(Rule::PathEscape, place, format!("a name of `{path}` holds a NUL")),
        Flaw::Absolute => {
            let message = format!("the name of `{path}` begins with a slash, which careless tools take for the host's");
            notes.weigh(Rule::PathEscape, Severity::Medium, place, message);
        }
        Flaw::Ambiguous(why) => {
            notes.found(Rule::AmbiguousTar, place, format!("readers disagree about the tar at `{path}`: {why}"));
        }
        Flaw::Trailing => {
            let message = "there is something behind the end of the tar";
            notes.weigh(Rule::AmbiguousTar, Severity::Medium, view.layer(at.layer), message);
        }
        // `owner-names` tells of it.
        Flaw::ProcessId => {}
    }
}

fn misfitting(view: &View<'_>, notes: &mut Notes, at: At, misfit: &Misfit) {
    let place = view.place(at);
    let path = place.path.clone().unwrap_or_default();
    let target = view.entry(at).and_then(|entry| entry.target()).unwrap_or_default();
    match misfit {
        Misfit::Twice(first) => {
            // A folder told twice, the same both times, is read the same by everybody.
            let same = view.entry(At { layer: at.layer, entry: *first }).zip(view.entry(at)).is_some_and(|(a, b)| {
                a.kind == Kind::Directory && (a.kind, a.mode, a.uid, a.gid) == (b.kind, b.mode, b.uid, b.gid)
            });
            let severity = if same { Severity::Low } else { Severity::Medium };
            notes.weigh(Rule::DuplicatePath, severity, place, format!("the layer has `{path}` twice"));
        }
        Misfit::ThroughLink { link, layer, to_folder } => {
            let severity = match (*layer == at.layer, *to_folder) {
                (true, _) => Severity::High,
                (false, false) => Severity::Medium,
                // As where `/lib` became a link to `/usr/lib`.
                (false, true) => Severity::Info,
            };
            let message = format!("`{path}` is written through the link `{link}`");
            notes.weigh(Rule::SymlinkParent, severity, place, message);
        }
        Misfit::ThroughNothing { link } => {
            let message = format!("`{path}` is written through the link `{link}`, which leads nowhere");
            notes.found(Rule::SymlinkParent, place, message);
        }
        Misfit::ThroughFile { file } => {
            let message = format!("`{path}` is written below `{file}`, which is no folder");
            notes.found(Rule::AmbiguousTar, place, message);
        }
        Misfit::Root => {
            let message = "the root is not a folder, so that everything would be written elsewhere";
            notes.found(Rule::SymlinkParent, place, message);
        }
        Misfit::NoTarget => {
            let message = format!("the hard link `{path}` points at `{target}`, which is not there before it");
            notes.found(Rule::HardLinkEscape, place, message);
        }
        Misfit::TargetIsNoFile => {
            notes.found(
                Rule::HardLinkEscape,
                place,
                format!("the hard link `{path}` points at `{target}`, which is no file"),
            );
        }
        Misfit::TargetOutside => {
            notes.found(
                Rule::HardLinkEscape,
                place,
                format!("the hard link `{path}` points above the root: `{target}`"),
            );
        }
        Misfit::OtherLayer => {
            let message = format!("the hard link `{path}` points at `{target}` of a lower layer");
            notes.found(Rule::HardLinkEscape, place, message);
        }
        Misfit::Whiteout(why) => {
            notes.found(Rule::InvalidWhiteout, place, format!("the whiteout `{path}` is invalid: {why}"));
        }
    }
}

#[cfg(test)]
mod tests {
    use super::super::super::sample::{File, Sample, found, has};
    use super::*;

    fn rules(files: Vec<File>) -> Vec<Rule> {
        has(&Sample::new().layer(files).audit(), CHECK.rules)
    }

    #[test]
    fn names_that_leave_the_root_are_found() {
        assert_eq!(rules(vec![File::text("../../etc/cron.d/x", "x")]), [Rule::PathEscape]);
        assert_eq!(rules(vec![File::text("a/../b", "x")]), [Rule::PathEscape]);
        assert_eq!(rules(vec![File::text("/etc/x", "x")]), [Rule::PathEscape]);
        assert_eq!(rules(vec![File::text("./etc/..x", "x")]), []);
    }

    #[test]
    fn hard_links_point_at_files_before_them_in_the_layer() {
        let file = || File::text("a", "x");
        assert_eq!(rules(vec![file(), File::hard_link("b", "a"), File::hard_link("c", "/a")]), []);
        assert_eq!(rules(vec![File::hard_link("b", "a"), file()]), [Rule::HardLinkEscape]);
        assert_eq!(rules(vec![file(), File::hard_link("b", "../a")]), [Rule::HardLinkEscape]);
        assert_eq!(rules(vec![File::symlink("l", "a"), file(), File::hard_link("b", "l")]), [Rule::HardLinkEscape]);
        let lower = Sample::new().layer([file()]).layer([File::hard_link("b", "a")]);
        assert_eq!(has(&lower.audit(), CHECK.rules), [Rule::HardLinkEscape]);
    }

    #[test]
    fn entries_through_links_are_found_and_a_merged_usr_is_only_told() {
        let through = vec![File::symlink("x", "/etc"), File::text("x/passwd", "x")];
        assert_eq!(rules(through), [Rule::SymlinkParent]);
        let cycle = vec![File::symlink("x", "y"), File::symlink("y", "x"), File::text("x/a", "x")];
        assert_eq!(rules(cycle), [Rule::SymlinkParent]);
        let merged = Sample::new()
            .layer([File::folder("usr/lib"), File::symlink("lib", "usr/lib")])
            .layer([File::text("lib/x", "x")]);
        let audit = merged.audit();
        let weights: Vec<_> = found(&audit, Rule::SymlinkParent).iter().map(|one| one.severity).collect();
        assert_eq!(weights, [Severity::Info]);
    }

    #[test]
    fn links_out_of_the_image_are_found_and_absolute_ones_are_none() {
        assert_eq!(rules(vec![File::symlink("a/l", "../../x")]), [Rule::SymlinkEscape]);
        assert_eq!(rules(vec![File::symlink("s", "/var/run/docker.sock")]), [Rule::SymlinkEscape]);
        assert_eq!(rules(vec![File::symlink("p", "/proc/1/root")]), [Rule::SymlinkEscape]);
        let usual =
            [("a/l", "../x"), ("l", "/etc/x"), ("m", "/proc/mounts"), ("d", "/devel/x"), ("log", "/dev/stdout")];
        assert_eq!(rules(usual.map(|(path, target)| File::symlink(path, target)).to_vec()), []);
    }

    #[test]
    fn paths_told_twice_and_whiteouts_that_are_none_are_found() {
        assert_eq!(rules(vec![File::text("a", "x"), File::text("./a", "y")]), [Rule::DuplicatePath]);
        assert_eq!(rules(vec![File::text("a/.wh.", "")]), [Rule::InvalidWhiteout]);
        assert_eq!(rules(vec![File::text("a/.wh..", "")]), [Rule::InvalidWhiteout]);
        assert_eq!(rules(vec![File::folder("a/.wh.b")]), [Rule::InvalidWhiteout]);
        assert_eq!(rules(vec![File::whiteout("a/b"), File::text("a/b", "x")]), [Rule::InvalidWhiteout]);
        assert_eq!(rules(vec![File::text("a/.wh..wh..opq", ""), File::text("a/b", "x"), File::whiteout("c")]), []);
    }

    #[test]
    fn a_tar_that_readers_disagree_about_is_found() {
        let sized = File::text("a", "content").pax("size", b"3");
        assert_eq!(rules(vec![sized]), [Rule::AmbiguousTar]);
        assert_eq!(rules(vec![File::text("a", "content").pax("size", b"7")]), []);
        let hidden = Sample::new().raw_layer(&[vec![File::text("a", "x")], vec![File::text("b", "y")]]);
        assert_eq!(has(&hidden.audit(), CHECK.rules), [Rule::AmbiguousTar]);
    }
}
