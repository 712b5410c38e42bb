//! `hardpan affected`: its options, its request, and the forms of its answer: lines, a matrix for pipelines, JSON, or the
//! reasons of one recipe.

use std::path::PathBuf;

use clap::Args;
use serde_json::{Value, json};

use super::{
    caller,
    print::{self, output_failure},
    recipe_arguments::RecipeArguments,
    terminal::Terminal,
};
use crate::{
    build::affected::AffectedReason,
    commands::affected::{self, AffectedRecipe, AffectedRequest, Comparison},
    registry::Access,
    report::{Failures, Progress as _, printable},
};

/// How the answer is printed.
#[derive(Debug, Clone, Copy, PartialEq, Eq, clap::ValueEnum)]
enum AnswerFormat {
    /// The path of each affected recipe
    Lines,
    /// One line of JSON that a matrix of GitHub takes: `{"include":[{"recipe":"...","name":"..."}]}`
    Matrix,
    /// One document: affected and unaffected recipes, reasons, removed recipes
    Json,
}

#[derive(Debug, Args)]
pub(super) struct AffectedArguments {
    /// Recipes [default: hardpan.toml, else recipes/*.toml]
    #[arg(value_name = "RECIPE")]
    recipes: Vec<PathBuf>,
    /// Compare with the merge base of REV and HEAD; A...B: with that of A and B; REV..: with REV itself
    #[arg(long, value_name = "REV")]
    since: String,
    /// Look at this platform instead of the recipes'; repeatable
    #[arg(long = "platform", value_name = "OS/ARCH")]
    platform: Vec<String>,
    /// Change a variable that the recipes declare in [vars], for paths that hold it; repeatable
    #[arg(long, value_name = "NAME=VALUE")]
    set: Vec<String>,
    /// The policy file of the build: a change of it affects all
    #[arg(long, value_name = "FILE")]
    policy: Option<PathBuf>,
    /// Take all recipes where git cannot tell what changed (no checkout, missing commits), instead of failing
    #[arg(long)]
    all_when_unknown: bool,
    /// How to print the answer
    #[arg(long, value_name = "FORMAT", default_value = "lines")]
    format: AnswerFormat,
    /// Print why the image NAME (or the recipe of that path) is affected, instead
    #[arg(long = "explain", value_name = "NAME", conflicts_with = "format")]
    explained: Option<String>,
}

/// Runs `affected`.
pub(super) fn run(arguments: &AffectedArguments, terminal: &Terminal) -> Result<(), Failures> {
    let common = RecipeArguments::of(&arguments.recipes, true, true).for_platforms(&arguments.platform);
    let request = AffectedRequest {
        recipes: arguments.recipes.clone(),
        since: arguments.since.clone(),
        platforms: common.platforms()?,
        set: arguments.set.clone(),
        policy: arguments.policy.clone(),
        all_when_unknown: arguments.all_when_unknown,
        settings: caller::settings(&common, Access { offline: true, ..Access::default() })?,
    };
    let comparison = affected::affected(&request, terminal)?;
    let text = match (&arguments.explained, arguments.format) {
        (Some(name), _) => explanation(&comparison, affected::explained(&comparison, name)?),
        (None, AnswerFormat::Lines) => lines(&comparison),
        (None, AnswerFormat::Matrix) => format!("{}\n", json!({ "include": include(&comparison) })),
        (None, AnswerFormat::Json) => format!("{:#}\n", document(&request, &comparison)),
    };
    if arguments.format != AnswerFormat::Json && arguments.explained.is_none() {
        tell(&comparison, terminal);
    }
    print::text(&text).map_err(output_failure)
}

/// Tells what is no data of this form: how many there are, the reasons, and what is gone.
fn tell(comparison: &Comparison, terminal: &Terminal) {
    for one in comparison.affected() {
        for reason in one.reasons.iter() {
            terminal.detail(&format!("  {}: {reason}", printable(&one.name)));
        }
    }
    for removed in &comparison.removed {
        let name = removed.name.as_deref().map(|name| format!(" (`{}`)", printable(name))).unwrap_or_default();
        let now =
            removed.now.as_ref().map(|now| format!(", its image is of {} now", printable(&now.to_string_lossy())));
        let now = now.unwrap_or_default();
        terminal.step(&format!("removed: {}{name}{now}", printable(&removed.recipe.to_string_lossy())));
    }
    terminal.step(&format!("{} of {} recipes are affected", comparison.affected().count(), comparison.recipes.len()));
}

/// The paths of affected recipes, one a line. A path with a line break is shown with an escape.
fn lines(comparison: &Comparison) -> String {
    let mut text = String::new();
    for one in comparison.affected() {
        text.extend([&*printable(&one.recipe.to_string_lossy()), "\n"]);
    }
    text
}

fn include(comparison: &Comparison) -> Vec<Value> {
    comparison.affected().map(identity).collect()
}

fn identity(one: &AffectedRecipe) -> Value {
    json!({ "recipe": one.recipe.to_string_lossy(), "name": one.name })
}

fn document(request: &AffectedRequest, comparison: &Comparison) -> Value {
    let affected = comparison.affected().map(|one| {
        let reasons: Vec<Value> = one.reasons.iter().map(reason).collect();
        json!({ "recipe": one.recipe.to_string_lossy(), "name": one.name, "reasons": reasons, "more": one.reasons.more })
    });
    let removed = comparison.removed.iter().map(|one| {
        let now = one.now.as_ref().map(|now| now.to_string_lossy());
        json!({ "recipe": one.recipe.to_string_lossy(), "name": one.name, "now": now })
    });
    json!({
        "since": request.since,
        "compared-with": comparison.bases,
        "affected": affected.collect::<Vec<_>>(),
        "unaffected": comparison.unaffected().map(identity).collect::<Vec<_>>(),
        "removed": removed.collect::<Vec<_>>(),
    })
}

fn reason(reason: &AffectedReason) -> Value {
    json!({ "path": reason.path, "change": reason.kind.name(), "input": reason.input })
}

/// The reasons of one recipe, one a line.
fn explanation(comparison: &Comparison, one: &AffectedRecipe) -> String {
    let recipe = one.recipe.to_string_lossy();
    let (name, recipe) = (printable(&one.name), printable(&recipe));
    if one.reasons.is_empty() {
        let bases: Vec<_> = comparison.bases.iter().map(|base| base.get(..12).unwrap_or(base)).collect();
        return format!("{name} ({recipe}) is unaffected: none of its inputs changed since {}\n", bases.join(", "));
    }
    let mut text = format!("{name} ({recipe}) is affected:\n");
    text.extend(one.reasons.iter().map(|reason| format!("  {reason}\n")));
    if one.reasons.more > 0 {
        text.extend([format!("  and {} more\n", one.reasons.more)]);
    }
    text
}
