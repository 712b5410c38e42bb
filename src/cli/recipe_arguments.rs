//! [`RecipeArguments`]: the options of every verb that reads recipes.

use std::path::PathBuf;

use clap::Args;

use crate::{
    build::{HandedGit, HandedValue, PassedVariables},
    oci::Platform,
    report::{ErrorName, Failure, printable},
};

/// The arguments that `build` and `plan` share; other verbs fill in what they have.
#[derive(Debug, Default, Args)]
pub(super) struct RecipeArguments {
    /// Recipes [default: hardpan.toml, else recipes/*.toml]
    #[arg(value_name = "RECIPE")]
    pub(super) recipes: Vec<PathBuf>,
    /// Build for this platform instead of all of the recipe's; repeatable, in the recipe's order
    #[arg(long = "platform", value_name = "OS/ARCH")]
    platform: Vec<String>,
    /// Change a variable that the recipe declares in [vars]; repeatable
    #[arg(long, value_name = "NAME=VALUE")]
    pub(super) set: Vec<String>,
    /// Threads; the output does not depend on it [default: the machine's]
    #[arg(long, value_name = "N")]
    pub(super) jobs: Option<std::num::NonZeroUsize>,
    /// Use no network: dependencies, bases and downloads must be cached already
    #[arg(long)]
    pub(super) offline: bool,
    /// Refuse when the lock beside a recipe is missing or does not fit the recipe and the toolchains
    #[arg(long)]
    pub(super) locked: bool,
    /// Date of the image, in seconds since 1970 [default: SOURCE_DATE_EPOCH, else 0]
    #[arg(long, value_name = "SECONDS")]
    pub(super) source_date: Option<String>,
    /// The commit, for {git.revision}, where the sources are no git checkout
    #[arg(long, value_name = "COMMIT")]
    pub(super) git_revision: Option<String>,
    /// The branch, for {git.branch}, where none is checked out, as in pipelines
    #[arg(long, value_name = "BRANCH")]
    pub(super) git_branch: Option<String>,
    /// Let this variable reach the fetch of dependencies although it looks like a secret; repeatable [env: HARDPAN_FETCH_ENV]
    #[arg(long, value_name = "NAME")]
    pub(super) fetch_env: Vec<String>,
    /// Allow inputs outside of the git checkout (without git: of the workspace's folder, else of the recipe's)
    #[arg(long)]
    pub(super) allow_outside: bool,
    /// Print one JSON document instead of text
    #[arg(long)]
    pub(super) json: bool,
}

impl RecipeArguments {
    /// The arguments of a verb that builds nothing.
    pub(super) fn of(recipes: &[PathBuf], offline: bool, allow_outside: bool) -> Self {
        Self { recipes: recipes.to_vec(), offline, allow_outside, ..Self::default() }
    }

    /// The same, for these platforms.
    pub(super) fn for_platforms(self, platforms: &[String]) -> Self {
        Self { platform: platforms.to_vec(), ..self }
    }

    /// `--git-revision` and `--git-branch`.
    pub(super) fn git(&self) -> Result<HandedGit, Failure> {
        let revision = |text: &str| HandedValue::revision(text, "--git-revision", ErrorName::Usage);
        let branch = |text: &str| HandedValue::branch(text, "--git-branch", ErrorName::Usage);
        Ok(HandedGit {
            revision: self.git_revision.as_deref().map(revision).transpose()?,
            branch: self.git_branch.as_deref().map(branch).transpose()?,
        })
    }

    /// Parses `--fetch-env`.
    pub(super) fn passed(&self) -> Result<PassedVariables, Failure> {
        let is_name = |name: &&String| !name.is_empty() && !name.contains(['=', '\0']);
        // Every verb that fetches has the variable.
        let others = std::env::var("HARDPAN_FETCH_ENV").unwrap_or_default();
        match self.fetch_env.iter().find(|name| !is_name(name)) {
            None => {
                let names = self.fetch_env.iter().map(String::as_str).chain(others.split_whitespace());
                Ok(PassedVariables { fetch: names.map(Into::into).collect(), ..PassedVariables::default() })
            }
            // The text may be a variable with its value.
            Some(_) => Err(Failure::error(ErrorName::Usage, "`--fetch-env` takes the name of a variable alone")
                .hint("such as `--fetch-env GITHUB_TOKEN`; its value is that of the environment")),
        }
    }

    /// Parses `--platform`.
    pub(super) fn platforms(&self) -> Result<Vec<Platform>, Failure> {
        let read = |text: &String| {
            Platform::parse(text).map_err(|error| {
                Failure::error(ErrorName::Usage, format!("`--platform {}`: {error}", printable(text)))
                    .hint(format!("such as `linux/arm64`; architectures are {}", Platform::architectures()))
            })
        };
        self.platform.iter().map(read).collect()
    }
}
