//! PERM001 and PERM002: setuid, setgid and world-writable modes.

use std::collections::BTreeSet;

use super::{
    super::{image_view::ImageView, rule_notes::RuleNotes},
    rule_check::RuleCheck,
};
use crate::report::{Rule, Severity};
use crate::rootfs::TarEntryKind;

pub(super) const CHECK: RuleCheck =
    RuleCheck { rules: &[Rule::Setuid, Rule::WorldWritable], files: true, run: check_modes };

fn check_modes(view: &ImageView<'_>, notes: &mut RuleNotes) {
    let mut reported = BTreeSet::new();
    for (path, node, inode) in view.nodes() {
        // The headers of hard links count too: runtimes set their mode on the file that they share.
        let own = view.entry(node.at).filter(|own| own.kind == TarEntryKind::HardLink);
        let mode = inode.mode | own.map_or(0, |own| own.mode);
        let place = || view.place(node.at);
        match inode.kind {
            TarEntryKind::File if mode & 0o6000 != 0 && reported.insert((node.inode, Rule::Setuid)) => {
                let what = match mode & 0o6000 {
                    0o4000 => "setuid",
                    0o2000 => "setgid",
                    _ => "setuid and setgid",
                };
                let message = format!("`{path}` is {what}, owned by {}:{}", inode.uid, inode.gid);
                notes.found(Rule::Setuid, place(), message);
            }
            TarEntryKind::Directory if mode & 0o6000 != 0 => {
                let message = format!("the folder `{path}` is setuid or setgid");
                notes.weigh(Rule::Setuid, Severity::Low, place(), message);
            }
            _ => {}
        }
        if mode & 0o002 == 0 {
            continue;
        }
        match inode.kind {
            TarEntryKind::File if reported.insert((node.inode, Rule::WorldWritable)) => {
                notes.found(Rule::WorldWritable, place(), format!("`{path}` is world-writable"));
            }
            TarEntryKind::Directory if mode & 0o1000 == 0 => {
                let message = format!("the folder `{path}` is world-writable without the sticky bit");
                notes.weigh(Rule::WorldWritable, Severity::Medium, place(), message);
            }
            _ => {}
        }
    }
}

#[cfg(test)]
mod tests {
    use super::super::super::sample_image::{SampleFile, SampleImage, elf, found, has};
    use super::*;

    #[test]
    fn bits_are_found_on_files_folders_and_hard_links() {
        let sample = SampleImage::new().layer([
            SampleFile::new("bin/su", &elf()).mode(0o4755),
            SampleFile::hard_link("bin/su2", "bin/su").mode(0o4755),
            SampleFile::folder("var/mail").mode(0o2775),
            SampleFile::text("etc/open", "x").mode(0o666),
            SampleFile::folder("srv/open").mode(0o777),
            SampleFile::folder("tmp").mode(0o1777),
            SampleFile::symlink("link", "etc/open").mode(0o777),
        ]);
        let audit = sample.audit();
        let severities = |rule| found(&audit, rule).iter().map(|one| one.severity).collect::<Vec<_>>();
        assert_eq!(severities(Rule::Setuid), [Severity::High, Severity::Low]);
        assert_eq!(severities(Rule::WorldWritable), [Severity::High, Severity::Medium]);
        let near = [
            SampleFile::folder("tmp").mode(0o1777),
            SampleFile::text("a", "x").mode(0o664),
            SampleFile::symlink("l", "a").mode(0o777),
        ];
        assert_eq!(has(&SampleImage::new().layer(near).audit(), CHECK.rules), []);
    }

    #[test]
    fn a_hard_link_that_brings_the_bit_is_found() {
        let files =
            [SampleFile::new("bin/a", &elf()).mode(0o755), SampleFile::hard_link("bin/b", "bin/a").mode(0o4755)];
        assert_eq!(has(&SampleImage::new().layer(files).audit(), CHECK.rules), [Rule::Setuid]);
    }

    #[test]
    fn what_a_later_layer_removes_or_repairs_is_no_longer_there() {
        let sample = SampleImage::new()
            .layer([SampleFile::new("bin/su", &elf()).mode(0o4755), SampleFile::new("bin/at", &elf()).mode(0o4755)])
            .layer([SampleFile::whiteout("bin/su"), SampleFile::new("bin/at", &elf()).mode(0o755)]);
        assert_eq!(has(&sample.audit(), CHECK.rules), []);
    }

    #[test]
    fn a_hard_link_keeps_what_a_later_layer_removes() {
        let sample = SampleImage::new()
            .layer([
                SampleFile::new("bin/a", &elf()).mode(0o4755),
                SampleFile::hard_link("bin/b", "bin/a").mode(0o755),
                SampleFile::hard_link("bin/c", "bin/b").mode(0o755),
            ])
            .layer([SampleFile::whiteout("bin/a"), SampleFile::whiteout("bin/b")]);
        let audit = sample.audit();
        let paths: Vec<_> = found(&audit, Rule::Setuid).iter().map(|one| one.place.path.clone()).collect();
        assert_eq!(paths, [Some("/bin/c".to_owned())]);
    }
}
