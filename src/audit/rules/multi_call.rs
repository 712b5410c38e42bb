//! TOOL002: busybox and toybox under any name.

use std::{collections::BTreeMap, sync::OnceLock};

use super::{
    super::{image_view::ImageView, rule_notes::RuleNotes},
    dictionary::Dictionary,
    rule_check::RuleCheck,
};
use crate::report::Rule;
use crate::rootfs::{EntryIndex, Magic, file_name};

pub(super) const CHECK: RuleCheck = RuleCheck { rules: &[Rule::MultiCallBinary], files: true, run: check_multi_call };

/// Names of tools that no ordinary program shares.
const APPLETS: &str = "ash sh ls cat cp mv rm mkdir rmdir chmod chown ps kill mount umount wget nc ping vi sed grep awk tar gzip \
                       find xargs head tail sort uniq wc cut tr date df du id su login passwd adduser syslogd crond";

/// So many names of tools make a file one of them all.
const ENOUGH: usize = 5;

/// [`APPLETS`], to be looked up.
fn applets() -> &'static Dictionary<()> {
    static KNOWN: OnceLock<Dictionary<()>> = OnceLock::new();
    KNOWN.get_or_init(|| Dictionary::of(APPLETS.split_ascii_whitespace().map(|name| (name, ()))))
}

fn check_multi_call(view: &ImageView<'_>, notes: &mut RuleNotes) {
    // By links: how many names of tools lead to a file.
    let applets = applets();
    let mut names: BTreeMap<EntryIndex, usize> = BTreeMap::new();
    for (path, _, _) in view.nodes() {
        let name = file_name(path);
        if applets.get(name).is_none() {
            continue;
        }
        if let Ok((_, node, _)) = view.find(path) {
            *names.entry(node.inode).or_default() += 1;
        }
    }
    for (_, node, entry) in view.files() {
        if entry.magic != Magic::Elf {
            continue;
        }
        let by_content = view.elf(node.inode).and_then(|file| file.marks.multi_call);
        let name = entry.name();
        let why = if let Some(kind) = by_content {
            format!("its content is that of {kind}")
        } else if name.starts_with("busybox") || name.starts_with("toybox") {
            "by its name".to_owned()
        } else if let Some(number) = names.get(&node.inode).filter(|number| **number >= ENOUGH) {
            format!("{number} tools are links to it")
        } else {
            continue;
        };
        let message = format!("`{}` is a multi-call binary: {why}", entry.path);
        notes.found(Rule::MultiCallBinary, view.place(node.inode), message);
    }
}

#[cfg(test)]
mod tests {
    use super::super::super::sample_image::{SampleFile, SampleImage, elf, has};
    use super::*;

    #[test]
    fn a_renamed_busybox_is_known_by_content_and_by_links() {
        let banner: String = "v xoBysuB".chars().rev().collect();
        let mut box_file = elf();
        box_file.extend(format!("\0{banner}1.36.1 (2024-01-01)\0").bytes());
        let found = |files: Vec<SampleFile>| has(&SampleImage::new().layer(files).audit(), CHECK.rules);
        assert_eq!(found(vec![SampleFile::new("usr/bin/server", &box_file).mode(0o755)]), [Rule::MultiCallBinary]);
        assert_eq!(found(vec![SampleFile::new("usr/bin/server", &elf()).mode(0o755)]), []);
        let linked = |names: &[&str]| {
            let links = names.iter().map(|name| SampleFile::symlink(&format!("bin/{name}"), "/x"));
            links.chain([SampleFile::new("x", &elf()).mode(0o755)]).collect::<Vec<_>>()
        };
        assert_eq!(found(linked(&["ls", "cat", "cp", "mv", "rm"])), [Rule::MultiCallBinary]);
        assert_eq!(found(linked(&["ls", "cat", "cp", "mv"])), []);
    }
}
