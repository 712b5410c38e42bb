//! Sources of a `COPY` in the folder of the project.

use std::os::unix::fs::PermissionsExt as _;

use globset::GlobBuilder;

use super::{
    Notes,
    files::{Found, Missing, Reader, Root, Source, What, last_name},
    stages::relative,
};
use crate::init::folder;

/// Files of one folder that are looked at.
const FILES: usize = 20_000;
/// Why the whole context is not taken over.
pub(super) const WHOLE: &str = "the whole folder; name what the program reads with `[[file]]` or `[[tree]]`";

impl Reader<'_> {
    /// What `source` of the context is; nothing and a note where it cannot be copied. `part` is the path below the
    /// target that is asked for, where that is not all of it.
    pub(super) fn in_context(
        &self,
        source: &str,
        (instruction, part): (&str, Option<&str>),
        executable: Option<bool>,
        missing: Missing,
        found: &mut Vec<(String, Found)>,
        notes: &mut Notes,
    ) {
        let line = missing.line;
        if let Some(why) = not_from_context(source, instruction) {
            return notes.add(line, why);
        }
        let path = relative(source);
        if path.is_empty() {
            let part = part.filter(|part| !part.is_empty());
            return match part {
                None => notes.add(line, format!("`{instruction} {source}`: {WHOLE}")),
                Some(part) => self.part(part, executable, line, found, notes),
            };
        }
        if path.contains(['*', '?', '[']) {
            return self.pattern(&path, executable, line, found, notes);
        }
        let host = self.stages.dir.join(&path);
        let Some(metadata) = host.metadata().ok().filter(|_| !self.ignored.is_ignored(&path)) else {
            return notes.missing.push((missing, format!("`{source}`: there is no such file or folder")));
        };
        if path.chars().any(char::is_control) {
            return notes.add(line, format!("`{source}`: a recipe takes no control characters"));
        }
        if metadata.is_file() {
            let what = self.file(&path, executable, None, false);
            found.push((last_name(&path), Found::File(what)));
            return;
        }
        match self.folder(&path, &Root { from: path.clone(), to: String::new(), pattern: None, executable }) {
            None => notes.add(line, format!("`{source}`: the folder has more than {FILES} files")),
            Some(entries) => found.push((last_name(&path), Found::Folder(entries))),
        }
    }

    /// What is at and below one path of the context, of which a line copies everything. The rest is not looked at.
    fn part(
        &self,
        part: &str,
        executable: Option<bool>,
        line: usize,
        found: &mut Vec<(String, Found)>,
        notes: &mut Notes,
    ) {
        let host = self.stages.dir.join(part);
        let (Ok(metadata), Ok(kind)) = (host.metadata(), host.symlink_metadata()) else { return };
        let root = Root { from: String::new(), to: String::new(), pattern: None, executable };
        let mut entries = Vec::new();
        if metadata.is_dir() {
            let Some(below) = self.folder(part, &root) else {
                return notes.add(line, format!("`{part}`: the folder has more than {FILES} files"));
            };
            entries.extend(below.into_iter().map(|(name, what)| (format!("{part}/{name}"), what)));
        } else if !self.ignored.is_ignored(part) {
            entries.push((part.to_owned(), self.file(part, executable, Some(root), kind.is_symlink())));
        }
        if !entries.is_empty() {
            found.push((String::new(), Found::Folder(entries)));
        }
    }

    /// A file of the context.
    fn file(&self, path: &str, executable: Option<bool>, root: Option<Root>, is_link: bool) -> What {
        let mode = || self.stages.dir.join(path).metadata().map_or(0, |metadata| metadata.permissions().mode());
        let executable = executable.unwrap_or_else(|| mode() & 0o111 != 0);
        What::Context(Source { path: path.to_owned(), is_link, executable, root })
    }

    /// Everything below a folder of the context.
    fn folder(&self, path: &str, root: &Root) -> Option<Vec<(String, What)>> {
        let all = folder::all(&folder::within(&self.stages.dir, path), FILES)?;
        let kept = all.into_iter().filter_map(|(name, kind)| {
            let whole = if path.is_empty() { name.clone() } else { format!("{path}/{name}") };
            if self.ignored.is_ignored(&whole) {
                return None;
            }
            let what = if kind.is_dir() {
                What::Folder
            } else {
                self.file(&whole, root.executable, Some(root.clone()), kind.is_symlink())
            };
            Some((name, what))
        });
        Some(kept.collect())
    }

    /// A source with wildcards, which stay within one component.
    fn pattern(
        &self,
        path: &str,
        executable: Option<bool>,
        line: usize,
        found: &mut Vec<(String, Found)>,
        notes: &mut Notes,
    ) {
        let wild = path.find(['*', '?', '[']).unwrap_or_default();
        let from = path.get(..wild).and_then(|before| before.rsplit_once('/')).map_or("", |(folder, _)| folder);
        let include = path.get(from.len()..).unwrap_or_default().trim_start_matches('/');
        // Docker knows no `{a,b}`.
        let include = include.replace('{', "[{]").replace('}', "[}]");
        let glob = GlobBuilder::new(&include).literal_separator(true).build().map(|glob| glob.compile_matcher());
        let all = folder::all(&folder::within(&self.stages.dir, from), FILES).unwrap_or_default();
        let mut any = false;
        for (name, kind) in all.iter().filter(|(name, _)| glob.as_ref().is_ok_and(|glob| glob.is_match(name))) {
            let whole = if from.is_empty() { name.clone() } else { format!("{from}/{name}") };
            if self.ignored.is_ignored(&whole) {
                continue;
            }
            any = true;
            if kind.is_dir() {
                let root = Root { from: whole.clone(), to: String::new(), pattern: None, executable };
                found.extend(self.folder(&whole, &root).map(|entries| (last_name(name), Found::Folder(entries))));
            } else {
                let root =
                    Root { from: from.to_owned(), to: String::new(), pattern: Some(include.clone()), executable };
                // Only what keeps its name below the folder can be one tree.
                let root = Some(root).filter(|_| !name.contains('/'));
                found.push((last_name(name), Found::File(self.file(&whole, executable, root, false))));
            }
        }
        if !any {
            notes.add(line, format!("`{path}`: no file matches it"));
        }
    }
}

/// What is not a path of the context.
fn not_from_context(source: &str, instruction: &str) -> Option<String> {
    let is_archive = [".tar", ".tgz", ".tar.gz", ".tar.xz", ".tar.bz2", ".txz", ".tbz2", ".tar.zst"];
    if source.contains("://") || source.starts_with("git@") {
        return Some(format!(
            "`ADD {source}`: a download without a digest; fetch it once, look at it, and name the file"
        ));
    }
    if instruction == "ADD" && is_archive.iter().any(|end| source.ends_with(end)) {
        return Some(format!(
            "`ADD {source}`: archives are not unpacked; unpack it and name the folder in a `[[tree]]`"
        ));
    }
    None
}

/// Whether `--chmod` lets anybody run a file.
pub(super) fn is_executable(mode: &str) -> bool {
    mode.contains('x') || mode.bytes().any(|bit| b"1357".contains(&bit))
}
