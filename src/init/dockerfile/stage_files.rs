//! [`StageFiles`]: the file system of a stage, as far as it is known.

use std::collections::BTreeMap;

use super::{
    compile_line::CompileLine,
    links::Link,
    stage_path::{absolute, strip},
};

/// The content of one path.
#[derive(Debug, Clone)]
pub(super) enum PathContent {
    /// A file of the context.
    Context(ContextFile),
    Text {
        text: String,
        executable: bool,
    },
    Folder,
    /// A link that a `RUN` makes.
    Link(Link),
    /// A program that a `RUN` compiles.
    Compiled(Box<CompileLine>),
}

/// A file of the context.
#[derive(Debug, Clone)]
pub(super) struct ContextFile {
    /// Its path in the context.
    pub(super) path: String,
    pub(super) is_link: bool,
    pub(super) executable: bool,
    /// The copied folder that the file belongs to, and its target.
    pub(super) root: Option<CopiedFolder>,
}

/// A folder of the context that was copied, whole or by a pattern.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub(super) struct CopiedFolder {
    pub(super) from: String,
    pub(super) to: String,
    /// The pattern for names in it; `None` for all.
    pub(super) pattern: Option<String>,
    /// Whether `--chmod` makes its files executable; `None` without `--chmod`.
    pub(super) executable: Option<bool>,
}

/// A path of the file system, with its line.
#[derive(Debug, Clone)]
pub(super) struct PlacedPath {
    /// The line that creates it.
    pub(super) line: usize,
    pub(super) what: PathContent,
}

/// A file system, or its part at and below one path.
#[derive(Debug, Clone, Default)]
pub(super) struct StageFiles {
    pub(super) map: BTreeMap<String, PlacedPath>,
}

/// What a source of a `COPY` turned out to be.
pub(super) enum CopySource {
    File(PathContent),
    /// The entries below it.
    Folder(Vec<(String, PathContent)>),
}

impl StageFiles {
    /// Whether a folder is at `path`.
    pub(super) fn is_folder(&self, path: &str) -> bool {
        let below = format!("{path}/");
        matches!(self.map.get(path), Some(PlacedPath { what: PathContent::Folder, .. }))
            || self.map.range(below.clone()..).next().is_some_and(|(at, _)| at.starts_with(&below))
    }

    /// Adds a path; the error is the reason why that is not possible.
    pub(super) fn put(&mut self, path: String, placed: PlacedPath) -> Result<(), String> {
        let is_folder = matches!(placed.what, PathContent::Folder);
        let mut above = path.as_str();
        while let Some((parent, _)) = above.rsplit_once('/').filter(|(parent, _)| !parent.is_empty()) {
            if self.map.get(parent).is_some_and(|there| !matches!(there.what, PathContent::Folder)) {
                return Err(format!("`{parent}` is a file already"));
            }
            above = parent;
        }
        let there = self.map.get(&path).map(|there| matches!(there.what, PathContent::Folder));
        match there {
            Some(false) if is_folder => return Err(format!("`{path}` is a file already")),
            Some(true) if is_folder => return Ok(()),
            _ if !is_folder && self.is_folder(&path) => return Err(format!("`{path}` is a folder already")),
            _ => {}
        }
        self.map.insert(path, placed);
        Ok(())
    }

    /// Adds a copied folder and its entries at `target`.
    pub(super) fn put_folder(
        &mut self,
        target: &str,
        entries: Vec<(String, PathContent)>,
        executable: Option<bool>,
        line: usize,
    ) -> Result<(), String> {
        if target != "/" {
            self.put(target.to_owned(), PlacedPath { line, what: PathContent::Folder })?;
        }
        entries.into_iter().try_for_each(|(below, what)| {
            let what = copied_with_folder(what, target, &below, executable);
            self.put(absolute(target, &below), PlacedPath { line, what })
        })
    }

    /// The entries at and below `path`, by the rest of the path.
    pub(super) fn below(&self, path: &str) -> Vec<(String, PlacedPath)> {
        let own = |(at, placed): (&String, &PlacedPath)| Some((strip(at, path)?.to_owned(), placed.clone()));
        self.map.range(path.to_owned()..).filter_map(own).collect()
    }
}

/// A file that was copied alone, or by a pattern into the folder `target`.
pub(super) fn copied_alone(what: PathContent, target: Option<&String>, executable: Option<bool>) -> PathContent {
    match what {
        PathContent::Context(source) => {
            let root = source.root.filter(|root| root.pattern.is_some());
            let root = root.zip(target).map(|(root, to)| CopiedFolder { to: to.clone(), ..root });
            PathContent::Context(ContextFile { root, executable: executable.unwrap_or(source.executable), ..source })
        }
        PathContent::Text { text, executable: own } => {
            PathContent::Text { text, executable: executable.unwrap_or(own) }
        }
        other => other,
    }
}

/// A file of a folder that was copied to `target`, where it is at `below`.
pub(super) fn copied_with_folder(
    what: PathContent,
    target: &str,
    below: &str,
    executable: Option<bool>,
) -> PathContent {
    let PathContent::Context(source) = what else { return copied_alone(what, None, executable) };
    let Some(root) = source.root.clone() else { return copied_alone(PathContent::Context(source), None, executable) };
    let executable_root = executable.or(root.executable);
    let to = absolute(target, below);
    // The earlier copied folder may be a part of this copy, or the other way round.
    let in_root = source.path.strip_prefix(&root.from).unwrap_or_default().trim_start_matches('/');
    let kept = to.strip_suffix(&format!("/{in_root}")).filter(|to| !in_root.is_empty() && strip(to, target).is_some());
    let root = if let Some(to) = kept {
        Some(CopiedFolder { to: to.to_owned(), executable: executable_root, ..root })
    } else {
        let from = source.path.strip_suffix(below).filter(|_| !below.is_empty());
        let from = from.filter(|from| from.is_empty() || from.ends_with('/'));
        let from = from.map(|from| from.trim_end_matches('/').to_owned());
        from.map(|from| CopiedFolder { from, to: target.to_owned(), pattern: None, executable: executable_root })
    };
    PathContent::Context(ContextFile { root, executable: executable.unwrap_or(source.executable), ..source })
}
