//! Every path that one call of `build` writes: none of them is an input of any of its images, and none is another one.

use std::{
    collections::{BTreeMap, BTreeSet},
    path::{Path, PathBuf},
    sync::Arc,
};

use super::{
    build::Request,
    locked,
    outline::{Outline, kinds},
    receipt,
};
use crate::{
    build::real_path,
    report::{Failure, printable},
};

/// Where images, receipts and symbols will be.
#[derive(Debug)]
pub(super) struct WrittenPaths {
    /// Absolute, without links above them.
    pub(super) real: Arc<BTreeSet<PathBuf>>,
    /// What they are, by the same paths, and the paths as they were written.
    kinds: BTreeMap<PathBuf, Vec<(Kind, PathBuf)>>,
}

/// What is written to a path.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Kind {
    Image,
    /// By its option.
    Receipt(receipt::Kind),
    Symbols,
}

impl Kind {
    /// As a sentence calls it.
    fn name(self) -> String {
        match self {
            Self::Image => "the image".to_owned(),
            Self::Receipt(kind) => format!("`{}`", kind.option()),
            Self::Symbols => "`debug-file`".to_owned(),
        }
    }

    /// Whether two of one path are told apart, or refused, by what writes them.
    fn may_share(self, other: Self) -> bool {
        self == other || matches!((self, other), (Self::Receipt(_), Self::Receipt(_)))
    }
}

impl WrittenPaths {
    /// All that the images in `outlines` write.
    pub(super) fn of(outlines: &[Outline], request: &Request) -> Self {
        let mut paths = Self { real: Arc::default(), kinds: BTreeMap::new() };
        let mut folders = BTreeMap::new();
        for outline in outlines {
            paths.add(&mut folders, Kind::Image, &outline.path);
            for (kind, file) in kinds(request).zip(&outline.files) {
                paths.add(&mut folders, Kind::Receipt(kind), file);
            }
            for file in &outline.debug_files {
                paths.add(&mut folders, Kind::Symbols, file);
            }
        }
        paths.real = Arc::new(paths.kinds.keys().cloned().collect());
        paths
    }

    /// `folders` are those whose real path is known: images mostly go to one.
    fn add(&mut self, folders: &mut BTreeMap<PathBuf, PathBuf>, kind: Kind, path: &Path) {
        let real = match (path.parent(), path.file_name()) {
            (Some(parent), Some(name)) => {
                let parent = if parent.as_os_str().is_empty() { Path::new(".") } else { parent };
                folders.entry(parent.to_owned()).or_insert_with(|| real_path(parent)).join(name)
            }
            _ => real_path(path),
        };
        self.kinds.entry(real).or_default().push((kind, path.to_owned()));
    }

    /// Refuses to write over a recipe, its lock or the policy, and to write one thing into another one.
    ///
    /// # Errors
    /// At the path that is to be written.
    pub(super) fn check(&self, outlines: &[Outline], request: &Request) -> Result<(), Failure> {
        for outline in outlines {
            self.check_input("a recipe", &outline.one.path)?;
            self.check_input("the lock of a recipe", &locked::beside(&outline.one.path))?;
        }
        if let Some(policy) = &request.policy {
            self.check_input("the policy", policy)?;
        }
        for (real, all) in &self.kinds {
            let Some(((kind, path), others)) = all.split_first() else { continue };
            if let Some((other, _)) = others.iter().find(|(other, _)| !kind.may_share(*other)) {
                let what = format!("{} and {} would both be written there", kind.name(), other.name());
                return Err(Failure::new(what).in_path(path).hint("give one of them another path"));
            }
            // Into a file nothing can be written, which whoever tries says.
            let image = |above| self.kinds.get(above)?.iter().find(|(other, _)| *other == Kind::Image);
            let around = real.ancestors().skip(1).find_map(image);
            if let Some((other, around)) = around {
                let around = around.to_string_lossy();
                let what = format!("{} would be written into `{}` ({})", kind.name(), printable(&around), other.name());
                return Err(Failure::new(what).in_path(path).hint("write it beside that"));
            }
        }
        Ok(())
    }

    fn check_input(&self, what: &str, input: &Path) -> Result<(), Failure> {
        let Some((kind, path)) = self.kinds.get(&real_path(input)).and_then(|all| all.first()) else { return Ok(()) };
        let what = format!("{} would be written over {what}", kind.name());
        Err(Failure::new(what).in_path(path).hint("name another path"))
    }
}
