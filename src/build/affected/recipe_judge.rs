//! Judges a recipe: each input that it names, by the changes of the checkout.

use std::{
    collections::BTreeSet,
    path::{Path, PathBuf},
};

use super::{
    cargo_reach::CargoReach,
    change_index::ChangeIndex,
    go_reach::GoReach,
    reason::{ReasonKind, ReasonList},
    tree_inputs::check_tree,
};
use crate::{
    build::{BuildSettings, HostBounds, base, compile::CheckoutChanges, variable_resolver::VariableResolver},
    oci::Platform,
    recipe::{BinarySource, Certificates, FileSource, Located, Recipe, SharedKind, VariableValues, WORKSPACE_FILE},
    report::{Failure, printable},
};

/// Judges recipes by the changes of one checkout. Several threads may ask at once.
#[derive(Debug)]
pub struct RecipeJudge<'a> {
    index: ChangeIndex,
    settings: &'a BuildSettings,
    policy: Option<&'a Path>,
    bounds: HostBounds,
    go: GoReach,
    cargo: CargoReach,
}

/// A recipe, its image's name, and why that image could differ.
#[derive(Debug)]
pub struct JudgedRecipe {
    /// The name of the image.
    pub name: String,
    /// Empty where nothing could make it differ.
    pub reasons: ReasonList,
}

/// What is needed to name the inputs of one recipe.
struct OpenedRecipe<'a> {
    recipe: &'a Recipe,
    /// Canonical.
    folder: PathBuf,
    variables: VariableResolver<'a>,
}

impl<'a> RecipeJudge<'a> {
    /// A judge by `changes`; `policy` is the caller's policy file.
    pub fn new(changes: CheckoutChanges, settings: &'a BuildSettings, policy: Option<&'a Path>) -> Self {
        let index = ChangeIndex::new(changes, settings.cache.as_deref());
        let (bounds, go, cargo) = (HostBounds::default(), GoReach::default(), CargoReach::default());
        Self { index, settings, policy, bounds, go, cargo }
    }

    /// The changes that it judges by.
    pub const fn changes(&self) -> &CheckoutChanges {
        &self.index.changes
    }

    /// Judges the recipe at `path` for `platforms`, with its `lock`, unless that is known to say the same.
    ///
    /// # Errors
    /// The recipe's folder cannot be opened, or the image has no name.
    pub fn judge(
        &self,
        recipe: &Recipe,
        path: &Path,
        lock: Option<&Path>,
        platforms: &[Platform],
    ) -> Result<JudgedRecipe, Failure> {
        let bound = self.bounds.of(path.parent().unwrap_or(Path::new("")), true)?;
        let variables = VariableResolver::new(recipe, &bound, self.settings)?;
        let name = variables.name().to_owned();
        let mut list = self.judge_texts(path, lock);
        self.check_shared(recipe, &bound.folder, &mut list);
        let has_commit = self.index.changes.has_moved() || !self.index.changes.changed.is_empty();
        if has_commit && recipe.texts().any(|source| may_use_git(&source.text)) {
            list.add(None, ReasonKind::Commit, "the recipe has a variable of git, such as `{git.revision}`");
        }
        let opened = OpenedRecipe { recipe, folder: bound.folder, variables };
        self.check_system(&opened, &mut list);
        for platform in platforms {
            self.check_files(&opened, platform, &mut list);
        }
        self.check_programs(&opened, platforms, &mut list);
        Ok(JudgedRecipe { name, reasons: list })
    }

    /// Judges the texts that the command line names.
    fn judge_texts(&self, path: &Path, lock: Option<&Path>) -> ReasonList {
        let mut list = ReasonList::default();
        self.check_named(path, "the recipe", true, &mut list);
        if let Some(lock) = lock {
            self.check_named(lock, "its lock", false, &mut list);
        }
        if let Some(policy) = self.policy {
            self.check_named(policy, "the policy", true, &mut list);
        }
        list
    }

