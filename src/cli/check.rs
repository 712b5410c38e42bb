//! `hardpan check`: its options, its request, and what it prints: errors, or one JSON document with all recipes.

use std::path::PathBuf;

use clap::Args;
use serde_json::json;

use super::{
    caller,
    print::{self, output_failure},
    recipe_arguments::RecipeArguments,
    terminal::Terminal,
};
use crate::{
    commands::{
        check::{self, CheckRequest, CheckedRecipe},
        failure_document::failure_document,
    },
    registry::Access,
    report::{Failures, Progress as _, printable},
};

#[derive(Debug, Args)]
pub(super) struct CheckArguments {
    /// Recipes [default: hardpan.toml, else recipes/*.toml]
    #[arg(value_name = "RECIPE")]
    recipes: Vec<PathBuf>,
    /// Change a variable that the recipe declares in [vars]; repeatable
    #[arg(long, value_name = "NAME=VALUE")]
    set: Vec<String>,
    /// Threads; the output does not depend on it [default: the machine's]
    #[arg(long, value_name = "N")]
    jobs: Option<std::num::NonZeroUsize>,
    /// Refuse a recipe without a lock, too
    #[arg(long)]
    locked: bool,
    /// A policy above the recipe's own: a file with a table [policy]
    #[arg(long, value_name = "FILE")]
    policy: Option<PathBuf>,
    /// Allow inputs outside of the git checkout (without git: of the workspace's folder, else of the recipe's)
    #[arg(long)]
    allow_outside: bool,
    /// Allow downloads by HTTP without TLS, as for `build`
    #[arg(long)]
    plain_http: bool,
    /// Print one JSON document instead of text
    #[arg(long)]
    json: bool,
}

/// Runs `check`.
pub(super) fn run(arguments: &CheckArguments, terminal: &Terminal) -> Result<(), Failures> {
    let mut common = RecipeArguments::of(&arguments.recipes, true, arguments.allow_outside);
    (common.jobs, common.locked) = (arguments.jobs, arguments.locked);
    let access = Access { plain_http: arguments.plain_http, ..Access::default() };
    let request = CheckRequest {
        recipes: arguments.recipes.clone(),
        set: arguments.set.clone(),
        policy: arguments.policy.clone(),
        settings: caller::settings(&common, access)?,
    };
    let checked = check::check(&request, terminal)?;
    for one in checked.iter().filter(|one| !one.unseen.is_empty()) {
        let unseen: Vec<_> = one.unseen.iter().map(|unseen| unseen.name()).collect();
        terminal.detail(&format!("{}: not looked at: {}", printable(&one.recipe.to_string_lossy()), unseen.join(", ")));
    }
    if arguments.json {
        let recipes: Vec<_> = checked.iter().map(document).collect();
        print::document(&json!({ "recipes": recipes })).map_err(output_failure)?;
    }
    let all = checked.len();
    let failures: Vec<_> = checked.into_iter().flat_map(|one| one.failures).collect();
    if !failures.is_empty() {
        return Err(Failures(failures));
    }
    terminal.step(&format!("{all} {} checked", if all == 1 { "recipe" } else { "recipes" }));
    Ok(())
}

/// One recipe as JSON.
fn document(one: &CheckedRecipe) -> serde_json::Value {
    json!({
        "recipe": one.recipe.to_string_lossy(),
        "name": one.name,
        "errors": one.failures.iter().map(failure_document).collect::<Vec<_>>(),
        "unseen": one.unseen.iter().map(|unseen| unseen.name()).collect::<Vec<_>>(),
    })
}
