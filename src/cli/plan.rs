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
    commands::plan::{ImagePlan, PlanRequest, plan},
    report::Failures,
};

#[derive(Debug, Args)]
pub(super) struct PlanArguments {
    /// List every input with its digest: recipe, lock, files, sources, toolchains, and what programs link of this
    /// machine
    #[arg(long)]
    inputs: bool,
    #[command(flatten)]
    common: RecipeArguments,
    #[command(flatten)]
    registry: RegistryArguments,
}

/// Runs `plan`.
pub(super) fn run(arguments: &PlanArguments, terminal: &Terminal) -> Result<(), Failures> {
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
