//! Lists the files of a project's folder: bounded in depth and number, in a fixed order, without following links.

use std::{
    fs,
    path::{Component, Path, PathBuf},
};

use crate::report::{ErrorName, Failure, Limits, quoted};

/// Folders with third-party or generated code, which are not searched.
const FOREIGN: [&str; 8] =
    ["vendor", "node_modules", "testdata", "target", "third_party", "third-party", "__pycache__", "out"];

/// The files below `root` whose names match `wanted`, as paths relative to it with `/` between names; nearest first,
/// then by name. Hidden and third-party folders are skipped, and folders deeper than `depth`.
pub(super) fn files(root: &Path, depth: usize, wanted: impl Fn(&str) -> bool) -> Vec<String> {
    let (mut found, mut level, mut seen) = (Vec::new(), vec![String::new()], 0);
    for _ in 0..=depth {
        let mut next = Vec::new();
        for folder in level {
            let mut entries: Vec<_> = fs::read_dir(root.join(&folder))
                .into_iter()
                .flatten()
                .flatten()
                .filter_map(|entry| Some((entry.file_name().into_string().ok()?, entry.file_type().ok()?)))
                .take(Limits::SURVEY_ENTRIES)
                .collect();
            entries.sort_by(|one, other| one.0.cmp(&other.0));
            for (name, kind) in entries {
                seen += 1;
                if seen > Limits::SURVEY_ENTRIES {
                    return found;
                }
                let path = if folder.is_empty() { name.clone() } else { format!("{folder}/{name}") };
                if kind.is_file() && wanted(&name) {
                    found.push(path);
                } else if kind.is_dir() && !name.starts_with(['.', '_']) && !FOREIGN.contains(&name.as_str()) {
                    next.push(path);
                }
            }
        }
        level = next;
    }
    found
}

/// Every entry below `root`, hidden names and links too, sorted by path; `None` where there are more than `limit`.
/// Empty folders are included.
pub(super) fn all(root: &Path, limit: usize) -> Option<Vec<(String, fs::FileType)>> {
    let (mut found, mut open) = (Vec::new(), vec![String::new()]);
    while let Some(folder) = open.pop() {
        for entry in fs::read_dir(within(root, &folder)).into_iter().flatten().flatten() {
            let (Ok(name), Ok(kind)) = (entry.file_name().into_string(), entry.file_type()) else { continue };
            let path = if folder.is_empty() { name } else { format!("{folder}/{name}") };
            if kind.is_dir() {
                open.push(path.clone());
            }
            found.push((path, kind));
            if found.len() > limit {
                return None;
            }
        }
    }
    found.sort_by(|one, other| one.0.cmp(&other.0));
    Some(found)
}

/// The folder `place` of `root`; `root` itself for an empty place, without a trailing slash.
pub(super) fn within(root: &Path, place: &str) -> PathBuf {
    if place.is_empty() { root.to_path_buf() } else { root.join(place) }
}

/// The folder part of a path with `/`; empty for none.
pub(super) fn parent(path: &str) -> &str {
    path.rsplit_once('/').map_or("", |(folder, _)| folder)
}

/// The path of `inner` relative to `outer`, with `/` between names; `None` when it is not below `outer` or not UTF-8.
pub(super) fn below(outer: &Path, inner: &Path) -> Option<String> {
    let names = inner.strip_prefix(outer).ok()?.components().map(|part| part.as_os_str().to_str());
    Some(names.collect::<Option<Vec<_>>>()?.join("/"))
}

/// The relative path from one canonical folder to another; empty when they are the same.
pub(super) fn relative(from: &Path, to: &Path) -> Result<String, Failure> {
    let (from, to): (Vec<_>, Vec<_>) = (from.components().collect(), to.components().collect());
    let common = from.iter().zip(&to).take_while(|(one, other)| one == other).count();
    let up = from.iter().skip(common).map(|_| Component::ParentDir);
    let way: PathBuf = up.chain(to.iter().skip(common).copied()).collect();
    way.to_str().map(str::to_owned).ok_or_else(|| {
        Failure::error(
            ErrorName::InputName,
            format!("the path {} is not UTF-8, and a recipe could not name it", quoted(&way.to_string_lossy())),
        )
    })
}
