//! TAR001 to TAR007: flaws and conflicts in the tar of a layer.

use super::{
    super::{image_view::ImageView, rule_notes::RuleNotes},
    rule_check::RuleCheck,
};
use crate::report::{Rule, Severity};
use crate::rootfs::{EntryIndex, Flaw, LayerConflict, TarEntryKind, climbs_out, join, parent};

pub(super) const CHECK: RuleCheck = RuleCheck {
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
    run: check_layers,
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

fn check_layers(view: &ImageView<'_>, notes: &mut RuleNotes) {
    for (layer, scan) in view.scans.iter().enumerate() {
        for (entry, flaw) in &scan.flaws {
            report_flaw(view, notes, EntryIndex { layer, entry: *entry }, flaw);
        }
    }
    for (at, conflict) in view.rootfs.conflicts() {
        report_conflict(view, notes, *at, conflict);
    }
    for (at, entry) in view.entries().filter(|(_, entry)| entry.kind == TarEntryKind::Symlink) {
        let target = entry.target().unwrap_or_default();
        let is_below = |path: &str, folders: &[&str]| {
            let below =
                |folder: &str| path.strip_prefix(folder).is_some_and(|rest| rest.is_empty() || rest.starts_with('/'));
            folders.iter().any(|folder| below(folder))
        };
        let end = join(parent(&entry.path), target);
        let message = if climbs_out(parent(&entry.path), target) {
            format!("the symbolic link `{}` leads above the root: `{target}`", entry.path)
        } else if is_below(&end, &HOST) && !is_below(&end, &USUAL) {
            format!("the symbolic link `{}` leads to the host: `{target}`", entry.path)
        } else {
            continue;
        };
        notes.found(Rule::SymlinkEscape, view.place(at), message);
    }
}

fn report_flaw(view: &ImageView<'_>, notes: &mut RuleNotes, at: EntryIndex, flaw: &Flaw) {
    let place = view.place(at);
    let path = place.path.clone().unwrap_or_default();
    match flaw {
        Flaw::DotDot(true) => {
            notes.found(Rule::PathEscape, place, format!("the name of `{path}` leads above the root by `..`"));
        }
        Flaw::DotDot(false) => {
            notes.weigh(Rule::PathEscape, Severity::High, place, format!("the name of `{path}` has `..` in it"));
        }
        Flaw::Nul => notes.found(Rule::PathEscape, place, format!("a name of `{path}` holds a NUL")),
        Flaw::Absolute => {
            let message = format!("the name of `{path}` begins with a slash: careless tools write it to the host");
            notes.weigh(Rule::PathEscape, Severity::Medium, place, message);
        }
        Flaw::Ambiguous(why) => {
            notes.found(Rule::AmbiguousTar, place, format!("tar readers disagree about `{path}`: {why}"));
        }
        Flaw::Trailing => {
            let message = "the tar has data after its end";
            notes.weigh(Rule::AmbiguousTar, Severity::Medium, view.layer(at.layer), message);
        }
        // Reported by `owner-names`.
        Flaw::ProcessId => {}
    }
}

fn report_conflict(view: &ImageView<'_>, notes: &mut RuleNotes, at: EntryIndex, conflict: &LayerConflict) {
    let place = view.place(at);
    let path = place.path.clone().unwrap_or_default();
    let target = view.entry(at).and_then(|entry| entry.target()).unwrap_or_default();
    let (rule, severity) = match conflict {
        LayerConflict::Twice(first) => {
            // A folder that is there twice with the same metadata is the same for every reader.
            let same =
                view.entry(EntryIndex { layer: at.layer, entry: *first }).zip(view.entry(at)).is_some_and(|(a, b)| {
                    a.kind == TarEntryKind::Directory
                        && (a.kind, a.mode, a.uid, a.gid) == (b.kind, b.mode, b.uid, b.gid)
                });
            (Rule::DuplicatePath, Some(if same { Severity::Low } else { Severity::Medium }))
        }
        LayerConflict::ThroughLink { layer, to_directory, .. } => {
            let severity = match (*layer == at.layer, *to_directory) {
                (true, _) => Severity::High,
                (false, false) => Severity::Medium,
                // As where `/lib` became a link to `/usr/lib`; where that matters, the two readings differ.
                (false, true) => Severity::Info,
            };
            (Rule::SymlinkParent, Some(severity))
        }
        LayerConflict::ThroughNothing { .. } | LayerConflict::Root => (Rule::SymlinkParent, None),
        LayerConflict::ThroughFile { .. }
        | LayerConflict::UnknownType
        | LayerConflict::OtherMetadata
        | LayerConflict::ImpliedDirectory { .. }
        | LayerConflict::OverlayWhiteout
        | LayerConflict::RootMetadata => (Rule::AmbiguousTar, None),
        LayerConflict::WhiteoutOfNothing => (Rule::InvalidWhiteout, Some(Severity::Medium)),
        LayerConflict::NoTarget
        | LayerConflict::TargetIsNoFile
        | LayerConflict::TargetOutside
        | LayerConflict::OtherLayer => (Rule::HardLinkEscape, None),
        LayerConflict::Whiteout(_) => (Rule::InvalidWhiteout, None),
    };
    let severity = severity.unwrap_or(rule.facts().severity);
    notes.weigh(rule, severity, place, conflict.sentence(&path, target));
}

#[cfg(test)]
mod tests {
    use super::super::super::sample_image::{SampleFile, SampleImage, found, has};
    use super::*;

    fn rules(files: Vec<SampleFile>) -> Vec<Rule> {
        has(&SampleImage::new().layer(files).audit(), CHECK.rules)
    }

    #[test]
    fn names_that_leave_the_root_are_found() {
        assert_eq!(rules(vec![SampleFile::text("../../etc/cron.d/x", "x")]), [Rule::PathEscape]);
        assert_eq!(rules(vec![SampleFile::text("a/../b", "x")]), [Rule::PathEscape]);
        assert_eq!(rules(vec![SampleFile::text("/etc/x", "x")]), [Rule::PathEscape]);
        assert_eq!(rules(vec![SampleFile::text("./etc/..x", "x")]), []);
    }

    #[test]
    fn hard_links_point_at_files_before_them_in_the_layer() {
        let file = || SampleFile::text("a", "x");
        assert_eq!(rules(vec![file(), SampleFile::hard_link("b", "a"), SampleFile::hard_link("c", "/a")]), []);
        assert_eq!(rules(vec![SampleFile::hard_link("b", "a"), file()]), [Rule::HardLinkEscape]);
        assert_eq!(rules(vec![file(), SampleFile::hard_link("b", "../a")]), [Rule::HardLinkEscape]);
        assert_eq!(
            rules(vec![SampleFile::symlink("l", "a"), file(), SampleFile::hard_link("b", "l")]),
            [Rule::HardLinkEscape]
        );
        let lower = SampleImage::new().layer([file()]).layer([SampleFile::hard_link("b", "a")]);
        assert_eq!(has(&lower.audit(), CHECK.rules), [Rule::HardLinkEscape]);
    }

    #[test]
    fn entries_through_links_are_found_and_a_merged_usr_is_only_told() {
        let through = vec![SampleFile::symlink("x", "/etc"), SampleFile::text("x/passwd", "x")];
        assert_eq!(rules(through), [Rule::SymlinkParent]);
        let cycle = vec![SampleFile::symlink("x", "y"), SampleFile::symlink("y", "x"), SampleFile::text("x/a", "x")];
        assert_eq!(rules(cycle), [Rule::SymlinkParent]);
        let merged = SampleImage::new()
            .layer([SampleFile::folder("usr/lib"), SampleFile::symlink("lib", "usr/lib")])
            .layer([SampleFile::text("lib/x", "x")]);
        let audit = merged.audit();
        let weights: Vec<_> = found(&audit, Rule::SymlinkParent).iter().map(|one| one.severity).collect();
        assert_eq!(weights, [Severity::Info]);
    }

    #[test]
    fn links_out_of_the_image_are_found_and_absolute_ones_are_none() {
        assert_eq!(rules(vec![SampleFile::symlink("a/l", "../../x")]), [Rule::SymlinkEscape]);
        assert_eq!(rules(vec![SampleFile::symlink("s", "/var/run/docker.sock")]), [Rule::SymlinkEscape]);
        assert_eq!(rules(vec![SampleFile::symlink("p", "/proc/1/root")]), [Rule::SymlinkEscape]);
        let usual =
            [("a/l", "../x"), ("l", "/etc/x"), ("m", "/proc/mounts"), ("d", "/devel/x"), ("log", "/dev/stdout")];
        assert_eq!(rules(usual.map(|(path, target)| SampleFile::symlink(path, target)).to_vec()), []);
    }

    #[test]
    fn paths_told_twice_and_whiteouts_that_are_none_are_found() {
        assert_eq!(rules(vec![SampleFile::text("a", "x"), SampleFile::text("./a", "y")]), [Rule::DuplicatePath]);
        assert_eq!(rules(vec![SampleFile::text("a/.wh.", "")]), [Rule::InvalidWhiteout]);
        assert_eq!(rules(vec![SampleFile::text("a/.wh..", "")]), [Rule::InvalidWhiteout]);
        assert_eq!(rules(vec![SampleFile::folder("a/.wh.b")]), [Rule::InvalidWhiteout]);
        assert_eq!(rules(vec![SampleFile::whiteout("a/b"), SampleFile::text("a/b", "x")]), [Rule::InvalidWhiteout]);
        assert_eq!(
            rules(vec![
                SampleFile::text("a/.wh..wh..opq", ""),
                SampleFile::text("a/b", "x"),
                SampleFile::whiteout("c")
            ]),
            []
        );
    }

    #[test]
    fn a_tar_that_readers_disagree_about_is_found() {
        let sized = SampleFile::text("a", "content").pax("size", b"3");
        assert_eq!(rules(vec![sized]), [Rule::AmbiguousTar]);
        assert_eq!(rules(vec![SampleFile::text("a", "content").pax("size", b"7")]), []);
        for (owner, rules_) in [(u64::from(u32::MAX), vec![Rule::AmbiguousTar]), (u64::from(u32::MAX) - 1, vec![])] {
            assert_eq!(rules(vec![SampleFile::text("a", "x").owner(owner, 0)]), rules_);
            assert_eq!(rules(vec![SampleFile::text("a", "x").owner(0, owner)]), rules_);
        }
        let hidden =
            SampleImage::new().raw_layer(&[vec![SampleFile::text("a", "x")], vec![SampleFile::text("b", "y")]]);
        assert_eq!(has(&hidden.audit(), CHECK.rules), [Rule::AmbiguousTar]);
    }
}
