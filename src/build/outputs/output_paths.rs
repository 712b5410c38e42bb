//! The paths that one call writes, and the recipe, its lock and the cache: none of them is an input of an image.

use std::{
    collections::{BTreeMap, BTreeSet},
    ffi::OsStr,
    path::{Component, Path, PathBuf},
    sync::Arc,
};

use parking_lot::Mutex;

use super::{OutputKind, file_output, folder_output};
use crate::recipe::{SharedFile, WORKSPACE_FILE, WORKSPACE_LOCK};

/// Names that are no inputs wherever they are.
const NAMES: [(&str, OutputKind); 5] = [
    (".git", OutputKind::Git),
    ("hardpan.toml", OutputKind::Recipe),
    ("hardpan.lock", OutputKind::Lock),
    (WORKSPACE_FILE, OutputKind::Recipe),
    (WORKSPACE_LOCK, OutputKind::Lock),
];

/// Which paths of the host are no inputs, and why. Canonical paths all of them.
#[derive(Debug, Default)]
pub(in crate::build) struct OutputPaths {
    /// The paths that this call writes, also for other recipes.
    pub(in crate::build) written: Arc<BTreeSet<PathBuf>>,
    /// Whether `written` is only what a build without options would write: then a recipe may name it.
    pub(in crate::build) is_assumed: bool,
    /// The recipe, its lock, the cache.
    others: BTreeMap<PathBuf, OutputKind>,
    /// Paths whose content was examined, and the result.
    seen: Mutex<BTreeMap<PathBuf, Option<OutputKind>>>,
}

impl OutputPaths {
    /// The paths of a recipe, its lock beside it, the files that it shares with others, and the cache.
    pub(in crate::build) fn for_recipe(recipe: &Path, shared: &[SharedFile], cache: Option<&Path>) -> Self {
        let mut others = BTreeMap::new();
        others.extend(cache.map(|cache| (real_path(cache), OutputKind::Cache)));
        others.insert(recipe.with_extension("lock"), OutputKind::Lock);
        others.insert(recipe.to_owned(), OutputKind::Recipe);
        let folder = recipe.parent().unwrap_or(Path::new("/"));
        others.extend(shared.iter().map(|file| (real_path(&folder.join(&file.place)), OutputKind::Recipe)));
        Self { others, ..Self::default() }
    }

    /// The recipe, its lock and the cache.
    pub(in crate::build) fn others(&self) -> impl Iterator<Item = &PathBuf> {
        self.others.keys()
    }

    /// The outputs directly in `folder`: by their paths, and those that were recognised by their content.
    pub(in crate::build) fn within(&self, folder: &Path) -> BTreeMap<Box<OsStr>, OutputKind> {
        let name = |path: &Path| path.file_name().filter(|_| path.parent() == Some(folder)).map(Box::from);
        let mut within = BTreeMap::new();
        let seen = self.seen.lock();
        let files = below(&seen, folder).filter_map(|(path, what)| Some((name(path)?, (*what)?)));
        within.extend(files);
        within.extend(below(&self.others, folder).filter_map(|(path, what)| Some((name(path)?, *what))));
        let written = self.written.range(folder.to_owned()..).take_while(|path| path.starts_with(folder));
        within.extend(written.filter_map(|path| Some((name(path)?, OutputKind::Written))));
        within
    }

    /// The paths that this call writes below `folder`.
    pub(in crate::build) fn written_below<'a>(&'a self, folder: &'a Path) -> impl Iterator<Item = &'a PathBuf> {
        let from = self.written.range(folder.to_owned()..);
        from.take_while(move |path| path.starts_with(folder)).filter(move |path| *path != folder)
    }

    /// Which output of hardpan the folder at `path` is, which has the entry points of a layout.
    pub(in crate::build) fn layout_at(&self, path: &Path) -> Option<OutputKind> {
        self.find_output(path, folder_output).0
    }

    /// Whether the file at `path`, which [may be one](super::may_be_output), turns out to be an output of hardpan now.
    pub(in crate::build) fn is_new_output(&self, path: &Path) -> bool {
        matches!(self.find_output(path, file_output), (Some(_), true))
    }

    /// The output at a path, and whether it was examined only now.
    fn find_output(&self, path: &Path, read: fn(&Path) -> Option<OutputKind>) -> (Option<OutputKind>, bool) {
        let mut seen = self.seen.lock();
        if let Some(known) = seen.get(path) {
            return (*known, false);
        }
        let what = read(path);
        seen.insert(path.to_owned(), what);
        (what, true)
    }
}

/// The entries of `map` at `folder` or below it.
fn below<'a, T>(map: &'a BTreeMap<PathBuf, T>, folder: &'a Path) -> impl Iterator<Item = (&'a PathBuf, &'a T)> {
    map.range(folder.to_owned()..).take_while(move |(path, _)| path.starts_with(folder))
}

/// Why nothing of that name is an input, wherever it is.
pub(in crate::build) fn output_by_name(name: &OsStr) -> Option<OutputKind> {
    NAMES.iter().find(|(known, _)| name == *known).map(|(_, what)| *what)
}

/// Where a path leads that need not be there yet: absolute, links above it followed.
pub fn real_path(path: &Path) -> PathBuf {
    let absolute = std::path::absolute(path).unwrap_or_else(|_| path.to_owned());
    let components: Vec<Component<'_>> = absolute.components().collect();
    for there in (1..=components.len()).rev() {
        let (above, rest) = components.split_at(there);
        let Ok(mut real) = std::fs::canonicalize(above.iter().collect::<PathBuf>()) else { continue };
        for component in rest {
            match component {
                // Behind what is not there yet, there are no links.
                Component::ParentDir => drop(real.pop()),
                component => real.push(component),
            }
        }
        return real;
    }
    absolute
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]

    use super::*;

    #[test]
    fn a_path_that_is_not_there_yet_leads_where_it_will_be() {
        let folder = tempfile::tempdir().unwrap();
        let real = folder.path().canonicalize().unwrap();
        std::fs::create_dir(real.join("there")).unwrap();
        std::os::unix::fs::symlink("there", real.join("link")).unwrap();
        for (path, leads) in [
            ("there", "there"),
            ("link", "there"),
            ("link/a/b", "there/a/b"),
            ("new/../out/a", "out/a"),
            ("there/../out", "out"),
            ("a//b/./c/", "a/b/c"),
        ] {
            assert_eq!(real_path(&real.join(path)), real.join(leads), "{path}");
        }
        assert_eq!(real_path(Path::new(".")), std::env::current_dir().unwrap().canonicalize().unwrap());
    }

    #[test]
    fn what_lies_in_a_folder_is_found_there_and_nowhere_else() {
        let paths = OutputPaths {
            written: Arc::new(["/a/b", "/a/b.c", "/a/b/d", "/a/z/b"].map(PathBuf::from).into()),
            ..OutputPaths::for_recipe(Path::new("/a/app.toml"), &[], None)
        };
        let names = |folder: &str| -> Vec<String> {
            let within = paths.within(Path::new(folder)).into_keys();
            within.map(|name| name.to_string_lossy().into_owned()).collect()
        };
        assert_eq!(names("/a"), ["app.lock", "app.toml", "b", "b.c"]);
        assert_eq!(names("/a/b"), ["d"]);
        assert_eq!(names("/"), [""; 0]);
        let below: Vec<_> = paths.written_below(Path::new("/a/b")).collect();
        assert_eq!(below, [Path::new("/a/b/d")]);
    }
}
