//! `hardpan plan`: its options, its request, and what it prints: every path of every planned image.

use std::io;

use clap::Args;
use serde_json::json;

use super::{
    caller, listing,
    print::{self, output_failure},
    recipe_arguments::RecipeArguments,
    registry::RegistryArguments,
    terminal::Terminal,
};
use crate::{
    commands::{
        plan::{ImagePlan, PlanRequest, plan},
        resolved_recipe::{ResolvedRecipe, resolved},
    },
    report::{ErrorName, Failure, Failures},
};

#[derive(Debug, Args)]
pub(super) struct PlanArguments {
    /// List every input with its digest: recipe, lock, files, sources, toolchains, what compiles read, and what programs link
    /// of this machine
    #[arg(long)]
    inputs: bool,
    /// Print the recipe with all that it takes from other files, and where that stands; nothing is compiled
    #[arg(long = "recipe", conflicts_with_all = ["inputs", "set", "platform"])]
    as_recipe: bool,
    #[command(flatten)]
    common: RecipeArguments,
    #[command(flatten)]
    registry: RegistryArguments,
}

/// Runs `plan`.
pub(super) fn run(arguments: &PlanArguments, terminal: &Terminal) -> Result<(), Failures> {
    if arguments.as_recipe {
        let settings = caller::settings(&arguments.common, arguments.registry.access()?)?;
        let recipes = resolved(&arguments.common.recipes, &settings, terminal)?;
        return print_recipes(&recipes, arguments.common.json);
    }
    let request = PlanRequest {
        recipes: arguments.common.recipes.clone(),
        platforms: arguments.common.platforms()?,
        set: arguments.common.set.clone(),
        inputs: arguments.inputs,
        settings: caller::settings(&arguments.common, arguments.registry.access()?)?,
    };
    let plans = plan(&request, terminal)?;
    print_plans(&plans, arguments.common.json).map_err(output_failure)
}

/// Prints a recipe, or all of them as one document.
fn print_recipes(recipes: &[ResolvedRecipe], as_json: bool) -> Result<(), Failures> {
    if as_json {
        let document = |one: &ResolvedRecipe| json!({ "recipe": one.recipe.to_string_lossy(), "files": one.files, "text": one.text });
        let recipes: Vec<_> = recipes.iter().map(document).collect();
        return print::document(&json!({ "recipes": recipes })).map_err(output_failure);
    }
    let [only] = recipes else {
        let what = format!("`--recipe` prints one recipe, and there are {}", recipes.len());
        return Err(Failure::error(ErrorName::Usage, what).hint("name one of them, or add `--json`").into());
    };
    print::text(&only.text).map_err(output_failure)
}

/// Prints every path of every planned image.
fn print_plans(plans: &[ImagePlan], as_json: bool) -> io::Result<()> {
    if as_json {
        return print::document(&json!({ "plans": plans }));
    }
    let mut out = String::new();
    for plan in plans {
        listing::push_plan(&mut out, plan).map_err(io::Error::other)?;
    }
    print::text(&out)
}