    /// Judges the files that a recipe in `folder`, which is canonical, takes values from, and the paths at which a workspace
    /// would count for it: the nearest workspace file, and any path between that and the recipe.
    fn check_shared(&self, recipe: &Recipe, folder: &Path, list: &mut ReasonList) {
        for file in recipe.shared.iter().filter(|file| file.kind == SharedKind::Extended) {
            self.index.check_path(&folder.join(&file.place), "a file that the recipe extends", list);
        }
        for above in folder.ancestors().take_while(|above| above.starts_with(self.index.top())) {
            let path = above.join(WORKSPACE_FILE);
            self.index.check_optional(&path, "the workspace of the recipe", list);
            if path.symlink_metadata().is_ok() {
                break;
            }
        }
    }

    /// Judges a file that the command line names. How its folder is reached from outside of the checkout is no input.
    fn check_named(&self, path: &Path, input: &str, must_exist: bool, list: &mut ReasonList) {
        let absolute = std::path::absolute(path).unwrap_or_else(|_| path.to_owned());
        let folder = absolute.parent().and_then(|folder| folder.canonicalize().ok());
        let is_linked = folder.as_deref() != absolute.parent();
        if is_linked && absolute.starts_with(self.index.top()) {
            self.index.follow(&absolute, input, list);
        }
        let real =
            folder.map_or_else(|| absolute.clone(), |folder| folder.join(absolute.file_name().unwrap_or_default()));
        if must_exist {
            self.index.check_path(&real, input, list);
        } else {
            self.index.check_optional(&real, input, list);
        }
    }

    /// Judges the base and the certificates.
    fn check_system(&self, opened: &OpenedRecipe<'_>, list: &mut ReasonList) {
        if let Some(base) = &opened.recipe.base {
            match base::disk_path(base, &opened.folder) {
                Ok(Some(path)) => self.index.check_path(&path, "the base", list),
                Ok(None) => {}
                Err(failure) => list.add(None, ReasonKind::Unknown, format!("the base: {}", failure.what)),
            }
        }
        let system = &opened.recipe.system;
        let own = match &system.certificates {
            Certificates::File(file) => Some(file),
            Certificates::Mozilla | Certificates::None | Certificates::Base => None,
        };
        for file in own.into_iter().chain(&system.extra_certificates) {
            self.index.check_path(&opened.folder.join(&file.value), "certificates", list);
        }
    }

    /// Judges files, trees and prebuilt programs.
    fn check_files(&self, opened: &OpenedRecipe<'_>, platform: &Platform, list: &mut ReasonList) {
        let recipe = opened.recipe;
        let is_meant = |platforms: &Option<Vec<Platform>>| platforms.as_ref().is_none_or(|all| all.contains(platform));
        let files =
            recipe.files.iter().filter(|file| is_meant(&file.platforms)).filter_map(|file| match &file.source {
                FileSource::From(from) => Some((from, "a `[[file]]`")),
                FileSource::Text(_) | FileSource::Url { .. } => None,
            });
        let programs = recipe.binaries.iter().filter(|binary| is_meant(&binary.platforms));
        let programs = programs.filter_map(|binary| match &binary.source {
            BinarySource::Path(path) => Some((path, "a prebuilt program")),
            BinarySource::Go(_) | BinarySource::Cargo(_) => None,
        });
        for (text, input) in files.chain(programs) {
            if let Some(path) = opened.path(text, platform, list) {
                self.index.check_path(&path, &format!("{input}, {}", recipe.line_of(&text.origin)), list);
            }
        }
        for tree in recipe.trees.iter().filter(|tree| is_meant(&tree.platforms)) {
            if let Some(path) = opened.path(&tree.from, platform, list) {
                let input = format!("a `[[tree]]`, {}", recipe.line_of(&tree.from.origin));
                check_tree(&self.index, tree, &path, &input, list);
            }
        }
    }

