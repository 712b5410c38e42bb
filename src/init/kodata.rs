//! Translates `kodata/` beside a main package, which ko copies into the image and the program finds by `KO_DATA_PATH`,
//! into a `[[tree]]`.

use std::{
    collections::BTreeSet,
    fs,
    path::{Component, Path},
};

use super::{
    draft::{DraftTree, RecipeDraft},
    folder,
    toml_text::braces,
};
use crate::report::{Limits, quoted};

/// The path where ko puts the folder, and the value of `KO_DATA_PATH`.
const ROOT: &str = "/var/run/ko";
/// The greatest depth that is read.
const DEPTH: usize = 32;

/// The content of a `kodata` folder.
#[derive(Default)]
struct KoData {
    has_files: bool,
    /// Patterns for paths with dotfiles.
    hidden: BTreeSet<String>,
    /// Paths that are left out, and the reasons.
    excluded: Vec<(String, &'static str)>,
    seen: usize,
}

/// Whether a `kodata` folder is beside the package in `folder` of `dir`.
pub(super) fn is_there(dir: &Path, folder: &str) -> bool {
    folder::within(dir, folder).join("kodata").is_dir()
}

/// Adds the `kodata` beside the package in `folder` of `dir` to the recipe as a `[[tree]]`. Returns notes about
/// left-out paths.
pub(super) fn take(draft: &mut RecipeDraft, dir: &Path, folder: &str) -> Vec<String> {
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
    draft.trees.push(DraftTree {
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
    /// Reads the folder `inside` of `root`, and the folders in it.
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

    /// Adds a file or link. A `[[tree]]` takes dotfiles only by patterns with the dot.
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

/// A pattern that matches only this path.
fn escaped(path: &str) -> String {
    path.chars().map(|c| if "*?[]{}\\".contains(c) { format!("[{c}]") } else { c.to_string() }).collect()
}
