//! The values of a recipe's variables, for one platform or for all of them. git is asked only for the `{git...}`
//! variables that a text uses.

use std::{
    collections::{BTreeMap, BTreeSet},
    path::{Path, PathBuf},
    sync::Arc,
};

use super::{compile::Toolchain, git_answers::GitAnswers, host_bound::HostBound, settings::BuildSettings};
use crate::{
    oci::Platform,
    recipe::{BinarySource, Located, Recipe, VariableValues},
    report::{ErrorName, Failure, Progress, Silent, printable},
};

/// The values that do not depend on the platform, and what is needed to ask git.
pub(super) struct VariableResolver<'a> {
    name: String,
    vars: BTreeMap<String, String>,
    settings: &'a BuildSettings,
    folder: PathBuf,
    root: PathBuf,
    /// The paths that this call writes.
    pub(super) written: Arc<BTreeSet<PathBuf>>,
    /// Whether git may be asked. Its values are the letter `x` otherwise.
    pub(super) asks_git: bool,
    git: Arc<GitAnswers>,
}

impl<'a> VariableResolver<'a> {
    pub(super) fn new(recipe: &Recipe, bound: &HostBound, settings: &'a BuildSettings) -> Result<Self, Failure> {
        Ok(Self {
            name: image_name(recipe, &bound.folder)?,
            vars: recipe.vars.clone(),
            settings,
            folder: bound.folder.clone(),
            root: bound.root.clone(),
            written: Arc::default(),
            asks_git: true,
            git: Arc::clone(&bound.git),
        })
    }

    pub(super) fn name(&self) -> &str {
        &self.name
    }

    /// `text` with its variables replaced by their values on `platform`.
    pub(super) fn expand(&self, text: &Located<String>, platform: &Platform) -> Result<String, Failure> {
        self.for_platform(Some(platform), |variables| variables.expand(text))
    }

    /// Calls `use_them` with the variables of a platform, or with those that every platform shares.
    pub(super) fn for_platform<T>(
        &self,
        platform: Option<&Platform>,
        use_them: impl FnOnce(&VariableValues<'_>) -> Result<T, Failure>,
    ) -> Result<T, Failure> {
        let mut words = BTreeMap::from([
            ("name", self.name.clone()),
            ("source-date", self.settings.source_date.seconds().to_string()),
        ]);
        if let Some(platform) = platform {
            words.insert("os", platform.os.to_owned());
            words.insert("arch", platform.architecture.to_owned());
            words.insert("variant", platform.variant.unwrap_or_default().to_owned());
            words.insert("rust-target", platform.rust_target().to_owned());
        }
        let ask = |word| self.settings.git.answer(word, &self.toolchain(), &self.folder);
        let git = |word| if self.asks_git { self.git.get(word, || ask(word)) } else { Ok("x".to_owned()) };
        use_them(&VariableValues { words, vars: self.vars.clone(), git: &git })
    }
}

impl VariableResolver<'_> {
    /// Warns once for each folder of a call where the commit is not all that is built, because something in the checkout was
    /// changed since.
    pub(super) fn warn_of_changes(&self, progress: &dyn Progress) {
        let Some(path) = self.git.changed_path(|| self.toolchain().changed_path(&self.folder).ok().flatten()) else {
            return;
        };
        let what = format!(
            "`{{git.revision}}` is in the reference that is pushed, and the image is not of that commit alone: `{}` is changed or new",
            printable(&path.to_string_lossy())
        );
        progress.warn(
            &Failure::warning(what).hint("commit first, or push as `{git.describe}`, which then ends with `-dirty`"),
        );
    }

    fn toolchain(&self) -> Toolchain<'_> {
        Toolchain {
            blobs: None,
            written: Arc::clone(&self.written),
            // git answers at once, and its answer is all there is.
            ..self.settings.toolchain(&self.root, &Silent)
        }
    }
}

