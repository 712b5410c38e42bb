//! [`BuildContext`]: the sources of a `COPY` in the build context, which is the project's folder.

use std::{os::unix::fs::PermissionsExt as _, path::Path};

use super::{
    LeftOutNotes,
    ignored::Ignored,
    left_out_notes::MissingSource,
    stage_files::{ContextFile, CopiedFolder, CopySource, PathContent},
    stage_path::{last_name, relative},
};
use crate::{init::folder, report::bounded_glob};

/// The reason why a copy of the whole context is not translated.
pub(super) const WHOLE: &str = "the whole folder; name what the program reads with `[[file]]` or `[[tree]]`";
/// The most files of one folder that are read.
const FILES: usize = 20_000;

/// The build context.
pub(super) struct BuildContext<'a> {
    /// The project's folder.
    pub(super) dir: &'a Path,
    /// What `.dockerignore` keeps out.
    pub(super) ignored: &'a Ignored,
}

impl BuildContext<'_> {
    /// Finds `source` in the context; adds a note where it cannot be copied. `part` is the path below the target that
    /// the caller asks for, where that is not all of it.
    pub(super) fn find(
        &self,
        source: &str,
        (instruction, part): (&str, Option<&str>),
        executable: Option<bool>,
        missing: MissingSource,
        found: &mut Vec<(String, CopySource)>,
        notes: &mut LeftOutNotes,
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
        let host = self.dir.join(&path);
        let Some(metadata) = host.metadata().ok().filter(|_| !self.ignored.is_ignored(&path)) else {
            return notes.missing.push((missing, format!("`{source}`: there is no such file or folder")));
        };
        if path.chars().any(char::is_control) {
            return notes.add(line, format!("`{source}`: a recipe takes no control characters"));
        }
        if metadata.is_file() {
            let what = self.file(&path, executable, None, false);
            found.push((last_name(&path), CopySource::File(what)));
            return;
        }
        match self.folder(&path, &CopiedFolder { from: path.clone(), to: String::new(), pattern: None, executable }) {
            None => notes.add(line, format!("`{source}`: the folder has more than {FILES} files")),
            Some(entries) => found.push((last_name(&path), CopySource::Folder(entries))),
        }
    }

    /// Reads one path of the context and everything below it, where a line copies the whole context.
    fn part(
        &self,
        part: &str,
        executable: Option<bool>,
        line: usize,
        found: &mut Vec<(String, CopySource)>,
        notes: &mut LeftOutNotes,
    ) {
        let host = self.dir.join(part);
        let (Ok(metadata), Ok(kind)) = (host.metadata(), host.symlink_metadata()) else { return };
        let root = CopiedFolder { from: String::new(), to: String::new(), pattern: None, executable };
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
            found.push((String::new(), CopySource::Folder(entries)));
        }
    }

    /// A file of the context.
    fn file(&self, path: &str, executable: Option<bool>, root: Option<CopiedFolder>, is_link: bool) -> PathContent {
        let mode = || self.dir.join(path).metadata().map_or(0, |metadata| metadata.permissions().mode());
        let executable = executable.unwrap_or_else(|| mode() & 0o111 != 0);
        PathContent::Context(ContextFile { path: path.to_owned(), is_link, executable, root })
    }

    /// Everything below a folder of the context.
    fn folder(&self, path: &str, root: &CopiedFolder) -> Option<Vec<(String, PathContent)>> {
        let all = folder::all(&folder::within(self.dir, path), FILES)?;
        let kept = all.into_iter().filter_map(|(name, kind)| {
            let whole = if path.is_empty() { name.clone() } else { format!("{path}/{name}") };
            if self.ignored.is_ignored(&whole) {
                return None;
            }
            let what = if kind.is_dir() {
                PathContent::Folder
            } else {
                self.file(&whole, root.executable, Some(root.clone()), kind.is_symlink())
            };
            Some((name, what))
        });
        Some(kept.collect())
    }

    /// Finds the files that a source with wildcards matches, within one path component each.
    fn pattern(
        &self,
        path: &str,
        executable: Option<bool>,
        line: usize,
        found: &mut Vec<(String, CopySource)>,
        notes: &mut LeftOutNotes,
    ) {
        let wild = path.find(['*', '?', '[']).unwrap_or_default();
        let from = path.get(..wild).and_then(|before| before.rsplit_once('/')).map_or("", |(folder, _)| folder);
        let include = path.get(from.len()..).unwrap_or_default().trim_start_matches('/');
        // Docker knows no `{a,b}`.
        let include = include.replace('{', "[{]").replace('}', "[}]");
        let glob = bounded_glob(&include).map(|glob| glob.compile_matcher());
        let all = folder::all(&folder::within(self.dir, from), FILES).unwrap_or_default();
        let mut any = false;
        for (name, kind) in all.iter().filter(|(name, _)| glob.as_ref().is_ok_and(|glob| glob.is_match(name))) {
            let whole = if from.is_empty() { name.clone() } else { format!("{from}/{name}") };
            if self.ignored.is_ignored(&whole) {
                continue;
            }
            any = true;
            if kind.is_dir() {
                let root = CopiedFolder { from: whole.clone(), to: String::new(), pattern: None, executable };
                found.extend(self.folder(&whole, &root).map(|entries| (last_name(name), CopySource::Folder(entries))));
            } else {
                let root = CopiedFolder {
                    from: from.to_owned(),
                    to: String::new(),
                    pattern: Some(include.clone()),
                    executable,
                };
                // Only files that keep their names below the folder fit into one tree.
                let root = Some(root).filter(|_| !name.contains('/'));
                found.push((last_name(name), CopySource::File(self.file(&whole, executable, root, false))));
            }
        }
        if !any {
            notes.add(line, format!("`{path}`: no file matches it"));
        }
    }
}

/// The note for sources that are not paths of the context: URLs, archives.
fn not_from_context(source: &str, instruction: &str) -> Option<String> {
    let is_archive = [".tar", ".tgz", ".tar.gz", ".tar.xz", ".tar.bz2", ".txz", ".tbz2", ".tar.zst"];
    if source.contains("://") || source.starts_with("git@") {
        return Some(format!(
            "`ADD {source}`: a download without a digest; `[[file]]` takes it as `url` with its `sha256`"
        ));
    }
    if instruction == "ADD" && is_archive.iter().any(|end| source.ends_with(end)) {
        return Some(format!(
            "`ADD {source}`: archives are not unpacked; unpack it and name the folder in a `[[tree]]`"
        ));
    }
    None
}