    /// Judges the sources of programs. Platforms that give the same settings are judged once.
    fn check_programs(&self, opened: &OpenedRecipe<'_>, platforms: &[Platform], list: &mut ReasonList) {
        for binary in &opened.recipe.binaries {
            let mut seen = BTreeSet::new();
            for platform in platforms.iter().filter(|one| binary.platforms.as_ref().is_none_or(|all| all.contains(one)))
            {
                match &binary.source {
                    BinarySource::Path(_) => {}
                    BinarySource::Go(go) => {
                        let mut go = go.clone();
                        let texts =
                            go.flags.iter_mut().chain(&mut go.ldflags).chain(go.env.values_mut()).chain(&mut go.cc);
                        if seen.insert(opened.expand_all(texts, platform, list)) {
                            self.go.check(&self.index, &go, &opened.dir(go.dir.as_ref()), list);
                        }
                    }
                    BinarySource::Cargo(cargo) => {
                        let mut cargo = cargo.clone();
                        let texts = cargo.flags.iter_mut().chain(cargo.env.values_mut());
                        let texts = texts.chain(&mut cargo.linker).chain(&mut cargo.cc);
                        if seen.insert(opened.expand_all(texts, platform, list)) {
                            self.cargo.check(&self.index, &cargo, &opened.dir(cargo.dir.as_ref()), list);
                        }
                    }
                }
            }
        }
    }
}

impl OpenedRecipe<'_> {
    /// The path that a text of the recipe names; none where it depends on git, which is a reason of its own.
    fn path(&self, text: &Located<String>, platform: &Platform, list: &mut ReasonList) -> Option<PathBuf> {
        if text.value.contains("{git.") {
            list.add(
                None,
                ReasonKind::Unknown,
                format!("the path in {} depends on the commit", self.recipe.line_of(&text.origin)),
            );
            return None;
        }
        match self.expand(text, platform) {
            Ok(path) => Some(self.folder.join(path)),
            Err(failure) => {
                list.add(None, ReasonKind::Unknown, failure.what);
                None
            }
        }
    }

    /// Replaces the variables of texts, and gives their values.
    fn expand_all<'t>(
        &self,
        texts: impl IntoIterator<Item = &'t mut Located<String>>,
        platform: &Platform,
        list: &mut ReasonList,
    ) -> Vec<String> {
        let mut values = Vec::new();
        for text in texts {
            match self.expand(text, platform) {
                Ok(value) => text.value = value,
                Err(failure) => list.add(None, ReasonKind::Unknown, failure.what),
            }
            values.push(text.value.clone());
        }
        values
    }

    /// A text with its variables replaced. Git is not asked: what depends on it is judged by the commit alone.
    fn expand(&self, text: &Located<String>, platform: &Platform) -> Result<String, Failure> {
        self.variables.for_platform(Some(platform), |values| {
            let git = |_| Ok("0".to_owned());
            VariableValues { words: values.words.clone(), vars: values.vars.clone(), git: &git }.expand(text)
        })
    }

    /// Where a toolchain runs.
    fn dir(&self, dir: Option<&Located<String>>) -> PathBuf {
        dir.map_or_else(|| self.folder.clone(), |dir| self.folder.join(&dir.value))
    }
}

/// Whether a recipe may have a variable of git in its values. Comments have none, unless a text goes over several lines; an
/// escape may hide a brace.
fn may_use_git(text: &str) -> bool {
    let is_plain = !text.contains("\"\"\"") && !text.contains("'''");
    let mut lines = text.lines().filter(|line| !(is_plain && line.trim_start().starts_with('#')));
    lines.any(|line| line.contains("{git.") || ["\\u", "\\U", "\\x"].iter().any(|escape| line.contains(escape)))
}

/// What is wrong with a recipe that cannot be judged, as a reason.
pub fn unreadable(failure: &Failure) -> String {
    format!("the recipe cannot be read: {}", printable(&failure.what))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn variables_of_git_are_seen_outside_of_comments() {
        for (text, uses) in [
            ("name = \"x\" # {git.tag}\n", true),
            ("# {git.tag}\nname = \"x\"\n", false),
            ("[run.labels]\na = \"{git.describe}\"\n", true),
            ("[run.labels]\na = \"\\u007bgit.describe}\"\n", true),
            ("[run.labels]\na = \"\"\"\n# {git.describe}\"\"\"\n", true),
            ("[run.labels]\na = \"git.describe\"\n", false),
        ] {
            assert_eq!(may_use_git(text), uses, "{text}");
        }
    }
}
