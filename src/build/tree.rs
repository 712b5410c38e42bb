//! A `[[tree]]`: a folder of the host, by explicit patterns.

use std::{
    collections::{BTreeMap, BTreeSet},
    ffi::OsStr,
    fs::FileType,
    os::unix::ffi::{OsStrExt as _, OsStringExt as _},
    path::{Path, PathBuf},
};

use super::glob::Pattern;
use crate::{
    oci::{ImagePath, ImagePathError},
    recipe::{Located, Tree},
    report::{Failure, Limits, printable},
};

/// What a tree brings in, by its path in the image.
pub(super) type Found = BTreeMap<ImagePath, Leaf>;

/// A file or a link of a tree. Folders come with what is in them.
#[derive(Debug)]
pub(super) enum Leaf {
    File { host: PathBuf, executable: bool },
    Link { target: Vec<u8> },
}

/// The patterns of one list, each with its place and whether it matched yet.
struct Patterns<'a> {
    list: Vec<(Pattern, &'a Located<String>, bool)>,
}

impl<'a> Patterns<'a> {
    fn parse(written: &'a [Located<String>], dots: bool) -> Result<Self, Failure> {
        let read = |text: &'a Located<String>| {
            Pattern::parse(&text.value, dots).map(|pattern| (pattern, text, false)).map_err(|why| {
                Failure::new(format!("`{}` is no pattern: {why}", printable(&text.value))).at(&text.origin)
            })
        };
        Ok(Self { list: written.iter().map(read).collect::<Result<_, _>>()? })
    }

    /// Whether any pattern matches; every pattern that does is remembered.
    fn take(&mut self, path: &[&[u8]]) -> bool {
        self.list.iter_mut().fold(false, |any, (pattern, _, hit)| {
            let matches = pattern.matches(path);
            *hit |= matches;
            any | matches
        })
    }

    /// Whether any pattern matches.
    fn matches(&self, path: &[&[u8]]) -> bool {
        self.list.iter().any(|(pattern, _, _)| pattern.matches(path))
    }

    /// The first pattern that matched nothing.
    fn idle(&self) -> Option<&'a Located<String>> {
        self.list.iter().find(|(_, _, hit)| !hit).map(|(_, text, _)| *text)
    }
}

/// Walks the folder `root` (canonical) and gives what the tree's patterns take.
pub(super) fn walk(tree: &Tree, root: &Path) -> Result<Found, Failure> {
    let meta =
        std::fs::metadata(root).map_err(|error| Failure::io("open the folder", root, &error).at(&tree.from.origin))?;
    if !meta.is_dir() {
        let what = format!("`{}` is not a folder", printable(&tree.from.value));
        return Err(Failure::new(what).at(&tree.from.origin).hint("`[[file]]` takes a single file"));
    }
    let mut walk = Walk {
        tree,
        root,
        include: Patterns::parse(&tree.include, false)?,
        hidden: Patterns::parse(&tree.include, true)?,
        exclude: Patterns::parse(&tree.exclude, true)?,
        executable: Patterns::parse(&tree.executable, false)?,
        found: Found::new(),
        folders: BTreeSet::new(),
    };
    walk.folder(root, &mut Vec::new(), &tree.to.value)?;
    if let Some(idle) = walk.include.idle() {
        return Err(walk.no_match(idle));
    }
    if let Some(idle) = walk.executable.idle() {
        return Err(walk.no_match(idle));
    }
    walk.check_links()?;
    Ok(walk.found)
}

struct Walk<'a> {
    tree: &'a Tree,
    root: &'a Path,
    include: Patterns<'a>,
    /// The same with dotfiles, for the hint of an empty pattern.
    hidden: Patterns<'a>,
    exclude: Patterns<'a>,
    executable: Patterns<'a>,
    found: Found,
    /// Relative paths of the folders that were seen, for the hint of an empty pattern.
    folders: BTreeSet<Vec<u8>>,
}

