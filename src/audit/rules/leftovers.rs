//! TOOL009: caches, logs, version control and build files.

use super::{
    super::{image_view::ImageView, rule_notes::RuleNotes},
    group::{Groups, count},
    rule_check::RuleCheck,
};
use crate::report::{Rule, Severity};
use crate::rootfs::TarEntryKind;

pub(super) const CHECK: RuleCheck = RuleCheck { rules: &[Rule::Leftovers], files: true, run: check_leftovers };

/// Folders of which nothing belongs into an image, from the root.
const ROOTED: [(&str, &str); 6] = [
    ("/var/cache/", "a cache"),
    ("/var/lib/apt/lists/", "a package index"),
    ("/var/log/", "logs"),
    ("/tmp/", "temporary files"),
    ("/var/tmp/", "temporary files"),
    ("/root/.cache/", "a cache"),
];

/// Names of folders, wherever they are.
const FOLDERS: [(&str, &str); 10] = [
    (".git", "version control"),
    (".svn", "version control"),
    (".hg", "version control"),
    (".vscode", "an editor's settings"),
    (".idea", "an editor's settings"),
    (".cache", "a cache"),
    (".npm", "a cache"),
    (".terraform", "a cache"),
    ("__MACOSX", "another system's metadata"),
    (".pytest_cache", "a cache"),
];

/// Names of files, wherever they are.
const FILES: [(&str, &str); 12] = [
    ("Dockerfile", "build files"),
    ("Containerfile", "build files"),
    ("docker-compose.yml", "build files"),
    ("docker-compose.yaml", "build files"),
    ("compose.yml", "build files"),
    ("compose.yaml", "build files"),
    (".dockerignore", "build files"),
    (".containerignore", "build files"),
    (".gitignore", "version control"),
    (".DS_Store", "another system's metadata"),
    (".vimrc", "an editor's settings"),
    (".python_history", "a history"),
];

fn check_leftovers(view: &ImageView<'_>, notes: &mut RuleNotes) {
    let mut groups = Groups::new(Rule::Leftovers);
    for (path, node, entry) in view.files() {
        let Some((where_, what)) = leftover(path) else { continue };
        // A folder that git works with, and not the file that a submodule has.
        let is_repository = what == "version control"
            && where_.ends_with("/.git")
            && view.exists(&format!("{where_}/config"))
            && view.exists(&format!("{where_}/objects"));
        let severity = if is_repository { Severity::Medium } else { Severity::Low };
        debug_assert_eq!(entry.kind, TarEntryKind::File);
        groups.add(severity, format!("{what} in `{where_}`"), || view.place(node.inode));
    }
    groups.report(notes, |key, number| format!("{} of {key}", count(number, "file", "files")));
}

/// The kind of leftover that a path is, and the folder where it begins.
fn leftover(path: &str) -> Option<(String, &'static str)> {
    if let Some((folder, what)) = ROOTED.iter().find(|(folder, _)| path.starts_with(folder)) {
        return Some(((*folder).trim_end_matches('/').to_owned(), what));
    }
    let mut at = 0;
    for name in path.split('/') {
        let end = at + name.len();
        if end < path.len()
            && let Some((_, what)) = FOLDERS.iter().find(|(folder, _)| *folder == name)
        {
            return Some((path.get(..end)?.to_owned(), what));
        }
        at = end + 1;
    }
    let name = path.rsplit('/').next()?;
    // Third-party packages ship such files; they are not leftovers of the build.
    if path.split('/').any(|name| matches!(name, "node_modules" | "vendor" | "site-packages" | "gems")) {
        return None;
    }
    let plain = if name.starts_with("Dockerfile.") { "Dockerfile" } else { name };
    let (_, what) = FILES.iter().find(|(file, _)| *file == plain)?;
    Some((crate::rootfs::parent(path).to_owned(), what))
}

#[cfg(test)]
mod tests {
    use super::super::super::sample_image::{SampleFile, SampleImage, found, has};
    use super::*;

    #[test]
    fn leftovers_are_told_by_their_folder_and_a_whole_repository_weighs_more() {
        let sample = SampleImage::new().layer([
            SampleFile::text("app/.git/config", "[core]"),
            SampleFile::text("app/.git/objects/ab/cd", "x"),
            SampleFile::text("var/cache/apt/pkgcache.bin", "x"),
            SampleFile::text("app/Dockerfile", "FROM x"),
        ]);
        let audit = sample.audit();
        let names: Vec<_> =
            found(&audit, Rule::Leftovers).iter().map(|one| (one.severity, one.message.as_str())).collect();
        assert_eq!(
            names,
            [
                (Severity::Medium, "2 files of version control in `/app/.git`"),
                (Severity::Low, "1 file of build files in `/app`"),
                (Severity::Low, "1 file of a cache in `/var/cache`"),
            ]
        );
        let near = [
            SampleFile::text("app/.github/x", "x"),
            SampleFile::text("app/node_modules/x/Dockerfile", "x"),
            SampleFile::text("app/Dockerfiles", "x"),
            SampleFile::text("var/lib/x", "x"),
            SampleFile::text("tmpfile", "x"),
        ];
        assert_eq!(has(&SampleImage::new().layer(near).audit(), CHECK.rules), []);
    }
}
