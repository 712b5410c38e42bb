//! The files that a pattern of a workspace's `recipes` names.

use std::path::Path;

use super::glob_pattern::GlobPattern;
use crate::{
    recipe::Located,
    report::{ErrorName, Failure, Limits, printable},
};

/// The paths of files below `folder` that match `pattern`, from `folder` on, sorted. Within one name `*`, `?`, `[..]` and
/// `{a,b}` stand for what they do in a `[[tree]]`; links are followed.
///
/// # Errors
/// At the pattern: it is none, or more files match than a workspace may have; a folder cannot be read.
pub fn matching_files(folder: &Path, pattern: &Located<String>) -> Result<Vec<String>, Failure> {
    let mut found = vec![String::new()];
    for part in pattern.value.split('/') {
        let glob = GlobPattern::parse(part, false).map_err(|why| {
            let what = format!("`{}` is no pattern: {}", printable(&pattern.value), printable(&why));
            Failure::error(ErrorName::RecipePattern, what).at(&pattern.origin)
        })?;
        let mut next = Vec::new();
        for above in found {
            next.extend(
                matching_names(&folder.join(&above), &glob)?
                    .into_iter()
                    .map(|name| if above.is_empty() { name } else { format!("{above}/{name}") }),
            );
            if next.len() > Limits::WORKSPACE_RECIPES {
                let what = format!("the pattern matches more than {} names", Limits::WORKSPACE_RECIPES);
                return Err(Failure::error(ErrorName::RecipeLimit, what).at(&pattern.origin));
            }
        }
        found = next;
    }
    found.retain(|path| folder.join(path).is_file());
    found.sort_unstable();
    Ok(found)
}

/// Whether a pattern names the file at `path`, which need not be there any more; both are from the same folder on.
pub fn names_file(pattern: &Located<String>, path: &str) -> bool {
    let parts: Vec<&[u8]> = path.split('/').map(str::as_bytes).collect();
    GlobPattern::parse(&pattern.value, false).is_ok_and(|glob| glob.matches(&parts))
}

/// The names in a folder that match; none where it is no folder. A name that is not UTF-8 is no recipe's.
fn matching_names(folder: &Path, glob: &GlobPattern) -> Result<Vec<String>, Failure> {
    let folder = if folder.as_os_str().is_empty() { Path::new(".") } else { folder };
    if !folder.is_dir() {
        return Ok(Vec::new());
    }
    let fault = |error: std::io::Error| Failure::io("read the folder", folder, &error);
    let mut names = Vec::new();
    for entry in std::fs::read_dir(folder).map_err(fault)? {
        let Ok(name) = entry.map_err(fault)?.file_name().into_string() else { continue };
        if glob.matches(&[name.as_bytes()]) {
            names.push(name);
        }
    }
    Ok(names)
}