impl Walk<'_> {
    /// Takes what is in one folder; `path` holds its components below the root, `to` its path in the image.
    fn folder(&mut self, host: &Path, path: &mut Vec<Vec<u8>>, to: &ImagePath) -> Result<(), Failure> {
        let fault = |error: &std::io::Error| Failure::io("read the folder", host, error).at(&self.tree.from.origin);
        let mut names = Vec::new();
        for entry in std::fs::read_dir(host).map_err(|error| fault(&error))? {
            let entry = entry.map_err(|error| fault(&error))?;
            // What it is stands in the folder itself on all usual file systems: no call for each file.
            let kind = entry
                .file_type()
                .map_err(|error| Failure::io("read", entry.path().as_path(), &error).at(&self.tree.from.origin))?;
            names.push((entry.file_name(), kind));
        }
        // The order of the file system reaches nothing, but which of two faults is told first should not depend on it.
        names.sort_unstable_by(|(one, _), (other, _)| one.cmp(other));
        for (name, kind) in names {
            let at = host.join(&name);
            path.push(name.into_vec());
            self.entry(&at, kind, path, to)?;
            path.pop();
        }
        Ok(())
    }

    fn entry(&mut self, host: &Path, kind: FileType, path: &mut Vec<Vec<u8>>, to: &ImagePath) -> Result<(), Failure> {
        let components: Vec<&[u8]> = path.iter().map(Vec::as_slice).collect();
        if self.exclude.matches(&components) {
            return Ok(());
        }
        let shown = || printable(&String::from_utf8_lossy(&components.join(&b'/'))).into_owned();
        let name = components.last().copied().unwrap_or_default();
        if kind.is_dir() {
            self.folders.insert(components.join(&b'/'));
            return match to.join(name) {
                Ok(to) => self.folder(host, path, &to),
                // Refused only when something in it is taken.
                Err(why) => {
                    let shown = shown();
                    self.nameless_folder(host, path, &shown, why)
                }
            };
        }
        self.hidden.take(&components);
        if !self.include.take(&components) {
            return Ok(());
        }
        let executable = self.executable.take(&components);
        let to = to.join(name).map_err(|error| {
            let failure = Failure::new(format!("`{}`: {error}", shown())).at(&self.tree.from.origin);
            failure.hint("leave it out with `exclude`")
        })?;
        let leaf = if kind.is_symlink() {
            let target = std::fs::read_link(host)
                .map_err(|error| Failure::io("read the link", host, &error).at(&self.tree.from.origin))?;
            Leaf::Link { target: target.into_os_string().into_vec() }
        } else if kind.is_file() {
            Leaf::File { host: host.to_path_buf(), executable }
        } else {
            let what = format!("`{}` is neither a file, a folder nor a link", shown());
            return Err(Failure::new(what).at(&self.tree.from.origin).hint("leave it out with `exclude`"));
        };
        self.found.insert(to, leaf);
        if self.found.len() > Limits::ENTRIES {
            return Err(
                Failure::new(format!("the tree has more than {} files", Limits::ENTRIES)).at(&self.tree.from.origin)
            );
        }
        Ok(())
    }

    /// A folder whose name cannot be in an image: an error when a pattern reaches into it, else nothing.
    fn nameless_folder(
        &mut self,
        host: &Path,
        path: &mut Vec<Vec<u8>>,
        shown: &str,
        why: ImagePathError,
    ) -> Result<(), Failure> {
        // What is in it has no place of its own, and must not be taken for what has.
        let others = std::mem::take(&mut self.found);
        self.folder(host, path, &ImagePath::root())?;
        if std::mem::replace(&mut self.found, others).is_empty() {
            return Ok(());
        }
        let failure = Failure::new(format!("`{shown}`: {why}")).at(&self.tree.from.origin);
        Err(failure.hint("leave it out with `exclude`"))
    }

    /// Every link must lead to something that is taken too.
    fn check_links(&self) -> Result<(), Failure> {
        for (at, leaf) in &self.found {
            let Leaf::Link { target } = leaf else { continue };
            let fault = |what: &str| {
                let target = String::from_utf8_lossy(target).into_owned();
                Failure::new(format!("the link `{at}` to `{}` {what}", printable(&target)))
                    .at(&self.tree.from.origin)
                    .hint("leave it out with `exclude`; a `[[symlink]]` can say the same link")
            };
            let host = self.host_path(at);
            let real = std::fs::canonicalize(&host).map_err(|error| match error.raw_os_error() {
                Some(code) if code == rustix::io::Errno::LOOP.raw_os_error() => fault("leads back to itself"),
                _ => fault("leads to nothing"),
            })?;
            let inside = real.strip_prefix(self.root).ok().filter(|_| !target.starts_with(b"/"));
            let inside = inside.ok_or_else(|| fault("leaves the tree"))?;
            let end = self.image_path(inside);
            let taken = end.as_ref().is_some_and(|end| self.is_taken(end));
            if !taken {
                return Err(fault("leads to what the patterns leave out"));
            }
            self.check_way(at, target).map_err(|()| fault("leaves the tree"))?;
        }
        Ok(())
    }

    /// The text of a link must not climb above the tree even if it comes back: the folder's name is not in the image.
    fn check_way(&self, at: &ImagePath, target: &[u8]) -> Result<(), ()> {
        let mut depth = at.components().count() - self.tree.to.value.components().count() - 1;
        for name in target.split(|byte| *byte == b'/') {
            match name {
                b"" | b"." => {}
                b".." => depth = depth.checked_sub(1).ok_or(())?,
                _ => depth += 1,
            }
        }
        Ok(())
    }

    /// Whether the path, or something below it, is in the image.
    fn is_taken(&self, end: &ImagePath) -> bool {
        *end == self.tree.to.value
            || self.found.contains_key(end)
            || self
                .found
                .range(end.clone()..)
                .take_while(|(path, _)| path.as_bytes().starts_with(end.as_bytes()))
                .any(|(path, _)| path.as_bytes().get(end.as_bytes().len()) == Some(&b'/'))
    }

    fn host_path(&self, at: &ImagePath) -> PathBuf {
        let below = at.components().skip(self.tree.to.value.components().count());
        below.fold(self.root.to_path_buf(), |path, name| path.join(OsStr::from_bytes(name)))
    }

    fn image_path(&self, below: &Path) -> Option<ImagePath> {
        below.iter().try_fold(self.tree.to.value.clone(), |path, name| path.join(name.as_bytes()).ok())
    }

    fn no_match(&self, idle: &Located<String>) -> Failure {
        let text = &idle.value;
        let failure = Failure::new(format!("no file matches `{}`", printable(text))).at(&idle.origin);
        let plain = text.trim_end_matches('/');
        if self.folders.contains(plain.as_bytes()) {
            return failure.hint(format!("it is a folder; write `{}/**`", printable(plain)));
        }
        if self.hidden.list.iter().any(|(_, written, hit)| *hit && written.origin == idle.origin) {
            return failure.hint("names that begin with a dot are taken only by a pattern that writes the dot");
        }
        if text.contains('*') && !text.contains("**") {
            return failure.hint("`*` stays within one folder, `**/` goes through all of them");
        }
        failure
    }
}