/// The name of the image of a recipe in `folder`: what the recipe says, else its first binary's.
///
/// # Errors
/// Neither says one.
pub fn image_name(recipe: &Recipe, folder: &Path) -> Result<String, Failure> {
    if let Some(name) = &recipe.name {
        return Ok(name.clone());
    }
    let from_binary = recipe.binaries.first().and_then(|binary| match &binary.source {
        _ if binary.to.is_some() => binary.to.as_ref().map(|to| to.value.file_name().to_owned()),
        BinarySource::Cargo(cargo) => Some(cargo.binary.clone().unwrap_or_else(|| cargo.package.value.clone())),
        BinarySource::Go(go) => {
            let dir = go.dir.as_ref().map_or_else(|| folder.to_path_buf(), |dir| folder.join(&dir.value));
            let last = go.package.value.trim_end_matches('/').rsplit('/').next().unwrap_or_default();
            if matches!(last, "" | "." | "..") { module_name(&dir) } else { Some(last.to_owned()) }
        }
        BinarySource::Path(_) => None,
    });
    let good = |name: &String| {
        name.starts_with(|c: char| c.is_ascii_alphanumeric())
            && name.len() <= 128
            && name.chars().all(|c| c.is_ascii_alphanumeric() || matches!(c, '.' | '_' | '-'))
    };
    from_binary.filter(good).ok_or_else(|| {
        // A recipe of `init` may have all its programs as comments.
        let none = "add a `[[binary]]`, after which it is named, or `name = \"...\"` at the top";
        let hint = if recipe.binaries.is_empty() { none } else { "add `name = \"...\"` at the top" };
        Failure::error(ErrorName::RecipeMissing, "the image has no name").at(&recipe.start()).hint(hint)
    })
}

/// The last component of the module in `go.mod`, without a `/v2`.
fn module_name(dir: &Path) -> Option<String> {
    let text = super::pinned::read_small(&dir.join("go.mod"), "go.mod", 1 << 20).ok()?;
    module_in(&String::from_utf8_lossy(&text))
}

/// The path of the module that the text of a `go.mod` declares.
pub(super) fn module_path(text: &str) -> Option<&str> {
    // The path may be quoted, and a comment may follow it (Go Modules Reference, "go.mod files").
    let module = text.lines().find_map(|line| {
        let mut words = line.split_whitespace();
        (words.next() == Some("module")).then(|| words.next()).flatten()
    })?;
    Some(module.trim_matches(['"', '`']))
}

fn module_in(text: &str) -> Option<String> {
    let mut names = module_path(text)?.rsplit('/');
    let last = names.next()?;
    let is_version = last.strip_prefix('v').is_some_and(|rest| rest.parse::<u32>().is_ok());
    Some(printable(if is_version { names.next().unwrap_or(last) } else { last }).into_owned())
}

#[cfg(test)]
#[allow(clippy::unwrap_used)]
mod tests {
    use super::*;

    #[test]
    fn a_module_is_read_as_go_reads_it() {
        let name = |text: &str| module_in(text);
        assert_eq!(name("// module no\nmodule example.com/hello // a comment\n").as_deref(), Some("hello"));
        assert_eq!(name("module \"example.com/hello/v2\"\n").as_deref(), Some("hello"));
        assert_eq!(name("go 1.24\n"), None);
    }

    #[test]
    fn an_image_is_named_after_its_first_binary() {
        let folder = tempfile::tempdir().unwrap();
        std::fs::write(folder.path().join("go.mod"), "// module x\nmodule \"example.com/acme/hello/v2\"\n").unwrap();
        for (binary, expected) in [
            ("go = \".\"", Some("hello")),
            ("go = \"./cmd/server/\"", Some("server")),
            ("go = \".\"\nto = \"/opt/web\"", Some("web")),
            ("go = \".\"\ndir = \"elsewhere\"", None),
            ("cargo = \"tools/lint\"", Some("lint")),
            ("cargo = \"tools\"", Some("tools")),
            ("path = \"x\"\nto = \"/usr/bin/app\"", Some("app")),
            ("path = \"x\"\nto = \"/usr/bin/größe\"", None),
        ] {
            let recipe = crate::recipe::parse("hardpan.toml", &format!("[[binary]]\n{binary}\n")).unwrap();
            assert_eq!(image_name(&recipe, folder.path()).ok().as_deref(), expected, "{binary}");
        }
        let named = crate::recipe::parse("hardpan.toml", "name = \"given\"\n[[binary]]\ngo = \".\"\n").unwrap();
        assert_eq!(image_name(&named, folder.path()).unwrap(), "given");
    }
}
