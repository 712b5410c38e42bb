//! [`WrittenPaths`]: which paths one call of `build` writes, and that none of them is an input or holds another one.

use std::{
    collections::{BTreeMap, BTreeSet},
    fs,
    path::{Path, PathBuf},
};

use super::{jobs::BuildJob, receipts::ReceiptKind, request::BuildRequest};
use crate::{
    build::real_path,
    commands::recipe_lock,
    recipe::WORKSPACE_FILE,
    report::{ErrorName, Failure, folder_of, printable},
};

/// What is written, by real paths, with the paths as they were written.
#[derive(Debug)]
pub(super) struct WrittenPaths(BTreeMap<PathBuf, Vec<(Output, PathBuf)>>);

impl WrittenPaths {
    /// All that `jobs` write.
    pub(super) fn of(jobs: &[BuildJob], request: &BuildRequest) -> Self {
        let mut paths = Self(BTreeMap::new());
        let mut folders = BTreeMap::new();
        for job in jobs {
            paths.add(&mut folders, Output::Image, &job.path);
            for ((kind, _), file) in request.receipts().zip(&job.receipts) {
                paths.add(&mut folders, Output::Receipt(kind), file);
            }
            for file in &job.debug_files {
                paths.add(&mut folders, Output::Symbols, file);
            }
        }
        paths
    }

    /// Every path, absolute, without links above it.
    pub(super) fn into_real_paths(self) -> BTreeSet<PathBuf> {
        self.0.into_keys().collect()
    }

    /// `folders` are those whose real path is known: images mostly go to one.
    fn add(&mut self, folders: &mut BTreeMap<PathBuf, PathBuf>, kind: Output, path: &Path) {
        let real = match (path.parent(), path.file_name()) {
            (Some(parent), Some(name)) => {
                let parent = if parent.as_os_str().is_empty() { Path::new(".") } else { parent };
                folders.entry(parent.to_owned()).or_insert_with(|| real_path(parent)).join(name)
            }
            _ => real_path(path),
        };
        self.0.entry(real).or_default().push((kind, path.to_owned()));
    }

    /// Refuses to write over a recipe, its lock or the policy, and to write one thing into another one.
    ///
    /// # Errors
    /// At the path that is to be written.
    pub(super) fn check(&self, jobs: &[BuildJob], request: &BuildRequest) -> Result<(), Failure> {
        for job in jobs {
            self.check_input("a recipe", &job.recipe.path)?;
            self.check_input("the lock of a recipe", &recipe_lock::place(&job.recipe).path)?;
            for file in &job.recipe.recipe.shared {
                self.check_input("a file that a recipe shares", &job.recipe.folder.join(&file.place))?;
            }
            // A workspace that is not there yet would change the next build.
            let folder = real_path(&job.recipe.folder.join("."));
            for above in folder.ancestors() {
                self.check_input("the workspace of a recipe", &above.join(WORKSPACE_FILE))?;
                if above.join(".git").exists() {
                    break;
                }
            }
        }
        if let Some(policy) = &request.policy {
            self.check_input("the policy", policy)?;
        }
        self.check_links(jobs)?;
        for (real, all) in &self.0 {
            let Some(((kind, path), others)) = all.split_first() else { continue };
            if let Some((other, _)) = others.iter().find(|(other, _)| !kind.may_share(*other)) {
                let what = format!("{} and {} would both be written there", kind.name(), other.name());
                return Err(Failure::error(ErrorName::OutputConflict, what)
                    .in_path(path)
                    .hint("give one of them another path"));
            }
            // Writing into a file fails by itself.
            let image = |above| self.0.get(above)?.iter().find(|(other, _)| *other == Output::Image);
            let around = real.ancestors().skip(1).find_map(image);
            if let Some((other, around)) = around {
                let around = around.to_string_lossy();
                let what = format!("{} would be written into `{}` ({})", kind.name(), printable(&around), other.name());
                return Err(Failure::error(ErrorName::OutputConflict, what).in_path(path).hint("write it beside that"));
            }
        }
        Ok(())
    }

    /// Refuses paths through a link that lies below the current folder or that of a recipe: it may have come with the checkout,
    /// and lead anywhere. One further up is the user's own way to say where.
    fn check_links(&self, jobs: &[BuildJob]) -> Result<(), Failure> {
        let roots: BTreeSet<_> = jobs.iter().map(|job| job.recipe.folder.as_path()).chain([Path::new("")]).collect();
        let roots: Vec<_> = roots.into_iter().map(|root| real_path(&root.join("."))).collect();
        // Everything lies below `/`, and what is there is the user's.
        let roots: Vec<_> = roots.into_iter().filter(|root| root.parent().is_some()).collect();
        let mut seen = BTreeSet::new();
        for (kind, path) in self.0.values().flatten() {
            for above in path.ancestors().skip(1).filter(|above| above.file_name().is_some()) {
                let is_link = || fs::symlink_metadata(above).is_ok_and(|found| found.is_symlink());
                if !seen.insert(above) || !is_link() {
                    continue;
                }
                let folder = real_path(&folder_of(above).join("."));
                if roots.iter().any(|root| folder.starts_with(root)) {
                    let shown = above.to_string_lossy();
                    let what = format!(
                        "{} would be written through the link `{}`, which is not followed",
                        kind.name(),
                        printable(&shown)
                    );
                    return Err(Failure::error(ErrorName::OutputOccupied, what)
                        .in_path(path)
                        .hint("name the folder that it points at, such as by `--output`"));
                }
            }
        }
        Ok(())
    }

    fn check_input(&self, what: &str, input: &Path) -> Result<(), Failure> {
        let Some((kind, path)) = self.0.get(&real_path(input)).and_then(|all| all.first()) else { return Ok(()) };
        let what = format!("{} would be written over {what}", kind.name());
        Err(Failure::error(ErrorName::OutputConflict, what).in_path(path).hint("name another path"))
    }
}

/// What is written to a path.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Output {
    Image,
    /// By its option.
    Receipt(ReceiptKind),
    Symbols,
}

impl Output {
    /// As a sentence calls it.
    fn name(self) -> String {
        match self {
            Self::Image => "the image".to_owned(),
            Self::Receipt(kind) => format!("`{}`", kind.option()),
            Self::Symbols => "`debug-file`".to_owned(),
        }
    }

    /// Whether another check refuses two outputs of this kind at one path, or allows them.
    fn may_share(self, other: Self) -> bool {
        self == other || matches!((self, other), (Self::Receipt(_), Self::Receipt(_)))
    }
}