#[cfg(test)]
#[allow(clippy::unwrap_used)]
mod tests {
    use std::{os::unix::fs::symlink, sync::Arc};

    use super::*;
    use crate::report::{Origin, Source};

    fn located(text: &str) -> Located<String> {
        let source = Arc::new(Source { path: "r.toml".into(), text: String::new() });
        Located { value: text.into(), origin: Origin::new(&source, 0..0) }
    }

    fn tree(include: &[&str], exclude: &[&str]) -> Tree {
        let list = |texts: &[&str]| texts.iter().map(|text| located(text)).collect();
        let to = located("x");
        Tree {
            origin: to.origin.clone(),
            from: located("."),
            to: Located { value: ImagePath::parse("/srv").unwrap(), origin: to.origin },
            include: list(include),
            exclude: list(exclude),
            executable: Vec::new(),
            replace: false,
            platforms: None,
        }
    }

    fn folder() -> (tempfile::TempDir, PathBuf) {
        let folder = tempfile::tempdir().unwrap();
        let root = folder.path().canonicalize().unwrap();
        for (path, text) in
            [("a.html", "a"), ("sub/b.html", "b"), (".env", "s"), ("sub/.git/config", "c"), ("d.bak", "d")]
        {
            let path = root.join(path);
            std::fs::create_dir_all(path.parent().unwrap()).unwrap();
            std::fs::write(path, text).unwrap();
        }
        (folder, root)
    }

