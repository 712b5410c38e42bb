//! `kodata/` beside a main package: files that ko puts into the image, and the program finds by `KO_DATA_PATH`.

use std::{
    collections::BTreeSet,
    fs,
    path::{Component, Path},
};

use super::{
    dockerfile::braces,
    draft::{Draft, Tree},
    folder, quoted,
};
use crate::report::Limits;

/// Where ko puts the folder, and what its variable says.
const ROOT: &str = "/var/run/ko";
/// How deep the folder is looked through.
const DEPTH: usize = 32;

/// What is in the folder.
#[derive(Default)]
struct KoData {
    has_files: bool,
    /// Patterns that say a dot.
    hidden: BTreeSet<String>,
    /// What cannot be taken, and why.
    excluded: Vec<(String, &'static str)>,
    seen: usize,
}

/// Whether there is such a folder beside the package in `folder` of `dir`.
pub(super) fn is_there(dir: &Path, folder: &str) -> bool {
    folder::within(dir, folder).join("kodata").is_dir()
}

/// Takes the `kodata` beside the package in `folder` of `dir` into the recipe. Gives what of it is left out.
pub(super) fn take(draft: &mut Draft, dir: &Path, folder: &str) -> Vec<String> {
    if !is_there(dir, folder) {
        return Vec::new();
    }
    let path = if folder.is_empty() { "kodata".to_owned() } else { format!("{folder}/kodata") };
    let mut content = KoData::default();
    content.read(&dir.join(&path), "", 0);
    let excluded = content.excluded.iter();
    let mut left_out: Vec<_> =
        excluded.map(|(name, why)| format!("{}: {why}", quoted(&format!("{path}/{name}")))).collect();
    let mut include: Vec<String> = content.has_files.then(|| "**/*".to_owned()).into_iter().collect();
    include.extend(content.hidden);
    if include.is_empty() {
        left_out.push(format!("{}: the folder has no files", quoted(&path)));
        return left_out;
    }
    draft.said.push(format!("tree: {} at `{ROOT}`, as ko has it, and `KO_DATA_PATH` says so", quoted(&path)));
    draft.run.env.insert("KO_DATA_PATH".into(), ROOT.into());
    draft.trees.push(Tree {
        line: None,
        comment: "What ko puts beside the program; `KO_DATA_PATH` names the folder.".into(),
        from: braces(&path),
        to: ROOT.into(),
        include,
        exclude: content.excluded.iter().map(|(name, _)| escaped(name)).collect(),
        executable: Vec::new(),
    });
    left_out
}

impl KoData {
    /// Looks through the folder `inside` of `root`.
    fn read(&mut self, root: &Path, inside: &str, depth: usize) {
        let entries = fs::read_dir(folder::within(root, inside)).into_iter().flatten().flatten();
        let mut entries: Vec<_> = entries.map(|entry| (entry.file_name(), entry.file_type())).collect();
        entries.sort_by(|one, other| one.0.cmp(&other.0));
        for (name, kind) in entries {
            self.seen += 1;
            let (Some(name), Ok(kind)) = (name.to_str(), kind) else { continue };
            if self.seen > Limits::SURVEY_ENTRIES || depth > DEPTH {
                return;
            }
            let path = if inside.is_empty() { name.to_owned() } else { format!("{inside}/{name}") };
            if kind.is_dir() {
                self.read(root, &path, depth + 1);
            } else if kind.is_symlink() && !leads_inside(root, &path) {
                self.excluded.push((path, "the link leads out of the folder"));
            } else if kind.is_file() || kind.is_symlink() {
                self.file(&path);
            } else {
                self.excluded.push((path, "this is neither a file nor a link"));
            }
        }
    }

    /// A file or a link that is taken. Patterns take dotfiles only where they say the dot.
    fn file(&mut self, path: &str) {
        let names: Vec<_> = path.split('/').collect();
        match names.iter().rposition(|name| name.starts_with('.')) {
            None => self.has_files = true,
            Some(last) => {
                let upto = escaped(&names.get(..=last).unwrap_or_default().join("/"));
                self.hidden.insert(if last + 1 == names.len() { upto } else { format!("{upto}/**/*") });
            }
        }
    }
}

/// Whether a link is relative, never climbs out of `root`, and leads to something in it.
fn leads_inside(root: &Path, path: &str) -> bool {
    let at = root.join(path);
    let (Ok(target), Ok(end), Ok(root)) = (fs::read_link(&at), fs::canonicalize(&at), fs::canonicalize(root)) else {
        return false;
    };
    let mut depth = path.split('/').count() - 1;
    let climbs = target.components().any(|part| match part {
        Component::CurDir => false,
        Component::ParentDir => depth.checked_sub(1).map(|less| depth = less).is_none(),
        Component::Normal(_) => {
            depth += 1;
            false
        }
        _ => true,
    });
    !climbs && end.starts_with(root)
}

/// A pattern that takes this path alone.
fn escaped(path: &str) -> String {
    path.chars().map(|c| if "*?[]{}\\".contains(c) { format!("[{c}]") } else { c.to_string() }).collect()
}
