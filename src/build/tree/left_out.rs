//! Leaves outputs of hardpan out of a tree, unless `from` or a pattern names them.

use std::{ffi::OsStr, os::unix::ffi::OsStrExt as _, path::Path, path::PathBuf};

use rustix::fs::FileType;

use super::{FolderNames, TreeWalk};
use crate::{
    build::outputs::{OutputKind, output_by_name},
    image::LAYOUT_NAMES,
    output::is_staging_name,
    recipe::Located,
    report::{ErrorName, Failure, printable},
};

impl TreeWalk<'_> {
    /// Refuses a pattern that names what this call writes: the image would hold what an earlier build left there.
    pub(super) fn check_named(&self) -> Result<(), Failure> {
        if self.outputs.is_assumed {
            return Ok(());
        }
        for written in self.outputs.written_below(self.root) {
            let below = written.strip_prefix(self.root).unwrap_or(written);
            let path: Vec<&[u8]> = below.iter().map(OsStr::as_bytes).collect();
            if let Some(pattern) = self.include.beginning_with(&path) {
                let (pattern_text, below) = (printable(&pattern.value), below.to_string_lossy());
                let what = format!("`{pattern_text}` names `{}`, an output of this build", printable(&below));
                let hint = "leave the pattern out, or let the build write elsewhere";
                return Err(Failure::error(ErrorName::OutputConflict, what).at(&pattern.origin).hint(hint));
            }
        }
        Ok(())
    }

    /// Whether the entry at `path` is an output of hardpan or excluded, and is skipped; `known` is the output that its path is.
    pub(super) fn is_output(
        &mut self,
        host: &Path,
        kind: FileType,
        path: &[&[u8]],
        known: Option<OutputKind>,
    ) -> Result<bool, Failure> {
        let name = OsStr::from_bytes(path.last().copied().unwrap_or_default());
        // Staging files, of this build or of another one, are never inputs: they are about to vanish.
        if is_staging_name(name) || self.exclude.matches(path) {
            return Ok(true);
        }
        let Some(what) = known.or_else(|| output_by_name(name)) else { return Ok(false) };
        if self.include.beginning_with(path).is_some() {
            return Ok(false);
        }
        let is_taken = match kind {
            FileType::Directory => self.has_match(&host.join(name), path)?,
            _ => self.include.mark_passed_over(path),
        };
        if is_taken {
            self.leave_out(path, what);
        }
        Ok(true)
    }

    /// Whether the folder `host`, in which are `names`, is a layout of hardpan that no pattern names. It is asked for only
    /// when the patterns match something in it.
    pub(super) fn is_own_layout(&mut self, host: &Path, names: &FolderNames, path: &[&[u8]]) -> Result<bool, Failure> {
        let may_be = !path.is_empty() && LAYOUT_NAMES.iter().all(|entry| names.has_file(entry.as_bytes()));
        if !may_be || self.include.beginning_with(path).is_some() || !self.has_match(host, path)? {
            return Ok(false);
        }
        let Some(what) = self.outputs.layout_at(host) else { return Ok(false) };
        self.leave_out(path, what);
        Ok(true)
    }

    /// Whether a pattern matches anything in a folder that may be left out.
    fn has_match(&mut self, host: &Path, path: &[&[u8]]) -> Result<bool, Failure> {
        let names = FolderNames::of(host, &mut self.buffer)
            .map_err(|error| Failure::io("read the folder", host, &error).at(&self.tree.from.origin))?;
        let mut path = path.to_vec();
        for (name, kind) in names.iter() {
            path.push(name);
            let is_match = match kind {
                _ if self.exclude.matches(&path) => false,
                FileType::Directory => self.has_match(&host.join(OsStr::from_bytes(name)), &path)?,
                _ => self.include.mark_passed_over(&path),
            };
            path.pop();
            if is_match {
                return Ok(true);
            }
        }
        Ok(false)
    }

    fn leave_out(&mut self, path: &[&[u8]], what: OutputKind) {
        self.left_out.insert(path.iter().map(|name| OsStr::from_bytes(name)).collect::<PathBuf>(), what);
    }

    /// The hint for a pattern that matches nothing but what is left out.
    pub(super) fn left_out_hint(&self, idle: &Located<String>) -> Option<String> {
        let matched = self.include.passed_over(&idle.origin)?;
        let (path, what) = self.left_out.iter().find(|(path, _)| matched.starts_with(path))?;
        let path = path.to_string_lossy();
        Some(format!("`{}` ({what}) is taken only by a pattern that begins with its path", printable(&path)))
    }
}