    fn names(found: &Found) -> Vec<String> {
        found.keys().map(ToString::to_string).collect()
    }

    #[test]
    fn patterns_take_what_they_name_and_no_dotfiles() {
        let (_keep, root) = folder();
        let found = walk(&tree(&["**/*"], &["*.bak"]), &root).unwrap();
        assert_eq!(names(&found), ["/srv/a.html", "/srv/sub/b.html"]);
        let found = walk(&tree(&[".env"], &[]), &root).unwrap();
        assert_eq!(names(&found), ["/srv/.env"]);
    }

    #[test]
    fn a_file_in_a_whiteout_folder_never_stands_for_another_one() {
        let (_keep, root) = folder();
        std::fs::create_dir(root.join(".wh.x")).unwrap();
        for path in ["+a", ".wh.x/+a"] {
            std::fs::write(root.join(path), path).unwrap();
        }
        let mut taken = tree(&["**/*", ".wh.x/*"], &[]);
        taken.to.value = ImagePath::root();
        let failure = walk(&taken, &root).unwrap_err();
        assert!(failure.what.starts_with("`.wh.x`: a name that begins with `.wh.`"), "{}", failure.what);
        taken.include.pop();
        assert!(walk(&taken, &root).is_ok());
    }

    #[test]
    fn a_pattern_that_matches_nothing_says_so_and_knows_folders() {
        let (_keep, root) = folder();
        let failure = walk(&tree(&["*.css"], &[]), &root).unwrap_err();
        assert_eq!(failure.what, "no file matches `*.css`");
        let failure = walk(&tree(&["sub"], &[]), &root).unwrap_err();
        assert_eq!(failure.hint.as_deref(), Some("it is a folder; write `sub/**`"));
    }

    #[test]
    fn links_stay_links_and_must_lead_to_what_is_taken() {
        let (_keep, root) = folder();
        symlink("../a.html", root.join("sub/up")).unwrap();
        let found = walk(&tree(&["**/*"], &[]), &root).unwrap();
        assert!(
            matches!(&found[&ImagePath::parse("/srv/sub/up").unwrap()], Leaf::Link { target } if target == b"../a.html")
        );
        for (target, what) in [
            ("../../outside", "leads to nothing"),
            ("loop", "leads back to itself"),
            ("/etc/passwd", "leaves the tree"),
            (".env", "leads to what the patterns leave out"),
        ] {
            let link = root.join("loop");
            symlink(target, &link).unwrap();
            let failure = walk(&tree(&["**/*"], &[]), &root).unwrap_err();
            assert!(failure.what.ends_with(what), "{target}: {}", failure.what);
            std::fs::remove_file(link).unwrap();
        }
        let back = format!("../{}/a.html", root.file_name().unwrap().to_string_lossy());
        symlink(back, root.join("out-and-in")).unwrap();
        assert!(walk(&tree(&["**/*"], &[]), &root).unwrap_err().what.ends_with("leaves the tree"));
    }
}
